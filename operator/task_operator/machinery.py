"""The operator without its ways in and out: every part wired to the others. Tests drive the same one."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from runtime import logs
from task_operator import metrics
from task_operator.alarms import AlarmKeeper, Scheduler
from task_operator.breaker import Breaker
from task_operator.cache import Cache, Key, key_of
from task_operator.publisher import Broker, Publisher
from task_operator.queue import WorkQueue
from task_operator.reconcile import Objects, Reconciler, waits_for_consumer
from task_operator.wakeups import Wakeups
from taskbell.events import Topic

LAST_PASSES_SECONDS = 10
"""How long the passes under way may take to end; a pod has 30 s in all."""

logger = logs.get(__name__)


class Machinery:
    """Belongs to one event loop. `reconciler` is fed with what is seen; `rang` is an alarm's callback."""

    def __init__(
        self,
        *,
        objects: Objects,
        broker: Broker,
        scheduler: Scheduler,
        pubsub: str,
        source: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._clock = clock
        self.cache = Cache()
        self.queue: WorkQueue[Key] = WorkQueue()
        self.wakeups = Wakeups(clock, self.queue.add, self._arm_everything_again)
        self.alarms = AlarmKeeper(scheduler, Breaker("scheduler"))
        self.publisher = Publisher(
            broker=broker,
            pubsub=pubsub,
            source=source,
            told=self.queue.add,
            breakers={
                Topic.TASK_EVENTS: Breaker(Topic.TASK_EVENTS, opened=self._advance_ourselves),
                Topic.SCHEDULE_EVENTS: Breaker(Topic.SCHEDULE_EVENTS),
                Topic.REMINDERS: Breaker(Topic.REMINDERS),
            },
            clock=clock,
        )
        self.reconciler = Reconciler(
            objects=objects,
            cache=self.cache,
            queue=self.queue,
            publisher=self.publisher,
            alarms=self.alarms,
            wakeups=self.wakeups,
            clock=clock,
        )
        self._background = (self.publisher, self.alarms, self.wakeups)
        self._tasks: list[asyncio.Task[None]] = []
        self._workers: list[asyncio.Task[None]] = []

    def start(self, workers: int, died: Callable[[BaseException], None]) -> None:
        """Works off what has been seen so far, and all that comes; `died` gets what one of the parts died of."""
        self._tasks = [_spawn(part.run(), died) for part in self._background]
        self._workers = [_spawn(self.reconciler.work(), died) for _ in range(workers)]

    async def stop(self) -> None:
        """Lets every pass under way come to its end."""
        self.queue.close()
        if self._workers:
            await asyncio.wait(self._workers, timeout=LAST_PASSES_SECONDS)
        await self.kill()

    async def kill(self) -> None:
        """Ends wherever it is."""
        tasks = (*self._workers, *self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def rang(self, uid: str) -> None:
        """The alarm of the object `uid`, known here or not, has rung."""
        metrics.RINGS.inc()
        self.alarms.rang(uid, self._clock())
        self.wakeups.rang()

    def _advance_ourselves(self) -> None:
        for schedule in self.cache.schedules():
            if waits_for_consumer(schedule):
                self.queue.add(key_of(schedule))

    def _arm_everything_again(self) -> None:
        logger.warning("alarms were missed and none rang: armed again", action="arm")
        self.alarms.forget_all()
        for key in self.cache.known():
            self.queue.add(key)


def _spawn(coroutine: Coroutine[Any, Any, None], died: Callable[[BaseException], None]) -> asyncio.Task[None]:
    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            died(error)

    task = asyncio.create_task(coroutine)
    task.add_done_callback(ended)
    return task
