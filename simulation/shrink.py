"""A failing life made short: it ends with what goes wrong, and holds only the steps that are needed for that."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from simulation.script import Script, Step
from simulation.world import Outcome, live

T = TypeVar("T")
Live = Callable[[Script], Outcome]


def shrunk(script: Script, live: Live = live, progress: Callable[[int], None] = lambda _: None) -> Script:
    """The same failure, or another one, with as few steps as removing some of them can find; `progress` hears how many
    are left. Raises ValueError for a script that does not fail."""
    outcome = live(script)
    if not outcome.violations:
        raise ValueError(f"seed {script.seed} does not fail")
    ending = _ending(script, outcome.last)

    def fails(steps: Sequence[Step]) -> bool:
        progress(len(steps))
        return bool(live(replace(ending, steps=tuple(steps))).violations)

    short = replace(ending, steps=tuple(fewest(ending.steps, fails)))
    for number in range(len(short.openings)):
        short = _simpler(short, replace(short, absent=short.absent | {number}), live)
    short = _simpler(short, replace(short, habits=False), live)
    return _ending(short, live(short).last)


def _simpler(script: Script, attempt: Script, live: Live) -> Script:
    return attempt if live(attempt).violations else script


def fewest(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """Some of `items`, in order, that still fail, none of which can be left out alone (Zeller's ddmin)."""
    parts = 2
    while len(items) >= 2:
        size = -(-len(items) // parts)
        chunks = [items[start : start + size] for start in range(0, len(items), size)]
        rests = ([each for other in chunks if other is not chunk for each in other] for chunk in chunks)
        smaller = next((rest for rest in rests if fails(rest)), None)
        if smaller is not None:
            items, parts = smaller, max(parts - 1, 2)
        elif parts >= len(items):
            break
        else:
            parts = min(parts * 2, len(items))
    return [] if len(items) == 1 and fails([]) else items


def _ending(script: Script, at: float) -> Script:
    """Nothing after `at` matters; the last rest is not before it."""
    rests = tuple(rest for rest in script.rests if rest < at)
    following = next((rest for rest in script.rests if rest >= at), at)
    return replace(script, steps=tuple(step for step in script.steps if step.at <= at), rests=(*rests, following))
