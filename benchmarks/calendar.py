"""The next occurrence, beside python-dateutil's `rrule.after`, croniter and cronsim, in one run.

Prints a table of ratios (how many times our time the peer takes), the cost of rules that were made to be costly, and
what misses its bar; exits with 1 if anything does. Repetitions are interleaved and their medians compared, so that a
busy machine slows both. Everything is parsed beforehand on both sides; the costly rules are not, and find no cache.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim
from dateutil import rrule

from taskbell.calendar import cron, rfc5545, series, zones
from taskbell.calendar.rule import HIGHEST_COUNT, Policies
from taskbell.calendar.series import Series
from taskbell.errors import Rejected

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 10, 7, tzinfo=UTC)
BACK = {"today": timedelta(hours=1), "5 years": timedelta(days=5 * 365), "30 years": timedelta(days=30 * 365)}
MOST_SECONDS = 2.0
"""For all repetitions of one slow peer; the slowest are measured once."""

RULES = (
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=HOURLY",
    "FREQ=HOURLY;BYHOUR=8,11,14,17",
    "FREQ=MINUTELY;INTERVAL=15",
    "FREQ=MINUTELY",
)
CRONS = ("0 9 * * *", "*/15 * * * *", "30 8 * * 1-5", "0 0 1 * *", "0 0 1,15 * 1", "0 12 29 2 *", "5 4 * * 0")


@dataclass(frozen=True)
class Row:
    name: str
    ours: float
    peer: float

    @property
    def ratio(self) -> float:
        return self.peer / self.ours


def interleaved(ours: Callable[[], object], peer: Callable[[], object], repetitions: int = 41) -> tuple[float, float]:
    """Median seconds of both, taken in turns."""
    first = seconds(peer)
    repetitions = max(1, min(repetitions, int(MOST_SECONDS / max(first, 1e-9))))
    times = [(seconds(ours), seconds(peer) if repetitions > 1 else first) for _ in range(repetitions)]
    return statistics.median(own for own, _ in times), statistics.median(theirs for _, theirs in times)


def seconds(call: Callable[[], object]) -> float:
    """Of one call; of several where one would be too short to be measured."""
    begun = time.perf_counter()
    call()
    once = time.perf_counter() - begun
    number = min(50, int(0.001 / max(once, 1e-9)))
    if number < 2:
        return once
    begun = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - begun) / number


def dateutil_next(rule: rrule.rrule) -> Callable[[], tuple[datetime, int]]:
    """What a caller needs: the local time, whether it is ambiguous or missing, and the instant."""
    local_now = NOW.astimezone(ZONE).replace(tzinfo=None)

    def found() -> tuple[datetime, int]:
        local = rule.after(local_now)
        assert local is not None  # noqa: S101
        aware = local.replace(tzinfo=ZONE)
        moves = aware.utcoffset() != aware.replace(fold=1).utcoffset()
        return aware.astimezone(UTC), int(moves)

    return found


def against_dateutil() -> Iterator[tuple[str, Row]]:
    for since, distance in BACK.items():
        for text in RULES:
            start = (NOW - distance).astimezone(ZONE).replace(tzinfo=None)
            if "BYMONTHDAY=29" in text:
                start = start.replace(month=1, day=1)
            own, theirs = Series(ZONE.key, start, rfc5545.parse(text)), rrule.rrulestr(text, dtstart=start)
            peer = dateutil_next(theirs)  # type: ignore[arg-type]
            first = own.next_after(NOW)
            sub_daily = "HOURLY" in text or "MINUTELY" in text  # ours run through real time, so hours can differ
            assert first is not None and (sub_daily or first.at == peer()[0]), text  # noqa: S101, PT018
            yield since, Row(text, *interleaved(lambda own=own: own.next_after(NOW), peer))  # type: ignore[misc]


def against_crons() -> Iterator[tuple[str, Row]]:
    start = (NOW - BACK["5 years"]).astimezone(ZONE).replace(tzinfo=None)
    local_now = NOW.astimezone(ZONE)
    for text in CRONS:
        own = Series(ZONE.key, start, cron.parse(text))
        peers = {
            "croniter": lambda text=text: croniter(text, local_now).get_next(datetime),
            "cronsim": lambda text=text: next(CronSim(text, local_now)),
        }
        for name, peer in peers.items():
            yield name, Row(text, *interleaved(lambda own=own: own.next_after(NOW), peer))  # type: ignore[misc]


def upcoming() -> Row:
    start = (NOW - BACK["5 years"]).astimezone(ZONE).replace(tzinfo=None)
    own = Series(ZONE.key, start, rfc5545.parse("FREQ=WEEKLY;BYDAY=MO,FR"))
    theirs = rrule.rrulestr("FREQ=WEEKLY;BYDAY=MO,FR", dtstart=start)
    local_now = NOW.astimezone(ZONE).replace(tzinfo=None)

    def peer() -> list[datetime]:
        return [each.replace(tzinfo=ZONE).astimezone(UTC) for each in islice(theirs.xafter(local_now), 10)]

    return Row("FREQ=WEEKLY;BYDAY=MO,FR, 10 upcoming", *interleaved(lambda: own.upcoming(NOW, 10), peer))


def bombs() -> Iterator[tuple[str, Callable[[], object]]]:
    long_ago = datetime(1990, 1, 1, 9)  # noqa: DTZ001

    def asked(text: str, start: datetime = long_ago, policies: Policies = series.PLAIN) -> Callable[[], object]:
        def ask() -> object:
            rule = rfc5545.parse(text) if "=" in text else cron.parse(text)
            mine = Series("America/New_York", start, rule, policies or Policies())
            return (
                mine.next_after(NOW),
                mine.upcoming(NOW, 10),
                mine.last_until(NOW),
                mine.count_between(mine_start, NOW),
            )

        mine_start = start.replace(tzinfo=UTC)
        return ask

    for frequency in ("MINUTELY", "HOURLY", "DAILY"):
        text = f"FREQ={frequency};BYMONTH=2;BYMONTHDAY=30"
        yield text, asked(text)
    yield "FREQ=MINUTELY from 1990", asked("FREQ=MINUTELY")
    yield "FREQ=MINUTELY;BYHOUR=9,17 from 1990", asked("FREQ=MINUTELY;BYHOUR=9,17")
    yield "FREQ=MINUTELY;INTERVAL=7;BYHOUR=9 from 1990", asked("FREQ=MINUTELY;INTERVAL=7;BYHOUR=9")
    yield "FREQ=HOURLY;BYDAY=MO,TU from 1990", asked("FREQ=HOURLY;BYDAY=MO,TU")
    for frequency in ("DAILY", "HOURLY", "MINUTELY", "YEARLY"):
        yield f"FREQ={frequency};COUNT=10000 from 1990", asked(f"FREQ={frequency};COUNT={HIGHEST_COUNT}")
    yield "FREQ=DAILY;BYHOUR=2,3;COUNT=10000", asked(f"FREQ=DAILY;BYHOUR=2,3;COUNT={HIGHEST_COUNT}")
    yield "FREQ=HOURLY;BYDAY=MO;COUNT=10000", asked(f"FREQ=HOURLY;BYDAY=MO;COUNT={HIGHEST_COUNT}")
    few = tuple(long_ago + timedelta(minutes=n) for n in range(366))
    yield (
        "FREQ=MINUTELY;COUNT=366, everything excluded",
        asked("FREQ=MINUTELY;COUNT=366", policies=Policies(excluded=few)),
    )
    yield (
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29 before 2100",
        asked(
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
            datetime(2097, 1, 1),  # noqa: DTZ001
        ),
    )
    text = "FREQ=DAILY;INTERVAL=9999;BYDAY=MO;BYMONTH=2;BYMONTHDAY=29"
    yield text, asked(text)
    today = NOW.replace(tzinfo=None, hour=9, minute=0)
    days = tuple(today + timedelta(days=n) for n in range(366))
    yield "FREQ=DAILY with 366 exclusions", asked("FREQ=DAILY", policies=Policies(excluded=days))
    yield "FREQ=WEEKLY;BYDAY=MO;INTERVAL=7;BYSETPOS=2", asked("FREQ=WEEKLY;BYDAY=MO;INTERVAL=7;BYSETPOS=2")
    yield "FREQ=HOURLY;INTERVAL=168;BYDAY=SA", asked("FREQ=HOURLY;INTERVAL=168;BYDAY=SA")
    yield "FREQ=MINUTELY;INTERVAL=9999;BYMINUTE=1", asked("FREQ=MINUTELY;INTERVAL=9999;BYMINUTE=1")
    for text in ("0 0 30 2 *", "0 0 29 2 1"):
        yield f"cron {text}", asked(text)


def costs() -> Iterator[tuple[str, float, str]]:
    """CPU milliseconds from the text to ten dates and a count, the median of three, without any cache."""
    for name, ask in bombs():
        taken, answer = [], ""
        for _ in range(3):
            forget()
            begun = time.process_time()
            try:
                ask()
                answer = "answers"
            except Rejected as refusal:
                answer = refusal.reason
            taken.append(1000 * (time.process_time() - begun))
        yield name, statistics.median(taken), answer


def forget() -> None:
    for module in (series, zones):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()


def main() -> int:
    missed: list[str] = []

    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def bar(what: str, value: float, least: float) -> None:
        verdict = "" if value >= least else "   MISSED"
        say(f"  {what}: {value:.2f}, at least {least}{verdict}")
        if verdict:
            missed.append(what)

    tables: dict[str, list[Row]] = {}
    say(f"{'times as long as ours':>60}  {'ours':>9}  {'peer':>11}")
    for group, row in (*against_dateutil(), *against_crons(), ("upcoming", upcoming())):
        tables.setdefault(group, []).append(row)
        say(f"{group:<9} {row.name:<42} {row.ratio:>8.1f}  {1e6 * row.ours:>6.1f} µs  {1e6 * row.peer:>8.1f} µs")
    ratios = {group: [row.ratio for row in rows] for group, rows in tables.items()}
    say("bars")
    bar("30 years back, median", statistics.median(ratios["30 years"]), 50)
    bar("30 years back, worst", min(ratios["30 years"]), 10)
    bar("5 years back, median", statistics.median(ratios["5 years"]), 10)
    bar("from today, worst", min(ratios["today"]), 0.5)
    bar("croniter, worst", min(ratios["croniter"]), 1)
    bar("cronsim, worst", min(ratios["cronsim"]), 0.5)
    say("costly rules, CPU")
    found = list(costs())
    for name, milliseconds, answer in found:
        say(f"  {name:<58} {milliseconds:>6.1f} ms  {answer}")
    bar("worst costly rule: 50 ms to it", 50 / max(milliseconds for _, milliseconds, _ in found), 1)
    say(f"missed: {', '.join(missed)}" if missed else "all bars are met")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
