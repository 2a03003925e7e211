"""What may be sent. Each body maps to a spec of `taskbell.resources`; what no single field shows is left to that spec
and to the API server's CEL."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from taskbell import resources
from taskbell.calendar import offsets
from taskbell.calendar.rule import HIGHEST_COUNT, HIGHEST_INTERVAL, Frequency
from taskbell.resources import Priority, State, TaskScheduleSpec, TaskSpec

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_YEARS = range(1970, 3000)


def _instant(value: object) -> datetime:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("write an instant with its offset, as 2026-11-23T09:00:00Z or 2026-11-23T10:00:00+01:00")
    at = _parsed(value)
    if at.year not in _YEARS:
        raise ValueError("the year has to be from 1970 to 2999")
    return at.astimezone(UTC)


def _local(value: object) -> datetime:
    if not isinstance(value, str) or not re.match(resources.LOCAL_PATTERN, value, re.ASCII):
        raise ValueError("write a local time to the minute and without offset, as 2026-11-23T09:00")
    return _parsed(value)


def _date(value: object) -> date:
    if not isinstance(value, str) or not re.match(resources.DATE_PATTERN, value, re.ASCII):
        raise ValueError("write a date, as 2026-11-23")
    return _parsed(value).date()


def _local_or_date(value: object) -> date:
    if isinstance(value, str) and re.match(resources.DATE_PATTERN, value, re.ASCII):
        return _date(value)
    try:
        return _local(value)
    except ValueError as error:
        raise ValueError(f"{error}; or, for all day long, a date, as 2026-11-23") from error


def _time_of_day(value: object) -> time:
    if not isinstance(value, str) or not re.match(resources.TIME_PATTERN, value, re.ASCII):
        raise ValueError("write a time of the day, as 09:00")
    return time.fromisoformat(value)


def _parsed(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{value} is no date and time of the calendar ({error}): choose one that exists") from error


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a text cannot hold the character U+0000: leave it out")
    return text


def _weekday(text: str) -> str:
    if not re.match(resources.WEEKDAY_PATTERN, text, re.ASCII):
        raise ValueError("write a weekday as Mon, or with frequency Monthly and Yearly as 2Tue or -1Fri")
    return text


def _offset(text: str) -> str:
    return str(offsets.parse(text))


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)
]
Description = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_storable)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), AfterValidator(_storable)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=20)]
ZoneName = Annotated[str, Field(min_length=1, max_length=64, description="IANA time zone, for example Europe/Berlin")]
Instant = Annotated[
    datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40})
]
LocalTime = Annotated[
    datetime,
    BeforeValidator(_local),
    WithJsonSchema({"type": "string", "pattern": resources.LOCAL_PATTERN, "examples": ["2026-11-23T09:00"]}),
]
LocalOrDate = Annotated[
    datetime | date,
    PlainValidator(_local_or_date),
    WithJsonSchema(
        {"type": "string", "pattern": resources.LOCAL_OR_DATE_PATTERN, "examples": ["2026-11-23T09:00", "2026-11-23"]}
    ),
]
LocalDate = Annotated[
    date,
    PlainValidator(_date),
    WithJsonSchema({"type": "string", "pattern": resources.DATE_PATTERN, "examples": ["2026-11-23"]}),
]
TimeOfDay = Annotated[
    time,
    PlainValidator(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": resources.TIME_PATTERN, "examples": ["09:00"]}),
]
Before = Annotated[
    str,
    Field(max_length=20, description="ISO 8601 duration before the due time: PT15M, PT1H, P1D"),
    AfterValidator(_offset),
]
Whole = Annotated[int, Field(strict=True)]
HistoryLimit = Annotated[Whole, Field(ge=1, le=50, description="How many closed tasks are kept")]
Suspend = Annotated[bool, Field(strict=True, description="While true nothing new appears")]


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def given(self) -> dict[str, Any]:
        """The fields that were sent."""
        return self.model_dump(exclude_unset=True)


class TemplateReminder(Body):
    """Some time before the task is due."""

    before: Before


class Reminder(Body):
    """Some time before the task is due, or at an instant."""

    before: Before | None = None
    at: Instant | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Reminder":
        if (self.before is None) == (self.at is None):
            raise ValueError("a reminder has either before or at: keep one of them")
        return self


Reminders = Annotated[tuple[Reminder, ...], Field(max_length=10)]
TemplateReminders = Annotated[tuple[TemplateReminder, ...], Field(max_length=10)]


class Recurrence(Body):
    """When the task recurs: in fields that mean what RFC 5545 3.3.10 means by them, or as its text in rrule."""

    rrule: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = Field(
        None, description="In place of all other fields: FREQ=MONTHLY;BYDAY=-1FR", json_schema_extra=_without_default
    )
    frequency: Frequency | None = Field(None, validate_default=True, json_schema_extra=_without_default)
    interval: Annotated[Whole, Field(ge=1, le=HIGHEST_INTERVAL)] = 1
    weekdays: tuple[Annotated[str, Field(max_length=5), AfterValidator(_weekday)], ...] = Field((), max_length=35)
    month_days: tuple[Annotated[Whole, Field(ge=-31, le=31)], ...] = Field((), max_length=62)
    months: tuple[Annotated[Whole, Field(ge=1, le=12)], ...] = Field((), max_length=12)
    count: Annotated[Whole, Field(ge=1, le=HIGHEST_COUNT)] | None = None
    until: LocalOrDate | None = None

    @field_validator("frequency")
    @classmethod
    def _needed_without_rrule(cls, frequency: Frequency | None, others: ValidationInfo) -> Frequency | None:
        # An rrule that is wrong itself is not among the others: then that is what has to be said.
        if frequency is None and others.data.get("rrule", "") is None:
            raise PydanticCustomError("missing", "is needed: add it")
        return frequency

    @model_validator(mode="after")
    def _alone(self) -> "Recurrence":
        if self.rrule is not None and self.given().keys() != {"rrule"}:
            raise ValueError("has either frequency, with the fields that refine it, or rrule: keep one of them")
        return self


_DUE_ON = "In place of due_at: a date in time_zone, all day long"
_REMINDER_TIME = "All-day only: what reminders count back from on its day, in local time; 09:00 if left out"


class NewTask(Body):
    title: Title
    description: Description = ""
    priority: Priority = Priority.MEDIUM
    tags: Tags = ()
    due_at: Instant | None = None
    due_on: LocalDate | None = Field(None, description=_DUE_ON)
    time_zone: ZoneName = "Etc/UTC"
    reminders: Reminders = ()
    reminder_time: TimeOfDay | None = Field(None, description=_REMINDER_TIME)

    def spec(self, user_id: str) -> TaskSpec:
        return TaskSpec(user_id=user_id, **self.model_dump())


class NewSchedule(Body):
    title: Title
    description: Description = ""
    priority: Priority = Priority.MEDIUM
    tags: Tags = ()
    reminders: TemplateReminders = ()
    reminder_time: TimeOfDay | None = Field(None, description=_REMINDER_TIME)
    time_zone: ZoneName = "Etc/UTC"
    start: LocalOrDate = Field(
        description="First local time or, all day long on each of its days, date; it occurs only if the recurrence "
        "yields it"
    )
    recurrence: Recurrence
    ends_at: Instant | None = Field(None, description="Nothing occurs after it")
    suspend: Suspend = False
    history_limit: HistoryLimit = 3

    def spec(self, user_id: str) -> TaskScheduleSpec:
        return TaskScheduleSpec.model_validate({"user_id": user_id, **_templated({}, self.model_dump())})


def _kept() -> Any:
    """The default of a field that keeps its value when it is left out, and that cannot be null."""
    return Field(None, json_schema_extra=_without_default)


class TaskChange(Body):
    """Only what is sent changes; lists are replaced; null clears `due_at` or `due_on`, and either takes the other's
    place."""

    title: Title = _kept()
    description: Description = _kept()
    priority: Priority = _kept()
    tags: Tags = _kept()
    due_at: Instant | None = _kept()
    due_on: LocalDate | None = _kept()
    time_zone: ZoneName = _kept()
    reminders: Reminders = _kept()
    reminder_time: TimeOfDay | None = _kept()
    state: State = _kept()

    def applied(self, spec: TaskSpec, now: datetime) -> TaskSpec:
        """`completed_at` goes with `state`: set when it is closed, cleared when it is reopened."""
        given = self.given()
        if given.get("due_on"):
            given = {"due_at": None, **given}
        elif given.get("due_at") or "due_on" in given:
            given = {"due_on": None, "reminder_time": None, **given}
        if given.get("state", spec.state) is not spec.state:
            given["completed_at"] = None if given["state"] is State.OPEN else now
        return TaskSpec.model_validate({**spec.model_dump(), **given})


class ScheduleChange(Body):
    """Only what is sent changes; lists and `recurrence` are replaced as a whole; null clears `ends_at`."""

    title: Title = _kept()
    description: Description = _kept()
    priority: Priority = _kept()
    tags: Tags = _kept()
    reminders: TemplateReminders = _kept()
    reminder_time: TimeOfDay | None = _kept()
    time_zone: ZoneName = _kept()
    start: LocalOrDate = _kept()
    recurrence: Recurrence = _kept()
    ends_at: Instant | None = _kept()
    suspend: Suspend = _kept()
    history_limit: HistoryLimit = _kept()

    def applied(self, spec: TaskScheduleSpec) -> TaskScheduleSpec:
        stored, given = spec.model_dump(), self.given()
        if isinstance(given.get("start"), datetime):
            given = {"reminder_time": None, **given}
        return TaskScheduleSpec.model_validate({**stored, **_templated(stored["task"], given)})


ConversationId = Annotated[
    str,
    Field(pattern=r"^[0-9a-f]{32}$", description="`conversation_id` of the answer before; none begins a conversation"),
]


class ChatMessage(Body):
    """One sentence. Without `time_zone` the conversation's or the person's last one is taken, or asked for."""

    message: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
        AfterValidator(_storable),
        Field(examples=["remind me to submit the report tomorrow at 5pm, 1 hour before"]),
    ]
    conversation_id: ConversationId | None = None
    time_zone: ZoneName | None = None


_TEMPLATE = frozenset(resources.Template.model_fields)


def _templated(template: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A schedule's spec holds apart, under `task`, what its tasks look like; here it is flat."""
    task = {name: value for name, value in given.items() if name in _TEMPLATE}
    return {**{name: value for name, value in given.items() if name not in _TEMPLATE}, "task": {**template, **task}}
