"""Which of the replicas works: the one that holds the Lease, as client-go's `tools/leaderelection` has it.

The holder writes the Lease every retry period; what it does not manage to write within the renew deadline is lost.
The others take it when they have seen nothing new in it for the lease duration, which is longer: clocks are never
compared, only spans of each one's own. A holder that slept (SIGSTOP, a suspended machine) finds its deadline passed
before it acts again: `leading` is asked before every action. What was under way at that moment is guarded by
resourceVersions and known names.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from runtime import logs
from runtime.apiserver import AlreadyExists, ApiError, Conflict, Unreachable
from runtime.leases import Lease
from task_operator import metrics

JITTER_FACTOR = 1.2
"""A candidate pauses between one and 2.2 retry periods, so that replicas do not ask in step."""

logger = logs.get(__name__)


class Leases(Protocol):
    """One Lease. Laws: `write` succeeds only on the version that was read, or where there is none yet. Raises ApiError
    and Unreachable; what was written then may be stored all the same."""

    async def read(self) -> Lease | None: ...

    async def write(self, lease: Lease) -> Lease: ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. Raises ValueError when a holder could work on beyond what it has."""

    lease_duration: int = 15
    renew_deadline: float = 10
    retry_period: float = 2

    def __post_init__(self) -> None:
        if self.lease_duration <= self.renew_deadline:
            raise ValueError("the lease duration must be longer than the renew deadline")
        if self.renew_deadline <= self.retry_period * JITTER_FACTOR:
            raise ValueError(f"the renew deadline must be longer than {JITTER_FACTOR} retry periods")


class Elector:
    """One candidate. `clock` dates what is written; `elapsed` measures spans, in seconds, also while the process or the
    machine sleeps; `jitter` gives numbers from 0 to 1. Use: `acquire`, then `hold`, again and again; at last `release`.
    """

    def __init__(
        self,
        *,
        leases: Leases,
        identity: str,
        timing: Timing,
        clock: Callable[[], datetime],
        elapsed: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._leases = leases
        self._identity = identity
        self._timing = timing
        self._clock = clock
        self._elapsed = elapsed
        self._jitter = jitter
        self._seen: Lease | None = None
        self._seen_at = 0.0
        self._deadline: float | None = None
        metrics.LEADER.set_function(lambda: self.leading)

    @property
    def leading(self) -> bool:
        """Whether the Lease is ours, and nobody can have taken it."""
        return self._deadline is not None and self._elapsed() < self._deadline

    async def acquire(self) -> None:
        """Returns when the Lease is ours."""
        while not await self._attempt():  # noqa: ASYNC110 the Lease tells nobody when it is free
            await asyncio.sleep(self._pause())
        logger.info("leads", action="lease", identity=self._identity)

    async def hold(self) -> None:
        """Renews it; returns when it is lost."""
        while self.leading:
            await asyncio.sleep(self._timing.retry_period)
            if self.leading:
                await self._attempt()
        self._deadline = None
        logger.warning("does not lead any more", action="lease", identity=self._identity)

    async def release(self) -> None:
        """Gives the Lease back if it is ours, so that nobody need wait for its end. Call it when nothing of ours acts
        any more. A failure is no error: then it runs out."""
        if not self.leading or self._seen is None:
            return
        self._deadline = None
        # A renewal that was cancelled may have been stored: then the version is another one.
        if await self._give_back(self._seen) or (await self._free() and await self._give_back(self._seen)):
            logger.info("lease released", action="lease", identity=self._identity)

    async def _give_back(self, seen: Lease) -> bool:
        now = self._clock()
        ours = seen.holder == self._identity
        return ours and await self._write(replace(seen, holder="", duration_seconds=1, acquired_at=now, renewed_at=now))

    async def _attempt(self) -> bool:
        """Takes or renews the Lease; whether it is ours now."""
        # What counts is when the request left: the others may see it stored at any moment after that.
        asked_at = self._elapsed()
        if not self.leading and not await self._free():
            return False
        if await self._write(self._ours()):
            self._deadline = asked_at + self._timing.renew_deadline
            return True
        # Not stored, or stored without our knowing, or somebody has edited it: the next attempt needs its version.
        if self.leading and not await self._free() and self._others():
            self._deadline = None
        return False

    async def _free(self) -> bool:
        """Whether the Lease is there for the taking."""
        try:
            async with asyncio.timeout(self._timing.renew_deadline / 2):
                lease = await self._leases.read()
        except (ApiError, Unreachable, TimeoutError) as error:
            logger.warning("the lease cannot be read", action="lease", why=repr(error))
            return False
        self._observe(lease)
        return not self._others() or self._left() <= 0

    async def _write(self, lease: Lease) -> bool:
        try:
            async with asyncio.timeout(self._timing.renew_deadline / 2):
                self._observe(await self._leases.write(lease))
        except (Conflict, AlreadyExists):
            return False  # somebody was faster
        except (ApiError, Unreachable, TimeoutError) as error:
            logger.warning("the lease cannot be written", action="lease", why=repr(error))
            return False
        return True

    def _observe(self, lease: Lease | None) -> None:
        if lease != self._seen:
            self._seen, self._seen_at = lease, self._elapsed()

    def _others(self) -> bool:
        return self._seen is not None and self._seen.holder not in {"", self._identity}

    def _left(self) -> float:
        """Seconds until another's Lease may be taken."""
        return self._seen_at + self._seen.duration_seconds - self._elapsed() if self._seen else 0

    def _pause(self) -> float:
        """At the latest until another's Lease ends: its work shall not wait for ours to come round."""
        pause = self._timing.retry_period * (1 + JITTER_FACTOR * self._jitter())
        return min(pause, self._left()) if self._others() and self._left() > 0 else pause

    def _ours(self) -> Lease:
        now, seen, seconds = self._clock(), self._seen, self._timing.lease_duration
        if seen is None:
            return Lease(self._identity, seconds, acquired_at=now, renewed_at=now)
        if seen.holder == self._identity:
            return replace(seen, duration_seconds=seconds, renewed_at=now)
        return Lease(self._identity, seconds, now, now, seen.transitions + 1, seen.version)
