"""What a recurrence is made of: plain values, checked where they are read (`rfc5545`, `cron`, `taskbell.resources`)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from taskbell.errors import Rejected

WEEKDAYS: tuple[str, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""As people write them in a spec, in the order of datetime.weekday()."""

HIGHEST_INTERVAL = 10_000
HIGHEST_COUNT = 10_000

INVALID_RULE = "InvalidRule"
"""No rule of RFC 5545 or of cron, a number out of range, or parts that exclude each other."""
UNSUPPORTED_PART = "UnsupportedPart"
"""A rule of RFC 5545, of cron or of one of their extensions that Taskbell does not have."""
NEVER_OCCURS = "NeverOccurs"
"""No date of the calendar, up to the year 9998, is one of the rule's."""
EVERYTHING_EXCLUDED = "EverythingExcluded"
"""The rule occurs, and excludedDates leave nothing of it."""
TOO_COSTLY = "TooCostly"
"""An answer would take more steps than a query may; the same on every machine."""
MOVED_TOO_FAR = "MovedTooFar"
"""An override moves an occurrence to or past one of its neighbours."""


class Frequency(StrEnum):
    MINUTELY = "Minutely"
    HOURLY = "Hourly"
    DAILY = "Daily"
    WEEKLY = "Weekly"
    MONTHLY = "Monthly"
    YEARLY = "Yearly"


SUB_DAILY = frozenset({Frequency.MINUTELY, Frequency.HOURLY})
"""Their series run through real time and compare by the instant."""


class MonthEnd(StrEnum):
    """What happens to a day that a month (or to a day 366 that a year) does not have.

    RFC 7529's SKIP=OMIT and SKIP=BACKWARD: left out, or the last day before the place where it would be."""

    SKIP = "Skip"
    CLAMP = "Clamp"


class Gap(StrEnum):
    """A local time that does not exist, where clocks are put forward: the offset before the gap (RFC 5545 3.3.5), so
    02:30 is at 03:30; or left out."""

    LATER = "Later"
    SKIP = "Skip"


class Fold(StrEnum):
    """A local time that exists twice, where clocks are put back: its first instant (RFC 5545 3.3.5), or both."""

    FIRST = "First"
    BOTH = "Both"


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


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression in fields, each of them sorted and whole: what a `*` stands for is written out.

    `weekdays` are datetime.weekday()'s, 0 is Monday. `either_day`: neither day field begins with `*`, so a date needs
    only one of them (crontab(5)). `every_hour`: the hour field begins with `*`; such a rule runs through real time."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    month_days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either_day: bool
    every_hour: bool


@dataclass(frozen=True, slots=True)
class Override:
    """What was decided for one occurrence, known by its nominal local time and fold.

    Skipped, moved to another local time strictly between its neighbours, or, with neither, an occurrence of which only
    the task's fields differ: its date does not."""

    occurrence: datetime
    fold: int = 0
    skipped: bool = False
    moved_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policies:
    """What bends, adds and takes away dates of a rule.

    `added` and `excluded` are nominal local times (midnights in an all-day series); exclusions beat additions. `gap`
    and `fold` concern local times that are asked for; an Hourly or Minutely rule that names neither hours nor minutes
    steps through real time, where there are none, and sub-daily rules run through both hours of a fold. Nothing occurs
    after `ends_at`, whatever its source."""

    month_end: MonthEnd = MonthEnd.SKIP
    gap: Gap = Gap.LATER
    fold: Fold = Fold.FIRST
    added: tuple[datetime, ...] = ()
    excluded: tuple[datetime, ...] = ()
    overrides: tuple[Override, ...] = ()
    ends_at: datetime | None = None


def weekday_order(text: str) -> tuple[bool, int, int]:
    """Sorts `Mon`, `2Tue`, `-1Fri`: plain days, then from the first to the last of their kind."""
    number = int(text[:-3] or 0)
    return number < 0, number, WEEKDAYS.index(text[-3:])


def never(why: str) -> Rejected:
    return Rejected(NEVER_OCCURS, f"recurrence never occurs: {why}")


def invalid(what: str) -> Rejected:
    return Rejected(INVALID_RULE, what)
