"""Hunts for what takes the calendar longest: absurd rules, with all that a manifest may put beside them, asked all that
the operator, the API and the command line ask. Exits with 1 when something takes more than 50 ms of CPU.

What is slow is measured three times without any cache, and the best counts: a busy machine slows down everything.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import resources

from taskbell.calendar import cron, difference, rfc5545, series, wording, zones
from taskbell.calendar.rule import WEEKDAYS, Cron, Override, Policies, Rule
from taskbell.calendar.series import Series
from taskbell.errors import Rejected
from tests.calendar_oracle import F, cron_text, generated_rule, policies

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
MOST_MILLISECONDS = 50
SUSPICIOUS_MILLISECONDS = 8
MOST_DATES, MOST_OVERRIDES = 366, 100
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Case:
    zone: str
    start: datetime
    rule: Rule | Cron
    policies: Policies

    def series(self) -> Series:
        return Series(self.zone, self.start, self.rule, self.policies)


def absurd(seed: int) -> Case:
    """Nobody means it, and anybody may send it."""
    draw = random.Random(seed)  # noqa: S311  (test data)
    names = resources.files("tzdata").joinpath("zones").read_text().split()
    start = datetime(  # noqa: DTZ001  (wall clock)
        draw.choice((1970, 1970, 1990, 2020, 2026, draw.randint(1970, 2990))),
        draw.randint(1, 12), draw.randint(1, 28), draw.randint(0, 23), draw.choice((0, 7, 30)),
    )  # fmt: skip
    rule = cron.parse(cron_text(draw)) if draw.random() < 0.08 else _rule(draw, start)
    beside = replace(
        policies(draw, start, NOW.date()),
        added=_many(draw, start, MOST_DATES),
        excluded=_many(draw, start, MOST_DATES),
        overrides=_overrides(draw, start) if draw.random() < 0.15 else (),
    )
    return Case(draw.choice(names), start, rule, beside)


def _rule(draw: random.Random, start: datetime) -> Rule:
    rule = generated_rule(draw, start)
    odd = draw.choice((24, 25, 168, 1439, 1440, 1441, 1461, 7919, 9973, 9999, 10_000, draw.randint(1, 10_000)))
    full = {"minutes": tuple(range(60)), "hours": tuple(range(24)), "weekdays": WEEKDAYS}
    if rule.frequency is not F.WEEKLY:
        full["month_days"] = tuple(day for day in range(-31, 32) if day)
    if draw.random() < 0.2:
        name = draw.choice(tuple(full))
        rule = replace(rule, **{name: full[name]})  # type: ignore[arg-type]
    return replace(
        rule,
        interval=draw.choice((1, rule.interval, odd)),
        count=draw.choice((None, None, 10_000, draw.randint(1, 10_000))),
        until=None,
    )


def _many(draw: random.Random, start: datetime, most: int) -> tuple[datetime, ...]:
    begin = draw.choice((start, start.replace(year=2026)))
    step = draw.choice((HOUR / 60, HOUR, DAY, 7 * DAY))
    number = draw.choice((0, 0, 0, 1, 5, most))
    return tuple(begin + step * each for each in range(number))


def _overrides(draw: random.Random, start: datetime) -> tuple[Override, ...]:
    dates = _many(draw, start, MOST_OVERRIDES)
    return tuple(
        Override(each, skipped=True) if draw.random() < 0.5 else Override(each, moved_to=each + HOUR / 60)
        for each in dates
    )


def questions(case: Case) -> Iterator[tuple[str, Callable[[], object]]]:
    """In this order: to make it comes first, what is asked then finds it made."""
    yield "make", case.series
    yield "next", lambda: case.series().next_after(NOW)
    yield "next after its own", lambda: case.series().next_after(NOW, local=NOW.replace(tzinfo=None))
    yield "upcoming", lambda: case.series().upcoming(NOW, 10)
    yield "from the beginning", lambda: case.series().upcoming(datetime(1, 1, 3, tzinfo=UTC), 21)
    yield "window", lambda: case.series().between(NOW, NOW + 366 * DAY, 100)
    yield "latest", lambda: case.series().last_until(NOW)
    yield "missed", lambda: case.series().count_between(NOW - 31 * DAY, NOW)
    yield "missed since 1970", lambda: case.series().count_between(datetime(1970, 1, 1, tzinfo=UTC), NOW)
    yield "words", lambda: wording.describe(case.series())
    yield "written", lambda: rfc5545.written(case.series())
    later = replace(case, start=case.start + HOUR)
    yield "difference", lambda: difference.difference(case.series(), later.series(), NOW)


def milliseconds(case: Case) -> dict[str, tuple[float, str]]:
    """Question → CPU time, and the reason where it was refused."""
    zones.zone(case.zone)
    forget()
    found: dict[str, tuple[float, str]] = {}
    for name, ask in questions(case):
        begun, reason = time.process_time(), ""
        try:
            ask()
        except Rejected as refusal:
            reason = refusal.reason
        found[name] = 1000 * (time.process_time() - begun), reason
    return found


def forget() -> None:
    for module in (series, zones):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()


def best(seed: int) -> dict[str, tuple[float, str]]:
    case = absurd(seed)
    found = milliseconds(case)
    if max(found.values())[0] < SUSPICIOUS_MILLISECONDS:
        return found
    several = (found, milliseconds(case), milliseconds(case))
    return {name: min(each[name] for each in several) for name in found}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    worst: dict[str, tuple[float, str, int]] = {}
    end, seed = time.monotonic() + options.seconds, options.seed
    while time.monotonic() < end:
        for name, (took, reason) in best(seed).items():
            worst[name] = max(worst.get(name, (0.0, "", 0)), (took, reason, seed))
        seed += 1
    sys.stdout.write(f"{seed - options.seed} cases from seed {options.seed} on, CPU milliseconds at the worst\n")
    for name, (took, reason, number) in sorted(worst.items(), key=lambda each: -each[1][0]):
        sys.stdout.write(f"  {name:<20} {took:>6.1f} ms  seed {number}  {reason}\n")
    return max(took for took, _, _ in worst.values()) > MOST_MILLISECONDS


if __name__ == "__main__":
    sys.exit(main())
