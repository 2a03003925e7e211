"""A Git repository of TaskSchedules, brought to the cluster by Argo CD's own sync engine."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import binaries, tools
from localcluster.errors import LocalClusterError
from localcluster.process import environment
from localcluster.progress import silent
from tests.e2e.people import JSON, Person, World, eventually

pytestmark = pytest.mark.timeout(180)

SAMPLES = Path(__file__).parents[2] / "gitops" / "schedules"
TRACKING = "argocd.argoproj.io/tracking-id"


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


@pytest.fixture
def repository(tmp_path: Path, person: Person) -> Repository:
    return Repository(tmp_path, person)


def test_a_commit_creates_changes_and_removes_schedules_and_tasks_follow(
    repository: Repository, person: Person
) -> None:
    created = repository.sync()

    assert len(created) == 2
    assert all(line.startswith("Synced TaskSchedule") for line in created)
    task = person.open_task("standup")
    certificates = person.open_task("rotate-certificates")
    assert task["spec"]["title"] == "Team standup"

    repository.edit("standup", {"task": {"title": "Daily standup", "reminders": [{"before": "PT5M"}]}})
    repository.commit("another title")
    repository.sync()

    eventually(lambda: person.open_task("standup")["spec"]["title"] == "Daily standup")
    assert uid(person.open_task("standup")) == uid(task)

    repository.remove("standup")
    repository.commit("no more standups")
    pruned = repository.sync()

    assert any(line.startswith("Pruned TaskSchedule") for line in pruned)
    eventually(lambda: person.task(task["metadata"]["name"]) is None, what="the Task is collected as garbage")
    assert person.task(certificates["metadata"]["name"]) is not None
    told = {(task["metadata"]["name"], "deleted"), (person.named("standup"), "deleted")}
    eventually(lambda: told <= {(event["object_id"], event["event_type"]) for event in person.audit()})


def test_tasks_are_neither_adopted_nor_pruned_nor_set_back(repository: Repository, person: Person) -> None:
    repository.sync()
    first = person.open_task("standup")
    tracking_id = person.schedule("standup")["metadata"]["annotations"][TRACKING]
    person.apply_task("groceries")
    # What careless copying makes of it.
    annotate(person, person.named("groceries"), tracking_id)
    person.complete(first)
    second = person.open_task("standup", after=first)

    lines = repository.sync()

    assert not any(" Task " in line for line in lines)
    for task in (first, second):
        now = person.task(task["metadata"]["name"])
        assert now is not None
        assert TRACKING not in now["metadata"].get("annotations", {})
    assert [task["spec"]["state"] for task in person.tasks("standup")] == ["Completed", "Open"]
    assert person.task(person.named("groceries")) is not None


def test_what_was_changed_in_the_cluster_is_set_back(repository: Repository, person: Person) -> None:
    repository.sync()
    person.patch("taskschedule", person.named("standup"), {"suspend": True, "task": {"title": "Mine"}})

    repository.sync()

    assert person.schedule("standup")["spec"]["task"]["title"] == "Team standup"


def test_a_bad_schedule_in_git_fails_the_sync_with_the_api_servers_sentence(
    repository: Repository, person: Person
) -> None:
    repository.sync()
    repository.edit("standup", {"timeZone": "Mars/Olympus"})
    repository.commit("a zone that is none")

    with pytest.raises(LocalClusterError, match="unknown time zone Mars/Olympus"):
        repository.sync()

    assert person.schedule("standup")["spec"]["timeZone"] == "Europe/Berlin"


def uid(resource: JSON) -> str:
    return str(resource["metadata"]["uid"])


def annotate(person: Person, task: str, tracking_id: str) -> None:
    world: World = person.world
    world.cluster.kubectl("annotate", "task", task, f"{TRACKING}={tracking_id}")
