"""The operator without its ways in and out: every part wired to the others. Tests drive the same one.

The cache is kept warm whether this replica leads or not. Everything else lasts for one term of leadership: from `start`
to `stop` or `kill`, after which it may be started again. A term is to the next what a process is to its restart.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from runtime import logs
from task_operator import metrics
from task_operator.alarms import AlarmKeeper, Scheduler
from task_operator.breaker import Breaker
from task_operator.cache import Cache, Key
from task_operator.publisher import Broker, Publisher
from task_operator.queue import WorkQueue
from task_operator.reconcile import Objects, Reconciler
from task_operator.recorder import KubeEvents, Recorder
from task_operator.wakeups import Wakeups
from taskbell.events import Topic

CLOCK_SKEW = timedelta(seconds=60)
"""A ring this early is the scheduler's clock running ahead of ours."""

CANCEL_SECONDS = 0.5
"""Until what has not ended is cancelled again."""

LAST_PASSES_SECONDS = 10
"""How long the passes under way may take to end; a pod has 30 s in all."""

A_LITTLE_SECONDS = 0.001
"""A timer that ends a moment too early finds nothing to do."""

logger = logs.get(__name__)


class Machinery:
    """Belongs to one event loop. `reconciler` is fed with what is seen; `rang` is an alarm's callback. `leads` says,
    before every action, whether this replica may still act; `instance` is its name in Kubernetes Events."""

    def __init__(
        self,
        *,
        objects: Objects,
        broker: Broker,
        scheduler: Scheduler,
        kube_events: KubeEvents,
        pubsub: str,
        source: str,
        clock: Callable[[], datetime],
        leads: Callable[[], bool] = lambda: True,
        instance: str = "operator",
    ) -> None:
        self._objects = objects
        self._broker = broker
        self._scheduler = scheduler
        self._kube_events = kube_events
        self._pubsub = pubsub
        self._source = source
        self._clock = clock
        self._leads = leads
        self._instance = instance
        self.cache = Cache()
        self._tasks: list[asyncio.Task[None]] = []
        self._workers: list[asyncio.Task[None]] = []
        self._new_term()

    def start(self, workers: int, died: Callable[[BaseException], None]) -> None:
        """Works off everything that is known, and all that comes; `died` gets what one of the parts died of."""
        for key in self.cache.known():
            self.queue.add(key)
        self._tasks = [spawn(part.run(), died) for part in self._background]
        self._workers = [spawn(self.reconciler.work(), died) for _ in range(workers)]

    async def stop(self) -> None:
        """Lets every pass under way come to its end."""
        self.queue.close()
        if self._workers:
            await asyncio.wait(self._workers, timeout=LAST_PASSES_SECONDS)
        await self.kill()

    async def kill(self) -> None:
        """Ends wherever it is."""
        self.queue.close()
        await end(*self._workers, *self._tasks)
        self._tasks, self._workers = [], []
        self._new_term()

    async def look_at(self, key: Key) -> None:
        """Reads one object afresh, whatever the watch says. Raises as `Reconciler.look_at`."""
        await self.reconciler.look_at(key)

    def rang(self, uid: str) -> None:
        """The alarm of the object `uid`, known here or not, has rung."""
        metrics.RINGS.inc()
        now = self._clock()
        self._rang_early(uid, now)
        self.alarms.rang(uid, now)
        self.wakeups.rang()

    def _rang_early(self, uid: str, now: datetime) -> None:
        """Where the scheduler's clock is ahead of ours the time is waited for here."""
        key, at = self.cache.key_of_uid(uid), self.alarms.armed(uid)
        if key and at and now < at < now + CLOCK_SKEW:
            self.queue.add_after(key, (at - now).total_seconds() + A_LITTLE_SECONDS, due=True)

    def _new_term(self) -> None:
        self.queue: WorkQueue[Key] = WorkQueue(self._user_of)
        self.wakeups = Wakeups(self._clock, self._wake, self._arm_everything_again)
        self.alarms = AlarmKeeper(self._scheduler, Breaker("scheduler"), self._leads, lambda: self.queue.urgent)
        self.publisher = Publisher(
            broker=self._broker,
            pubsub=self._pubsub,
            source=self._source,
            told=self.queue.add,
            breakers={
                Topic.TASK_EVENTS: Breaker(Topic.TASK_EVENTS, opened=self._advance_ourselves),
                Topic.SCHEDULE_EVENTS: Breaker(Topic.SCHEDULE_EVENTS),
                Topic.REMINDERS: Breaker(Topic.REMINDERS),
            },
            clock=self._clock,
            leads=self._leads,
        )
        self.recorder = Recorder(self._kube_events, self._instance, self._clock, self._leads)
        self.reconciler = Reconciler(
            objects=self._objects,
            cache=self.cache,
            queue=self.queue,
            publisher=self.publisher,
            alarms=self.alarms,
            wakeups=self.wakeups,
            recorder=self.recorder,
            clock=self._clock,
            leads=self._leads,
        )
        self._background = (self.publisher, self.alarms, self.wakeups, self.recorder)

    def _user_of(self, key: Key) -> str:
        return self.cache.user_of(key)

    def _wake(self, key: Key, alarm: bool) -> None:
        self.queue.add(key, due=alarm)

    def _advance_ourselves(self) -> None:
        for schedule in self.cache.closed_schedules():
            self.queue.add(schedule)

    def _arm_everything_again(self) -> None:
        logger.warning("alarms were missed and none rang: armed again", action="arm")
        self.alarms.forget_all()
        for key in self.cache.known():
            self.queue.add(key)


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancels them, and returns when they have ended."""
    left = set(tasks)
    while left:
        # A call that runs into its time-out at this very moment takes the cancellation for that: cancel again.
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_SECONDS)


def spawn(coroutine: Coroutine[Any, Any, None], died: Callable[[BaseException], None]) -> asyncio.Task[None]:
    """Runs beside us; `died` gets what it died of."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            died(error)

    task = asyncio.create_task(coroutine)
    task.add_done_callback(ended)
    return task
