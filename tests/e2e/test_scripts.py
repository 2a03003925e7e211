"""US-P5-07: what the workflows of GitHub Actions run on a cluster runs on this one too."""

import os
import subprocess

import pytest

from tests.e2e.conftest import ROOT
from tests.e2e.people import World


@pytest.mark.timeout(120)
def test_the_story_told_by_kubectl_comes_true(world: World) -> None:
    cluster = world.cluster
    path = f"{cluster.binaries['kubectl'].parent}:{os.environ['PATH']}"

    answer = subprocess.run(
        [ROOT / "scripts" / "story.sh"],
        env={"PATH": path, "KUBECONFIG": str(cluster.kubeconfig_path), "HOME": str(cluster.directory)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == [
        "ok: the schedule has an open task",
        "ok: the completed task has a successor",
        "ok: with the schedule its tasks are gone",
    ]
