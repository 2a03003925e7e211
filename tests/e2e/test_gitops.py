"""Schedules from Git: what a commit does to the cluster, and what it must leave alone."""

import pytest

from localcluster.errors import LocalClusterError
from tests.e2e.people import JSON, Person, World, eventually
from tests.e2e.repository import Repository

pytestmark = pytest.mark.timeout(180)

TRACKING = "argocd.argoproj.io/tracking-id"


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
