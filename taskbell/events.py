"""What the world is told: past-tense facts as CloudEvents 1.0, each with a deterministic id (DESIGN section 6).

`id` + `source` is the deduplication key. Fields and enum values are only ever added; readers accept unknown ones.
Data is snake_case. `task_data` and `schedule_data` hold the whole object, so nothing between two events is lost.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from taskbell import naming
from taskbell.calendar import due
from taskbell.calendar.due import Due
from taskbell.resources import (
    Cursor,
    Instant,
    LateReminders,
    LocalDate,
    LocalTime,
    Priority,
    ReminderState,
    Span,
    State,
    Task,
    TaskSchedule,
    TaskStatus,
    TimeOfDay,
    instant_text,
)


class Topic(StrEnum):
    TASK_EVENTS = "task-events"
    SCHEDULE_EVENTS = "schedule-events"
    REMINDERS = "reminders"
    TASK_UPDATES = "task-updates"


class EventType(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    COMPLETED = "completed"
    DELETED = "deleted"


class Change(StrEnum):
    """What an `updated` event is about."""

    EDITED = "edited"
    SKIPPED = "skipped"
    REOPENED = "reopened"


class Reason(StrEnum):
    """Why something was deleted."""

    USER = "User"
    SCHEDULE_DELETED = "ScheduleDeleted"
    NAMESPACE_DELETED = "NamespaceDeleted"
    UNDONE = "Undone"
    CANCELLED = "Cancelled"
    RESCHEDULED = "Rescheduled"


class Payload(BaseModel):
    """Readers accept fields that a newer version added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ReminderData(Payload):
    id: str
    remind_at: Instant
    state: ReminderState


class OccurrenceData(Payload):
    schedule: str
    sequence: int
    local: LocalTime
    fold: Literal[0, 1]
    at: Instant


class ReminderPolicyData(Payload):
    late: LateReminders = LateReminders.LATEST
    within: Span = timedelta(hours=1)


class TaskData(Payload):
    """A whole task. `completed` is true exactly when `state` is Completed; only occurrences have `recurrence_text`.

    An all-day task has no `due_at` but `due_on`, a date in `time_zone`."""

    title: str
    description: str
    priority: Priority
    tags: tuple[str, ...]
    due_at: Instant | None
    due_on: LocalDate | None = None
    time_zone: str
    state: State
    completed: bool
    closed_at: Instant | None
    reminders: tuple[ReminderData, ...]
    occurrence: OccurrenceData | None
    schedule_uid: str | None
    recurrence_text: str | None = None
    reminder_policy: ReminderPolicyData = ReminderPolicyData()
    reminder_time: TimeOfDay | None = None
    snoozed_until: Instant | None = None
    retain_for: Span | None = None

    @property
    def due(self) -> Due | None:
        return due.of(self.due_at, self.due_on, self.time_zone)


class ScheduleData(Payload):
    """A whole schedule: its spec as the API server stores it, the cursor, the recurrence in words unless refused."""

    spec: dict[str, Any]
    cursor: dict[str, Any] | None
    recurrence_text: str | None = None


class TaskEvent(Payload):
    """Data on `task-events`. `task_id` is metadata.name; `actor` who made this generation, where that is known."""

    event_type: EventType
    task_id: str
    task_data: TaskData
    user_id: str
    timestamp: Instant
    task_uid: str
    namespace: str
    generation: int
    created_at: Instant
    actor: str | None = None
    change: Change | None = None
    reason: Reason | None = None


class ScheduleEvent(Payload):
    """Data on `schedule-events`."""

    event_type: EventType
    schedule_id: str
    schedule_data: ScheduleData
    user_id: str
    timestamp: Instant
    schedule_uid: str
    namespace: str
    generation: int
    created_at: Instant
    actor: str | None = None
    change: Change | None = None
    reason: Reason | None = None


class ReminderEvent(Payload):
    """Data on `reminders`. `late_by`: seconds from `remind_at` to the moment it was handed to the broker. Of an all-day
    task `due_on` stands for `due_at`."""

    task_id: str
    title: str
    due_at: Instant | None
    due_on: LocalDate | None = None
    remind_at: Instant
    user_id: str
    reminder_id: str
    task_uid: str
    namespace: str
    task_generation: int
    late_by: int = 0


class TaskUpdate(Payload):
    """Data on `task-updates`: generation `generation` of the task is in the read model, or, `deleted`, no longer."""

    task_id: str
    user_id: str
    generation: int
    event_type: EventType
    change: Change | None
    timestamp: Instant
    task_uid: str
    namespace: str


class Event(Payload):
    """A fact for one topic. `key` is the partition key, the object's uid; the publisher adds the source."""

    id: str
    topic: Topic
    type: str
    key: str
    time: Instant
    data: TaskEvent | ScheduleEvent | ReminderEvent | TaskUpdate

    def cloud_event(self, source: str, now: datetime) -> dict[str, Any]:
        """CloudEvents 1.0, JSON event format, as handed to the broker at `now`."""
        data = self.data
        if isinstance(data, ReminderEvent):
            data = data.model_copy(update={"late_by": max(int((now - data.remind_at).total_seconds()), 0)})
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": source,
            "type": self.type,
            "subject": self.key,
            "time": instant_text(self.time),
            "datacontenttype": "application/json",
            "partitionkey": self.key,
            "data": data.model_dump(mode="json"),
        }


def task_data(task: Task, status: TaskStatus | None = None) -> TaskData:
    """`task` as readers know it; `status` stands for the stored one where it is about to be written."""
    spec, status = task.spec, status or task.status
    owner = task.metadata.controller
    return TaskData(
        title=spec.title,
        description=spec.description,
        priority=spec.priority,
        tags=spec.tags,
        due_at=spec.due_at,
        due_on=spec.due_on,
        time_zone=spec.time_zone,
        state=spec.state,
        completed=spec.state is State.COMPLETED,
        closed_at=status.closed_at,
        reminders=tuple(ReminderData(id=r.id, remind_at=r.remind_at, state=r.state) for r in status.reminders),
        occurrence=OccurrenceData(**dict(spec.occurrence)) if spec.occurrence else None,
        schedule_uid=owner.uid if owner else None,
        recurrence_text=spec.occurrence.recurrence_text if spec.occurrence else None,
        reminder_policy=ReminderPolicyData(**dict(spec.reminder_policy)),
        reminder_time=spec.reminder_time,
        snoozed_until=spec.snoozed_until,
        retain_for=spec.retain_for,
    )


def task_event(
    task: Task,
    status: TaskStatus,
    event_type: EventType,
    *,
    detail: str,
    at: datetime,
    change: Change | None = None,
    reason: Reason | None = None,
) -> Event:
    """`<uid>:<detail>` on `task-events`; `at` is when it happened."""
    metadata = task.metadata
    return Event(
        id=f"{metadata.uid}:{detail}",
        topic=Topic.TASK_EVENTS,
        type=f"dev.taskbell.task.{event_type}.v1",
        key=metadata.uid,
        time=at,
        data=TaskEvent(
            event_type=event_type,
            task_id=metadata.name,
            task_data=task_data(task, status),
            user_id=task.spec.user_id,
            timestamp=at,
            task_uid=metadata.uid,
            namespace=metadata.namespace,
            generation=metadata.generation,
            created_at=metadata.creation_timestamp,
            actor=naming.actor_of(metadata.annotations.get(naming.ACTOR_ANNOTATION), metadata.generation),
            change=change,
            reason=reason,
        ),
    )


def schedule_data(schedule: TaskSchedule, cursor: Cursor | None = None) -> ScheduleData:
    """`schedule` as readers know it; `cursor` stands for the stored one where it is about to be written."""
    cursor = cursor or schedule.status.cursor
    return ScheduleData(
        spec=schedule.spec.wire(),
        cursor=cursor.wire() if cursor else None,
        recurrence_text=schedule.spec.recurrence_text(),
    )


def schedule_event(
    schedule: TaskSchedule,
    cursor: Cursor | None,
    event_type: EventType,
    *,
    detail: str,
    at: datetime,
    change: Change | None = None,
    reason: Reason | None = None,
) -> Event:
    """`<uid>:<detail>` on `schedule-events`; `at` is when it happened."""
    metadata = schedule.metadata
    return Event(
        id=f"{metadata.uid}:{detail}",
        topic=Topic.SCHEDULE_EVENTS,
        type=f"dev.taskbell.schedule.{event_type}.v1",
        key=metadata.uid,
        time=at,
        data=ScheduleEvent(
            event_type=event_type,
            schedule_id=metadata.name,
            schedule_data=schedule_data(schedule, cursor),
            user_id=schedule.spec.user_id,
            timestamp=at,
            schedule_uid=metadata.uid,
            namespace=metadata.namespace,
            generation=metadata.generation,
            created_at=metadata.creation_timestamp,
            actor=naming.actor_of(metadata.annotations.get(naming.ACTOR_ANNOTATION), metadata.generation),
            change=change,
            reason=reason,
        ),
    )


def reminder_event_id(task: Task, reminder_id: str, remind_at: datetime) -> str:
    """A reminder that is moved to another instant is another fact."""
    return f"{task.metadata.uid}:{reminder_id}:{instant_text(remind_at)}"


def reminder_event(task: Task, reminder_id: str, remind_at: datetime) -> Event:
    """The fact that a reminder is due, on `reminders`."""
    metadata = task.metadata
    return Event(
        id=reminder_event_id(task, reminder_id, remind_at),
        topic=Topic.REMINDERS,
        type="dev.taskbell.reminder.due.v1",
        key=metadata.uid,
        time=remind_at,
        data=ReminderEvent(
            task_id=metadata.name,
            title=task.spec.title,
            due_at=task.spec.due_at,
            due_on=task.spec.due_on,
            remind_at=remind_at,
            user_id=task.spec.user_id,
            reminder_id=reminder_id,
            task_uid=metadata.uid,
            namespace=metadata.namespace,
            task_generation=metadata.generation,
        ),
    )


def task_update(event_id: str, told: TaskEvent) -> Event:
    """That what `told` tells can be read by now, on `task-updates`, under the id of the event that told it."""
    return Event(
        id=event_id,
        topic=Topic.TASK_UPDATES,
        type="dev.taskbell.task.projected.v1",
        key=told.task_uid,
        time=told.timestamp,
        data=TaskUpdate.model_validate(told.model_dump()),
    )
