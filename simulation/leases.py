"""The Lease in memory, and a time for it that stands still while nothing can happen to it.

Two replicas that each look at the Lease every two seconds would do little else in a year. Who holds it can change only
while something is wrong, or has just been: between such times an elector's pauses have no end.
"""

import asyncio
import itertools
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from runtime.apiserver import AlreadyExists, Conflict, NotFound
from runtime.leases import Lease
from simulation.network import Network, Process

SHORTEST_SECONDS = 0.001
"""A pause that ends. After a year the loop's time has no such thing as a nanosecond later."""


class LeaseTime:
    """`windows` are pairs of begin and end, loop time, in which it goes by."""

    def __init__(self, windows: Iterable[tuple[float, float]]) -> None:
        self._begins, self._ends, self._before = list[float](), list[float](), list[float]()
        self._loop = asyncio.get_running_loop()
        gone_by = 0.0
        for begin, end in sorted(windows):
            if self._ends and begin <= self._ends[-1]:
                gone_by += max(end - self._ends[-1], 0.0)
                self._ends[-1] = max(end, self._ends[-1])
                continue
            self._begins.append(begin)
            self._ends.append(end)
            self._before.append(gone_by)
            gone_by += end - begin

    def elapsed(self) -> float:
        """Seconds of this time."""
        now = self._loop.time()
        number = bisect_right(self._begins, now) - 1
        return self._before[number] + min(now, self._ends[number]) - self._begins[number] if number >= 0 else 0.0

    async def sleep(self, seconds: float) -> None:
        """In the place of `asyncio.sleep`."""
        now = self._loop.time()
        number = bisect_right(self._begins, now)
        if number == 0 or self._ends[number - 1] < now:
            woken: asyncio.Future[None] = self._loop.create_future()
            if number < len(self._begins):
                self._loop.call_at(self._begins[number], _wake, woken)
            await woken
        await asyncio.sleep(max(seconds, SHORTEST_SECONDS))


class PatientAsyncio:
    """The module asyncio, but for its `sleep`."""

    def __init__(self, time: LeaseTime) -> None:
        self.sleep = time.sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


class LeaseServer:
    """One Lease."""

    def __init__(self) -> None:
        self.stored: Lease | None = None
        self._versions = itertools.count(1)

    def read(self) -> Lease | None:
        return self.stored

    def write(self, lease: Lease) -> Lease:
        if self.stored is None and lease.version:
            raise NotFound(404, "NotFound", "leases not found")
        if self.stored is not None and not lease.version:
            raise AlreadyExists(409, "AlreadyExists", "leases already exists")
        if self.stored is not None and self.stored.version != lease.version:
            raise Conflict(409, "Conflict", "the object has been modified")
        self.stored = replace(lease, version=str(next(self._versions)))
        return self.stored


class LeaseClient:
    """`Leases` of one process."""

    def __init__(self, server: LeaseServer, network: Network, process: Process) -> None:
        self._server = server
        self._network = network
        self._process = process

    async def read(self) -> Lease | None:
        return await self._network.carry(self._process, self._server.read)

    async def write(self, lease: Lease) -> Lease:
        return await self._network.carry(self._process, lambda: self._server.write(lease))


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
