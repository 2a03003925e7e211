"""The table of tools says the same as their lock files."""

import pytest

from localcluster import tools


@pytest.mark.parametrize(
    ("tool", "file", "line"),
    [
        pytest.param(tools.ETCD, "go.mod", "require go.etcd.io/etcd/server/v3 v{}", id="etcd"),
        pytest.param(tools.KUBERNETES, "go.mod", "require k8s.io/kubernetes v{}", id="kubernetes"),
        pytest.param(tools.HELM, "go.mod", "require helm.sh/helm/v4 v{}", id="helm"),
        pytest.param(tools.KUBERNETES_NODE, "go.mod", "require k8s.io/kubernetes v{}", id="kubernetes-node"),
        pytest.param(tools.CNI, "go.mod", "require github.com/containernetworking/plugins v{}", id="network plugins"),
        pytest.param(tools.COREDNS, "go.mod", "require github.com/coredns/coredns v{}", id="coredns"),
        pytest.param(tools.ACTIONLINT, "go.mod", "require github.com/rhysd/actionlint v{}", id="actionlint"),
        pytest.param(tools.GITOPS, "go.mod", "github.com/argoproj/gitops-engine v{}", id="gitops"),
        pytest.param(tools.KAFKA, "pom.xml", "<kafka.version>{}</kafka.version>", id="kafka"),
    ],
)
def test_the_pinned_version_is_the_locked_one(tool: tools.Tool, file: str, line: str) -> None:
    lines = (tool.lock_directory / file).read_text().splitlines()
    assert line.format(tool.version) in [text.strip() for text in lines]


@pytest.mark.parametrize(
    "tool", [tool for tool in (*tools.ALL, *tools.NODE) if isinstance(tool, tools.GoTool)], ids=lambda tool: tool.name
)
def test_a_stamped_version_is_the_pinned_one(tool: tools.GoTool) -> None:
    stamped = [stamp.rpartition("=")[2] for stamp in tool.stamps if "ersion=" in stamp]
    assert {version.removeprefix("v") for version in stamped} <= {tool.version}
