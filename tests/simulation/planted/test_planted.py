"""The simulator can fail: each planted bug shows in the life pinned for it (make simulate-planted: in any 200)."""

import pytest

from simulation import script
from simulation.world import live
from tests.simulation.planted.bugs import BUGS, Bug

PINNED = [pytest.param(bug, bug.shows, id=bug.name) for bug in BUGS if bug.shows]


@pytest.mark.parametrize(("bug", "shows"), PINNED)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, bug: Bug, shows: tuple[int, float]) -> None:
    life = script.of(*shows)
    bug.plant(monkeypatch)
    assert live(life).violations
