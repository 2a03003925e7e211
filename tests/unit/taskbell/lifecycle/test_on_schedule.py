"""Schedules that follow their calendar: one look, and what is decided then."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskbell.lifecycle import actions as act
from taskbell.lifecycle.actions import Action
from taskbell.lifecycle.schedule import ObservedSchedule, plan
from taskbell.lifecycle.testing import MONDAY_SEVEN, cursor, occurrence, schedule, seen_schedule, standing_at
from taskbell.resources import Cursor, Outcome, Phase, State, Task, TaskSchedule, TaskScheduleStatus, TaskStatus

NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""Monday, nine in Berlin: when the first occurrence is due."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEN = NINE + HOUR


def daily(**spec: Any) -> TaskSchedule:
    return schedule(advance="OnSchedule", **spec)


DAILY = daily()
REMINDING = daily(task={"title": "x", "reminders": [{"before": "PT1H"}, {"before": "P1D"}, {"before": "-P2D"}]})
HOURLY = daily(recurrence={"frequency": "Hourly"})
TWICE = daily(recurrence={"frequency": "Daily", "count": 2})
ENDED = daily(endsAt="2026-11-24T12:00:00Z", leadTime="P3D")
FRIDAYS = daily(recurrence={"frequency": "Weekly", "weekdays": ["Fri"]})
AHEAD = daily(leadTime="P3D")
SKIPPING, REPLACING = daily(overlap="Skip"), daily(overlap="Replace")
TWO = daily(openLimit=2)
ALL, NONE = daily(missed={"policy": "All"}), daily(missed={"policy": "Skip"})


def at(sequence: int, of: TaskSchedule = DAILY, **changes: Any) -> Cursor:
    """The place of the daily occurrence number `sequence`, decided."""
    return cursor(of, sequence, phase=Phase.CLOSED, **changes)


def made(sequence: int, of: TaskSchedule = DAILY, **changes: Any) -> Task:
    return occurrence(of, at(sequence, of), **changes)


def done(sequence: int, of: TaskSchedule = DAILY) -> Task:
    end = TaskStatus(phase=State.COMPLETED, closed_at=NINE)
    return occurrence(of, at(sequence, of), state=State.COMPLETED, status=end)


LEFT_AT_ITS_END = at(4, outcome=Outcome.CANCELLED, local=datetime(2026, 11, 23, 9, 30), at=NINE + HOUR / 2)  # noqa: DTZ001


def look(of: TaskSchedule, stands: Cursor | None, *tasks: Task, alarm: datetime | None = None) -> ObservedSchedule:
    return seen_schedule(standing_at(of, stands), *tasks, alarm=alarm)


def effects(actions: Iterable[Action]) -> list[str]:
    words = []
    for action in actions:
        match action:
            case act.CreateTask(spec=spec):
                words.append(f"Create {spec.occurrence.sequence if spec.occurrence else None} {spec.due_at:%a %H:%M}")
            case act.RetireTask(task=task, reason=reason):
                words.append(f"Retire {task.spec.occurrence.sequence if task.spec.occurrence else None} {reason}")
            case act.CloseTask(task=task) | act.AmendTask(task=task):
                number = task.spec.occurrence.sequence if task.spec.occurrence else None
                words.append(f"{type(action).__name__.removesuffix('Task')} {number}")
            case act.Arm(at=when):
                words.append(f"Arm {when:%a %H:%M}")
            case act.WriteStatus() | act.Publish():
                pass
            case _:
                words.append(type(action).__name__)
    return words


def stored(actions: tuple[Action, ...]) -> TaskScheduleStatus:
    (status,) = [action.status for action in actions if isinstance(action, act.WriteStatus)]
    assert isinstance(actions[-1], act.WriteStatus)
    assert isinstance(status, TaskScheduleStatus)
    return status


ROWS = [
    pytest.param(look(DAILY, None), MONDAY_SEVEN, ["Arm Mon 08:00"], 0, id="the first one is waited for"),
    pytest.param(look(DAILY, None), NINE, ["Create 1 Mon 08:00", "Arm Tue 08:00"], 1, id="due, it is made"),
    pytest.param(
        look(DAILY, at(1), made(1)), NINE + DAY, ["Create 2 Tue 08:00", "Arm Wed 08:00"], 2,
        id="the next is made whatever became of the one before",
    ),
    pytest.param(look(DAILY, at(1), made(1)), TEN, ["Arm Tue 08:00"], 1, id="nothing at or before it is decided again"),
    pytest.param(
        look(DAILY, at(1)), TEN, ["Arm Tue 08:00"], 1, id="a deleted one is skipped",
    ),
    pytest.param(
        look(DAILY, at(1), made(2)), TEN, ["Arm Wed 08:00"], 2,
        id="one that exists was decided, if the status knows or not",
    ),
    pytest.param(
        look(DAILY, None, made(2), done(1)), TEN, ["Arm Wed 08:00"], 2, id="a lost status stands at the highest",
    ),
    pytest.param(
        look(AHEAD, None), MONDAY_SEVEN,
        ["Create 1 Mon 08:00", "Create 2 Tue 08:00", "Create 3 Wed 08:00", "Arm Mon 08:00"], 3,
        id="the lead time before they are due they appear",
    ),
    pytest.param(
        look(REMINDING, None), MONDAY_SEVEN, ["Create 1 Mon 08:00", "Arm Mon 08:00"], 1,
        id="without a lead time it is the largest reminder",
    ),
    pytest.param(
        look(daily(suspend=True), at(1), made(1)), NINE + DAY, [], 1, id="while suspended nothing is decided",
    ),
    pytest.param(
        look(SKIPPING, at(1, SKIPPING), made(1, SKIPPING)), NINE + DAY, ["Arm Wed 08:00"], 2,
        id="overlap Skip: the one before is open, so there is none",
    ),
    pytest.param(
        look(SKIPPING, at(1, SKIPPING), done(1, SKIPPING)), NINE + DAY, ["Create 2 Tue 08:00", "Arm Wed 08:00"], 2,
        id="overlap Skip: the one before is closed",
    ),
    pytest.param(
        look(daily(overlap="Skip", leadTime="P3D"), None), MONDAY_SEVEN, ["Create 1 Mon 08:00", "Arm Tue 08:00"], 1,
        id="overlap Skip: while the one before is open, decided only when due",
    ),
    pytest.param(
        look(REPLACING, at(1, REPLACING), made(1, REPLACING)), NINE + DAY,
        ["Close 1", "Create 2 Tue 08:00", "Arm Wed 08:00"], 2, id="overlap Replace: the new one in place of the old",
    ),
    pytest.param(
        look(REPLACING, at(1, REPLACING), made(1, REPLACING, state=State.SKIPPED, status=TaskStatus())), NINE + DAY,
        ["Create 2 Tue 08:00", "Arm Wed 08:00"], 2, id="overlap Replace: a pass broke off after the closing",
    ),
    pytest.param(
        look(HOURLY, None), NINE + 3 * HOUR, ["Create 4 Mon 11:00", "Arm Mon 12:00"], 4,
        id="of several missed ones the latest is made",
    ),
    pytest.param(
        look(DAILY, at(1)), NINE + 10 * DAY, ["Create 11 Thu 08:00", "Arm Fri 08:00"], 11, id="missed for ten days",
    ),
    pytest.param(
        look(daily(missed={"within": "PT1H"}), at(1)), NINE + DAY + 2 * HOUR, ["Arm Wed 08:00"], 2,
        id="a missed one that is too old is not made",
    ),
    pytest.param(
        look(ALL, at(1, ALL), made(1, ALL)), NINE + 3 * DAY + HOUR,
        ["Create 2 Tue 08:00", "Create 3 Wed 08:00", "Create 4 Thu 08:00", "Arm Fri 08:00"], 4, id="missed: All",
    ),
    pytest.param(
        look(daily(missed={"policy": "All", "within": "P31D"}, openLimit=100), at(1)), NINE + 20 * DAY,
        [*(f"Create {n} {NINE + (n - 1) * DAY:%a} 08:00" for n in range(12, 22)), "Arm Mon 08:00"], 21,
        id="missed: All makes ten at most",
    ),
    pytest.param(
        look(NONE, at(1, NONE)), NINE + 3 * DAY + HOUR, ["Arm Fri 08:00"], 4, id="missed: Skip",
    ),
    pytest.param(
        look(NONE, at(1, NONE)), NINE + 3 * DAY + timedelta(seconds=50), ["Create 4 Thu 08:00", "Arm Fri 08:00"], 4,
        id="missed: Skip makes one that is only just due",
    ),
    pytest.param(
        look(TWO, at(2, TWO), made(1, TWO), made(2, TWO)), NINE + 2 * DAY, ["Arm Thu 08:00"], 3,
        id="without room it is missed when it is due",
    ),
    pytest.param(
        look(daily(openLimit=2, leadTime="P3D"), None), MONDAY_SEVEN,
        ["Create 1 Mon 08:00", "Create 2 Tue 08:00", "Arm Wed 08:00"], 2, id="without room it waits until it is due",
    ),
    pytest.param(
        look(TWICE, at(2, TWICE), made(2, TWICE)), NINE + 5 * DAY, [], 2, id="exhausted",
    ),
    pytest.param(
        look(FRIDAYS, at(3), made(1), made(2), made(3)), TEN,
        ["Retire 2 Rescheduled", "Retire 3 Rescheduled", "Arm Fri 08:00"], 3,
        id="an edit takes away what lies ahead and the calendar lacks; what is due stays",
    ),
    pytest.param(
        look(FRIDAYS, at(3), made(2, meta={"generation": 2})), TEN, ["Arm Fri 08:00"], 3,
        id="an edit leaves what a person changed",
    ),
    pytest.param(
        look(AHEAD, at(2), made(1), made(2)), TEN, ["Create 3 Wed 08:00", "Create 4 Thu 08:00", "Arm Tue 08:00"], 4,
        id="an edit makes what is missing ahead, and nothing twice",
    ),
    pytest.param(
        look(ENDED, at(4, ENDED), *(made(n, ENDED) for n in (1, 2, 3, 4))), TEN,
        ["Retire 3 Cancelled", "Retire 4 Cancelled"], 4, id="endsAt takes away what lies after it",
    ),
    pytest.param(
        look(DAILY, LEFT_AT_ITS_END, made(1)),
        TEN, ["Arm Tue 08:00"], 4,
        id="endsAt lifted: what lies ahead comes again under new numbers",
    ),
    pytest.param(
        look(DAILY, at(4, days=1, outcome=Outcome.CANCELLED)), NINE + 5 * DAY + HOUR, ["Arm Sun 08:00"], 4,
        id="endsAt lifted: what passed meanwhile does not",
    ),
    pytest.param(
        look(daily(task={"title": "Sit-down"}), at(1), made(1)), TEN, ["Amend 1", "Arm Tue 08:00"], 1,
        id="an edit of the template amends what is open",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("observed", "now", "planned", "sequence"), ROWS)
def test_what_is_decided(observed: ObservedSchedule, now: datetime, planned: list[str], sequence: int) -> None:
    actions = plan(observed, now)
    assert effects(actions) == planned
    cursor = stored(actions).cursor
    assert (cursor.sequence if cursor else 0) == sequence
    assert cursor is None or (cursor.phase, cursor.closed_at) == (Phase.CLOSED, None)


@pytest.mark.parametrize(("observed", "now", "planned", "sequence"), ROWS)
def test_once_decided_it_is_not_decided_again(
    observed: ObservedSchedule, now: datetime, planned: list[str], sequence: int
) -> None:
    """The same look with the status that was written, the Tasks that were made and without those that were retired."""
    del planned, sequence
    actions = plan(observed, now)
    retired = {each.task.metadata.name for each in actions if isinstance(each, act.RetireTask | act.CloseTask)}
    tasks = [task for task in observed.tasks if task.metadata.name not in retired]
    for action in actions:
        if isinstance(action, act.CreateTask) and action.spec.occurrence:
            spec = action.spec.occurrence
            place = Cursor(sequence=spec.sequence, local=spec.local, fold=spec.fold, at=spec.at, phase=Phase.OPEN)
            tasks.append(occurrence(observed.schedule, place))
    alarm = next((each.at for each in actions if isinstance(each, act.Arm)), None)
    settled = observed.schedule.model_copy(update={"status": stored(actions)})
    again = effects(plan(seen_schedule(settled, *tasks, alarm=alarm), now))
    assert [each for each in again if not each.startswith("Amend")] == []


def test_the_conditions_say_why_nothing_is_made() -> None:
    full = daily(openLimit=2, leadTime="P3D")
    status = stored(plan(look(full, at(2, full), made(1, full), made(2, full)), TEN))
    assert {each.type: each.reason for each in status.conditions} == {"Ready": "Scheduled", "Blocked": "OpenLimit"}
    over = daily(recurrence={"frequency": "Daily", "count": 1})
    status = stored(plan(look(over, at(1, over)), TEN))
    assert {each.type: each.reason for each in status.conditions} == {"Ready": "Scheduled", "Complete": "Exhausted"}
    ended = daily(endsAt="2026-11-23T12:00:00Z")
    status = stored(plan(look(ended, at(1, ended)), TEN))
    assert {each.type: each.reason for each in status.conditions} == {"Ready": "Scheduled", "Complete": "Cancelled"}


@pytest.mark.parametrize("overlap", ["Skip", "Replace"])
def test_an_edit_that_puts_the_next_before_one_that_was_made_is_followed_in_time(overlap: str) -> None:
    """Tomorrow's was made ahead and is done; then the schedule moves to the evening."""
    evenings = daily(overlap=overlap, start="2026-11-23T18:00", leadTime="P2D")
    stands = at(2, evenings, local=datetime(2026, 11, 23, 9, 30), at=NINE + HOUR / 2)  # noqa: DTZ001
    actions = plan(look(evenings, stands, done(2)), NINE + 9 * HOUR)
    assert "Create 3 Mon 17:00" in effects(actions)


@pytest.mark.parametrize("ends_at", ["2026-11-24T07:00:00Z", "2026-11-23T08:30:00Z"], ids=["ahead", "past"])
def test_a_schedule_that_ends_before_its_next_occurrence_comes_to_rest(ends_at: str) -> None:
    ending = daily(endsAt=ends_at)
    first = stored(plan(look(ending, at(1, ending), made(1, ending)), TEN))
    assert first.cursor
    assert first.cursor.outcome is Outcome.CANCELLED
    noted = ending.model_copy(update={"status": first})
    for moment in (TEN + timedelta(microseconds=1), TEN + HOUR):
        again = plan(seen_schedule(noted, made(1, ending)), moment)
        assert not any(isinstance(action, act.WriteStatus) for action in again)


def test_an_alarm_nobody_needs_is_taken_away() -> None:
    waiting = schedule()
    actions = plan(look(waiting, cursor(waiting), occurrence(waiting, cursor(waiting)), alarm=TEN), MONDAY_SEVEN)
    assert act.Disarm() in actions


def test_from_on_schedule_to_waiting_it_stands_at_its_highest_task() -> None:
    waiting = schedule()
    status = stored(plan(look(waiting, at(3), made(1), made(2), made(3)), TEN))
    assert status.cursor is not None
    assert (status.cursor.sequence, status.cursor.phase, status.reopened) == (3, Phase.OPEN, (1, 2))


def test_from_on_schedule_to_waiting_without_tasks_it_goes_on() -> None:
    waiting = schedule()
    status = stored(plan(look(waiting, at(1)), TEN))
    assert status.cursor is not None
    assert (status.cursor.sequence, status.cursor.phase) == (1, Phase.CLOSED)


def test_from_waiting_to_on_schedule_what_is_open_stays() -> None:
    waiting = schedule()
    actions = plan(look(DAILY, cursor(waiting), occurrence(waiting, cursor(waiting))), TEN)
    assert effects(actions) == ["Arm Tue 08:00"]
