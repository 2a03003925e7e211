"""A circuit breaker: after a failure the other side is left alone for a while, longer each time."""

import asyncio
from collections.abc import Awaitable, Callable

from runtime import logs

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 8.0
"""A probe is one event: to ask often costs nothing, and what waits is told soon after the other side is back."""

logger = logs.get(__name__)

Sleep = Callable[[float], Awaitable[None]]


class Breaker:
    """Opens at the first failure, closes at the first success. `opened` is called each time it opens."""

    def __init__(self, name: str, opened: Callable[[], None] = lambda: None, sleep: Sleep = asyncio.sleep) -> None:
        self._name = name
        self._opened = opened
        self._sleep = sleep
        self._failures = 0

    @property
    def open(self) -> bool:
        return self._failures > 0

    def succeeded(self) -> None:
        if self._failures:
            logger.info("it answers again", action="breaker", name=self._name)
        self._failures = 0

    async def failed(self, why: str) -> None:
        """Returns when it is time to try once more."""
        self._failures += 1
        if self._failures == 1:
            logger.warning("it does not answer; left alone for a while", action="breaker", name=self._name, why=why)
            self._opened()
        await self._sleep(min(_FIRST_SECONDS * 2.0 ** min(self._failures - 1, 32), _LONGEST_SECONDS))
