"""What a change of an object's status means to people: the Kubernetes Events that `kubectl describe` shows. Pure.

They follow from two statuses, the one that was stored and the one that is now, so they tell what has happened and has
been noted; a status written once for several changes tells of the last ones. Nothing depends on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from taskbell import naming
from taskbell.lifecycle import conditions
from taskbell.resources import (
    Advance,
    Condition,
    ConditionStatus,
    Cursor,
    Metadata,
    Outcome,
    Phase,
    ReminderState,
    ReminderStatus,
    Resource,
    State,
    Task,
    TaskSchedule,
    TaskScheduleSpec,
    TaskScheduleStatus,
    TaskStatus,
    local_text,
)

NEWER_THAN_OPERATOR = "NewerThanOperator"
REMINDER_EXPIRED = "ReminderExpired"
"""A reminder came too late to be sent, and `reminderPolicy` says that it is not sent then."""


@dataclass(frozen=True, slots=True)
class Record:
    """A Kubernetes Event (events.k8s.io/v1): `reason` why, `action` what was done, `note` for people."""

    reason: str
    action: str
    note: str
    warning: bool = False


def told(before: Resource, status: TaskStatus | TaskScheduleStatus) -> tuple[Record, ...]:
    """What has happened between the stored object `before` and its new `status`."""
    if isinstance(before, TaskSchedule) and isinstance(status, TaskScheduleStatus):
        return tuple(_of_schedule(before, status))
    if isinstance(before, Task) and isinstance(status, TaskStatus):
        return tuple(_of_task(before, status))
    return ()


def may_wait(before: Resource, status: TaskStatus | TaskScheduleStatus) -> bool:
    """Whether `status` may be written later: not a Task's change of state, which is noted before it is told."""
    if not isinstance(before, Task) or not isinstance(status, TaskStatus):
        return True
    return (before.status.phase, before.status.closed_at) == (status.phase, status.closed_at)


def newer_than_operator(why: str) -> Record:
    return Record(NEWER_THAN_OPERATOR, "Stall", why, warning=True)


def advanced_by_operator() -> Record:
    note = "the recurring consumer did not advance the schedule in time: the operator did"
    return Record("AdvancedByOperator", "Advance", note, warning=True)


def _of_schedule(before: TaskSchedule, status: TaskScheduleStatus) -> Iterator[Record]:
    old, new = before.status.cursor, status.cursor
    if new and new != old:
        yield from _moved(before, old, new)
    yield from _conditions(before.status.conditions, status.conditions)


def _moved(schedule: TaskSchedule, old: Cursor | None, new: Cursor) -> Iterator[Record]:
    name = _task_name(schedule.metadata, new)
    due = _due(schedule.spec, new)
    if schedule.spec.advance is Advance.ON_SCHEDULE:
        if old is None or old.sequence != new.sequence:
            yield Record("Decided", "Decide", f"decided what is due {due}")
        return
    if old and new.sequence < old.sequence:
        yield Record("Reopened", "TakeBack", f"task {name} is open again: its successor is taken back")
    elif _was_missed(old, new):
        yield Record("Missed", "Skip", f"its time passed before it could be created: {due} follows", warning=True)
    if new.phase is Phase.OPEN and (old is None or old.sequence < new.sequence or old.phase is Phase.PENDING):
        yield Record("TaskCreated", "CreateTask", f"created task {name}, due {due}")
    elif new.phase is Phase.OPEN and old and old.at != new.at and old.sequence == new.sequence:
        yield Record("Rescheduled", "AmendTask", f"moved task {name}: due {due}")
    elif new.phase is Phase.CLOSED and (old is None or old.phase is not Phase.CLOSED or old.sequence != new.sequence):
        yield _closed(name, new)


def _was_missed(old: Cursor | None, new: Cursor) -> bool:
    """The same number and calendar, a later date, and there was no Task to move."""
    if old is None or old.phase is not Phase.PENDING:
        return False
    return (old.sequence, old.calendar) == (new.sequence, new.calendar) and old.at < new.at


def _closed(name: str, cursor: Cursor) -> Record:
    match cursor.outcome:
        case Outcome.CANCELLED:
            return Record("OccurrenceCancelled", "Cancel", f"the occurrence of task {name} is cancelled")
        case Outcome.DELETED:
            return Record("TaskDeleted", "Close", f"task {name} was deleted: the occurrence is skipped")
        case outcome:
            word = outcome.value if outcome else "Closed"
            return Record(f"Task{word}", "Close", f"task {name} was {word.lower()}")


def _task_name(metadata: Metadata, cursor: Cursor) -> str:
    return naming.task_name(metadata.name, metadata.uid, cursor.sequence)


def _due(spec: TaskScheduleSpec, cursor: Cursor) -> str:
    return f"{local_text(cursor.local.date() if spec.all_day else cursor.local)} {spec.time_zone}"


_TOLD = {conditions.STALLED, conditions.REOPENED, conditions.BLOCKED, conditions.NO_SUCH_OCCURRENCE}


def _conditions(old: tuple[Condition, ...], new: tuple[Condition, ...]) -> Iterator[Record]:
    """A condition that has become true, or is true for another reason; suspension and its end; what has ended."""
    known = {each.type: each for each in old}
    holding = {each.type for each in new if each.status is ConditionStatus.TRUE}
    for each in new:
        before = known.get(each.type)
        same = before and (before.status, before.reason, before.message) == (each.status, each.reason, each.message)
        if same or each.status is not ConditionStatus.TRUE:
            continue
        if each.type == conditions.READY:
            yield from _readiness(before, each)
        elif each.type in _TOLD:
            yield Record(each.reason, each.type, each.message, warning=each.type != conditions.REOPENED)
        elif each.reason in {"Cancelled", "Exhausted"}:  # a Task is Complete too, and tells that by its phase
            yield Record(each.reason, "Complete", each.message)
    stalled = known.get(conditions.STALLED)
    if stalled and stalled.status is ConditionStatus.TRUE and conditions.STALLED not in holding:
        yield Record("Recovered", "Resume", f"not stalled any more: {stalled.reason} is mended")


def _readiness(before: Condition | None, now: Condition) -> Iterator[Record]:
    if now.reason == "Suspended":
        yield Record("Suspended", "Suspend", now.message)
    elif before and before.reason == "Suspended":
        yield Record("Resumed", "Resume", "spec.suspend is not true any more")


def _of_task(before: Task, status: TaskStatus) -> Iterator[Record]:
    if status.phase is not before.status.phase:
        yield _state(status.phase)
    known = {(each.id, each.remind_at): each.state for each in before.status.reminders}
    for each in status.reminders:
        if known.get((each.id, each.remind_at)) is not each.state:
            yield from _reminder(each, first_look=not before.status.observed_generation)
    yield from _conditions(before.status.conditions, status.conditions)


def _state(phase: State) -> Record:
    match phase:
        case State.OPEN:
            return Record("Reopened", "Reopen", "the task is open again")
        case State.COMPLETED:
            return Record("Completed", "Complete", "the task was completed")
        case State.SKIPPED:
            return Record("Skipped", "Skip", "the task was skipped")


def _reminder(reminder: ReminderStatus, *, first_look: bool) -> Iterator[Record]:
    match reminder.state:
        case ReminderState.PUBLISHED:
            yield Record("Reminded", "Remind", f"reminder {reminder.id} was sent")
        case ReminderState.EXPIRED if not first_look:
            yield Record(REMINDER_EXPIRED, "Expire", f"reminder {reminder.id} came too late to be sent", warning=True)
        case _:
            return
