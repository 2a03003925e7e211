"""What an engineer does with kubectl alone: waits for a condition, reads the story of an object, meets a newer one."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from localcluster.errors import LocalClusterError
from tests.e2e.people import JSON, Person, World, eventually, instant, now

pytestmark = pytest.mark.timeout(120)


def described(world: World, kind: str, name: str) -> str:
    return world.cluster.kubectl("describe", kind, name)


def test_kubectl_waits_for_a_schedule_to_be_ready(world: World, person: Person) -> None:
    person.apply_schedule("standup")

    answer = world.cluster.kubectl(
        "wait", "--for=condition=Ready", f"taskschedule/{person.named('standup')}", "--timeout=20s"
    )

    assert "condition met" in answer


def test_kubectl_waits_for_a_task_to_be_complete(world: World, person: Person) -> None:
    person.apply_schedule("standup")
    task = person.open_task("standup")
    person.complete(task)

    name = task["metadata"]["name"]
    assert "condition met" in world.cluster.kubectl("wait", "--for=condition=Complete", f"task/{name}", "--timeout=20s")


def test_kubectl_describe_tells_the_story_of_a_series(world: World, person: Person) -> None:
    person.apply_schedule("standup")
    first = person.open_task("standup")
    person.complete(first)
    second = person.open_task("standup", after=first)
    person.patch("taskschedule", person.named("standup"), {"endsAt": instant(now())})

    def story() -> list[str]:
        lines = described(world, "taskschedule", person.named("standup")).partition("Events:")[2].splitlines()
        return [line.split()[1] for line in lines if line.split()[:1] in (["Normal"], ["Warning"])]

    eventually(lambda: {"TaskCreated", "OccurrenceCancelled", "Cancelled"} <= set(story()))
    assert story().count("TaskCreated") == 2, story()
    text = described(world, "taskschedule", person.named("standup"))
    assert f"created task {second['metadata']['name']}, due" in text
    assert "taskbell.dev/operator" in text, "who says so"
    eventually(lambda: "the task was completed" in described(world, "task", first["metadata"]["name"]))


def test_kubectl_describe_says_that_a_task_has_reminded_and_was_reopened(world: World, person: Person) -> None:
    remind_at = now() + timedelta(seconds=2)
    person.apply_task("report", reminders=[{"at": instant(remind_at)}])
    eventually(lambda: "was sent" in described(world, "task", person.named("report")))
    for state in ("Completed", "Open"):
        person.patch("task", person.named("report"), {"state": state})
        eventually(partial(is_in, person, person.named("report"), state))

    eventually(lambda: "the task is open again" in described(world, "task", person.named("report")))


def test_a_schedule_that_cannot_be_says_why_as_a_warning(world: World, person: Person) -> None:
    person.apply_schedule("never", recurrence={"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"})

    stalled = eventually(lambda: condition(person.schedule("never"), "Stalled"))
    text = eventually(lambda: seen(described(world, "taskschedule", person.named("never")), "Warning"))
    assert stalled["reason"] in text
    assert stalled["message"] in text


def test_what_happens_again_and_again_is_one_line_with_a_count(world: World, person: Person) -> None:
    person.apply_task("report")
    name = person.named("report")
    for state in ("Completed", "Open", "Completed", "Open"):
        person.patch("task", name, {"state": state})
        eventually(partial(is_in, person, name, state))

    def counts() -> dict[str, int]:
        query = ("get", "events.events.k8s.io", f"--field-selector=regarding.name={name}", "--output=json")
        items = json.loads(world.cluster.kubectl(*query))["items"]
        return {item["reason"]: item.get("series", {}).get("count", 1) for item in items}

    eventually(lambda: counts() == {"Completed": 2, "Reopened": 2}, 60)


@pytest.fixture
def newer_definition(world: World) -> Iterator[None]:
    """The API server knows a field that this version does not."""
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/fieldOfNextYear"
    patch_definition(world, {"op": "add", "path": path, "value": {"type": "string"}})
    yield
    patch_definition(world, {"op": "remove", "path": path})


def test_a_task_of_a_newer_version_is_stalled_and_left_alone_until_it_can_be_read(
    world: World, person: Person, newer_definition: None
) -> None:
    del newer_definition
    person.apply_schedule("standup")
    task = person.open_task("standup")
    name = task["metadata"]["name"]
    eventually(lambda: (person.task(name) or {})["status"].get("published"))

    # As after a rollback; a watch from before a definition was changed goes on without the new fields for a while.
    with world.stopped("operator"):
        eventually(lambda: patched(person, name, {"fieldOfNextYear": "x"}), what="the definition has taken hold")

    stalled = eventually(lambda: condition(person.task(name) or {}, "Stalled"))
    assert stalled["reason"] == "NewerThanOperator"
    assert "fieldOfNextYear" in stalled["message"]
    of_schedule = eventually(lambda: condition(person.schedule("standup"), "Stalled"))
    assert of_schedule["reason"] == "NewerThanOperator"
    assert (person.task(name) or {})["status"]["published"], "nothing else was written"

    person.patch("task", name, {"fieldOfNextYear": None, "state": "Completed"})

    second = person.open_task("standup", after=task)
    assert second["spec"]["occurrence"]["sequence"] == 2
    eventually(lambda: condition(person.schedule("standup"), "Stalled") is None)


def patch_definition(world: World, operation: JSON) -> None:
    world.cluster.kubectl("patch", "crd", "tasks.taskbell.dev", "--type=json", "--patch", json.dumps([operation]))


def patched(person: Person, name: str, spec: JSON) -> bool:
    try:
        person.patch("task", name, spec)
    except LocalClusterError:
        return False
    return all(field in (person.task(name) or {})["spec"] for field in spec)


def condition(of: JSON, type_: str) -> JSON | None:
    return next((each for each in of.get("status", {}).get("conditions", ()) if each["type"] == type_), None)


def is_in(person: Person, name: str, phase: str) -> bool:
    return bool((person.task(name) or {}).get("status", {}).get("phase") == phase)


def seen(text: str, word: str) -> str | None:
    return text if word in text else None
