"""Kafka in memory, and the recurring consumer behind it.

Partitions by key; offsets that are committed after the answer, so that a restart brings some of it again; batches that
come again until they are handled.
"""

import asyncio
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

from consumers.recurring import Recurring
from consumers.subscriptions import Away, decode
from simulation.apiserver import ApiServer, Client
from simulation.network import Network, Process
from taskbell.events import TaskEvent, Topic

PARTITIONS = 3
BATCH = 10
RETRY_SECONDS = 1.0
UNCOMMITTED = 5
"""Events that a restart may bring again."""


class RecurringConsumer:
    """The production handler on the partitions of `task-events`; `trouble` hears of events it refuses."""

    def __init__(self, random: Random, server: ApiServer, network: Network, trouble: Callable[[str], None]) -> None:
        self._random = random
        self._server = server
        self._network = network
        self._trouble = trouble
        self._loop = asyncio.get_running_loop()
        self._log: list[list[dict[str, Any]]] = [[] for _ in range(PARTITIONS)]
        self._offsets = [0] * PARTITIONS
        self._work: list[asyncio.Task[None] | None] = [None] * PARTITIONS
        self.lag = 0.0
        self._start()

    @property
    def process(self) -> Process:
        return self._process

    def append(self, event: dict[str, Any]) -> None:
        """One event of `task-events`, stored for good."""
        partition = zlib.crc32(event["partitionkey"].encode()) % PARTITIONS
        self._log[partition].append(event)
        self._wake(partition)

    def stop(self, seconds: float) -> None:
        """The process dies and comes back after `seconds`."""
        self._process.kill()
        self._loop.call_later(seconds, self._start)

    def rewind(self, events: int) -> None:
        """Each partition is delivered again from so many events back."""
        for partition in range(PARTITIONS):
            self._offsets[partition] = max(self._offsets[partition] - events, 0)
            self._wake(partition)

    def idle(self) -> bool:
        return all(offset == len(log) for offset, log in zip(self._offsets, self._log, strict=True))

    def _start(self) -> None:
        self._process = Process("consumer", self._died)
        self._handler = Recurring(Client(self._server, self._network, self._process))
        self.rewind(self._random.randrange(UNCOMMITTED))

    def _died(self) -> None:
        for partition, work in enumerate(self._work):
            if work:
                work.cancel()
            self._work[partition] = None

    def _wake(self, partition: int) -> None:
        if self._work[partition] is None and not self._process.dead and self._waits(partition):
            self._work[partition] = self._loop.create_task(self._deliver(partition))

    def _waits(self, partition: int) -> bool:
        return self._offsets[partition] < len(self._log[partition])

    async def _deliver(self, partition: int) -> None:
        while self._waits(partition):
            await asyncio.sleep(self.lag)
            first = self._offsets[partition]
            batch = self._log[partition][first : first + BATCH]
            received, refused = decode(Topic.TASK_EVENTS, TaskEvent, batch)
            try:
                refused += await self._handler.handle(received)
            except Away:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            for each in refused:
                self._trouble(f"the consumer refuses {each.envelope.get('id')}: {each.reason}")
            # A rewind meanwhile counts: what is handled once more does no harm.
            self._offsets[partition] = min(self._offsets[partition], first) + len(batch)
        self._work[partition] = None
