"""US-P5-01: every kind of recurrence, through kubectl on the real API server, and in words."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from localcluster.errors import LocalClusterError
from tests.e2e.people import JSON, Person, World, eventually, now, plain_client

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
BERLIN = ZoneInfo("Europe/Berlin")
NEXT_YEAR = now().year + 1


def due(task: JSON) -> datetime:
    return datetime.fromisoformat(task["spec"]["dueAt"])


def at(day: date, clock: str) -> datetime:
    """The instant of a wall-clock time in Berlin."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=BERLIN).astimezone(UTC)


def next_year(month: int, day: int) -> date:
    return date(NEXT_YEAR, month, day)


def on_or_after(day: date, weekday: int) -> date:
    return day + timedelta(days=(weekday - day.weekday()) % 7)


JANUARY = next_year(1, 1)
MONDAY, FRIDAY = 0, 4
FIRST_FRIDAY = on_or_after(JANUARY, FRIDAY)


def last_friday(month: int) -> date:
    return on_or_after(next_year(month + 1, 1) - timedelta(days=7), FRIDAY)


def last_weekday(month: int) -> date:
    last = next_year(month + 1, 1) - timedelta(days=1)
    return last - timedelta(days=max(last.weekday() - FRIDAY, 0))


RECURRENCES = [
    pytest.param(
        {"frequency": "Daily"},
        [at(next_year(1, 1), "09:00"), at(next_year(1, 2), "09:00")],
        "Every day at 09:00, Europe/Berlin",
        id="daily",
    ),
    pytest.param(
        {"frequency": "Weekly", "interval": 2, "weekdays": ["Fri"], "count": 10},
        # The weeks counted are those from the start's own: in it Friday may have passed already.
        None,
        "Every 2 weeks on Friday at 09:00, 10 times, Europe/Berlin",
        id="weekly",
    ),
    pytest.param(
        {"frequency": "Monthly", "weekdays": ["-1Fri"]},
        [at(last_friday(1), "09:00"), at(last_friday(2), "09:00")],
        "Every last Friday of the month at 09:00, Europe/Berlin",
        id="monthly",
    ),
    pytest.param(
        {"frequency": "Yearly", "months": [6], "monthDays": [21]},
        [at(next_year(6, 21), "09:00"), at(date(NEXT_YEAR + 1, 6, 21), "09:00")],
        "Every 21 June at 09:00, Europe/Berlin",
        id="yearly",
    ),
    pytest.param(
        {"rrule": "FREQ=DAILY;BYHOUR=8,18;BYMINUTE=30"},
        [at(next_year(1, 1), "18:30"), at(next_year(1, 2), "08:30")],
        "Every day at 08:30 and 18:30, Europe/Berlin",
        id="rrule daily, twice a day",
    ),
    pytest.param(
        {"rrule": "FREQ=WEEKLY;BYDAY=MO,FR"},
        sorted(at(on_or_after(JANUARY, each), "09:00") for each in (MONDAY, FRIDAY)),
        "Every Monday and Friday at 09:00, Europe/Berlin",
        id="rrule weekly",
    ),
    pytest.param(
        {"rrule": "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"},
        [at(last_weekday(1), "09:00"), at(last_weekday(2), "09:00")],
        "Every month on the last weekday at 09:00, Europe/Berlin",
        id="rrule monthly, the last working day",
    ),
    pytest.param(
        {"rrule": "FREQ=YEARLY;BYYEARDAY=100,-1;COUNT=9"},
        [at(JANUARY + timedelta(days=99), "09:00"), at(next_year(12, 31), "09:00")],
        "Every year on day 100 and the last day of the year at 09:00, 9 times, Europe/Berlin",
        id="rrule yearly, by days of the year",
    ),
]


@pytest.mark.parametrize(("recurrence", "instants", "words"), RECURRENCES)
def test_a_task_comes_when_the_rule_says_and_completed_the_next_one(
    recurrence: JSON, instants: list[datetime] | None, words: str, world: World, person: Person
) -> None:
    start = f"{JANUARY}T09:00"
    person.apply_schedule("job", timeZone="Europe/Berlin", start=start, recurrence=recurrence)
    first = person.open_task("job")
    person.complete(first)
    second = person.open_task("job", after=first)

    if instants is None:
        instants = [at(FIRST_FRIDAY, "09:00"), at(FIRST_FRIDAY + timedelta(weeks=2), "09:00")]
        if FIRST_FRIDAY.isocalendar()[:2] != JANUARY.isocalendar()[:2]:
            instants = [each + timedelta(weeks=1) for each in instants]
    assert [due(first), due(second)] == instants
    schedule = person.schedule("job")
    assert schedule["spec"]["recurrence"] == recurrence  # nothing was added to it
    assert schedule["status"]["summary"] == words
    assert words in world.cluster.kubectl("get", "taskschedules", person.named("job"))
    assert [task["spec"]["occurrence"]["recurrenceText"] for task in (first, second)] == [words, words]


def test_the_words_are_in_the_events_and_on_the_task_card(world: World, person: Person) -> None:
    with plain_client(world, "schedule-events") as schedules, plain_client(world, "task-events") as tasks:
        answer = person.api.post(
            "/schedules",
            json={
                "title": "Invoices",
                "time_zone": "Europe/Berlin",
                "start": f"{JANUARY}T17:00",
                "recurrence": {"rrule": "FREQ=MONTHLY;BYDAY=-1FR"},
            },
        )
        assert answer.status_code == 201, answer.text
        words = "Every last Friday of the month at 17:00, Europe/Berlin"
        assert answer.json()["recurrence"] == {"rrule": "FREQ=MONTHLY;BYDAY=-1FR"}
        assert answer.json()["recurrence_text"] == words
        (told_schedule,) = eventually(lambda: schedules(person.user))
        (told_task,) = eventually(lambda: tasks(person.user))

    assert told_schedule["data"]["schedule_data"]["recurrence_text"] == words
    assert told_task["data"]["task_data"]["recurrence_text"] == words
    (card,) = eventually(lambda: person.api.get("/tasks").json()["items"])
    assert card["recurrence_text"] == words
    assert person.api.patch(f"/tasks/{card['id']}", json={"state": "Completed"}).json()["recurrence_text"] == words


def test_an_edited_recurrence_is_said_at_once_on_schedule_and_open_task(person: Person) -> None:
    person.apply_schedule("job", start=f"{JANUARY}T09:00")
    first = person.open_task("job")

    person.apply_schedule("job", start=f"{JANUARY}T09:00", recurrence={"rrule": "FREQ=DAILY;INTERVAL=2"})

    words = "Every 2 days at 09:00, Etc/UTC"
    eventually(lambda: person.schedule("job")["status"]["summary"] == words)
    eventually(lambda: person.open_task("job")["spec"]["occurrence"]["recurrenceText"] == words)
    assert person.open_task("job")["metadata"]["uid"] == first["metadata"]["uid"]
    assert person.schedule("job")["spec"]["recurrence"] == {"rrule": "FREQ=DAILY;INTERVAL=2"}


def test_every_kind_of_reminder_of_an_occurrence_lies_that_long_before_it(person: Person) -> None:
    offsets = ["PT15M", "PT1H", "P1D", "PT1H30M", "P7D", "-PT10M"]
    day = next_year(3, 31)
    person.apply_schedule(
        "job",
        timeZone="Europe/Berlin",
        start=f"{day}T09:00",
        recurrence={"rrule": "FREQ=YEARLY"},
        reminders=[{"before": each} for each in offsets],
    )
    task = person.open_task("job")

    def remind_at() -> dict[str, datetime]:
        status: JSON = (person.task(task["metadata"]["name"]) or {}).get("status", {})
        return {each["id"]: datetime.fromisoformat(each["remindAt"]) for each in status.get("reminders", [])}

    found = eventually(lambda: (seen := remind_at()) and len(seen) == len(offsets) and seen)
    assert found == {
        "PT15M": at(day, "08:45"),
        "PT1H": at(day, "08:00"),
        "P1D": at(day - timedelta(days=1), "09:00"),
        "PT1H30M": at(day, "07:30"),
        "P7D": at(day - timedelta(days=7), "09:00"),  # nine o'clock, though the clocks may have changed meanwhile
        "-PT10M": at(day, "09:10"),
    }
    eventually(lambda: {each["reminder_id"] for each in person.reminders()} == set(offsets))


REFUSED = [
    pytest.param({}, "either frequency", id="neither form"),
    pytest.param({"frequency": "Daily", "rrule": "FREQ=DAILY"}, "either frequency", id="both forms"),
    pytest.param({"interval": 2, "rrule": "FREQ=DAILY"}, "either frequency", id="a field beside rrule"),
    pytest.param({"rrule": ""}, "at least 1 chars", id="empty"),
    pytest.param({"rrule": "x" * 501}, "may not be more than 500", id="too long"),
    pytest.param({"rrule": "every day"}, "rrule is no recurrence rule of RFC 5545", id="a sentence"),
    pytest.param({"rrule": "BYDAY=MO"}, "rrule needs one FREQ", id="no FREQ"),
    pytest.param({"rrule": "FREQ=FORTNIGHTLY"}, "rrule needs one FREQ", id="no frequency"),
    pytest.param({"rrule": "freq=secondly;interval=5"}, "FREQ below a minute", id="secondly in small letters"),
    pytest.param({"frequency": "Daily", "cron": "@daily"}, "either frequency", id="fields and cron"),
    pytest.param({"cron": "0 9 * *"}, "cron needs five fields", id="four fields"),
    pytest.param({"cron": "0 9 L * *"}, "cron has ?, L, W or #", id="the last day in cron"),
    pytest.param({"cron": "@reboot"}, "cron has @reboot", id="@reboot"),
    pytest.param({"frequency": "Daily", "excludedDates": ["2027-02-30T09:00"]}, "no date", id="excluding no day"),
    pytest.param({"frequency": "Daily", "additionalDates": ["2027-02-30T09:00"]}, "no date", id="adding no day"),
    pytest.param({"frequency": "Daily", "monthEnd": "Forward"}, "Unsupported value", id="rolling forward"),
    pytest.param({"frequency": "Daily", "dst": {"gap": "NextValid"}}, "Unsupported value", id="the next valid time"),
    pytest.param({"rrule": "FREQ=DAILY;INTERVAL=0"}, "rrule has INTERVAL=0", id="INTERVAL=0"),
    pytest.param({"rrule": "FREQ=YEARLY;BYWEEKNO=20"}, "rrule has a part that is not supported", id="BYWEEKNO"),
    pytest.param({"rrule": "FREQ=DAILY;BYSECOND=30"}, "rrule has a part that is not supported", id="BYSECOND"),
    pytest.param({"rrule": "FREQ=DAILY;BYDAYS=MO"}, "does not know", id="an unknown part"),
    pytest.param(
        {"rrule": "FREQ=DAILY;COUNT=3;UNTIL=20300101T000000Z"}, "exclude each other: keep one", id="COUNT and UNTIL"
    ),
    pytest.param({"rrule": "FREQ=DAILY;UNTIL=20300101T000000"}, "neither an instant in UTC nor", id="UNTIL is local"),
]


@pytest.mark.parametrize(("recurrence", "sentence"), REFUSED)
def test_kubectl_shows_why_a_rule_is_refused(recurrence: JSON, sentence: str, person: Person) -> None:
    with pytest.raises(LocalClusterError) as refusal:
        person.apply_schedule("bad", recurrence=recurrence)

    assert sentence in str(refusal.value)
    with pytest.raises(LocalClusterError, match="NotFound"):
        person.schedule("bad")


ACCEPTED = [
    pytest.param({"cron": "30 9 * * Mon-Fri"}, "Every weekday at 09:30, Etc/UTC", id="cron"),
    pytest.param({"cron": "@hourly"}, "Every hour at :00, Etc/UTC", id="a macro"),
    pytest.param({"cron": "0 9 1,15 * Mon"}, "On the 1st and the 15th and every Monday at 09:00, Etc/UTC", id="either"),
    pytest.param({"frequency": "Hourly", "interval": 6}, "Every 6 hours from 09:00 on, Etc/UTC", id="hourly"),
    pytest.param({"rrule": "FREQ=MINUTELY;INTERVAL=90"}, "Every 90 minutes from 09:00 on, Etc/UTC", id="minutely"),
    pytest.param(
        {"rrule": "freq=weekly;byday=mo;until=20401231"},
        "Every Monday at 09:00, until 31 December 2040, Etc/UTC",
        id="small letters, and a date as its end",
    ),
    pytest.param(
        {"frequency": "Monthly", "monthDays": [31], "monthEnd": "Clamp"},
        "Every month on the 31st at 09:00, in shorter months on the last day, Etc/UTC",
        id="clamped",
    ),
    pytest.param(
        {"rrule": "FREQ=HOURLY;BYHOUR=9,10,11,12;BYDAY=SA"},
        "Every hour from 09:00 to 12:00, only on Saturdays, Etc/UTC",
        id="hours of a day",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("recurrence", "words"), ACCEPTED)
def test_what_recurs_within_the_day_and_what_cron_says(recurrence: JSON, words: str, person: Person) -> None:
    person.apply_schedule("job", start=f"{JANUARY}T09:00", recurrence=recurrence)

    person.open_task("job")
    assert person.schedule("job")["status"]["summary"] == words
    assert person.schedule("job")["spec"]["recurrence"] == recurrence


def test_dates_are_bent_added_and_excluded(person: Person) -> None:
    """Berlin's 28 March 2027 has no 02:30."""
    person.apply_schedule(
        "job",
        timeZone="Europe/Berlin",
        start="2027-01-31T02:30",
        recurrence={
            "frequency": "Monthly",
            "monthEnd": "Clamp",
            "additionalDates": ["2027-03-28T02:30"],
            "excludedDates": ["2027-03-31T02:30"],
            "dst": {"gap": "Later", "fold": "First"},
        },
    )
    person.open_task("job")

    coming = person.schedule("job")["status"]["nextOccurrences"]
    assert [each["local"] for each in coming] == ["2027-02-28T02:30", "2027-03-28T02:30", "2027-04-30T02:30"]
    assert "does not exist" in coming[1]["note"]
    assert coming[1]["at"] == "2027-03-28T01:30:00Z"


def rrule(text: str, **beside: Any) -> JSON:
    return {"rrule": text, **beside}


EVERY_MONDAY_OF_SOME = "FREQ=MINUTELY;INTERVAL=1441;BYDAY=MO;COUNT=10000"
STALLED = [
    pytest.param(rrule("FREQ=WEEKLY;BYMONTHDAY=1"), "InvalidRule", "BYMONTHDAY", id="days of the month weekly"),
    pytest.param(rrule("FREQ=MONTHLY;BYYEARDAY=1"), "InvalidRule", "BYYEARDAY", id="days of the year monthly"),
    pytest.param(rrule("FREQ=DAILY;BYDAY=2MO"), "InvalidRule", "numbered days", id="numbered days daily"),
    pytest.param(rrule("FREQ=MONTHLY;BYSETPOS=1"), "InvalidRule", "BYSETPOS alone", id="BYSETPOS alone"),
    pytest.param(rrule("FREQ=MONTHLY;BYMONTHDAY=32"), "InvalidRule", "from 1 to 31", id="a day that no month has"),
    pytest.param(rrule("FREQ=DAILY;BYDAY=MO;BYDAY=TU"), "InvalidRule", "BYDAY twice", id="a part twice"),
    pytest.param({"cron": "0 24 * * *"}, "InvalidRule", "from 0 to 23", id="an hour that no day has"),
    pytest.param(rrule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "NeverOccurs", "never occurs", id="30 February"),
    pytest.param(rrule("FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1"), "NeverOccurs", "never occurs", id="5th Monday the 1st"),
    pytest.param(rrule("FREQ=DAILY;INTERVAL=7;BYDAY=FR"), "NeverOccurs", "misses", id="every seventh day is a Monday"),
    pytest.param({"cron": "0 0 30 2 *"}, "NeverOccurs", "never occurs", id="cron's 30th of February"),
    pytest.param(
        rrule("FREQ=DAILY;COUNT=2", excludedDates=["2027-03-01T09:00", "2027-03-02T09:00"]),
        "EverythingExcluded", "leave nothing", id="both of two excluded",
    ),
    pytest.param(rrule(EVERY_MONDAY_OF_SOME), "TooCostly", "steps", id="ten thousand of what seldom meets a Monday"),
]  # fmt: skip


@pytest.mark.parametrize(("recurrence", "reason", "sentence"), STALLED)
def test_what_only_the_calendar_sees_is_a_condition_until_it_is_mended(
    recurrence: JSON, reason: str, sentence: str, world: World, person: Person
) -> None:
    person.apply_schedule("bad", start="2027-03-01T09:00", recurrence=recurrence)

    condition = eventually(lambda: stalled(person.schedule("bad")))
    assert (condition["status"], condition["reason"]) == ("True", reason)
    assert sentence in condition["message"]
    assert person.tasks("bad") == []
    assert "summary" not in person.schedule("bad")["status"]
    warned = eventually(lambda: warnings(world, person.named("bad")))
    assert warned == [f"{reason}: {condition['message']}"]

    mended = dict.fromkeys(recurrence) | {"rrule": "FREQ=DAILY"}
    person.patch("taskschedule", person.named("bad"), {"recurrence": mended})

    person.open_task("bad")
    assert stalled(person.schedule("bad")) is None


def warnings(world: World, name: str) -> list[str]:
    """The Kubernetes Events of type Warning about a schedule."""
    about = f"involvedObject.name={name},type=Warning"
    events = json.loads(world.cluster.kubectl("get", "events", f"--field-selector={about}", "--output=json"))
    return [f"{each['reason']}: {each['message']}" for each in events["items"]]


def test_the_api_points_at_the_rule_it_refuses(person: Person) -> None:
    body: dict[str, Any] = {"title": "x", "start": f"{JANUARY}T09:00", "recurrence": {"rrule": "FREQ=SECONDLY"}}
    answer = person.api.post("/schedules", json=body)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/recurrence/rrule"
    assert "use MINUTELY" in error["detail"]
    assert person.api.get("/schedules").json()["items"] == []


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in EXAMPLES])
def test_every_example_makes_its_first_task(path: Path, person: Person) -> None:
    manifest = yaml.safe_load(path.read_text())
    person.apply("TaskSchedule", person.named(path.stem), {**manifest["spec"], "userId": person.user})

    task = person.open_task(path.stem)

    assert task["spec"]["title"] == manifest["spec"]["task"]["title"]
    eventually(lambda: person.schedule(path.stem)["status"].get("summary"))


def stalled(schedule: JSON) -> JSON | None:
    conditions: list[JSON] = schedule.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == "Stalled"), None)
