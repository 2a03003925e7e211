"""What is still to be done for one Task. Pure.

    published → observed                          told (DESIGN section 4, "A Task")
    nothing yet                                   created
    closed, with another closedAt than told       completed, or updated (skipped)
    open, told closed                             updated (reopened)
    else the generation differs                   updated (edited)
    being deleted                                 created and the closing if missing, then deleted

A change of state is noted in the status before it is told, so an event's id never changes after a crash and never
serves two closings.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from taskbell import events, gitops
from taskbell.calendar import offsets, zones
from taskbell.errors import Rejected
from taskbell.events import Change, EventType, Reason
from taskbell.lifecycle import conditions
from taskbell.lifecycle.actions import (
    Action,
    AddFinalizer,
    Arm,
    DeleteTask,
    Disarm,
    LookAgain,
    Publish,
    Receipts,
    RemoveFinalizer,
    Retirement,
    RetireTask,
    Telling,
    WriteStatus,
)
from taskbell.lifecycle.conditions import Claim
from taskbell.naming import ADOPT_ANNOTATION, AMENDED_ANNOTATION, FINALIZER, RESTORED_ANNOTATION, RETIRED_ANNOTATION
from taskbell.resources import (
    SNOOZE,
    Advance,
    LateReminders,
    Metadata,
    Phase,
    PublishedTask,
    ReminderState,
    ReminderStatus,
    State,
    Task,
    TaskSchedule,
    TaskStatus,
    instant_text,
)

PUNCTUAL = timedelta(minutes=1)
"""A reminder no later than this is in time for `late: Skip`."""

DELETED = "deleted"
"""What the id of the last event of an object ends with."""

UNTOLD_FINALIZER = timedelta(minutes=10)
"""A deleted object is held this long for its `deleted` to be accepted; the projection's comparison repairs the rest."""

UNTOLD_FINALIZER_IN_ENDING_NAMESPACE = timedelta(seconds=10)
"""There only until one publish has run into its time-out: the namespace must end though the broker is away."""


@dataclass(frozen=True, slots=True)
class ObservedTask:
    """One look at the world: the Task, its schedule (None when it is gone), what was told, when its alarm rings.

    `namespace_ends`: a Task that is being deleted goes with its whole namespace."""

    task: Task
    schedule: TaskSchedule | None
    receipts: Receipts
    alarm: datetime | None
    broker_away: bool
    namespace_ends: bool = False


def plan(observed: ObservedTask, now: datetime) -> tuple[Action, ...]:
    """The actions still missing; () when all is well."""
    task = observed.task
    if retirement(task) and not task.metadata.terminating:
        return (DeleteTask(),)
    if FINALIZER not in task.metadata.finalizers:
        return () if task.metadata.terminating else (AddFinalizer(),)
    if _waits_for_adoption(task):
        return ()
    if task.metadata.terminating and _farewell_told(observed):
        return tuple(_let_go(observed))
    try:
        if task.spec.state is not task.status.phase:
            return (WriteStatus(_noted(observed, now)),)
        return tuple(_depart(observed, now) if task.metadata.terminating else _keep(observed, now))
    except Rejected as refusal:
        return _stalled(observed, refusal, now)


def _stalled(observed: ObservedTask, refusal: Rejected, now: datetime) -> tuple[Action, ...]:
    """Only an edit of the spec helps, or a newer operator: say so, and tell, remind and arm nothing."""
    task = observed.task
    claims = {conditions.STALLED: Claim(True, refusal.reason, refusal.message)}
    generation = task.metadata.generation
    renewed = conditions.renewed(task.status.conditions, claims, generation, now)
    kept = tuple(each for each in task.status.conditions if each.type != conditions.STALLED)
    status = task.status.model_copy(update={"observed_generation": generation, "conditions": (*kept, *renewed)})
    return (WriteStatus(status),) if status != task.status else ()


def retirement(task: Task) -> str | None:
    """Why its schedule has taken it away; such a Task counts as absent."""
    return task.metadata.annotations.get(RETIRED_ANNOTATION)


def restored(task: Task) -> bool:
    """Whether it comes from a backup: its status, and so what became of it, is gone."""
    return task.metadata.annotations.get(RESTORED_ANNOTATION) == "true"


def _waits_for_adoption(task: Task) -> bool:
    """Told of before, it would be told of without its schedule."""
    marked = task.metadata.annotations.get(ADOPT_ANNOTATION) == "true"
    return marked and not task.metadata.controller and not task.metadata.terminating


def touched(task: Task) -> bool:
    """Whether a person has changed it since we made or last amended it."""
    generation = task.metadata.generation
    return generation != 1 and task.metadata.annotations.get(AMENDED_ANNOTATION) != str(generation)


def _noted(observed: ObservedTask, now: datetime) -> TaskStatus:
    task, status = observed.task, _current(observed, now)
    state = task.spec.state
    closed = state is not State.OPEN
    claim = Claim(closed, state.value, "")
    return status.model_copy(
        update={
            "phase": state,
            "closed_at": _closed_at(task, now) if closed else None,
            "conditions": conditions.renewed(
                status.conditions, {conditions.COMPLETE: claim}, task.metadata.generation, now
            ),
        }
    )


def _closed_at(task: Task, now: datetime) -> datetime:
    """`completedAt` where it can be true. One left over from an earlier completion would give two closings one id; so
    would one ahead of our clock, which could still lie ahead when the task is closed again: both count as now."""
    claimed = task.spec.completed_at if task.status.phase is State.OPEN else None
    earliest = conditions.since(task.status.conditions, conditions.COMPLETE)
    if earliest is None and not restored(task):
        earliest = task.metadata.creation_timestamp
    return claimed if claimed is not None and (earliest is None or earliest < claimed) and claimed <= now else now


def _current(observed: ObservedTask, now: datetime) -> TaskStatus:
    """The stored status with all that is known by now; whoever writes it may forget the receipts."""
    task = observed.task
    return task.status.model_copy(
        update={
            "observed_generation": task.metadata.generation,
            "reminders": _reminders(task, observed.receipts, now),
            "published": _told(observed),
            "conditions": tuple(each for each in task.status.conditions if each.type != conditions.STALLED),
        }
    )


def _keep(observed: ObservedTask, now: datetime) -> Iterator[Action]:
    task, status = observed.task, _current(observed, now)
    tellings = (*_untold(task, status, status.published, now), *_due(task, status, now))
    if tellings:
        yield Publish(tellings)
    yield from _wake(observed, status, now)
    if due := [_latest(task, each) for each in status.reminders if _is_due(each, now) and each.id != SNOOZE]:
        yield LookAgain(min(due))
    yield from _retain(observed, status, now)
    # While something is about to be accepted the status waits for it and is written once.
    if status != task.status and (not tellings or observed.broker_away):
        yield WriteStatus(status)


def _retain(observed: ObservedTask, status: TaskStatus, now: datetime) -> Iterator[Action]:
    """A closed Task of no schedule goes when its time is over and the stream knows how it ended."""
    task, told = observed.task, status.published
    if task.metadata.controller or status.closed_at is None or gitops.manager(task.metadata):
        return
    kept_until = status.closed_at + task.spec.retain_for
    if now < kept_until:
        yield LookAgain(kept_until)
    elif told and (told.state, told.closed_at) == (task.spec.state, status.closed_at):
        yield RetireTask(task, Retirement.HISTORY)


def _depart(observed: ObservedTask, now: datetime) -> Iterator[Action]:
    task = observed.task
    tellings = tuple(_farewell(observed, now))
    held_until = held_at_most_until(task.metadata, now, namespace_ends=observed.namespace_ends)
    if tellings:
        yield Publish(tellings)
    if tellings and now < held_until:
        yield LookAgain(held_until)
    else:
        yield from _let_go(observed)


def held_at_most_until(metadata: Metadata, now: datetime, *, namespace_ends: bool) -> datetime:
    """How long what is being deleted is held for its `deleted` to be accepted."""
    patience = UNTOLD_FINALIZER_IN_ENDING_NAMESPACE if namespace_ends else UNTOLD_FINALIZER
    return (metadata.deletion_timestamp or now) + patience


def _let_go(observed: ObservedTask) -> Iterator[Action]:
    if not _cursor_knows(observed):
        return  # whatever the cursor does next enqueues this Task
    if observed.alarm is not None:
        yield Disarm()
    yield RemoveFinalizer(untold=not _farewell_told(observed) and _is_to_be_told(observed))


def _farewell(observed: ObservedTask, now: datetime) -> Iterator[Telling]:
    task = _as_it_was_taken(observed.task) if retirement(observed.task) else observed.task
    deleted_at = task.metadata.deletion_timestamp or now
    untold = _untold(task, task.status, _told(observed), now)
    yield from (telling for telling in untold if not _is_edit(telling))
    if _is_to_be_told(observed):
        reason = _reason(observed)
        event = events.task_event(task, task.status, EventType.DELETED, detail=DELETED, at=deleted_at, reason=reason)
        yield Telling(event, None)


def _is_to_be_told(observed: ObservedTask) -> bool:
    """A closed Task that goes with its schedule goes without an event."""
    return _reason(observed) is not Reason.SCHEDULE_DELETED or observed.task.spec.state is State.OPEN


def _farewell_told(observed: ObservedTask) -> bool:
    """After that nothing more is told, whatever somebody still changes."""
    return f"{observed.task.metadata.uid}:{DELETED}" in observed.receipts.event_ids


def _as_it_was_taken(task: Task) -> Task:
    """Open: who closes it after that closes nothing, and must not move the cursor on from what was taken back."""
    spec = task.spec.model_copy(update={"state": State.OPEN})
    return task.model_copy(update={"spec": spec, "status": task.status.model_copy(update={"closed_at": None})})


def _is_edit(telling: Telling) -> bool:
    data = telling.event.data
    return isinstance(data, events.TaskEvent) and data.change in {Change.EDITED, Change.REOPENED}


def _reason(observed: ObservedTask) -> Reason:
    retired = retirement(observed.task)
    if retired:
        return Reason(retired)
    if observed.namespace_ends:
        return Reason.NAMESPACE_DELETED
    orphaned = observed.schedule is None or observed.schedule.metadata.terminating
    return Reason.SCHEDULE_DELETED if observed.task.metadata.controller and orphaned else Reason.USER


def _cursor_knows(observed: ObservedTask) -> bool:
    """Whether the schedule's stored cursor has taken notice of this Task: else its deletion could be lost."""
    task, schedule, occurrence = observed.task, observed.schedule, observed.task.spec.occurrence
    if not task.metadata.controller or occurrence is None or observed.namespace_ends:
        return True
    if schedule is None or schedule.metadata.terminating:
        return True
    cursor = schedule.status.cursor
    if reason := retirement(task):
        # Gone before the cursor notes that it was cancelled, it would look like deleted by a person.
        waits = cursor is not None and cursor.sequence == occurrence.sequence and cursor.phase is Phase.OPEN
        return not (waits and reason == Retirement.CANCELLED)
    if cursor is None or cursor.sequence < occurrence.sequence:
        return False
    if schedule.spec.advance is Advance.ON_SCHEDULE:
        return True
    same = cursor.sequence == occurrence.sequence
    return not same or (cursor.local == occurrence.local and cursor.phase is not Phase.PENDING)


def _told(observed: ObservedTask) -> PublishedTask | None:
    told = observed.receipts.told
    if isinstance(told, PublishedTask):
        return told
    task, status = observed.task, observed.task.status
    if status.published or not restored(task) or task.spec.state is State.OPEN or status.phase is not task.spec.state:
        return status.published
    return PublishedTask(generation=task.metadata.generation, state=task.spec.state, closed_at=status.closed_at)


def _untold(task: Task, status: TaskStatus, told: PublishedTask | None, now: datetime) -> Iterator[Telling]:
    """At most `created` and one more, in order."""
    generation, state = task.metadata.generation, task.spec.state
    if told is None:
        told = PublishedTask(generation=1, state=State.OPEN)
        at = task.metadata.creation_timestamp
        yield Telling(events.task_event(task, status, EventType.CREATED, detail="created", at=at), told)
    knows = PublishedTask(generation=generation, state=state, closed_at=status.closed_at)
    if state is not State.OPEN and (told.state, told.closed_at) != (state, status.closed_at):
        yield Telling(_closing(task, status, status.closed_at or now), knows)
    elif state is State.OPEN and told.state is not State.OPEN:
        yield Telling(_update(task, status, now, Change.REOPENED), knows)
    elif told.generation < generation:
        yield Telling(_update(task, status, now, Change.EDITED), knows)


def _closing(task: Task, status: TaskStatus, closed_at: datetime) -> events.Event:
    completed = task.spec.state is State.COMPLETED
    word = "completed" if completed else "skipped"
    return events.task_event(
        task,
        status,
        EventType.COMPLETED if completed else EventType.UPDATED,
        detail=f"{word}:{instant_text(closed_at)}",
        at=closed_at,
        change=None if completed else Change.SKIPPED,
    )


def _update(task: Task, status: TaskStatus, now: datetime, change: Change) -> events.Event:
    detail = f"updated:{task.metadata.generation}"
    return events.task_event(task, status, EventType.UPDATED, detail=detail, at=now, change=change)


def _reminders(task: Task, receipts: Receipts, now: datetime) -> tuple[ReminderStatus, ...]:
    """Every reminder of the spec with its instant and state, in the spec's order."""
    known = {(reminder.id, reminder.remind_at): reminder.state for reminder in task.status.reminders}
    instants = dict(_instants(task))
    states = {
        each: ReminderState.PUBLISHED
        if events.reminder_event_id(task, each, at) in receipts.event_ids
        else _state(task, at, known.get((each, at)), now)
        for each, at in instants.items()
    }
    reminders = tuple(ReminderStatus(id=each, remind_at=at, state=states[each]) for each, at in instants.items())
    live = {ReminderState.PENDING, ReminderState.PUBLISHED}
    newest = max((each.remind_at for each in reminders if each.remind_at <= now and each.state in live), default=now)
    return tuple(
        each.model_copy(update={"state": ReminderState.EXPIRED}) if _expires(task, each, newest, now) else each
        for each in reminders
    )


def _expires(task: Task, reminder: ReminderStatus, newest: datetime, now: datetime) -> bool:
    """Whether it is due and not worth sending; `newest` is the latest one that is due or was sent."""
    if reminder.id == SNOOZE or not _is_due(reminder, now):
        return False
    superseded = task.spec.reminder_policy.late is LateReminders.LATEST and reminder.remind_at < newest
    return superseded or now >= _latest(task, reminder)


def _instants(task: Task) -> Iterator[tuple[str, datetime]]:
    zone = zones.zone(task.spec.time_zone)
    for reminder in task.spec.reminders:
        if reminder.at is not None:
            yield reminder.id, reminder.at
        elif reminder.before is not None and (due_at := task.spec.reminded_before(zone)):
            yield reminder.id, offsets.parse(reminder.before).before(due_at, zone)
    if task.spec.snoozed_until is not None:
        yield SNOOZE, task.spec.snoozed_until


def _state(task: Task, at: datetime, known: ReminderState | None, now: datetime) -> ReminderState:
    made_by_us = task.spec.occurrence is not None and not restored(task)
    before_it_was_created = not made_by_us and at < task.metadata.creation_timestamp
    state = known or (ReminderState.EXPIRED if before_it_was_created else ReminderState.PENDING)
    snoozed = task.spec.snoozed_until is not None and at < task.spec.snoozed_until
    if task.spec.state is not State.OPEN or snoozed:
        return ReminderState.CANCELLED if state is ReminderState.PENDING else state
    return ReminderState.PENDING if state is ReminderState.CANCELLED and at > now else state


def _latest(task: Task, reminder: ReminderStatus) -> datetime:
    """When it is not worth sending any more."""
    at, policy, due = reminder.remind_at, task.spec.reminder_policy, task.spec.due
    return at + PUNCTUAL if policy.late is LateReminders.SKIP else max(at, due.by if due else at) + policy.within


def _is_due(reminder: ReminderStatus, now: datetime) -> bool:
    return reminder.state is ReminderState.PENDING and reminder.remind_at <= now


def _due(task: Task, status: TaskStatus, now: datetime) -> Iterator[Telling]:
    for reminder in status.reminders:
        if _is_due(reminder, now):
            yield Telling(events.reminder_event(task, reminder.id, reminder.remind_at), None)


def _wake(observed: ObservedTask, status: TaskStatus, now: datetime) -> Iterator[Action]:
    ahead = [r.remind_at for r in status.reminders if r.state is ReminderState.PENDING and r.remind_at > now]
    if not ahead:
        if observed.alarm is not None:
            yield Disarm()
    elif min(ahead) != observed.alarm:
        yield Arm(min(ahead))
