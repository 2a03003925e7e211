"""The whole installation on a kind cluster (`scripts/e2e-kind.sh`): the same scripts as in every other cluster."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pytest_kind", reason="needs Docker and the dependency group kind: scripts/e2e-kind.sh")

ROOT = Path(__file__).parents[2]
IMAGES = ("operator", "api", "consumers")
VALUES = (
    *("--values", "charts/taskbell/values-kind.yaml", "--set-string"),
    "database.url=postgresql://postgres:throw-away@postgres.postgres.svc/postgres",
)
"""PostgreSQL is the one of `scripts/kind/postgres.yaml`."""


def script(kubeconfig: Path, name: str, *arguments: str) -> None:
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig.absolute())}
    subprocess.run([ROOT / "scripts" / name, *arguments], env=environment, cwd=ROOT, check=True)


@pytest.fixture(scope="session")
def kubeconfig(kind_cluster: Any) -> Path:
    """Of a cluster on which Taskbell is installed and has passed `helm test`."""
    for image in IMAGES:
        kind_cluster.load_docker_image(f"taskbell-{image}:e2e")
    path: Path = kind_cluster.kubeconfig_path
    script(path, "prepare.sh", "--with-servers")
    script(path, "deploy.sh", "taskbell", "e2e", *VALUES)
    return path


def test_the_main_job_is_done_by_kubectl(kubeconfig: Path) -> None:
    script(kubeconfig, "story.sh")


def test_an_upgrade_to_the_same_version_changes_nothing_for_the_story(kubeconfig: Path) -> None:
    script(kubeconfig, "deploy.sh", "taskbell", "e2e", *VALUES)
    script(kubeconfig, "story.sh")
