"""All-day schedules and tasks: due on a date, with kubectl and through the API, on the real parts."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from localcluster.errors import LocalClusterError
from tests.e2e.people import JSON, Person, World, eventually, instant, now

BERLIN = "Europe/Berlin"
A_WEEK = timedelta(weeks=1)
IN_THREE_DAYS = now().date() + timedelta(days=3)
NEXT_MONDAY = IN_THREE_DAYS + timedelta(days=-IN_THREE_DAYS.weekday() % 7)


def at(day: date, clock: str) -> datetime:
    """The instant of a wall-clock time in Berlin."""
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(BERLIN)).astimezone(UTC)


def due(task: JSON) -> tuple[str | None, str | None]:
    return task["spec"].get("dueOn"), task["spec"].get("dueAt")


def reminded_at(person: Person, *expected: datetime) -> list[JSON]:
    """The pending reminders, once they are at these instants."""

    def look() -> list[JSON] | None:
        found = person.reminders()
        return found if [datetime.fromisoformat(each["remind_at"]) for each in found] == list(expected) else None

    return eventually(look, what=f"reminders at {expected}")


def all_day(**spec: object) -> JSON:
    """A weekly schedule without a time of day."""
    return {
        "start": f"{NEXT_MONDAY}",
        "timeZone": BERLIN,
        "recurrence": {"frequency": "Weekly"},
        "task": {"title": "Rent"},
        **spec,
    }


def test_each_monday_all_day_long(world: World, person: Person) -> None:
    reminders = [{"before": "P1D"}]
    person.apply("TaskSchedule", person.named("rent"), all_day(task={"title": "Rent", "reminders": reminders}))
    first = person.open_task("rent")

    assert due(first) == (f"{NEXT_MONDAY}", None)
    (reminder,) = reminded_at(person, at(NEXT_MONDAY - timedelta(days=1), "09:00"))
    assert (reminder["due_on"], reminder["due_at"]) == (f"{NEXT_MONDAY}", None)
    shown = world.cluster.kubectl("get", "task", first["metadata"]["name"])
    assert shown.splitlines()[0].split()[3] == "DUE"
    assert f"{NEXT_MONDAY}" in shown
    assert f"{NEXT_MONDAY}" in world.cluster.kubectl("get", "taskschedule", person.named("rent"))
    status = person.schedule("rent")["status"]
    assert status["summary"] == "Every Monday, Europe/Berlin"
    assert [each["local"] for each in status["nextOccurrences"]] == [f"{NEXT_MONDAY + n * A_WEEK}" for n in (1, 2, 3)]

    person.complete(first)

    second = person.open_task("rent", after=first)
    assert due(second) == (f"{NEXT_MONDAY + A_WEEK}", None)
    reminded_at(person, at(NEXT_MONDAY + A_WEEK - timedelta(days=1), "09:00"))
    task = person.api.get(f"/tasks/{second['metadata']['name']}").json()
    assert (task["due_on"], task["due_at"]) == (f"{NEXT_MONDAY + A_WEEK}", None)
    assert task["recurrence_text"] == "Every Monday, Europe/Berlin"


def test_a_series_of_times_becomes_one_of_days_and_its_open_task_with_it(person: Person) -> None:
    recurrence = {"frequency": "Weekly"}
    person.apply_schedule("rent", start=f"{NEXT_MONDAY}T18:00", timeZone=BERLIN, recurrence=recurrence)
    first = person.open_task("rent")
    assert due(first) == (None, instant(at(NEXT_MONDAY, "18:00")))

    person.patch("taskschedule", person.named("rent"), {"start": f"{NEXT_MONDAY}"})

    name = first["metadata"]["name"]
    eventually(lambda: due(person.task(name) or first) == (f"{NEXT_MONDAY}", None), what="the task to become all-day")


def test_an_occurrence_is_moved_to_another_date(person: Person) -> None:
    tuesday = f"{NEXT_MONDAY + timedelta(days=1)}"
    moved = [{"occurrence": f"{NEXT_MONDAY}", "moveTo": tuesday}]
    person.apply("TaskSchedule", person.named("rent"), all_day(overrides=moved))

    assert due(person.open_task("rent")) == (tuesday, None)
    assert person.schedule("rent")["status"]["conditions"][0]["reason"] == "Scheduled"


def test_a_task_of_its_own_through_the_api(person: Person) -> None:
    body = {"title": "Rent", "due_on": f"{NEXT_MONDAY}", "time_zone": BERLIN, "reminders": [{"before": "PT0M"}]}
    made = person.api.post("/tasks", json={**body, "reminder_time": "18:30"}).json()
    assert (made["due_on"], made["due_at"], made["reminder_time"]) == (f"{NEXT_MONDAY}", None, "18:30")
    reminded_at(person, at(NEXT_MONDAY, "18:30"))

    at_six = instant(at(NEXT_MONDAY, "18:00"))
    changed = person.api.patch(f"/tasks/{made['id']}", json={"due_at": at_six}).json()
    assert (changed["due_on"], changed["due_at"], changed["reminder_time"]) == (None, at_six, None)
    reminded_at(person, at(NEXT_MONDAY, "18:00"))

    back = person.api.patch(f"/tasks/{made['id']}", json={"due_on": f"{NEXT_MONDAY}"}).json()
    assert (back["due_on"], back["due_at"]) == (f"{NEXT_MONDAY}", None)
    reminded_at(person, at(NEXT_MONDAY, "09:00"))


def test_the_inbox_names_the_day(person: Person) -> None:
    reminders = [{"at": instant(now() + timedelta(seconds=3))}]
    person.apply_task("rent", dueOn=f"{NEXT_MONDAY}", timeZone=BERLIN, reminders=reminders)

    (entry,) = eventually(person.inbox)
    assert (entry["due_on"], entry["due_at"]) == (f"{NEXT_MONDAY}", None)
    told = eventually(lambda: [each["event"]["data"] for each in person.audit() if each["topic"] == "task-events"])
    assert (told[0]["task_data"]["due_on"], told[0]["task_data"]["due_at"]) == (f"{NEXT_MONDAY}", None)


def test_a_schedule_through_the_api(person: Person) -> None:
    body = {"title": "Rent", "start": f"{NEXT_MONDAY}", "time_zone": BERLIN, "recurrence": {"frequency": "Weekly"}}
    made = person.api.post("/schedules", json=body).json()
    assert (made["start"], made["recurrence_text"]) == (f"{NEXT_MONDAY}", "Every Monday, Europe/Berlin")
    read = person.api.get(f"/schedules/{made['id']}").json()
    assert read["start"] == f"{NEXT_MONDAY}"


REFUSED = [
    pytest.param("Task", {"dueAt": "2026-11-23T09:00:00Z", "dueOn": "2026-11-23"}, "exclude each other", id="both"),
    pytest.param("Task", {"dueOn": "2027-02-29"}, "dueOn is no date of the calendar", id="no date"),
    pytest.param("Task", {"dueOn": "2027-02-28T09:00"}, "dueOn: Too long", id="a date with a time"),
    pytest.param("Task", {"dueOn": "2027-02-28", "reminderTime": "9am"}, "should match", id="no time of the day"),
    pytest.param("Task", {"reminderTime": "18:00"}, "reminderTime is for all-day tasks", id="a reminder time alone"),
    pytest.param(
        "Task", {"reminders": [{"before": "P1D"}]}, "before needs dueAt or dueOn", id="a reminder before no date"
    ),
    pytest.param("TaskSchedule", all_day(start="2027-02-29"), "start is no date of the calendar", id="no first date"),
    pytest.param(
        "TaskSchedule",
        all_day(recurrence={"frequency": "Weekly", "until": "2030-01-01T09:00"}),
        "are either all dates",
        id="dates that end at a time",
    ),
    pytest.param(
        "TaskSchedule",
        all_day(recurrence={"frequency": "Weekly", "excludedDates": ["2030-01-01T09:00"]}),
        "are either all dates",
        id="dates without a time",
    ),
    pytest.param(
        "TaskSchedule",
        all_day(start="2026-11-23T09:00", recurrence={"frequency": "Weekly", "additionalDates": ["2030-01-01"]}),
        "are either all dates",
        id="times and a date",
    ),
    pytest.param(
        "TaskSchedule",
        all_day(overrides=[{"occurrence": "2026-11-23T09:00", "skip": True}]),
        "are either all dates",
        id="a time skipped among dates",
    ),
    pytest.param(
        "TaskSchedule",
        all_day(overrides=[{"occurrence": "2026-11-23", "moveTo": "2026-11-24T09:00"}]),
        "are either all dates",
        id="a date moved to a time",
    ),
    *(
        pytest.param(
            "TaskSchedule",
            all_day(recurrence=recurrence),
            "where start is a date recurrence has no times of the day",
            id=f"all day long and {next(iter(recurrence.values()))}",
        )
        for recurrence in (
            {"frequency": "Hourly"},
            {"cron": "0 9 * * *"},
            {"rrule": "FREQ=DAILY;BYHOUR=9"},
            {"rrule": "FREQ=DAILY;UNTIL=20301231T090000Z"},
            {"dst": {"gap": "Skip"}, "frequency": "Daily"},
        )
    ),
    pytest.param(
        "TaskSchedule",
        all_day(start="2026-11-23T09:00", task={"title": "Rent", "reminderTime": "18:00"}),
        "task.reminderTime is for all-day series",
        id="a reminder time of a series of times",
    ),
]


@pytest.mark.parametrize(("kind", "spec", "sentence"), REFUSED)
def test_kubectl_shows_why_it_is_refused(kind: str, spec: JSON, sentence: str, person: Person) -> None:
    with pytest.raises(LocalClusterError) as refusal:
        person.apply(kind, person.named("bad"), {**({"title": "x"} if kind == "Task" else {}), **spec})

    assert sentence in str(refusal.value)
