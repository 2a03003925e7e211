"""The cursor: the occurrence a schedule stands at, and its one successor, whoever computes it."""

import hashlib
import json
from datetime import datetime, time

from taskbell.resources import Cursor, MissedPolicy, OccurrenceRef, Outcome, Phase, TaskSchedule, TaskScheduleSpec


def calendar_of(spec: TaskScheduleSpec) -> str:
    """A hash of everything that decides dates; `endsAt`, `suspend` and the template do not."""
    wire = spec.wire()
    decisive = {name: wire[name] for name in ("timeZone", "start", "recurrence", "advance")}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def advance(schedule: TaskSchedule, cursor: Cursor, closed_at: datetime) -> Cursor | None:
    """The successor of `cursor`, `Pending`: the first occurrence after both it and `closed_at`, or with `missed: All`
    after it alone; None at the end.

    After an edit of the calendar it lies after the cursor's local day, so that the same day never occurs twice.
    Raises Rejected for a schedule that can never occur."""
    calendar = calendar_of(schedule.spec)
    same = cursor.calendar == calendar
    floor = cursor.local if same else datetime.combine(cursor.local, time(23, 59))
    after = min(closed_at, cursor.at) if schedule.spec.missed.policy is MissedPolicy.ALL else closed_at
    occurrence = schedule.spec.series().next_after(after, local=floor, fold=cursor.fold if same else 1)
    if occurrence is None or past_end(schedule.spec, occurrence.at):
        return None
    return Cursor(
        sequence=cursor.sequence + 1,
        local=occurrence.local,
        fold=1 if occurrence.fold else 0,
        at=occurrence.at,
        phase=Phase.PENDING,
        calendar=calendar,
    )


def closed_cursor(schedule: TaskSchedule, occurrence: OccurrenceRef) -> Cursor | None:
    """`occurrence` as the place to advance from; None when the stored cursor says that nothing follows from it:
    it stands further on, or this occurrence was cancelled."""
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
