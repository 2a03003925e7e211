"""A fixed set of lives in which everything holds; a life is the same every time, and a failing one becomes short."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from simulation import script
from simulation.faults import FAULTS
from simulation.gestures import GESTURES
from simulation.script import Move, Strike
from simulation.shrink import fewest, shrunk
from simulation.world import live
from tests.simulation.planted import bugs

YEARS = 0.15
TOLD = "import sys; from tests.simulation.test_simulation import told; sys.stdout.write(told(3))"


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_everything_holds(seed: int) -> None:
    outcome = live(script.of(seed, YEARS))
    assert not outcome.violations, f"make simulate SEED={seed} YEARS={YEARS}"
    assert outcome.counts["occurrences"] > 50


def test_every_kind_of_fault_and_gesture_happens_to_somebody() -> None:
    steps = [step for seed in range(40) for step in script.of(seed, 1).steps]
    assert len({type(step.act) for step in steps if isinstance(step, Strike)}) == len(FAULTS)
    assert len({type(step.act) for step in steps if isinstance(step, Move)}) == len(GESTURES)


def told(seed: int) -> str:
    """A digest of everything that happens in a life."""
    story = live(script.of(seed, YEARS), tell=True).story
    assert len(story) > 500
    return hashlib.sha256("\n".join(story).encode()).hexdigest()


def test_a_life_is_the_same_every_time_and_in_every_process() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    elsewhere = subprocess.run(  # noqa: S603  (this very Python)
        [sys.executable, "-c", TOLD], env=environment, capture_output=True, text=True, check=True
    )
    assert told(3) == told(3) == elsewhere.stdout


@pytest.mark.parametrize(
    ("needed", "left"),
    [
        pytest.param({3, 17}, [3, 17], id="two that need each other"),
        pytest.param({5}, [5], id="one alone"),
        pytest.param(set[int](), [], id="none, when it fails without any"),
        pytest.param(set(range(20)), list(range(20)), id="all of them"),
    ],
)
def test_only_what_is_needed_for_a_failure_is_left(needed: set[int], left: list[int]) -> None:
    assert list(fewest(range(20), lambda items: needed <= set(items))) == left


def test_a_failing_life_becomes_a_short_story(monkeypatch: pytest.MonkeyPatch) -> None:
    bugs.what_a_person_changed_is_overwritten(monkeypatch)
    life = script.of(79, 0.04)
    heard: list[int] = []
    short = shrunk(life, progress=heard.append)
    assert len(short.steps) <= 4 < len(life.steps)
    assert heard
    story = live(short, tell=True).story
    assert any("is amended" in sentence for sentence in story)
    assert any("user: " in sentence for sentence in story)


def test_a_life_in_which_everything_holds_has_nothing_to_shorten() -> None:
    calm = replace(script.of(1, 0.01), steps=())
    with pytest.raises(ValueError, match="does not fail"):
        shrunk(calm)
