"""Deletions of many things at once come to their end, and say why."""

import json
import time

import pytest

from tests.e2e.people import Person, World, becomes, eventually, plain_client

pytestmark = pytest.mark.timeout(120)


def deletions(person: Person) -> set[tuple[str, str]]:
    """Names and reasons, as the audit has them."""
    told = [entry for entry in person.audit() if entry["event_type"] == "deleted"]
    return {(entry["object_id"], entry["event"]["data"]["reason"]) for entry in told}


def test_a_schedule_deleted_in_the_foreground_goes_after_its_tasks(world: World, person: Person) -> None:
    person.apply_schedule("standup")
    first = person.open_task("standup")
    person.complete(first)
    second = person.open_task("standup", after=first)

    world.cluster.kubectl(
        "delete", "taskschedule", person.named("standup"), "--cascade=foreground", "--wait=true", "--timeout=60s"
    )

    assert person.task(second["metadata"]["name"]) is None
    assert person.task(first["metadata"]["name"]) is None
    standup, open_one = person.named("standup"), second["metadata"]["name"]
    eventually(lambda: {(standup, "User"), (open_one, "ScheduleDeleted")} == deletions(person))


def test_a_namespace_ends_while_the_broker_hangs(world: World, person: Person) -> None:
    namespace = person.user
    world.cluster.kubectl("create", "namespace", namespace)
    for kind, name, spec in (
        ("TaskSchedule", "standup", {"start": "2030-01-07T09:00", "recurrence": {"frequency": "Daily"}}),
        ("Task", "milk", {"title": "milk"}),
    ):
        body = {"task": {"title": name}, **spec} if kind == "TaskSchedule" else spec
        manifest = {
            "apiVersion": "taskbell.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"userId": person.user, **body},
        }
        world.cluster.kubectl("apply", "--filename", "-", stdin=json.dumps(manifest))
    with plain_client(world, "task-events") as tasks, plain_client(world, "schedule-events") as schedules:
        becomes(lambda: (len(tasks(person.user)), len(schedules(person.user))), (2, 1))
    untold = world.metric("operator", "taskbell_unpublished_deletions_total")

    with world.paused(world.broker):
        begun = time.monotonic()
        world.cluster.kubectl("delete", "namespace", namespace, "--wait=true", "--timeout=90s")
        assert time.monotonic() - begun < 60

    assert world.metric("operator", "taskbell_unpublished_deletions_total") == untold + 3


def test_what_was_made_through_the_api_and_deleted_before_the_operator_saw_it_is_told(
    world: World, person: Person
) -> None:
    with world.stopped("operator"):
        answer = person.api.post("/tasks", json={"title": "Water the plants"})
        assert answer.status_code == 201
        name = answer.json()["id"]
        person.delete("task", name)
        assert [task["id"] for task in person.items("/tasks")] == [name]

    eventually(lambda: not person.items("/tasks"))
    assert [entry["event_type"] for entry in person.audit()] == ["created", "deleted"]
