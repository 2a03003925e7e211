"""The calendar against brute force: generated rules, expanded day by day and minute by minute by other means.

    python -m tests.calendar_oracle --rules 20000 --seed 1

Nothing here uses dateutil or the engine's own parts: dates are Python's, sets are sets, and a local time's instants are
found by trying the offsets of the days around it. Every rule is asked for a window of occurrences, for the latest and
the number of them, and cron expressions likewise. Prints what differs with its seed, and exits with 1 if anything does.
"""

import argparse
import random
import sys
import time
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from taskbell.calendar import cron as crons
from taskbell.calendar.rule import Cron, Fold, Frequency, Gap, MonthEnd, Policies, Rule
from taskbell.calendar.series import Series
from taskbell.errors import Rejected

ZONES = (
    "Australia/Lord_Howe", "Pacific/Apia", "Asia/Beirut", "Europe/Dublin", "America/Santiago", "Antarctica/Troll",
    "America/Sao_Paulo", "Atlantic/Azores", "America/New_York", "America/St_Johns", "Etc/UTC",
)  # fmt: skip
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
A_DAY = timedelta(days=1)
F = Frequency
SPANS = {F.MINUTELY: 2, F.HOURLY: 12, F.DAILY: 120, F.WEEKLY: 300, F.MONTHLY: 900, F.YEARLY: 2200}
"""Days of the window that is compared, by frequency."""


class Found(NamedTuple):
    at: datetime
    local: datetime
    fold: int


# Brute force


def instants(zone: ZoneInfo, local: datetime) -> list[datetime]:
    """All instants at which a clock in `zone` shows `local`, in order."""
    offsets = {_offset_at(zone, local + shift) for shift in (-A_DAY, A_DAY)}
    tried = sorted({(local - offset).replace(tzinfo=UTC) for offset in offsets})
    return [at for at in tried if at.astimezone(zone).replace(tzinfo=None, fold=0) == local]


def _offset_at(zone: ZoneInfo, about: datetime) -> timedelta:
    return about.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()


def placed(zone: ZoneInfo, local: datetime, policies: Policies, *, both: bool) -> list[Found]:
    there = instants(zone, local)
    if not there:
        before = (local - _offset_at(zone, local - A_DAY)).replace(tzinfo=UTC)
        return [] if policies.gap is Gap.SKIP else [Found(before, local, 0)]
    return [Found(at, local, fold) for fold, at in enumerate(there[: 2 if both else 1])]


def month_day(year: int, month: int, day: int, month_end: MonthEnd) -> date | None:
    length = monthrange(year, month)[1]
    number = day if day > 0 else length + 1 + day
    if 1 <= number <= length:
        return date(year, month, number)
    if month_end is MonthEnd.SKIP:
        return None
    return date(year, month, length) if number > length else date(year, month, 1) - A_DAY


def year_day(year: int, day: int, month_end: MonthEnd) -> date | None:
    first, last = date(year, 1, 1), date(year, 12, 31)
    found = first + (day - 1) * A_DAY if day > 0 else last + (day + 1) * A_DAY
    if first <= found <= last:
        return found
    if month_end is MonthEnd.SKIP:
        return None
    return last if found > last else first - A_DAY


def named(day: date, text: str, *, in_month: bool) -> bool:
    if DAYS[day.weekday()] != text[-3:]:
        return False
    if len(text) == 3:
        return True
    number = int(text[:-3])
    step = 7 * A_DAY if number > 0 else -7 * A_DAY
    other, place = day, 0
    while other.year == day.year and (not in_month or other.month == day.month):
        place += 1
        other -= step
    return place == abs(number)


@lru_cache(maxsize=64)
def chosen(rule: Rule, start: datetime, month_end: MonthEnd, year: int, month: int) -> frozenset[date]:
    """The dates of a year, or of one month where `month` is not 0, that all BY* parts leave."""
    months = (month,) if month else rule.months or tuple(range(1, 13))
    if month and rule.months and month not in rule.months:
        return frozenset()
    month_days, weekdays = rule.month_days, rule.weekdays
    if not month_days and not weekdays and not rule.year_days:
        if rule.frequency is F.WEEKLY:
            weekdays = (DAYS[start.weekday()],)
        elif rule.frequency in {F.MONTHLY, F.YEARLY}:
            month_days = (start.day,)
            if rule.frequency is F.YEARLY:
                months = rule.months or (start.month,)
    if month_days:
        tried = {month_day(year, each, day, month_end) for each in months for day in month_days}
        dates = {each for each in tried if each is not None}
    else:
        dates = {date(year, each, day) for each in months for day in range(1, monthrange(year, each)[1] + 1)}
    if rule.year_days:
        of_year = {year_day(year, day, month_end) for day in rule.year_days}
        spilled = {date(year - 1, 12, 31)} & of_year
        if not rule.months or 12 in rule.months:
            dates |= spilled if not month_days or 31 in month_days or -1 in month_days else set()
        dates &= of_year
    in_month = bool(rule.months) or rule.frequency is F.MONTHLY
    return frozenset(
        each for each in dates if not weekdays or any(named(each, text, in_month=in_month) for text in weekdays)
    )


def limited(rule: Rule, start: datetime, month_end: MonthEnd, day: date) -> bool:
    return any(day in chosen(rule, start, month_end, year, 0) for year in (day.year, day.year + 1))


def periods(rule: Rule, start: datetime, first: date, last: date, month_end: MonthEnd) -> Iterator[list[date]]:
    """The dates of every period of days or longer that touches the window, in order."""
    match rule.frequency:
        case F.WEEKLY:
            yield from _weeks(rule, start, first, last, month_end)
        case F.YEARLY:
            for year in range(first.year, last.year + 2):
                if (year - start.year) % rule.interval == 0:
                    yield sorted(chosen(rule, start, month_end, year, 0))
        case F.MONTHLY:
            for number in range(12 * first.year + first.month - 1, 12 * last.year + last.month + 1):
                if (number - 12 * start.year - start.month + 1) % rule.interval == 0:
                    yield sorted(chosen(rule, start, month_end, number // 12, number % 12 + 1))
        case _:
            for day in (first + each * A_DAY for each in range((last - first).days + 1)):
                if (day - start.date()).days % rule.interval == 0 and limited(rule, start, month_end, day):
                    yield [day]


def _weeks(rule: Rule, start: datetime, first: date, last: date, month_end: MonthEnd) -> Iterator[list[date]]:
    begin = start.date()
    while DAYS[begin.weekday()] != rule.week_start:
        begin -= A_DAY
    monday = begin + (first - begin).days // 7 * timedelta(days=7)
    while monday <= last:
        if (monday - begin).days // 7 % rule.interval == 0:
            week = [monday + day * A_DAY for day in range(7)]
            yield [day for day in week if limited(rule, start, month_end, day)]
        monday += timedelta(days=7)


def at_positions(moments: list[datetime], positions: tuple[int, ...]) -> list[datetime]:
    if not positions:
        return moments
    wanted = {each - 1 if each > 0 else len(moments) + each for each in positions}
    return [each for index, each in enumerate(moments) if index in wanted]


def local_times(rule: Rule, start: datetime, first: date, last: date, month_end: MonthEnd) -> Iterator[datetime]:
    """Nominal local times in the window, from the start on."""
    if rule.frequency in {F.MINUTELY, F.HOURLY}:
        yield from _sub_daily(rule, start, first, last, month_end)
        return
    times = [(hour, minute) for hour in rule.hours or (start.hour,) for minute in rule.minutes or (start.minute,)]
    for dates in periods(rule, start, first, last, month_end):
        moments = [datetime(day.year, day.month, day.day, *each) for day in dates for each in sorted(times)]  # noqa: DTZ001
        yield from (each for each in at_positions(moments, rule.positions) if each >= start)


def _sub_daily(rule: Rule, start: datetime, first: date, last: date, month_end: MonthEnd) -> Iterator[datetime]:
    step = 60 if rule.frequency is F.HOURLY else 1
    origin = start.replace(minute=0) if step == 60 else start
    hour = datetime(first.year, first.month, first.day)  # noqa: DTZ001
    while hour.date() <= last:
        minutes = range(60) if step == 1 else rule.minutes or (start.minute,)
        moments = [hour.replace(minute=minute) for minute in sorted(minutes)]
        if (not rule.hours or hour.hour in rule.hours) and limited(rule, start, month_end, hour.date()):
            if step == 60:
                fits = (hour - origin) // timedelta(hours=1) % rule.interval == 0
                yield from (each for each in at_positions(moments, rule.positions) if fits and each >= start)
            else:
                yield from (
                    each
                    for each in moments
                    if (each - origin) // timedelta(minutes=1) % rule.interval == 0
                    and (not rule.minutes or each.minute in rule.minutes)
                    and at_positions([each], rule.positions)
                    and each >= start
                )
        hour += timedelta(hours=1)


def real_time(case: "Case", rule: Rule, first: date, last: date) -> Iterator[Found]:
    start, zone, month_end = case.start, ZoneInfo(case.zone), case.policies.month_end
    begin = (instants(zone, start) or [(start - _offset_at(zone, start - A_DAY)).replace(tzinfo=UTC)])[0]
    step = timedelta(minutes=rule.interval * (60 if rule.frequency is F.HOURLY else 1))
    lowest = datetime(first.year, first.month, first.day, tzinfo=UTC) - A_DAY
    at = begin + max(0, (lowest - begin) // step) * step
    while at < datetime(last.year, last.month, last.day, tzinfo=UTC) + 2 * A_DAY:
        shown = at.astimezone(zone)
        if at_positions([start], rule.positions) and limited(rule, start, month_end, shown.date()):
            yield Found(at, shown.replace(tzinfo=None, fold=0), shown.fold)
        at += step


def walk(case: "Case", first: date, last: date) -> list[Found]:
    """Everything in a window of dates; the outer day on each side may be incomplete."""
    zone, rule, policies = ZoneInfo(case.zone), case.rule, case.policies
    by_instant = rule.every_hour if isinstance(rule, Cron) else rule.frequency in {F.MINUTELY, F.HOURLY}
    both = by_instant or policies.fold is Fold.BOTH
    if isinstance(rule, Rule) and by_instant and not rule.hours and not rule.minutes:
        found = set(real_time(case, rule, first, last))
    else:
        locals_ = (
            cron_times(rule, case.start, first, last, policies.month_end)
            if isinstance(rule, Cron)
            else local_times(rule, case.start, first, last, policies.month_end)
        )
        found = {each for local in locals_ for each in placed(zone, local, policies, both=both)}
    if by_instant:
        found = _one_an_instant(zone, found)
    if isinstance(rule, Rule) and rule.until is not None:
        found = {each for each in found if each.local <= rule.until}
    ordered = sorted(found)
    if isinstance(rule, Rule) and rule.count is not None:
        ordered = ordered[: rule.count]
    return sorted(_with_dates(case, zone, ordered, by_instant=by_instant, both=both))


def _one_an_instant(zone: ZoneInfo, found: Iterable[Found]) -> set[Found]:
    """Of two at one instant the one whose local time the clock then shows."""
    kept: dict[datetime, Found] = {}
    for each in sorted(found):
        shown = each.at.astimezone(zone).replace(tzinfo=None, fold=0)
        if each.at not in kept or shown == each.local:
            kept[each.at] = each
    return set(kept.values())


def _with_dates(case: "Case", zone: ZoneInfo, found: list[Found], *, by_instant: bool, both: bool) -> set[Found]:
    policies = case.policies

    def same(one: Found, other: Found) -> bool:
        return one.at == other.at if by_instant else (one.local, one.fold) == (other.local, other.fold)

    plain = Policies()
    excluded = [each for local in policies.excluded for each in placed(zone, local, plain, both=True)]
    added = [each for local in policies.added for each in placed(zone, local, policies, both=both)]
    result = {each for each in found if not any(same(each, other) for other in excluded)}
    for each in added:
        if not any(same(each, other) for other in (*result, *excluded)):
            result.add(each)
    return result


def cron_times(rule: Cron, start: datetime, first: date, last: date, month_end: MonthEnd) -> Iterator[datetime]:
    moment = datetime(first.year, first.month, first.day)  # noqa: DTZ001
    while moment.date() <= last:
        tried = {month_day(moment.year, moment.month, day, month_end) for day in rule.month_days}
        days = moment.date() in tried, moment.weekday() in rule.weekdays
        if moment.month not in rule.months or not (any(days) if rule.either_day else all(days)):
            moment += A_DAY
            continue
        for hour in rule.hours:
            for minute in rule.minutes:
                if (local := moment.replace(hour=hour, minute=minute)) >= start:
                    yield local
        moment += A_DAY


# Generated cases


@dataclass(frozen=True)
class Case:
    zone: str
    start: datetime
    rule: Rule | Cron
    policies: Policies
    first: date
    text: str = ""


@lru_cache(maxsize=32)
def moves(name: str) -> tuple[date, ...]:
    """The dates, 1990 to 2110, on which the clocks of a zone move."""
    zone, days = ZoneInfo(name), [date(1990, 1, 1) + n * A_DAY for n in range(44_000)]
    noons = [_offset_at(zone, datetime(day.year, day.month, day.day)) for day in days]  # noqa: DTZ001
    return tuple(day for day, one, other in zip(days, noons, noons[1:], strict=False) if one != other) or (days[9000],)


def generated(draw: random.Random) -> Case:
    zone = draw.choice(ZONES)
    rule: Rule | Cron
    start = datetime(draw.randint(1990, 2100), draw.randint(1, 12), 1) + draw.randint(0, 30) * A_DAY  # noqa: DTZ001
    if draw.random() < 0.3:
        move = draw.choice(moves(zone))
        start = datetime(move.year, move.month, move.day) - draw.randint(0, 3) * A_DAY  # noqa: DTZ001
    start = start.replace(hour=draw.choice((0, 0, 1, 2, 3, 9, 23)), minute=draw.choice((0, 0, 15, 30, 45, 59)))
    is_cron = draw.random() < 0.15
    rule = crons.parse(cron_text(draw)) if is_cron else generated_rule(draw, start)
    counted = isinstance(rule, Rule) and rule.count is not None
    first = start.date()
    if not counted and draw.random() < 0.7:
        first += draw.randint(0, 3650) * A_DAY
        near = [each for each in moves(zone) if each >= first]
        if near and draw.random() < 0.6:
            first = max(first, near[0] - draw.randint(0, 2) * A_DAY)
    first = min(first, date(2109, 1, 1))
    return Case(zone, start, rule, policies(draw, start, first), first)


def policies(draw: random.Random, start: datetime, first: date) -> Policies:
    noon = datetime(first.year, first.month, first.day, start.hour, start.minute)  # noqa: DTZ001

    def dates() -> tuple[datetime, ...]:
        if draw.random() < 0.6:
            return ()
        return tuple({noon + draw.randint(0, 40) * A_DAY for _ in range(draw.randint(1, 6))})

    return Policies(
        month_end=draw.choice((MonthEnd.SKIP, MonthEnd.CLAMP)),
        gap=draw.choice((Gap.LATER, Gap.LATER, Gap.SKIP)),
        fold=draw.choice((Fold.FIRST, Fold.FIRST, Fold.BOTH)),
        added=dates(),
        excluded=dates(),
    )


def generated_rule(draw: random.Random, start: datetime) -> Rule:
    frequency = draw.choice(tuple(F))
    long = frequency in {F.MONTHLY, F.YEARLY}

    def some(values: Iterable[int], chance: float, most: int = 3) -> tuple[int, ...]:
        pool = tuple(values)
        return tuple(sorted(draw.sample(pool, min(len(pool), draw.randint(1, most))))) if draw.random() < chance else ()

    months = some(range(1, 13), 0.25)
    numbers = (1, 2, 5, -1, -2) if frequency is F.MONTHLY or months else (1, 20, 53, -1, -53)
    texts = [*DAYS, *(f"{number}{day}" for number in numbers for day in DAYS)] if long else list(DAYS)
    weekdays = tuple(draw.sample(texts, draw.randint(1, 3))) if draw.random() < 0.4 else ()
    month_days = () if frequency is F.WEEKLY else some([n for n in range(-31, 32) if n], 0.3, 10)
    yearly = frequency in {F.YEARLY, F.HOURLY, F.MINUTELY}
    year_days = some((1, 59, 60, 61, 200, 365, 366, -1, -60, -200, -365, -366), 0.15) if yearly else ()
    hours, minutes = some(range(24), 0.3), some(range(60), 0.3)
    anything = bool(months or weekdays or month_days or year_days or hours or minutes)
    positions = (
        tuple(draw.sample((1, 2, 3, -1, -2, -3), draw.randint(1, 2))) if anything and draw.random() < 0.2 else ()
    )
    ends = draw.random()
    interval = draw.choice((1, 1, 1, 2, 3, 5, 7, draw.choice((12, 18, 24, 25, 90, 100, 300, 1440))))
    return Rule(
        frequency,
        interval=min(interval, 20) if long else interval,
        weekdays=weekdays,
        month_days=month_days,
        months=months,
        year_days=year_days,
        hours=hours,
        minutes=minutes,
        positions=positions,
        week_start=draw.choice(("Mon", "Mon", "Sun", "Wed")),
        count=draw.randint(1, 30) if ends < 0.15 else None,
        until=start + draw.randint(0, 4000) * A_DAY if 0.15 <= ends < 0.25 else None,
    )


def cron_text(draw: random.Random) -> str:
    def one(low: int, high: int) -> str:
        kind = draw.randint(0, 6)
        if kind < 3:
            return "*" if kind else f"*/{draw.choice((2, 3, 7, 15))}"
        if kind == 3:
            begin = draw.randint(low, high)
            return f"{begin}-{draw.randint(begin, high)}" + draw.choice(("", "/2", "/5"))
        return ",".join(str(draw.randint(low, high)) for _ in range(draw.randint(1, 3)))

    limits = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    return " ".join(one(*each) for each in limits)


# Comparison


def differences(case: Case, kinds: Counter[str]) -> Iterator[str]:
    """What engine and brute force do not agree on; `kinds` counts what was compared."""
    span = 20 if isinstance(case.rule, Cron) else SPANS[case.rule.frequency]
    if isinstance(case.rule, Rule) and case.rule.count is not None:
        span *= 4
    last = min(case.first + span * A_DAY, date(2110, 12, 31))
    begin = datetime(case.first.year, case.first.month, case.first.day, tzinfo=UTC) - A_DAY
    end = datetime(last.year, last.month, last.day, tzinfo=UTC)
    expected = [each for each in walk(case, case.first - 3 * A_DAY, last + 3 * A_DAY) if begin < each.at <= end]
    try:
        series = Series(case.zone, case.start, case.rule, case.policies)
    except Rejected as refusal:
        rule_only = Case(
            case.zone, case.start, case.rule, Policies(case.policies.month_end, case.policies.gap), case.first
        )
        left = expected if refusal.reason == "EverythingExcluded" else walk(rule_only, case.first, last)
        if left:
            yield f"refused ({refusal.reason}), and yet there is {left[0]}"
        kinds["refused"] += 1
        return
    found = [Found(each.at, each.local, each.fold) for each in series.between(begin, end, 100_000)]
    kinds["occurrences"] += len(expected)
    if found != expected:
        extra, missing = sorted(set(found) - set(expected))[:3], sorted(set(expected) - set(found))[:3]
        yield f"window: too many {extra}, missing {missing}, in order: {found == sorted(found)}"
        return
    if (counted := series.count_between(begin, end)) != len(expected):
        yield f"counted {counted}, there are {len(expected)}"
    latest = series.last_until(end, begin)
    if (latest and Found(latest.at, latest.local, latest.fold)) != (expected[-1] if expected else None):
        yield f"latest {latest}, not {expected[-1:]}"
    for each in expected[:: max(1, len(expected) // 3)]:
        known = series.find(each.local, each.fold)
        if known is None or known.at != each.at:
            yield f"{each} is not found by its local time, but {known}"
    for one, other in pairwise(expected[:40]):
        following = series.next_after(one.at - timedelta(microseconds=1), local=one.local, fold=one.fold)
        if following is None or Found(following.at, following.local, following.fold) != other:
            yield f"after {one} comes {following}, not {other}"
            break


def run(rules: int, seed: int) -> tuple[Counter[str], list[str]]:
    """How many of each kind were compared, and what differed."""
    kinds: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(rules):
        case = generated(random.Random(f"{seed}/{number}"))  # noqa: S311  (test data)
        kinds["cron" if isinstance(case.rule, Cron) else case.rule.frequency.value] += 1
        wrong += [f"seed {seed}/{number}: {each}\n  {case}" for each in differences(case, kinds)]
    return kinds, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rules", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun = time.monotonic()
    kinds, wrong = run(arguments.rules, arguments.seed)
    for each in wrong[:20]:
        sys.stdout.write(each + "\n")
    said = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{arguments.rules} rules ({said}) in {seconds:.0f} s: {len(wrong)} differences\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
