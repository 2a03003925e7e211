"""A recurring series: which occurrence comes next, in local time and as an instant.

A local time that does not exist (a gap at the start of summer time) takes the offset before the gap, one that exists
twice its first instant: RFC 5545 3.3.5. People know an occurrence by its nominal local time and fold; the instant is
derived, so a change of zone rules never makes the same day's occurrence twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil import rrule

from taskbell.errors import Rejected

LONGEST_SHIFT = timedelta(days=2)
"""More than any zone ever moved its clocks: how far the order of local times and of instants can disagree."""

_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEKDAYS = {
    "Mon": rrule.MO,
    "Tue": rrule.TU,
    "Wed": rrule.WE,
    "Thu": rrule.TH,
    "Fri": rrule.FR,
    "Sat": rrule.SA,
    "Sun": rrule.SU,
}


class Frequency(StrEnum):
    DAILY = "Daily"
    WEEKLY = "Weekly"
    MONTHLY = "Monthly"
    YEARLY = "Yearly"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instant a rule yields. `local` is naive wall time in the series' zone, `at` the aware UTC instant."""

    local: datetime
    fold: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """A recurrence rule in fields, as RFC 5545 3.3.10 means them. `until` is local and inclusive."""

    frequency: Frequency
    interval: int = 1
    weekdays: tuple[str, ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    count: int | None = None
    until: datetime | None = None


class Series:
    """The occurrences of `rule` from `start` (naive local; it occurs only if the rule yields it) in `zone_name`.

    Raises Rejected for a zone nobody knows and for a rule that can never occur."""

    def __init__(self, zone_name: str, start: datetime, rule: Rule) -> None:
        self.zone = zone(zone_name)
        self.start = start
        self.rule = rule
        _refuse_impossible(rule, start)

    def next_after(self, moment: datetime, *, local: datetime | None = None) -> Occurrence | None:
        """The first occurrence strictly after the instant `moment` and, where given, strictly after `local` too.

        None when the rule is exhausted."""
        floor = moment.astimezone(self.zone).replace(tzinfo=None) - LONGEST_SHIFT
        if local is not None:
            floor = max(floor, local)
        for candidate in self._locals_after(floor):
            occurrence = self.place(candidate)
            if occurrence.at > moment:
                return occurrence
        return None

    def upcoming(self, moment: datetime, number: int, *, local: datetime | None = None) -> tuple[Occurrence, ...]:
        """The first `number` occurrences after `moment` (and after `local`), in order."""
        found: list[Occurrence] = []
        while len(found) < number:
            after = found[-1].local if found else local
            occurrence = self.next_after(moment, local=after)
            if occurrence is None:
                break
            found.append(occurrence)
        return tuple(found)

    def last_until(self, moment: datetime, since: datetime) -> Occurrence | None:
        """The newest occurrence in (`since`, `moment`], both aware instants; None when there is none."""
        latest, occurrence = None, self.next_after(since)
        while occurrence is not None and occurrence.at <= moment:
            latest, occurrence = occurrence, self.next_after(since, local=occurrence.local)
        return latest

    def place(self, local: datetime) -> Occurrence:
        """`local` as an occurrence: the offset before a gap, the first of two equal wall times."""
        return Occurrence(local, 0, local.replace(tzinfo=self.zone, fold=0).astimezone(UTC))

    def _locals_after(self, floor: datetime) -> Iterator[datetime]:
        # A far past start is jumped over; with `count` every occurrence has to be counted (at most 10,000).
        start = self.start if self.rule.count else _jump(self.start, self.rule, floor)
        expansion = rrule.rrule(dtstart=start, **_arguments(self.rule, self.start))
        return (local for local in expansion.xafter(floor))


def zone(name: str) -> ZoneInfo:
    """Raises Rejected(UnknownTimeZone)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Rejected(
            "UnknownTimeZone", f"timeZone {name!r} is unknown: use an IANA name such as Europe/Berlin"
        ) from error


def _refuse_impossible(rule: Rule, start: datetime) -> None:
    days, months = rule.month_days, rule.months or range(1, 13)
    if days and not any(abs(day) <= _DAYS_IN_MONTH[month - 1] for day in days for month in months):
        raise Rejected("NeverOccurs", f"recurrence never occurs: no month of {list(months)} has a day {list(days)}")
    if not _occurs(rule, start):
        raise Rejected("NeverOccurs", "recurrence never occurs: its interval, from start on, misses all of its days")


_HORIZONS = {
    Frequency.DAILY: timedelta(days=20_000),
    Frequency.WEEKLY: timedelta(weeks=20_871),
    Frequency.MONTHLY: timedelta(days=146_097),
    Frequency.YEARLY: timedelta(days=146_097),
}
"""Times the interval: as far ahead as a first occurrence is sought. The calendar repeats after 400 years, which are
20,871 weeks or 4,800 months; a daily rule gets as many steps as fit into a few tenths of a second."""


@lru_cache(maxsize=4096)
def _occurs(rule: Rule, start: datetime) -> bool:
    try:
        horizon = start + _HORIZONS[rule.frequency] * rule.interval
    except OverflowError:
        horizon = None  # dateutil itself ends with the year 9999
    arguments: dict[str, Any] = {**_arguments(rule, start), "count": None, "until": horizon}
    return next(iter(rrule.rrule(dtstart=start, **arguments)), None) is not None


_FREQUENCIES: dict[Frequency, int] = {
    Frequency.DAILY: rrule.DAILY,
    Frequency.WEEKLY: rrule.WEEKLY,
    Frequency.MONTHLY: rrule.MONTHLY,
    Frequency.YEARLY: rrule.YEARLY,
}


def _arguments(rule: Rule, start: datetime) -> dict[str, Any]:
    """What dateutil would take from its `dtstart` is written out, so that a jump does not change it."""
    days, weekdays, months = rule.month_days, rule.weekdays, rule.months
    if rule.frequency in {Frequency.MONTHLY, Frequency.YEARLY} and not days and not weekdays:
        days = (start.day,)
    if rule.frequency is Frequency.YEARLY and not months and not weekdays and not rule.month_days:
        months = (start.month,)
    if rule.frequency is Frequency.WEEKLY and not weekdays:
        weekdays = (tuple(_WEEKDAYS)[start.weekday()],)
    return {
        "freq": _FREQUENCIES[rule.frequency],
        "interval": rule.interval,
        "byweekday": [_weekday(text) for text in weekdays] or None,
        "bymonthday": days or None,
        "bymonth": months or None,
        "count": rule.count,
        "until": rule.until,
        "byhour": start.hour,
        "byminute": start.minute,
        "bysecond": 0,
    }


def _weekday(text: str) -> Any:
    day = _WEEKDAYS[text[-3:]]
    return day(int(text[:-3])) if text[:-3] else day


def _jump(start: datetime, rule: Rule, floor: datetime) -> datetime:
    """A later start in the same phase of `interval`, at or before the period `floor` lies in."""
    if floor <= start:
        return start
    match rule.frequency:
        case Frequency.DAILY:
            return start + timedelta(days=_whole((floor - start).days, rule.interval))
        case Frequency.WEEKLY:
            monday = start - timedelta(days=start.weekday())
            weeks = _whole((floor - monday).days // 7, rule.interval)
            return start if not weeks else monday + timedelta(weeks=weeks)
        case Frequency.MONTHLY:
            months = _whole(12 * (floor.year - start.year) + floor.month - start.month, rule.interval)
            year, month = divmod(12 * start.year + start.month - 1 + months, 12)
            return start if not months else start.replace(year=year, month=month + 1, day=1)
        case Frequency.YEARLY:
            years = _whole(floor.year - start.year, rule.interval)
            return start if not years else start.replace(year=start.year + years, month=1, day=1)


def _whole(periods: int, interval: int) -> int:
    return max(periods, 0) // interval * interval
