"""When something is due: at an instant, or on a date.

What is due on a date is due from the beginning of that local day to its end: only then has it passed, is overdue or
missed. What is due at an instant is due and has passed at once.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from taskbell.calendar import zones
from taskbell.errors import Rejected

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Due:
    """Aware UTC instants: since when it is due, and by when it is to be done, the last instant of its day."""

    at: datetime
    by: datetime


def on(day: date, zone: ZoneInfo) -> Due:
    """All day long in `zone`."""
    return Due(zones.begins(zone, day), zones.begins(zone, day + timedelta(days=1)) - _INSTANT)


def of(due_at: datetime | None, due_on: date | None, zone_name: str) -> Due | None:
    """Of what has at most one of the two. A zone that is unknown here, and no reader can mend, counts as UTC."""
    if due_at is not None:
        return Due(due_at, due_at)
    return on(due_on, _zone(zone_name)) if due_on else None


def just_before_today(zone: ZoneInfo, moment: datetime) -> datetime:
    """The last instant before the local day of the aware `moment`: what is due on a day and at or before this has
    passed."""
    return zones.begins(zone, moment.astimezone(zone).date()) - _INSTANT


def _zone(name: str) -> ZoneInfo:
    try:
        return zones.zone(name)
    except Rejected:
        return ZoneInfo("Etc/UTC")
