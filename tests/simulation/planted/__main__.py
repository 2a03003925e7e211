"""`make simulate-planted`: in how many lives each planted bug is found. Fails if one is not found within 200."""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

import pytest

from simulation import script
from simulation.world import live
from tests.simulation.planted.bugs import BUGS

LIVES = 200
YEARS = 0.5


def main() -> int:
    missed = 0
    with ProcessPoolExecutor() as pool:
        for bug, found in zip(BUGS, pool.map(search, range(len(BUGS))), strict=True):
            missed += found is None
            _say(f"{bug.name}: " + (f"found in life {found[0]}: {found[1][:200]}" if found else "NOT FOUND"))
    _say(f"{len(BUGS) - missed} of {len(BUGS)} found within {LIVES} lives of {YEARS:g} years")
    return 1 if missed else 0


def search(number: int) -> tuple[int, str] | None:
    """The first life in which the bug with this number shows, and how."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        BUGS[number].plant(monkeypatch)
        return next(islice(_findings(), 1), None)


def _findings() -> Iterator[tuple[int, str]]:
    for seed in range(LIVES):
        outcome = live(script.of(seed, YEARS))
        if outcome.violations:
            yield seed, outcome.violations[0]


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
