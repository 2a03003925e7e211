"""What has to hold of reminders, snoozes and the keeping of closed tasks, computed from the spec alone."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from simulation.lives import TaskLife
from taskbell.calendar import offsets, zones
from taskbell.resources import SNOOZE, LateReminders, ReminderState, State, Task, TaskSpec

PUNCTUAL = timedelta(minutes=1)
"""What `late: Skip` still takes for in time."""
KNOWN = timedelta(seconds=5)
"""In fair weather the operator has worked on an edit by then."""
KEPT = timedelta(minutes=10)
"""Beyond `retainFor`: longer than any back-off."""


def latest(spec: TaskSpec, remind_at: datetime) -> datetime:
    """When a reminder is not worth sending any more."""
    policy = spec.reminder_policy
    if policy.late is LateReminders.SKIP:
        return remind_at + PUNCTUAL
    return max(remind_at, spec.due_at or remind_at) + policy.within


def told(life: TaskLife, data: Mapping[str, Any], *, known_for: timedelta) -> Iterator[str]:
    """Why the reminder should not have been told as it was; `known_for`: how long the spec is as it is."""
    reminder_id, remind_at = data["reminder_id"], datetime.fromisoformat(data["remind_at"])
    name = f"{life.name}'s reminder {reminder_id} of {remind_at}"
    if reminder_id != SNOOZE and data["due_at"] is not None:
        offset, due_at = offsets.parse(reminder_id), datetime.fromisoformat(data["due_at"])
        if remind_at != offset.before(due_at, zones.zone(life.spec.time_zone)):
            yield f"{name} is told of what is due at {due_at}: that is another distance"
    if known_for < KNOWN:
        return
    snoozed_until = life.spec.snoozed_until
    if reminder_id != SNOOZE and snoozed_until is not None and remind_at < snoozed_until:
        yield f"{name} is told although the task is snoozed until {snoozed_until}"
    if reminder_id == SNOOZE and remind_at != snoozed_until:
        yield f"{name} ends a snooze that was taken back or lasts until {snoozed_until}"


def unnoted(task: Task, now: datetime, *, closed: bool) -> Iterator[str]:
    """What the status should say of reminders, at rest. `closed`: it has been, or its status was lost."""
    spec, zone = task.spec, zones.zone(task.spec.time_zone)
    noted = {(each.id, each.remind_at): each.state for each in task.status.reminders}
    for each in spec.reminders:
        if each.before is not None and spec.due_at is not None:
            at = offsets.parse(each.before).before(spec.due_at, zone)
            if (each.id, at) not in noted:
                yield f"{task.metadata.name} is to remind at {at} ({each.id}), and its status does not say so"
    if spec.snoozed_until is None or spec.state is not State.OPEN or closed:
        return
    state = noted.get((SNOOZE, spec.snoozed_until))
    wanted = ReminderState.PENDING if spec.snoozed_until > now else ReminderState.PUBLISHED
    if state is not wanted:
        yield f"{task.metadata.name} is snoozed until {spec.snoozed_until}, and that is {state}"


def goes_too_soon(task: Task, clock: datetime) -> bool:
    """Whether a closed task of no schedule is taken away before its time."""
    closed_at = task.status.closed_at
    return task.metadata.controller is None and closed_at is not None and clock < closed_at + task.spec.retain_for


def kept_too_long(task: Task, now: datetime) -> Iterator[str]:
    closed_at = task.status.closed_at
    if task.metadata.controller is None and closed_at is not None and now > closed_at + task.spec.retain_for + KEPT:
        yield f"{task.metadata.name} was closed at {closed_at}, and is kept for longer than {task.spec.retain_for}"
