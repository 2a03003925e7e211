"""One person's reminders while thousands of another's schedules are due, beside the same reminders alone.

First `REMINDERS` reminders at one instant with nothing else to do, then as many at the full minute at which `--number`
Hourly schedules of one other person make their Tasks (`advance: OnSchedule`). A plain Kafka consumer tells when each
reminder came.
"""

import sys
import time

from benchmarks import fire, harness
from benchmarks.harness import JSON, SCHEDULES, TASKS, Verdict, World, manifest, percentile
from benchmarks.reminders import Records
from localcluster.progress import say

REMINDERS = 50


def of_the_crowd(number: int, due: float) -> JSON:
    body = fire.schedule(f"crowd-{number}", 0, due)
    body["spec"]["recurrence"] = {"frequency": "Hourly"}
    return body


def of_the_other(name: str, due: float) -> JSON:
    spec = {"userId": "the-other", "title": name, "reminders": [{"at": harness.instant(due)}]}
    return manifest("Task", name, spec)


async def lateness(world: World, name: str, due: float) -> list[float]:
    """Seconds, of each reminder."""
    await world.api.create_all(TASKS, (of_the_other(f"{name}-{each}", due) for each in range(REMINDERS)))
    await world.quiet(due - time.time())
    with Records(world.cluster.kafka_brokers) as records:

        async def all_there() -> bool:
            return len(records.seen) >= REMINDERS

        await harness.eventually(all_there, due - time.time() + 300, f"{REMINDERS} reminders on the topic")
        return [at - due for at in records.seen.values()]


async def compare(world: World, number: int, margin: float) -> Verdict:
    alone = await lateness(world, "alone", float(int(time.time()) + 10))
    due = fire.full_minute(margin)
    say(f"{number} schedules of one person, due in {due - time.time():.0f} s")
    await world.api.create_all(SCHEDULES, (of_the_crowd(each, due) for each in range(number)))
    await world.quiet(due - time.time() - 5, alarms=number)
    beside = await lateness(world, "beside", due)
    rest = await world.quiet(1200) - due
    harness.table(
        (f"{REMINDERS} reminders", "first", "p50", "last"),
        (
            (name, *(f"{percentile(found, percent):.2f} s" for percent in (0, 50, 100)))
            for name, found in (("alone", alone), (f"beside {number} Tasks", beside))
        ),
    )
    say(f"all {number} Tasks made and told, at rest: {rest:.1f} s after the due time")
    verdict = Verdict()
    verdict.bar("seconds by which the crowd delays the last reminder", max(beside) - max(alone), most=1)
    return verdict


def main() -> int:
    parser = harness.arguments(__doc__, number=10_000)
    parser.add_argument("--margin", type=float, help="seconds from the first object to the due time (60 + 0.03 each)")
    given = parser.parse_args()
    margin = given.margin or 60 + 0.03 * given.number
    return harness.measure(given.logs, ["operator"], lambda world: compare(world, given.number, margin))


if __name__ == "__main__":
    sys.exit(main())
