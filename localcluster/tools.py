"""Which executables a local cluster needs, in which version, and how each is built. Data only; `binaries` acts on it.

Every tool has a folder under `tools/` with the files that lock what it is built from: `go.mod` and `go.sum`, or
`pom.xml`. One module for each tool, because in one module their dependencies would lift each other. To raise a
version: edit it here and in the lock file, let Go complete the sums once with `-mod=mod`, commit. Never `go mod tidy`
there: these modules have no source, so it would remove everything.
"""

from dataclasses import dataclass
from pathlib import Path

TOOLS_DIRECTORY = Path(__file__).parent / "tools"


@dataclass(frozen=True, slots=True)
class Binary:
    """An executable, the Go package it is built from, and the arguments that make it print its version."""

    name: str
    package: str
    version_arguments: tuple[str, ...] = ("--version",)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the tool's source tree that is kept beside its executables, under `name`."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class PrunedSource:
    """A module built from a copy of its own source tree, with files removed and the tool's `overlay/` laid over it.

    `checksum` is the module's h1 sum as `go.sum` would hold it. `removed` are glob patterns; of the folder `thinned`
    only the files named in `kept` stay."""

    module: str
    checksum: str
    removed: tuple[str, ...]
    thinned: str
    kept: frozenset[str]


@dataclass(frozen=True, slots=True)
class GoTool:
    """Built with `go build`. `stamps` are the linker's -X values; the time is for two cores and empty caches, with the
    download."""

    name: str
    version: str
    binaries: tuple[Binary, ...]
    usual_minutes: float
    stamps: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    source: PrunedSource | None = None
    locked_with: str = ""
    """The tool whose folder locks this one too; by default its own."""
    folders: tuple[Folder, ...] = ()

    @property
    def lock_directory(self) -> Path:
        return TOOLS_DIRECTORY / (self.locked_with or self.name)


@dataclass(frozen=True, slots=True)
class JavaTool:
    """Jars that Maven copies into one folder; `main_jar` stands for all of them."""

    name: str
    version: str
    main_jar: str
    usual_minutes: float

    @property
    def lock_directory(self) -> Path:
        return TOOLS_DIRECTORY / self.name


Tool = GoTool | JavaTool


def _kubernetes_stamps(version: str) -> tuple[str, ...]:
    major, minor, _ = version.split(".")
    stamp = {
        "gitVersion": f"v{version}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "0" * 40,
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple(f"{package}.{name}={value}" for package in packages for name, value in stamp.items())


ETCD = GoTool(
    name="etcd",
    version="3.7.3",
    binaries=(Binary("etcd", "go.etcd.io/etcd/server/v3"),),
    usual_minutes=0.7,
)

KUBERNETES = GoTool(
    name="kubernetes",
    version="1.36.3",
    binaries=(
        Binary("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        Binary("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
        Binary("kubectl", "k8s.io/kubernetes/cmd/kubectl", ("version", "--client")),
    ),
    usual_minutes=6,
    stamps=_kubernetes_stamps("1.36.3"),
)

_DAPR_SOURCE = PrunedSource(
    module="github.com/dapr/dapr",
    checksum="h1:iVTqJHRfJlUfiSyhJH4c1mJZ+4PH3cf/QwJcAJL2ROo=",
    # The workflow engine goes, because its module github.com/dapr/durabletask-go is not on every Go module proxy.
    # What the rest of daprd names of it stands in the overlay.
    removed=(
        "**/*_test.go",
        "docs",
        "tests",
        "pkg/acl/workflow/extract.go",
        "pkg/actors/targets/workflow",
        "pkg/runtime/wfengine/*.go",
        "pkg/runtime/wfengine/backends",
        "pkg/runtime/wfengine/inprocess",
        "pkg/runtime/wfengine/state",
        "pkg/runtime/wfengine/todo",
    ),
    # Only the components this project uses: all of them take half an hour to build.
    thinned="cmd/daprd/components",
    kept=frozenset(
        {
            "nameresolution_kubernetes.go",
            "nameresolution_mdns.go",
            "nameresolution_nameformat.go",
            "pubsub_in-memory.go",
            "pubsub_kafka.go",
            "pubsub_redis.go",
            "secretstores_kubernetes.go",
            "secretstores_local_env.go",
            "secretstores_local_file.go",
            "state_in-memory.go",
            "state_postgres.go",
            "state_redis.go",
        }
    ),
)

DAPR = GoTool(
    name="dapr",
    version="1.18.3",
    binaries=(Binary("daprd", "./cmd/daprd"), Binary("scheduler", "./cmd/scheduler")),
    usual_minutes=4,
    stamps=("github.com/dapr/dapr/pkg/buildinfo.version=1.18.3",),
    # Every component has this tag; which ones there are is decided below.
    tags=("allcomponents",),
    source=_DAPR_SOURCE,
)

HELM = GoTool(
    name="helm",
    version="4.3.1",
    binaries=(Binary("helm", "helm.sh/helm/v4/cmd/helm", ("version", "--short")),),
    usual_minutes=2,
    stamps=("helm.sh/helm/v4/internal/version.version=v4.3.1",),
)

KAFKA = JavaTool(name="kafka", version="4.3.1", main_jar="kafka_2.13-4.3.1.jar", usual_minutes=0.3)

KUBERNETES_NODE = GoTool(
    name="kubernetes-node",
    version=KUBERNETES.version,
    binaries=(
        Binary("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
        Binary("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
        Binary("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    ),
    usual_minutes=3,
    stamps=_kubernetes_stamps(KUBERNETES.version),
)

CNI = GoTool(
    name="cni",
    version="1.9.1",
    binaries=tuple(
        Binary(plugin, f"github.com/containernetworking/plugins/plugins/{folder}/{plugin}")
        for folder, plugin in (("main", "bridge"), ("main", "loopback"), ("ipam", "host-local"), ("meta", "portmap"))
    ),
    usual_minutes=0.5,
)

COREDNS = GoTool(
    name="coredns",
    version="1.15.0",
    # Its own main program: the stock one brings the software kits of three clouds.
    binaries=(Binary("coredns", "."),),
    usual_minutes=1.5,
)

PAUSE = GoTool(name="pause", version="1.0.0", binaries=(Binary("pause", "."),), usual_minutes=0.1)

DAPR_CLUSTER = GoTool(
    name="dapr-cluster",
    version=DAPR.version,
    binaries=tuple(Binary(service, f"./cmd/{service}") for service in ("operator", "injector", "sentry", "placement")),
    usual_minutes=2,
    stamps=(*DAPR.stamps, f"github.com/dapr/kit/logger.DaprVersion={DAPR.version}"),
    source=_DAPR_SOURCE,
    locked_with="dapr",
    folders=(Folder("dapr-chart", "charts/dapr"),),
)

NODE: tuple[Tool, ...] = (KUBERNETES_NODE, CNI, COREDNS, PAUSE, DAPR_CLUSTER)
"""What a node with pods needs besides `ALL`."""

ACTIONLINT = GoTool(
    name="actionlint",
    version="1.7.12",
    binaries=(Binary("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", ("-version",)),),
    usual_minutes=0.3,
    stamps=("github.com/rhysd/actionlint.version=1.7.12",),
)

GITOPS = GoTool(
    name="gitops",
    version="0.7.1-0.20250908182407-97ad5b59a627",
    # The sync engine of Argo CD, with a main program of our own around it (tools/gitops/main.go says how much).
    binaries=(Binary("gitops-sync", "."),),
    usual_minutes=1.5,
)

ALL: tuple[Tool, ...] = (ETCD, KUBERNETES, DAPR, KAFKA, HELM, ACTIONLINT, GITOPS)
