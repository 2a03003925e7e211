package workflow

const actorTypePrefix = "dapr.internal."

// OperationType names what kind of workflow actor is called; this build has none.
type OperationType string

const (
	OperationTypeWorkflow OperationType = "workflow"
	OperationTypeActivity OperationType = "activity"
)

// ParseActorType reports that no actor type is a workflow's.
func ParseActorType(string) (OperationType, bool) { return "", false }
