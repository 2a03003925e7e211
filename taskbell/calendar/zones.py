"""Wall clocks and instants: the pinned tzdata's zones, and the days on which their clocks move.

A local time that does not exist takes the offset before the gap, one that exists twice its first instant (RFC 5545
3.3.5); the rest is what `Gap` and `Fold` say. Images and tests set PYTHONTZPATH to nothing, so that the machine's
own files, of whatever age, decide nothing.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import metadata
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taskbell.errors import Rejected

UNKNOWN_TIME_ZONE = "UnknownTimeZone"

_ZERO = timedelta()
_A_DAY = timedelta(days=1)


def zone(name: str) -> ZoneInfo:
    """Raises Rejected(UnknownTimeZone)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Rejected(
            UNKNOWN_TIME_ZONE, f"timeZone {name!r} is unknown: use an IANA name such as Europe/Berlin"
        ) from error


def version() -> str:
    """The release of the IANA database that answers here, as its package numbers it: `2026.6`."""
    return metadata.version("tzdata")


def offset(of: ZoneInfo, local: datetime) -> timedelta:
    """UTC's distance at the naive `local`, whose `fold` chooses (PEP 495)."""
    return of.utcoffset(local) or _ZERO


def place(of: ZoneInfo, local: datetime, fold: int = 0) -> datetime:
    """The aware UTC instant of a naive `local` without fold: the offset before a gap; where the time exists twice, its
    first instant or, with `fold` 1, its second."""
    first = offset(of, local)
    if fold and (second := offset(of, local.replace(fold=1))) < first:
        first = second
    return (local - first).replace(tzinfo=UTC)


def midnight(local: date) -> datetime:
    """What an all-day series knows a date by: its naive midnight. A naive local time stays what it is."""
    return local if isinstance(local, datetime) else datetime.combine(local, time())


def begins(of: ZoneInfo, day: date) -> datetime:
    """The aware UTC instant with which `day` begins, also where its midnight does not exist."""
    return place(of, datetime.combine(day, time()))


def regular(of: ZoneInfo, midnight: datetime) -> bool:
    """Whether the clocks of `of` stand still from the naive `midnight` to the next."""
    return of.utcoffset(midnight) == of.utcoffset((midnight + _A_DAY).replace(fold=1))


@lru_cache(maxsize=8192)
def moving(of: ZoneInfo, year: int) -> frozenset[int]:
    """The dates of a year (date.toordinal) that are not `regular`."""
    first = datetime(year, 1, 1)  # noqa: DTZ001  (wall clock)
    found: set[int] = set()
    # No zone has moved its clocks twice within six days since 1970 (a test looks), so five days have one move or none.
    for number in range(74):
        begin = first + 5 * number * _A_DAY
        if of.utcoffset(begin) != of.utcoffset((begin + 5 * _A_DAY).replace(fold=1)):
            days = (begin + day * _A_DAY for day in range(5))
            found |= {day.toordinal() for day in days if not regular(of, day)}
    return frozenset(found)


def shift(of: ZoneInfo, local: datetime) -> timedelta:
    """How far the clocks are put forward at a naive `local` that does not exist; negative where it exists twice."""
    return offset(of, local.replace(fold=1)) - offset(of, local.replace(fold=0))
