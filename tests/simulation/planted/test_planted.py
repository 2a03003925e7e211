"""The simulator can fail: each planted bug shows in the life pinned for it (make simulate-planted: in any 200)."""

import pytest

from simulation import script
from simulation.world import live
from tests.simulation.planted.bugs import BUGS, Bug


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, bug: Bug) -> None:
    life = script.of(bug.seed, bug.years)
    bug.plant(monkeypatch)
    assert live(life).violations
