"""Processes that may die at any of their effects, and the way from them to the other side and back.

In calm weather a request suspends its caller once and is carried out. In rough weather requests and answers travel for
a while, or get lost: what was asked for may have happened though its caller heard nothing, and what a dead process had
sent still arrives, perhaps after its successor has begun to work.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import TypeVar, cast

from simulation.loop import OWNER, VirtualLoop

T = TypeVar("T")

OUTSIDE = Context()
"""Of what happens on the other side, whoever asked for it."""


class Process:
    """What may be killed or stopped. `fuse`: how many effects it still has, and whether it dies just before the last
    one. What belongs to it runs in its `context`; `acts` hears of each request that is to change something."""

    def __init__(self, name: str, died: Callable[[], None], acts: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.acts = acts
        self._loop = cast("VirtualLoop", asyncio.get_running_loop())
        self._context = Context()
        self._context.run(OWNER.set, self)
        self.dead = False
        self.fuse: tuple[int, bool] | None = None
        self._died = died

    @property
    def context(self) -> Context:
        """A copy: one that runs cannot be entered again."""
        return self._context.copy()

    @property
    def stopped(self) -> bool:
        return self._loop.is_stopped(self)

    def stop(self) -> None:
        """SIGSTOP. What it sent is on its way; timers run out, and it notices when it goes on."""
        if not self.dead:
            self._loop.stop_owner(self)

    def go_on(self) -> None:
        """SIGCONT."""
        self._loop.continue_owner(self)

    def burns(self, *, before: bool) -> bool:
        """Called before and after each effect: whether the process has just died."""
        if self.fuse is None:
            return False
        left, at_start = self.fuse
        if left > 0:
            self.fuse = (left - (not before), at_start)
            return False
        if before is not at_start:
            return False
        self.kill()
        return True

    def kill(self) -> None:
        """kill -9."""
        if not self.dead:
            self.dead, self.fuse = True, None
            self.go_on()  # only so that what is left of it can be cleared away
            self._died()


@dataclass(slots=True)
class Weather:
    """Until when (loop time, seconds) something is wrong with one side of the world, and how much."""

    down: float = 0.0
    hangs: float = 0.0
    slow: float = 0.0
    slowest: float = 0.0
    lossy: float = 0.0
    loss: float = 0.0

    def rough(self, now: float) -> bool:
        return now < max(self.down, self.hangs, self.slow, self.lossy)


class Network:
    """To one other side. `unreachable` makes the error of its real client, `timeout` is that client's, in seconds."""

    def __init__(self, random: Random, timeout: float, unreachable: Callable[[str], Exception]) -> None:
        self._random = random
        self._timeout = timeout
        self._unreachable = unreachable
        self._loop = asyncio.get_running_loop()
        self.weather = Weather()
        self.rough_until = 0.0
        """While processes are to die at an effect, requests take time too."""

    async def carry(self, process: Process, effect: Callable[[], T]) -> T:
        """What `effect` returns or raises on the other side; raises what the client raises if no answer comes."""
        if not process.dead and process.fuse is None and not self._rough():
            await asyncio.sleep(0)
            if not process.dead:
                return OUTSIDE.copy().run(effect)
        if process.dead:
            await self._loop.create_future()
        return await self._carry_roughly(process, effect)

    def _rough(self) -> bool:
        now = self._loop.time()
        return now < self.rough_until or self.weather.rough(now)

    async def _carry_roughly(self, process: Process, effect: Callable[[], T]) -> T:
        now, weather = self._loop.time(), self.weather
        if now < weather.down:
            await asyncio.sleep(0.001)
            raise self._unreachable("connection refused")
        answer: asyncio.Future[T] = self._loop.create_future()
        slowest = weather.slowest if now < weather.slow else 0.02
        there, back = self._random.random() ** 4 * slowest, self._random.random() ** 4 * slowest
        loss = weather.loss if now < weather.lossy else 0.0
        lost_there, lost_back = self._random.random() < loss, self._random.random() < loss
        if now < weather.hangs:
            # Either nothing of it gets through, or it was only the answer.
            lost_there, lost_back = lost_there or self._random.random() < 0.7, True
        if not lost_there:
            answers = None if lost_back else back
            self._loop.call_later(there, self._land, process, effect, answer, answers, context=OUTSIDE.copy())
        try:
            async with asyncio.timeout(self._timeout):
                return await answer
        except TimeoutError as error:
            raise self._unreachable("no answer in time") from error

    def _land(self, process: Process, effect: Callable[[], T], answer: asyncio.Future[T], back: float | None) -> None:
        if process.burns(before=True):
            return
        result: T | Exception
        try:
            result = effect()
        except Exception as error:  # noqa: BLE001  (a refusal travels back like any answer)
            result = error
        if process.burns(before=False) or back is None:
            return
        self._loop.call_later(back, _settle, answer, result)


def _settle(answer: "asyncio.Future[T]", result: T | Exception) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
