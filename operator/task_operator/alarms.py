"""Alarm clocks outside us: at most one Dapr one-shot job per object, named by its uid. No worker waits for them.

A job only says "look at this object now". Late, lost, doubled or foreign rings change nothing but timing: the heap in
`wakeups` looks two seconds later in any case. After a restart every alarm is armed again, which replaces the old one.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Protocol

from runtime.dapr import Unavailable
from task_operator import metrics
from task_operator.breaker import Breaker

CONCURRENCY = 8

GIVE_WAY_SECONDS = 15.0
"""How long what is due may keep alarms waiting; what would ring meanwhile the heap wakes."""

LOOK_SECONDS = 0.05


class Scheduler(Protocol):
    """Alarm clocks: one per name, ringing once, at an absolute instant or soon after it.

    Laws: every call may be repeated; `arm` replaces; `disarm` of an unknown name succeeds; an instant in the past
    rings at once. Raises Unavailable."""

    async def arm(self, name: str, at: datetime) -> None: ...

    async def disarm(self, name: str) -> None: ...


class AlarmKeeper:
    """`leads` is asked before every call: a replica that lost its lease in its sleep arms nothing any more. `busy` says
    whether something is due and waits: in a burst, setting the next alarms would take a seventh of our time from it."""

    def __init__(
        self,
        scheduler: Scheduler,
        breaker: Breaker,
        leads: Callable[[], bool] = lambda: True,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._scheduler = scheduler
        self._breaker = breaker
        self._leads = leads
        self._busy = busy
        self._gave_way = False
        self._wanted: dict[str, datetime | None] = {}
        self._armed: dict[str, datetime] = {}
        self._work = asyncio.Event()
        metrics.ALARMS_ARMED.set_function(lambda: len(self._armed))

    def armed(self, uid: str) -> datetime | None:
        """When the alarm of `uid` will ring, once all that was asked for is carried out."""
        # Not what the scheduler has accepted so far: an edit taken back meanwhile would seem to need no alarm.
        return self._wanted[uid] if uid in self._wanted else self._armed.get(uid)

    def arm(self, uid: str, at: datetime) -> None:
        self._want(uid, at)

    def disarm(self, uid: str) -> None:
        self._want(uid, None)

    def forget(self, uid: str) -> None:
        """The object is gone."""
        if uid in self._wanted or uid in self._armed:
            self.disarm(uid)

    def rang(self, uid: str, now: datetime) -> None:
        """The job of `uid` is used up, unless it rang before its time."""
        # Early, it is a foreign ring, or the clocks differ: arming again would then ring in a loop, and the heap looks.
        at = self._armed.get(uid)
        if at and at <= now:
            del self._armed[uid]

    def forget_all(self) -> None:
        """The scheduler seems to have lost everything: whatever is armed must be armed again."""
        self._armed.clear()

    async def run(self) -> None:
        """Carries out what is wanted until cancelled, or until the lease is lost."""
        while True:
            if not self._wanted:
                self._work.clear()
                await self._work.wait()
            await self._give_way()
            if not self._leads():
                return
            size = 1 if self._breaker.open else CONCURRENCY
            batch = tuple(islice(self._wanted.items(), size))
            results = await asyncio.gather(*(self._carry_out(uid, at) for uid, at in batch))
            if failures := [why for why in results if why]:
                metrics.ALARM_FAILURES.inc(len(failures))
                await self._breaker.failed(failures[0])
            else:
                self._breaker.succeeded()

    async def _give_way(self) -> None:
        """Once for every time of being busy: one that does not end keeps no alarm from being set."""
        loop = asyncio.get_running_loop()
        until = loop.time() + GIVE_WAY_SECONDS
        while self._busy() and not self._gave_way:
            await asyncio.sleep(LOOK_SECONDS)
            self._gave_way = loop.time() >= until
        self._gave_way = self._gave_way and self._busy()

    def _want(self, uid: str, at: datetime | None) -> None:
        self._wanted[uid] = at
        self._work.set()

    async def _carry_out(self, uid: str, at: datetime | None) -> str | None:
        """What went wrong, or None."""
        if not self._leads():
            return None  # `run` ends
        try:
            if at is None:
                await self._scheduler.disarm(uid)
                self._armed.pop(uid, None)
            else:
                await self._scheduler.arm(uid, at)
                self._armed[uid] = at
        except Unavailable as error:
            # To the end of the line: one alarm that is never accepted must not keep back all others.
            self._wanted[uid] = self._wanted.pop(uid)
            return str(error)
        if self._wanted.get(uid) == at:
            del self._wanted[uid]
        return None
