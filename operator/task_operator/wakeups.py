"""Every next wake-up, in a heap in memory. Dapr rings first; what no ring has woken is woken two seconds later."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from task_operator import metrics
from task_operator.cache import Key

PATIENCE = timedelta(seconds=2)
"""How long the heap leaves a due alarm to Dapr."""

SILENCE = timedelta(minutes=1)
"""Alarms missed for so long without a single ring: the scheduler has lost them."""

SPARE = 1000
"""Entries set anew or cleared that the heap may hold beyond one for each that counts."""

LONGEST_PAUSE_SECONDS = 60.0
"""A timer does not notice that the clock was set, or that the machine slept."""

Clock = Callable[[], datetime]


class _Slot(NamedTuple):
    """A key may have one alarm and one look of our own."""

    key: Key
    alarm: bool

    def looked_at(self, at: datetime) -> datetime:
        """When the heap does what is due at `at`."""
        return at + PATIENCE if self.alarm else at


class Wakeups:
    """`wake` is called with a key whose time has come and whether an alarm was set for it, `silent` when alarms seem to
    be lost."""

    def __init__(self, clock: Clock, wake: Callable[[Key, bool], None], silent: Callable[[], None]) -> None:
        self._clock = clock
        self._wake = wake
        self._silent = silent
        self._heap: list[tuple[datetime, int, _Slot]] = []
        self._order = itertools.count()
        self._at: dict[_Slot, datetime] = {}
        self._changed = asyncio.Event()
        self._missing_since: datetime | None = None

    def alarm(self, key: Key, at: datetime) -> None:
        """`key` is due at `at`; an alarm clock outside will ring for it."""
        self._set(_Slot(key, alarm=True), at)

    def look(self, key: Key, at: datetime) -> None:
        """`key` is to be looked at at `at`; nothing will ring for it."""
        self._set(_Slot(key, alarm=False), at)

    def disarm(self, key: Key) -> None:
        """No alarm will ring for `key`."""
        self._at.pop(_Slot(key, alarm=True), None)

    def clear(self, key: Key) -> None:
        """`key` is gone."""
        self.disarm(key)
        self._at.pop(_Slot(key, alarm=False), None)

    def rang(self) -> None:
        """Some alarm rang: one ring wakes every object whose time has come."""
        self._missing_since = None
        now = self._clock()
        for slot, at in self._pop_until(now + PATIENCE):
            if at <= now:
                self._wake(slot.key, slot.alarm)
            else:
                self._set(slot, at)

    async def run(self) -> None:
        """Wakes until cancelled."""
        while True:
            self._changed.clear()
            pause = self._wake_due()
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _set(self, slot: _Slot, at: datetime) -> None:
        if self._at.get(slot) == at:
            return
        self._at[slot] = at
        self._push(slot, at)
        if len(self._heap) > 2 * len(self._at) + SPARE:
            self._sweep()
        self._changed.set()

    def _push(self, slot: _Slot, at: datetime) -> None:
        heapq.heappush(self._heap, (slot.looked_at(at), next(self._order), slot))

    def _sweep(self) -> None:
        # What was set anew or cleared leaves the heap only when its time comes, which may be years away.
        self._heap.clear()
        for slot, at in self._at.items():
            self._push(slot, at)

    def _wake_due(self) -> float | None:
        """Wakes what is due; seconds until the next one, None when there is none."""
        now = self._clock()
        for slot, _ in self._pop_until(now):
            if slot.alarm:
                self._missed(now)
            self._wake(slot.key, slot.alarm)
        if not self._heap:
            return None
        return min(max((self._heap[0][0] - now).total_seconds(), 0), LONGEST_PAUSE_SECONDS)

    def _pop_until(self, now: datetime) -> list[tuple[_Slot, datetime]]:
        popped: list[tuple[_Slot, datetime]] = []
        while self._heap and self._heap[0][0] <= now:
            due, _, slot = heapq.heappop(self._heap)
            at = self._at.get(slot)
            if at is not None and slot.looked_at(at) == due:  # else set anew or cleared since
                del self._at[slot]
                popped.append((slot, at))
        return popped

    def _missed(self, now: datetime) -> None:
        metrics.ALARMS_MISSED.inc()
        self._missing_since = self._missing_since or now
        if now - self._missing_since >= SILENCE:
            self._missing_since = None
            self._silent()
