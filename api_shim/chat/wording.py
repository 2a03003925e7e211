"""What is said back: dates and offsets in words. English; recurrences are `taskbell.calendar.wording`'s."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from taskbell.calendar import offsets

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def date_text(local: date) -> str:
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def day_text(day: date, zone: ZoneInfo, now: datetime) -> str:
    """ "tomorrow, Thursday 26 November 2026": a date, as who is in `zone` sees it from `now`."""
    near = {0: "today, ", 1: "tomorrow, ", -1: "yesterday, "}
    days = (day - now.astimezone(zone).date()).days
    return f"{near.get(days, '')}{_WEEKDAYS[day.weekday()]} {date_text(day)}"


def moment_text(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """ "tomorrow, Thursday 26 November 2026, 17:00": the instant `at` as the wall clock in `zone` shows it."""
    local = at.astimezone(zone)
    return f"{day_text(local.date(), zone, now)}, {local:%H:%M}"


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
