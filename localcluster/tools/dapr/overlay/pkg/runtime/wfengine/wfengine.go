// Package wfengine is a stand-in: this build of daprd has no workflow engine. It satisfies the interface of the same name
// in Dapr, and refuses everything that would need an engine.
package wfengine

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"github.com/dapr/components-contrib/workflows"
	workflowacl "github.com/dapr/dapr/pkg/acl/workflow"
	"github.com/dapr/dapr/pkg/actors"
	"github.com/dapr/dapr/pkg/actors/targets/workflow/orchestrator"
	mcpserverapi "github.com/dapr/dapr/pkg/apis/mcpserver/v1alpha1"
	"github.com/dapr/dapr/pkg/config"
	runtimev1pb "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"github.com/dapr/dapr/pkg/resiliency"
	"github.com/dapr/dapr/pkg/runtime/compstore"
	"github.com/dapr/dapr/pkg/runtime/processor"
	"github.com/dapr/dapr/pkg/runtime/wfengine/inprocess"
	"github.com/dapr/dapr/pkg/runtime/wfengine/wfregistrar"
	"github.com/dapr/dapr/pkg/security"
	"github.com/dapr/kit/crypto/spiffe/signer"
)

// ReservedWorkflowNamePrefix begins the names that Dapr keeps for itself.
const ReservedWorkflowNamePrefix = "dapr.internal."

var errNoWorkflows = errors.New("this build of daprd has no workflow engine")

// Interface is what daprd's runtime asks of a workflow engine.
type Interface interface {
	wfregistrar.Registrar
	Run(context.Context) error
	RegisterGrpcServer(*grpc.Server)
	Client() workflows.Workflow
	RuntimeMetadata() *runtimev1pb.MetadataWorkflows
	InProcessExecutor() *inprocess.Executor
	ActivityActorType() string
	WorkflowActorType() string
}

// Options are those of Dapr's engine, by the same names; all but the executor are ignored.
type Options struct {
	AppID                           string
	Namespace                       string
	Actors                          actors.Interface
	Spec                            *config.WorkflowSpec
	BackendManager                  processor.WorkflowBackendManager
	Resiliency                      resiliency.Provider
	EventSink                       orchestrator.EventSink
	EnableClusteredDeployment       bool
	WorkflowsRemoteActivityReminder bool
	WorkflowHistorySigning          bool
	ComponentStore                  *compstore.ComponentStore
	Security                        security.Handler
	MaxRequestBodySize              int
	Signer                          *signer.Signer
	InProcessExecutor               *inprocess.Executor
	WorkflowAccessPolicies          *workflowacl.Holder
}

type none struct{ executor *inprocess.Executor }

// New returns an engine that does nothing.
func New(options Options) (Interface, error) { return none{options.InProcessExecutor}, nil }

func (none) EnsureActorsRegistered(context.Context) error { return errNoWorkflows }

func (none) RegisterMCPServer(context.Context, mcpserverapi.MCPServer, *compstore.ComponentStore, security.Handler) error {
	return errNoWorkflows
}

func (none) UnregisterMCPServer(string) {}

func (none) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (none) RegisterGrpcServer(*grpc.Server) {}

func (none) Client() workflows.Workflow { return nil }

func (none) RuntimeMetadata() *runtimev1pb.MetadataWorkflows {
	return &runtimev1pb.MetadataWorkflows{}
}

func (n none) InProcessExecutor() *inprocess.Executor { return n.executor }

func (none) ActivityActorType() string { return "" }

func (none) WorkflowActorType() string { return "" }
