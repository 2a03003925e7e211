"""Tells the event stream what the plans say it has still to be told. No worker ever waits for the broker.

What waits is recomputed by every pass from the resources and replaces what waited before, so it grows with the number
of objects, never with the length of an outage. What was accepted is remembered until the status says so. One batch a
topic is in flight, with at most one event of an object, so that each object's events keep their order.

If this process ends after a batch was accepted and before the status says so, the same events are sent again under the
same ids; if a batch times out it may still be accepted later: readers deduplicate by (source, id).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Protocol

from runtime import logs
from runtime.dapr import Unavailable
from task_operator import metrics
from task_operator.breaker import Breaker
from task_operator.cache import Key
from taskbell.events import ReminderEvent, Topic
from taskbell.lifecycle.actions import Receipts, Telling

BATCH = 100
"""Events in one bulk publish."""

TOPICS = (Topic.TASK_EVENTS, Topic.SCHEDULE_EVENTS, Topic.REMINDERS)

logger = logs.get(__name__)


class Broker(Protocol):
    """Laws: `publish` returns the positions that were not accepted, or raises Unavailable when none may have been; the
    rest is stored for good, in order. It may be repeated."""

    async def publish(self, pubsub: str, topic: str, events: Sequence[dict[str, Any]]) -> set[int]: ...


class Publisher:
    """`told` is called with an object's key each time something of it was accepted. Each topic has its breaker. `leads`
    is asked before every batch: a replica that lost its lease in its sleep tells nothing any more."""

    def __init__(
        self,
        *,
        broker: Broker,
        pubsub: str,
        source: str,
        told: Callable[[Key], None],
        breakers: Mapping[Topic, Breaker],
        clock: Callable[[], datetime],
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._broker = broker
        self._pubsub = pubsub
        self._source = source
        self._told = told
        self._breakers = breakers
        self._clock = clock
        self._leads = leads
        self._waiting: dict[Topic, dict[str, tuple[Key, tuple[Telling, ...]]]] = {topic: {} for topic in TOPICS}
        self._offered = {topic: asyncio.Event() for topic in TOPICS}
        self._in_flight: dict[Topic, set[str]] = {topic: set() for topic in TOPICS}
        self._receipts: dict[str, Receipts] = {}
        for topic in TOPICS:
            metrics.EVENTS_WAITING.labels(topic).set_function(partial(self._count_waiting, topic))

    def _count_waiting(self, topic: Topic) -> int:
        return len(self._waiting[topic])

    @property
    def away(self) -> bool:
        """Whether no event reaches the recurring consumer: the broker did not take the last one for it."""
        return self._breakers[Topic.TASK_EVENTS].open

    def offer(self, key: Key, uid: str, tellings: tuple[Telling, ...]) -> None:
        """All that is still to be told about the object `uid`, in order, in place of what waited before."""
        for topic, waiting in self._waiting.items():
            mine = tuple(telling for telling in tellings if telling.event.topic is topic)
            if mine:
                waiting[uid] = (key, mine)
                self._offered[topic].set()
            else:
                waiting.pop(uid, None)

    def receipts(self, uid: str) -> Receipts:
        """What was accepted and is not in the object's status yet."""
        return self._receipts.get(uid, Receipts())

    def noted(self, uid: str, receipts: Receipts) -> None:
        """The status says `receipts` now."""
        if self._receipts.get(uid) == receipts:
            del self._receipts[uid]

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._receipts.pop(uid, None)
        for topic in TOPICS:
            self._waiting[topic].pop(uid, None)
            self._in_flight[topic].discard(uid)

    async def run(self) -> None:
        """Publishes until cancelled, or until the lease is lost."""
        drains = [asyncio.create_task(self._drain(topic)) for topic in TOPICS]
        try:
            # Not a TaskGroup: that one cancels once, and a call that times out just then takes it for its time-out.
            await asyncio.gather(*drains)
        finally:
            for drain in drains:
                drain.cancel()

    async def _drain(self, topic: Topic) -> None:
        while True:
            if not self._waiting[topic]:
                self._offered[topic].clear()
                await self._offered[topic].wait()
            if not self._leads():
                return
            await self._publish(topic)

    async def _publish(self, topic: Topic) -> None:
        # After a failure a single event feels its way.
        size = 1 if self._breakers[topic].open else BATCH
        waiting = islice(self._waiting[topic].items(), size)
        batch = [(uid, key, tellings[0]) for uid, (key, tellings) in waiting]
        self._in_flight[topic] = {uid for uid, _, _ in batch}
        try:
            now = self._clock()
            events = [telling.event.cloud_event(self._source, now) for _, _, telling in batch]
            with metrics.PUBLISH_SECONDS.labels(topic).time():
                refused = await self._broker.publish(self._pubsub, topic, events)
        except Unavailable as error:
            self._put_last(topic, (uid for uid, _, _ in batch))
            metrics.PUBLISH_FAILURES.labels(topic).inc()
            await self._fail(topic, str(error))
            return
        for position, (uid, key, telling) in enumerate(batch):
            if position not in refused:
                self._accept(topic, uid, key, telling)
        if refused:
            self._put_last(topic, (uid for position, (uid, _, _) in enumerate(batch) if position in refused))
            metrics.PUBLISH_FAILURES.labels(topic).inc()
            await self._fail(topic, f"{len(refused)} of {len(batch)} events were refused")
        else:
            self._breakers[topic].succeeded()
            metrics.BROKER_AWAY.labels(topic).set(0)

    def _put_last(self, topic: Topic, uids: Iterable[str]) -> None:
        # One event that is never accepted must not keep back those of all other objects.
        waiting = self._waiting[topic]
        for uid in uids:
            if uid in waiting:
                waiting[uid] = waiting.pop(uid)

    async def _fail(self, topic: Topic, why: str) -> None:
        metrics.BROKER_AWAY.labels(topic).set(1)
        await self._breakers[topic].failed(why)

    def _accept(self, topic: Topic, uid: str, key: Key, telling: Telling) -> None:
        known, event = self.receipts(uid), telling.event
        if uid in self._in_flight[topic]:  # else the object has gone since, and nobody would note it
            self._receipts[uid] = Receipts(telling.told or known.told, known.event_ids | {event.id})
        _, waiting = self._waiting[topic].get(uid, (key, ()))
        rest = tuple(each for each in waiting if each.event.id != event.id)
        if rest:
            self._waiting[topic][uid] = (key, rest)
        else:
            self._waiting[topic].pop(uid, None)
        metrics.PUBLISHED.labels(topic).inc()
        if isinstance(event.data, ReminderEvent):
            lateness = (self._clock() - event.data.remind_at).total_seconds()
            metrics.REMINDER_LATENESS.observe(max(lateness, 0))
        logger.info("event told", action="publish", event_id=event.id, type=event.type, key=str(key))
        self._told(key)
