// Package backend holds what daprd names of the workflow engine's module, which this build leaves out.
package backend

// Backend stores workflow instances; this build has none.
type Backend interface{}

// WorkflowMetadata describes a workflow instance; this build has none.
type WorkflowMetadata struct{}
