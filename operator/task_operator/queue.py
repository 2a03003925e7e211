"""A work queue with client-go's semantics (k8s.io/client-go/util/workqueue), and three lanes.

Keyed and deduplicating; a key is never worked on twice at once, and one that is added meanwhile comes again afterwards.
Failures back off exponentially per key. Delays are hints in memory: whatever is due must follow from the resources.

    due      first: reminders whose time has come
    normal   everything else
    low      keys whose status is still to be written: when no other key waits, and at the latest `LOW_LANE_SECONDS`
             after they were put off; from then on they take turns with the normal lane

Within the first two lanes the owners take turns, so that ten thousand keys of one delay nobody else's.
"""

import asyncio
import heapq
import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from task_operator import metrics

FIRST_BACK_OFF_SECONDS = 0.05
LONGEST_BACK_OFF_SECONDS = 300.0

LOW_LANE_SECONDS = 5.0

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """Belongs to one event loop. `owner` says whose a key is, at the moment it becomes ready."""

    def __init__(self, owner: Callable[[K], Hashable] = lambda _: None) -> None:
        self._owner = owner
        self._due: _Lane[K] = _Lane()
        self._normal: _Lane[K] = _Lane()
        self._low: list[tuple[float, int, K]] = []
        self._low_ready: dict[K, float] = {}
        self._order = itertools.count()
        self._put_off: dict[K, float] = {}
        self._low_was_last = False
        self._dirty: dict[K, bool] = {}
        self._busy: set[K] = set()
        self._ready_since: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._wakers: deque[asyncio.Future[None]] = deque()
        self._closed = False
        for lane, depth in self._depths().items():
            metrics.QUEUE_DEPTH.labels(lane).set_function(depth)

    def __len__(self) -> int:
        """Keys that wait for a worker."""
        return len(self._due) + len(self._normal) + len(self._low_ready)

    @property
    def urgent(self) -> bool:
        """Whether a key that is due waits for a worker."""
        return len(self._due) > 0

    def add(self, key: K, *, due: bool = False) -> None:
        """`key` will be given out once more, in the lane of those that are due if any of its adds says so."""
        lane = self._dirty.get(key)
        if self._closed or lane is True or lane is due:
            return
        self._dirty[key] = due
        if key in self._busy:
            return
        if lane is not None:
            self._normal.remove(key)  # it waits already, and moves up
            self._due.put(key, self._owner(key))
        else:
            self._give(key)

    def add_after(self, key: K, seconds: float, *, due: bool = False) -> None:
        """Adds `key` when the time has passed; of several times the earliest counts."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key, due=due)
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer and timer.when() <= loop.time() + seconds:
            return
        if timer:
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._time_has_come, key, due)

    def retry(self, key: K) -> float:
        """Adds `key` after its back-off, in seconds, which it returns."""
        metrics.QUEUE_RETRIES.inc()
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(FIRST_BACK_OFF_SECONDS * 2.0 ** min(failures, 32), LONGEST_BACK_OFF_SECONDS)
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """`key` has succeeded: its next failure starts with the shortest back-off."""
        self._failures.pop(key, None)

    def may_put_off(self, key: K) -> bool:
        """Whether others wait, and `key`, which is being worked on, may leave its status to the low lane."""
        others = len(self._due) + len(self._normal) > 0
        return others and self._put_off.get(key, float("inf")) > asyncio.get_running_loop().time()

    def put_off(self, key: K) -> None:
        """The status of `key`, which is being worked on, will be written by a later pass."""
        self._put_off.setdefault(key, asyncio.get_running_loop().time() + LOW_LANE_SECONDS)

    def settled(self, key: K) -> None:
        """Nothing of `key` is put off any more."""
        self._put_off.pop(key, None)

    async def get(self) -> K | None:
        """The next key, now this worker's until `done`; None once the queue is closed and empty."""
        while not len(self):
            if self._closed:
                return None
            waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._wakers.append(waker)
            try:
                await waker
            except asyncio.CancelledError:
                self._pass_on(waker)
                raise
        key = self._take()
        self._dirty.pop(key, None)
        self._busy.add(key)
        return key

    def done(self, key: K) -> None:
        """This worker is through with `key`."""
        self._busy.discard(key)
        if key in self._dirty:
            self._give(key)
        elif (deadline := self._put_off.get(key)) is not None:
            self._low_ready[key] = deadline
            heapq.heappush(self._low, (deadline, next(self._order), key))
            self._since(key)
            self._wake()

    def close(self) -> None:
        """Takes no more keys; workers get what is ready, then None."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        while self._wakers:
            self._wake()

    def _time_has_come(self, key: K, due: bool) -> None:
        del self._timers[key]
        self.add(key, due=due)

    def _give(self, key: K) -> None:
        if self._low_ready.pop(key, None) is not None:  # its pass will write what is put off, or put it off again
            del self._ready_since[key]
        lane = self._due if self._dirty[key] else self._normal
        lane.put(key, self._owner(key))
        self._since(key)
        self._wake()

    def _take(self) -> K:
        if len(self._due):
            return self._taken(self._due.pop(), "due")
        if self._low_ready and self._low_comes_first():
            self._low_was_last = True
            return self._taken(self._pop_low(), "low")
        self._low_was_last = False
        return self._taken(self._normal.pop(), "normal")

    def _low_comes_first(self) -> bool:
        if not len(self._normal):
            return True
        deadline, _, _ = self._low_head()
        return deadline <= asyncio.get_running_loop().time() and not self._low_was_last

    def _low_head(self) -> tuple[float, int, K]:
        while True:
            deadline, _, key = self._low[0]
            if self._low_ready.get(key) == deadline:
                return self._low[0]
            heapq.heappop(self._low)  # it was given out in another lane since

    def _pop_low(self) -> K:
        _, _, key = self._low_head()
        heapq.heappop(self._low)
        del self._low_ready[key]
        self._put_off[key] = float("-inf")  # whoever waits by now: this pass writes it
        return key

    def _since(self, key: K) -> None:
        self._ready_since.setdefault(key, asyncio.get_running_loop().time())

    def _taken(self, key: K, lane: str) -> K:
        waited = asyncio.get_running_loop().time() - self._ready_since.pop(key)
        metrics.QUEUE_LATENCY.labels(lane).observe(waited)
        return key

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

    def _depths(self) -> dict[str, Callable[[], float]]:
        return {
            "due": lambda: len(self._due),
            "normal": lambda: len(self._normal),
            "low": lambda: len(self._low_ready),
        }


class _Lane(Generic[K]):
    """Keys in the order they came, but for their owners, who take turns."""

    def __init__(self) -> None:
        self._owners: OrderedDict[Hashable, OrderedDict[K, None]] = OrderedDict()
        self._owner_of: dict[K, Hashable] = {}

    def __len__(self) -> int:
        return len(self._owner_of)

    def put(self, key: K, owner: Hashable) -> None:
        self._owner_of[key] = owner
        self._owners.setdefault(owner, OrderedDict())[key] = None

    def remove(self, key: K) -> None:
        owner = self._owner_of.pop(key)
        del self._owners[owner][key]
        if not self._owners[owner]:
            del self._owners[owner]

    def pop(self) -> K:
        owner, keys = self._owners.popitem(last=False)
        key, _ = keys.popitem(last=False)
        del self._owner_of[key]
        if keys:
            self._owners[owner] = keys  # behind all others
        return key
