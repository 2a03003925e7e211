"""What the operator has last seen of every object. An older version never replaces a newer one."""

from collections import defaultdict
from typing import NamedTuple

from taskbell.resources import Resource, Task, TaskSchedule

REMEMBERED_DELETIONS = 4096
"""A read or a watch event this many deletions late cannot bring an object back."""


class Key(NamedTuple):
    """One object by its name."""

    kind: type[Resource]
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.namespace}/{self.name}"


def key_of(resource: Resource) -> Key:
    return Key(type(resource), resource.metadata.namespace, resource.metadata.name)


def schedule_named(resource: Resource) -> Key | None:
    """The schedule that a Task without controller owner names."""
    if not isinstance(resource, Task) or resource.metadata.controller or resource.spec.occurrence is None:
        return None
    return Key(TaskSchedule, resource.metadata.namespace, resource.spec.occurrence.schedule)


class Cache:
    def __init__(self) -> None:
        self._objects: dict[Key, Resource] = {}
        self._children: defaultdict[str, set[Key]] = defaultdict(set)
        self._orphans: defaultdict[Key, set[Key]] = defaultdict(set)
        self._schedules: dict[str, Key] = {}
        self._gone: dict[str, None] = {}

    def put(self, resource: Resource) -> bool:
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
        if isinstance(resource, TaskSchedule):
            self._schedules[resource.metadata.uid] = key
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

    def get(self, key: Key) -> Resource | None:
        return self._objects.get(key)

    def known(self) -> tuple[Key, ...]:
        return tuple(self._objects)

    def schedule_of(self, task: Task) -> TaskSchedule | None:
        """The schedule that owns `task`, if it is still there."""
        owner = task.metadata.controller
        key = self._schedules.get(owner.uid) if owner else None
        schedule = self._objects.get(key) if key else None
        return schedule if isinstance(schedule, TaskSchedule) else None

    def tasks_of(self, schedule_uid: str) -> tuple[Task, ...]:
        """All Tasks whose controller owner has this uid."""
        found = (self._objects[key] for key in self._children.get(schedule_uid, ()))
        return tuple(task for task in found if isinstance(task, Task))

    def orphans_of(self, schedule: Key) -> tuple[Task, ...]:
        """All occurrences that name the schedule and have no controller owner."""
        found = (self._objects[key] for key in self._orphans.get(schedule, ()))
        return tuple(task for task in found if isinstance(task, Task))

    def schedules(self) -> tuple[TaskSchedule, ...]:
        found = (self._objects[key] for key in self._schedules.values())
        return tuple(schedule for schedule in found if isinstance(schedule, TaskSchedule))

    def _remove(self, key: Key, known: Resource) -> None:
        del self._objects[key]
        if owner := known.metadata.controller:
            self._children[owner.uid].discard(key)
            if not self._children[owner.uid]:
                del self._children[owner.uid]
        if named := schedule_named(known):
            self._orphans[named].discard(key)
            if not self._orphans[named]:
                del self._orphans[named]
        if self._schedules.get(known.metadata.uid) == key:
            del self._schedules[known.metadata.uid]
