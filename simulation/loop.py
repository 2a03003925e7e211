"""An event loop without sockets and without waiting: when nothing is ready it is the next timer's time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


class Stuck(RuntimeError):
    """Everybody waits, and nothing will ever happen."""


class VirtualLoop(asyncio.BaseEventLoop):
    """`time()` is in seconds since the loop was made, to the microsecond; it is the same however long a run takes."""

    def __init__(self) -> None:
        super().__init__()
        self._elapsed = 0.0
        self._selector = self  # the base class asks it for I/O, which there is none of
        self._clock_resolution = 1e-6  # years of seconds in a float leave no finer one

    def time(self) -> float:
        return self._elapsed

    def select(self, timeout: float | None = None) -> tuple[()]:
        if timeout is None:
            raise Stuck("everybody waits, and nothing will ever happen")
        if timeout > 0:
            self._elapsed = round(self._elapsed + timeout, 6)
        return ()

    def _process_events(self, event_list: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def run(main: Callable[[], Coroutine[Any, Any, R]]) -> R:
    """Runs `main()` on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
