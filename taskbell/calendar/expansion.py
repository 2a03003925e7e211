"""Which dates a rule yields and at which minutes of them, on the wall clock: RFC 5545 3.3.10 and crontab(5).

A year's dates are one integer whose bit n stands for the nth day of the year; bit 0 is the day before it (where
`MonthEnd.CLAMP` puts a 366th day from the end that is not there). What BY* parts and BYSETPOS choose depends only on
the kind of year (its length and the weekday of 1 January: 14 kinds), so it is computed once for each; `interval` takes
whole periods and is a second mask. A jump of decades is a shift, a count of dates a population count.
"""

from calendar import isleap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import product
from math import gcd
from typing import Protocol

from taskbell.calendar.rule import SUB_DAILY, TOO_COSTLY, WEEKDAYS, Cron, Frequency, MonthEnd, Rule, never
from taskbell.errors import Rejected

LAST_YEAR = 9998
"""The last one with dates: every one of them has an instant that datetime can hold."""

MOST_STEPS = 10_000
"""What one query may look at, in years, dates and times: some ten milliseconds."""

MOST_STEPS_TO_MAKE = 20_000
"""The same, for a series that is made: whether it occurs at all, and where its count ends."""

_DESERT = 100
"""Years without a date that are worth remembering; to cross them again takes as many steps and no time."""

_DAY = 1440
_NO_DATE = "no date has all that it asks for"
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Steps:
    """What is left of a query's budget."""

    __slots__ = ("left", "most")

    def __init__(self, most: int = MOST_STEPS) -> None:
        self.left = self.most = most

    def take(self, number: int = 1) -> None:
        """Raises Rejected(TooCostly) when nothing is left."""
        self.left -= number
        if self.left < 0:
            raise Rejected(
                TOO_COSTLY,
                f"recurrence is too costly: {self.most} steps through its years and dates bring no answer; "
                "use a longer frequency, a smaller count, or fewer parts that exclude one another",
            )


class Days(Protocol):
    """Dates from a first one on: `mask(year)` has a bit for each of a year's."""

    first: int
    """The ordinal (date.toordinal) of the first day that can be among them."""
    desert: tuple[int, int]
    """A long stretch that a walk has found empty, as ordinals, the second exclusive; at first (0, 0)."""

    def mask(self, year: int) -> int: ...
    def taken_from(self, year: int) -> int:
        """The first year, `year` or a later one, of which an interval takes any part; those between have no dates."""
        ...


class Dates(Days, Protocol):
    """The dates of a rule from its start on, and the minutes of each.

    Laws: `mask(year)` has a bit for every date that has at least one minute, and for no other; `minutes` is asked only
    for such dates and gives them in order; `number` is how many minutes those of a year's dates have that stand in a
    mask, in work that does not grow with their number."""

    def minutes(self, ordinal: int) -> Sequence[int]: ...
    def number(self, year: int, mask: int) -> int: ...
    def candidates(self, year: int) -> int | None:
        """A year's dates as far as an interval can meet them in the end; None where their minutes differ by day."""
        ...


def following(days: Days, ordinal: int, last: int, steps: Steps) -> int | None:
    """The first date on or after `ordinal` and not after `last`; both and the answer are ordinals."""
    ordinal = max(ordinal, days.first)
    if ordinal > last:
        return None
    year = date.fromordinal(ordinal).year
    day = ordinal - before(year)
    left = days.mask(year) >> day << day
    if not left:
        year = _next_year(days, ordinal, min(date.fromordinal(last).year, LAST_YEAR), steps)
        left = days.mask(year)
    found = before(year) + (left & -left).bit_length() - 1
    return found if left and found <= last else None


def _next_year(days: Days, ordinal: int, last_year: int, steps: Steps) -> int:
    """The next year after that of `ordinal` that has a date; one after `last_year` when none of those before has."""
    begun = date.fromordinal(ordinal).year
    begin, end = days.desert
    year, walked = begun + 1, 1
    if begin <= ordinal < end:
        year = min(date.fromordinal(end).year, last_year + 1)
        walked = year - begun
    else:
        year = days.taken_from(year)
    steps.take(walked)
    while year <= last_year and not days.mask(year):
        steps.take()
        walked += 1
        year = days.taken_from(year + 1)
    if walked >= _DESERT and walked == year - begun:  # what a second walk there would cost is known then
        days.desert = ordinal, before(year) + 1
    return year


def preceding(dates: Days, ordinal: int, steps: Steps) -> int | None:
    """The last date on or before `ordinal`."""
    first_year = date.fromordinal(dates.first).year
    year = date.fromordinal(ordinal).year
    left = dates.mask(year) & ((2 << (ordinal - before(year))) - 1)
    while not left:
        if year <= first_year:
            return None
        steps.take()
        year -= 1
        left = dates.mask(year)
    return before(year) + left.bit_length() - 1


def masks(days: Days, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Of every year of which the interval takes any part, the dates from the ordinal `first` to `last`."""
    first = max(first, days.first)
    if first > last:
        return
    year, last_year = days.taken_from(date.fromordinal(first).year), date.fromordinal(last).year
    while year <= last_year:
        low, high = max(first - before(year), 0), min(last - before(year), 366)
        yield year, days.mask(year) & (2 << high) - (1 << low)
        year = days.taken_from(year + 1)


def ordinals(dates: Days, year: int) -> Iterator[int]:
    """All dates of a year, in order."""
    day_before = before(year)
    return (day_before + number for number in numbers(dates.mask(year)))


def has(dates: Days, ordinal: int) -> bool:
    year = date.fromordinal(ordinal).year
    return ordinal >= dates.first and bool(dates.mask(year) >> (ordinal - before(year)) & 1)


def _cycle(first: int) -> range:
    """The 400 years from one on, after which dates are the same again."""
    return range(first, first + 400)


def before(year: int) -> int:
    """The ordinal of the day before a year begins: bit n of its mask is this ordinal plus n."""
    year -= 1
    return 365 * year + year // 4 - year // 100 + year // 400


# The kinds of year


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of 14. `full` has every day, `months[m]` those of month m, `weekdays[w]` those of datetime.weekday() w."""

    number: int
    length: int
    january_first: int
    full: int
    months: tuple[int, ...]
    begins: tuple[int, ...]
    lengths: tuple[int, ...]
    weekdays: tuple[int, ...]


@lru_cache(maxsize=14)
def _kind(leap: bool, january_first: int) -> _Kind:
    lengths = tuple(days + (leap and index == 1) for index, days in enumerate(_LENGTHS))
    length = sum(lengths)
    full = (2 << length) - 2
    begins = tuple(1 + sum(lengths[:index]) for index in range(12))
    months = (full, *(((1 << days) - 1) << begin for begin, days in zip(begins, lengths, strict=True)))
    every_seventh = sum(1 << day for day in range(1, 366, 7))
    weekdays = tuple((every_seventh << (weekday - january_first) % 7) & full for weekday in range(7))
    return _Kind(2 * january_first + leap, length, january_first, full, months, begins, lengths, weekdays)


def _kind_of(year: int) -> _Kind:
    return _KINDS[year % 400]


_ALL_KINDS = tuple(product((False, True), range(7)))
_KINDS = [_kind(isleap(year), before(year) % 7) for year in range(2000, 2400)]  # day 1 was a Monday
"""Of every year of the 400 after which the calendar repeats itself."""


# Masks of BY* parts


def _bits(numbers: Sequence[int]) -> int:
    return sum(1 << number for number in set(numbers))


def _month_days(days: Sequence[int], month: int, kind: _Kind, month_end: MonthEnd) -> int:
    """Days of one month; those it lacks are left out, or become the last day before their place (RFC 7529)."""
    begin, length, mask = kind.begins[month - 1], kind.lengths[month - 1], 0
    for day in days:
        number = day if day > 0 else length + 1 + day
        if 1 <= number <= length:
            mask |= 1 << (begin + number - 1)
        elif month_end is MonthEnd.CLAMP:
            mask |= 1 << (begin + (length if number > length else 0) - 1)
    return mask


def _year_days(days: Sequence[int], kind: _Kind, month_end: MonthEnd) -> int:
    mask = 0
    for day in days:
        number = day if day > 0 else kind.length + 1 + day
        if 1 <= number <= kind.length:
            mask |= 1 << number
        elif month_end is MonthEnd.CLAMP:
            mask |= 1 << (kind.length if number > kind.length else 0)
    return mask


def _numbered(number: int, dates: int) -> int:
    """The nth bit of `dates`, from its end where negative; 0 when there is none."""
    count = dates.bit_count()
    index = number - 1 if number > 0 else count + number
    if not 0 <= index < count:
        return 0
    lowest = (dates & -dates).bit_length() - 1
    return 1 << (lowest + 7 * index)  # `dates` is one weekday's


def _weekdays(texts: Sequence[str], kind: _Kind, months: Sequence[int]) -> int:
    """Plain days anywhere, numbered ones counted in each of `months`, or in the whole year where there are none."""
    mask = 0
    for text in texts:
        weekday = WEEKDAYS.index(text[-3:])
        dates, new_years_eve = kind.weekdays[weekday], (kind.january_first - 1) % 7 == weekday
        if len(text) == 3:
            mask |= dates | new_years_eve
            continue
        number = int(text[:-3])
        for month in months or (0,):
            mask |= _numbered(number, dates & kind.months[month])
        # Day 0 is the last of its kind in December and in the year before, where it is always the 5th and the 53rd.
        mask |= new_years_eve and number in {-1, 5 if months else 53}
    return mask


def chosen(positions: Sequence[int], count: int) -> list[int]:
    """The indices that BYSETPOS takes from `count` moments in order."""
    indices = {position - 1 if position > 0 else count + position for position in positions}
    return sorted(index for index in indices if 0 <= index < count)


@dataclass(slots=True)
class _Pattern:
    """What a kind of year has: `periods[i]` is chosen by month i+1, or by the whole year. `minutes` only where
    BYSETPOS gives one date other minutes than another; `having[n]` are then the dates with n of them."""

    periods: list[int]
    whole: int = 0
    minutes: dict[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    having: dict[int, int] = field(default_factory=dict[int, int])


class RuleDates:
    """The dates of a `Rule` from `start` on; without `count` and `until`."""

    def __init__(self, rule: Rule, start: datetime, month_end: MonthEnd) -> None:
        self._rule, self._start, self._month_end = completed(rule, start), start, month_end
        self.first, self.desert = start.toordinal(), (0, 0)
        self._minute = start.hour * 60 + start.minute
        self._patterns: dict[int, _Pattern] = {}
        self._spills = month_end is MonthEnd.CLAMP and -366 in rule.year_days
        self._times = _times(self._rule, start)
        by_date = rule.positions and rule.frequency not in SUB_DAILY | {Frequency.DAILY}
        self._positions = rule.positions if by_date else ()
        self._several = bool(self._positions) and len(self._times.minutes(0)) > 1
        self._interval = _interval(self._rule, start, self._times)
        self._meets = self._interval.divisor()
        self._first_mask = self._cut_first()

    def mask(self, year: int) -> int:
        if year <= self._start.year:
            return self._first_mask if year == self._start.year else 0
        return self._uncut(year)

    def taken_from(self, year: int) -> int:
        return year if self._spills else self._interval.taken_from(year)

    def minutes(self, ordinal: int) -> Sequence[int]:
        minutes = self._chosen_minutes(ordinal) if self._several else self._times.minutes(ordinal - self.first)
        return minutes if ordinal > self.first else [each for each in minutes if each >= self._minute]

    def number(self, year: int, mask: int) -> int:
        day = self.first - before(year)
        cut = mask & 1 << day if day > 0 else 0
        total = len(self.minutes(self.first)) if cut else 0
        if not self._several:
            return total + self._times.number(mask ^ cut, -day)
        for number, having in self._pattern(_kind_of(year)).having.items():
            total += number * (mask & having & ~cut).bit_count()
            mask &= ~having
        return total + sum(len(self.minutes(before(year) + each)) for each in numbers(mask & ~cut))

    def why_never(self) -> str | None:
        """Why there is no date at all, however far the calendar went on; None where there is.

        It repeats itself after 400 years, so an interval meets in the end whatever its greatest common divisor with
        that cycle meets."""
        patterns = (self._pattern(_kind(leap, weekday)) for leap, weekday in _ALL_KINDS)
        if not self._times.residues or not any(pattern.whole for pattern in patterns):
            return _NO_DATE
        met = (self._meets.taken(year, self._pattern(_kind_of(year))) for year in _cycle(self._start.year))
        return None if any(met) else "its interval, from start on, misses every date that has all else it asks for"

    def candidates(self, year: int) -> int | None:
        return None if self._times.cycle > 1 else self._meets.taken(year, self._pattern(_kind_of(year)))

    def _cut_first(self) -> int:
        day = self.first - before(self._start.year)
        mask = self._uncut(self._start.year) >> day << day
        if mask >> day & 1 and not self.minutes(self.first):
            mask ^= 1 << day
        return mask

    def _chosen_minutes(self, ordinal: int) -> Sequence[int]:
        """Where BYSETPOS gives one date other minutes than another."""
        year = date.fromordinal(ordinal).year
        minutes = self._pattern(_kind_of(year)).minutes.get(ordinal - before(year))
        if minutes is None:  # the last of December, as day 0 of the next year
            minutes = self._pattern(_kind_of(year + 1)).minutes[0]
        return minutes

    def _uncut(self, year: int) -> int:
        pattern = self._pattern(_kind_of(year))
        mask = self._interval.taken(year, pattern) & ~1
        if self._spills and self._interval.taken(year + 1, self._pattern(_kind_of(year + 1))) & 1:
            mask |= 1 << _kind_of(year).length
        return mask

    def _pattern(self, kind: _Kind) -> _Pattern:
        key = kind.number
        if key not in self._patterns:
            self._patterns[key] = self._made(kind)
        return self._patterns[key]

    def _made(self, kind: _Kind) -> _Pattern:
        rule = self._rule
        if rule.frequency is Frequency.MONTHLY:
            pattern = _Pattern([self._dates(kind, (month,)) for month in rule.months or range(1, 13)])
        elif rule.frequency is Frequency.WEEKLY and self._positions:
            pattern = _Pattern(self._weeks(kind))
        else:
            pattern = _Pattern([self._dates(kind, rule.months)])
        if self._positions:
            alike: dict[int, dict[int, tuple[int, ...]]] = {}
            pattern.periods = [self._at_positions(dates, pattern, alike) for dates in pattern.periods]
        for dates in pattern.periods:
            pattern.whole |= dates
        if rule.frequency is Frequency.WEEKLY and self._positions:
            self._into_year(pattern, kind)
        for day, minutes in pattern.minutes.items():
            if day > 0:
                pattern.having[len(minutes)] = pattern.having.get(len(minutes), 0) | 1 << day
        if rule.frequency is Frequency.MONTHLY:
            by_month = dict(zip(rule.months or range(1, 13), pattern.periods, strict=True))
            pattern.periods = [by_month.get(month, 0) for month in range(1, 13)]
        return pattern

    def _dates(self, kind: _Kind, months: Sequence[int]) -> int:
        """All dates of the year, or of `months`, that have what every BY* part asks."""
        rule, mask = self._rule, kind.full | 1
        if rule.month_days:
            among = months or range(1, 13)
            mask &= _or(_month_days(rule.month_days, month, kind, self._month_end) for month in among) | (
                12 in among and not {31, -1}.isdisjoint(rule.month_days)
            )
        elif months:
            mask &= _or(kind.months[month] | (month == 12) for month in months)
        if rule.year_days:
            mask &= _year_days(rule.year_days, kind, self._month_end)
        if rule.weekdays:
            mask &= _weekdays(rule.weekdays, kind, self._counted_in(months))
        return mask if rule.year_days else mask & ~1

    def _counted_in(self, months: Sequence[int]) -> Sequence[int]:
        """The months in which numbered weekdays are counted; none where they are counted in the year. A day that was
        clamped to the month before is counted there."""
        return sorted({*months, *(month - 1 or 12 for month in months)}) if self._rule.month_days else months

    def _weeks(self, kind: _Kind) -> list[int]:
        """Every week with a day in the year, as a mask that is shifted by 7 so that its days outside have bits too."""
        rule = self._rule
        weekdays = {WEEKDAYS.index(text) for text in rule.weekdays}
        december, january = (not rule.months or month in rule.months for month in (12, 1))
        inside = self._dates(kind, rule.months) << 7
        begin = (WEEKDAYS.index(rule.week_start) - kind.january_first) % 7 + 1
        for day in (*range(-6, 1), *range(kind.length + 1, kind.length + 8)):
            if (kind.january_first + day - 1) % 7 in weekdays and (december if day < 1 else january):
                inside |= 1 << (day + 7)
        return [inside & (0x7F << (day + 7)) for day in range(begin - 7, kind.length + 1, 7)]

    def _into_year(self, pattern: _Pattern, kind: _Kind) -> None:
        pattern.whole = pattern.whole >> 7 & kind.full
        pattern.minutes = {day - 7: minutes for day, minutes in pattern.minutes.items()}

    def _at_positions(self, dates: int, pattern: _Pattern, alike: dict[int, dict[int, tuple[int, ...]]]) -> int:
        """What BYSETPOS chooses from one period; `alike` has what it chose from dates at the same distances."""
        lowest = (dates & -dates).bit_length() - 1
        if not dates:
            return 0
        if dates >> lowest not in alike:
            alike[dates >> lowest] = self._chosen(dates >> lowest)
        kept = {lowest + day: minutes for day, minutes in alike[dates >> lowest].items()}
        pattern.minutes.update(kept)
        return _bits(tuple(kept))

    def _chosen(self, dates: int) -> dict[int, tuple[int, ...]]:
        times, days = self._times.minutes(0), list(numbers(dates))
        kept: dict[int, list[int]] = {}
        for index in chosen(self._positions, len(days) * len(times)):
            kept.setdefault(days[index // len(times)], []).append(times[index % len(times)])
        return {day: tuple(minutes) for day, minutes in kept.items()}


def lacking(rule: Rule) -> bool:
    """Whether some month or year lacks a day that the completed `rule` asks for."""
    shortest = min(_LENGTHS[month - 1] for month in rule.months or range(1, 13))
    return any(abs(day) > shortest for day in rule.month_days) or any(abs(day) > 365 for day in rule.year_days)


def _or(masks: Iterator[int]) -> int:
    result = 0
    for mask in masks:
        result |= mask
    return result


def numbers(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, in order."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def completed(rule: Rule, start: datetime) -> Rule:
    """`rule` with the day and the time that it takes from `start` (RFC 5545 3.3.10: "information missing")."""
    days, weekdays, months = rule.month_days, rule.weekdays, rule.months
    no_day = not days and not weekdays and not rule.year_days
    if rule.frequency in {Frequency.MONTHLY, Frequency.YEARLY} and no_day:
        days = (start.day,)
    if rule.frequency is Frequency.YEARLY and no_day and not months:
        months = (start.month,)
    if rule.frequency is Frequency.WEEKLY and not weekdays:
        weekdays = (WEEKDAYS[start.weekday()],)
    hours, minutes = rule.hours, rule.minutes
    if rule.frequency not in SUB_DAILY:
        hours = hours or (start.hour,)
    if rule.frequency is not Frequency.MINUTELY:
        minutes = minutes or (start.minute,)
    return Rule(
        rule.frequency, rule.interval, weekdays, days, months, rule.count, rule.until, rule.until_at, rule.year_days,
        hours, minutes, rule.positions, rule.week_start,
    )  # fmt: skip


# Minutes of the day


class _Times:
    """The minutes of the days since the start: those of day n are the same as of day n % `cycle`.

    `residues` has a bit for every day of a cycle that has any."""

    def __init__(self, days: Mapping[int, Iterable[int]], cycle: int = 1) -> None:
        self.cycle = cycle
        self._days = {day: tuple(sorted(minutes)) for day, minutes in days.items() if minutes}
        self.residues = _bits(tuple(self._days))
        having: dict[int, int] = {}
        for day, minutes in self._days.items():
            having[len(minutes)] = having.get(len(minutes), 0) | 1 << day
        self._having = {number: repeated(block, cycle, cycle + 368) for number, block in having.items()}

    def minutes(self, day: int) -> Sequence[int]:
        return self._days.get(day % self.cycle, ())

    def number(self, mask: int, day: int) -> int:
        """How many minutes the days of `mask` have, each of which has any; its bit 0 is `day`."""
        if len(self._having) == 1:
            return mask.bit_count() * next(iter(self._having))
        shift = day % self.cycle
        return sum(number * (mask & having >> shift).bit_count() for number, having in self._having.items())


def _times(rule: Rule, start: datetime) -> _Times:
    """`rule` is completed; of Daily, Hourly and Minutely rules BYSETPOS chooses here, from a day, an hour, a minute."""
    hours: Sequence[int] = rule.hours or range(24)
    minutes: Sequence[int] = rule.minutes or range(60)
    if rule.frequency is Frequency.HOURLY:
        minutes = sorted(minutes)
        if rule.positions:
            minutes = [minutes[index] for index in chosen(rule.positions, len(minutes))]
        return _hourly(hours, minutes, start.hour, rule.interval)
    every = sorted({60 * hour + minute for hour in hours for minute in minutes})
    if rule.frequency is Frequency.MINUTELY:
        never = rule.positions and not {1, -1} & set(rule.positions)
        return _minutely([] if never else every, 60 * start.hour + start.minute, rule.interval)
    if rule.frequency is Frequency.DAILY and rule.positions:
        every = [every[index] for index in chosen(rule.positions, len(every))]
    return _Times({0: every})


def _minutely(allowed: Sequence[int], first: int, interval: int) -> _Times:
    days: dict[int, list[int]] = {}
    wanted, shared = frozenset(allowed), gcd(interval, _DAY)
    for number in range(_DAY // shared):
        day, minute = divmod(first + number * interval, _DAY)
        if minute in wanted:
            days.setdefault(day % (interval // shared), []).append(minute)
    return _Times(days, interval // shared)


def _hourly(allowed: Sequence[int], minutes: Sequence[int], first: int, interval: int) -> _Times:
    days: dict[int, list[int]] = {}
    wanted, shared = frozenset(allowed), gcd(interval, 24)
    for number in range(24 // shared):
        day, hour = divmod(first + number * interval, 24)
        if hour in wanted:
            days.setdefault(day % (interval // shared), []).extend(60 * hour + minute for minute in minutes)
    return _Times(days, interval // shared)


def repeated(block: int, period: int, span: int) -> int:
    """`block` again and again, `period` bits apart, at least `span` bits long."""
    while period < span:
        block |= block << period
        period *= 2
    return block


# Intervals


class _Interval(Protocol):
    def taken(self, year: int, pattern: _Pattern) -> int:
        """The dates of a year's pattern that lie in the periods which the interval takes."""
        ...

    def taken_from(self, year: int) -> int: ...
    def divisor(self) -> "_Interval":
        """The interval that is the greatest common divisor of this one and 400 years, with the same beginning."""
        ...


def _interval(rule: Rule, start: datetime, times: _Times) -> _Interval:
    match rule.frequency:
        case Frequency.YEARLY:
            return _EveryYears(rule.interval, start.year)
        case Frequency.MONTHLY:
            first = 12 * start.year + start.month - 1
            return _EveryMonths(rule.interval, first) if rule.interval > 1 else _EveryYears(1, start.year)
        case Frequency.WEEKLY:
            monday = start.toordinal() - (start.weekday() - WEEKDAYS.index(rule.week_start)) % 7
            return _every_days(0x7F, 7 * rule.interval, monday) if rule.interval > 1 else _EveryYears(1, start.year)
        case Frequency.DAILY:
            return _every_days(1, rule.interval, start.toordinal())
        case _:
            return _every_days(times.residues, times.cycle, start.toordinal())


@dataclass(frozen=True, slots=True)
class _EveryYears:
    years: int
    first: int

    def taken(self, year: int, pattern: _Pattern) -> int:
        return 0 if (year - self.first) % self.years else pattern.whole

    def taken_from(self, year: int) -> int:
        return year + (self.first - year) % self.years

    def divisor(self) -> "_EveryYears":
        return _EveryYears(gcd(self.years, 400), self.first)


class _EveryMonths:
    def __init__(self, months: int, first: int) -> None:
        self._months, self._first = months, first

    def taken(self, year: int, pattern: _Pattern) -> int:
        mask = 0
        for month in range((self._first - 12 * year) % self._months, 12, self._months):
            mask |= pattern.periods[month]
        return mask

    def taken_from(self, year: int) -> int:
        return year + (self._first - 12 * year) % self._months // 12

    def divisor(self) -> "_EveryMonths":
        return _EveryMonths(gcd(self._months, 4800), self._first)


class _EveryDays:
    """Days `anchor` + k·`period` + the bits of `block`."""

    def __init__(self, block: int, period: int, anchor: int) -> None:
        self._block, self._period, self._anchor = block, period, anchor
        self._whole = repeated(block, period, period + 368)
        self._last = block.bit_length() - 1

    def taken(self, year: int, pattern: _Pattern) -> int:
        return pattern.whole & (self._whole >> (before(year) - self._anchor) % self._period)

    def taken_from(self, year: int) -> int:
        day = (before(year) + 1 - self._anchor) % self._period
        ahead = self._period - day if day > self._last else 0
        return year if ahead < 365 else date.fromordinal(min(before(year) + 1 + ahead, _LAST_DAY)).year

    def divisor(self) -> "_EveryDays":
        period = gcd(self._period, _DAYS_IN_400_YEARS)
        return _EveryDays(_bits(tuple(day % period for day in numbers(self._block))), period, self._anchor)


_LAST_DAY = date.max.toordinal()
_DAYS_IN_400_YEARS = 146_097


def _every_days(block: int, period: int, anchor: int) -> _Interval:
    return _EveryDays(block, period, anchor) if period > 1 or not block else _EveryYears(1, 1)


# Cron


class CronDates:
    """The dates of a `Cron` from `start` on."""

    def __init__(self, cron: Cron, start: datetime, month_end: MonthEnd) -> None:
        self._cron, self._month_end = cron, month_end
        self.first, self.desert = start.toordinal(), (0, 0)
        self._minute = start.hour * 60 + start.minute
        self._times = tuple(sorted(60 * hour + minute for hour in cron.hours for minute in cron.minutes))
        self._patterns: dict[int, int] = {}
        self._year = start.year

    def mask(self, year: int) -> int:
        if year > self._year:
            return self._pattern(_kind_of(year))
        if year < self._year:
            return 0
        day = self.first - before(year) + (self._times[-1] < self._minute)
        return self._pattern(_kind_of(year)) >> day << day

    def taken_from(self, year: int) -> int:
        return year

    def minutes(self, ordinal: int) -> Sequence[int]:
        return self._times if ordinal > self.first else [each for each in self._times if each >= self._minute]

    def number(self, year: int, mask: int) -> int:
        day = self.first - before(year)
        missing = len(self._times) - len(self.minutes(self.first)) if day > 0 and mask >> day & 1 else 0
        return mask.bit_count() * len(self._times) - missing

    def why_never(self) -> str | None:
        return None if any(self._pattern(_kind(leap, weekday)) for leap, weekday in _ALL_KINDS) else _NO_DATE

    def candidates(self, year: int) -> int | None:
        return self._pattern(_kind_of(year))

    def _pattern(self, kind: _Kind) -> int:
        key = kind.number
        if key not in self._patterns:
            cron = self._cron
            days = _or(_month_days(cron.month_days, month, kind, self._month_end) for month in range(1, 13))
            weekdays = _or(kind.weekdays[weekday] for weekday in cron.weekdays)
            mask = days | weekdays if cron.either_day else days & weekdays
            self._patterns[key] = mask & _or(kind.months[month] for month in cron.months)
        return self._patterns[key]


def dates_of(rule: Rule | Cron, start: datetime, month_end: MonthEnd) -> Dates:
    """Raises Rejected(NeverOccurs) where there is no date; there may still be none before the calendar ends."""
    dates = dates_from(rule, start, month_end)
    if why := dates.why_never():
        raise never(why)
    return dates


def dates_from(rule: Rule | Cron, start: datetime, month_end: MonthEnd) -> RuleDates | CronDates:
    """As `dates_of`, of a rule that may have none."""
    return CronDates(rule, start, month_end) if isinstance(rule, Cron) else RuleDates(rule, start, month_end)
