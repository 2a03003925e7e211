"""Reminder offsets: ISO 8601 durations, nominal in days and exact in hours and minutes (RFC 5545 3.3.6)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from taskbell.errors import Rejected

PATTERN = r"^-?P(\d{1,3}W|\d{1,4}D|(\d{1,4}D)?T(\d{1,5}H([0-5]?\dM)?|\d{1,5}M))$"
"""What is accepted; the canonical text of whatever it accepts is accepted too."""

_PARTS = re.compile(r"^(-?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?$")


@dataclass(frozen=True, slots=True)
class Offset:
    """A distance before something is due: whole nominal days, then exact minutes. Negative means after."""

    days: int
    minutes: int
    negative: bool = False

    def __str__(self) -> str:
        """The canonical text, which is also the reminder's id: `PT90M` is written `PT1H30M`, `P1W` is `P7D`."""
        hours, minutes = divmod(self.minutes, 60)
        days = f"{self.days}D" if self.days else ""
        time = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
        text = f"P{days}" + f"T{time}" * bool(time)
        return "PT0M" if text == "P" else "-" * self.negative + text

    def before(self, due_at: datetime, zone: ZoneInfo) -> datetime:
        """The aware UTC instant this long before the aware `due_at`: days keep the wall clock in `zone`, minutes are
        exact. `due_at` may be a time of `zone` that its clocks skip: only the day it is carried to has to have it.

        Raises Rejected where that lies outside the years 1 to 9999."""
        sign = 1 if self.negative else -1
        try:
            local = due_at.astimezone(zone) + sign * timedelta(days=self.days)
            return local.astimezone(UTC) + sign * timedelta(minutes=self.minutes)
        except OverflowError as error:
            raise Rejected("ReminderOutOfRange", f"reminder {self} lies outside the years 1 to 9999") from error


def parse(text: str) -> Offset:
    """Raises ValueError for a text that is no such duration."""
    match = _PARTS.match(text) if re.match(PATTERN, text) else None
    if match is None:
        raise ValueError(f"{text!r} is no duration such as PT15M, PT1H or P1D")
    sign, weeks, days, hours, minutes = match.groups()
    return Offset(7 * int(weeks or 0) + int(days or 0), 60 * int(hours or 0) + int(minutes or 0), sign == "-")
