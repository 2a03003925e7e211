"""All-day schedules and tasks: an occurrence is a day, due from its beginning, and passed when it is over."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from taskbell.lifecycle import actions as act
from taskbell.lifecycle import conditions, schedule, task
from taskbell.lifecycle.actions import Action
from taskbell.lifecycle.cursor import advance, calendar_of, standing_at
from taskbell.lifecycle.story import told
from taskbell.lifecycle.testing import occurrence, one_off, seen_schedule, seen_task
from taskbell.lifecycle.testing import schedule as timed
from taskbell.lifecycle.testing import standing_at as with_cursor
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
    TaskStatus,
)

MONDAY_EIGHT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
"""In Berlin; when everything was created."""
MONDAY_TEN, MONDAY_EVENING = MONDAY_EIGHT + timedelta(hours=2), MONDAY_EIGHT + timedelta(hours=14)
TUESDAY_TEN, THURSDAY_TEN = MONDAY_TEN + timedelta(days=1), MONDAY_TEN + timedelta(days=3)
SUNDAY_TEN = MONDAY_TEN - timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def all_day(**spec: Any) -> TaskSchedule:
    """Daily, from Monday on."""
    return timed(**{"start": "2026-11-23", **spec})


DAILY = all_day()
AFTER = all_day(advance="AfterCompletion", recurrence={"frequency": "Daily", "interval": 3})
ON_SCHEDULE = all_day(advance="OnSchedule")


def at(of: TaskSchedule, sequence: int, phase: Phase = Phase.OPEN, **changes: Any) -> Cursor:
    """The place of day number `sequence`."""
    series = of.spec.series()
    midnight = datetime(2026, 11, 23) + (sequence - 1) * DAY  # noqa: DTZ001  (wall clock)
    found = series.find(midnight) or series.place(midnight)
    calendar = calendar_of(of.spec)
    return standing_at(found, sequence, phase, calendar).model_copy(update=changes)


def effects(actions: tuple[Action, ...]) -> list[str]:
    words: list[str] = []
    for action in actions:
        match action:
            case act.CreateTask(spec=spec) | act.AmendTask(spec=spec):
                assert spec.due_at is None
                words.append(f"{type(action).__name__.removesuffix('Task')} {spec.due_on:%a}")
            case act.RetireTask() | act.Arm():
                words.append(type(action).__name__ + (f" {action.at:%a %H:%M}" if isinstance(action, act.Arm) else ""))
            case _:
                pass
    return words


def planned(of: TaskSchedule, stands: Cursor | None, now: datetime, *tasks: Task) -> list[str]:
    return effects(schedule.plan(seen_schedule(with_cursor(of, stands), *tasks), now))


ALL, SKIP = all_day(missed={"policy": "All"}), all_day(missed={"policy": "Skip"})
FRIDAYS = all_day(recurrence={"frequency": "Weekly", "weekdays": ["Fri"]})
NEVER_LATE = all_day(advance="OnSchedule", missed={"policy": "Skip"})
SHORT = all_day(advance="OnSchedule", missed={"policy": "Latest", "within": "PT1H"})
ONE_OPEN = all_day(advance="OnSchedule", openLimit=1)
WEEKLY = all_day(advance="OnSchedule", recurrence={"frequency": "Weekly"})
CLOSED = Phase.CLOSED

PLANS = [
    pytest.param(DAILY, None, MONDAY_EIGHT, ["Create Mon"], id="its first day is that of its creation, which goes on"),
    pytest.param(FRIDAYS, None, MONDAY_EIGHT, ["Create Fri"], id="or the first that the recurrence yields"),
    pytest.param(DAILY, at(DAILY, 1, Phase.PENDING), MONDAY_EVENING, ["Create Mon"], id="not missed all day long"),
    pytest.param(SKIP, at(SKIP, 1, Phase.PENDING), MONDAY_EVENING, ["Create Mon"], id="not by missed Skip either"),
    pytest.param(DAILY, at(DAILY, 1, Phase.PENDING), THURSDAY_TEN, ["Create Thu"], id="the latest missed is today"),
    pytest.param(SKIP, at(SKIP, 1, Phase.PENDING), THURSDAY_TEN, ["Create Thu"], id="missed Skip: the first ahead"),
    pytest.param(ALL, at(ALL, 1, Phase.PENDING), THURSDAY_TEN, ["Create Mon"], id="missed All makes each"),
    pytest.param(ON_SCHEDULE, None, MONDAY_EIGHT, ["Create Mon", "Arm Mon 23:00"], id="by the calendar, at midnight"),
    pytest.param(
        ON_SCHEDULE, at(ON_SCHEDULE, 1, CLOSED), MIDNIGHT + DAY, ["Create Tue", "Arm Tue 23:00"],
        id="by the calendar: when its day begins",
    ),
    pytest.param(
        all_day(advance="OnSchedule", task={"title": "x", "reminders": [{"before": "P1D"}]}), None, MONDAY_EIGHT,
        ["Create Mon", "Create Tue", "Arm Mon 23:00"], id="by the calendar: a day before that, to remind in time",
    ),
    pytest.param(
        NEVER_LATE, at(NEVER_LATE, 1, CLOSED), THURSDAY_TEN, ["Create Thu", "Arm Thu 23:00"],
        id="by the calendar: missed Skip leaves out days that are over, not today",
    ),
    pytest.param(
        SHORT, at(SHORT, 1, CLOSED), THURSDAY_TEN, ["Create Thu", "Arm Thu 23:00"],
        id="by the calendar: today is never older than within",
    ),
    pytest.param(
        ON_SCHEDULE, at(ON_SCHEDULE, 1, CLOSED, calendar="another"), MONDAY_EVENING, ["Arm Mon 23:00"],
        id="by the calendar: after an edit a day that was decided is not decided anew",
    ),
    pytest.param(
        ON_SCHEDULE, at(ON_SCHEDULE, 1, CLOSED, at=SUNDAY_TEN, outcome=Outcome.CANCELLED), MONDAY_EVENING,
        ["Create Mon", "Arm Mon 23:00"], id="by the calendar: when an end is lifted today is not swallowed",
    ),
    pytest.param(
        WEEKLY, at(WEEKLY, 1, CLOSED, calendar="another", at=SUNDAY_TEN), MONDAY_EVENING,
        ["Create Mon", "Arm Sun 23:00"], id="by the calendar: after an edit today is not swallowed",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("of", "stands", "now", "expected"), PLANS)
def test_plans(of: TaskSchedule, stands: Cursor | None, now: datetime, expected: list[str]) -> None:
    assert planned(of, stands, now) == expected


@pytest.mark.parametrize("of", [DAILY, ON_SCHEDULE, AFTER, FRIDAYS])
def test_a_second_look_finds_nothing_to_do(of: TaskSchedule) -> None:
    plan = schedule.plan(seen_schedule(of), MONDAY_TEN)
    (status,) = [each.status for each in plan if isinstance(each, act.WriteStatus)]
    assert isinstance(status, TaskScheduleStatus)
    noted = of.model_copy(update={"status": status})
    made = [
        occurrence(noted, at(noted, number), title=spec.title, due_on=spec.due_on, occurrence=spec.occurrence)
        for number, spec in enumerate((each.spec for each in plan if isinstance(each, act.CreateTask)), 1)
    ]
    alarms = [each.at for each in plan if isinstance(each, act.Arm)]
    again = schedule.plan(seen_schedule(noted, *made, alarm=alarms[0] if alarms else None), MONDAY_EVENING)
    assert [each for each in again if not isinstance(each, act.Publish)] == []


NEXT = [
    pytest.param(DAILY, MONDAY_TEN, "Tue", id="done on its day: the next day"),
    pytest.param(DAILY, SUNDAY_TEN, "Tue", id="done early: the next day"),
    pytest.param(DAILY, TUESDAY_TEN, "Tue", id="done late: the day that goes on"),
    pytest.param(DAILY, THURSDAY_TEN, "Thu", id="done very late: likewise"),
    pytest.param(ALL, THURSDAY_TEN, "Tue", id="done late with missed All: the next one all the same"),
    pytest.param(AFTER, THURSDAY_TEN, "Sun", id="after completion: so many days after that of the completion"),
]


@pytest.mark.parametrize(("of", "closed_at", "expected"), NEXT)
def test_the_day_after_a_completion(of: TaskSchedule, closed_at: datetime, expected: str) -> None:
    following = advance(of, at(of, 1), closed_at)
    assert following is not None
    assert (following.sequence, f"{following.local:%a %H:%M}") == (2, f"{expected} 00:00")


def test_without_room_it_waits_until_its_day_is_over() -> None:
    open_one = occurrence(ONE_OPEN, at(ONE_OPEN, 1, CLOSED))
    look = seen_schedule(with_cursor(ONE_OPEN, at(ONE_OPEN, 1, CLOSED)), open_one)
    assert effects(schedule.plan(look, TUESDAY_TEN)) == ["Arm Tue 22:59"]
    (written,) = [each for each in schedule.plan(look, TUESDAY_TEN + DAY) if isinstance(each, act.WriteStatus)]
    assert isinstance(written.status, TaskScheduleStatus)
    assert written.status.cursor
    assert written.status.cursor.sequence == 2


def test_an_override_moves_it_to_another_date() -> None:
    fridays = all_day(
        recurrence={"frequency": "Weekly", "weekdays": ["Fri"]},
        overrides=[{"occurrence": "2026-11-27", "moveTo": "2026-11-28", "task": {"title": "Late"}}],
    )
    (created,) = [
        each for each in schedule.plan(seen_schedule(fridays), MONDAY_TEN) if isinstance(each, act.CreateTask)
    ]
    made = created.spec
    assert (made.title, made.due_on) == ("Late", date(2026, 11, 28))
    assert made.occurrence
    assert f"{made.occurrence.local:%a %H:%M}" == "Fri 00:00"


def test_a_series_that_becomes_all_day_takes_its_open_task_along() -> None:
    at_six = timed(start="2026-11-23T18:00")
    open_one = occurrence(at_six, at(at_six, 1, at=MIDNIGHT + timedelta(hours=18)))
    stands = at(DAILY, 1, at=MIDNIGHT + timedelta(hours=18), calendar=calendar_of(at_six.spec))
    assert planned(DAILY, stands, MONDAY_TEN, open_one) == ["Amend Mon"]
    of_time = timed(start="2026-11-23T18:00", advance="OnSchedule", leadTime="PT12H")
    decided = at(of_time, 1, CLOSED, at=MIDNIGHT + timedelta(hours=18))
    kept = planned(ON_SCHEDULE, decided, MONDAY_TEN, occurrence(of_time, decided))
    assert kept == ["RetireTask", "Create Mon", "Arm Mon 23:00"]


def test_what_is_said_of_it_is_a_date() -> None:
    (written,) = [each for each in schedule.plan(seen_schedule(DAILY), MONDAY_TEN) if isinstance(each, act.WriteStatus)]
    status = written.status
    assert isinstance(status, TaskScheduleStatus)
    assert status.summary == "Every day, Europe/Berlin"
    assert [each.local for each in status.next_occurrences] == [date(2026, 11, day) for day in (24, 25, 26)]
    assert next(each.note for each in told(DAILY, status)).endswith("due 2026-11-23 Europe/Berlin")


MIXED = [
    pytest.param({"recurrence": {"frequency": "Daily", "until": "2026-12-01T09:00"}}, id="until a time"),
    pytest.param(
        {"recurrence": {"frequency": "Daily", "excludedDates": ["2026-12-01T09:00"]}}, id="an excluded time",
    ),
    pytest.param({"start": "2026-11-23T09:00", "overrides": [{"occurrence": "2026-11-24", "skip": True}]},
        id="a date in a series of times"),
    pytest.param({"recurrence": {"cron": "0 9 * * *"}}, id="cron"),
    pytest.param({"recurrence": {"frequency": "Hourly"}}, id="hourly"),
    pytest.param(
        {"advance": "AfterCompletion", "recurrence": {"frequency": "Minutely"}}, id="minutes after",
    ),
]  # fmt: skip


@pytest.mark.parametrize("spec", MIXED)
def test_what_cannot_be_all_day_stalls(spec: dict[str, Any]) -> None:
    plan = schedule.plan(seen_schedule(all_day(**spec)), MONDAY_TEN)
    (written,) = [each for each in plan if isinstance(each, act.WriteStatus)]
    assert [each.reason for each in written.status.conditions if each.type == conditions.STALLED] == ["InvalidRule"]
    assert effects(plan) == []


def due_on_monday(*before: str, **spec: Any) -> Task:
    told_of = TaskStatus(published=PublishedTask(generation=1, state=State.OPEN))
    return one_off(status=told_of, dueOn="2026-11-23", reminders=[{"before": each} for each in before], **spec)


REMINDERS = [
    pytest.param(due_on_monday("PT0M"), MONDAY_EIGHT, "Mon 08:00 Pending", id="at nine of its day"),
    pytest.param(
        due_on_monday("PT0M", reminderTime="18:30"), MONDAY_EIGHT, "Mon 17:30 Pending", id="or at reminderTime"
    ),
    pytest.param(due_on_monday("-P1D"), MONDAY_EIGHT, "Tue 08:00 Pending", id="the day after"),
    pytest.param(due_on_monday("PT0M"), MONDAY_EVENING, "Mon 08:00 Pending", id="late, but on its day it still goes"),
    pytest.param(due_on_monday("PT0M"), TUESDAY_TEN, "Mon 08:00 Expired", id="an hour after its day it does not"),
    pytest.param(due_on_monday("P1D"), MONDAY_EIGHT, "Sun 08:00 Expired", id="it lay before the task was created"),
]


@pytest.mark.parametrize(("of", "now", "expected"), REMINDERS)
def test_reminders(of: Task, now: datetime, expected: str) -> None:
    plan = task.plan(seen_task(of, broker_away=True), now)
    (written,) = [each.status for each in plan if isinstance(each, act.WriteStatus)]
    assert isinstance(written, TaskStatus)
    (reminder,) = written.reminders
    assert f"{reminder.remind_at:%a %H:%M} {reminder.state}" == expected
    sent = [each for action in plan if isinstance(action, act.Publish) for each in action.tellings]
    assert bool(sent) is (reminder.state is ReminderState.PENDING and reminder.remind_at <= now)
