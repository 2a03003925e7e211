"""The API server in memory: resourceVersions, generations, finalizers, preconditions, the status subresource, watches,
and the garbage collector (kube-apiserver 1.36, as measured).

Objects are kept parsed, for speed; now and then one is sent through its wire form, which must not change it.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, cast

from runtime.apiserver import AlreadyExists, Conflict, Invalid, NotFound
from simulation.network import Network, Process
from task_operator.cache import Key, key_of
from taskbell.resources import KINDS, Metadata, Model, Resource, Task, TaskSchedule

R = TypeVar("R", bound=Resource)

NAMESPACE = "default"
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
ON_THE_WIRE_EVERY = 41
"""Writes between two that are checked to survive their wire form."""


class Propagation(StrEnum):
    """metav1.DeletionPropagation."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


Written = Callable[[str, Resource | None, Resource | None], None]
"""Hears of each change: who made it, the object before (None: created) and after (None: gone)."""


class ApiServer:
    """Belongs to one event loop. `written` is called after each write, before anybody else hears of it."""

    def __init__(self, clock: Callable[[], datetime], written: Written) -> None:
        self._clock = clock
        self._written = written
        self._loop = asyncio.get_running_loop()
        self.objects: dict[Key, Resource] = {}
        self._children: defaultdict[str, dict[Key, None]] = defaultdict(dict)
        self._owners: set[str] = set()
        self._streams: dict[type[Resource], list[Stream]] = {kind: [] for kind in KINDS}
        self._version = 0
        self._uids = 0
        self.collector_lag = 0.0

    def all(self, kind: type[R]) -> list[R]:
        return [obj for obj in self.objects.values() if isinstance(obj, kind)]

    def find(self, kind: type[R], name: str) -> R | None:
        return cast("R | None", self.objects.get(Key(kind, NAMESPACE, name)))

    def children(self, uid: str) -> list[Task]:
        """In the order of their creation."""
        return [cast("Task", self.objects[key]) for key in self._children.get(uid, ())]

    def watch(self, stream: "Stream") -> None:
        self._streams[stream.kind].append(stream)

    def unwatch(self, stream: "Stream") -> None:
        self._streams[stream.kind].remove(stream)

    # The verbs. `who` is for the judge.

    def get(self, kind: type[R], namespace: str, name: str) -> R:
        return cast("R", self._find(Key(kind, namespace, name)))

    def create(self, who: str, kind: type[R], namespace: str, metadata: dict[str, Any], spec: Model) -> R:
        key = Key(kind, namespace, metadata["name"])
        if key in self.objects:
            raise AlreadyExists(409, "AlreadyExists", f"{key} already exists")
        self._uids += 1
        self._version += 1
        made = {
            "namespace": namespace,
            # The first five characters are in the names of a schedule's Tasks.
            "uid": f"{self._uids:05x}000-0000-4000-8000-000000000000",
            "generation": 1,
            "resourceVersion": str(self._version),
            "creationTimestamp": self._clock().replace(microsecond=0),
        }
        created = kind.model_validate({"metadata": {**metadata, **made}, "spec": spec})
        self._keep(who, None, created)
        owner = created.metadata.controller
        if owner and owner.uid not in self._owners:
            self._later(self._collect_child, key, created.metadata.uid)
        return created

    def patch(self, who: str, kind: type[R], metadata: Metadata, changes: dict[str, Any]) -> R:
        """A merge patch guarded by the uid and the resourceVersion in `metadata`."""
        return cast("R", self._merge(who, self._guarded(kind, metadata), changes))

    def edit(self, who: str, kind: type[R], name: str, changes: dict[str, Any]) -> R:
        """`kubectl patch --type=merge`, without a guard."""
        return cast("R", self._merge(who, self._find(Key(kind, NAMESPACE, name)), changes))

    def put_status(self, who: str, kind: type[R], metadata: Metadata, status: Model) -> R:
        stored = self._guarded(kind, metadata)
        if status == stored.status:  # type: ignore[attr-defined]
            return cast("R", stored)
        return cast("R", self._store(who, stored, stored.model_copy(update={"status": status})))

    def delete(
        self,
        who: str,
        kind: type[Resource],
        metadata: Metadata,
    ) -> None:
        """With `{uid, resourceVersion}` preconditions."""
        self._delete(who, self._guarded(kind, metadata), Propagation.BACKGROUND)

    def remove(self, who: str, kind: type[Resource], name: str, propagation: Propagation) -> None:
        """`kubectl delete --cascade=…`."""
        self._delete(who, self._find(Key(kind, NAMESPACE, name)), propagation)

    def wipe_status(self, who: str, kind: type[Resource], name: str) -> None:
        """Somebody's `kubectl replace --subresource=status` with an old manifest, or a restore."""
        stored = self._find(Key(kind, NAMESPACE, name))
        blank = type(stored.status)()  # type: ignore[attr-defined]
        if stored.status != blank:  # type: ignore[attr-defined]
            self._store(who, stored, stored.model_copy(update={"status": blank}))

    def _find(self, key: Key) -> Resource:
        if key not in self.objects:
            raise NotFound(404, "NotFound", f"{key} not found")
        return self.objects[key]

    def _guarded(self, kind: type[Resource], metadata: Metadata) -> Resource:
        key = Key(kind, metadata.namespace, metadata.name)
        stored = self._find(key)
        if (stored.metadata.uid, stored.metadata.resource_version) != (metadata.uid, metadata.resource_version):
            raise Conflict(409, "Conflict", f"{key} has been modified")
        return stored

    def _merge(self, who: str, stored: Resource, changes: dict[str, Any]) -> Resource:
        metadata = _merged_metadata(stored.metadata, changes.get("metadata", {}))
        if stored.metadata.terminating and set(metadata.finalizers) - set(stored.metadata.finalizers):
            raise Invalid(422, "Invalid", "no new finalizers can be added if the object is being deleted")
        update: dict[str, Any] = {"metadata": metadata}
        if "spec" in changes:
            spec: Model = stored.spec  # type: ignore[attr-defined]
            wanted = type(spec).model_validate(_merged(spec.wire(), changes["spec"]))
            if wanted != spec:
                update["spec"] = wanted
                update["metadata"] = metadata.model_copy(update={"generation": metadata.generation + 1})
        if metadata.terminating and not metadata.finalizers:
            return self._vanish(who, stored, stored.model_copy(update=update))
        if update == {"metadata": stored.metadata}:
            return stored
        return self._store(who, stored, stored.model_copy(update=update))

    def _delete(self, who: str, stored: Resource, propagation: Propagation) -> None:
        metadata = stored.metadata
        finalizers = metadata.finalizers
        if isinstance(stored, TaskSchedule) and not metadata.terminating:
            extra = {Propagation.FOREGROUND: (FOREGROUND,), Propagation.ORPHAN: (ORPHAN,)}.get(propagation, ())
            finalizers = (*finalizers, *extra)
        if not finalizers:
            self._vanish(who, stored, stored)
        elif not metadata.terminating:
            marked = {
                "deletion_timestamp": self._clock().replace(microsecond=0),
                "generation": metadata.generation + 1,
                "finalizers": finalizers,
            }
            self._store(who, stored, stored.model_copy(update={"metadata": metadata.model_copy(update=marked)}))
            if FOREGROUND in finalizers or ORPHAN in finalizers:
                self._later(self._collect_owner, key_of(stored), metadata.uid)

    def _store(self, who: str, old: Resource, new: Resource) -> Resource:
        self._version += 1
        metadata = new.metadata.model_copy(update={"resource_version": str(self._version)})
        stored = new.model_copy(update={"metadata": metadata})
        self._keep(who, old, stored)
        return stored

    def _keep(self, who: str, old: Resource | None, new: Resource) -> None:
        if self._version % ON_THE_WIRE_EVERY == 0:
            _survives_the_wire(new)
        key = key_of(new)
        self.objects[key] = new
        if isinstance(new, TaskSchedule):
            self._owners.add(new.metadata.uid)
        self._adopt(key, old, new)
        self._written(who, old, new)
        for stream in self._streams[type(new)]:
            stream.push(new, deleted=False)

    def _vanish(self, who: str, old: Resource, last: Resource) -> Resource:
        self._version += 1
        key = key_of(old)
        metadata = last.metadata.model_copy(update={"resource_version": str(self._version)})
        last = last.model_copy(update={"metadata": metadata})
        del self.objects[key]
        self._adopt(key, old, None)
        self._written(who, old, None)
        for stream in self._streams[type(old)]:
            stream.push(last, deleted=True)
        if isinstance(old, TaskSchedule):
            self._owners.discard(old.metadata.uid)
            for child in self.children(old.metadata.uid):
                self._later(self._collect_child, key_of(child), child.metadata.uid)
        elif owner := old.metadata.controller:
            self._later(self._collect_owner, Key(TaskSchedule, old.metadata.namespace, owner.name), owner.uid)
        return last

    def _adopt(self, key: Key, old: Resource | None, new: Resource | None) -> None:
        before, after = old and old.metadata.controller, new and new.metadata.controller
        if before == after and old and new:
            return
        if before:
            self._children[before.uid].pop(key, None)
            if not self._children[before.uid]:
                del self._children[before.uid]
        if after:
            self._children[after.uid][key] = None

    # The garbage collector of kube-controller-manager.

    def _later(self, collect: Callable[[Key, str], None], key: Key, uid: str) -> None:
        self._loop.call_later(self.collector_lag, collect, key, uid)

    def _collect_child(self, key: Key, uid: str) -> None:
        child = self.objects.get(key)
        if child is not None and child.metadata.uid == uid and child.metadata.controller:
            self._delete("collector", child, Propagation.BACKGROUND)

    def _collect_owner(self, key: Key, uid: str) -> None:
        owner = self.objects.get(key)
        if owner is None or owner.metadata.uid != uid or not owner.metadata.terminating:
            return
        children = self.children(uid)
        if ORPHAN in owner.metadata.finalizers:
            for child in children:
                released = child.metadata.model_copy(update={"owner_references": ()})
                self._store("collector", child, child.model_copy(update={"metadata": released}))
            self._drop_finalizer(owner, ORPHAN)
        elif FOREGROUND in owner.metadata.finalizers:
            for child in children:
                self._delete("collector", child, Propagation.BACKGROUND)
            if key in self.objects and not self.children(uid):
                self._drop_finalizer(owner, FOREGROUND)

    def _drop_finalizer(self, owner: Resource, finalizer: str) -> None:
        stored = self.objects.get(key_of(owner))
        if stored is None or finalizer not in stored.metadata.finalizers:
            return
        rest = [each for each in stored.metadata.finalizers if each != finalizer]
        self._merge("collector", stored, {"metadata": {"finalizers": rest}})


class Stream:
    """One watch of one kind. Events keep their order; they may lag, wait for a reconnection, or be lost to 410 Gone."""

    def __init__(self, kind: type[Resource], process: Process, heard: Callable[[Resource, bool], None]) -> None:
        self.kind = kind
        self._process = process
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._pending: deque[tuple[Resource, bool]] = deque()
        self._waiting = False
        self.lag = 0.0
        self.broken_until = 0.0

    def push(self, resource: Resource, *, deleted: bool) -> None:
        self._pending.append((resource, deleted))
        if not self._waiting:
            self._waiting = True
            delay = max(self.lag, self.broken_until - self._loop.time())
            self._loop.call_later(delay, self._flush, context=self._process.context)

    def lose(self) -> None:
        """What has not arrived yet never will: the resourceVersion to resume from is too old."""
        self._pending.clear()

    def _flush(self) -> None:
        self._waiting = False
        while self._pending:
            self._heard(*self._pending.popleft())


class Client:
    """What `runtime.apiserver.ApiServer` is to its process: `Objects` of the operator and of the consumers."""

    def __init__(self, server: ApiServer, network: Network, process: Process) -> None:
        self._server = server
        self._network = network
        self._process = process

    async def get(self, kind: type[R], namespace: str, name: str) -> R:
        return await self._network.carry(self._process, lambda: self._server.get(kind, namespace, name))

    async def get_raw(self, kind: type[Resource], namespace: str, name: str) -> dict[str, Any]:
        return _wire(await self.get(kind, namespace, name))

    async def create(self, kind: type[R], namespace: str, metadata: dict[str, Any], spec: Model) -> R:
        self._process.acts()
        who = self._process.name
        return await self._network.carry(
            self._process, lambda: self._server.create(who, kind, namespace, metadata, spec)
        )

    async def patch(self, kind: type[R], metadata: Metadata, changes: dict[str, Any]) -> R:
        self._process.acts()
        who = self._process.name
        return await self._network.carry(self._process, lambda: self._server.patch(who, kind, metadata, changes))

    async def put_status(self, kind: type[R], metadata: Metadata, status: Model) -> R:
        self._process.acts()
        who = self._process.name
        return await self._network.carry(self._process, lambda: self._server.put_status(who, kind, metadata, status))

    async def patch_conditions(
        self, kind: type[Resource], metadata: Metadata, conditions: list[dict[str, Any]]
    ) -> None:
        raise AssertionError(f"{kind.kind} {metadata.name} is taken for one of a newer version: {conditions}")

    async def metadata(self, kind: type[Resource], namespace: str | None) -> AsyncIterator[list[dict[str, Any]]]:
        """In one page."""
        del namespace
        yield await self._network.carry(
            self._process, lambda: [_wire(obj)["metadata"] for obj in self._server.all(kind)]
        )

    async def namespace_ends(self, namespace: str) -> bool:
        """A life is lived in one, which does not end: not asked over the network, whose accidents other reads have."""
        return False

    async def delete(self, kind: type[Resource], metadata: Metadata) -> None:
        self._process.acts()
        who = self._process.name
        return await self._network.carry(self._process, lambda: self._server.delete(who, kind, metadata))


def _wire(obj: Resource) -> dict[str, Any]:
    return {
        "metadata": obj.metadata.model_dump(mode="json", by_alias=True, exclude_none=True),
        "spec": obj.spec.wire(),  # type: ignore[attr-defined]
        "status": obj.status.wire(),  # type: ignore[attr-defined]
    }


def _merged_metadata(metadata: Metadata, changes: dict[str, Any]) -> Metadata:
    """Labels decide nothing, and are not kept."""
    update: dict[str, Any] = {}
    if "finalizers" in changes:
        update["finalizers"] = tuple(changes["finalizers"])
    if "annotations" in changes:
        update["annotations"] = _merged(metadata.annotations, changes["annotations"])
    return metadata.model_copy(update=update) if update else metadata


def _merged(target: Any, change: Any) -> Any:
    """RFC 7386."""
    if not isinstance(change, dict):
        return change
    result: dict[str, Any] = dict(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result


def _survives_the_wire(obj: Resource) -> None:
    for part in (obj.spec, obj.status):  # type: ignore[attr-defined]
        again = type(part).model_validate(part.wire())
        if again != part:
            raise AssertionError(f"{key_of(obj)} is another after a round trip: {part!r}, then {again!r}")
