"""Times in the words of the person who reads them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from taskbell.calendar import offsets
from taskbell.resources import SNOOZE, instant_text

_MINUTE, _HOUR = 60, 60 * 60


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` (aware) and the zone of whoever looks. Every `at` is aware."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return self.local(self.now).date()

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def days_ahead(self, at: datetime) -> int:
        """Midnights between now and `at`; negative in the past."""
        return (self.local(at).date() - self.today).days

    def day(self, day: date) -> str:
        """`Mon 23 Nov`, with the year where it is another one."""
        year = f" {day.year}" if day.year != self.today.year else ""
        return f"{day:%a} {day.day} {day:%b}{year}"

    def relative_day(self, day: date) -> str:
        """`today`, `tomorrow`, `in 5 days`."""
        days = (day - self.today).days
        near = {0: "today", 1: "tomorrow", -1: "yesterday"}
        return near.get(days) or _ahead_or_ago(f"{abs(days)} days", days)

    def passed(self, at: datetime) -> bool:
        return at <= self.now

    def relative(self, at: datetime) -> str:
        """`in 5 min`, `in 3 h`, `tomorrow`, `12 days ago`: hours up to half a day or today, then by the calendar."""
        seconds = round((at - self.now).total_seconds())
        if abs(seconds) < _MINUTE:
            return "now"
        if abs(seconds) < _HOUR:
            return _ahead_or_ago(f"{abs(seconds) // _MINUTE} min", seconds)
        if abs(seconds) < 12 * _HOUR or not self.days_ahead(at):
            return _ahead_or_ago(f"{abs(seconds) // _HOUR} h", seconds)
        return self.relative_day(self.local(at).date())

    def exact(self, at: datetime) -> str:
        """`Mon 23 Nov, 09:00`, with the year where it is another one."""
        local = self.local(at)
        return f"{self.day(local.date())}, {local:%H:%M}"

    def time(self, at: datetime, near: datetime | None = None) -> str:
        """`09:00` on the day of `near`, else `exact`."""
        local = self.local(at)
        return f"{local:%H:%M}" if near and self.local(near).date() == local.date() else self.exact(at)

    def iso(self, at: datetime) -> str:
        return instant_text(at)

    def suggested(self) -> str:
        """Tomorrow at nine, as a form's field holds it."""
        return f"{self.today + timedelta(days=1)}T09:00"


def before(reminder_id: str) -> str:
    """`15 min before`, `1 day before`, `at the due time`; nothing for a reminder at an instant, whose time says it."""
    if reminder_id == SNOOZE:
        return "snoozed until"
    try:
        offset = offsets.parse(reminder_id)
    except ValueError:
        return ""
    hours, minutes = divmod(offset.minutes, 60)
    parts = (_counted(offset.days, "day"), f"{hours} h" * bool(hours), f"{minutes} min" * bool(minutes))
    text = " ".join(part for part in parts if part)
    return f"{text} {'after' if offset.negative else 'before'}" if text else "at the due time"


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Wall-clock time as aware UTC: the offset before a gap, the first of two equal times (RFC 5545 3.3.5)."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _ahead_or_ago(distance: str, sign: int) -> str:
    return f"in {distance}" if sign > 0 else f"{distance} ago"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number > 1)}" if number else ""
