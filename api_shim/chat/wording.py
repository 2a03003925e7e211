"""What is said back: dates, recurrences and offsets in words. English."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from taskbell.calendar import offsets
from taskbell.calendar.series import Frequency, Rule

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = tuple(name[:3] for name in _WEEKDAYS)
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_UNITS = {
    Frequency.DAILY: "day",
    Frequency.WEEKLY: "week",
    Frequency.MONTHLY: "month",
    Frequency.YEARLY: "year",
}
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "second to last"}


def recurrence_text(rule: Rule, start: datetime, zone_name: str) -> str:
    """ "Every last Friday of the month at 17:00, Europe/Berlin". `start` is naive local."""
    return f"{_pattern(rule, start)} at {start:%H:%M}{_bounds(rule)}, {zone_name}"


def _pattern(rule: Rule, start: datetime) -> str:
    days = joined([_weekday(text) for text in rule.weekdays])
    months = joined([_MONTHS[month - 1] for month in rule.months])
    match rule.frequency:
        case Frequency.WEEKLY:
            return _weekly(rule, start)
        case Frequency.MONTHLY if rule.weekdays and rule.month_days:
            dates = joined([_day(day) for day in rule.month_days])
            return f"Every {days} that is the {dates} of {_period(rule)}{_in(months)}"
        case Frequency.MONTHLY if rule.weekdays:
            return f"Every {days} of {_period(rule)}{_in(months)}"
        case Frequency.MONTHLY:
            dates = joined([_day(day) for day in rule.month_days or (start.day,)])
            return f"{_every(rule)} on the {dates}{_in(months)}"
        case Frequency.YEARLY if not rule.weekdays:
            dates = joined([str(day) if day > 0 else f"the {_day(day)} of" for day in rule.month_days or (start.day,)])
            return f"{_every(rule)} on {dates} {months or _MONTHS[start.month - 1]}"
        case _:
            return _every(rule) + (f" on {days}" if days else "") + _in(months)


def _in(months: str) -> str:
    return f" in {months}" if months else ""


def _weekly(rule: Rule, start: datetime) -> str:
    weekdays = rule.weekdays or (_SHORT[start.weekday()],)
    if set(weekdays) == set(_SHORT[:5]) and rule.interval == 1:
        return "Every weekday"
    days = joined([_WEEKDAYS[_SHORT.index(text)] for text in sorted(weekdays, key=_SHORT.index)])
    return f"Every {days}" if rule.interval == 1 else f"{_every(rule)} on {days}"


def _every(rule: Rule) -> str:
    unit = _UNITS[rule.frequency]
    return f"Every {unit}" if rule.interval == 1 else f"Every {rule.interval} {unit}s"


def _period(rule: Rule) -> str:
    return "the month" if rule.interval == 1 else f"every {rule.interval} months"


def _bounds(rule: Rule) -> str:
    until = f" until {date_text(rule.until)}" if rule.until else ""
    return until + (f", {rule.count} times" if rule.count else "")


def _weekday(text: str) -> str:
    name, number = _WEEKDAYS[_SHORT.index(text[-3:])], text[:-3]
    if not number:
        return name
    return f"{_NTH.get(int(number)) or f'{ordinal(-int(number))} to last'} {name}"


def _day(day: int) -> str:
    if day == -1:
        return "last day"
    if day < 0:
        return f"{ordinal(-day)} to last day"
    return ordinal(day)


def ordinal(number: int) -> str:
    suffix = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def date_text(local: datetime) -> str:
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def moment_text(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """ "tomorrow, Thursday 26 November 2026, 17:00": the instant `at` as the wall clock in `zone` shows it."""
    local = at.astimezone(zone)
    near = {0: "today, ", 1: "tomorrow, ", -1: "yesterday, "}
    days = (local.date() - now.astimezone(zone).date()).days
    return f"{near.get(days, '')}{_WEEKDAYS[local.weekday()]} {date_text(local)}, {local:%H:%M}"


def offset_text(before: str) -> str:
    """ "1 hour before", "when it is due"."""
    offset = offsets.parse(before)
    hours, minutes = divmod(offset.minutes, 60)
    parts = [_counted(offset.days, "day"), _counted(hours, "hour"), _counted(minutes, "minute")]
    words = " and ".join(part for part in parts if part)
    return f"{words} {'after' if offset.negative else 'before'}" if words else "when it is due"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' if number != 1 else ''}" if number else ""


def joined(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
