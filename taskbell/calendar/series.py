"""A recurring series: which occurrence comes next, in local time and as an instant.

A local time that does not exist (a gap at the start of summer time) takes the offset before the gap, one that exists
twice its first instant: RFC 5545 3.3.5. People know an occurrence by its nominal local time and fold; the instant is
derived, so a change of zone rules never makes the same day's occurrence twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil import rrule

from taskbell.errors import Rejected

LONGEST_SHIFT = timedelta(days=2)
"""More than any zone ever moved its clocks: how far the order of local times and of instants can disagree."""

WEEKDAYS: tuple[str, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""As people write them in a spec, in the order of datetime.weekday()."""

_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


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
    """A recurrence rule in fields, as RFC 5545 3.3.10 means them; what is left empty follows from the series' start.

    `until` is local, `until_at` an aware instant, both inclusive; at most one of them and `count` is set. `weekdays`
    are `Mon` or, monthly and yearly, `2Tue` and `-1Fri`; `year_days` count from the year's end where negative, as
    `month_days` do from the month's; `positions` are BYSETPOS; `week_start` is WKST."""

    frequency: Frequency
    interval: int = 1
    weekdays: tuple[str, ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    count: int | None = None
    until: datetime | None = None
    until_at: datetime | None = None
    year_days: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: str = "Mon"


class Series:
    """The occurrences of `rule` from `start` (naive local; it occurs only if the rule yields it) in `zone_name`.

    They come in the order of their local times: where clocks are put forward, two of them a day can change places.
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
        until_at = self.rule.until_at
        for candidate in self._locals_after(floor):
            occurrence = self.place(candidate)
            if occurrence.at > moment and (until_at is None or occurrence.at <= until_at):
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
        first = _period(self.start, self.rule)
        begin = first if self.rule.count else _jump(first, self.rule, floor)
        expansion = islice(_expanded(self.rule, self.start, begin, self._last_local()), self.rule.count)
        return (local for local in expansion if local > floor)

    def _last_local(self) -> datetime | None:
        """No occurrence has a later local time; `until_at` itself is compared with the instants."""
        at = self.rule.until_at
        return at.astimezone(self.zone).replace(tzinfo=None) + LONGEST_SHIFT if at else self.rule.until


def weekday_order(text: str) -> tuple[bool, int, int]:
    """Sorts `Mon`, `2Tue`, `-1Fri`: plain days, then from the first to the last of their kind."""
    number = int(text[:-3] or 0)
    return number < 0, number, WEEKDAYS.index(text[-3:])


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
    return next(_expanded(rule, start, _period(start, rule), horizon), None) is not None


def _expanded(rule: Rule, start: datetime, begin: datetime, until: datetime | None) -> Iterator[datetime]:
    """From `start`, or from the later period that begins at `begin`; `count` is not regarded.

    dateutil always gets the beginning of a period: from amid a week it would take BYSETPOS of the rest of that week."""
    expansion = rrule.rrule(dtstart=begin, until=until, **_arguments(rule, start))
    return (local for local in expansion if local >= start)


_FREQUENCIES: dict[Frequency, int] = {
    Frequency.DAILY: rrule.DAILY,
    Frequency.WEEKLY: rrule.WEEKLY,
    Frequency.MONTHLY: rrule.MONTHLY,
    Frequency.YEARLY: rrule.YEARLY,
}


def _arguments(rule: Rule, start: datetime) -> dict[str, Any]:
    """What dateutil would take from its `dtstart` is written out, so that a jump does not change it."""
    days, weekdays, months = rule.month_days, rule.weekdays, rule.months
    no_day = not days and not weekdays and not rule.year_days
    if rule.frequency in {Frequency.MONTHLY, Frequency.YEARLY} and no_day:
        days = (start.day,)
    if rule.frequency is Frequency.YEARLY and no_day and not months:
        months = (start.month,)
    if rule.frequency is Frequency.WEEKLY and not weekdays:
        weekdays = (WEEKDAYS[start.weekday()],)
    return {
        "freq": _FREQUENCIES[rule.frequency],
        "interval": rule.interval,
        "wkst": WEEKDAYS.index(rule.week_start),
        "byweekday": [_weekday(text) for text in _alike(weekdays, rule)] or None,
        "bymonthday": days or None,
        "byyearday": rule.year_days or None,
        "bymonth": months or None,
        "bysetpos": rule.positions or None,
        "byhour": rule.hours or start.hour,
        "byminute": rule.minutes or start.minute,
        "bysecond": 0,
    }


def _alike(weekdays: tuple[str, ...], rule: Rule) -> tuple[str, ...]:
    """Plain days among numbered ones are numbered too: of a mixture dateutil takes only what is both."""
    plain = tuple(text for text in weekdays if len(text) == 3)
    if not plain or len(plain) == len(weekdays):
        return weekdays
    in_a_month = rule.frequency is Frequency.MONTHLY or rule.months
    numbers = range(1, 6 if in_a_month else 54)
    numbered = tuple(text for text in weekdays if text not in plain)
    return numbered + tuple(f"{number}{day}" for day in plain for number in numbers)


def _weekday(text: str) -> rrule.weekday:
    return rrule.weekday(WEEKDAYS.index(text[-3:]), int(text[:-3]) if text[:-3] else None)


def _period(local: datetime, rule: Rule) -> datetime:
    """The midnight with which the day, week, month or year around `local` begins."""
    midnight = datetime.combine(local, time())
    match rule.frequency:
        case Frequency.DAILY:
            return midnight
        case Frequency.WEEKLY:
            return midnight - timedelta(days=(local.weekday() - WEEKDAYS.index(rule.week_start)) % 7)
        case Frequency.MONTHLY:
            return midnight.replace(day=1)
        case Frequency.YEARLY:
            return midnight.replace(month=1, day=1)


def _jump(first: datetime, rule: Rule, floor: datetime) -> datetime:
    """The latest period in the phase of `interval` that begins at or before `floor`; `first` begins the first one."""
    if floor <= first:
        return first
    match rule.frequency:
        case Frequency.DAILY:
            return first + timedelta(days=_whole((floor - first).days, rule.interval))
        case Frequency.WEEKLY:
            return first + timedelta(weeks=_whole((floor - first).days // 7, rule.interval))
        case Frequency.MONTHLY:
            months = _whole(12 * (floor.year - first.year) + floor.month - first.month, rule.interval)
            year, month = divmod(12 * first.year + first.month - 1 + months, 12)
            return first.replace(year=year, month=month + 1)
        case Frequency.YEARLY:
            return first.replace(year=first.year + _whole(floor.year - first.year, rule.interval))


def _whole(periods: int, interval: int) -> int:
    return periods // interval * interval
