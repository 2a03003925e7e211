"""What other schedulers paid for, each as a test of its name; `docs/lessons.md` lists them with the reports."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.notification import GiveUp
from consumers.testing import MemoryObjects
from store.ledger import DeliveryState
from taskbell.calendar import rfc5545
from taskbell.calendar.rule import Frequency, Policies, Rule
from taskbell.calendar.series import Series
from taskbell.errors import Rejected
from taskbell.lifecycle import actions as act
from taskbell.lifecycle import conditions, story
from taskbell.lifecycle.actions import Action
from taskbell.lifecycle.schedule import plan
from taskbell.lifecycle.task import plan as plan_task
from taskbell.lifecycle.testing import (
    MONDAY_SEVEN,
    cursor,
    occurrence,
    one_off,
    schedule,
    seen_schedule,
    seen_task,
    standing_at,
)
from taskbell.resources import (
    Cursor,
    Outcome,
    Phase,
    PublishedTask,
    ReminderState,
    State,
    Task,
    TaskSchedule,
    TaskScheduleStatus,
    TaskSpec,
    TaskStatus,
)
from tests.unit.consumers import samples
from tests.unit.consumers.test_notification import LATE, judge, row

ROOT = Path(__file__).parents[2]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY_NINE = MONDAY_SEVEN + HOUR
"""Nine in Berlin: when the first stand-up is due."""


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def step(of: TaskSchedule, now: datetime, *tasks: Task) -> tuple[Action, ...]:
    """One pass, with the recurring consumer away, so that it advances the cursor itself."""
    return plan(seen_schedule(of, *tasks, broker_away=True), now)


def made(actions: Iterable[Action]) -> list[TaskSpec]:
    return [each.spec for each in actions if isinstance(each, act.CreateTask)]


def days(specs: Iterable[TaskSpec]) -> list[str]:
    """Of what was made, the local day and time."""
    return [f"{each.occurrence.local:%d %H:%M}" for each in specs if each.occurrence]


def status_of(actions: Iterable[Action]) -> TaskScheduleStatus:
    (status,) = (each.status for each in actions if isinstance(each, act.WriteStatus))
    assert isinstance(status, TaskScheduleStatus)
    return status


def closed(of: TaskSchedule, closed_at: datetime, sequence: int = 1) -> Cursor:
    return cursor(of, sequence, phase=Phase.CLOSED, outcome=Outcome.COMPLETED, closed_at=closed_at)


def test_a_schedule_survives_any_number_of_missed_starts() -> None:
    mine = Series("Etc/UTC", local("1990-01-01T00:00"), Rule(Frequency.MINUTELY))
    since, now = instant("1990-01-01T00:00Z"), instant("2026-11-25T09:00Z")
    assert mine.count_between(since, now) == (now - since) // timedelta(minutes=1)
    latest = mine.last_until(now, since)
    assert latest
    assert latest.at == now
    minutely = schedule(start="1990-01-01T00:00", recurrence={"frequency": "Minutely"}, missed={"within": "P1D"})
    back_then = cursor(minutely, phase=Phase.PENDING, local=local("1990-01-01T00:00"), at=since)
    (one,) = made(step(standing_at(minutely, back_then), now))
    assert one.due_at == now


@pytest.mark.parametrize(
    ("spec", "at_most"),
    [
        pytest.param({}, 1, id="it waits for its task"),
        pytest.param({"missed": {"policy": "All", "within": "P31D"}}, 1, id="it waits, and makes up for all"),
        pytest.param({"advance": "OnSchedule"}, 1, id="by the calendar"),
        pytest.param({"advance": "OnSchedule", "recurrence": {"frequency": "Hourly"}}, 1, id="hourly"),
        pytest.param({"advance": "OnSchedule", "missed": {"policy": "Skip"}}, 0, id="it skips what was missed"),
        pytest.param(
            {"advance": "OnSchedule", "missed": {"policy": "All", "within": "P31D"}, "openLimit": 100}, 10,
            id="it makes up for all: ten, no more",
        ),
    ],
)  # fmt: skip
def test_un_suspending_never_bursts(spec: dict[str, Any], at_most: int) -> None:
    suspended, resumed = schedule(suspend=True, **spec), schedule(**spec)
    waits = "advance" not in spec
    stands = cursor(resumed, phase=Phase.PENDING) if waits else cursor(resumed, phase=Phase.CLOSED)
    month_later = MONDAY_NINE + 29 * DAY + HOUR / 2
    assert not made(step(standing_at(suspended, stands), month_later))
    assert len(made(step(standing_at(resumed, stands), month_later))) == at_most


@pytest.mark.parametrize(
    ("hour", "edited_at", "next_one"),
    [
        pytest.param("08:00", MONDAY_NINE + HOUR, "24 08:00", id="to an hour that has passed: tomorrow's"),
        pytest.param("18:00", MONDAY_NINE - HOUR, "23 18:00", id="before it was due: today's, later"),
        pytest.param("08:30", MONDAY_NINE - HOUR, "23 08:30", id="before it was due: today's, earlier"),
    ],
)
@pytest.mark.parametrize("advance", ["OnCompletion", "OnSchedule"])
def test_an_edit_never_fires_in_the_past_and_never_swallows_todays_occurrence(
    advance: str, hour: str, edited_at: datetime, next_one: str
) -> None:
    old = schedule(advance=advance, start="2026-01-01T09:00")
    new = schedule(advance=advance, start=f"2026-01-01T{hour}")
    passed = edited_at > MONDAY_NINE
    if advance == "OnSchedule":
        stands = cursor(old, 5, days=0 if passed else -1, phase=Phase.CLOSED)
    else:
        stands = cursor(old, 6, days=1, phase=Phase.PENDING) if passed else cursor(old, 5, days=0, phase=Phase.PENDING)
    edited = standing_at(new, stands)
    at_once = step(edited, edited_at)
    assert all(each.due_at and each.due_at > edited_at for each in made(at_once))
    settled = standing_at(new, status_of(at_once).cursor)
    later = made(at_once) or made(step(settled, local(f"2026-11-{next_one.replace(' ', 'T')}").astimezone(UTC)))
    assert days(later) == [next_one]


@pytest.mark.parametrize("downtime", [timedelta(), HOUR, 3 * DAY])
@pytest.mark.parametrize("advance", ["OnCompletion", "OnSchedule"])
def test_the_same_occurrence_after_a_crash_or_an_outage_is_one_task(advance: str, downtime: timedelta) -> None:
    of = schedule(advance=advance, missed={"policy": "All"})
    waits = advance == "OnCompletion"
    stands = cursor(of, 2, phase=Phase.PENDING) if waits else cursor(of, 1, phase=Phase.CLOSED)
    due = MONDAY_NINE + DAY
    tried, again = (step(standing_at(of, stands), now) for now in (due, due + downtime))
    (name,) = (each.name for each in tried if isinstance(each, act.CreateTask))
    names = [each.name for each in again if isinstance(each, act.CreateTask)]
    assert names[0] == name, "the API was away: nothing had been made"
    exists = occurrence(of, cursor(of, 2))
    assert exists.metadata.name == name
    after = made(step(standing_at(of, stands), due + downtime, exists))  # it died after the creation, before the status
    assert days(after) == [f"{25 + day} 09:00" for day in range(0 if waits else downtime.days)]


def test_the_end_of_summer_time_fires_once_by_default() -> None:
    mine = Series("America/New_York", local("2026-10-30T01:30"), Rule(Frequency.DAILY))
    night = mine.between(instant("2026-11-01T04:00Z"), instant("2026-11-01T12:00Z"))
    assert [(each.fold, each.at) for each in night] == [(0, instant("2026-11-01T05:30Z"))]
    assert mine.noted(night[0]).note == "the clocks are put back: 01:30 comes twice, this is the first"


def test_the_time_zone_is_explicit_and_visible() -> None:
    of = schedule(timeZone="America/New_York")
    summary = status_of(step(of, MONDAY_SEVEN)).summary
    assert summary == "Every day at 09:00, America/New_York"
    (task,) = made(step(of, MONDAY_NINE))
    assert task.time_zone == "America/New_York"
    assert task.occurrence
    assert task.occurrence.recurrence_text == summary
    wire = {name: value for name, value in of.spec.wire().items() if name != "timeZone"}
    assert type(of.spec).model_validate(wire).wire()["timeZone"] == "Etc/UTC", "never the zone of some machine"


def test_the_next_runs_are_visible() -> None:
    of = schedule(start="2026-03-28T02:30", timeZone="Europe/Berlin")
    before = of.model_copy(update={"metadata": of.metadata.model_copy(update={"creation_timestamp": SPRING})})
    status = status_of(step(before, SPRING))
    assert [(f"{each.local:%d %H:%M}", f"{each.at:%d %H:%M}") for each in status.next_occurrences] == [
        ("29 02:30", "29 01:30"), ("30 02:30", "30 00:30"), ("31 02:30", "31 00:30"),
    ]  # fmt: skip
    assert [bool(each.note) for each in status.next_occurrences] == [True, False, False], "and why one is bent"


SPRING = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "excluded", "reason"),
    [
        pytest.param("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31", 0, "NeverOccurs", id="the 31st of February"),
        pytest.param("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", 0, "NeverOccurs", id="any minute of the 30th"),
        pytest.param("FREQ=DAILY;INTERVAL=0", 0, "InvalidRule", id="an interval of nothing"),
        pytest.param("FREQ=DAILY;COUNT=366", 366, "EverythingExcluded", id="everything excluded"),
    ],
)
def test_a_rule_that_can_never_fire_is_refused(text: str, excluded: int, reason: str) -> None:
    start = local("2026-11-23T09:00")
    policies = Policies(excluded=tuple(start + number * DAY for number in range(excluded)))
    with pytest.raises(Rejected) as refusal:
        Series("Etc/UTC", start, rfc5545.parse(text), policies)
    assert refusal.value.reason == reason


def test_completing_one_occurrence_never_completes_or_wipes_the_series() -> None:
    of = schedule()
    ticked = occurrence(of, cursor(of), state=State.COMPLETED, closed_at=MONDAY_NINE + HOUR)
    actions = step(standing_at(of, cursor(of)), MONDAY_NINE + HOUR, ticked)
    assert days(made(actions)) == ["24 09:00"]
    assert not [each for each in actions if isinstance(each, act.RetireTask | act.DeleteTask | act.RemoveFinalizer)]
    status = status_of(actions)
    assert status.cursor
    assert (status.cursor.sequence, status.cursor.phase) == (2, Phase.OPEN)
    assert conditions.COMPLETE not in {each.type for each in status.conditions}


@pytest.mark.parametrize("late", [HOUR, 4 * DAY + HOUR, 400 * DAY])
@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="by the calendar"),
        pytest.param(
            {"advance": "AfterCompletion", "recurrence": {"frequency": "Daily", "interval": 3}}, id="after it"
        ),
    ],
)
def test_completed_late_the_next_one_lies_in_the_future(spec: dict[str, Any], late: timedelta) -> None:
    of = schedule(**spec)
    now = MONDAY_NINE + late
    (following,) = made(step(standing_at(of, closed(of, now)), now))
    assert following.due_at
    assert now < following.due_at <= now + 4 * DAY


@pytest.mark.parametrize(
    ("policy", "now", "told", "state"),
    [
        pytest.param({}, HOUR / 2, [5400], ReminderState.PENDING, id="back soon: late, and it says by how much"),
        pytest.param({"late": "Skip"}, HOUR / 2, [], ReminderState.EXPIRED, id="late: Skip"),
        pytest.param({}, 2 * HOUR, [], ReminderState.EXPIRED, id="longer than within after the due time"),
    ],
)
def test_reminders_missed_while_down_come_late_or_expire_by_policy_and_are_counted(
    policy: dict[str, Any], now: timedelta, told: list[int], state: ReminderState
) -> None:
    known = TaskStatus(observed_generation=1, published=PublishedTask(generation=1, state=State.OPEN))
    wire = {"dueAt": "2026-11-23T08:00:00Z", "reminders": [{"before": "PT1H"}], "reminderPolicy": policy}
    task = one_off(status=known, meta={"creation_timestamp": MONDAY_SEVEN - DAY}, **wire)
    actions = plan_task(seen_task(task, broker_away=True), MONDAY_NINE + now)
    tellings = [each.event for action in actions if isinstance(action, act.Publish) for each in action.tellings]
    assert [each.cloud_event("x", MONDAY_NINE + now)["data"]["late_by"] for each in tellings] == told
    (status,) = (each.status for each in actions if isinstance(each, act.WriteStatus))
    assert isinstance(status, TaskStatus)
    assert [each.state for each in status.reminders] == [state]
    counted = [each.reason for each in story.told(task, status)]
    assert (story.REMINDER_EXPIRED in counted) is (state is ReminderState.EXPIRED), "the operator counts these"


@pytest.mark.parametrize("state", [State.COMPLETED, State.SKIPPED])
async def test_no_reminder_for_closed_tasks(state: State) -> None:
    known = TaskStatus(phase=state, closed_at=MONDAY_SEVEN, published=PublishedTask(generation=1, state=State.OPEN))
    wire: dict[str, Any] = {"dueAt": "2026-11-23T08:00:00Z", "reminders": [{"before": "PT30M"}], "state": state}
    task = one_off(status=known, snoozedUntil=MONDAY_NINE, **wire)
    for now in (MONDAY_NINE - HOUR / 2, MONDAY_NINE, MONDAY_NINE + DAY):
        actions = plan_task(seen_task(task, broker_away=True), now)
        ids = [each.event.id for action in actions if isinstance(action, act.Publish) for each in action.tellings]
        assert not [each for each in ids if "PT30M" in each or "snooze" in each]
        assert not [each for each in actions if isinstance(each, act.Arm)]
    objects = MemoryObjects()
    objects.put(samples.task(state))
    assert await judge(objects, row(), LATE) == GiveUp(DeliveryState.CANCELLED), "nor one that was on its way"


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 500), st.sampled_from(["PT15M", "P1D", "P1DT2H", "-PT30M"]))
def test_the_distance_from_reminder_to_due_time_survives_every_advance(late_hours: int, before: str) -> None:
    of = schedule(task={"title": "Team standup", "reminders": [{"before": before}]})
    now = MONDAY_NINE + late_hours * HOUR
    (following,) = made(step(standing_at(of, closed(of, now)), now))
    distances = [distance(of, spec) for spec in (occurrence(of, cursor(of)).spec, following)]
    assert distances[0] == distances[1]


def distance(of: TaskSchedule, spec: TaskSpec) -> timedelta:
    """On the wall clock, from the one reminder of an occurrence's Task to its due time."""
    task = occurrence(of, cursor(of)).model_copy(update={"spec": spec})
    actions = plan_task(seen_task(task, schedule=of, broker_away=True), MONDAY_SEVEN)
    (status,) = (each.status for each in actions if isinstance(each, act.WriteStatus))
    assert isinstance(status, TaskStatus)
    (reminder,) = status.reminders
    zone = of.spec.series().zone
    assert spec.due_at
    due, remind = (at.astimezone(zone).replace(tzinfo=None) for at in (spec.due_at, reminder.remind_at))
    return due - remind


def test_every_lesson_is_a_test_of_its_name() -> None:
    rows = re.findall(r"^\| (\d+) \|.*`tests/unit/test_lessons.py::(\w+)`", DOCS.read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 14))
    tests = {name for name in globals() if name.startswith("test_")} - {
        test_every_lesson_is_a_test_of_its_name.__name__
    }
    assert {name for _, name in rows} == tests


DOCS = ROOT / "docs" / "lessons.md"
