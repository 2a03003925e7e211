"""A rule in a zone: its occurrences as instants, in order, forwards, backwards and counted.

`WallClock` places the local times that a rule asks for. `RealTime` steps from instant to instant: Hourly and Minutely
rules that name neither hours nor minutes, for which no local time is asked. Neither knows exclusions or overrides.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from math import lcm
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
_ZERO = timedelta()

_A_MISS = 6
"""Steps for an instant on a date that does not fit: the next that may is sought in the zone, which takes longer."""

_A_MOVE = 10
"""Steps for a date on which clocks move, in real time or on the wall clock."""

_A_RUN = 2
"""Steps for counting what real time yields on a few dates in a row."""

_A_BEND = 3
"""Steps for the times of a date that do not exist or exist twice."""

_TIMES_A_STEP = 2

_NEAR_ITS_END = 6
"""Dates before a rule's last one, some of whose occurrences may lie after its end."""

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

    Laws: `after` gives those strictly after an instant, in order, `until` those at or before it, latest first; `number`
    is how many lie after one and not after the other. They raise Rejected(TooCostly) when `steps` are spent. `at` is
    the first one at just that instant; it takes constant work, as does `find` for a local time."""

    by_instant: bool
    """Whether occurrences are told apart by their instants alone (Hourly and Minutely)."""

    def after(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]: ...
    def until(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]: ...
    def number(self, since: datetime, until: datetime, steps: Steps) -> int: ...
    def find(self, local: datetime, fold: int) -> Occurrence | None: ...
    def at(self, moment: datetime) -> Occurrence | None: ...

    def end_with(self, count: int, steps: Steps) -> None:
        """Number `count` is the last one; called once, before anything is asked."""
        ...


def timeline(zone: ZoneInfo, start: datetime, rule: Rule | Cron, policies: Policies) -> Timeline:
    """Without the rule's `count`. Raises Rejected(NeverOccurs)."""
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
        if self._gap is Gap.SKIP:
            self._refuse_gaps_alone(start.year)
        if isinstance(rule, Rule):
            self._limit(rule)

    def after(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]:
        ordinal = moment.astimezone(self._zone).toordinal()
        if not zones.regular(self._zone, ordinal - 1):
            ordinal -= 1  # a gap puts a local time on the next date at the latest
        while (day := expansion.following(self._dates, ordinal, self._last, steps)) is not None:
            steps.take()
            if zones.regular(self._zone, day):
                ordinal = day + 1
                found = self._placed(day, moment)
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
            if zones.regular(self._zone, ordinal) and not self._joined(ordinal - 1):
                found = self._placed_back(ordinal, moment)
            else:
                group, ordinal = self._moving_back(ordinal, steps)
                found = iter([each for each in group if each.at <= moment])
            yield from filter(self._within, found)
            day = ordinal - 1

    def number(self, since: datetime, until: datetime, steps: Steps) -> int:
        """Years are counted, not occurrences; one by one only what is near the ends of the window or of the rule."""
        first, last = (moment.astimezone(self._zone).toordinal() for moment in (since, until))
        end = min(last + 1, self._last)
        begin, passed = first + 2, min(last - 2, self._last - _NEAR_ITS_END if self._bounded else self._last)
        total = 0
        for year, mask in expansion.masks(self._dates, begin, passed):
            total += self._in_year(year, mask, steps)
        near = (*range(first - 1, min(begin, end + 1)), *range(max(begin, passed + 1), end + 1))
        for day in near:
            if expansion.has(self._dates, day):
                total += self._number_until(day, until, steps) - self._number_until(day, since, steps)
        return total

    def find(self, local: datetime, fold: int) -> Occurrence | None:
        if local.toordinal() > self._last or not self._asks(local):
            return None
        known = (each for each in self._bent(local) if each.fold == fold)
        return next(filter(self._within, known), None)

    def at(self, moment: datetime) -> Occurrence | None:
        shown = moment.astimezone(self._zone)
        local, fold = shown.replace(tzinfo=None, fold=0), shown.fold
        skipped = zones.offset(self._zone, local) - zones.offset(self._zone, local - _A_DAY)  # by a gap, if it was one
        candidates = [self.find(local, fold), self.find(local - skipped, 0) if skipped > _ZERO else None]
        return min((each for each in candidates if each and each.at == moment), key=key, default=None)

    # One date

    def _placed(self, day: int, moment: datetime) -> Iterator[Occurrence]:
        """A date on which no clock moves: what lies after `moment`."""
        first, minutes = datetime.fromordinal(day) + self._second, self._dates.minutes(day)
        distance = zones.offset(self._zone, first)
        passed = moment.replace(tzinfo=None) + distance - first
        for minute in minutes[bisect_right(minutes, passed // _MINUTE) :] if passed >= _ZERO else minutes:
            local = first + _MINUTE * minute
            yield Occurrence(local, 0, (local - distance).replace(tzinfo=UTC))

    def _placed_back(self, day: int, moment: datetime) -> Iterator[Occurrence]:
        """Such a date, latest first: what does not lie after `moment`."""
        minutes = self._dates.minutes(day)
        return self._at_one_distance(day, minutes[: self._passed(day, minutes, moment)][::-1])

    def _passed(self, day: int, minutes: Sequence[int], moment: datetime) -> int:
        """Of the times of such a date, how many do not lie after `moment`."""
        midnight = datetime.fromordinal(day)
        passed = moment.replace(tzinfo=None) + zones.offset(self._zone, midnight) - midnight - self._second
        return bisect_right(minutes, passed // _MINUTE) if passed >= _ZERO else 0

    def _at_one_distance(self, day: int, minutes: Sequence[int], *, at_its_end: bool = False) -> Iterator[Occurrence]:
        """Times at the distance from UTC that holds at the date's beginning, or at its end."""
        midnight = datetime.fromordinal(day)
        reference = (midnight + _A_DAY).replace(fold=1) if at_its_end else midnight
        first, distance = midnight + self._second, zones.offset(self._zone, reference)
        for minute in minutes:
            local = first + _MINUTE * minute
            yield Occurrence(local, 0, (local - distance).replace(tzinfo=UTC))

    def _on(self, day: int) -> list[Occurrence]:
        """What is known by local times of that date."""
        midnight, minutes = datetime.fromordinal(day), self._dates.minutes(day)
        if zones.regular(self._zone, day):
            return list(self._at_one_distance(day, minutes))
        begin, end = self._bent_from_to(day)
        first = midnight + self._second
        return [
            *self._at_one_distance(day, minutes[:begin]),
            *(each for minute in minutes[begin:end] for each in self._bent(first + _MINUTE * minute)),
            *self._at_one_distance(day, minutes[end:], at_its_end=True),
        ]

    def _number_until(self, day: int, moment: datetime, steps: Steps) -> int:
        """Of a date, how many do not lie after `moment`, and within the rule's end."""
        ends = self._bounded and day > self._last - _NEAR_ITS_END
        if ends or not zones.regular(self._zone, day):
            steps.take(len(self._dates.minutes(day)) // _TIMES_A_STEP)
            return sum(each.at <= moment and self._within(each) for each in self._on(day))
        return self._passed(day, self._dates.minutes(day), moment)

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
        day, minute = local.toordinal(), 60 * local.hour + local.minute
        if local.second != self._second.seconds or not expansion.has(self._dates, day):
            return False
        minutes = self._dates.minutes(day)
        index = bisect_left(minutes, minute)
        return index < len(minutes) and minutes[index] == minute

    def _moving(self, day: int, steps: Steps) -> tuple[list[Occurrence], int]:
        """A date on which clocks move, with the dates it can change places with, and the date after them."""
        found = self._on(day)
        while self._joined(day) and day < self._last and expansion.has(self._dates, day + 1):
            day += 1
            found += self._on(day)
        steps.take(_A_MOVE + len(found) // _TIMES_A_STEP)
        return sorted(found, key=key), day + 1

    def _moving_back(self, day: int, steps: Steps) -> tuple[list[Occurrence], int]:
        """A date with those before it that it can change places with, latest first, and the first of these dates."""
        found = self._on(day)
        while self._joined(day - 1):
            day -= 1
            found += self._on(day)
        steps.take(len(found) // _TIMES_A_STEP)
        return sorted(found, key=key, reverse=True), day

    def _joined(self, day: int) -> bool:
        """Whether an occurrence of that date can come after one of the next."""
        return not zones.regular(self._zone, day) and expansion.has(self._dates, day)

    def _refuse_gaps_alone(self, first: int) -> None:
        """Of a rule whose times fall into gaps alone nothing is left; both repeat themselves, so 400 years decide."""
        for year in range(first, max(first, zones.LAST_OF_ITS_OWN) + 401):
            mask = self._dates.candidates(year)
            if mask is None or mask & ~zones.moving(self._zone, year):
                return
            days = (expansion.before(year) + number for number in expansion.numbers(mask))
            if any(len(self._dates.minutes(day)) + self._bend(day) for day in days if day >= self._dates.first):
                return
        raise never("it asks for times that do not exist, and nothing else, and dst.gap: Skip leaves those out")

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

    def end_with(self, count: int, steps: Steps) -> None:
        if (found := self._day_of(count, steps)) is None:
            return
        # The dates before have all their occurrences before that day's; a moving day and its neighbours mix.
        day, before = found
        near = {each: self._on(each) for each in range(day - 2, day + 3) if expansion.has(self._dates, each)}
        steps.take(sum(map(len, near.values())) // _TIMES_A_STEP)
        before -= sum(len(on_that_day) for each, on_that_day in near.items() if each < day)
        self._end = sorted(map(key, chain.from_iterable(near.values())))[count - before - 1]
        self._last = min(self._last, day + 2)

    def _day_of(self, count: int, steps: Steps) -> tuple[int, int] | None:
        """The date that the occurrence number `count` is known by, or one beside it, and the number of those on earlier
        dates; None when there are fewer."""
        before = 0
        for year, mask in expansion.masks(self._dates, self._dates.first, self._last):
            in_year = self._in_year(year, mask, steps)
            if before + in_year < count:
                before += in_year
                continue
            for number in expansion.numbers(mask):
                steps.take()
                on_that_day = self._in_year(year, 1 << number, steps)
                if before + on_that_day >= count:
                    return expansion.before(year) + number, before
                before += on_that_day
        return None

    # Counting

    def _in_year(self, year: int, mask: int, steps: Steps) -> int:
        """The number of occurrences on the dates of `mask`."""
        steps.take()
        total, before = self._dates.number(year, mask), expansion.before(year)
        if self._both or self._gap is Gap.SKIP:
            for number in expansion.numbers(mask & zones.moving(self._zone, year)):
                steps.take(_A_BEND)
                total += self._bend(before + number)
        return total

    def _bend(self, day: int) -> int:
        """By how many occurrences a date on which clocks move has more than it has times; negative for fewer."""
        begin, end = self._bent_from_to(day)
        if begin == end:
            return 0
        bent = self._dates.minutes(day)[begin:end]
        first = datetime.fromordinal(day) + self._second
        shift = zones.shift(self._zone, first + _MINUTE * bent[0])
        if shift < _ZERO:
            return len(bent) if self._both else 0
        if self._gap is Gap.SKIP:
            return -len(bent)
        return -sum(self._asks(first + shift + _MINUTE * minute) for minute in bent) if self.by_instant else 0

    def _bent_from_to(self, day: int) -> tuple[int, int]:
        """Of the times of a date on which clocks move, where those begin and end that do not exist or exist twice."""
        year, minutes = date.fromordinal(day).year, self._dates.minutes(day)
        low, high = zones.bent_minutes(self._zone, year, day - expansion.before(year), self._second.seconds)
        return bisect_left(minutes, low), bisect_left(minutes, high)


class RealTime:
    """Instants `rule.interval` hours or minutes apart; on the dates that BYMONTH, BYDAY and the like leave."""

    by_instant = True

    def __init__(self, zone: ZoneInfo, start: datetime, rule: Rule, policies: Policies) -> None:
        self._zone = zone
        self._start = zones.place(zone, start)
        self._step = _MINUTE * rule.interval * (60 if rule.frequency is Frequency.HOURLY else 1)
        self._begun, self._pace = zones.seconds(self._start), int(self._step.total_seconds())
        self._dates = _limits(rule, start, policies)
        self._met = self._dates and _Met(self._dates, zone, self._begun, self._pace)
        self._last = LATEST
        if rule.until is not None:
            self._last = min(self._last, zones.place(zone, rule.until, fold=1))
        if rule.until_at is not None:
            self._last = min(self._last, rule.until_at)

    def end_with(self, count: int, steps: Steps) -> None:
        self._last = min(self._last, self._at_count(count, steps))

    def after(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]:
        number, last = max(0, (moment - self._start) // self._step + 1), (self._last - self._start) // self._step
        while number <= last:
            found = self._seen(self._start + number * self._step)
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

    def number(self, since: datetime, until: datetime, steps: Steps) -> int:
        until = min(until, self._last)
        after, end = zones.seconds(since) + 1, zones.seconds(until) + 1
        if self._dates is None or until <= since:
            return self._number(after, end)
        first, last = (moment.astimezone(self._zone).toordinal() for moment in (since, until))
        begin, passed = first + 2, last - 2
        total = 0
        for year, mask in expansion.masks(self._dates, begin, passed):
            total += self._in_year(year, mask, steps)
        for day in (*range(first - 1, min(begin, last + 2)), *range(max(begin, passed + 1), last + 2)):
            if expansion.has(self._dates, day):
                total += sum(self._number(max(one, after), min(other, end)) for one, other in self._passes(day))
        return total

    def find(self, local: datetime, fold: int) -> Occurrence | None:
        at = zones.place(self._zone, local, fold)
        found = self._seen(at)
        on_grid = self._start <= at <= self._last and not (at - self._start) % self._step
        on_date = self._dates is None or expansion.has(self._dates, local.toordinal())
        return found if on_grid and on_date and (found.local, found.fold) == (local, fold) else None

    def at(self, moment: datetime) -> Occurrence | None:
        shown = moment.astimezone(self._zone)
        return self.find(shown.replace(tzinfo=None, fold=0), shown.fold)

    def _seen(self, at: datetime) -> Occurrence:
        local = at.astimezone(self._zone)
        return Occurrence(local.replace(tzinfo=None, fold=0), local.fold, at)

    def _ahead(self, number: int, local: datetime, dates: Dates, steps: Steps) -> int:
        """The next step worth a look. Just after midnight a clock can still be put back to the day before."""
        if local.hour < _UNSURE and expansion.has(dates, local.toordinal() - 1):
            return number + 1
        day = expansion.following(self._met or dates, local.toordinal() + 1, _LAST_ORDINAL, steps)
        if day is None:
            return (LATEST - self._start) // self._step + 1
        return max(number + 1, -((self._start - self._earliest(day)) // self._step))

    def _back(self, number: int, local: datetime, dates: Dates, steps: Steps) -> int:
        if local.hour >= 24 - _UNSURE and expansion.has(dates, local.toordinal() + 1):
            return number - 1
        before = local.toordinal() - 1
        day = expansion.preceding(self._met or dates, before, steps) if before >= dates.first else None
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

    # Counting, in seconds (`zones.seconds`)

    def _number(self, begin: int, end: int) -> int:
        """The number of steps from the second `begin` on and before the second `end`."""
        first = max(-((self._begun - begin) // self._pace), 0)
        return max(-((self._begun - end) // self._pace) - first, 0)

    def _passes(self, day: int) -> Iterator[tuple[int, int]]:
        """While the clocks show that date."""
        year = date.fromordinal(day).year
        return zones.passes(self._zone, year, day - expansion.before(year))

    def _in_year(self, year: int, mask: int, steps: Steps) -> int:
        """The number of occurrences on the dates of `mask`: whole runs of dates at once, where clocks stand still."""
        steps.take()
        before, total = expansion.before(year), 0
        start = self._start.toordinal() - before
        begins = 0b11111 << start - 2 if start > 1 else 0b11111 >> 2 - start  # its date may be another than in UTC
        single = mask & (zones.moving(self._zone, year) | begins)
        for number in expansion.numbers(single):
            steps.take(_A_MOVE)
            total += sum(self._number(*span) for span in zones.passes(self._zone, year, number))
        mask ^= single
        if 86_400 % self._pace == 0:
            return total + mask.bit_count() * (86_400 // self._pace)
        while mask:
            steps.take(_A_RUN)
            low = mask & -mask
            run = mask & ~(mask + low)
            mask ^= run
            first = before + low.bit_length() - 1
            distance = zones.offset(self._zone, datetime.fromordinal(first))
            begin = 86_400 * first - (86_400 * distance.days + distance.seconds)
            total += self._number(begin, begin + 86_400 * run.bit_count())
        return total

    def _at_count(self, count: int, steps: Steps) -> datetime:
        if self._dates is None:
            most = (LATEST - self._start) // self._step
            return self._start + min(count - 1, most) * self._step
        passed = 0
        for year, mask in expansion.masks(self._dates, self._dates.first, _LAST_ORDINAL):
            in_year = self._in_year(year, mask, steps)
            if passed + in_year < count:
                passed += in_year
                continue
            for day in expansion.ordinals(self._dates, year):
                steps.take(2)
                on_that_day = self._on_date(day)
                if passed + on_that_day >= count:
                    return self._start + self._nth_about(day, count - passed) * self._step
                passed += on_that_day
        return self._last

    def _on_date(self, day: int) -> int:
        return sum(self._number(*span) for span in self._passes(day))

    def _nth_about(self, day: int, number: int) -> int:
        """The step at which the occurrence number `number` of a date is, or, where a clock put back over midnight mixes
        dates, of the same place in the order of instants."""
        near = [each for each in (day - 1, day, day + 1) if self._dates and expansion.has(self._dates, each)]
        number += self._on_date(day - 1) if day - 1 in near else 0
        for begin, end in sorted(chain.from_iterable(map(self._passes, near))):
            found = self._number(begin, end)
            if number <= found:
                return max(-((self._begun - begin) // self._pace), 0) + number - 1
            number -= found
        raise ValueError("it was counted on that date")


class _Met:
    """Those of `dates` that steps of `pace` seconds from the second `begun` on meet, whatever the clocks of a zone show
    in a year: a date that an interval of more than a day always misses is none of them."""

    def __init__(self, dates: Dates, zone: ZoneInfo, begun: int, pace: int) -> None:
        self.first, self.desert = dates.first, (0, 0)
        self._dates, self._zone, self._begun, self._pace = dates, zone, begun, pace
        self._cycle = lcm(pace, 86_400) // 86_400
        self._by_offset: dict[timedelta, int] = {}

    def mask(self, year: int) -> int:
        mask = self._dates.mask(year)
        if self._pace <= 86_400 or not mask:
            return mask
        shift = (expansion.before(year) - self.first) % self._cycle
        met = 0
        for distance in zones.offsets(self._zone, year):
            if distance not in self._by_offset:
                self._by_offset[distance] = self._days(distance)
            met |= self._by_offset[distance] >> shift
        return mask & met

    def taken_from(self, year: int) -> int:
        return year

    def _days(self, distance: timedelta) -> int:
        """Days since `first`, again and again: those on which a step falls, at one offset."""
        begun = self._begun + int(distance.total_seconds()) - 86_400 * self.first
        steps = range(begun, begun + 86_400 * self._cycle, self._pace)
        block = 0
        for second in steps:
            block |= 1 << second // 86_400 % self._cycle
        return expansion.repeated(block, self._cycle, self._cycle + 368)


def _limits(rule: Rule, start: datetime, policies: Policies) -> Dates | None:
    """The dates that the rule leaves; None for all of them."""
    if rule.positions and not {1, -1} & set(rule.positions):
        raise never("BYSETPOS chooses from one moment an hour or a minute, so only 1 and -1 are among them")
    if not (rule.months or rule.month_days or rule.year_days or rule.weekdays):
        return None
    days = replace(rule, frequency=Frequency.DAILY, interval=1, positions=(), hours=(0,), minutes=(0,))
    # A day earlier: the zone's clocks may be put back over midnight right after the start.
    return expansion.dates_of(days, datetime.combine(start, time()) - _A_DAY, policies.month_end)
