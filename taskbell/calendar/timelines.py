"""A rule in a zone: its occurrences as instants, in order, forwards, backwards and counted.

`WallClock` places the local times that a rule asks for. `RealTime` steps from instant to instant: Hourly and Minutely
rules that name neither hours nor minutes, for which no local time is asked. Neither knows exclusions or overrides.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import chain, islice
from typing import Protocol
from zoneinfo import ZoneInfo

from taskbell.calendar import expansion, zones
from taskbell.calendar.expansion import LAST_YEAR, Dates, Steps
from taskbell.calendar.rule import SUB_DAILY, Cron, Fold, Frequency, Gap, Policies, Rule, never

TICK = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
_A_DAY = timedelta(days=1)
LATEST = datetime(LAST_YEAR, 12, 30, tzinfo=UTC)
"""Nothing occurs after it."""
_LAST_ORDINAL = LATEST.toordinal() - 2
_LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)
_ZERO = timedelta()

_FEW = 60
"""Dates of a year; so many are looked at sooner than the year's moving clocks are found."""

_A_MISS = 10
"""Steps for an instant on a date that does not fit: the next that may is sought in the zone, which takes longer."""

_A_DATE = 8
"""Steps for counting what real time yields on a date."""

_UNSURE = 4
"""Hours; clocks have never been moved by more around a midnight, whole dates aside."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instant a series yields. `local` is its nominal naive wall time in the series' zone, by which, with `fold`,
    people know it; `at` the aware UTC instant. They differ where a policy bent it, and `note` then says why."""

    local: datetime
    fold: int
    at: datetime
    note: str | None = field(default=None, compare=False)


Key = tuple[datetime, datetime, int]


def key(occurrence: Occurrence) -> Key:
    """The order of occurrences: by the instant, then by what they are known by."""
    return occurrence.at, occurrence.local, occurrence.fold


class Timeline(Protocol):
    """The occurrences of a rule, in order of `key`.

    Laws: `after` gives those strictly after an instant, in order, `until` those at or before it, latest first;
    `rank` is the number of the latter. All raise Rejected(TooCostly) when `steps` are spent."""

    by_instant: bool
    """Whether occurrences are told apart by their instants alone (Hourly and Minutely)."""

    def after(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]: ...
    def until(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]: ...
    def rank(self, moment: datetime, steps: Steps) -> int: ...
    def find(self, local: datetime, fold: int) -> Occurrence | None: ...


def timeline(zone: ZoneInfo, start: datetime, rule: Rule | Cron, policies: Policies) -> Timeline:
    """Raises Rejected: NeverOccurs, TooCostly."""
    if isinstance(rule, Rule) and rule.frequency in SUB_DAILY and not rule.hours and not rule.minutes:
        return RealTime(zone, start, rule, policies)
    return WallClock(zone, start, rule, policies)


class WallClock:
    """Local times of `rule`, placed in the zone; two Hourly or Minutely ones at one instant are one."""

    def __init__(self, zone: ZoneInfo, start: datetime, rule: Rule | Cron, policies: Policies) -> None:
        self._zone, self._gap, self._fold = zone, policies.gap, policies.fold
        self.by_instant = rule.every_hour if isinstance(rule, Cron) else rule.frequency in SUB_DAILY
        self._both = self.by_instant or policies.fold is Fold.BOTH
        self._dates: Dates = expansion.dates_of(rule, start, policies.month_end)
        self._second = timedelta(seconds=start.second)
        self._last = _LAST_ORDINAL
        self._until: datetime | None = None
        self._until_at: datetime | None = None
        self._end: Key | None = None
        self._count: int | None = None
        if isinstance(rule, Rule):
            self._limit(rule)

    def after(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]:
        ordinal = moment.astimezone(self._zone).toordinal()
        if not zones.regular(self._zone, datetime.fromordinal(ordinal - 1)):
            ordinal -= 1  # a gap puts a local time on the next date at the latest
        while (day := expansion.following(self._dates, ordinal, self._last, steps)) is not None:
            steps.take()
            midnight = datetime.fromordinal(day)
            if zones.regular(self._zone, midnight):
                ordinal = day + 1
                found = self._placed(day, midnight, moment)
            else:
                group, ordinal = self._moving(day, steps)
                found = iter([each for each in group if each.at > moment])
            if self._bounded:
                yield from filter(self._within, found)
            else:
                yield from found

    def until(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]:
        day = min(moment.astimezone(self._zone).toordinal() + 1, self._last)
        while day >= self._dates.first and (ordinal := expansion.preceding(self._dates, day, steps)) is not None:
            steps.take()
            found = self._on(ordinal)
            while self._joined(ordinal - 1):
                steps.take()
                ordinal -= 1
                found += self._on(ordinal)
            found.sort(key=key, reverse=True)
            yield from (each for each in found if each.at <= moment and self._within(each))
            day = ordinal - 1

    def rank(self, moment: datetime, steps: Steps) -> int:
        """Years are counted, not occurrences."""
        if self._until_at is not None:
            moment = min(moment, self._until_at)
        today = moment.astimezone(self._zone).toordinal()
        whole = min(today - 2, self._last - 1)  # those dates have passed, whatever a gap did to them
        passed = self._through(whole, steps)
        for day in range(max(whole + 1, self._dates.first), min(today + 1, self._last) + 1):
            if expansion.has(self._dates, day):
                passed += sum(each.at <= moment and self._within(each) for each in self._on(day))
        return passed if self._count is None else min(passed, self._count)

    def find(self, local: datetime, fold: int) -> Occurrence | None:
        day = local.toordinal()
        if day > self._last or not expansion.has(self._dates, day):
            return None
        known = (each for each in self._on(day) if each.local == local and each.fold == fold)
        return next(filter(self._within, known), None)

    # One date

    def _placed(self, day: int, midnight: datetime, moment: datetime) -> Iterator[Occurrence]:
        """A date on which no clock moves: what lies after `moment`."""
        distance = zones.offset(self._zone, midnight)
        first = midnight + self._second
        minutes = self._dates.minutes(day)
        passed = moment.replace(tzinfo=None) + distance - first
        begin = bisect_right(minutes, passed // _MINUTE) if passed >= _ZERO else 0
        for minute in minutes[begin:] if begin else minutes:
            local = first + _MINUTE * minute
            yield Occurrence(local, 0, (local - distance).replace(tzinfo=UTC))

    def _on(self, day: int) -> list[Occurrence]:
        """What is known by local times of that date."""
        midnight = datetime.fromordinal(day)
        if zones.regular(self._zone, midnight):
            return list(self._placed(day, midnight, _LONG_AGO))
        first = midnight + self._second
        return [each for minute in self._dates.minutes(day) for each in self._bent(first + _MINUTE * minute)]

    def _bent(self, local: datetime) -> Iterator[Occurrence]:
        first = zones.offset(self._zone, local)
        second = zones.offset(self._zone, local.replace(fold=1))
        if second <= first:
            yield Occurrence(local, 0, (local - first).replace(tzinfo=UTC))
            if second < first and self._both:
                yield Occurrence(local, 1, (local - second).replace(tzinfo=UTC))
            return
        shown = local - first + second
        if self._gap is Gap.LATER and not (self.by_instant and self._asks(shown)):
            yield Occurrence(local, 0, (local - first).replace(tzinfo=UTC))

    def _asks(self, local: datetime) -> bool:
        """Whether the rule itself has that local time."""
        day = local.toordinal()
        return expansion.has(self._dates, day) and 60 * local.hour + local.minute in self._dates.minutes(day)

    def _moving(self, day: int, steps: Steps) -> tuple[list[Occurrence], int]:
        """A date on which clocks move, with the dates it can change places with, and the date after them."""
        found = self._on(day)
        while self._joined(day) and day < self._last and expansion.has(self._dates, day + 1):
            steps.take()
            day += 1
            found += self._on(day)
        return sorted(found, key=key), day + 1

    def _joined(self, day: int) -> bool:
        """Whether an occurrence of that date can come after one of the next."""
        return not zones.regular(self._zone, datetime.fromordinal(day)) and expansion.has(self._dates, day)

    # Ends

    @property
    def _bounded(self) -> bool:
        return self._until is not None or self._until_at is not None or self._end is not None

    def _within(self, occurrence: Occurrence) -> bool:
        return (
            (self._until is None or occurrence.local <= self._until)
            and (self._until_at is None or occurrence.at <= self._until_at)
            and (self._end is None or key(occurrence) <= self._end)
        )

    def _limit(self, rule: Rule) -> None:
        if rule.until is not None:
            self._until = rule.until
            self._last = min(self._last, rule.until.toordinal())
        if rule.until_at is not None:
            self._until_at = min(rule.until_at, LATEST)
            self._last = min(self._last, self._until_at.astimezone(self._zone).toordinal() + 1)
        if rule.count is not None and (found := self._day_of(rule.count, Steps())) is not None:
            # The dates before have all their occurrences before that day's; a moving day and its neighbours mix.
            day, before = found
            near = {each: self._on(each) for each in range(day - 2, day + 3) if expansion.has(self._dates, each)}
            before -= sum(len(on_that_day) for each, on_that_day in near.items() if each < day)
            self._count = rule.count
            self._end = sorted(map(key, chain.from_iterable(near.values())))[rule.count - before - 1]
            self._last = min(self._last, day + 2)

    def _day_of(self, count: int, steps: Steps) -> tuple[int, int] | None:
        """The date that the occurrence number `count` is known by, or one beside it, and the number of those on earlier
        dates; None when there are fewer."""
        before = 0
        for year in range(datetime.fromordinal(self._dates.first).year, LAST_YEAR + 1):
            steps.take()
            in_year = self._in_year(year, self._dates.mask(year), steps)
            if before + in_year < count:
                before += in_year
                continue
            for day in expansion.ordinals(self._dates, year):
                steps.take()
                on_that_day = len(self._on(day))
                if before + on_that_day >= count:
                    return day, before
                before += on_that_day
        return None

    # Counting

    def _through(self, last: int, steps: Steps) -> int:
        """The number of occurrences known by dates not after `last`."""
        if last < self._dates.first:
            return 0
        final, total = datetime.fromordinal(last).year, 0
        for year in range(datetime.fromordinal(self._dates.first).year, final + 1):
            steps.take()
            mask = self._dates.mask(year)
            if year == final:
                mask &= (2 << (last - expansion.before(year))) - 1
            total += self._in_year(year, mask, steps)
        return total

    def _in_year(self, year: int, mask: int, steps: Steps) -> int:
        before, per_day = expansion.before(year), self._dates.per_day
        bends = self._both or self._gap is Gap.SKIP
        if per_day is None or (bends and mask.bit_count() <= _FEW):
            return self._one_by_one(mask, before, steps, bends=bends)
        total = mask.bit_count() * per_day
        first = self._dates.first - before
        if first > 0 and mask >> first & 1:
            total += len(self._dates.minutes(self._dates.first)) - per_day
        if bends:
            for day in zones.moving(self._zone, year):
                if mask >> (day - before) & 1 and not self._untouched(day):
                    total += len(self._on(day)) - len(self._dates.minutes(day))
        return total

    def _untouched(self, day: int) -> bool:
        """Whether no clock moves between the first and the last minute that the rule asks for."""
        midnight, minutes = datetime.fromordinal(day), self._dates.minutes(day)
        first, last = midnight + _MINUTE * minutes[0], midnight + _MINUTE * (minutes[-1] + 1)
        return self._zone.utcoffset(first) == self._zone.utcoffset(last.replace(fold=1))

    def _one_by_one(self, mask: int, before: int, steps: Steps, *, bends: bool) -> int:
        total = 0
        for number in expansion.numbers(mask):
            steps.take()
            day = before + number
            still = not bends or self._untouched(day)
            total += len(self._dates.minutes(day)) if still else len(self._on(day))
        return total


class RealTime:
    """Instants `rule.interval` hours or minutes apart; on the dates that BYMONTH, BYDAY and the like leave."""

    by_instant = True

    def __init__(self, zone: ZoneInfo, start: datetime, rule: Rule, policies: Policies) -> None:
        self._zone = zone
        self._start = zones.place(zone, start)
        self._step = _MINUTE * rule.interval * (60 if rule.frequency is Frequency.HOURLY else 1)
        self._dates = _limits(rule, start, policies)
        if self._dates is not None:
            _refuse_out_of_step(self._dates, start, self._step)
        self._last = LATEST
        if rule.until is not None:
            self._last = min(self._last, zones.place(zone, rule.until, fold=1))
        if rule.until_at is not None:
            self._last = min(self._last, rule.until_at)
        if rule.count is not None:
            self._last = min(self._last, self._at_count(rule.count))

    def after(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]:
        number = max(0, (moment - self._start) // self._step + 1)
        while (at := self._start + number * self._step) <= self._last:
            found = self._seen(at)
            if self._dates is None or expansion.has(self._dates, found.local.toordinal()):
                steps.take()
                yield found
                number += 1
            else:
                steps.take(_A_MISS)
                number = self._ahead(number, found.local, self._dates, steps)

    def until(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]:
        number = (min(moment, self._last) - self._start) // self._step
        while number >= 0:
            found = self._seen(self._start + number * self._step)
            if self._dates is None or expansion.has(self._dates, found.local.toordinal()):
                steps.take()
                yield found
                number -= 1
            else:
                steps.take(_A_MISS)
                number = self._back(number, found.local, self._dates, steps)

    def rank(self, moment: datetime, steps: Steps) -> int:
        moment = min(moment, self._last)
        if moment < self._start:
            return 0
        if self._dates is None:
            return (moment - self._start) // self._step + 1
        today = moment.astimezone(self._zone).toordinal()
        passed = self._on_dates(self._dates, today - 2, steps)
        return passed + sum(1 for _ in self._near(self._dates, today - 1, moment))

    def find(self, local: datetime, fold: int) -> Occurrence | None:
        at = zones.place(self._zone, local, fold)
        found = self._seen(at)
        on_grid = self._start <= at <= self._last and not (at - self._start) % self._step
        on_date = self._dates is None or expansion.has(self._dates, local.toordinal())
        return found if on_grid and on_date and (found.local, found.fold) == (local, fold) else None

    def _seen(self, at: datetime) -> Occurrence:
        local = at.astimezone(self._zone)
        return Occurrence(local.replace(tzinfo=None, fold=0), local.fold, at)

    def _ahead(self, number: int, local: datetime, dates: Dates, steps: Steps) -> int:
        """The next step worth a look. Just after midnight a clock can still be put back to the day before."""
        if local.hour < _UNSURE and expansion.has(dates, local.toordinal() - 1):
            return number + 1
        day = expansion.following(dates, local.toordinal() + 1, _LAST_ORDINAL, steps)
        if day is None:
            return (LATEST - self._start) // self._step + 1
        return max(number + 1, -((self._start - self._earliest(day)) // self._step))

    def _back(self, number: int, local: datetime, dates: Dates, steps: Steps) -> int:
        if local.hour >= 24 - _UNSURE and expansion.has(dates, local.toordinal() + 1):
            return number - 1
        before = local.toordinal() - 1
        day = expansion.preceding(dates, before, steps) if before >= dates.first else None
        if day is None:
            return -1
        return min(number - 1, (self._latest(day) - self._start) // self._step)

    def _earliest(self, day: int) -> datetime:
        """No instant of that date comes before it."""
        midnight = datetime.fromordinal(day)
        distance = max(zones.offset(self._zone, midnight), zones.offset(self._zone, midnight.replace(fold=1)))
        return (midnight - distance).replace(tzinfo=UTC)

    def _latest(self, day: int) -> datetime:
        """No instant of that date comes after it."""
        midnight = datetime.fromordinal(day + 1)
        distance = min(zones.offset(self._zone, midnight), zones.offset(self._zone, midnight.replace(fold=1)))
        return (midnight - distance).replace(tzinfo=UTC)

    def _on_dates(self, dates: Dates, last: int, steps: Steps) -> int:
        """The number of occurrences on dates not after `last`; whole runs of dates at once."""
        total = 0
        for year in range(datetime.fromordinal(dates.first).year, datetime.fromordinal(max(last, 1)).year + 1):
            before, mask = expansion.before(year), dates.mask(year)
            if before + 366 > last:
                mask &= (2 << max(last - before, 0)) - 1
            while mask:
                steps.take(2)
                low = mask & -mask
                run = mask & ~(mask + low)
                mask ^= run
                first = before + low.bit_length() - 1
                total += self._number_on(dates, first, first + run.bit_count() - 1)
        return total

    def _number_on(self, dates: Dates, first: int, last: int) -> int:
        """The number of occurrences from the date `first` to the date `last`, all of which are in `dates`."""
        begin, end = self._begin(first), self._begin(last + 1)
        if begin is None or end is None:
            near = self._near(dates, first, self._latest(last))
            return sum(first <= each.local.toordinal() <= last for each in near)
        number = max(0, -((self._start - begin) // self._step))
        return max(0, (end - TICK - self._start) // self._step - number + 1)

    def _begin(self, day: int) -> datetime | None:
        """The instant at which that date begins; None where a clock moves across its midnight."""
        midnight = datetime.fromordinal(day)
        at = (midnight - zones.offset(self._zone, midnight)).replace(tzinfo=UTC)
        moved = zones.shift(self._zone, midnight)
        if not moved:
            return at
        begins = moved > _ZERO and (at - TICK).astimezone(self._zone).toordinal() < day
        return at if begins else None

    def _near(self, dates: Dates, day: int, moment: datetime) -> Iterator[Occurrence]:
        """What occurs on that date and later, until `moment`."""
        number = max(0, -((self._start - self._earliest(day)) // self._step))
        while (at := self._start + number * self._step) <= moment:
            found = self._seen(at)
            if found.local.toordinal() >= day and expansion.has(dates, found.local.toordinal()):
                yield found
            number += 1

    def _at_count(self, count: int) -> datetime:
        if self._dates is None:
            most = (LATEST - self._start) // self._step
            return self._start + min(count - 1, most) * self._step
        steps, day = Steps(), self._dates.first - 1
        total = on_day = on_day_before = 0
        while total + on_day < count:
            following = expansion.following(self._dates, day + 1, _LAST_ORDINAL, steps)
            if following is None:
                return self._last
            steps.take(_A_DATE)
            on_day_before = on_day if following == day + 1 else 0
            total, day, on_day = total + on_day, following, self._number_on(self._dates, following, following)
        # A clock put back over midnight mixes that date with the one before.
        near = self._near(self._dates, day - 1, LATEST)
        return next(islice(near, count - (total - on_day_before) - 1, None)).at


def _refuse_out_of_step(dates: Dates, start: datetime, step: timedelta) -> None:
    """Whole days apart, instants keep to some dates, give or take the one by which a zone has moved its date."""
    days = step // _A_DAY
    if step % _A_DAY or days < 4:
        return
    first = start.toordinal()
    for year in range(start.year, min(start.year + 400, LAST_YEAR)):
        if any((day - first + 1) % days <= 2 for day in expansion.ordinals(dates, year)):
            return
    raise never("its interval, from start on, misses all of its dates")


def _limits(rule: Rule, start: datetime, policies: Policies) -> Dates | None:
    """The dates that the rule leaves; None for all of them."""
    if rule.positions and not {1, -1} & set(rule.positions):
        raise never("BYSETPOS chooses from one moment an hour or a minute, so only 1 and -1 are among them")
    if not (rule.months or rule.month_days or rule.year_days or rule.weekdays):
        return None
    days = replace(rule, frequency=Frequency.DAILY, interval=1, positions=(), hours=(0,), minutes=(0,))
    # A day earlier: the zone's clocks may be put back over midnight right after the start.
    return expansion.dates_of(days, datetime.combine(start, time()) - _A_DAY, policies.month_end)
