"""From two statuses to the sentences that `kubectl describe` shows."""

from datetime import timedelta
from typing import Any

import pytest

from taskbell.lifecycle import story
from taskbell.lifecycle.testing import MONDAY_SEVEN, cursor, one_off, schedule, standing_at
from taskbell.resources import (
    Condition,
    ConditionStatus,
    Cursor,
    Outcome,
    Phase,
    ReminderState,
    ReminderStatus,
    State,
    TaskScheduleStatus,
    TaskStatus,
)

DAILY = schedule()
AT_SEVEN_FORTY_FIVE = MONDAY_SEVEN + timedelta(minutes=45)


def at(sequence: int, phase: Phase, **changes: Any) -> Cursor:
    return cursor(DAILY, sequence, phase=phase, **changes)


def condition(type_: str, reason: str, message: str = "", *, holds: bool = True) -> Condition:
    status = ConditionStatus.TRUE if holds else ConditionStatus.FALSE
    return Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=MONDAY_SEVEN,
        observed_generation=1,
    )


PENDING, OPEN, CLOSED = Phase.PENDING, Phase.OPEN, Phase.CLOSED
FIRST, SECOND = "standup-5c4ed-1", "standup-5c4ed-2"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param(None, at(1, PENDING), [], id="what is to come has not happened"),
        pytest.param(
            None,
            at(1, OPEN),
            [("TaskCreated", f"created task {FIRST}, due 2026-11-23T09:00 Europe/Berlin")],
            id="the first task",
        ),
        pytest.param(
            at(2, PENDING),
            at(2, OPEN),
            [("TaskCreated", f"created task {SECOND}, due 2026-11-24T09:00 Europe/Berlin")],
            id="the next task",
        ),
        pytest.param(
            at(1, CLOSED, outcome=Outcome.COMPLETED),
            at(2, OPEN),
            [("TaskCreated", f"created task {SECOND}, due 2026-11-24T09:00 Europe/Berlin")],
            id="the next task, by one write for all that happened since",
        ),
        pytest.param(
            at(1, OPEN),
            at(1, CLOSED, outcome=Outcome.COMPLETED),
            [("TaskCompleted", f"task {FIRST} was completed")],
            id="completed",
        ),
        pytest.param(
            at(1, OPEN),
            at(1, CLOSED, outcome=Outcome.SKIPPED),
            [("TaskSkipped", f"task {FIRST} was skipped")],
            id="skipped",
        ),
        pytest.param(
            at(1, OPEN),
            at(1, CLOSED, outcome=Outcome.DELETED),
            [("TaskDeleted", f"task {FIRST} was deleted: the occurrence is skipped")],
            id="deleted",
        ),
        pytest.param(
            at(1, OPEN),
            at(1, CLOSED, outcome=Outcome.CANCELLED),
            [("OccurrenceCancelled", f"the occurrence of task {FIRST} is cancelled")],
            id="cancelled",
        ),
        pytest.param(
            at(2, OPEN),
            at(1, OPEN),
            [("Reopened", f"task {FIRST} is open again: its successor is taken back")],
            id="reopened",
        ),
        pytest.param(
            at(1, OPEN),
            at(1, OPEN, days=2),
            [("Rescheduled", f"moved task {FIRST}: due 2026-11-25T09:00 Europe/Berlin")],
            id="moved by an edit",
        ),
        pytest.param(
            at(1, PENDING),
            at(1, PENDING, days=3),
            [("Missed", "its time passed before it could be created: 2026-11-26T09:00 Europe/Berlin follows")],
            id="missed while suspended",
        ),
        pytest.param(
            at(1, PENDING),
            at(1, OPEN, days=3),
            [
                ("Missed", "its time passed before it could be created: 2026-11-26T09:00 Europe/Berlin follows"),
                ("TaskCreated", f"created task {FIRST}, due 2026-11-26T09:00 Europe/Berlin"),
            ],
            id="missed, and the next one made",
        ),
        pytest.param(at(1, PENDING), at(1, PENDING, days=3, calendar="other"), [], id="an edit of the calendar"),
        pytest.param(at(1, OPEN), at(1, OPEN), [], id="nothing"),
        pytest.param(at(1, OPEN), None, [], id="a status that was lost"),
    ],
)
def test_a_cursor_that_moves(old: Cursor | None, new: Cursor | None, told: list[tuple[str, str]]) -> None:
    records = story.told(standing_at(DAILY, old), TaskScheduleStatus(cursor=new))
    assert [(record.reason, record.note) for record in records] == told


def test_where_the_calendar_decides_it_says_how_far() -> None:
    of = schedule(advance="OnSchedule")
    first, second = (cursor(of, sequence, phase=CLOSED) for sequence in (1, 2))
    (record,) = story.told(standing_at(of, first), TaskScheduleStatus(cursor=second))
    assert (record.reason, record.note) == ("Decided", "decided what is due 2026-11-24T09:00 Europe/Berlin")
    assert (
        story.told(standing_at(of, first), TaskScheduleStatus(cursor=first.model_copy(update={"calendar": "x"}))) == ()
    )


@pytest.mark.parametrize("kind", ["Blocked", "NoSuchOccurrence"])
def test_what_a_person_should_look_at_is_a_warning(kind: str) -> None:
    (record,) = story.told(DAILY, TaskScheduleStatus(conditions=(condition(kind, "Why", "because"),)))
    assert (record.reason, record.note, record.warning) == ("Why", "because", True)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param((), (condition("Ready", "Scheduled"),), [], id="ready from the start"),
        pytest.param((), (condition("Stalled", "TooCostly", "why"),), ["TooCostly"], id="stalled"),
        pytest.param(
            (condition("Stalled", "TooCostly"),), (condition("Stalled", "NameTaken"),), ["NameTaken"], id="anew"
        ),
        pytest.param(
            (condition("Stalled", "TooCostly"),), (condition("Stalled", "TooCostly"),), [], id="still stalled"
        ),
        pytest.param(
            (condition("Stalled", "TooCostly"),), (condition("Ready", "Scheduled"),), ["Recovered"], id="mended"
        ),
        pytest.param((), (condition("Ready", "Suspended"),), ["Suspended"], id="suspended"),
        pytest.param((condition("Ready", "Suspended"),), (condition("Ready", "Scheduled"),), ["Resumed"], id="resumed"),
        pytest.param((), (condition("Complete", "Exhausted"),), ["Exhausted"], id="exhausted"),
        pytest.param((), (condition("Complete", "Cancelled"),), ["Cancelled"], id="ended by endsAt"),
        pytest.param((), (condition("Reopened", "ReopenedBelowCursor"),), ["ReopenedBelowCursor"], id="reopened"),
        pytest.param((), (condition("Ready", "TooCostly", holds=False),), [], id="not ready says the stall"),
    ],
)
def test_conditions_that_change(old: tuple[Condition, ...], new: tuple[Condition, ...], told: list[str]) -> None:
    before = DAILY.model_copy(update={"status": TaskScheduleStatus(conditions=old)})
    assert [record.reason for record in story.told(before, TaskScheduleStatus(conditions=new))] == told


def test_only_what_somebody_has_to_mend_is_a_warning() -> None:
    stalled = TaskScheduleStatus(conditions=(condition("Stalled", "TooCostly", "why"),), cursor=at(1, OPEN))
    records = story.told(DAILY, stalled)
    assert {record.reason: record.warning for record in records} == {"TaskCreated": False, "TooCostly": True}


def reminder(state: ReminderState) -> ReminderStatus:
    return ReminderStatus(id="PT15M", remind_at=AT_SEVEN_FORTY_FIVE, state=state)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param({}, {"phase": State.COMPLETED}, ["Completed"], id="completed"),
        pytest.param({}, {"phase": State.SKIPPED}, ["Skipped"], id="skipped"),
        pytest.param({"phase": State.COMPLETED}, {"phase": State.OPEN}, ["Reopened"], id="reopened"),
        pytest.param({}, {"reminders": (reminder(ReminderState.PENDING),)}, [], id="a reminder to come"),
        pytest.param({}, {"reminders": (reminder(ReminderState.PUBLISHED),)}, ["Reminded"], id="a reminder sent"),
        pytest.param(
            {"observed_generation": 1},
            {"reminders": (reminder(ReminderState.EXPIRED),)},
            ["ReminderExpired"],
            id="a reminder too late",
        ),
        pytest.param({}, {"reminders": (reminder(ReminderState.EXPIRED),)}, [], id="one that was never to be sent"),
        pytest.param(
            {"reminders": (reminder(ReminderState.PUBLISHED),)},
            {"reminders": (reminder(ReminderState.PUBLISHED),)},
            [],
            id="one sent before",
        ),
        pytest.param({}, {"conditions": (condition("Stalled", "UnknownZone"),)}, ["UnknownZone"], id="stalled"),
        pytest.param({}, {"conditions": (condition("Complete", "Completed"),)}, [], id="its phase says it already"),
    ],
)
def test_a_task(old: dict[str, Any], new: dict[str, Any], told: list[str]) -> None:
    before = one_off(status=TaskStatus(**old))
    assert [record.reason for record in story.told(before, TaskStatus(**{**old, **new}))] == told


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        pytest.param({"phase": State.COMPLETED}, False, id="another state"),
        pytest.param({"closed_at": MONDAY_SEVEN}, False, id="closed anew"),
        pytest.param({"observed_generation": 7}, True, id="anything else"),
    ],
)
def test_what_may_be_written_later(change: dict[str, Any], waits: bool) -> None:
    assert story.may_wait(one_off(), TaskStatus(**change)) is waits


def test_what_a_schedule_notes_may_always_be_written_later() -> None:
    assert story.may_wait(standing_at(DAILY, at(1, OPEN)), TaskScheduleStatus(cursor=at(1, CLOSED)))


def test_a_status_of_another_kind_tells_nothing() -> None:
    assert story.told(one_off(), TaskScheduleStatus()) == ()
