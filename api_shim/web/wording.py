"""Recurrence in words. One function, from a schedule's stored spec, so that it can be replaced as a whole."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from taskbell.calendar.series import Frequency, Rule
from taskbell.resources import TaskScheduleSpec

_PERIODS = {
    Frequency.DAILY: ("day", "days"),
    Frequency.WEEKLY: ("week", "weeks"),
    Frequency.MONTHLY: ("month", "months"),
    Frequency.YEARLY: ("year", "years"),
}
_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday",
    "Sun": "Sunday",
}  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_WORKING_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


def recurrence(spec: dict[str, Any], zone_name: str) -> str:
    """`Every Monday and Friday at 09:00`; the schedule's zone is named where it is not `zone_name`, the reader's.

    A spec from a newer version than this one gets `Recurs`."""
    try:
        schedule = TaskScheduleSpec.model_validate(spec)
    except ValidationError:
        return "Recurs"
    rule, start = schedule.recurrence.rule(), schedule.start
    place = f" {schedule.time_zone}" if schedule.time_zone != zone_name else ""
    return f"{_pattern(rule, start)} at {start:%H:%M}{place}{_bound(rule)}"


def _pattern(rule: Rule, start: datetime) -> str:
    one, many = _PERIODS[rule.frequency]
    period = one if rule.interval == 1 else f"{rule.interval} {many}"
    days = _days(rule, start)
    if rule.frequency is Frequency.WEEKLY and rule.interval == 1:
        return f"Every {'weekday' if set(rule.weekdays) == set(_WORKING_DAYS) else days}"
    return f"Every {period}{f' on {days}' * bool(days)}{_months(rule)}"


def _days(rule: Rule, start: datetime) -> str:
    """Which days of its period, and what `start` says where the rule says nothing (RFC 5545 3.3.10)."""
    if rule.weekdays:
        return _listed([_weekday(text) for text in sorted(rule.weekdays, key=_order)])
    if rule.month_days:
        return f"the {_listed([_month_day(day) for day in rule.month_days])}"
    match rule.frequency:
        case Frequency.WEEKLY:
            return tuple(_DAYS.values())[start.weekday()]
        case Frequency.MONTHLY:
            return f"the {_ordinal(start.day)}"
        case Frequency.YEARLY if not rule.months:
            return f"{start.day} {_MONTHS[start.month - 1]}"
        case Frequency.YEARLY:
            return f"the {_ordinal(start.day)}"
        case Frequency.DAILY:
            return ""


def _months(rule: Rule) -> str:
    return f" in {_listed([_MONTHS[month - 1] for month in rule.months])}" if rule.months else ""


def _bound(rule: Rule) -> str:
    if rule.until:
        return f", until {rule.until.day} {_MONTHS[rule.until.month - 1]} {rule.until.year}"
    return f", {rule.count} times" if rule.count else ""


def _order(text: str) -> tuple[int, int]:
    return int(text[:-3] or 0), tuple(_DAYS).index(text[-3:])


def _weekday(text: str) -> str:
    number, day = text[:-3], _DAYS[text[-3:]]
    return f"the {_position(int(number))} {day}" if number else day


def _month_day(day: int) -> str:
    return f"{_position(day)} day" if day < 0 else _ordinal(day)


def _position(number: int) -> str:
    return _ordinal(number) if number > 0 else "last" if number == -1 else f"{_ordinal(-number)} to last"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in {11, 12, 13} else "th"
    return f"{number}{ending}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
