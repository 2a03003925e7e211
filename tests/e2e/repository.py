"""A Git repository of TaskSchedules, brought to the cluster by Argo CD's own sync engine."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from localcluster import binaries, tools
from localcluster.errors import LocalClusterError
from localcluster.process import environment
from localcluster.progress import silent
from tests.e2e.people import Person

SAMPLES = Path(__file__).parents[2] / "gitops" / "schedules"


class Repository:
    """A repository with the samples of `gitops/schedules` in it, made one person's own, and an Application on it."""

    def __init__(self, folder: Path, person: Person) -> None:
        self._origin = folder / "origin"
        self._folder = folder
        self._person = person
        self._syncs = 0
        shutil.copytree(SAMPLES, self._origin / "schedules")
        self._git("init", "--quiet", "--initial-branch=main")
        for path in (self._origin / "schedules").iterdir():
            self.edit(path.stem, {})
        self.commit("the samples")

    def add(self, name: str, spec: Mapping[str, Any]) -> None:
        manifest = {"apiVersion": "taskbell.dev/v1alpha1", "kind": "TaskSchedule", "metadata": {}, "spec": {}}
        self._path(name).write_text(yaml.safe_dump(manifest))
        self.edit(name, spec)

    def edit(self, name: str, spec: Mapping[str, Any]) -> None:
        path = self._path(name)
        manifest = yaml.safe_load(path.read_text())
        manifest["metadata"]["name"] = self._person.named(name)
        manifest["spec"] |= {"userId": self._person.user, **spec}
        path.write_text(yaml.safe_dump(manifest))

    def remove(self, name: str) -> None:
        self._path(name).unlink()

    def commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", f"--message={message}")

    def sync(self) -> list[str]:
        """What Argo CD does after a push: fetch, compare, apply, prune. One line a resource."""
        self._syncs += 1
        clone = self._folder / f"clone-{self._syncs}"
        self._git("clone", "--quiet", "--no-local", str(self._origin), str(clone))
        cluster = self._person.world.cluster
        answer = subprocess.run(
            [
                binaries.ensure(silent, [tools.GITOPS])["gitops-sync"],
                f"--kubeconfig={cluster.kubeconfig_path}",
                "--namespace=default",
                f"--application={self._person.user}",
                f"--folder={clone / 'schedules'}",
                f"--revision={self._git('rev-parse', 'HEAD')}",
            ],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise LocalClusterError(answer.stderr.strip().splitlines()[-1])
        return answer.stdout.splitlines()

    def _path(self, name: str) -> Path:
        return self._origin / "schedules" / f"{name}.yaml"

    def _git(self, *arguments: str) -> str:
        answer = subprocess.run(
            ["git", *arguments], cwd=self._origin, env=environment(), capture_output=True, text=True, check=True
        )
        return answer.stdout.strip()
