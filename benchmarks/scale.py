"""The operator with many objects: how long a restart takes, its memory, and what it costs at rest.

`--number` schedules, each with its open Task, and an alarm for each Task's reminder; measured at a twentieth, at half
and at the whole of it. A restart is over when every object was looked at, every alarm is armed again and nothing waits.
Beside it: how long it takes to read the same objects from the API server, 500 at a time, and to do nothing with them.
"""

import asyncio
import sys
import time
from dataclasses import dataclass

from benchmarks import harness
from benchmarks.harness import JSON, SCHEDULES, TASKS, Verdict, World, cpu_seconds, manifest, resident_megabytes
from localcluster.progress import say

PARTS = (20, 2, 1)
IDLE_SECONDS = 30

MOST_MEGABYTES = 200
MOST_IDLE_PERCENT = 2
MOST_GROWTH = 1.25
"""An object in the upper half against one in the lower: 1 is a straight line."""


@dataclass(frozen=True)
class Size:
    """Times in seconds from the start of the process: `ready` when everything is listed, `quiet` when all is done."""

    number: int
    ready: float
    quiet: float
    cpu: float
    megabytes: float
    idle_percent: float
    list: float


async def compare(world: World, number: int) -> Verdict:
    sizes: list[Size] = []
    made = 0
    for part in PARTS:
        wanted = max(number // part, 1)
        begun = time.time()
        await world.api.create_all(SCHEDULES, (schedule(each) for each in range(made, wanted)))
        await world.quiet(60 + 0.2 * (wanted - made), alarms=wanted)
        say(f"{wanted} schedules with their Tasks; the last {wanted - made} took {time.time() - begun:.0f} s")
        made = wanted
        sizes.append(await measured(world, wanted))
    return judged(sizes)


def schedule(number: int) -> JSON:
    spec = {
        "userId": harness.user(number),
        "task": {"title": "Water the plants", "reminders": [{"before": "PT15M"}]},
        "start": harness.in_days(2),
        "recurrence": {"frequency": "Weekly", "weekdays": ["Mon", "Thu"]},
        "timeZone": "Europe/Berlin",
    }
    return manifest("TaskSchedule", f"scale-{number}", spec)


async def measured(world: World, number: int) -> Size:
    operator = world.cluster.part("operator")
    await asyncio.to_thread(operator.stop)
    begun = time.time()
    await asyncio.to_thread(operator.start)
    ready = time.time() - begun
    quiet = await world.quiet(120 + 0.05 * number, alarms=number) - begun
    cpu = cpu_seconds(operator.pid)
    begun = time.time()
    await asyncio.sleep(IDLE_SECONDS)
    idle = cpu_seconds(operator.pid) - cpu
    spent = time.time() - begun
    return Size(
        number,
        ready,
        quiet,
        cpu,
        resident_megabytes(operator.pid),
        100 * idle / spent,
        await listing(world),
    )


async def listing(world: World) -> float:
    begun = time.time()
    for path in (SCHEDULES, TASKS):
        async for _ in world.api.pages(path):
            pass
    return time.time() - begun


def judged(sizes: list[Size]) -> Verdict:
    head = ("schedules and Tasks", "ready", "quiet", "CPU", "RSS", "idle", "bare list", "ready / bare list")
    rows = (
        (
            f"{each.number} + {each.number}",
            f"{each.ready:.1f} s",
            f"{each.quiet:.1f} s",
            f"{each.cpu:.1f} s",
            f"{each.megabytes:.0f} MB",
            f"{each.idle_percent:.1f} %",
            f"{each.list:.1f} s",
            f"{each.ready / each.list:.1f}",
        )
        for each in sizes
    )
    harness.table(head, rows)
    low, middle, high = sizes
    verdict = Verdict()
    verdict.bar("RSS, MB", high.megabytes, most=MOST_MEGABYTES)
    verdict.bar("idle CPU, percent of a core", high.idle_percent, most=MOST_IDLE_PERCENT)
    upper, lower = slope(middle, high), slope(low, middle)
    verdict.bar("start-up, cost of one more in the upper half to the lower", upper / lower, most=MOST_GROWTH)
    return verdict


def slope(low: Size, high: Size) -> float:
    """CPU seconds of a start for one more schedule and its Task; of CPU, as others share the machine."""
    return (high.cpu - low.cpu) / (high.number - low.number)


def main() -> int:
    given = harness.arguments(__doc__, number=5000).parse_args()
    return harness.measure(given.logs, ["operator"], lambda world: compare(world, given.number))


if __name__ == "__main__":
    sys.exit(main())
