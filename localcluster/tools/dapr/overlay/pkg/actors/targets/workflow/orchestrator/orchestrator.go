// Package orchestrator is a stand-in: this build of daprd has no workflow engine.
package orchestrator

// EventSink would receive workflow events.
type EventSink func(any)
