"""From the PATCH that completes a task until a watch shows its successor, beside a bare PATCH until a watch shows it.

One after the other, and everything else at rest: the next one begins when the event stream was told of the last. All of
Taskbell runs: the event goes through Kafka to the recurring consumer, which moves the schedule's cursor, and the
operator makes the Task.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from benchmarks import harness
from benchmarks.harness import JSON, SCHEDULES, TASKS, Seen, Verdict, World, manifest, percentile
from localcluster.progress import say
from localcluster.stack import CONSUMERS

LONGEST_SECONDS = 30
WARM_UP = 5
"""Pairs that do not count."""

BAR_MILLISECONDS = 250


class Watch:
    """The Tasks, as they come."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Seen] = asyncio.Queue()

    async def run(self, world: World, since: str) -> None:
        async for event in world.api.watch(TASKS, since, whole=True):
            self._events.put_nowait(event)

    async def until(self, holds: Callable[[JSON], object]) -> Seen:
        """The first event, after those asked for before, whose object `holds` says yes to."""
        async with asyncio.timeout(LONGEST_SECONDS):
            while not holds((event := await self._events.get()).object):
                pass
        return event


async def compare(world: World, number: int) -> Verdict:
    await world.api.call("POST", TASKS, manifest("Task", "bare", {"userId": harness.user(0), "title": "bare"}))
    watch = Watch()
    watching = asyncio.create_task(watch.run(world, await world.api.version(TASKS)))
    spec = {
        "userId": harness.user(0),
        "task": {"title": "Water the plants"},
        "start": harness.in_days(1),
        "recurrence": {"frequency": "Daily"},
    }
    await world.api.call("POST", SCHEDULES, manifest("TaskSchedule", "plants", spec))
    task = (await watch.until(lambda each: told(each) and "occurrence" in each["spec"])).object
    await world.quiet(60)
    bare: list[float] = []
    ours: list[float] = []
    fallbacks = (await world.metrics())["taskbell_fallback_advances_total"]
    for each in range(WARM_UP + number):
        bare.append(await seconds(round_trip(world, watch, each)))
        ours.append(await seconds(completion(world, watch, task)))
        # What is still to be done about it would slow the next pair.
        task = (await watch.until(lambda seen, before=task: told(seen) and follows(seen, before))).object  # type: ignore[misc]
    watching.cancel()
    fallbacks = (await world.metrics())["taskbell_fallback_advances_total"] - fallbacks
    return judged(bare[WARM_UP:], ours[WARM_UP:], fallbacks)


def told(task: JSON) -> bool:
    """Whether the event stream knows of the Task and its status says so."""
    return "published" in task.get("status", {})


def follows(task: JSON, before: JSON) -> bool:
    occurrence: JSON = task["spec"].get("occurrence", {"sequence": 0})
    return bool(occurrence["sequence"] > before["spec"]["occurrence"]["sequence"])


async def round_trip(world: World, watch: Watch, number: int) -> Seen:
    """An annotation means nothing to anybody."""
    note = {"metadata": {"annotations": {"benchmark": str(number)}}}
    await world.api.call("PATCH", f"{TASKS}/bare", note)
    return await watch.until(lambda seen: seen["metadata"].get("annotations", {}).get("benchmark") == str(number))


async def completion(world: World, watch: Watch, task: JSON) -> Seen:
    await world.api.call("PATCH", f"{TASKS}/{task['metadata']['name']}", {"spec": {"state": "Completed"}})
    return await watch.until(lambda seen: follows(seen, task))


async def seconds(way: Awaitable[Seen]) -> float:
    """From here until the event was read."""
    begun = time.time()
    return (await way).at - begun


def judged(bare: list[float], ours: list[float], fallbacks: float) -> Verdict:
    percents = (50, 90, 99, 100)
    sides = [[percentile(side, percent) for percent in percents] for side in (ours, bare)]
    rows = [
        (name, *(f"{1000 * each:.1f} ms" for each in side))
        for name, side in zip(("next occurrence", "bare round trip"), sides, strict=True)
    ]
    ratios = ("ratio", *(f"{own / peer:.1f}" for own, peer in zip(*sides, strict=True)))
    harness.table(("", "p50", "p90", "p99", "longest"), (*rows, ratios))
    say(f"{len(ours)} one after the other; advanced by the operator for want of the consumer: {fallbacks:.0f}")
    verdict = Verdict()
    verdict.bar("p99, ms", 1000 * percentile(ours, 99), most=BAR_MILLISECONDS)
    return verdict


def main() -> int:
    given = harness.arguments(__doc__, number=200).parse_args()
    return harness.measure(given.logs, ["operator", "api-shim", *CONSUMERS], lambda world: compare(world, given.number))


if __name__ == "__main__":
    sys.exit(main())
