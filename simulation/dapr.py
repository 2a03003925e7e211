"""Dapr in memory: one-shot jobs that may ring late, twice, never or early, and be lost all at once; and publish.

A job that nobody answers rings again every five seconds, for as long as it takes (the failure policy of its request).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from runtime import dapr
from runtime.dapr import Unavailable
from simulation.network import Network, Process

RINGS_AGAIN_SECONDS = 5.0


@dataclass(slots=True)
class Misrings:
    """Until `until` (loop time) each ring goes wrong in one of these ways, chosen at random."""

    until: float = 0.0
    ways: tuple[str, ...] = ()


class Scheduler:
    """`ring` is the callback into the operator; it says whether somebody answered."""

    def __init__(self, random: Random, seconds: Callable[[datetime], float], ring: Callable[[str], bool]) -> None:
        self._random = random
        self._seconds = seconds
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._owed: dict[str, None] = {}
        self.jobs: dict[str, datetime] = {}
        self.lost: set[str] = set()
        """Names whose job the scheduler has lost, or whose ring went nowhere: nobody has been told."""
        self.misrings = Misrings()
        self.rings = 0

    def arm(self, name: str, at: datetime) -> None:
        self.disarm(name)
        self.jobs[name] = at
        self._timers[name] = self._loop.call_at(max(self._seconds(at), self._loop.time()), self._due, name)

    def disarm(self, name: str) -> None:
        self.lost.discard(name)
        self._owed.pop(name, None)
        self._drop(name)

    def wipe(self) -> int:
        """Loses every job; how many."""
        names = tuple(self.jobs)
        for name in names:
            self.lost.add(name)
            self._drop(name)
        return len(names)

    def answered_again(self) -> None:
        """There is somebody to ring again."""
        owed, self._owed = tuple(self._owed), {}
        for name in owed:
            self._loop.call_later(self._random.random() * RINGS_AGAIN_SECONDS, self._call, name)

    def _drop(self, name: str) -> None:
        self.jobs.pop(name, None)
        if timer := self._timers.pop(name, None):
            timer.cancel()

    def _due(self, name: str) -> None:
        self._drop(name)
        if self._loop.time() >= self.misrings.until:
            self._call(name)
            return
        match self._random.choice(self.misrings.ways):
            case "never":
                self.lost.add(name)
            case "late":
                self._loop.call_later(self._random.random() ** 3 * 7200, self._call, name)
            case "twice":
                self._call(name)
                self._loop.call_later(self._random.random() * 30, self._call, name)
            case way:
                raise ValueError(f"no such way to ring: {way}")

    def _call(self, name: str) -> None:
        self.rings += 1
        if not self._ring(name):
            self._owed[name] = None


Accept = Callable[[str, dict[str, Any]], None]


class Broker:
    """The way of events to Kafka. `accept` gets each event that is stored for good."""

    def __init__(self, random: Random, accept: Accept) -> None:
        self._random = random
        self._accept = accept
        self.refusing_until = 0.0
        self._loop = asyncio.get_running_loop()

    def publish(self, topic: str, events: Sequence[dict[str, Any]]) -> set[int]:
        refused: set[int] = set()
        if self._loop.time() < self.refusing_until:
            refused = {position for position in range(len(events)) if self._random.random() < 0.4}
        for position, event in enumerate(events):
            if position not in refused:
                self._accept(topic, event)
        return refused


class Sidecar:
    """What `runtime.dapr.Dapr` is to its process: `Broker` and `Scheduler` of the operator."""

    def __init__(
        self,
        process: Process,
        *,
        broker: tuple[Broker, Network],
        scheduler: tuple[Scheduler, Network],
        setting_out: Callable[[Process, str, Sequence[dict[str, Any]]], None],
    ) -> None:
        self._process = process
        self._broker, self._to_broker = broker
        self._scheduler, self._to_scheduler = scheduler
        self._setting_out = setting_out

    async def publish(self, pubsub: str, topic: str, events: Sequence[dict[str, Any]]) -> set[int]:
        del pubsub  # there is one
        self._process.acts()
        self._setting_out(self._process, topic, events)
        return await self._to_broker.carry(self._process, lambda: self._broker.publish(topic, events))

    async def arm(self, name: str, at: datetime) -> None:
        self._process.acts()
        await self._to_scheduler.carry(self._process, lambda: self._scheduler.arm(name, at))

    async def disarm(self, name: str) -> None:
        self._process.acts()
        await self._to_scheduler.carry(self._process, lambda: self._scheduler.disarm(name))


def unavailable(why: str) -> Unavailable:
    """What a sidecar that does not do what it was asked comes to."""
    return Unavailable(why)


TIMEOUT_SECONDS = dapr.TIMEOUT_SECONDS
EARLY = timedelta(seconds=30)
"""How far the scheduler's clock may run ahead of everybody else's."""
