"""Bugs that are put into the production code to see whether the simulator finds them.

A bug is a function that plants itself, and its name a sentence. `SHOWS` pins a life that finds it soon.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from task_operator.alarms import AlarmKeeper
from task_operator.cache import Key
from task_operator.leader import Elector
from task_operator.publisher import Publisher
from task_operator.queue import WorkQueue
from task_operator.wakeups import Wakeups
from taskbell.calendar import zones
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.lifecycle import actions as act
from taskbell.lifecycle import cursor as cursors
from taskbell.lifecycle import on_schedule
from taskbell.lifecycle import schedule as schedules
from taskbell.lifecycle import task as tasks
from taskbell.resources import (
    SNOOZE,
    Advance,
    Cursor,
    OccurrenceRef,
    Outcome,
    Overlap,
    Phase,
    ReminderState,
    Task,
    TaskSchedule,
    TaskScheduleSpec,
    TaskStatus,
)

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Bug:
    """`shows`: the seed of a life in which it shows soon, and how many years of it; None where only a search finds one
    (make simulate-planted)."""

    plant: Plant
    shows: tuple[int, float] | None

    @property
    def name(self) -> str:
        return self.plant.__name__.strip("_").replace("_", " ")


def status_before_effects(monkeypatch: pytest.MonkeyPatch) -> None:
    right = schedules.plan

    def status_first(observed: schedules.ObservedSchedule, now: datetime) -> tuple[act.Action, ...]:
        return tuple(sorted(right(observed, now), key=lambda action: not isinstance(action, act.WriteStatus)))

    monkeypatch.setattr(schedules, "plan", status_first)


def alarm_not_rearmed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = AlarmKeeper.arm

    def once(self: AlarmKeeper, uid: str, at: datetime) -> None:
        if uid not in self._armed:
            right(self, uid, at)

    monkeypatch.setattr(AlarmKeeper, "arm", once)


def lost_alarms_not_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Wakeups.alarm

    def trusting(self: Wakeups, key: Key, at: datetime) -> None:
        right(self, key, at + timedelta(days=1))

    monkeypatch.setattr(Wakeups, "alarm", trusting)


def reminder_after_close(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tasks._state

    def never_cancelled(*arguments: Any) -> ReminderState:
        state = right(*arguments)
        return ReminderState.PENDING if state is ReminderState.CANCELLED else state

    monkeypatch.setattr(tasks, "_state", never_cancelled)


def recreate_after_delete(monkeypatch: pytest.MonkeyPatch) -> None:
    right = schedules._closed

    def made_again(picture: schedules._Picture, cursor: Cursor) -> schedules._Next | None:
        if cursor.outcome is Outcome.DELETED and cursor.sequence not in picture.made:
            picture.cursor = cursor.model_copy(update={"phase": Phase.PENDING, "outcome": None, "closed_at": None})
            return schedules._Next.LOOK_AGAIN
        return right(picture, cursor)

    _replace_row(monkeypatch, right, made_again)


def double_advance(monkeypatch: pytest.MonkeyPatch) -> None:
    right = cursors.closed_cursor

    def from_where_it_stands(schedule: TaskSchedule, occurrence: OccurrenceRef) -> Cursor | None:
        return schedule.status.cursor or right(schedule, occurrence)

    monkeypatch.setattr(cursors, "closed_cursor", from_where_it_stands)


def lost_status_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "_stand_at_highest", lambda picture: None)
    _replace_row(monkeypatch, schedules._higher_tasks_exist, lambda picture, cursor: None)


def catching_up_on_all_that_was_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    _replace_row(monkeypatch, schedules._pending_was_missed, lambda picture, cursor: None)


def wrong_order_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Publisher.offer

    def reversed_offer(self: Publisher, key: Key, uid: str, tellings: tuple[act.Telling, ...]) -> None:
        right(self, key, uid, tellings[::-1])

    monkeypatch.setattr(Publisher, "offer", reversed_offer)


def fold_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Series.next_after

    def both(self: Series, moment: datetime, *, local: datetime | None = None, fold: int = 0) -> Occurrence | None:
        if local is not None and fold == 0 and self.place(local).at <= moment:
            second = local.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
            if moment < second and self.place(local).at < second and right(self, moment) is not None:
                return Occurrence(local, 1, second)
        return right(self, moment, local=local, fold=fold)

    monkeypatch.setattr(Series, "next_after", both)


def closing_told_before_it_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tasks._untold

    def as_of_now(*arguments: Any) -> Iterator[act.Telling]:
        task, status, told, now = arguments
        return right(task, status.model_copy(update={"closed_at": now}), told, now)

    monkeypatch.setattr(tasks, "_untold", as_of_now)


def retired_before_the_cursor_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    right = schedules._lower_task_open

    def at_once(picture: schedules._Picture, cursor: Cursor) -> schedules._Next | None:
        return schedules._Next.LOOK_AGAIN if right(picture, cursor) else None

    _replace_row(monkeypatch, right, at_once)


def what_a_person_changed_is_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "touched", lambda task: False)


def let_go_before_the_cursor_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_cursor_knows", lambda observed: True)


def advance_ignores_when_it_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = cursors.advance

    def from_the_occurrence(schedule: TaskSchedule, cursor: Cursor, closed_at: datetime) -> Cursor | None:
        del closed_at
        return right(schedule, cursor, cursor.at)

    monkeypatch.setattr(cursors, "advance", from_the_occurrence)
    monkeypatch.setattr(schedules, "advance", from_the_occurrence)


def finalizer_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "UNTOLD_FINALIZER", timedelta(hours=3))


def failure_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorkQueue, "retry", lambda self, key: 0.0)


def overlap_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    _decide_with(monkeypatch, lambda deciding: setattr(deciding, "overlap", Overlap.ALLOW))


def open_limit_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    _decide_with(monkeypatch, lambda deciding: setattr(deciding, "limit", 100))


def lead_time_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    _decide_with(monkeypatch, lambda deciding: setattr(deciding, "lead", timedelta()))


def burst_after_a_suspension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_schedule._Deciding, "_pass_over_missed", lambda deciding: None)


def missed_is_skipped_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_schedule._Deciding, "_kept", lambda deciding, since, until: 0)


def decided_again_after_an_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_schedule._Deciding, "_exists", lambda deciding, occurrence: False)


def tasks_of_an_old_calendar_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_schedule._Deciding, "_occurs", lambda deciding, task: True)


def ended_schedules_do_not_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_schedule._Deciding, "_comes_again", lambda deciding: True)


def suspension_ignored_by_the_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    _decide_with(
        monkeypatch, lambda deciding: setattr(deciding, "spec", deciding.spec.model_copy(update={"suspend": False}))
    )


def skipped_override_occurs(monkeypatch: pytest.MonkeyPatch) -> None:
    right = cursors.successor

    def all_of_them(spec: TaskScheduleSpec, cursor: Cursor, closed_at: datetime) -> Occurrence | None:
        return right(_without_skips(spec), cursor, closed_at)

    monkeypatch.setattr(cursors, "successor", all_of_them)
    series = property(lambda picture: _without_skips(picture.schedule.spec).series())
    monkeypatch.setattr(schedules._Picture, "series", series)


def override_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TaskScheduleSpec, "override", lambda self, local: None)


def moved_override_reminded_at_the_old_time(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tasks._instants

    def by_the_wall_clock(task: Task) -> Iterator[tuple[str, datetime]]:
        occurrence, due_at = task.spec.occurrence, task.spec.due_at
        if occurrence is not None and due_at == occurrence.at:
            zone = zones.zone(task.spec.time_zone)
            due_at = zones.place(zone, occurrence.local, occurrence.fold)
        return right(task.model_copy(update={"spec": task.spec.model_copy(update={"due_at": due_at})}))

    monkeypatch.setattr(tasks, "_instants", by_the_wall_clock)


def snooze_forgotten_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tasks._due

    def only_what_is_fresh(task: Task, status: TaskStatus, now: datetime) -> Iterator[act.Telling]:
        late = [each for each in status.reminders if each.id == SNOOZE and each.remind_at < now - timedelta(minutes=1)]
        kept = tuple(each for each in status.reminders if each not in late)
        return right(task, status.model_copy(update={"reminders": kept}), now)

    monkeypatch.setattr(tasks, "_due", only_what_is_fresh)


def reminded_during_a_snooze(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tasks._state

    def wide_awake(task: Task, *rest: Any) -> ReminderState:
        return right(task.model_copy(update={"spec": task.spec.model_copy(update={"snoozed_until": None})}), *rest)

    monkeypatch.setattr(tasks, "_state", wide_awake)


def late_reminders_sent_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_expires", lambda *_: False)


def kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_retain", lambda *_: iter(()))


def counted_from_the_due_time(monkeypatch: pytest.MonkeyPatch) -> None:
    right = cursors.successor

    def from_the_occurrence(spec: TaskScheduleSpec, cursor: Cursor, closed_at: datetime) -> Occurrence | None:
        return right(spec, cursor, cursor.at if spec.advance is Advance.AFTER_COMPLETION else closed_at)

    monkeypatch.setattr(cursors, "successor", from_the_occurrence)


def two_leaders_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Elector, "leading", property(lambda elector: elector._deadline is not None))


def _without_skips(spec: TaskScheduleSpec) -> TaskScheduleSpec:
    return spec.model_copy(update={"overrides": tuple(each for each in spec.overrides if not each.skip)})


def _decide_with(monkeypatch: pytest.MonkeyPatch, wrong: Callable[[Any], None]) -> None:
    right = on_schedule._Deciding.run

    def run(deciding: Any) -> None:
        wrong(deciding)
        right(deciding)

    monkeypatch.setattr(on_schedule._Deciding, "run", run)


def _replace_row(
    monkeypatch: pytest.MonkeyPatch, right: Callable[..., object], wrong: Callable[..., schedules._Next | None]
) -> None:
    rows = tuple(wrong if row is right else row for row in schedules.ROWS)
    assert rows != schedules.ROWS
    monkeypatch.setattr(schedules, "ROWS", rows)


SHOWS: dict[Plant, tuple[int, float]] = {
    status_before_effects: (0, 0.3),
    alarm_not_rearmed: (0, 0.3),
    lost_alarms_not_noticed: (0, 0.3),
    reminder_after_close: (0, 0.3),
    recreate_after_delete: (0, 0.3),
    double_advance: (0, 0.3),
    lost_status_burst: (4, 0.3),
    catching_up_on_all_that_was_missed: (4, 0.3),
    wrong_order_of_events: (1, 0.3),
    fold_doubled: (160, 0.5),
    closing_told_before_it_is_noted: (5, 0.04),
    retired_before_the_cursor_is_stored: (61, 0.04),
    what_a_person_changed_is_overwritten: (79, 0.04),
    advance_ignores_when_it_was_closed: (0, 0.12),
    finalizer_beyond_its_bound: (174, 0.13),
    failure_not_retried: (4, 0.12),
    overlap_ignored: (2, 0.3),
    open_limit_passed: (1, 0.3),
    lead_time_ignored: (0, 0.3),
    burst_after_a_suspension: (80, 0.04),
    missed_is_skipped_in_silence: (0, 0.12),
    decided_again_after_an_edit: (0, 0.12),
    tasks_of_an_old_calendar_stay: (133, 0.1),
    ended_schedules_do_not_rest: (5, 0.12),
    suspension_ignored_by_the_calendar: (5, 0.12),
    skipped_override_occurs: (1, 0.04),
    override_changes_nothing: (89, 0.04),
    moved_override_reminded_at_the_old_time: (135, 0.05),
    snooze_forgotten_after_a_restart: (191, 0.05),
    late_reminders_sent_all_the_same: (122, 0.04),
    kept_for_ever: (81, 0.04),
    counted_from_the_due_time: (3, 0.12),
    two_leaders_write: (149, 0.04),
    let_go_before_the_cursor_knows: (9, 0.5),
    reminded_during_a_snooze: (91, 0.04),
}
"""A life in which it shows soon, and how many years of it."""

BUGS = tuple(
    Bug(plant, SHOWS.get(plant))
    for plant in (
        status_before_effects,
        alarm_not_rearmed,
        lost_alarms_not_noticed,
        reminder_after_close,
        recreate_after_delete,
        double_advance,
        lost_status_burst,
        catching_up_on_all_that_was_missed,
        wrong_order_of_events,
        fold_doubled,
        closing_told_before_it_is_noted,
        retired_before_the_cursor_is_stored,
        what_a_person_changed_is_overwritten,
        let_go_before_the_cursor_knows,
        advance_ignores_when_it_was_closed,
        finalizer_beyond_its_bound,
        failure_not_retried,
        overlap_ignored,
        open_limit_passed,
        lead_time_ignored,
        burst_after_a_suspension,
        missed_is_skipped_in_silence,
        decided_again_after_an_edit,
        tasks_of_an_old_calendar_stay,
        ended_schedules_do_not_rest,
        suspension_ignored_by_the_calendar,
        skipped_override_occurs,
        override_changes_nothing,
        moved_override_reminded_at_the_old_time,
        snooze_forgotten_after_a_restart,
        reminded_during_a_snooze,
        late_reminders_sent_all_the_same,
        kept_for_ever,
        counted_from_the_due_time,
        two_leaders_write,
    )
)
