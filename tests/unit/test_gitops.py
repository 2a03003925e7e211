"""What `gitops/` offers for copying is valid."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from taskbell.naming import GROUP
from taskbell.resources import TaskSchedule

GITOPS = Path(__file__).parents[2] / "gitops"
SAMPLES = sorted((GITOPS / "schedules").glob("*.yaml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_a_schedule(path: Path) -> None:
    manifest = yaml.safe_load(path.read_text())
    metadata = {**manifest["metadata"], "namespace": "default", "uid": "u1", "generation": 1, "resourceVersion": "1"}
    schedule = TaskSchedule.model_validate(
        {**manifest, "metadata": {**metadata, "creationTimestamp": "2026-11-01T00:00:00Z"}}
    )
    assert schedule.metadata.name == path.stem


def test_the_application_may_write_schedules_only_where_the_project_lets_it() -> None:
    documents: dict[str, Any] = {
        each["kind"]: each for each in yaml.safe_load_all((GITOPS / "application.yaml").read_text())
    }
    project, application = documents["AppProject"]["spec"], documents["Application"]["spec"]
    assert documents["AppProject"]["metadata"]["name"] == application["project"]
    assert project["namespaceResourceWhitelist"] == [{"group": GROUP, "kind": TaskSchedule.kind}]
    assert project["clusterResourceWhitelist"] == []
    assert application["destination"] in project["destinations"]
    assert application["source"]["repoURL"] in project["sourceRepos"]
    assert application["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True}
