"""A work queue with client-go's semantics (k8s.io/client-go/util/workqueue).

Keyed and deduplicating; a key is never worked on twice at once, and one that is added meanwhile comes again afterwards.
Failures back off exponentially per key. Delays are hints in memory: whatever is due must follow from the resources.
"""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

FIRST_BACK_OFF_SECONDS = 0.05
LONGEST_BACK_OFF_SECONDS = 300.0

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._ready: deque[K] = deque()
        self._dirty: set[K] = set()
        self._busy: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._wakers: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Keys that wait for a worker."""
        return len(self._ready)

    def add(self, key: K) -> None:
        """`key` will be given out once more; a key that waits already waits once."""
        if self._closed or key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._busy:
            self._give(key)

    def retry(self, key: K) -> float:
        """Adds `key` after its back-off, in seconds, which it returns."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(FIRST_BACK_OFF_SECONDS * 2.0 ** min(failures, 32), LONGEST_BACK_OFF_SECONDS)
        if timer := self._timers.pop(key, None):
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self._retry_now, key)
        return delay

    def forget(self, key: K) -> None:
        """`key` has succeeded: its next failure starts with the shortest back-off."""
        self._failures.pop(key, None)

    async def get(self) -> K | None:
        """The next key, now this worker's until `done`; None once the queue is closed and empty."""
        while not self._ready:
            if self._closed:
                return None
            waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._wakers.append(waker)
            try:
                await waker
            except asyncio.CancelledError:
                self._pass_on(waker)
                raise
        key = self._ready.popleft()
        self._dirty.discard(key)
        self._busy.add(key)
        return key

    def done(self, key: K) -> None:
        """This worker is through with `key`."""
        self._busy.discard(key)
        if key in self._dirty:
            self._give(key)

    def close(self) -> None:
        """Takes no more keys; workers get what is ready, then None."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        while self._wakers:
            self._wake()

    def _retry_now(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def _give(self, key: K) -> None:
        self._ready.append(key)
        self._wake()

    def _wake(self) -> None:
        while self._wakers:
            waker = self._wakers.popleft()
            if not waker.done():
                waker.set_result(None)
                return

    def _pass_on(self, waker: asyncio.Future[None]) -> None:
        # A worker cancelled after it was woken must not swallow the wake-up.
        if waker.done() and not waker.cancelled():
            self._wake()
        elif waker in self._wakers:
            self._wakers.remove(waker)
