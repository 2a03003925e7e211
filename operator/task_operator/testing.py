"""The world around the operator, in memory: API server, broker, scheduler, and a clock for which nobody waits.

The three obey the laws in the docstrings of `Objects`, `Broker` and `Scheduler`. `World` wires an operator into them as
`service` does; on a `TimelessLoop` its hours pass at once. Fails as told to: away, in the way, or killed at an effect.
"""

import asyncio
import copy
import itertools
import selectors
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from runtime.apiserver import AlreadyExists, Conflict, Invalid, NotFound
from runtime.dapr import Unavailable
from runtime.kube_events import KubeEvent
from runtime.leases import Lease
from task_operator.alarms import AlarmKeeper
from task_operator.cache import Cache, Key
from task_operator.machinery import Machinery
from task_operator.publisher import Publisher
from task_operator.queue import WorkQueue
from task_operator.reading import read
from task_operator.reconcile import Reconciler
from task_operator.wakeups import Wakeups
from taskbell.resources import API_VERSION, KINDS, Metadata, Model, Resource, Task, TaskSchedule, instant_text

R = TypeVar("R", bound=Resource)

NAMESPACE = "default"


class TimelessLoop(asyncio.SelectorEventLoop):
    """Its time jumps to the next timer as soon as nothing else is to be done."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits and nothing will ever happen")
        if not ready and timeout:
            self.elapsed += timeout
        return ready


class Died(BaseException):
    """kill -9 of the operator."""


class Fuse:
    """Kills the operator at one effect on the world: just before it, or after it and before its answer."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._before = True
        self.effects = 0
        self.blown = asyncio.Event()

    def burn(self, left: int, *, before: bool) -> None:
        """The effect number `left` from now on is the last."""
        self._left, self._before = left, before

    def renew(self) -> None:
        self._left = None
        self.blown.clear()

    def check(self, *, before: bool) -> None:
        """Called before and after each effect."""
        self.effects += before
        if self._left is None:
            return
        if self.blown.is_set() or (self._left == 0 and before is self._before):
            self.blown.set()
            raise Died
        self._left -= not before


class MemoryApiServer:
    """Objects in their wire form: resourceVersions, generations, finalizers, preconditions.

    Each call takes `latency` seconds. `watch` hears of each change `lag` seconds later, in order; `before` is called
    with the verb and the name of each call: it may raise, or change the world behind the caller's back."""

    def __init__(self, clock: Callable[[], datetime], fuse: Fuse | None = None) -> None:
        self._clock = clock
        self._fuse = fuse or Fuse()
        self._stored: dict[Key, dict[str, Any]] = {}
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)
        self._untold: deque[tuple[type[Resource], dict[str, Any], bool]] = deque()
        self.ending_namespaces: set[str] = set()
        self.lag = 0.0
        self.latency = 0.0
        self.watch: Callable[[type[Resource], dict[str, Any], bool], None] = _nobody_watches
        self.before: Callable[[str, str], None] = _nothing_is_wrong

    def all(self, kind: type[R]) -> list[R]:
        return [kind.model_validate(body) for key, body in self._stored.items() if key.kind is kind]

    def bodies(self, kind: type[Resource]) -> list[dict[str, Any]]:
        """All objects of a kind as they are stored."""
        return [copy.deepcopy(body) for key, body in self._stored.items() if key.kind is kind]

    def body(self, kind: type[Resource], name: str) -> dict[str, Any]:
        """The object as it is stored."""
        return copy.deepcopy(self._stored[Key(kind, NAMESPACE, name)])

    def edit(self, kind: type[R], name: str, changes: dict[str, Any]) -> R:
        """What a person does with `kubectl patch`: a merge patch without a guard."""
        return kind.model_validate(self._merge(Key(kind, NAMESPACE, name), changes))

    def write_newer(self, kind: type[Resource], name: str, changes: dict[str, Any]) -> None:
        """What a person does who has a newer version: this one need not be able to read it."""
        self._merge(Key(kind, NAMESPACE, name), changes)

    def write_newer_status(self, kind: type[Resource], name: str, status: dict[str, Any]) -> None:
        """What an operator of a newer version does."""
        key = Key(kind, NAMESPACE, name)
        self._store(key, {**self._stored[key], "status": status})

    def remove(self, kind: type[Resource], name: str) -> None:
        """`kubectl delete`."""
        self._delete(Key(kind, NAMESPACE, name))

    def vanish(self, kind: type[Resource], name: str) -> None:
        """Gone, and no watch says so."""
        del self._stored[Key(kind, NAMESPACE, name)]

    async def get_raw(self, kind: type[Resource], namespace: str, name: str) -> dict[str, Any]:
        await self._asked("get", name)
        return copy.deepcopy(self._find(Key(kind, namespace, name)))

    async def create(self, kind: type[R], namespace: str, metadata: dict[str, Any], spec: Model) -> R:
        await self._asked("create", metadata["name"])
        self._fuse.check(before=True)
        key = Key(kind, namespace, metadata["name"])
        if key in self._stored:
            raise AlreadyExists(409, "AlreadyExists", f"{key} already exists")
        made = {
            "namespace": namespace,
            "uid": f"{next(self._uids):05d}-uid",
            "generation": 1,
            "creationTimestamp": instant_text(self._clock().replace(microsecond=0)),
        }
        body = {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": {**metadata, **made}, "spec": spec.wire()}
        answer = self._store(key, body)
        self._fuse.check(before=False)
        return kind.model_validate(answer)

    async def patch(self, kind: type[R], metadata: Metadata, changes: dict[str, Any]) -> R:
        await self._asked("patch", metadata.name)
        self._fuse.check(before=True)
        answer = self._merge(self._guarded(kind, metadata), changes)
        self._fuse.check(before=False)
        return kind.model_validate(answer)

    async def put_status(self, kind: type[R], metadata: Metadata, status: Model) -> R:
        await self._asked("put_status", metadata.name)
        self._fuse.check(before=True)
        key = self._guarded(kind, metadata)
        answer = self._store(key, {**self._stored[key], "status": status.wire()})
        self._fuse.check(before=False)
        return kind.model_validate(answer)

    async def patch_conditions(
        self, kind: type[Resource], metadata: Metadata, conditions: list[dict[str, Any]]
    ) -> None:
        await self._asked("patch_conditions", metadata.name)
        self._fuse.check(before=True)
        key = self._guarded(kind, metadata)
        status = {**self._stored[key].get("status", {}), "conditions": conditions}
        self._store(key, {**self._stored[key], "status": status})
        self._fuse.check(before=False)

    async def metadata(self, kind: type[Resource], namespace: str | None) -> AsyncIterator[list[dict[str, Any]]]:
        await self._asked("metadata", "")
        listed = [(key, body) for key, body in self._stored.items() if key.kind is kind]
        yield [copy.deepcopy(body["metadata"]) for key, body in listed if namespace in {None, key.namespace}]

    async def namespace_ends(self, namespace: str) -> bool:
        await self._asked("namespace_ends", namespace)
        return namespace in self.ending_namespaces

    async def delete(self, kind: type[Resource], metadata: Metadata) -> None:
        await self._asked("delete", metadata.name)
        self._fuse.check(before=True)
        self._delete(self._guarded(kind, metadata))
        self._fuse.check(before=False)

    async def _asked(self, verb: str, name: str) -> None:
        self.before(verb, name)
        await asyncio.sleep(self.latency)

    def _find(self, key: Key) -> dict[str, Any]:
        if key not in self._stored:
            raise NotFound(404, "NotFound", f"{key} not found")
        return self._stored[key]

    def _guarded(self, kind: type[Resource], metadata: Metadata) -> Key:
        key = Key(kind, metadata.namespace, metadata.name)
        stored = self._find(key)["metadata"]
        if (stored["uid"], stored["resourceVersion"]) != (metadata.uid, metadata.resource_version):
            raise Conflict(409, "Conflict", f"{key} has been modified")
        return key

    def _merge(self, key: Key, changes: dict[str, Any]) -> dict[str, Any]:
        old = self._find(key)
        new = _merged(copy.deepcopy(old), {name: change for name, change in changes.items() if name != "status"})
        added = set(new["metadata"].get("finalizers", ())) - set(old["metadata"].get("finalizers", ()))
        if added and "deletionTimestamp" in old["metadata"]:
            raise Invalid(422, "Invalid", "no new finalizers can be added if the object is being deleted")
        if new["spec"] != old["spec"]:
            new["metadata"]["generation"] += 1
        if "deletionTimestamp" in new["metadata"] and not new["metadata"].get("finalizers"):
            return self._vanished(key, new)
        return self._store(key, new)

    def _delete(self, key: Key) -> None:
        body = copy.deepcopy(self._find(key))
        metadata = body["metadata"]
        if not metadata.get("finalizers"):
            self._vanished(key, body)
        elif "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = instant_text(self._clock().replace(microsecond=0))
            metadata["generation"] += 1
            self._store(key, body)

    def _store(self, key: Key, body: dict[str, Any]) -> dict[str, Any]:
        if self._stored.get(key) != body:
            body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(next(self._versions))}}
            self._stored[key] = body
            self._changed(key.kind, body, deleted=False)
        return copy.deepcopy(body)

    def _vanished(self, key: Key, body: dict[str, Any]) -> dict[str, Any]:
        body["metadata"]["resourceVersion"] = str(next(self._versions))
        del self._stored[key]
        self._changed(key.kind, body, deleted=True)
        return copy.deepcopy(body)

    def _changed(self, kind: type[Resource], body: dict[str, Any], *, deleted: bool) -> None:
        self._untold.append((kind, copy.deepcopy(body), deleted))
        asyncio.get_running_loop().call_later(self.lag, self._tell)

    def _tell(self) -> None:
        kind, body, deleted = self._untold.popleft()
        self.watch(kind, body, deleted)


class MemoryBroker:
    """`topics` holds what was accepted, `batches` the event ids of every request, accepted or not."""

    def __init__(self, fuse: Fuse | None = None) -> None:
        self._fuse = fuse or Fuse()
        self.topics: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.batches: list[list[str]] = []
        self.away = False
        self.refuses: set[str] = set()
        self.answers = asyncio.Event()
        self.answers.set()

    def ids(self, topic: str) -> list[str]:
        return [event["id"] for event in self.topics[topic]]

    async def publish(self, pubsub: str, topic: str, events: Sequence[dict[str, Any]]) -> set[int]:
        self.batches.append([event["id"] for event in events])
        await self.answers.wait()
        if self.away:
            raise Unavailable(f"publish to {topic} on {pubsub}: away")
        self._fuse.check(before=True)
        refused = {position for position, event in enumerate(events) if event["id"] in self.refuses}
        self.topics[topic].extend(event for position, event in enumerate(events) if position not in refused)
        self._fuse.check(before=False)
        return refused


class MemoryScheduler:
    """`alarms` holds what is armed; nothing rings by itself (`World.ring`)."""

    def __init__(self, fuse: Fuse | None = None) -> None:
        self._fuse = fuse or Fuse()
        self.alarms: dict[str, datetime] = {}
        self.away = False
        self.refuses: set[str] = set()
        self.answers = asyncio.Event()
        self.answers.set()

    async def arm(self, name: str, at: datetime) -> None:
        await self._asked(name)
        self._fuse.check(before=True)
        self.alarms[name] = at
        self._fuse.check(before=False)

    async def disarm(self, name: str) -> None:
        await self._asked(name)
        self._fuse.check(before=True)
        self.alarms.pop(name, None)
        self._fuse.check(before=False)

    async def _asked(self, name: str) -> None:
        await self.answers.wait()
        if self.away or name in self.refuses:
            raise Unavailable(f"job {name}: away")


class MemoryKubeEvents:
    """`events` holds what was written, with how often it has happened."""

    def __init__(self) -> None:
        self.events: dict[str, tuple[KubeEvent, int]] = {}
        self.before: Callable[[], None] = lambda: None

    def reasons(self, name: str) -> list[str]:
        """What has happened to the objects of that name, in order."""
        return [event.reason for event, _ in self.events.values() if event.regarding.name == name]

    async def create(self, event: KubeEvent) -> None:
        self.before()
        self.events.setdefault(event.name, (event, 1))

    async def repeat(self, event: KubeEvent, count: int, last: datetime) -> None:
        del last
        self.before()
        if event.name not in self.events:
            raise NotFound(404, "NotFound", event.name)
        self.events[event.name] = (event, count)


class MemoryLeases:
    """One Lease; `before` is called before each read and write and may raise or wait."""

    def __init__(self) -> None:
        self.stored: Lease | None = None
        self._versions = itertools.count(1)
        self.before: Callable[[], Awaitable[None]] = _nothing

    async def read(self) -> Lease | None:
        await self.before()
        return self.stored

    async def write(self, lease: Lease) -> Lease:
        await self.before()
        if self.stored is None and lease.version:
            raise NotFound(404, "NotFound", "leases not found")
        if self.stored is not None and not lease.version:
            raise AlreadyExists(409, "AlreadyExists", "leases already exists")
        if self.stored is not None and self.stored.version != lease.version:
            raise Conflict(409, "Conflict", "the object has been modified")
        self.stored = replace(lease, version=str(next(self._versions)))
        return self.stored


class World:
    """One operator in a world in memory. `start` is also its restart: everything but the world is new."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._died: list[BaseException] = []
        self.fuse = Fuse()
        self.api = MemoryApiServer(self.now, self.fuse)
        self.broker = MemoryBroker(self.fuse)
        self.scheduler = MemoryScheduler(self.fuse)
        self.kube_events = MemoryKubeEvents()
        self.leads = True
        self._wire()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time())

    def start(self, workers: int = 2) -> None:
        """Lists everything, then works."""
        self._wire()
        self.api.watch = self._watched
        for kind in KINDS:
            for body in self.api.bodies(kind):
                self._watched(kind, body, deleted=False)
        self._died = []
        self.machinery.start(workers, self._died.append)

    async def die(self) -> None:
        """Leaves nothing but the world."""
        self.api.watch = _nobody_watches
        await self.machinery.kill()

    async def passes(self, *, seconds: float = 1.0) -> None:
        """Time goes by; raises what a part of the operator died of, unless it was killed."""
        await asyncio.sleep(seconds)
        if self._died and not self.fuse.blown.is_set():
            raise self._died[0]

    def ring(self, uid: str) -> None:
        """The job of `uid` calls back."""
        self.scheduler.alarms.pop(uid, None)
        self.machinery.rang(uid)

    def ring_at(self, at: datetime, uid: str) -> None:
        """The job of `uid` will call back at `at`."""
        self._loop.call_at((at - self._start).total_seconds(), self.ring, uid)

    def lose_the_watch(self) -> None:
        self.api.watch = _nobody_watches

    async def schedule(self, like: TaskSchedule) -> TaskSchedule:
        """A person creates one with the name and the spec of `like`."""
        return await self.api.create(TaskSchedule, NAMESPACE, {"name": like.metadata.name}, like.spec)

    async def task(self, like: Task) -> Task:
        """A person creates one with the name and the spec of `like`."""
        return await self.api.create(Task, NAMESPACE, {"name": like.metadata.name}, like.spec)

    def _wire(self) -> None:
        self.machinery = Machinery(
            objects=self.api,
            broker=self.broker,
            scheduler=self.scheduler,
            kube_events=self.kube_events,
            pubsub="pubsub",
            source="taskbell/test",
            clock=self.now,
            leads=lambda: self.leads,
        )

    @property
    def cache(self) -> Cache:
        return self.machinery.cache

    @property
    def queue(self) -> WorkQueue[Key]:
        return self.machinery.queue

    @property
    def reconciler(self) -> Reconciler:
        return self.machinery.reconciler

    @property
    def publisher(self) -> Publisher:
        return self.machinery.publisher

    @property
    def alarms(self) -> AlarmKeeper:
        return self.machinery.alarms

    @property
    def wakeups(self) -> Wakeups:
        return self.machinery.wakeups

    def _watched(self, kind: type[Resource], body: dict[str, Any], deleted: bool) -> None:
        metadata = body["metadata"]
        if deleted:
            self.reconciler.gone(Key(kind, metadata["namespace"], metadata["name"]), metadata["uid"])
        elif known := read(kind, body):
            self.reconciler.seen(known)


async def _nothing() -> None:
    pass


def _nobody_watches(kind: type[Resource], body: dict[str, Any], deleted: bool) -> None:
    pass


def _nothing_is_wrong(verb: str, name: str) -> None:
    pass


def _merged(target: Any, change: Any) -> Any:
    """RFC 7386."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result
