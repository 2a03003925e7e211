"""Recurrence rules as RFC 5545 3.3.10 writes them: `FREQ=MONTHLY;BYDAY=-1FR;COUNT=10`.

No part is ever passed over: what is not supported here, and what the RFC forbids beside something else, is refused.
In one thing we are laxer than the RFC, because calendars are: UNTIL may be a date, all of whose day is meant.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from taskbell.calendar import cron, zones
from taskbell.calendar.expansion import completed, lacking
from taskbell.calendar.rule import (
    HIGHEST_COUNT,
    HIGHEST_INTERVAL,
    INVALID_RULE,
    SUB_DAILY,
    UNSUPPORTED_PART,
    WEEKDAYS,
    Cron,
    Fold,
    Frequency,
    Gap,
    MonthEnd,
    Rule,
    weekday_order,
)
from taskbell.calendar.series import Series
from taskbell.errors import Rejected

UNSUPPORTED = {
    "BYSECOND": "a task is due at a whole minute",
    "BYWEEKNO": "choose days by BYMONTH, BYDAY or BYYEARDAY",
    "BYEASTER": "it is no part of RFC 5545",
    "RSCALE": "only the Gregorian calendar is known",
    "SKIP": "set monthEnd: Clamp beside the rule for a month's last day in place of one it lacks",
}
"""Part → why it is not there, or what to write instead."""
UNSUPPORTED_FREQUENCIES = ("SECONDLY",)

Parts = Mapping[str, str]
"""Name → value, both in upper case."""


def parse(text: str, *, floating: bool = False) -> Rule:
    """`text` as a rule; letters of either case, parts in any order.

    UNTIL becomes an aware instant, or, where it is a date, the last minute of that local day. With `floating`, for a
    start that has no time zone, it has to be a local time instead (RFC 5545 3.3.10: the same type as DTSTART).
    Raises Rejected: InvalidRule or UnsupportedPart."""
    parts = _split(text)
    frequency = _frequency(parts)
    for forbidden in _FORBIDDEN:
        forbidden(frequency, parts)
    fields = {field: read(part, parts[part]) for part, (field, read) in _READERS.items() if part in parts}
    if "UNTIL" in parts:
        fields.update(_until(parts["UNTIL"], floating=floating))
    _refuse_high_numbers(fields.get("weekdays", ()), yearly=frequency is Frequency.YEARLY and "BYMONTH" not in parts)
    return Rule(frequency, **fields)


@dataclass(frozen=True, slots=True)
class Written:
    """A series as RFC 5545 writes it, or why it cannot: one of the two is set."""

    rrule: str | None = None
    why_not: str | None = None


def written(series: Series) -> Written:
    """The one RRULE that, from the same start in the same zone, occurs as `series` does; never an approximation."""
    rule = cron.as_rule(series.rule) if isinstance(series.rule, Cron) else series.rule
    if rule is None:
        return Written(why_not="cron asks for one of two days here, and the parts of an RRULE all have to hold")
    if why_not := _beside(rule, series):
        return Written(why_not=why_not)
    ends_at = series.policies.ends_at
    ending = rule if ends_at is None else _ended(rule, ends_at, series)
    text = render(ending, series.zone, all_day=series.all_day)
    last = ending.until_at or (ending.until and zones.place(series.zone, ending.until, fold=1))
    if last is None:
        return Written(text)
    if not _EARLIEST_UNTIL <= last < _LATEST_UNTIL:
        return Written(why_not="its end lies outside the years 1970 to 2999")
    if ending.until is not None and not _ends_alike(series, text, last):
        return Written(why_not="its end lies where the clocks are moved: RFC 5545 ends at an instant, until at a time")
    return Written(text)


def render(rule: Rule, zone: ZoneInfo, *, all_day: bool = False) -> str:
    """`rule` as RFC 5545 writes it: what `parse` reads back is the same rule, but for a local `until`, which becomes
    the instant that it is in `zone`, or in an all-day series its date (RFC 5545 3.3.10: the type of DTSTART)."""
    until_at = rule.until_at
    if rule.until is not None:
        until_at = zones.place(zone, rule.until, fold=1)
    until = f"{until_at.astimezone(UTC):%Y%m%dT%H%M%SZ}" if until_at else ""
    if all_day and rule.until is not None:
        until = f"{rule.until:%Y%m%d}"
    values = {
        "FREQ": rule.frequency.upper(),
        "INTERVAL": str(rule.interval) if rule.interval > 1 else "",
        "COUNT": str(rule.count or ""),
        "UNTIL": until,
        "BYMONTH": _list(rule.months),
        "BYYEARDAY": _list(rule.year_days),
        "BYMONTHDAY": _list(rule.month_days),
        "BYDAY": _list(f"{text[:-3]}{text[-3:-1].upper()}" for text in rule.weekdays),
        "BYHOUR": _list(rule.hours),
        "BYMINUTE": _list(rule.minutes),
        "BYSETPOS": _list(rule.positions),
        "WKST": rule.week_start[:2].upper() if rule.week_start != "Mon" else "",
    }
    return ";".join(f"{name}={value}" for name, value in values.items() if value)


_EARLIEST_UNTIL, _LATEST_UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
_A_DAY = timedelta(days=1)


def _beside(rule: Rule, series: Series) -> str | None:
    """What stands beside the rule and changes its dates."""
    policies, by_instant = series.policies, rule.frequency in SUB_DAILY
    if policies.month_end is not MonthEnd.SKIP and lacking(completed(rule, series.start)):
        return "RFC 5545 leaves out a day that a month lacks; monthEnd: Clamp is RFC 7529's SKIP=BACKWARD"
    if policies.gap is not Gap.LATER and (rule.hours or rule.minutes or not by_instant):
        return "RFC 5545 puts a time that does not exist later; dst.gap: Skip leaves it out"
    if policies.fold is not Fold.FIRST and not by_instant:
        return "RFC 5545 takes the first of two equal times; dst.fold: Both takes both"
    if policies.excluded:
        return "an RRULE has no excludedDates: iCalendar writes them beside it, as EXDATE"
    if policies.added:
        return "an RRULE has no additionalDates: iCalendar writes them beside it, as RDATE"
    if policies.overrides:
        return "an RRULE has no overrides: iCalendar writes each as an event of its own, with RECURRENCE-ID"
    if policies.ends_at is not None and rule.count is not None:
        return "it ends by count and by endsAt, and RFC 5545 forbids COUNT and UNTIL together"
    return None


def _ended(rule: Rule, ends_at: datetime, series: Series) -> Rule:
    """`rule`, whose end is the earlier of its own and `ends_at`."""
    if series.all_day:
        last_day = datetime.combine(ends_at.astimezone(series.zone), time(23, 59))
        return replace(rule, until=min(rule.until or last_day, last_day))
    own = rule.until_at or (rule.until and zones.place(series.zone, rule.until, fold=1))
    return rule if own and own <= ends_at else replace(rule, until=None, until_at=ends_at)


def _ends_alike(series: Series, text: str, last: datetime) -> bool:
    day = last.astimezone(series.zone).toordinal()
    if all(zones.regular(series.zone, each) for each in (day - 1, day, day + 1)):
        return True
    start = series.start.date() if series.all_day else series.start
    read = Series(series.zone.key, start, parse(text))
    window = last - 2 * _A_DAY, last + 2 * _A_DAY
    return series.between(*window, at_most=_MANY) == read.between(*window, at_most=_MANY)


_MANY = 4 * 1440
"""Occurrences in four days, at the most."""


def _split(text: str) -> Parts:
    parts: dict[str, str] = {}
    for part in text.upper().split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise _invalid(f"has {part!r}: every part is a name and a value, as in FREQ=WEEKLY;BYDAY=MO,FR")
        if name in parts:
            raise _invalid(f"has {name} twice: keep one, with all of its values")
        if name in UNSUPPORTED:
            raise _unsupported(f"has {name}, which is not supported: {UNSUPPORTED[name]}")
        if name not in _READERS and name not in {"FREQ", "UNTIL"}:
            raise _invalid(f"has the unknown part {name!r}: there are FREQ, UNTIL, {', '.join(_READERS)}")
        parts[name] = value
    return parts


def _frequency(parts: Parts) -> Frequency:
    value = parts.get("FREQ")
    if value in UNSUPPORTED_FREQUENCIES:
        raise _unsupported(f"has FREQ={value}, which is not supported: {FREQUENCIES_SENTENCE}")
    if value not in _FREQUENCIES:
        raise _invalid(f"has FREQ={value}: {FREQUENCIES_SENTENCE}" if value else f"has no FREQ: {FREQUENCIES_SENTENCE}")
    return _FREQUENCIES[value]


_FREQUENCIES = {frequency.upper(): frequency for frequency in Frequency}
FREQUENCIES_SENTENCE = "use MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY"


def _count_and_until(_frequency: Frequency, parts: Parts) -> None:
    if "COUNT" in parts and "UNTIL" in parts:
        raise _invalid("has COUNT and UNTIL, which exclude each other: keep one")


def _positions_alone(_frequency: Frequency, parts: Parts) -> None:
    if "BYSETPOS" in parts and not any(name.startswith("BY") for name in parts.keys() - {"BYSETPOS"}):
        raise _invalid("has BYSETPOS alone: it chooses from what another part such as BYDAY yields, so add one")


def _days_of_the_month_weekly(frequency: Frequency, parts: Parts) -> None:
    if "BYMONTHDAY" in parts and frequency is Frequency.WEEKLY:
        raise _invalid("has BYMONTHDAY, which RFC 5545 forbids with FREQ=WEEKLY: use FREQ=MONTHLY, or BYDAY")


def _days_of_the_year(frequency: Frequency, parts: Parts) -> None:
    if "BYYEARDAY" in parts and frequency not in SUB_DAILY | {Frequency.YEARLY}:
        raise _invalid(f"has BYYEARDAY, which RFC 5545 forbids with FREQ={frequency.upper()}: use FREQ=YEARLY")


_NUMBERED = {Frequency.MONTHLY, Frequency.YEARLY}


def _numbered_weekdays(frequency: Frequency, parts: Parts) -> None:
    if re.search(r"\d", parts.get("BYDAY", "")) and frequency not in _NUMBERED:
        raise _invalid("has numbered days in BYDAY, which need FREQ=MONTHLY or YEARLY: leave the numbers out")


_FORBIDDEN: tuple[Callable[[Frequency, Parts], None], ...] = (
    _count_and_until,
    _positions_alone,
    _days_of_the_month_weekly,
    _days_of_the_year,
    _numbered_weekdays,
)


def _refuse_high_numbers(weekdays: tuple[str, ...], *, yearly: bool) -> None:
    if not yearly and any(abs(int(text[:-3] or 0)) > 5 for text in weekdays):
        raise _invalid("has a day numbered above 5 in BYDAY: no month has a sixth one; only a whole year has")


def _number(part: str, value: str, lowest: int, highest: int) -> int:
    if not re.fullmatch(r"\d{1,6}", value, re.ASCII) or not lowest <= int(value) <= highest:
        raise _invalid(f"has {part}={value}: it has to be a whole number from {lowest} to {highest}")
    return int(value)


def _interval(part: str, value: str) -> int:
    return _number(part, value, 1, HIGHEST_INTERVAL)


def _count(part: str, value: str) -> int:
    return _number(part, value, 1, HIGHEST_COUNT)


def _until(value: str, *, floating: bool) -> dict[str, datetime]:
    match = re.fullmatch(r"((?:19[7-9]\d|2\d{3})\d{4})(?:T(\d{6})(Z?))?", value, re.ASCII)
    if match is None or (match[2] and bool(match[3]) is floating):
        raise _invalid(f"has UNTIL={value}: {_UNTIL_FLOATING if floating else _UNTIL_IN_UTC}")
    try:
        until = datetime.strptime(match[1] + (match[2] or "235900"), "%Y%m%d%H%M%S")  # noqa: DTZ007  (wall clock)
    except ValueError as error:
        raise _invalid(f"has UNTIL={value}, which is no date and time: choose one that exists") from error
    return {"until_at": until.replace(tzinfo=UTC)} if match[3] else {"until": until}


_UNTIL_IN_UTC = "a schedule has a time zone, so write an instant in UTC, as in 20301231T235959Z, or a date"
_UNTIL_FLOATING = "its start has no time zone, so write a local time, as in 20301231T235959, or a date"


def _numbers(lowest: int, highest: int) -> Callable[[str, str], tuple[int, ...]]:
    def read(part: str, value: str) -> tuple[int, ...]:
        return tuple(sorted({_number(part, text, lowest, highest) for text in value.split(",")}))

    return read


def _signed_numbers(highest: int) -> Callable[[str, str], tuple[int, ...]]:
    def read(part: str, value: str) -> tuple[int, ...]:
        return tuple(sorted({_signed(part, text, highest) for text in value.split(",")}, key=lambda n: (n < 0, n)))

    return read


def _signed(part: str, text: str, highest: int) -> int:
    match = re.fullmatch(r"([+-]?)(\d{1,3})", text, re.ASCII)
    if not match or not 1 <= int(match[2]) <= highest:
        raise _invalid(
            f"has {text} in {part}: its numbers go from 1 to {highest} and, from the end, from -1 to -{highest}"
        )
    return int(text)


_DAYS = {day[:2].upper(): day for day in WEEKDAYS}


def _weekdays(part: str, value: str) -> tuple[str, ...]:
    return tuple(sorted({_weekday(part, text) for text in value.split(",")}, key=weekday_order))


def _weekday(part: str, text: str) -> str:
    match = re.fullmatch(r"([+-]?\d{1,2})?([A-Z]{2})", text, re.ASCII)
    if not match or match[2] not in _DAYS:
        raise _invalid(f"has {text!r} in {part}: write days as MO, TU, WE, TH, FR, SA, SU, or numbered as 2TU and -1FR")
    number = _signed(part, match[1], 53) if match[1] else ""
    return f"{number}{_DAYS[match[2]]}"


def _week_start(part: str, value: str) -> str:
    if value not in _DAYS:
        raise _invalid(f"has {part}={value}: use MO, TU, WE, TH, FR, SA or SU")
    return _DAYS[value]


_READERS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "INTERVAL": ("interval", _interval),
    "COUNT": ("count", _count),
    "BYDAY": ("weekdays", _weekdays),
    "BYMONTHDAY": ("month_days", _signed_numbers(31)),
    "BYYEARDAY": ("year_days", _signed_numbers(366)),
    "BYMONTH": ("months", _numbers(1, 12)),
    "BYHOUR": ("hours", _numbers(0, 23)),
    "BYMINUTE": ("minutes", _numbers(0, 59)),
    "BYSETPOS": ("positions", _signed_numbers(366)),
    "WKST": ("week_start", _week_start),
}
"""Part → field of `Rule`, and how its value is read."""


def _list(values: Iterable[object]) -> str:
    return ",".join(map(str, values))


def _invalid(what: str) -> Rejected:
    return Rejected(INVALID_RULE, f"recurrence.rrule {what}")


def _unsupported(what: str) -> Rejected:
    return Rejected(UNSUPPORTED_PART, f"recurrence.rrule {what}")
