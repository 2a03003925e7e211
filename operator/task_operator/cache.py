"""What the operator has last seen of every object. An older version never replaces a newer one."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from taskbell.resources import Metadata, Resource, Task, TaskSchedule

REMEMBERED_DELETIONS = 4096
"""A read or a watch event this many deletions late cannot bring an object back."""


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


class Cache:
    def __init__(self) -> None:
        self._objects: dict[Key, Resource | Unreadable] = {}
        self._children: defaultdict[str, set[Key]] = defaultdict(set)
        self._orphans: defaultdict[Key, set[Key]] = defaultdict(set)
        self._keys: dict[str, Key] = {}
        self._gone: dict[str, None] = {}

    def put(self, resource: Resource | Unreadable) -> bool:
        """Whether `resource` is newer than what was known. resourceVersions of one kind are comparable integers."""
        key = key_of(resource)
        known = self._objects.get(key)
        if resource.metadata.uid in self._gone:
            return False
        if known and int(known.metadata.resource_version) >= int(resource.metadata.resource_version):
            return False
        if known:
            self._remove(key, known)  # its owner or its uid may be another one
        if known and known.metadata.uid != resource.metadata.uid:
            self.bury(known.metadata.uid)
        self._objects[key] = resource
        if owner := resource.metadata.controller:
            self._children[owner.uid].add(key)
        if named := schedule_named(resource):
            self._orphans[named].add(key)
        self._keys[resource.metadata.uid] = key
        return True

    def drop(self, key: Key, uid: str) -> bool:
        """Forgets the object if it is still the one with `uid`; whether it was."""
        known = self._objects.get(key)
        if known is None or known.metadata.uid != uid:
            return False
        self._remove(key, known)
        return True

    def bury(self, uid: str) -> None:
        """The object with `uid` was deleted: what is read of it later is old."""
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED_DELETIONS:
            del self._gone[next(iter(self._gone))]

    def get(self, key: Key) -> Resource | Unreadable | None:
        return self._objects.get(key)

    def key_of_uid(self, uid: str) -> Key | None:
        return self._keys.get(uid)

    def known(self) -> tuple[Key, ...]:
        return tuple(self._objects)

    def uids(self, kind: type[Resource], namespace: str | None) -> dict[Key, str]:
        """The uids of all objects of a kind, in one namespace or everywhere (None)."""
        return {
            key: known.metadata.uid
            for key, known in self._objects.items()
            if key.kind is kind and namespace in {None, key.namespace}
        }

    def owner_of(self, metadata: Metadata) -> TaskSchedule | Unreadable | None:
        """The schedule that owns the Task with this metadata, if it is still there."""
        owner = metadata.controller
        key = self._keys.get(owner.uid) if owner else None
        schedule = self._objects.get(key) if key else None
        return schedule if isinstance(schedule, TaskSchedule | Unreadable) else None

    def schedule_of(self, task: Task) -> TaskSchedule | None:
        """The same, if it can be read."""
        owner = self.owner_of(task.metadata)
        return owner if isinstance(owner, TaskSchedule) else None

    def tasks_of(self, schedule_uid: str) -> tuple[Task, ...]:
        """All Tasks whose controller owner has this uid, but for unreadable ones."""
        found = (self._objects[key] for key in self._children.get(schedule_uid, ()))
        return tuple(task for task in found if isinstance(task, Task))

    def orphans_of(self, schedule: Key) -> tuple[Task, ...]:
        """All occurrences that name the schedule and have no controller owner."""
        found = (self._objects[key] for key in self._orphans.get(schedule, ()))
        return tuple(task for task in found if isinstance(task, Task))

    def unreadable_of(self, schedule_uid: str) -> Unreadable | None:
        """One of its Tasks that this version cannot read."""
        found = (self._objects[key] for key in self._children.get(schedule_uid, ()))
        return next((task for task in found if isinstance(task, Unreadable)), None)

    def schedules(self) -> tuple[TaskSchedule, ...]:
        return tuple(known for known in self._objects.values() if isinstance(known, TaskSchedule))

    def _remove(self, key: Key, known: Resource | Unreadable) -> None:
        del self._objects[key]
        if owner := known.metadata.controller:
            self._children[owner.uid].discard(key)
            if not self._children[owner.uid]:
                del self._children[owner.uid]
        if named := schedule_named(known):
            self._orphans[named].discard(key)
            if not self._orphans[named]:
                del self._orphans[named]
        del self._keys[known.metadata.uid]
