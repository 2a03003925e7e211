"""Kubernetes Events, for whoever looks with `kubectl describe`. Nothing depends on them: no worker waits, none is sent
twice after a failure, and what comes too fast is left out and counted.

As client-go's recorder has it, what happens again to the same object is a series: one Event with a count. An object
has `BURST` Events at once and then one every `REFILL_SECONDS`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from runtime import logs
from runtime.apiserver import ApiError, Unreachable
from runtime.kube_events import KubeEvent
from task_operator import metrics
from task_operator.cache import Key
from taskbell.lifecycle.story import Record
from taskbell.resources import Metadata

BURST = 25
REFILL_SECONDS = 300.0

SERIES_ENDS_SECONDS = 360.0
"""What happens again after this is an Event of its own."""

SERIES_PAUSE_SECONDS = 30.0
"""How often the count of a series is written."""

PAUSE_SECONDS = 0.02
"""Between two writes: a burst of tasks shall not compete with a burst of Events about them."""

LONGEST_QUEUE = 500
REMEMBERED = 4096
"""Series, and objects with their allowances."""

logger = logs.get(__name__)

K = TypeVar("K")
V = TypeVar("V")


class KubeEvents(Protocol):
    """Laws: every call may be repeated. Raises ApiError and Unreachable."""

    async def create(self, event: KubeEvent) -> None: ...

    async def repeat(self, event: KubeEvent, count: int, last: datetime) -> None: ...


_Identity = tuple[str, Record]


@dataclass(slots=True)
class _Series:
    event: KubeEvent
    last: datetime
    seen_at: float
    count: int = 1
    written: int = 0


@dataclass(slots=True)
class _Allowance:
    """A token bucket."""

    left: float
    at: float


class Recorder:
    """Belongs to one event loop."""

    def __init__(
        self, events: KubeEvents, instance: str, clock: Callable[[], datetime], leads: Callable[[], bool]
    ) -> None:
        self._events = events
        self._instance = instance
        self._clock = clock
        self._leads = leads
        self._series: OrderedDict[_Identity, _Series] = OrderedDict()
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()
        self._waiting: OrderedDict[_Identity, None] = OrderedDict()
        self._work = asyncio.Event()

    def record(self, key: Key, regarding: Metadata, records: Iterable[Record]) -> None:
        """These things have happened to the object."""
        for record in records:
            self._record(key, regarding, record)

    async def run(self) -> None:
        """Writes until cancelled, or until the lease is lost."""
        while True:
            if not self._waiting:
                self._work.clear()
                await self._work.wait()
            if not self._leads():
                return
            identity, _ = self._waiting.popitem(last=False)
            await self._write(self._series.get(identity))
            await asyncio.sleep(PAUSE_SECONDS)

    def _record(self, key: Key, regarding: Metadata, record: Record) -> None:
        identity, now = (regarding.uid, record), asyncio.get_running_loop().time()
        known = self._series.get(identity)
        if known and now - known.seen_at < SERIES_ENDS_SECONDS:
            known.count, known.last, known.seen_at = known.count + 1, self._clock(), now
            if known.count - known.written == 1:
                asyncio.get_running_loop().call_later(SERIES_PAUSE_SECONDS, self._enqueue, identity)
            return
        if not self._allowed(regarding.uid, now) or len(self._waiting) >= LONGEST_QUEUE:
            metrics.RECORDS.labels("left_out").inc()
            return
        at = self._clock()
        event = KubeEvent(
            key.kind, regarding, record.reason, record.action, record.note, record.warning, at, self._instance
        )
        _remember(self._series, identity, _Series(event, at, now))
        self._enqueue(identity)

    def _enqueue(self, identity: _Identity) -> None:
        self._waiting[identity] = None
        self._work.set()

    def _allowed(self, uid: str, now: float) -> bool:
        allowance = self._allowances.get(uid) or _Allowance(BURST, now)
        left = min(allowance.left + (now - allowance.at) / REFILL_SECONDS, BURST)
        _remember(self._allowances, uid, _Allowance(max(left - 1, 0) if left >= 1 else left, now))
        return left >= 1

    async def _write(self, series: _Series | None) -> None:
        if series is None or series.written == series.count:
            return
        first, series.written = series.written == 0, series.count
        try:
            if first:
                await self._events.create(series.event)
            if series.count > 1:
                await self._events.repeat(series.event, series.count, series.last)
        except (ApiError, Unreachable) as error:
            metrics.RECORDS.labels("failed").inc()
            logger.debug("event not recorded", action="record", why=str(error))
        else:
            metrics.RECORDS.labels("written").inc()


def _remember(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
