"""Reminders due at one instant until they are on the topic, beside raw Dapr: a job for each, its callback publishes it.

Both sides have `--number` reminders due at the same kind of instant, one side after the other in one run, and the order
changes with every round. Both go through the same Dapr scheduler and Kafka, each through a sidecar of its own, and the
payload is the same; ours are Tasks with one reminder each. A plain Kafka consumer tells when each record came; "broker"
is what the records say of when they were made. The consumers are not started.
"""

import asyncio
import statistics
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import aiohttp
import orjson
from confluent_kafka import Consumer, TopicPartition

from benchmarks import harness, raw_dapr
from benchmarks.harness import JSON, TASKS, Burst, Verdict, World, burst, manifest
from localcluster.part import Part
from localcluster.program import Program
from localcluster.progress import say
from taskbell.events import ReminderEvent
from taskbell.resources import instant_text

TITLE = "Water the plants"
PEER = "benchmarks/raw-dapr"
"""The source of its events."""


@dataclass
class Records:
    """What comes on the topic from now on, read by a thread: when each id was seen first, and when it was made."""

    brokers: str
    seen: dict[str, float] = field(default_factory=dict[str, float])
    made: dict[str, float] = field(default_factory=dict[str, float])
    doubled: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._consumer = Consumer(
            {
                "bootstrap.servers": self.brokers,
                "group.id": "benchmark",  # must be there; it is not used, partitions are assigned
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 10,
            }
        )
        topic = self._consumer.list_topics(raw_dapr.TOPIC, timeout=10).topics[raw_dapr.TOPIC]
        places = [TopicPartition(raw_dapr.TOPIC, partition) for partition in topic.partitions]
        for place in places:
            _, place.offset = self._consumer.get_watermark_offsets(place, timeout=10)
        self._consumer.assign(places)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._over.is_set():
            record = self._consumer.poll(0.1)
            if record is None or record.error() is not None:
                continue
            event: str = orjson.loads(record.value() or b"{}")["id"]
            self.doubled += event in self.seen
            self.seen.setdefault(event, time.time())
            self.made.setdefault(event, record.timestamp()[1] / 1000)


async def ours(world: World, round_number: int, number: int, due: float) -> None:
    armed = (await world.metrics())["taskbell_alarms_armed"]
    names = [f"reminder-{round_number}-{each}" for each in range(number)]
    await world.api.create_all(TASKS, (task(name, each, due) for each, name in enumerate(names)))
    # Their retention arms nothing; of older rounds nothing is armed any more.
    await world.quiet(due - time.time(), alarms=armed + number)


def task(name: str, number: int, due: float) -> JSON:
    reminders = [{"at": harness.instant(due)}]
    spec = {
        "userId": harness.user(number),
        "title": TITLE,
        "dueAt": harness.instant(due + 3600),
        "reminders": reminders,
    }
    return manifest("Task", name, spec)


async def raw(part: Part[Program], round_number: int, number: int, due: float) -> None:
    names = [f"reminder-{round_number}-{each}" for each in range(number)]
    body = {"at": harness.instant(due), "names": names, "event": event(due)}
    async with aiohttp.ClientSession() as http, http.post(f"{part.service.url}/arm", json=body) as answer:
        answer.raise_for_status()


def event(due: float) -> JSON:
    """As ours are; the peer puts its ids in."""
    remind_at, due_at = (datetime.fromtimestamp(at, UTC) for at in (due, due + 3600))
    data = ReminderEvent(
        task_id="reminder-0-1000",
        title=TITLE,
        due_at=due_at,
        remind_at=remind_at,
        user_id=harness.user(1),
        reminder_id=f"at-{instant_text(remind_at)}",
        task_uid="00000000-0000-0000-0000-000000000000",
        namespace="default",
        task_generation=1,
    )
    return {
        "specversion": "1.0",
        "source": PEER,
        "type": "dev.taskbell.reminder.due.v1",
        "time": instant_text(remind_at),
        "datacontenttype": "application/json",
        "data": data.model_dump(mode="json"),
    }


@dataclass(frozen=True)
class Round:
    burst: Burst
    made: list[float]
    doubled: int


async def measured(
    world: World, number: int, margin: float, prepare: Callable[[float], Coroutine[Any, Any, None]]
) -> Round:
    due = float(int(time.time() + margin) + 1)
    await prepare(due)
    with Records(world.cluster.kafka_brokers) as records:

        async def arrivals() -> list[float]:
            async def all_there() -> bool:
                return len(records.seen) >= number

            await harness.eventually(all_there, due - time.time() + 120, f"{number} reminders on the topic")
            return list(records.seen.values())

        found = await burst(world, due, number, arrivals())
        made = [at - due for at in records.made.values()]
        return Round(found, made, records.doubled)


async def compare(world: World, number: int, rounds: int, margin: float) -> Verdict:
    program, sidecar = raw_dapr.add(world.cluster)
    await asyncio.gather(asyncio.to_thread(program.start), asyncio.to_thread(sidecar.start))
    found: dict[str, list[Round]] = {"Taskbell": [], "raw Dapr": []}
    for round_number in range(rounds):
        for name in harness.in_turns(found, round_number):
            say(f"round {round_number + 1}: {number} reminders, {name}")

            async def prepare(due: float, name: str = name, round_number: int = round_number) -> None:
                if name == "Taskbell":
                    await ours(world, round_number, number, due)
                else:
                    await raw(program, round_number, number, due)

            found[name].append(await measured(world, number, margin, prepare))
            say(f"  CPU ms each: {harness.costs(found[name][-1].burst.cpu, number)}")
            await world.quiet(120)
    report(found)
    verdict = Verdict()
    own, peer = (statistics.median(each.burst.p(99) for each in side) for side in found.values())
    say(f"{number} at one instant, ours to raw Dapr, medians of {rounds}")
    verdict.bar("p99 lateness, ratio", own / peer, most=1.5)
    verdict.bar("doubled", sum(each.doubled for each in found["Taskbell"]), most=0)
    return verdict


def report(found: dict[str, list[Round]]) -> None:
    harness.table(
        ("", "round", "a second", "first", "p50", "p99", "last", "broker p99", "doubled"),
        (
            (
                name,
                f"{number}",
                f"{each.burst.throughput:.0f}",
                *(f"{each.burst.p(percent):.2f} s" for percent in (0, 50, 99, 100)),
                f"{harness.percentile(each.made, 99):.2f} s",
                f"{each.doubled}",
            )
            for name, rounds in found.items()
            for number, each in enumerate(rounds, 1)
        ),
    )


def main() -> int:
    parser = harness.arguments(__doc__, number=1000, rounds=2)
    parser.add_argument("--margin", type=float, help="seconds from the first object to the due time (15 + 0.03 each)")
    given = parser.parse_args()
    margin = given.margin or 15 + 0.03 * given.number
    return harness.measure(given.logs, ["operator"], lambda world: compare(world, given.number, given.rounds, margin))


if __name__ == "__main__":
    sys.exit(main())
