"""The simulator can fail: each planted bug shows in the life pinned for it or, as every change of the code moves some,
in another one (make simulate-planted: all lives anew)."""

import pytest

from simulation import script
from simulation.world import live
from tests.simulation.planted.__main__ import LIVES
from tests.simulation.planted.bugs import BUGS, Bug

PINNED = [pytest.param(bug, bug.shows, id=bug.name) for bug in BUGS if bug.shows]


@pytest.mark.timeout(180)  # where it has moved
@pytest.mark.parametrize(("bug", "shows"), PINNED)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, bug: Bug, shows: tuple[int, float]) -> None:
    pinned, years = shows
    bug.plant(monkeypatch)
    assert any(live(script.of(seed, years)).violations for seed in (pinned, *range(LIVES)))
