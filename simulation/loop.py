"""An event loop without sockets and without waiting: when nothing is ready it is the next timer's time."""

import asyncio
import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

OWNER: ContextVar[object | None] = ContextVar("owner", default=None)
"""Whose a callback is: it waits while its owner is stopped."""

R = TypeVar("R")


CANCELLED_TIMERS = 200
"""More than these are swept out."""


MOST_TURNS = 20_000
"""At one instant: more is an endless loop."""


class Stuck(RuntimeError):
    """Everybody waits, or goes on, and no time will ever pass."""


class VirtualLoop(asyncio.BaseEventLoop):
    """`time()` is in seconds since the loop was made; it is the same however long a run takes."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[Any]
    _timer_cancelled_count: int

    def __init__(self) -> None:
        super().__init__()
        self._elapsed = 0.0
        self._turns = 0
        self._stopped: set[object] = set()
        self._held: defaultdict[object, list[asyncio.Handle]] = defaultdict(list)

    def time(self) -> float:
        return self._elapsed

    def _run_once(self) -> None:
        """As the base class has it, without what I/O and a real clock need: a third of a life's overhead."""
        ready, timers = self._ready, self._scheduled
        if self._timer_cancelled_count > CANCELLED_TIMERS:
            self._sweep()
        if not ready:
            while timers and timers[0].cancelled():
                heapq.heappop(timers)._scheduled = False  # noqa: SLF001  (the base class counts by it)
                self._timer_cancelled_count -= 1
            if not timers:
                raise Stuck("everybody waits, and nothing will ever happen")
            if timers[0].when() > self._elapsed:
                self._elapsed, self._turns = timers[0].when(), 0
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise Stuck("something goes on and on, and no time passes")
        while timers and timers[0].when() <= self._elapsed:
            timer = heapq.heappop(timers)
            timer._scheduled = False  # noqa: SLF001
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if self._stopped and (owner := _owner(handle)) in self._stopped:
                self._held[owner].append(handle)
            elif not handle.cancelled():
                handle._run()  # noqa: SLF001

    def stop_owner(self, owner: object) -> None:
        """SIGSTOP: whatever is its own happens only after `continue_owner`, all at once and in order."""
        self._stopped.add(owner)

    def continue_owner(self, owner: object) -> None:
        """SIGCONT."""
        self._stopped.discard(owner)
        self._ready.extend(self._held.pop(owner, ()))

    def is_stopped(self, owner: object) -> bool:
        return owner in self._stopped

    def _sweep(self) -> None:
        kept = [timer for timer in self._scheduled if not timer.cancelled()]
        self._scheduled[:] = kept
        heapq.heapify(self._scheduled)
        self._timer_cancelled_count = 0

    def _write_to_self(self) -> None:
        pass


def _owner(handle: Any) -> object | None:
    owner: object | None = handle._context.get(OWNER)  # noqa: SLF001  (the base class has no other way to it)
    return owner


def run(main: Callable[[], Coroutine[Any, Any, R]]) -> R:
    """Runs `main()` on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
