"""Cron expressions of five fields, as crontab(5) of Vixie's cron means them: `0 9 * * Mon-Fri`, `@daily`.

Where neither day field begins with `*`, a date needs only one of the two. What other schedulers add (`?`, `L`, `W`,
`#`, seconds, years) is refused with what to write instead.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from taskbell.calendar.rule import INVALID_RULE, UNSUPPORTED_PART, WEEKDAYS, Cron, Frequency, Rule
from taskbell.errors import Rejected

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class _Field(NamedTuple):
    name: str
    lowest: int
    highest: int
    names: Mapping[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 7, {day.lower(): number % 7 for number, day in enumerate(WEEKDAYS, 1)}),
)

_INSTEAD = {
    "?": "write * in its place",
    "L": "for a month's last day use rrule: FREQ=MONTHLY;BYMONTHDAY=-1, for its last Friday BYDAY=-1FR",
    "W": "for the last working day use rrule: FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "#": "for the second Tuesday use rrule: FREQ=MONTHLY;BYDAY=2TU",
}
"""What Quartz and its kin have → what to write here."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    values: tuple[int, ...]
    star: bool


def parse(text: str) -> Cron:
    """`text` as a cron rule; names in letters of either case, 0 and 7 are both Sunday.

    Raises Rejected: InvalidRule or UnsupportedPart."""
    words = _expanded(text).split()
    if len(words) != len(_FIELDS):
        raise _invalid(
            f"has {len(words)} fields: there are five, minute, hour, day of the month, month and day of the week, "
            "as in 30 9 * * Mon-Fri"
        )
    minutes, hours, days, months, weekdays = (_read(field, word) for field, word in zip(_FIELDS, words, strict=True))
    return Cron(
        minutes=minutes.values,
        hours=hours.values,
        month_days=days.values,
        months=months.values,
        weekdays=tuple(sorted({(number - 1) % 7 for number in weekdays.values})),
        either_day=not days.star and not weekdays.star,
        every_hour=hours.star,
    )


def as_rule(cron: Cron) -> Rule | None:
    """The rule of RFC 5545 that occurs alike; None for one that needs only one of two days, which is a union of two.
    Where one of the two is every day, so is the union.

    Of a star in the hour field it becomes Hourly, so that it too runs through both hours of a fold."""
    every_day, every_weekday = len(cron.month_days) == 31, len(cron.weekdays) == 7
    if cron.either_day and not every_day and not every_weekday:
        return None
    return Rule(
        Frequency.HOURLY if cron.every_hour else Frequency.DAILY,
        weekdays=() if every_weekday or cron.either_day else tuple(WEEKDAYS[weekday] for weekday in cron.weekdays),
        month_days=() if every_day or cron.either_day else cron.month_days,
        months=() if len(cron.months) == 12 else cron.months,
        hours=() if len(cron.hours) == 24 and cron.every_hour else cron.hours,
        minutes=cron.minutes,
    )


def _expanded(text: str) -> str:
    """Macros written out."""
    word = text.strip().lower()
    if word == "@reboot":
        raise _unsupported("has @reboot, which is no time: a schedule knows no machine that starts, so write when")
    if word.startswith("@") and word not in MACROS:
        raise _invalid(f"has {text.strip()!r}: there are {', '.join(MACROS)}")
    return MACROS.get(word, text)


def _read(field: _Field, word: str) -> _Parsed:
    _refuse_extensions(field, word)
    values: set[int] = set()
    for part in word.split(","):
        values |= set(_range(field, part))
    return _Parsed(tuple(sorted(values)), word.startswith("*"))


def _refuse_extensions(field: _Field, word: str) -> None:
    plain = re.sub(r"[A-Za-z]{3,}", "", word).upper()
    for sign, instead in _INSTEAD.items():
        if sign in plain:
            raise _unsupported(f"has {sign} in its {field.name}, which is not supported: {instead}")


def _range(field: _Field, part: str) -> range:
    match = re.fullmatch(r"(?:(\*)|([^-/]+)(?:-([^-/]+))?)(?:/([^/]*))?", part)
    if match is None:
        raise _invalid(
            f"has {part!r} in its {field.name}: write *, a number, a range as 1-5, a step as */15 or 0-30/10, or "
            "several of them with commas and without spaces"
        )
    star, first, last, step = match.groups()
    lowest = field.lowest if star else _number(field, first)
    highest = field.highest if star else _number(field, last) if last else lowest
    if step is not None and not last and not star:
        raise _invalid(f"has {part!r} in its {field.name}: a step needs a range, as in {first}-{field.highest}/{step}")
    if star and field.highest == 7:
        highest = 6  # Sunday is 0 already
    if last and highest == 0 and lowest > 0 and field.highest == 7:
        highest = 7  # Fri-Sun
    if highest < lowest:
        raise _invalid(f"has {part!r} in its {field.name}: its range runs backwards, so write two with a comma")
    return range(lowest, highest + 1, _step(field, step))


def _number(field: _Field, text: str) -> int:
    number = field.names.get(text.lower())
    if number is None and re.fullmatch(r"\d{1,4}", text, re.ASCII):
        number = int(text)
    if number is None or not field.lowest <= number <= field.highest:
        names = f", or {' '.join(field.names)}" if field.names else ""
        raise _invalid(
            f"has {text!r} in its {field.name}: use a whole number from {field.lowest} to {field.highest}{names}"
        )
    return number


def _step(field: _Field, text: str | None) -> int:
    if text is None:
        return 1
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or int(text) == 0:
        raise _invalid(f"has the step {text!r} in its {field.name}: it has to be a whole number from 1 on")
    return int(text)


def _invalid(what: str) -> Rejected:
    return Rejected(INVALID_RULE, f"recurrence.cron {what}")


def _unsupported(what: str) -> Rejected:
    return Rejected(UNSUPPORTED_PART, f"recurrence.cron {what}")
