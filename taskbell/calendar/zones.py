"""Wall clocks and instants: the pinned tzdata's zones, and the days on which their clocks move.

A local time that does not exist takes the offset before the gap, one that exists twice its first instant (RFC 5545
3.3.5); the rest is what `Gap` and `Fold` say. Images and tests set PYTHONTZPATH to nothing, so that the machine's
own files, of whatever age, decide nothing.
"""

from bisect import bisect_left
from calendar import isleap
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import metadata
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taskbell.errors import Rejected

UNKNOWN_TIME_ZONE = "UnknownTimeZone"

_ZERO = timedelta()
_A_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


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


@lru_cache(maxsize=8192)
def regular(of: ZoneInfo, day: int) -> bool:
    """Whether the clocks of `of` stand still from the midnight before the date of that ordinal to the one after it."""
    return _stands_still(of, datetime.fromordinal(day))


def _stands_still(of: ZoneInfo, midnight: datetime) -> bool:
    return of.utcoffset(midnight) == of.utcoffset((midnight + _A_DAY).replace(fold=1))


def moving(of: ZoneInfo, year: int) -> int:
    """A bit for every day of a year that is not `regular`: bit n stands for the nth."""
    return _moving(of, _like(year))


def offsets(of: ZoneInfo, year: int) -> frozenset[timedelta]:
    """UTC's distances in a year."""
    return _offsets(of, _like(year))


def _like(year: int) -> int:
    """The year itself, or one of its kind: no zone's file has years of their own after 2087 (a test looks)."""
    return year if year <= LAST_OF_ITS_OWN else _ALIKE[year % 400]


LAST_OF_ITS_OWN = 2100
"""The last year whose moves are its own."""
_OF_A_KIND = {(isleap(year), date(year, 1, 1).weekday()): year for year in range(2101, 2129)}
_ALIKE = [_OF_A_KIND[isleap(year), date(year, 1, 1).weekday()] for year in range(2000, 2400)]
"""Of every year of the calendar's 400, one of its kind: as long, and beginning on the same day of the week."""


@lru_cache(maxsize=16384)
def _moving(of: ZoneInfo, year: int) -> int:
    first, found = datetime(year, 1, 1), 0  # noqa: DTZ001  (wall clock)
    # No zone has moved its clocks twice within six days since 1970 (a test looks), so five days have one move or none.
    seen = [of.utcoffset(first + after) for after in _EVERY_FIFTH_DAY]
    for number, (one, other) in enumerate(pairwise(seen)):
        if one != other:
            for day in range(max(5 * number - 1, 0), 5 * number + 5):  # a gap at midnight moves the day before too
                if not _stands_still(of, first + day * _A_DAY):
                    found |= 2 << day
    return found & ((2 << 365 + isleap(year)) - 1)


_EVERY_FIFTH_DAY = tuple(timedelta(days=number) for number in range(0, 376, 5))


@lru_cache(maxsize=16384)
def _offsets(of: ZoneInfo, year: int) -> frozenset[timedelta]:
    first, mask, found = datetime(year, 1, 1), _moving(of, year), set[timedelta]()  # noqa: DTZ001  (wall clock)
    for day in (0, *(day for day in range(1, 367) if mask >> day & 1)):
        found.add(offset(of, (first + day * _A_DAY).replace(fold=1)))
    return frozenset(found | {offset(of, first)})


def bent_minutes(of: ZoneInfo, year: int, number: int, second: int) -> tuple[int, int]:
    """Of a year's day that is not `regular`: the first minute whose `second` does not exist or exists twice, and the
    first one after it that is as any other; from one to itself where there is none."""
    return _bent_minutes(of, _like(year), number, second)


@lru_cache(maxsize=16384)
def _bent_minutes(of: ZoneInfo, year: int, number: int, second: int) -> tuple[int, int]:
    midnight = datetime(year, 1, 1) + (number - 1) * _A_DAY  # noqa: DTZ001  (wall clock)
    after = of.utcoffset((midnight + _A_DAY).replace(fold=1))
    first = midnight + timedelta(seconds=second)

    def first_after(fold: int) -> int:
        def moved(minute: int) -> bool:
            return of.utcoffset((first + minute * _MINUTE).replace(fold=fold)) == after

        return bisect_left(range(1440), True, key=moved)

    return first_after(1), first_after(0)


def passes(of: ZoneInfo, year: int, number: int) -> Iterator[tuple[int, int]]:
    """The seconds, counted as `seconds` does, during which the clocks of `of` show that day of a year.

    One span, begin inclusive, end exclusive, cut in two where a clock is moved: they lie apart where it is put back
    over midnight, and there is none where the date was left out."""
    zero = 86_400 * (date(year, 1, 1).toordinal() + number - 1)
    return ((zero + begin, zero + end) for begin, end in _passes(of, _like(year), number))


@lru_cache(maxsize=16384)
def _passes(of: ZoneInfo, year: int, number: int) -> tuple[tuple[int, int], ...]:
    midnight = datetime(year, 1, 1) + (number - 1) * _A_DAY  # noqa: DTZ001  (wall clock)
    before, after = offset(of, midnight - _A_DAY), offset(of, (midnight + 2 * _A_DAY).replace(fold=1))
    one, other = (86_400 * each.days + each.seconds for each in (before, after))
    moved = 2 * 86_400
    if before != after:
        begin = midnight.replace(tzinfo=of)

        def has_moved(second: int) -> bool:
            return of.fromutc(begin + timedelta(seconds=second)).utcoffset() != before

        span = range(-86_400 - one, 2 * 86_400 - other)
        moved = span[0] + bisect_left(span, True, key=has_moved)
    spans = (-one, min(86_400 - one, moved)), (max(-other, moved), 86_400 - other)
    return tuple((begin, end) for begin, end in spans if begin < end)


def seconds(at: datetime) -> int:
    """The number of an aware UTC instant's second, so that a UTC midnight's is 86,400 times its ordinal."""
    return 86_400 * at.toordinal() + 3600 * at.hour + 60 * at.minute + at.second


def shift(of: ZoneInfo, local: datetime) -> timedelta:
    """How far the clocks are put forward at a naive `local` that does not exist; negative where it exists twice."""
    return offset(of, local.replace(fold=1)) - offset(of, local.replace(fold=0))
