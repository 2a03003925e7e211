// Package inprocess is a stand-in: this build of daprd has no workflow engine.
package inprocess

import "context"

// Executor would run workflows inside daprd; it idles.
type Executor struct{}

// NewExecutor returns an idle Executor.
func NewExecutor() *Executor { return &Executor{} }

// Run blocks until ctx is done, as daprd expects of its runners.
func (*Executor) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
