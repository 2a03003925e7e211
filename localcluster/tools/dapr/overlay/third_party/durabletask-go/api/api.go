// Package api holds what daprd names of the workflow engine's module, which this build leaves out.
package api

import "errors"

// ErrInstanceNotFound is never returned: this build has no workflow instances.
var ErrInstanceNotFound = errors.New("no such instance exists")
