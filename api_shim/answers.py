"""What is answered. Tasks and schedules look the same whether Postgres or the API server knew them."""

import operator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_snake

from store.versions import ScheduleVersion, TaskVersion
from taskbell.calendar import due
from taskbell.calendar.due import Due
from taskbell.events import ReminderData
from taskbell.resources import SNOOZE, LocalDate, LocalOrDate, TimeOfDay, instant_text, local_text

Instant = Annotated[
    datetime, PlainSerializer(instant_text, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]
LocalTime = Annotated[
    datetime,
    PlainSerializer(local_text, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["2026-11-23T09:00"]}),
]


class Answer(BaseModel):
    """Fields that a newer version added to what is stored are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class ReminderAnswer(Answer):
    """`before` or `at` is what was asked for, `remind_at` when that is."""

    id: str
    before: str | None
    at: Instant | None
    remind_at: Instant
    state: str


class Occurrence(Answer):
    """Which of its schedule's occurrences a task is: wall-clock time in the schedule's zone, and the instant; of an
    all-day one the midnight, and when its day begins."""

    sequence: int
    local: LocalTime
    fold: Literal[0, 1]
    at: Instant


class TaskAnswer(Answer):
    id: str
    uid: str
    generation: int
    created_at: Instant
    title: str
    description: str
    priority: str
    tags: list[str]
    due_at: Instant | None
    due_on: LocalDate | None = Field(description="In place of due_at: a date in time_zone, all day long")
    time_zone: str
    reminders: list[ReminderAnswer]
    reminder_time: TimeOfDay | None
    state: str
    closed_at: Instant | None
    schedule_id: str | None
    schedule_uid: str | None
    occurrence: Occurrence | None
    recurrence_text: str | None = Field(description="For tasks of a schedule: Every Monday at 09:00, Europe/Berlin")

    @property
    def due(self) -> Due | None:
        return due.of(self.due_at, self.due_on, self.time_zone)


class TemplateReminderAnswer(Answer):
    before: str


class ClocksAnswer(Answer):
    gap: str | None = None
    fold: str | None = None


class DatesAnswer(Answer):
    """What can stand beside every form of recurrence."""

    additional_dates: list[LocalOrDate] = Field(default=[], exclude_if=operator.not_)
    excluded_dates: list[LocalOrDate] = Field(default=[], exclude_if=operator.not_)
    month_end: str | None = Field(default=None, exclude_if=operator.not_)
    dst: ClocksAnswer | None = Field(default=None, exclude_if=operator.not_)


class RecurrenceAnswer(DatesAnswer):
    frequency: str
    interval: int = 1
    weekdays: list[str] = []
    month_days: list[int] = []
    months: list[int] = []
    count: int | None = None
    until: LocalOrDate | None = None


class RuleAnswer(DatesAnswer):
    """The recurrence as RFC 5545 writes it."""

    rrule: str


class CronAnswer(DatesAnswer):
    """The recurrence as crontab(5) writes it."""

    cron: str


class CursorAnswer(Answer):
    """The occurrence the schedule stands at: its newest task, or the one about to be made."""

    sequence: int
    local: LocalTime
    fold: Literal[0, 1] = 0
    at: Instant
    on: LocalDate | None = None
    phase: str
    outcome: str | None = None
    closed_at: Instant | None = None


class ScheduleAnswer(Answer):
    id: str
    uid: str
    generation: int
    created_at: Instant
    title: str
    description: str
    priority: str
    tags: list[str]
    reminders: list[TemplateReminderAnswer]
    reminder_time: TimeOfDay | None = None
    time_zone: str
    start: LocalOrDate
    recurrence: RecurrenceAnswer | RuleAnswer | CronAnswer
    recurrence_text: str | None = Field(description="In words: Every Monday and Friday at 09:00, Europe/Berlin")
    advance: str
    ends_at: Instant | None = None
    suspend: bool
    history_limit: int
    cursor: CursorAnswer | None


class PendingReminderAnswer(Answer):
    task_id: str
    task_uid: str
    reminder_id: str
    title: str
    due_at: Instant | None
    due_on: LocalDate | None
    remind_at: Instant


class InboxAnswer(Answer):
    id: int
    task_id: str
    reminder_id: str
    title: str
    due_at: Instant | None
    due_on: LocalDate | None
    remind_at: Instant
    created_at: Instant


class AuditAnswer(Answer):
    id: int
    event_id: str
    event_type: str
    topic: str
    object_id: str
    object_uid: str
    actor: str | None
    occurred_at: Instant
    event: dict[str, Any]


class FaultAnswer(Answer):
    pointer: str | None = None
    parameter: str | None = None
    detail: str


class ProblemAnswer(Answer):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultAnswer] | None = None


def task(version: TaskVersion) -> TaskAnswer:
    data = version.data
    return TaskAnswer(
        id=version.name,
        uid=version.uid,
        generation=version.generation,
        created_at=version.created_at,
        title=data.title,
        description=data.description,
        priority=data.priority,
        tags=list(data.tags),
        due_at=data.due_at,
        due_on=data.due_on,
        time_zone=data.time_zone,
        reminders=[_reminder(reminder) for reminder in data.reminders],
        reminder_time=data.reminder_time,
        state=data.state,
        closed_at=data.closed_at,
        schedule_id=data.occurrence.schedule if data.occurrence else None,
        schedule_uid=data.schedule_uid,
        occurrence=Occurrence.model_validate(data.occurrence) if data.occurrence else None,
        recurrence_text=data.recurrence_text,
    )


def schedule(version: ScheduleVersion) -> ScheduleAnswer:
    spec = _snaked(version.data.spec)
    return ScheduleAnswer.model_validate(
        {
            **spec,
            **spec["task"],
            "id": version.name,
            "uid": version.uid,
            "generation": version.generation,
            "created_at": version.created_at,
            "recurrence_text": version.data.recurrence_text,
            "cursor": _snaked(version.data.cursor),
        }
    )


def _reminder(reminder: ReminderData) -> ReminderAnswer:
    """Its id is what was asked for: `PT15M`, or `at-` and the instant; or it ends a snooze."""
    absolute = reminder.id.startswith("at-") or reminder.id == SNOOZE
    return ReminderAnswer(
        id=reminder.id,
        before=None if absolute else reminder.id,
        at=reminder.remind_at if absolute else None,
        remind_at=reminder.remind_at,
        state=reminder.state,
    )


def _snaked(value: Any) -> Any:
    """A stored spec has the API server's camelCase; this API has snake_case."""
    if isinstance(value, dict):
        return {to_snake(str(key)): _snaked(each) for key, each in value.items()}
    return [_snaked(each) for each in value] if isinstance(value, list) else value
