"""A recurrence in English: `Every last Friday of the month at 17:00, Europe/Berlin`.

The sentence says exactly what the rule yields, so two rules that read alike occur alike from the same start on.
What the rule leaves to the start (the day, the time) is said too; the start itself is not.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from itertools import product

from taskbell.calendar import cron
from taskbell.calendar.expansion import completed
from taskbell.calendar.rule import SUB_DAILY, WEEKDAYS, Cron, Frequency, MonthEnd, Rule, weekday_order
from taskbell.calendar.series import Series
from taskbell.calendar.zones import zone

LONGEST = 1024
"""Characters; a rule of hundreds of days is cut with an ellipsis."""

_MOST_DATES = 4
"""More dates a year than these are said by their days and months."""

_MOST_TIMES = 6
"""More times a day than these are said by their hours and minutes."""


def describe(series: Series) -> str:
    """At most LONGEST characters."""
    if isinstance(series.rule, Cron):
        alike = cron.as_rule(series.rule)
        parts: tuple[str, ...] = (
            _either_day(series.rule) if alike is None else _said(alike, series.start),
            series.zone.key,
        )
    else:
        rule = _plain(series.rule, series.start)
        parts = (_said(series.rule, series.start), *_limits(rule, series), series.zone.key)
    text = ", ".join(part for part in parts if part)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def after_completion(zone_name: str, start: datetime | date, rule: Rule, month_end: MonthEnd) -> str:
    """`Every 3 days after completion at 09:00, Europe/Berlin`, of a rule that `completion.refuse` lets pass."""
    at = f" at {start:%H:%M}" if isinstance(start, datetime) and rule.frequency not in SUB_DAILY else ""
    parts = [f"{_every(rule)} after completion{at}"]
    if rule.count:
        parts.append("once" if rule.count == 1 else f"{rule.count} times")
    if until := rule.until_at.astimezone(zone(zone_name)).replace(tzinfo=None) if rule.until_at else rule.until:
        parts.append(f"until {_moment(until, time(23, 59))}")
    if month_end is MonthEnd.CLAMP and rule.frequency in {Frequency.MONTHLY, Frequency.YEARLY}:
        parts.append("a day that a month lacks on its last")
    return ", ".join((*parts, zone_name))


def _said(rule: Rule, start: datetime) -> str:
    return _sub_daily(rule, start) if rule.frequency in SUB_DAILY else _days(_plain(rule, start))


def _sub_daily(rule: Rule, start: datetime) -> str:
    """`Every 90 minutes from 09:00 on`, `Every hour at :15 and :45 in the hours 9 to 16 when it is Monday`."""
    text = _every(rule)
    if not rule.hours and not rule.minutes:
        text += f" from {start:%H:%M} on"
    elif rule.minutes or rule.frequency is Frequency.HOURLY:
        minutes = rule.minutes or (start.minute,)
        chosen = f"{_and(f'the {_ordinal(each)}' for each in rule.positions)} of " if rule.positions else ""
        text += f" at {chosen}{_and(_runs(minutes, lambda minute: f':{minute:02}'))}"
    elif rule.interval > 1:
        text += f" from {start:%H:%M} on"
    if rule.hours:
        text += f" in the hour{'s' if len(rule.hours) > 1 else ''} {_and(_runs(rule.hours, str))}"
    if rule.interval > 1 and rule.minutes:
        text += f", counted from {start:%H:%M}"
    days = replace(rule, frequency=Frequency.DAILY)
    phrase = _day_phrase(days)
    return text + (f" when it is {phrase}" if phrase else _in_months(days))


def _either_day(rule: Cron) -> str:
    """Of a date that needs only one of the two: `On the 1st and the 15th, and on every Monday, at 09:00`."""
    times = Rule(Frequency.DAILY, hours=rule.hours, minutes=rule.minutes)
    weekdays = _each_of([WEEKDAYS[weekday] for weekday in rule.weekdays])
    months = "" if len(rule.months) == 12 else f" in {_and(_MONTHS[month - 1] for month in rule.months)}"
    return f"On {_and(_runs(rule.month_days, _month_day))}, and on every {weekdays},{months} at {_times(times)}"


def _plain(rule: Rule, start: datetime) -> Rule:
    """A rule that occurs alike and is said more simply, with all that it takes from `start` written out."""
    rule = _simpler(completed(rule, start))
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


def _days(rule: Rule) -> str:
    if not rule.positions:
        return f"{_short(rule) or _long(rule)} at {_times(rule)}"
    positions = _and(f"the {_ordinal(each)}" for each in rule.positions)
    if rule.frequency is Frequency.DAILY:
        return f"{_long(rule)} at {positions} of {_times(rule)}"
    if day := _one_kind(rule):
        days = _and(f"the {_ordinal(each)} {day}" for each in rule.positions)
        return f"{_every(rule)} on {days}{_in_months(rule)} at {_times(rule)}"
    return f"{_every(rule)} on {positions} of these: {_day_phrase(rule)}, at {_times(rule)}"


def _one_kind(rule: Rule) -> str | None:
    """What BYSETPOS counts when that is one kind of day, once a day: `the last weekday`, `the 2nd Monday or Friday`."""
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
    """Of rules without interval: `Every Monday`, `Every last Friday of the month`, `Every 29 February`."""
    if rule.interval > 1:
        return None
    if rule.frequency is Frequency.WEEKLY:
        return f"Every {_each_of(rule.weekdays)}{_in_months(rule)}"
    if _weekdays_only(rule) and all(len(text) > 3 for text in rule.weekdays):
        return f"Every {_and(_numbered_day(text) for text in rule.weekdays)} of {_of_what(rule)}"
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
    """`the 1st and the last day of June when it is Friday`: what stands second narrows what stands first."""
    phrases: list[str] = []
    if rule.year_days:
        phrases.append(f"{_and(_runs(rule.year_days, _year_day))} of the year")
    if rule.month_days:
        phrases.append(_and(_runs(rule.month_days, _month_day)) + _of_months(rule))
    if rule.weekdays:
        phrases.append(_weekday_phrase(rule, alone=not phrases))
    said = rule.month_days and rule.frequency is Frequency.YEARLY
    return " when it is ".join(phrases) + ("" if said else _in_months(rule) if phrases else "") + _weeks_begin(rule)


def _weekday_phrase(rule: Rule, *, alone: bool) -> str:
    if _numbered(rule):
        names = _and(f"the {_numbered_day(t)}" if len(t) > 3 else f"every {_NAMES[t]}" for t in rule.weekdays)
        return f"{names} of {'the month' if rule.frequency is Frequency.MONTHLY or rule.months else 'the year'}"
    if not alone or rule.frequency is Frequency.DAILY:
        return _any_of(rule.weekdays)
    every = "" if rule.frequency is Frequency.WEEKLY and len(rule.weekdays) < 5 else "every "
    return every + _each_of(rule.weekdays)


def _each_of(weekdays: Sequence[str]) -> str:
    return _group(weekdays) or _and(_NAMES[day] for day in weekdays)


def _any_of(weekdays: Sequence[str]) -> str:
    return _group(weekdays) or _or(_NAMES[day] for day in weekdays)


def _group(weekdays: Sequence[str]) -> str | None:
    return {WEEKDAYS: "day", WEEKDAYS[:5]: "weekday"}.get(tuple(weekdays))


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


# The time of day, the end, and words


def _times(rule: Rule) -> str:
    if len(rule.hours) * len(rule.minutes) <= _MOST_TIMES:
        return _and(f"{hour:02}:{minute:02}" for hour, minute in product(rule.hours, rule.minutes))
    hours = "every hour" if len(rule.hours) == 24 else f"the hours {_and(_runs(rule.hours, str))}"
    return f"{_and(_runs(rule.minutes, str))} minutes past {hours}"


def _limits(rule: Rule, series: Series) -> Iterable[str]:
    if rule.count:
        yield "once" if rule.count == 1 else f"{rule.count} times"
    until = rule.until_at.astimezone(series.zone).replace(tzinfo=None) if rule.until_at else rule.until
    if until:
        last = time(max(rule.hours or (23,)), max(rule.minutes or (59,)))
        yield f"until {_moment(until, last)}"


def _moment(until: datetime, last: time) -> str:
    """The date alone where all of that day's times are meant."""
    date = f"{until.day} {_MONTHS[until.month - 1]} {until.year}"
    return date if until.time() >= last else f"{date} at {until:%H:%M}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_NAMES = dict(
    zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
_WORDS = ("first", "second", "third", "fourth", "fifth")


def _numbered_day(text: str) -> str:
    """`first Monday`; a plain day as it is."""
    number, name = text[:-3], _NAMES[text[-3:]]
    return f"{_worded(int(number))} {name}" if number else name


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
