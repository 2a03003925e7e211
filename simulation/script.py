"""What will happen to a world, as a value made from a seed: it can be shortened, and happens again as it was.

Most of the time nothing goes wrong, and users do what is their habit. Now and then comes a storm: users and faults, all
at once, around one schedule. Some time after each storm the world is at rest, and everything has to hold.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from simulation.faults import Fault, any_fault, death
from simulation.gestures import DAY_SECONDS, Close, DeleteTask, Gesture, any_gesture, opening

SCHEDULES = 5
DAYS_BETWEEN_STORMS = 8.0
SETTLING_SECONDS = 45 * 60.0
"""After the last fault of a storm: longer than any back-off, bound and jump of a clock."""


@dataclass(frozen=True, slots=True)
class Move:
    """A user's; `at`: seconds since the beginning."""

    at: float
    act: Gesture


@dataclass(frozen=True, slots=True)
class Strike:
    """Something goes wrong at `at`, seconds since the beginning."""

    at: float
    act: Fault


Step = Move | Strike


@dataclass(frozen=True, slots=True)
class Script:
    """`openings` are the specs of the schedules there are at the beginning, `rests` when all has to be well, seconds
    since the beginning; `habits`: whether users close what is due without being told to; `absent`: the numbers
    of schedules that never come to be; `replicas` of the operator."""

    seed: int
    begin: datetime
    openings: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...]
    rests: tuple[float, ...]
    habits: bool = True
    absent: frozenset[int] = frozenset()
    replicas: int = 1


def of(seed: int, years: float) -> Script:
    """The life number `seed`, so many years long."""
    random = Random(f"{seed}")
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=random.randrange(365), minutes=random.randrange(1440))
    openings = tuple(opening(random, begin) for _ in range(SCHEDULES))
    steps: list[Step] = []
    rests: list[float] = []
    now, end = 3600.0, years * 365 * DAY_SECONDS
    while now < end:
        storm = _storm(random, now)
        steps += storm
        rests.append(_settled(storm))
        now = rests[-1] + random.expovariate(1 / DAYS_BETWEEN_STORMS) * DAY_SECONDS
    replicas = random.choice((1, 1, 2))
    return Script(seed, begin, openings, tuple(steps), (*rests, max(end, rests[-1] + 3600)), replicas=replicas)


def _storm(random: Random, begin: float) -> list[Step]:
    number = random.randrange(SCHEDULES)
    spread = random.choice((0.01, 1.0, 30.0, 1200.0, 30_000.0))

    def moment() -> float:
        return begin + random.random() * spread * random.choice((0.01, 0.1, 1.0, 1.0))

    faults = [Strike(moment(), any_fault(random, number)) for _ in range(random.choice((0, 1, 1, 2, 3, 5)))]
    # Most begin with what makes things move.
    moves = [Move(begin, Close(number) if random.random() < 0.75 else DeleteTask(number))]
    for _ in range(random.choice((0, 1, 2, 3, 5, 8))):
        whose = number if random.random() < 0.85 else random.randrange(SCHEDULES)
        at = moment() if random.random() < 0.5 or not faults else _amid(random, random.choice(faults))
        moves.append(Move(at, any_gesture(random, whose)))
    # The operator dies best while it is at work on what somebody has just done.
    deaths = [Strike(random.choice(moves).at - 0.0001, death(random)) for _ in range(random.choice((0, 0, 1, 1, 2)))]
    return sorted((*faults, *moves, *deaths), key=lambda step: step.at)


def _amid(random: Random, strike: Strike) -> float:
    return strike.at + random.random() ** 2 * max(strike.act.seconds, 0.01)


def _settled(storm: list[Step]) -> float:
    over = [step.at + step.act.seconds if isinstance(step, Strike) else step.at for step in storm]
    return max(over) + SETTLING_SECONDS
