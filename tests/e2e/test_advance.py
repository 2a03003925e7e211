"""The ways a schedule goes on: from the completion, or by the calendar alone; and what overrides change."""

from datetime import datetime, timedelta

import pytest

from tests.e2e.people import JSON, Person, eventually, instant, now, tomorrow_at_nine

pytestmark = pytest.mark.timeout(150)

A_DAY = timedelta(days=1)
THREE_DAYS, FOUR_DAYS = ({"frequency": "Daily", "count": count} for count in (3, 4))


def due(task: JSON) -> datetime:
    return datetime.fromisoformat(task["spec"]["dueAt"])


def days_of(person: Person, schedule: str, state: str = "Open") -> list[int]:
    """On which days from tomorrow on its tasks in that state are due; tomorrow is 0."""
    first = datetime.fromisoformat(f"{tomorrow_at_nine()}:00+00:00")
    return [(due(task) - first).days for task in person.tasks(schedule) if task["spec"]["state"] == state]


def day(number: int) -> str:
    """The local time nine o'clock so many days after tomorrow."""
    return (datetime.fromisoformat(tomorrow_at_nine()) + number * A_DAY).isoformat(timespec="minutes")


def condition(person: Person, schedule: str, kind: str) -> str | None:
    conditions = person.schedule(schedule).get("status", {}).get("conditions", [])
    return next((each["reason"] for each in conditions if each["type"] == kind and each["status"] == "True"), None)


def test_after_completion_the_interval_counts_from_when_it_was_closed(person: Person) -> None:
    person.apply_schedule("filter", advance="AfterCompletion", recurrence={"frequency": "Daily", "interval": 3})
    first = person.open_task("filter")
    closed_on = now().date()

    person.complete(first)

    second = person.open_task("filter", after=first)
    assert due(second).date() - closed_on == 3 * A_DAY
    assert due(second).time() == due(first).time()
    assert person.schedule("filter")["status"]["summary"] == "Every 3 days after completion at 09:00, Etc/UTC"


def test_on_schedule_tasks_appear_in_time_whatever_became_of_those_before(person: Person) -> None:
    person.apply_schedule("walk", advance="OnSchedule", leadTime="P5D", recurrence=FOUR_DAYS, openLimit=2)
    eventually(lambda: days_of(person, "walk") == [0, 1])
    assert eventually(lambda: condition(person, "walk", "Blocked")) == "OpenLimit"

    person.complete(person.tasks("walk")[0])

    eventually(lambda: days_of(person, "walk") == [1, 2])
    assert days_of(person, "walk", "Completed") == [0]
    person.delete("task", person.tasks("walk")[-1]["metadata"]["name"])
    eventually(lambda: days_of(person, "walk") == [1, 3], what="what is deleted is skipped, and leaves room")


def test_on_schedule_all_future_occurrences_are_cancelled_and_brought_back(person: Person) -> None:
    person.apply_schedule("walk", advance="OnSchedule", leadTime="P5D", recurrence=THREE_DAYS)
    eventually(lambda: days_of(person, "walk") == [0, 1, 2])

    person.patch("taskschedule", person.named("walk"), {"endsAt": f"{day(0)}:00Z"})

    eventually(lambda: days_of(person, "walk") == [0])
    person.patch("taskschedule", person.named("walk"), {"endsAt": None})
    eventually(lambda: days_of(person, "walk") == [0, 1, 2])
    sequences = [task["spec"]["occurrence"]["sequence"] for task in person.tasks("walk")]
    assert sequences == sorted(set(sequences))


def test_on_schedule_an_edit_moves_what_lies_ahead_and_leaves_what_a_person_changed(person: Person) -> None:
    person.apply_schedule("walk", advance="OnSchedule", leadTime="P5D", recurrence=THREE_DAYS)
    eventually(lambda: days_of(person, "walk") == [0, 1, 2])
    person.patch("task", person.tasks("walk")[1]["metadata"]["name"], {"title": "With the neighbours' dog"})

    person.patch("taskschedule", person.named("walk"), {"recurrence": {"excludedDates": [day(1), day(2)]}})

    eventually(lambda: days_of(person, "walk") == [0, 1])
    assert [task["spec"]["title"] for task in person.tasks("walk")] == ["walk", "With the neighbours' dog"]


def test_on_schedule_the_next_one_replaces_the_one_that_is_still_open(person: Person) -> None:
    minute = now().replace(second=0, microsecond=0)
    person.apply_schedule(
        "backup",
        advance="OnSchedule",
        overlap="Replace",
        start=f"{minute:%Y-%m-%dT%H:%M}",
        recurrence={"frequency": "Minutely"},
        missed={"policy": "Skip"},
    )

    first = person.open_task("backup", within=70)
    second = person.open_task("backup", after=first, within=70)

    assert due(second) - due(first) == timedelta(minutes=1)
    replaced = person.task(first["metadata"]["name"])
    assert replaced is not None
    assert replaced["spec"]["state"] == "Skipped"


def test_overrides_skip_move_and_change_single_occurrences(person: Person) -> None:
    overrides = [
        {"occurrence": day(0), "moveTo": day(0).replace("T09:00", "T11:00")},
        {"occurrence": day(1), "skip": True},
        {"occurrence": day(2), "task": {"title": "A longer walk", "reminders": [{"before": "PT2H"}]}},
        {"occurrence": day(3).replace("T09:00", "T10:00"), "skip": True},
    ]
    person.apply_schedule("walk", overrides=overrides)

    first = person.open_task("walk")
    assert instant(due(first)) == f"{day(0).replace('T09', 'T11')}:00Z"
    assert first["spec"]["occurrence"]["local"] == day(0)
    assert eventually(lambda: condition(person, "walk", "NoSuchOccurrence")) == "NoSuchOccurrence"

    person.complete(first)

    second = person.open_task("walk", after=first)
    assert (second["spec"]["title"], second["spec"]["occurrence"]["local"]) == ("A longer walk", day(2))
    assert [each["before"] for each in second["spec"]["reminders"]] == ["PT2H"]
