"""What the operator has last seen of every object. An older version never replaces a newer one.

An object as it is worked with takes 12 to 16 kilobytes, and most are not looked at for days: those that were not
used lately are kept packed, in half a kilobyte, which costs 30 microseconds to undo.
"""

import sys
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from taskbell.resources import Metadata, Phase, Resource, Task, TaskSchedule

REMEMBERED_DELETIONS = 4096
"""A read or a watch event this many deletions late cannot bring an object back."""

IN_USE = 2000
"""As many objects are kept whole."""


class Key(NamedTuple):
    """One object by its name."""

    kind: type[Resource]
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that a newer version wrote, as far as this one understands it. `conditions` are as they are stored;
    `why` is a sentence for people."""

    kind: type[Resource]
    metadata: Metadata
    conditions: tuple[dict[str, Any], ...]
    why: str


def key_of(known: Resource | Unreadable) -> Key:
    kind = known.kind if isinstance(known, Unreadable) else type(known)
    return Key(kind, known.metadata.namespace, known.metadata.name)


def schedule_named(resource: Resource | Unreadable) -> Key | None:
    """The schedule that a Task without controller owner names."""
    if not isinstance(resource, Task) or resource.metadata.controller or resource.spec.occurrence is None:
        return None
    return Key(TaskSchedule, resource.metadata.namespace, resource.spec.occurrence.schedule)


@dataclass(slots=True)
class _Entry:
    """An object, whole or packed, and what is asked of many at once. `owner` is its controller's uid, `named` the
    schedule it names without one, `closed` whether it is a schedule whose cursor is."""

    uid: str
    version: int
    user: str
    owner: str | None
    named: Key | None
    terminating: bool
    closed: bool
    whole: Resource | Unreadable | None
    packed: bytes = b""

    def pack(self) -> None:
        if isinstance(self.whole, Unreadable):
            return
        if self.whole is not None and not self.packed:
            wire = self.whole.model_dump_json(by_alias=True, exclude_defaults=True)
            self.packed = zlib.compress(wire.encode(), level=1)
        self.whole = None


def _entry(resource: Resource | Unreadable) -> _Entry:
    metadata, owner = resource.metadata, resource.metadata.controller
    cursor = resource.status.cursor if isinstance(resource, TaskSchedule) else None
    return _Entry(
        uid=metadata.uid,
        version=int(metadata.resource_version),
        user=sys.intern(resource.spec.user_id) if isinstance(resource, Task | TaskSchedule) else "",
        owner=sys.intern(owner.uid) if owner else None,
        named=schedule_named(resource),
        terminating=metadata.terminating,
        closed=cursor is not None and cursor.phase is Phase.CLOSED,
        whole=resource,
    )


class Cache:
    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}
        self._in_use: OrderedDict[Key, None] = OrderedDict()
        self._children: defaultdict[str, set[Key]] = defaultdict(set)
        self._orphans: defaultdict[Key, set[Key]] = defaultdict(set)
        self._keys: dict[str, Key] = {}
        self._gone: dict[str, None] = {}

    def put(self, resource: Resource | Unreadable) -> bool:
        """Whether `resource` is newer than what was known. resourceVersions of one kind are comparable integers."""
        key, entry = key_of(resource), _entry(resource)
        known = self._entries.get(key)
        if entry.uid in self._gone:
            return False
        if known and known.version >= entry.version:
            return False
        if known:
            self._remove(key, known)  # its owner or its uid may be another one
        if known and known.uid != entry.uid:
            self.bury(known.uid)
        self._entries[key] = entry
        if entry.owner:
            self._children[entry.owner].add(key)
        if entry.named:
            self._orphans[entry.named].add(key)
        self._keys[entry.uid] = key
        self._use(key)
        return True

    def drop(self, key: Key, uid: str) -> bool:
        """Forgets the object if it is still the one with `uid`; whether it was."""
        known = self._entries.get(key)
        if known is None or known.uid != uid:
            return False
        self._remove(key, known)
        return True

    def bury(self, uid: str) -> None:
        """The object with `uid` was deleted: what is read of it later is old."""
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED_DELETIONS:
            del self._gone[next(iter(self._gone))]

    def get(self, key: Key) -> Resource | Unreadable | None:
        entry = self._entries.get(key)
        return self._whole(key, entry) if entry else None

    def key_of_uid(self, uid: str) -> Key | None:
        return self._keys.get(uid)

    def uid_of(self, key: Key) -> str | None:
        entry = self._entries.get(key)
        return entry.uid if entry else None

    def version_of(self, key: Key) -> int | None:
        """The resourceVersion."""
        entry = self._entries.get(key)
        return entry.version if entry else None

    def user_of(self, key: Key) -> str:
        """Whose it is; "" where that is not known."""
        entry = self._entries.get(key)
        return entry.user if entry else ""

    def known(self) -> tuple[Key, ...]:
        return tuple(self._entries)

    def uids(self, kind: type[Resource], namespace: str | None) -> dict[Key, str]:
        """The uids of all objects of a kind, in one namespace or everywhere (None)."""
        return {
            key: entry.uid
            for key, entry in self._entries.items()
            if key.kind is kind and namespace in {None, key.namespace}
        }

    def owner_of(self, metadata: Metadata) -> Key | None:
        """The schedule that owns the Task with this metadata, if it is still there."""
        owner = metadata.controller
        key = self._keys.get(owner.uid) if owner else None
        return key if key and key.kind is TaskSchedule else None

    def schedule_of(self, task: Task) -> TaskSchedule | None:
        """The same, if it can be read."""
        key = self.owner_of(task.metadata)
        schedule = self.get(key) if key else None
        return schedule if isinstance(schedule, TaskSchedule) else None

    def tasks_of(self, schedule_uid: str) -> tuple[Task, ...]:
        """All Tasks whose controller owner has this uid, but for unreadable ones."""
        return self._tasks(self._children.get(schedule_uid, ()))

    def terminating_tasks_of(self, schedule_uid: str) -> tuple[Key, ...]:
        """Those of them that are being deleted, the unreadable ones too."""
        return tuple(key for key in self._children.get(schedule_uid, ()) if self._entries[key].terminating)

    def orphans_of(self, schedule: Key) -> tuple[Task, ...]:
        """All occurrences that name the schedule and have no controller owner."""
        return self._tasks(self._orphans.get(schedule, ()))

    def unreadable_of(self, schedule_uid: str) -> Unreadable | None:
        """One of its Tasks that this version cannot read."""
        found = (self._entries[key].whole for key in self._children.get(schedule_uid, ()))
        return next((task for task in found if isinstance(task, Unreadable)), None)

    def closed_schedules(self) -> tuple[Key, ...]:
        """Those whose cursor is Closed: with the broker away nobody else will advance them."""
        return tuple(key for key, entry in self._entries.items() if entry.closed)

    def _tasks(self, keys: Iterable[Key]) -> tuple[Task, ...]:
        found = [self._whole(key, self._entries[key]) for key in keys]
        return tuple(task for task in found if isinstance(task, Task))

    def _whole(self, key: Key, entry: _Entry) -> Resource | Unreadable:
        if entry.whole is None:
            entry.whole = key.kind.model_validate_json(zlib.decompress(entry.packed))
        whole = entry.whole
        self._use(key)
        return whole

    def _use(self, key: Key) -> None:
        self._in_use[key] = None
        self._in_use.move_to_end(key)
        if len(self._in_use) > IN_USE:
            longest_unused, _ = self._in_use.popitem(last=False)
            self._entries[longest_unused].pack()

    def _remove(self, key: Key, known: _Entry) -> None:
        del self._entries[key]
        self._in_use.pop(key, None)
        if known.owner:
            self._children[known.owner].discard(key)
            if not self._children[known.owner]:
                del self._children[known.owner]
        if known.named:
            self._orphans[known.named].discard(key)
            if not self._orphans[known.named]:
                del self._orphans[known.named]
        del self._keys[known.uid]
