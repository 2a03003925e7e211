"""US-P5-01: recurring tasks."""

from datetime import datetime, timedelta

import pytest

from tests.e2e.people import JSON, Person, World, eventually, instant, now


def due(task: JSON) -> datetime:
    return datetime.fromisoformat(task["spec"]["dueAt"])


def test_team_standup_completed_the_next_days_exists_and_the_old_one_is_done(world: World, person: Person) -> None:
    advances = world.metric("recurring", "taskbell_recurring_advances_total", result="advanced")
    fallbacks = world.metric("operator", "taskbell_fallback_advances_total")
    person.apply_schedule("standup", title="Team standup")
    first = person.open_task("standup")

    person.complete(first)

    second = person.open_task("standup", after=first, within=10)
    assert second["spec"]["title"] == "Team standup"
    assert due(second) - due(first) == timedelta(days=1)
    old = person.tasks("standup")[0]
    assert old["status"]["phase"] == "Completed"
    assert world.metric("recurring", "taskbell_recurring_advances_total", result="advanced") == advances + 1
    assert world.metric("operator", "taskbell_fallback_advances_total") == fallbacks


@pytest.mark.timeout(90)
def test_without_the_recurring_service_the_operator_advances_after_its_grace(world: World, person: Person) -> None:
    fallbacks = world.metric("operator", "taskbell_fallback_advances_total")
    person.apply_schedule("standup")
    first = person.open_task("standup")

    with world.stopped("recurring"):
        completed_at = now()
        person.complete(first)
        person.open_task("standup", after=first, within=30)
        waited = now() - completed_at

    assert waited > timedelta(seconds=14)
    assert world.metric("operator", "taskbell_fallback_advances_total") == fallbacks + 1
    # The event the consumer finds when it is back moves nothing any more.
    eventually(lambda: world.metric("recurring", "taskbell_recurring_advances_total", result="passed") >= 1, 60)
    assert [task["spec"]["occurrence"]["sequence"] for task in person.tasks("standup")] == [1, 2]


def test_a_deleted_open_occurrence_is_skipped(person: Person) -> None:
    person.apply_schedule("standup")
    first = person.open_task("standup")

    person.delete("task", first["metadata"]["name"])

    second = person.open_task("standup", after=first)
    assert second["spec"]["occurrence"]["sequence"] == 2
    assert person.schedule("standup")["status"]["cursor"]["sequence"] == 2


def test_all_future_occurrences_are_cancelled_and_brought_back(person: Person) -> None:
    person.apply_schedule("standup")
    first = person.open_task("standup")

    person.patch("taskschedule", person.named("standup"), {"endsAt": instant(now())})

    eventually(lambda: person.tasks("standup") == [])
    status = eventually(lambda: _complete(person.schedule("standup")))
    assert status["reason"] == "Cancelled"

    person.patch("taskschedule", person.named("standup"), {"endsAt": None})

    again = person.open_task("standup")
    assert due(again) == due(first)
    eventually(lambda: _complete(person.schedule("standup")) is None)


def test_completing_the_task_after_a_cancellation_brings_no_further_one(person: Person) -> None:
    person.apply_schedule("standup")
    first = person.open_task("standup")
    person.patch("task", first["metadata"]["name"], {"priority": "High"})  # a person's own: it stays

    person.patch("taskschedule", person.named("standup"), {"endsAt": instant(now())})
    person.complete(person.open_task("standup"))

    condition = eventually(lambda: _complete(person.schedule("standup")))
    assert condition["reason"] == "Cancelled"
    assert [task["spec"]["state"] for task in person.tasks("standup")] == ["Completed"]


def test_completing_taken_back_takes_the_untouched_next_one_back(person: Person) -> None:
    person.apply_schedule("standup")
    first = person.open_task("standup")
    person.complete(first)
    person.open_task("standup", after=first)

    person.patch("task", first["metadata"]["name"], {"state": "Open"})

    eventually(lambda: [task["metadata"]["uid"] for task in person.tasks("standup")] == [first["metadata"]["uid"]])
    assert person.schedule("standup")["status"]["cursor"]["sequence"] == 1


def test_deleting_the_schedule_leaves_nothing(person: Person) -> None:
    person.apply_schedule("standup")
    name = person.open_task("standup")["metadata"]["name"]

    person.delete("taskschedule", person.named("standup"))

    eventually(lambda: person.task(name) is None)


def test_only_so_many_closed_tasks_are_kept(person: Person) -> None:
    person.apply_schedule("standup", historyLimit=1)
    task = person.open_task("standup")
    for _ in range(3):
        person.complete(task)
        task = person.open_task("standup", after=task)

    eventually(lambda: [each["spec"]["occurrence"]["sequence"] for each in person.tasks("standup")] == [3, 4])


def _complete(schedule: JSON) -> JSON | None:
    return next((each for each in schedule["status"]["conditions"] if each["type"] == "Complete"), None)
