"""A recurrence in English: `Every last Friday of the month at 17:00, Europe/Berlin`.

The sentence says exactly what the rule yields, so two rules that read alike occur alike from the same start on.
What the rule leaves to the start (the day, the time) is said too; the start itself is not.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from itertools import pairwise, product
from zoneinfo import ZoneInfo

from taskbell.calendar import cron
from taskbell.calendar.expansion import chosen, completed, lacking
from taskbell.calendar.rule import (
    SUB_DAILY,
    WEEKDAYS,
    Cron,
    Fold,
    Frequency,
    Gap,
    MonthEnd,
    Policies,
    Rule,
    weekday_order,
)
from taskbell.calendar.series import Series

LONGEST = 1024
"""Characters; a rule of hundreds of days is cut with an ellipsis."""

_MOST_DATES = 4
"""More dates than these are said by their days and months, or by their number."""

_MOST_TIMES = 6
"""More times a day than these are said by their hours and minutes."""

_LEAST_STEPS = 5
"""So many at the same distance are said by that distance."""


def describe(series: Series) -> str:
    """At most LONGEST characters."""
    rule: Rule | None
    if not isinstance(series.rule, Cron):
        rule = series.rule
    elif (rule := cron.as_rule(series.rule)) is None:
        return _joined_parts(_either_day(series.rule), *_beside(None, series), series.zone.key)
    said = _said(rule, series.start, all_day=series.all_day)
    return _joined_parts(said, *_limits(rule, series), *_beside(rule, series), series.zone.key)


def after_completion(zone_name: str, start: datetime | date, rule: Rule, month_end: MonthEnd) -> str:
    """`Every 3 days after completion at 09:00, Europe/Berlin`, of a rule that `completion.refuse` lets pass."""
    at = f" at {start:%H:%M}" if isinstance(start, datetime) and rule.frequency not in SUB_DAILY else ""
    times = () if rule.count is None else (_times_in_all(rule.count),)
    until = rule.until_at.astimezone(ZoneInfo(zone_name)).replace(tzinfo=None) if rule.until_at else rule.until
    last = time(23, 59) if isinstance(start, datetime) else time()
    ends = () if until is None else (f"until {_moment(until, last)}",)
    clamps = month_end is MonthEnd.CLAMP and rule.frequency in {Frequency.MONTHLY, Frequency.YEARLY}
    clamped = (_CLAMPED,) if clamps else ()
    return _joined_parts(f"{_every(rule)} after completion{at}", *times, *ends, *clamped, zone_name)


def _joined_parts(*parts: str) -> str:
    text = ", ".join(parts)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _said(rule: Rule, start: datetime, *, all_day: bool) -> str:
    if rule.frequency in SUB_DAILY:
        return _sub_daily(rule, start)
    full = completed(rule, start)
    times = sorted({60 * hour + minute for hour, minute in product(full.hours, full.minutes)})
    if rule.frequency is Frequency.DAILY and rule.positions:
        times, rule = [times[index] for index in chosen(rule.positions, len(times))], replace(rule, positions=())
    return _days(_plain(rule, start), "" if all_day else _clock(times))


# Hourly and minutely


def _sub_daily(rule: Rule, start: datetime) -> str:
    """`Every 90 minutes from 09:00 on`, `Every 15 minutes, only on Mondays`, `Hourly at 08:00 and 12:00`."""
    if rule.frequency is Frequency.MINUTELY or not rule.minutes:
        rule = replace(rule, positions=())  # of one moment there is a first and a last
    minutes = sorted(set(rule.minutes))
    if rule.positions:
        minutes = [minutes[index] for index in chosen(rule.positions, len(minutes))]
    if not rule.hours and not minutes:
        text = f"{_every(rule)} from {start:%H:%M} on"
    elif rule.interval == 1:
        text = _by_the_clock(
            rule.hours, minutes or (range(60) if rule.frequency is Frequency.MINUTELY else [start.minute])
        )
    else:
        text = _stepping(rule, minutes, start)
    return text + _only(rule)


def _by_the_clock(hours: Sequence[int], minutes: Sequence[int]) -> str:
    if not hours or len(set(hours)) == 24:
        return _each_hour(minutes)
    times = sorted({60 * hour + minute for hour, minute in product(hours, minutes)})
    if windows := _windows(times, least=3):
        return windows[0].upper() + windows[1:]
    if len(times) <= _MOST_TIMES:
        return f"Hourly at {_and(map(_time, times))}"
    return f"Every hour at {_and(_runs(minutes, _minute))} {_in_hours(hours)}"


def _each_hour(minutes: Sequence[int]) -> str:
    distances = {other - one for one, other in pairwise((*minutes, minutes[0] + 60))}
    if len(distances) == 1 and minutes[0] == 0 and len(minutes) > 1:
        [distance] = distances
        return "Every minute" if distance == 1 else f"Every {distance} minutes"
    if len(minutes) >= _LEAST_STEPS and len(steps := {other - one for one, other in pairwise(minutes)}) == 1:
        return f"Every hour, {_distance(steps.pop())} from {_minute(minutes[0])} to {_minute(minutes[-1])}"
    return f"Every hour at {_and(_runs(minutes, _minute))}"


def _stepping(rule: Rule, minutes: Sequence[int], start: datetime) -> str:
    """Of an interval that BYHOUR or BYMINUTE narrows."""
    if not minutes and rule.frequency is Frequency.HOURLY:
        minutes = [start.minute]
    at = f" at {_and(_runs(minutes, _minute))}" if minutes else ""
    hours = f" {_in_hours(rule.hours)}" if rule.hours else ""
    return f"{_every(rule)}{at}{hours}, counted from {start:%H:%M}"


def _in_hours(hours: Sequence[int]) -> str:
    return f"in the hour{'s' if len(hours) > 1 else ''} {_and(_runs(hours, str))}"


def _only(rule: Rule) -> str:
    """The dates to which hours and minutes keep."""
    if rule.month_days or rule.year_days:
        return f", only on {_day_phrase(replace(rule, frequency=Frequency.YEARLY))}"
    if rule.weekdays:
        days = sorted(set(rule.weekdays), key=weekday_order)
        return f", only on {_group(days, 's') or _and(f'{_NAMES[day]}s' for day in days)}{_in_months(rule)}"
    return f", only{_in_months(rule)}" if rule.months else ""


def _either_day(rule: Cron) -> str:
    """Of a date that needs only one of the two: `On the 1st and the 15th and every Monday at 09:00`."""
    weekdays = _each_of([WEEKDAYS[weekday] for weekday in rule.weekdays])
    months = "" if len(rule.months) == 12 else f" in {_and(_MONTHS[month - 1] for month in rule.months)}"
    days = f"on {_and(_days_of_the_month(rule.month_days))} and every {weekdays}{months}"
    if rule.every_hour:
        return f"{_by_the_clock(rule.hours, rule.minutes)}, only {days}"
    times = sorted(60 * hour + minute for hour, minute in product(rule.hours, rule.minutes))
    return f"O{days[1:]}{_clock(times)}"


# Days


def _plain(rule: Rule, start: datetime) -> Rule:
    """A rule that occurs alike and is said more simply, with all that it takes from `start` written out."""
    rule = completed(rule, start)
    if len(set(rule.months)) == 12 and (rule.frequency is not Frequency.YEARLY or not rule.positions):
        monthly = rule.frequency is Frequency.YEARLY and rule.interval == 1
        if monthly or rule.frequency is not Frequency.YEARLY:
            rule = replace(rule, months=(), frequency=Frequency.MONTHLY if monthly else rule.frequency)
    rule = _simpler(rule)
    return replace(
        rule, weekdays=tuple(sorted(set(rule.weekdays), key=weekday_order)), months=tuple(sorted(set(rule.months)))
    )


def _simpler(rule: Rule) -> Rule:
    """Without interval and BYSETPOS the days alone decide, whatever period they are counted in."""
    if rule.interval > 1 or rule.positions or rule.year_days or rule.frequency in SUB_DAILY:
        return rule
    if rule.weekdays and not rule.month_days and not _numbered(rule):
        return replace(rule, frequency=Frequency.WEEKLY)
    if rule.frequency is Frequency.DAILY and not rule.month_days:
        return rule
    if rule.frequency is Frequency.YEARLY and (rule.months or _numbered(rule)):
        return rule  # its numbered days are those of the year
    return replace(rule, frequency=Frequency.YEARLY if rule.months else Frequency.MONTHLY)


def _weekdays_only(rule: Rule) -> bool:
    return bool(rule.weekdays) and not rule.month_days and not rule.year_days


def _numbered(rule: Rule) -> bool:
    return any(len(text) > 3 for text in rule.weekdays)


def _days(rule: Rule, at: str) -> str:
    """`at` is the time of day with what joins it, ` at 09:00`, or nothing."""
    if not rule.positions:
        return (_short(rule) or _long(rule)) + at
    positions = _and(f"the {_worded(each)}" for each in rule.positions)
    if day := _one_kind(rule):
        days = _and(f"the {_worded(each)} {day}" for each in rule.positions)
        return f"{_every(rule)} on {days}{_in_months(rule)}{at}"
    return f"{_every(rule)} on {positions} of these: {_day_phrase(rule)}" + (
        at if at.startswith(",") else f",{at}" * bool(at)
    )


def _one_kind(rule: Rule) -> str | None:
    """What BYSETPOS counts when that is one kind of day, once a day: `weekday`, `Monday or Friday`."""
    if len(rule.hours) * len(rule.minutes) > 1 or not _weekdays_only(rule) or _numbered(rule):
        return None
    return None if rule.frequency is Frequency.WEEKLY else _any_of(rule.weekdays)


# The day, in few words where there are few

_UNITS = {
    Frequency.MINUTELY: "minute",
    Frequency.HOURLY: "hour",
    Frequency.DAILY: "day",
    Frequency.WEEKLY: "week",
    Frequency.MONTHLY: "month",
    Frequency.YEARLY: "year",
}


def _every(rule: Rule) -> str:
    unit = _UNITS[rule.frequency]
    return f"Every {unit}" if rule.interval == 1 else f"Every {rule.interval} {unit}s"


def _short(rule: Rule) -> str | None:
    """Of rules without interval: `Every Monday`, `Every last Friday of the month`, `Every Friday the 13th`."""
    if rule.interval > 1:
        return None
    if rule.frequency is Frequency.WEEKLY:
        return f"Every {_each_of(rule.weekdays)}{_in_months(rule)}"
    if _weekdays_only(rule) and all(len(text) > 3 for text in rule.weekdays):
        return f"Every {_and(_numbered_days(rule.weekdays))} of {_of_what(rule)}"
    if not rule.year_days and len(rule.month_days) == 1 and rule.month_days[0] > 0 and len(rule.weekdays) == 1:
        [weekday], [day] = rule.weekdays, rule.month_days
        if len(weekday) == 3:
            return f"Every {_NAMES[weekday]} the {_ordinal(day)}{_in_months(rule)}"
    dates = [f"{day} {_MONTHS[month - 1]}" for month, day in product(rule.months, rule.month_days) if day > 0]
    only_dates = rule.frequency is Frequency.YEARLY and not rule.weekdays and not rule.year_days
    if only_dates and 0 < len(dates) <= _MOST_DATES and len(dates) == len(rule.months) * len(rule.month_days):
        return f"Every {_and(dates)}"
    return None


def _long(rule: Rule) -> str:
    days = _day_phrase(rule)
    if rule.frequency is Frequency.DAILY:
        return f"{_every(rule)}{f' when it is {days}' if days else _in_months(rule)}"
    return f"{_every(rule)} on {days}"


def _day_phrase(rule: Rule) -> str:
    """`the 1st and the last day of June when it is a Friday`: what stands second narrows what stands first."""
    phrases: list[str] = []
    if rule.year_days:
        phrases.append(f"{_and(_runs(rule.year_days, _year_day))} of the year")
    if rule.month_days:
        phrases.append(_and(_days_of_the_month(rule.month_days)) + _of_months(rule))
    if rule.weekdays:
        phrases.append(_weekday_phrase(rule, alone=not phrases))
    said = rule.frequency is Frequency.YEARLY and (rule.month_days or (_weekdays_only(rule) and _numbered(rule)))
    return " when it is ".join(phrases) + ("" if said else _in_months(rule) if phrases else "") + _weeks_begin(rule)


def _weekday_phrase(rule: Rule, *, alone: bool) -> str:
    if _numbered(rule):
        plain = [f"every {_NAMES[text]}" for text in rule.weekdays if len(text) == 3]
        numbered = [f"the {each}" for each in _numbered_days([text for text in rule.weekdays if len(text) > 3])]
        return f"{_and((*plain, *numbered))} of {_counted_in(rule)}"
    if not alone or rule.frequency is Frequency.DAILY:
        return f"a {_any_of(rule.weekdays)}"
    every = "" if rule.frequency is Frequency.WEEKLY and len(rule.weekdays) < 5 else "every "
    return every + _each_of(rule.weekdays)


def _counted_in(rule: Rule) -> str:
    """Where numbered weekdays are counted."""
    if rule.frequency is Frequency.YEARLY and rule.months and _weekdays_only(rule):
        return _and(_MONTHS[month - 1] for month in rule.months)
    return "the month" if rule.frequency is Frequency.MONTHLY or rule.months else "the year"


def _each_of(weekdays: Sequence[str]) -> str:
    return _group(weekdays) or _and(_NAMES[day] for day in weekdays)


def _any_of(weekdays: Sequence[str]) -> str:
    return _group(weekdays) or _or(_NAMES[day] for day in weekdays)


def _group(weekdays: Sequence[str], plural: str = "") -> str | None:
    known = {WEEKDAYS: "day", WEEKDAYS[:5]: "weekday"}.get(tuple(weekdays))
    if known:
        return known + plural
    [*missing] = set(WEEKDAYS) - set(weekdays)
    return f"day{plural} but {_NAMES[missing[0]]}{plural}" if len(missing) == 1 else None


def _of_what(rule: Rule) -> str:
    if rule.frequency is Frequency.MONTHLY:
        return "the month" + _in_months(rule)
    return _and(_MONTHS[month - 1] for month in rule.months) if rule.months else "the year"


def _of_months(rule: Rule) -> str:
    """A year whose months are not named has the day in every month."""
    if rule.frequency is not Frequency.YEARLY:
        return ""
    return f" of {_and(_MONTHS[month - 1] for month in rule.months) if rule.months else 'every month'}"


def _in_months(rule: Rule) -> str:
    return f" in {_and(_MONTHS[month - 1] for month in rule.months)}" if rule.months else ""


def _weeks_begin(rule: Rule) -> str:
    """It matters where some weeks are left out, or something is counted within a week."""
    matters = rule.frequency is Frequency.WEEKLY and (rule.interval > 1 or rule.positions)
    several = len(rule.weekdays) > 1 or rule.months
    return f" (weeks begin on {_NAMES[rule.week_start]})" if matters and several and rule.week_start != "Mon" else ""


# The time of day


def _clock(times: Sequence[int]) -> str:
    """Minutes of the day, in order: ` at 09:00 and 17:00`, `, every 30 minutes from 09:00 to 17:30`."""
    if windows := _windows(times, least=_LEAST_STEPS):
        return f", {windows}"
    hours, minutes = sorted({each // 60 for each in times}), sorted({each % 60 for each in times})
    if len(times) <= _MOST_TIMES or len(times) < len(hours) * len(minutes):
        return f" at {_and(map(_time, times))}"
    return f" at {_and(_runs(minutes, str))} minutes past the hours {_and(_runs(hours, str))}"


def _windows(times: Sequence[int], least: int) -> str | None:
    """Times of one distance, in one run or, where they are many, in a few: `every hour from 09:00 to 17:00`."""
    distance = min((other - one for one, other in pairwise(times)), default=0)
    runs = [[times[0]]]
    for one, other in pairwise(times):
        if other - one == distance:
            runs[-1].append(other)
        else:
            runs.append([other])
    shortest = min(map(len, runs))
    if len(times) < least or (len(runs) > 1 and (len(times) <= _MOST_TIMES or shortest < 3 or len(runs) > _MOST_DATES)):
        return None
    return f"{_distance(distance)} {_and(f'from {_time(run[0])} to {_time(run[-1])}' for run in runs)}"


def _distance(minutes: int) -> str:
    number, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _minute(minute: int) -> str:
    return f":{minute:02}"


# The end, and what stands beside the rule


def _limits(rule: Rule | None, series: Series) -> Iterator[str]:
    if rule and rule.count:
        yield _times_in_all(rule.count)
    local = rule.until if rule else None
    instants = [at for at in (rule.until_at if rule else None, series.policies.ends_at) if at is not None]
    ends = [at.astimezone(series.zone).replace(tzinfo=None) for at in instants]
    if local or ends:
        yield f"until {_moment(min((*ends, local) if local else ends), _last_time(rule, series))}"


def _last_time(rule: Rule | None, series: Series) -> time:
    """Whoever names a date and a time from this on means the whole date."""
    if series.all_day:
        return time()
    if rule is None or rule.frequency in SUB_DAILY:
        return time(max(rule.hours or (23,)), max(rule.minutes or (59,))) if rule else time(23, 59)
    full = completed(rule, series.start)
    return time(max(full.hours), max(full.minutes))


def _times_in_all(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _moment(until: datetime, last: time) -> str:
    """The date alone where all of that day's times are meant."""
    return _date(until) if until.time() >= last else f"{_date(until)} at {until:%H:%M}"


def _date(local: datetime) -> str:
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


_CLAMPED = "in shorter months on the last day"


def _beside(rule: Rule | None, series: Series) -> Iterator[str]:
    """Only what changes something; `rule` is None for a cron expression that asks for one of two days."""
    policies = series.policies
    if policies.month_end is MonthEnd.CLAMP:
        yield from _clamped(rule, series)
    yield from _clocks(rule, policies)
    if policies.added:
        yield f"and {_listed(policies.added, series)}"
    if policies.excluded:
        yield f"except {_listed(policies.excluded, series)}"
    if moved := sum(each.skipped or each.moved_to is not None for each in policies.overrides):
        yield "one occurrence skipped or moved" if moved == 1 else f"{moved} occurrences skipped or moved"


def _clamped(rule: Rule | None, series: Series) -> Iterator[str]:
    days = completed(rule, series.start) if rule else Rule(Frequency.DAILY, month_days=_cron_days(series.rule))
    if lacking(days):
        last = not days.year_days and all(day > 0 for day in days.month_days)
        yield _CLAMPED if last else "where that day is missing on the one before"


def _cron_days(rule: Rule | Cron) -> tuple[int, ...]:
    return rule.month_days if isinstance(rule, Cron) else ()


def _clocks(rule: Rule | None, policies: Policies) -> Iterator[str]:
    by_instant = rule is not None and rule.frequency in SUB_DAILY
    stepping = rule is not None and by_instant and not rule.hours and not rule.minutes
    if policies.gap is Gap.SKIP and not stepping:
        yield "left out where the clocks skip that time"
    if policies.fold is Fold.BOTH and not by_instant:
        yield "twice where the clocks repeat that time"


def _listed(locals_: Sequence[datetime], series: Series) -> str:
    """A few dates, with their times where a date may have several; of many their number."""
    several = sorted(set(locals_))
    if len(several) > _MOST_DATES:
        return f"{len(several)} dates from {_date(several[0])} to {_date(several[-1])}"
    bare = series.all_day or {each.time() for each in several} == {series.start.time()}
    return f"on {_and(_date(each) if bare else f'{_date(each)} at {each:%H:%M}' for each in several)}"


# Words

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_NAMES = dict(
    zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
_WORDS = ("first", "second", "third", "fourth", "fifth")


def _numbered_days(weekdays: Sequence[str]) -> list[str]:
    """`first Monday`, or of one weekday `first and third Monday`."""
    names = {text[-3:] for text in weekdays}
    if len(names) == 1 and weekdays:
        return [f"{_and(_worded(int(text[:-3])) for text in weekdays)} {_NAMES[names.pop()]}"]
    return [f"{_worded(int(text[:-3]))} {_NAMES[text[-3:]]}" for text in weekdays]


def _days_of_the_month(days: Sequence[int]) -> list[str]:
    """Each day in words; many at one distance as `every 2nd day from the 1st to the 31st`."""
    ordered = sorted(set(days))
    distances = {other - one for one, other in pairwise(ordered)}
    if len(ordered) >= _LEAST_STEPS and ordered[0] > 0 and len(distances) == 1 and distances != {1}:
        return [f"every {_worded(distances.pop())} day from the {_ordinal(ordered[0])} to the {_ordinal(ordered[-1])}"]
    return _runs(days, _month_day)


def _worded(number: int) -> str:
    return _WORDS[number - 1] if 0 < number <= len(_WORDS) else _ordinal(number)


def _ordinal(number: int) -> str:
    """`1st`, `22nd`, `last`, `second to last`, `6th to last`."""
    if number == -1:
        return "last"
    if number < 0:
        return f"{_worded(-number)} to last"
    suffix = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _month_day(day: int) -> str:
    return f"the {_ordinal(day)}" + " day" * (day < 0)


def _year_day(day: int) -> str:
    return f"day {day}" if day > 0 else f"the {_ordinal(day)} day"


def _runs(numbers: Iterable[int], say: Callable[[int], str]) -> list[str]:
    """Each number in words; three and more in a row as `the 7th to the 13th`."""
    ordered = sorted(set(numbers), key=lambda number: (number < 0, number))
    runs: list[list[int]] = []
    for number in ordered:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words: list[str] = []
    for run in runs:
        words += [f"{say(run[0])} to {say(run[-1])}"] if len(run) > 2 else map(say, run)
    return words


def _and(words: Iterable[str]) -> str:
    return _joined(list(words), "and")


def _or(words: Iterable[str]) -> str:
    return _joined(list(words), "or")


def _joined(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
