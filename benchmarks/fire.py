"""Schedules due at one instant until their Tasks are there, beside CronJobs until their Jobs are there.

Both sides have `--number` objects that are due at the same full minute, one side after the other in one run, and the
order changes with every round. `advance: OnSchedule` without reminders makes the Task when it is due, as a CronJob does
its Job; Jobs are suspended, so that there are no Pods. kube-controller-manager runs with --kube-api-qps=1000
--kube-api-burst=2000 --concurrent-cron-job-syncs=20. A watch tells when each object came.

The operator does more for it than the peer: it tells the event stream of every Task, and writes two statuses. How long
until all of that is done, too, is the column "at rest". The consumers are not started, as the peer has none.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from benchmarks import harness
from benchmarks.harness import JSON, SCHEDULES, TASKS, Burst, Verdict, World, burst, manifest
from localcluster.progress import say

CRON_JOBS = "/apis/batch/v1/namespaces/default/cronjobs"
JOBS = "/apis/batch/v1/namespaces/default/jobs"

MINUTE = 60


def schedule(name: str, number: int, due: float) -> JSON:
    spec = {
        "userId": harness.user(number),
        "task": {"title": name},
        "start": f"{datetime.fromtimestamp(due, UTC):%Y-%m-%dT%H:%M}",
        "recurrence": {"frequency": "Daily"},
        "advance": "OnSchedule",
    }
    return manifest("TaskSchedule", name, spec)


def cron_job(name: str, due: float) -> JSON:
    container = {"name": "never", "image": "never"}
    pod = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {
        "schedule": f"{datetime.fromtimestamp(due, UTC):%M %H %d %m} *",
        "jobTemplate": {"spec": {"suspend": True, "template": pod}},
    }
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


async def tasks(world: World, round_number: int, number: int, margin: float) -> tuple[Burst, float]:
    armed = (await world.metrics())["taskbell_alarms_armed"]
    due = full_minute(margin)
    names = [f"fire-{round_number}-{each}" for each in range(number)]
    await world.api.create_all(SCHEDULES, (schedule(name, each, due) for each, name in enumerate(names)))
    await world.quiet(due - time.time(), alarms=armed + number)
    fired = await burst(world, due, number, arrivals(world, TASKS, number, due))
    return fired, await world.quiet(600) - due


async def jobs(world: World, round_number: int, number: int, margin: float) -> tuple[Burst, float]:
    due = full_minute(margin)
    await world.api.create_all(CRON_JOBS, (cron_job(f"fire-{round_number}-{each}", due) for each in range(number)))
    fired = await burst(world, due, number, arrivals(world, JOBS, number, due))

    async def all_suspended() -> bool:
        return all([each["status"].get("conditions") async for page in world.api.pages(JOBS) for each in page])

    await harness.eventually(all_suspended, 600, "the Job controller is through with all Jobs")
    return fired, time.time() - due


async def arrivals(world: World, path: str, number: int, due: float) -> list[float]:
    """When each new object came, within two minutes and 10 ms for each."""
    seen: list[float] = []
    async with asyncio.timeout(due - time.time() + 120 + 0.01 * number):
        async for event in world.api.watch(path, await world.api.version(path)):
            if event.type == "ADDED":
                seen.append(event.at)
            if len(seen) == number:
                break
    return seen


def full_minute(margin: float) -> float:
    """The first one that is at least `margin` seconds away."""
    return ((time.time() + margin) // MINUTE + 1) * MINUTE


async def compare(world: World, number: int, rounds: int, margin: float) -> Verdict:
    sides: dict[str, Callable[[World, int, int, float], Coroutine[Any, Any, tuple[Burst, float]]]]
    sides = {"Tasks": tasks, "Jobs": jobs}
    found: dict[str, list[tuple[Burst, float]]] = {name: [] for name in sides}
    for round_number in range(rounds):
        for name in harness.in_turns(sides, round_number):
            say(f"round {round_number + 1}: {number} {name}")
            found[name].append(await sides[name](world, round_number, number, margin))
            say(f"  CPU ms each: {harness.costs(found[name][-1][0].cpu, number)}")
    report(found)
    verdict = Verdict()
    ours, peer = ([each for each, _ in found[name]] for name in sides)
    throughput = [statistics.median(each.throughput for each in side) for side in (ours, peer)]
    lateness = [statistics.median(each.p(99) for each in side) for side in (ours, peer)]
    say(f"{number} at one instant, ours to the CronJob controller, medians of {rounds}")
    verdict.bar("throughput, ratio", throughput[0] / throughput[1], least=1)
    verdict.bar("p99 lateness, ratio", lateness[0] / lateness[1], most=1)
    return verdict


def report(found: dict[str, list[tuple[Burst, float]]]) -> None:
    harness.table(
        ("", "round", "a second", "first", "p50", "p99", "last", "at rest"),
        (
            (
                name,
                f"{round_number}",
                f"{each.throughput:.0f}",
                *(f"{seconds:.2f} s" for seconds in (each.p(0), each.p(50), each.p(99), each.p(100), rest)),
            )
            for name, rounds in found.items()
            for round_number, (each, rest) in enumerate(rounds, 1)
        ),
    )


def main() -> int:
    parser = harness.arguments(__doc__, number=1000, rounds=2)
    parser.add_argument("--margin", type=float, help="seconds from the first object to the due time (20 + 0.03 each)")
    given = parser.parse_args()
    margin = given.margin or 20 + 0.03 * given.number
    return harness.measure(given.logs, ["operator"], lambda world: compare(world, given.number, given.rounds, margin))


if __name__ == "__main__":
    sys.exit(main())
