import pytest

from taskbell.gitops import manager
from taskbell.lifecycle.testing import metadata

MARKED = [
    pytest.param({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD", id="tracked by annotation"),
    pytest.param({"labels": {"argocd.argoproj.io/instance": "x"}}, "Argo CD", id="tracked by label"),
    pytest.param({"labels": {"kustomize.toolkit.fluxcd.io/name": "x"}}, "Flux", id="a Kustomization"),
    pytest.param({"labels": {"helm.toolkit.fluxcd.io/name": "x"}}, "Flux", id="a HelmRelease"),
    pytest.param({"annotations": {"meta.helm.sh/release-name": "x"}}, "Helm", id="a release"),
    pytest.param({"labels": {"app.kubernetes.io/managed-by": "me"}}, None, id="nobody"),
]


@pytest.mark.parametrize(("marks", "tool"), MARKED)
def test_who_manages_an_object(marks: dict[str, dict[str, str]], tool: str | None) -> None:
    assert manager(metadata("standup", "uid", **marks)) == tool
