"""Objects for tests, as the API server would hand them out.

`schedule()` is the daily stand-up at nine, Berlin time, created on a Monday; every argument changes one thing of it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from taskbell import naming
from taskbell.lifecycle.actions import Receipts
from taskbell.lifecycle.cursor import calendar_of
from taskbell.lifecycle.schedule import ObservedSchedule, occurrence_spec
from taskbell.lifecycle.task import ObservedTask
from taskbell.resources import (
    Cursor,
    Metadata,
    OwnerReference,
    Phase,
    State,
    Task,
    TaskSchedule,
    TaskScheduleSpec,
    TaskScheduleStatus,
    TaskSpec,
    TaskStatus,
)

MONDAY_SEVEN = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
"""When everything here was created: 08:00 in Berlin, an hour before the first stand-up."""

MONDAY_NINE_LOCAL = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001  (wall clock)
SCHEDULE_UID = "5c4ed01e-0000-4000-8000-000000000001"
NO_RECEIPTS = Receipts()


def metadata(name: str, uid: str, **changes: Any) -> Metadata:
    made = Metadata(
        name=name,
        namespace="default",
        uid=uid,
        generation=1,
        resource_version="1",
        creation_timestamp=MONDAY_SEVEN,
        finalizers=(naming.FINALIZER,),
    )
    return made.model_copy(update=changes)


def schedule(
    *,
    status: TaskScheduleStatus | None = None,
    meta: Mapping[str, Any] | None = None,
    **spec: Any,
) -> TaskSchedule:
    """`spec` in the wire's names: `recurrence={"frequency": "Weekly"}`, `suspend=True`."""
    wire = {
        "userId": "ada",
        "task": {"title": "Team standup"},
        "timeZone": "Europe/Berlin",
        "start": "2026-11-23T09:00",
        "recurrence": {"frequency": "Daily"},
        **spec,
    }
    return TaskSchedule(
        metadata=metadata("standup", SCHEDULE_UID, **(meta or {})),
        spec=TaskScheduleSpec.model_validate(wire),
        status=status or TaskScheduleStatus(),
    )


def cursor(of: TaskSchedule, sequence: int = 1, *, days: int | None = None, **changes: Any) -> Cursor:
    """The place of occurrence `sequence` of a daily schedule, open; `days` after the first Monday where it differs."""
    local = MONDAY_NINE_LOCAL + timedelta(days=sequence - 1 if days is None else days)
    place = of.spec.series().place(local)
    standing = Cursor(sequence=sequence, local=local, at=place.at, phase=Phase.OPEN, calendar=calendar_of(of.spec))
    return standing.model_copy(update=changes)


def standing_at(of: TaskSchedule, at: Cursor | None, **changes: Any) -> TaskSchedule:
    """`of` with the stored cursor `at`."""
    return of.model_copy(update={"status": of.status.model_copy(update={"cursor": at, **changes})})


def occurrence(
    of: TaskSchedule,
    at: Cursor,
    *,
    state: State = State.OPEN,
    closed_at: datetime | None = None,
    meta: Mapping[str, Any] | None = None,
    status: TaskStatus | None = None,
    **spec: Any,
) -> Task:
    """The Task of the occurrence `at`: as made, or closed (generation 2) and noted so."""
    generation = 1 if state is State.OPEN else 2
    owner = OwnerReference(kind="TaskSchedule", name=of.metadata.name, uid=of.metadata.uid, controller=True)
    name = naming.task_name(of.metadata.name, of.metadata.uid, at.sequence)
    made = metadata(name, f"task-{at.sequence}", generation=generation, owner_references=(owner,))
    return Task(
        metadata=made.model_copy(update=dict(meta or {})),
        spec=occurrence_spec(of, at, of.spec.recurrence_text()).model_copy(update={"state": state, **spec}),
        status=status or TaskStatus(phase=state, closed_at=closed_at),
    )


def one_off(*, status: TaskStatus | None = None, meta: Mapping[str, Any] | None = None, **spec: Any) -> Task:
    """A task of no schedule; `spec` in the wire's names."""
    wire = {"userId": "ada", "title": "Buy milk", "timeZone": "Europe/Berlin", **spec}
    return Task(
        metadata=metadata("buy-milk", "task-milk", **(meta or {})),
        spec=TaskSpec.model_validate(wire),
        status=status or TaskStatus(),
    )


def seen_schedule(
    of: TaskSchedule,
    *tasks: Task,
    receipts: Receipts = NO_RECEIPTS,
    broker_away: bool = False,
    alarm: datetime | None = None,
) -> ObservedSchedule:
    return ObservedSchedule(schedule=of, tasks=tasks, receipts=receipts, broker_away=broker_away, alarm=alarm)


def seen_task(
    task: Task,
    *,
    schedule: TaskSchedule | None = None,
    receipts: Receipts = NO_RECEIPTS,
    alarm: datetime | None = None,
    broker_away: bool = False,
) -> ObservedTask:
    return ObservedTask(task=task, schedule=schedule, receipts=receipts, alarm=alarm, broker_away=broker_away)
