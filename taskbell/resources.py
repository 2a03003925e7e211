"""The custom resources `TaskSchedule` and `Task`: the one source of the CRDs, of JSON Schemas and of what we parse.

Field names and semantics are DESIGN section 2. `schema_rules` on a model are CEL rules (`x-kubernetes-validations`):
an invalid manifest fails at `kubectl apply` with a sentence a person understands. Parsing is strict: a field nobody
here knows comes from a newer version, and raises.
"""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from taskbell.calendar import completion, cron, due, offsets, rfc5545, spans, wording, zones
from taskbell.calendar.due import Due
from taskbell.calendar.rule import (
    HIGHEST_COUNT,
    HIGHEST_INTERVAL,
    INVALID_RULE,
    Cron,
    Fold,
    Frequency,
    Gap,
    MonthEnd,
    Policies,
    Rule,
)
from taskbell.calendar.rule import Override as DateOverride
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.errors import Rejected
from taskbell.naming import GROUP, VERSION

API_VERSION = f"{GROUP}/{VERSION}"


def instant_text(at: datetime) -> str:
    """RFC 3339 in UTC, with microseconds only where there are any."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def local_text(local: date) -> str:
    """Wall-clock time to the minute, `2026-11-23T09:00`, or a date, `2026-11-23`."""
    return local.isoformat(timespec="minutes") if isinstance(local, datetime) else local.isoformat()


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs an offset: 2026-11-23T09:00:00Z")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("an instant lies in the years 1 to 9999 of UTC") from error


def _wall_clock(local: datetime) -> datetime:
    if local.tzinfo is not None or local.second or local.microsecond:
        raise ValueError("a local time has minutes and no offset: 2026-11-23T09:00")
    return local


def _local_or_date(value: object) -> date:
    if isinstance(value, str):
        value = _date(value) if re.match(DATE_PATTERN, value, re.ASCII) else datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return _wall_clock(value)
    if isinstance(value, date):
        return value
    raise ValueError("a local time is a text, 2026-11-23T09:00, or a date, 2026-11-23")


def _date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.match(DATE_PATTERN, value, re.ASCII):
        raise ValueError("a date has no time: 2026-11-23")
    return date.fromisoformat(value)


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.match(TIME_PATTERN, value, re.ASCII):
        raise ValueError("a time of the day has hours and minutes: 09:00")
    return time.fromisoformat(value)


def _offset(text: str) -> str:
    return str(offsets.parse(text))


_DATE = r"(19[7-9]\d|2\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
DATE_PATTERN = rf"^{_DATE}$"
TIME_PATTERN = rf"^{_TIME}$"
LOCAL_PATTERN = rf"^{_DATE}T{_TIME}$"
LOCAL_OR_DATE_PATTERN = rf"^{_DATE}(T{_TIME})?$"
TEXT_PATTERN = r"^[^\x00]*$"
"""PostgreSQL stores no U+0000."""
WEEKDAY_PATTERN = r"^(-?[1-5])?(Mon|Tue|Wed|Thu|Fri|Sat|Sun)$"

Instant = Annotated[
    datetime,
    AfterValidator(_aware),
    PlainSerializer(instant_text),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]
LocalTime = Annotated[
    datetime,
    AfterValidator(_wall_clock),
    PlainSerializer(local_text),
    WithJsonSchema({"type": "string", "pattern": LOCAL_PATTERN, "maxLength": 16}),
]
LocalOrDate = Annotated[
    datetime | date,
    PlainValidator(_local_or_date),
    PlainSerializer(local_text),
    WithJsonSchema({"type": "string", "pattern": LOCAL_OR_DATE_PATTERN, "maxLength": 16}),
]
"""Either a local time or, where all of a series is on dates, a date (RFC 5545's DATE-TIME and DATE)."""
LocalDate = Annotated[
    date,
    PlainValidator(_date),
    PlainSerializer(date.isoformat),
    WithJsonSchema({"type": "string", "pattern": DATE_PATTERN, "maxLength": 10}),
]
TimeOfDay = Annotated[
    time,
    PlainValidator(_time_of_day),
    PlainSerializer(lambda at: at.isoformat(timespec="minutes"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": TIME_PATTERN, "maxLength": 5}),
]
OffsetText = Annotated[
    str,
    AfterValidator(_offset),
    WithJsonSchema({"type": "string", "pattern": offsets.PATTERN, "maxLength": 20}),
]
Span = Annotated[
    timedelta,
    BeforeValidator(spans.parse),
    PlainSerializer(spans.text),
    WithJsonSchema({"type": "string", "pattern": spans.PATTERN, "maxLength": 12}),
]
UserId = Annotated[str, Field(min_length=1, max_length=128, description="Whose it is; cannot be changed")]
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT_PATTERN, description="What is to be done")]
Description = Annotated[str, Field(max_length=1000, pattern=TEXT_PATTERN, description="More about it")]
Tag = Annotated[str, Field(min_length=1, max_length=50, pattern=TEXT_PATTERN)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=20, description="Words to find it by")]
RecurrenceText = Annotated[str, Field(max_length=wording.LONGEST)]
ZoneName = Annotated[str, Field(min_length=1, max_length=64, description="IANA time zone, for example Europe/Berlin")]


class CelRule(NamedTuple):
    rule: str
    message: str


def _is_date(field: str) -> str:
    """CEL: the local time in `field` is a date; timestamp() would fail with a sentence nobody understands."""
    year, month, day = (f"{field}.substring({part})" for part in ("0, 4", "5, 7", "8, 10"))
    leap = f"int({year}) % 4 == 0 && (int({year}) % 100 != 0 || int({year}) % 400 == 0)"
    return f"{day} <= ({month} == '02' ? ({leap} ? '29' : '28') : {month} in ['04', '06', '09', '11'] ? '30' : '31')"


def _undefaulted(schema: dict[str, Any]) -> None:
    schema.pop("default")


class Model(BaseModel):
    """Frozen, strict about unknown fields, camelCase on the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
    schema_rules: ClassVar[tuple[CelRule, ...]] = ()

    def wire(self) -> dict[str, Any]:
        """As the API server stores it: JSON types, unset optional fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Priority(StrEnum):
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


SNOOZE = "snooze"
"""The id of the reminder that ends a snooze."""

REMINDER_TIME = time(9)
"""What reminders of an all-day task count back from on its day, unless it says otherwise."""


class TemplateReminder(Model):
    """A reminder some time before the task is due."""

    before: OffsetText = Field(
        description="ISO 8601 duration before the due time: PT15M, PT1H, P1D; days keep the wall clock, -PT1H is after"
    )


class Reminder(Model):
    """A reminder before a task is due or, on tasks of no schedule, at an instant."""

    before: OffsetText | None = Field(
        default=None, description="ISO 8601 duration before the due time: PT15M, PT1H, P1D"
    )
    at: Instant | None = Field(default=None, description="An instant; only on tasks that belong to no schedule")
    schema_rules = (CelRule("has(self.before) != has(self.at)", "a reminder has either before or at"),)

    @property
    def id(self) -> str:
        """The canonical text by which people and events know this reminder."""
        return self.before if self.before is not None else f"at-{instant_text(self.at)}" if self.at else ""


class LateReminders(StrEnum):
    LATEST = "Latest"
    ALL = "All"
    SKIP = "Skip"


class ReminderPolicy(Model):
    """What becomes of reminders that could not be sent in time: nothing ran, or the broker was away."""

    late: LateReminders = Field(
        default=LateReminders.LATEST,
        description="Of several late reminders send the Latest, or All; or Skip: none more than a minute late",
    )
    within: Span = Field(
        default=timedelta(hours=1), description="How long after the due time a late one is still sent: PT1H, P1D"
    )


_REMINDER_TIME_MEANING = "All-day only: the local time on its day that reminders count back from; 09:00 if left out"


class Template(Model):
    """What every task of a schedule looks like."""

    title: Title
    description: Description = ""
    priority: Priority = Priority.MEDIUM
    tags: Tags = ()
    reminders: tuple[TemplateReminder, ...] = Field(default=(), max_length=10)
    reminder_time: TimeOfDay | None = Field(default=None, description=_REMINDER_TIME_MEANING)
    reminder_policy: ReminderPolicy = ReminderPolicy()
    schema_rules = (
        CelRule(
            "!has(self.reminders) || self.reminders.all(r, self.reminders.exists_one(s, s.before == r.before))",
            "reminders repeat one another: keep each offset once",
        ),
    )


def _left_out(value: object) -> bool:
    return value in {(), 1}


_RULE_PARTS = "FREQ|INTERVAL|COUNT|UNTIL|BYDAY|BYMONTHDAY|BYYEARDAY|BYMONTH|BYHOUR|BYMINUTE|BYSETPOS|WKST"
_UNSUPPORTED = "|".join(rfc5545.UNSUPPORTED)
_NO_FREQUENCY = "|".join(rfc5545.UNSUPPORTED_FREQUENCIES)


COUNT_OR_UNTIL = "count and until exclude each other: keep one"
NUMBERED_WEEKDAYS = "numbered weekdays such as 2Tue need frequency Monthly or Yearly"
WEEKLY_MONTH_DAYS = "monthDays cannot stand with frequency Weekly (RFC 5545): use Monthly, or weekdays"
NO_DAY_0 = "monthDays has no day 0: 1 is the first, -1 the last"
ALL_ONE_KIND = (
    "start, until, additionalDates, excludedDates and overrides are either all dates, of an all-day series, or all "
    "local times with hours and minutes: make them alike"
)
EITHER_FORM = "recurrence is either frequency, with the fields that refine it, or rrule, or cron: keep one of them"
_MOST_DATES = 366


def _without(pattern: str) -> str:
    return f"!has(self.rrule) || !self.rrule.matches('{pattern}')"


def _dates_of(field: str) -> str:
    return f"!has(self.{field}) || self.{field}.all(d, {_is_date('d')})"


class Clocks(Model):
    """What happens where clocks are moved. Hourly and Minutely recurrences run through real time instead."""

    gap: Gap | None = Field(
        default=None, description="A local time that does not exist: Later (02:30 is at 03:30; the default) or Skip"
    )
    fold: Fold | None = Field(
        default=None, description="A local time that exists twice: First (the default) or Both; not in Hourly, Minutely"
    )


class Recurrence(Model):
    """When the task recurs: in fields meaning what RFC 5545 3.3.10 means, as its text in rrule, or in cron."""

    # The API server fills in no defaults here: beside an rrule they would look as if somebody had set them.
    frequency: Frequency | None = Field(default=None, description="With the fields that refine it; or use rrule")
    interval: int = Field(
        default=1,
        ge=1,
        le=HIGHEST_INTERVAL,
        description="Every so many periods; 1 where it is left out",
        exclude_if=_left_out,
        json_schema_extra=_undefaulted,
    )
    weekdays: tuple[Annotated[str, Field(pattern=WEEKDAY_PATTERN, max_length=5)], ...] = Field(
        default=(),
        max_length=35,
        description="Mon, or with Monthly and Yearly 2Tue and -1Fri",
        exclude_if=_left_out,
        json_schema_extra=_undefaulted,
    )
    month_days: tuple[Annotated[int, Field(ge=-31, le=31)], ...] = Field(
        default=(),
        max_length=62,
        description="Days of the month, from its end where negative",
        exclude_if=_left_out,
        json_schema_extra=_undefaulted,
    )
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        default=(),
        max_length=12,
        description="Only in these months, 1 to 12",
        exclude_if=_left_out,
        json_schema_extra=_undefaulted,
    )
    count: int | None = Field(default=None, ge=1, le=HIGHEST_COUNT, description="This many occurrences in all")
    until: LocalOrDate | None = Field(default=None, description="The last local time or date that may occur")
    rrule: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="RFC 5545, in place of the fields: FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1. UNTIL is in UTC",
    )
    cron: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Five fields of crontab(5) or @daily and its like, in place of the fields: 30 9 * * Mon-Fri",
    )
    additional_dates: tuple[LocalOrDate, ...] = Field(
        default=(),
        max_length=_MOST_DATES,
        description="Local times that occur too; dates where start is one",
        exclude_if=_left_out,
        json_schema_extra=_undefaulted,
    )
    excluded_dates: tuple[LocalOrDate, ...] = Field(
        default=(),
        max_length=_MOST_DATES,
        description="Local times that do not occur, also where additionalDates has them",
        exclude_if=_left_out,
        json_schema_extra=_undefaulted,
    )
    month_end: MonthEnd | None = Field(
        default=None, description="A day that a month lacks: Skip (left out; the default) or Clamp (its last day)"
    )
    dst: Clocks | None = Field(default=None, description="What happens where clocks are moved")
    schema_rules = (
        CelRule(
            "(has(self.frequency) ? 1 : 0) + (has(self.rrule) ? 1 : 0) + (has(self.cron) ? 1 : 0) == 1 && "
            "(has(self.frequency) || !(has(self.interval) || has(self.weekdays) || has(self.monthDays) || "
            "has(self.months) || has(self.count) || has(self.until)))",
            EITHER_FORM,
        ),
        CelRule(_dates_of("additionalDates"), "additionalDates has what is no date: that month has fewer days"),
        CelRule(_dates_of("excludedDates"), "excludedDates has what is no date: that month has fewer days"),
        CelRule(
            "!has(self.cron) || !self.cron.matches('[?#]|(^|[ ,0-9])[LlWw]+([ ,]|$)')",
            "cron has ?, L, W or #, which are not supported: write * for ?, and use rrule for such days",
        ),
        CelRule(
            "!has(self.cron) || !self.cron.matches('(?i)^ *@reboot *$')",
            "cron has @reboot, which is no time: a schedule knows no machine that starts, so write when",
        ),
        CelRule(
            "!has(self.cron) || self.cron.matches('(?i)^ *(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|"
            "[^ @]+( +[^ ]+){4}) *$') || self.cron.matches('(?i)^ *@reboot *$')",
            "cron needs five fields, minute, hour, day of the month, month, day of the week, or @daily and its like",
        ),
        CelRule("!(has(self.count) && has(self.until))", COUNT_OR_UNTIL),
        CelRule(
            f"!has(self.until) || {_is_date('self.until')}",
            "until is no date of the calendar: that month has fewer days",
        ),
        CelRule(
            "!has(self.frequency) || self.frequency in ['Monthly', 'Yearly'] || !has(self.weekdays) || "
            "self.weekdays.all(d, size(d) == 3)",
            NUMBERED_WEEKDAYS,
        ),
        CelRule(
            "!has(self.frequency) || self.frequency != 'Weekly' || !has(self.monthDays) || size(self.monthDays) == 0",
            WEEKLY_MONTH_DAYS,
        ),
        CelRule(
            "!has(self.monthDays) || self.monthDays.all(d, d != 0)",
            NO_DAY_0,
        ),
        CelRule(
            "has(self.monthEnd) && self.monthEnd == 'Clamp' || "
            "!has(self.monthDays) || size(self.monthDays) == 0 || !has(self.months) || size(self.months) == 0 || "
            "self.monthDays.exists(d, (d >= -29 && d <= 29) || (d in [30, -30] && self.months.exists(m, m != 2)) || "
            "(d in [31, -31] && self.months.exists(m, m in [1, 3, 5, 7, 8, 10, 12])))",
            "recurrence never occurs: none of months has any of monthDays",
        ),
        CelRule(
            "!has(self.rrule) || self.rrule.matches('^[A-Za-z-]+=[^;=]+(;[A-Za-z-]+=[^;=]+)*$')",
            "rrule is no recurrence rule of RFC 5545: write its parts as in FREQ=WEEKLY;BYDAY=MO,FR",
        ),
        CelRule(
            _without(f"(?i)(^|;)({_UNSUPPORTED})="),
            f"rrule has a part that is not supported: do without {', '.join(rfc5545.UNSUPPORTED)}",
        ),
        CelRule(
            f"!has(self.rrule) || self.rrule.matches('(?i)^(({_RULE_PARTS}|{_UNSUPPORTED})=[^;]*(;|$))+$')",
            f"rrule has a part that RFC 5545 does not know: there are {_RULE_PARTS.replace('|', ', ')}",
        ),
        CelRule(
            _without(f"(?i)(^|;)FREQ=({_NO_FREQUENCY})(;|$)"),
            f"rrule has a FREQ below a minute, which is not supported: {rfc5545.FREQUENCIES_SENTENCE}",
        ),
        CelRule(
            "!has(self.rrule) || "
            f"self.rrule.matches('(?i)(^|;)FREQ=({'|'.join(map(str.upper, Frequency))}|{_NO_FREQUENCY})(;|$)')",
            f"rrule needs one FREQ: {rfc5545.FREQUENCIES_SENTENCE}",
        ),
        CelRule(_without("(?i)(^|;)INTERVAL=0*(;|$)"), "rrule has INTERVAL=0: use 1 or more"),
        CelRule(
            "!has(self.rrule) || !(self.rrule.matches('(?i)(^|;)COUNT=') && self.rrule.matches('(?i)(^|;)UNTIL='))",
            "rrule has COUNT and UNTIL, which exclude each other: keep one",
        ),
        CelRule(
            _without("(?i)(^|;)UNTIL=") + " || self.rrule.matches('(?i)(^|;)UNTIL=([0-9]{8}|[^;]*Z)(;|$)')",
            "rrule has an UNTIL that is neither an instant in UTC nor a date: a schedule has a time zone, so write "
            "20301231T235959Z or 20301231",
        ),
    )

    def rule(self) -> Rule | Cron:
        """Raises Rejected for a text that is no rule, or one that is not supported."""
        given = self.wire().keys() & _FORMS
        if self.rrule is not None and given == {"rrule"}:
            return rfc5545.parse(self.rrule)
        if self.cron is not None and given == {"cron"}:
            return cron.parse(self.cron)
        if self.frequency is None or not given.isdisjoint({"rrule", "cron"}):
            raise Rejected(INVALID_RULE, EITHER_FORM)
        self._refuse_mixed_fields()
        until = zones.midnight(self.until) if self.until else None
        return Rule(self.frequency, self.interval, self.weekdays, self.month_days, self.months, self.count, until)

    def _refuse_mixed_fields(self) -> None:
        """What CEL refuses where there is an API server."""
        long = self.frequency in {Frequency.MONTHLY, Frequency.YEARLY}
        mixed = (
            (COUNT_OR_UNTIL, self.count is not None and self.until is not None),
            (NUMBERED_WEEKDAYS, not long and any(len(text) > 3 for text in self.weekdays)),
            (WEEKLY_MONTH_DAYS, self.frequency is Frequency.WEEKLY and bool(self.month_days)),
            (NO_DAY_0, 0 in self.month_days),
        )
        for sentence, wrong in mixed:
            if wrong:
                raise Rejected(INVALID_RULE, f"recurrence: {sentence}")

    def policies(self) -> Policies:
        """What bends, adds and takes away dates of the rule."""
        clocks = self.dst or Clocks()
        return Policies(
            month_end=self.month_end or MonthEnd.SKIP,
            gap=clocks.gap or Gap.LATER,
            fold=clocks.fold or Fold.FIRST,
            added=tuple(map(zones.midnight, self.additional_dates)),
            excluded=tuple(map(zones.midnight, self.excluded_dates)),
        )


_FORMS = frozenset({"frequency", "interval", "weekdays", "monthDays", "months", "count", "until", "rrule", "cron"})


_BARE = " && ".join(
    ["has(self.recurrence.frequency)"]
    + [
        f"(!has(self.recurrence.{field}) || size(self.recurrence.{field}) == 0)"
        for field in ("weekdays", "monthDays", "months", "additionalDates", "excludedDates")
    ]
    + ["!has(self.recurrence.dst)"]
)


_DATE_SIZE = len("2026-11-23")
_KIND = "size({}) == size(self.start)"
_ALL_ONE_KIND = " && ".join(
    (
        f"(!has(self.recurrence.until) || {_KIND.format('self.recurrence.until')})",
        *(
            f"(!has(self.recurrence.{field}) || self.recurrence.{field}.all(d, {_KIND.format('d')}))"
            for field in ("additionalDates", "excludedDates")
        ),
        f"(!has(self.overrides) || self.overrides.all(o, {_KIND.format('o.occurrence')}))",
        f"(!has(self.overrides) || self.overrides.all(o, !has(o.moveTo) || {_KIND.format('o.moveTo')}))",
    )
)
_HAS_TIMES = (
    "has(self.recurrence.cron) || has(self.recurrence.dst) || "
    "has(self.recurrence.frequency) && self.recurrence.frequency in ['Hourly', 'Minutely'] || "
    "has(self.recurrence.rrule) && "
    "self.recurrence.rrule.matches('(?i)(^|;)(BYHOUR=|BYMINUTE=|FREQ=HOURLY|FREQ=MINUTELY|UNTIL=[^;]*T)')"
)


class Advance(StrEnum):
    ON_COMPLETION = "OnCompletion"
    AFTER_COMPLETION = "AfterCompletion"
    ON_SCHEDULE = "OnSchedule"


class Overlap(StrEnum):
    ALLOW = "Allow"
    SKIP = "Skip"
    REPLACE = "Replace"


class TemplateChanges(Model):
    """What differs from the template in one occurrence. A hundred of the largest still fit into one Kafka record."""

    title: Title | None = None
    description: Annotated[str, Field(max_length=400, pattern=TEXT_PATTERN)] | None = None
    priority: Priority | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=5)] | None = None
    reminders: tuple[TemplateReminder, ...] | None = Field(default=None, max_length=10)

    def on(self, template: Template) -> Template:
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return template.model_copy(update={name: value for name, value in given.items() if value is not None})


class Override(Model):
    """What is different about one occurrence, so that Git can hold it."""

    occurrence: LocalOrDate = Field(
        description="The local time or date the recurrence yields, whatever becomes of it here"
    )
    skip: bool = Field(default=False, description="It does not occur")
    move_to: LocalOrDate | None = Field(
        default=None, description="It occurs at this local time or on this date instead, between its neighbours"
    )
    task: TemplateChanges | None = Field(default=None, description="Fields of the template that differ")
    schema_rules = (
        CelRule(
            "(has(self.skip) && self.skip) != (has(self.moveTo) || has(self.task))",
            "an override either skips its occurrence, or moves it or changes its task",
        ),
        CelRule(_is_date("self.occurrence"), "occurrence is no date of the calendar: that month has fewer days"),
        CelRule(
            f"!has(self.moveTo) || {_is_date('self.moveTo')}",
            "moveTo is no date of the calendar: that month has fewer days",
        ),
    )


class MissedPolicy(StrEnum):
    LATEST = "Latest"
    ALL = "All"
    SKIP = "Skip"


class Missed(Model):
    """What becomes of occurrences whose time passed while nobody could make their task: suspended, or nothing ran."""

    policy: MissedPolicy = Field(
        default=MissedPolicy.LATEST,
        description="Make the Latest of them, All (also those before a late completion), or Skip: the first ahead",
    )
    within: Span = Field(default=timedelta(days=7), description="None that is older than this; at most P31D")
    schema_rules = (
        CelRule(
            "!has(self.within) || self.within.matches('^P(T.*|[0-9]D|[0-2][0-9]D|3[01]D)$')",
            "missed.within is at most P31D",
        ),
    )


class TaskScheduleSpec(Model):
    """What should be done when."""

    user_id: UserId
    task: Template
    time_zone: ZoneName = "Etc/UTC"
    start: LocalOrDate = Field(
        description="First local time, 2026-11-23T09:00, or date, 2026-11-23: all day long on each of its days; it "
        "occurs only if the recurrence yields it"
    )
    recurrence: Recurrence
    advance: Advance = Field(
        default=Advance.ON_COMPLETION,
        description="OnCompletion: one open task; the next appears when it is closed. AfterCompletion: likewise, "
        "and the interval counts from then. OnSchedule: each appears in time, whatever became of those before",
    )
    lead_time: Span | None = Field(
        default=None,
        description="OnSchedule: how long before it is due a task appears; where it is left out, its largest reminder",
    )
    overlap: Overlap | None = Field(
        default=None,
        description="OnSchedule, when the one before is still open as the next is due: Allow both, Skip the next, "
        "Replace the old one. Allow where it is left out; Skip with Hourly and Minutely",
    )
    open_limit: int | None = Field(
        default=None, ge=1, le=100, description="OnSchedule: at most this many open tasks; 10 where it is left out"
    )
    overrides: Annotated[
        tuple[Override, ...], Field(max_length=100, json_schema_extra={"x-list-map-key": "occurrence"})
    ] = ()
    missed: Missed = Missed()
    ends_at: Instant | None = Field(
        default=None,
        description="Nothing occurs after it: set it to cancel all future occurrences, clear it to undo that",
    )
    suspend: bool = Field(
        default=False, description="While true nothing is created; what is open stays and still reminds"
    )
    history_limit: int = Field(default=3, ge=1, le=50, description="How many closed tasks are kept")
    schema_rules = (
        CelRule("self.userId == oldSelf.userId", "userId cannot be changed: create another schedule"),
        CelRule(
            "timestamp('2026-01-01T00:00:00Z').getHours(has(self.timeZone) ? self.timeZone : 'Etc/UTC') >= 0",
            "timeZone is unknown: use an IANA name such as Europe/Berlin",
        ),
        CelRule(_is_date("self.start"), "start is no date of the calendar: that month has fewer days"),
        CelRule(_ALL_ONE_KIND, ALL_ONE_KIND),
        CelRule(
            f"size(self.start) != {_DATE_SIZE} || !({_HAS_TIMES})",
            "where start is a date recurrence has no times of the day: leave out cron, dst, Hourly, Minutely, BYHOUR, "
            "BYMINUTE and an UNTIL that is an instant, or give start a time",
        ),
        CelRule(
            f"!has(self.task.reminderTime) || size(self.start) == {_DATE_SIZE}",
            "task.reminderTime is for all-day series, whose start is a date: others remind before the time they are "
            "due",
        ),
        CelRule(
            f"!(has(self.advance) && self.advance == 'AfterCompletion') || ({_BARE})",
            "with advance AfterCompletion recurrence has only frequency, interval, count or until, and monthEnd: "
            "days and times follow from the completion",
        ),
        CelRule(
            "!(has(self.advance) && self.advance == 'AfterCompletion') || !has(self.overrides) || "
            "self.overrides.all(o, !(has(o.skip) && o.skip) && !has(o.moveTo))",
            "with advance AfterCompletion an occurrence has no time of its own that could be skipped or moved",
        ),
        CelRule(
            "has(self.advance) && self.advance == 'OnSchedule' || "
            "!(has(self.leadTime) || has(self.overlap) || has(self.openLimit))",
            "leadTime, overlap and openLimit are for advance OnSchedule",
        ),
        CelRule(
            "!(has(self.missed) && has(self.missed.policy) && self.missed.policy == 'All' && "
            "has(self.recurrence.frequency) && self.recurrence.frequency == 'Minutely')",
            "missed.policy All would make too many tasks with frequency Minutely: use Latest or Skip",
        ),
    )

    def series(self) -> Series:
        """Raises Rejected."""
        self._refuse_mixed_kinds()
        policies = replace(
            self.recurrence.policies(),
            overrides=tuple(
                DateOverride(
                    zones.midnight(each.occurrence),
                    skipped=each.skip,
                    moved_to=zones.midnight(each.move_to) if each.move_to else None,
                )
                for each in self.overrides
            ),
        )
        return Series(self.time_zone, self.start, self.recurrence.rule(), policies)

    @property
    def all_day(self) -> bool:
        """Whether each occurrence is a day, and not a time on it."""
        return not isinstance(self.start, datetime)

    def _refuse_mixed_kinds(self) -> None:
        """What CEL refuses where there is an API server."""
        recurrence = self.recurrence
        named = [recurrence.until, *recurrence.additional_dates, *recurrence.excluded_dates]
        for each in self.overrides:
            named += [each.occurrence, each.move_to]
        if any(each is not None and isinstance(each, datetime) is self.all_day for each in named):
            raise Rejected(INVALID_RULE, ALL_ONE_KIND)

    def override(self, local: datetime) -> Override | None:
        """What is different about the occurrence known by `local`."""
        return next((each for each in self.overrides if zones.midnight(each.occurrence) == local), None)

    def words(self) -> str:
        """The recurrence in English. Raises Rejected."""
        if self.advance is not Advance.AFTER_COMPLETION:
            return wording.describe(self.series())
        return wording.after_completion(
            self.time_zone, self.start, self.interval_rule(), self.recurrence.policies().month_end
        )

    def interval_rule(self) -> Rule:
        """What AfterCompletion counts by. Raises Rejected(InvalidRule) for a rule that chooses days or times."""
        rule = self.recurrence.rule()
        if not isinstance(rule, Rule):
            raise Rejected(INVALID_RULE, "recurrence.cron cannot stand with advance AfterCompletion: use frequency")
        completion.refuse(rule, self.start)
        return rule

    def recurrence_text(self) -> str | None:
        """`words`; None for a recurrence that is refused."""
        try:
            return self.words()
        except Rejected:
            return None


class ConditionStatus(StrEnum):
    TRUE = "True"
    FALSE = "False"


class Condition(Model):
    """Kubernetes API conventions, conditions."""

    type: str = Field(max_length=64)
    status: ConditionStatus
    reason: str = Field(max_length=64)
    message: str = Field(default="", max_length=1024)
    last_transition_time: Instant
    observed_generation: int


Conditions = Annotated[tuple[Condition, ...], Field(max_length=16, json_schema_extra={"x-list-map-key": "type"})]


class Phase(StrEnum):
    PENDING = "Pending"
    OPEN = "Open"
    CLOSED = "Closed"


class Outcome(StrEnum):
    COMPLETED = "Completed"
    SKIPPED = "Skipped"
    DELETED = "Deleted"
    CANCELLED = "Cancelled"


class Cursor(Model):
    """The occurrence a schedule stands at. `calendar` is a hash of what decides its dates; `local` is a midnight, and
    `at` the instant its day begins with, where the series is all-day."""

    sequence: int = Field(ge=1)
    local: LocalTime
    fold: Literal[0, 1] = 0
    at: Instant
    on: LocalDate | None = Field(default=None, description="All-day: the date it is due")
    phase: Phase
    outcome: Outcome | None = None
    closed_at: Instant | None = None
    calendar: str = Field(default="", max_length=64)

    def moved(self, occurrence: Occurrence) -> Self:
        """The same cursor at another time."""
        return self.model_copy(update={"local": occurrence.local, "fold": occurrence.fold, "at": occurrence.at})


class NextOccurrence(Model):
    local: LocalOrDate
    at: Instant
    note: str | None = Field(
        default=None, max_length=300, description="Why it is not just what the recurrence says: clocks, a month's end"
    )


class PublishedSchedule(Model):
    """What the event stream has been told of a schedule."""

    generation: int


class TaskScheduleStatus(Model):
    observed_generation: int = 0
    conditions: Conditions = ()
    summary: RecurrenceText | None = Field(
        default=None, description="The recurrence in words: Every Monday and Friday at 09:00, Europe/Berlin"
    )
    next_occurrences: tuple[NextOccurrence, ...] = Field(
        default=(), max_length=3, description="The next three, after the cursor"
    )
    reopened: tuple[int, ...] = Field(
        default=(), max_length=100, description="Sequences of reopened tasks below the cursor"
    )
    published: PublishedSchedule | None = None
    cursor: Cursor | None = None


class State(StrEnum):
    OPEN = "Open"
    COMPLETED = "Completed"
    SKIPPED = "Skipped"


class OccurrenceRef(Model):
    """Which occurrence of which schedule a task is; `local` and `at` as in `Cursor`."""

    schedule: str = Field(max_length=63)
    sequence: int = Field(ge=1)
    local: LocalTime
    fold: Literal[0, 1] = 0
    at: Instant
    recurrence_text: RecurrenceText | None = Field(
        default=None, description="The schedule's recurrence in words, as it was when this occurrence got its time"
    )
    schema_rules = (
        CelRule(
            "self.schedule == oldSelf.schedule && self.sequence == oldSelf.sequence",
            "occurrence.schedule and occurrence.sequence cannot be changed",
        ),
    )


class TaskSpec(Model):
    """One thing to do."""

    user_id: UserId
    title: Title
    description: Description = ""
    priority: Priority = Priority.MEDIUM
    tags: Tags = ()
    due_at: Instant | None = Field(default=None, description="When it is due, an instant; or use dueOn")
    due_on: LocalDate | None = Field(
        default=None, description="The date it is due, all day long in timeZone: 2026-11-23; in place of dueAt"
    )
    time_zone: ZoneName = "Etc/UTC"
    reminders: tuple[Reminder, ...] = Field(default=(), max_length=10)
    reminder_time: TimeOfDay | None = Field(default=None, description=_REMINDER_TIME_MEANING)
    reminder_policy: ReminderPolicy = ReminderPolicy()
    snoozed_until: Instant | None = Field(
        default=None, description="Remind at this instant and not before; one that has passed reminds at once"
    )
    retain_for: Span = Field(
        default=timedelta(days=30),
        description="How long a closed task of no schedule is kept, unless Argo CD, Flux or Helm manages it",
    )
    state: State = Field(
        default=State.OPEN, description="Set to Completed or Skipped to close it, to Open to reopen it"
    )
    completed_at: Instant | None = Field(
        default=None, description="When it was closed, where that is known better than by seeing it"
    )
    occurrence: OccurrenceRef | None = None
    schema_rules = (
        CelRule("self.userId == oldSelf.userId", "userId cannot be changed: create another task"),
        CelRule("has(self.occurrence) == has(oldSelf.occurrence)", "occurrence can be neither added nor removed"),
        CelRule(
            "timestamp('2026-01-01T00:00:00Z').getHours(has(self.timeZone) ? self.timeZone : 'Etc/UTC') >= 0",
            "timeZone is unknown: use an IANA name such as Europe/Berlin",
        ),
        CelRule("!(has(self.dueAt) && has(self.dueOn))", "dueAt and dueOn exclude each other: keep one"),
        CelRule(
            f"!has(self.dueOn) || {_is_date('self.dueOn')}",
            "dueOn is no date of the calendar: that month has fewer days",
        ),
        CelRule(
            "!has(self.reminderTime) || has(self.dueOn)",
            "reminderTime is for all-day tasks, which have dueOn: others remind before dueAt",
        ),
        CelRule(
            "has(self.dueAt) || has(self.dueOn) || !has(self.reminders) || self.reminders.all(r, !has(r.before))",
            "a reminder with before needs dueAt or dueOn",
        ),
        CelRule(
            "!has(self.occurrence) || !has(self.reminders) || self.reminders.all(r, !has(r.at))",
            "a reminder with at is only for tasks of no schedule: use before",
        ),
        CelRule(
            "!has(self.reminders) || self.reminders.all(r, self.reminders.exists_one(s, "
            "has(s.before) == has(r.before) && (!has(s.before) || s.before == r.before) && "
            "(!has(s.at) || s.at == r.at)))",
            "reminders repeat one another: keep each once",
        ),
    )

    @property
    def due(self) -> Due | None:
        return due.of(self.due_at, self.due_on, self.time_zone)

    def reminded_before(self, zone: tzinfo) -> datetime | None:
        """The aware time that its reminders with `before` count back from."""
        if self.due_on is None:
            return self.due_at
        return datetime.combine(self.due_on, self.reminder_time or REMINDER_TIME, zone)


class ReminderState(StrEnum):
    PENDING = "Pending"
    PUBLISHED = "Published"
    EXPIRED = "Expired"
    CANCELLED = "Cancelled"


class ReminderStatus(Model):
    id: str = Field(max_length=40)
    remind_at: Instant
    state: ReminderState


class PublishedTask(Model):
    """What the event stream has been told of a task."""

    generation: int
    state: State
    closed_at: Instant | None = None


class TaskStatus(Model):
    observed_generation: int = 0
    conditions: Conditions = ()
    phase: State = State.OPEN
    closed_at: Instant | None = None
    reminders: tuple[ReminderStatus, ...] = Field(default=(), max_length=11)
    published: PublishedTask | None = None


class OwnerReference(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)
    kind: str
    name: str
    uid: str
    controller: bool = False


class Metadata(BaseModel):
    """The part of ObjectMeta that decides something here."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)
    name: str
    namespace: str
    uid: str
    generation: int
    resource_version: str
    creation_timestamp: Instant
    deletion_timestamp: Instant | None = None
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()

    @property
    def terminating(self) -> bool:
        return self.deletion_timestamp is not None

    @property
    def controller(self) -> OwnerReference | None:
        return next((owner for owner in self.owner_references if owner.controller), None)


class Resource(BaseModel):
    """An object as the API server gives it."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    plural: ClassVar[str]
    kind: ClassVar[str]
    short_name: ClassVar[str]
    columns: ClassVar[tuple[tuple[str, str, str], ...]]
    schema_rules: ClassVar[tuple[CelRule, ...]] = ()
    metadata: Metadata


class TaskSchedule(Resource):
    """A recurring task: a template, a recurrence and a time zone."""

    plural = "taskschedules"
    kind = "TaskSchedule"
    short_name = "tsched"
    columns = (
        ("User", "string", ".spec.userId"),
        ("Title", "string", ".spec.task.title"),
        ("Recurrence", "string", ".status.summary"),
        ("Suspend", "boolean", ".spec.suspend"),
        ("At", "string", ".status.cursor['on','at']"),
        ("Phase", "string", ".status.cursor.phase"),
        ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
    )
    schema_rules = (
        CelRule(
            "size(self.metadata.name) <= 52",
            "metadata.name is longer than 52 characters: its tasks' names need the rest",
        ),
    )
    spec: TaskScheduleSpec
    status: TaskScheduleStatus = TaskScheduleStatus()


class Task(Resource):
    """One thing to do: an occurrence of a schedule, or a task of its own."""

    plural = "tasks"
    kind = "Task"
    short_name = "tsk"
    columns = (
        ("User", "string", ".spec.userId"),
        ("Title", "string", ".spec.title"),
        ("Due", "string", ".spec['dueAt','dueOn']"),
        ("State", "string", ".spec.state"),
        ("Priority", "string", ".spec.priority"),
        ("Schedule", "string", ".spec.occurrence.schedule"),
    )
    spec: TaskSpec
    status: TaskStatus = TaskStatus()


KINDS: tuple[type[Resource], ...] = (TaskSchedule, Task)
