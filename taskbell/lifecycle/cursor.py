"""The cursor: the occurrence a schedule stands at, and its one successor, whoever computes it."""

import hashlib
import json
from datetime import datetime, time
from typing import Any

from taskbell.calendar import completion
from taskbell.calendar.timelines import Occurrence
from taskbell.resources import (
    Advance,
    Cursor,
    MissedPolicy,
    OccurrenceRef,
    Outcome,
    Phase,
    TaskSchedule,
    TaskScheduleSpec,
)


def calendar_of(spec: TaskScheduleSpec) -> str:
    """A hash of everything that decides dates; `endsAt`, `suspend`, the template and what overrides change in it do
    not."""
    wire = spec.wire()
    decisive: dict[str, Any] = {name: wire[name] for name in ("timeZone", "start", "recurrence", "advance")}
    dated = [each for each in spec.overrides if each.skip or each.move_to]
    if dated:
        decisive["overrides"] = [each.model_dump(mode="json", exclude={"task"}) for each in dated]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def advance(schedule: TaskSchedule, cursor: Cursor, closed_at: datetime) -> Cursor | None:
    """The successor of `cursor`, `Pending`: the first occurrence after both it and `closed_at`, or with `missed: All`
    after it alone; with AfterCompletion the interval after `closed_at`. None at the end.

    After an edit of the calendar it lies after the cursor's local day, so that the same day never occurs twice.
    Raises Rejected for a schedule that can never occur."""
    occurrence = successor(schedule.spec, cursor, closed_at)
    if occurrence is None or past_end(schedule.spec, occurrence.at):
        return None
    return standing_at(occurrence, cursor.sequence + 1, Phase.PENDING, calendar_of(schedule.spec))


def successor(spec: TaskScheduleSpec, cursor: Cursor, closed_at: datetime) -> Occurrence | None:
    """What `advance` goes on to, whatever `endsAt` says."""
    if spec.advance is Advance.AFTER_COMPLETION:
        month_end = spec.recurrence.policies().month_end
        return completion.next_after(
            spec.time_zone, spec.start, spec.interval_rule(), month_end, closed_at=closed_at, sequence=cursor.sequence
        )
    same = cursor.calendar == calendar_of(spec)
    floor = cursor.local if same else datetime.combine(cursor.local, time(23, 59))
    series = spec.series()
    passed = series.passed_by(closed_at)
    after = min(passed, cursor.at) if spec.missed.policy is MissedPolicy.ALL else passed
    return series.next_after(after, local=floor, fold=cursor.fold if same else 1)


def standing_at(occurrence: Occurrence, sequence: int, phase: Phase, calendar: str) -> Cursor:
    return Cursor(
        sequence=sequence,
        local=occurrence.local,
        fold=1 if occurrence.fold else 0,
        at=occurrence.at,
        phase=phase,
        calendar=calendar,
    )


def closed_cursor(schedule: TaskSchedule, occurrence: OccurrenceRef) -> Cursor | None:
    """`occurrence` as the place to advance from; None when nothing follows from its closing: the stored cursor stands
    further on, this occurrence was cancelled, or the schedule waits for no Task."""
    if schedule.spec.advance is Advance.ON_SCHEDULE:
        return None
    stored = schedule.status.cursor
    if stored and occurrence.sequence < stored.sequence:
        return None
    same = stored if stored and stored.sequence == occurrence.sequence else None
    if same and same.outcome is Outcome.CANCELLED:
        return None
    return Cursor(
        sequence=occurrence.sequence,
        local=occurrence.local,
        fold=occurrence.fold,
        at=occurrence.at,
        phase=Phase.CLOSED,
        calendar=calendar_behind(occurrence, same),
    )


def calendar_behind(occurrence: OccurrenceRef, cursor: Cursor | None) -> str:
    """The calendar `occurrence` comes from, as far as `cursor` knows it; where it does not (that status was lost, or
    not written yet) none: an unknown calendar counts as another one, so that no day occurs twice."""
    if cursor is None or cursor.sequence != occurrence.sequence:
        return ""
    same = (cursor.local, cursor.fold, cursor.at) == (occurrence.local, occurrence.fold, occurrence.at)
    return cursor.calendar if same else ""


def past_end(spec: TaskScheduleSpec, at: datetime) -> bool:
    """Whether `endsAt` forbids an occurrence at `at`."""
    return spec.ends_at is not None and at > spec.ends_at
