"""The outside in memory, by the laws of `ports`. Faults are planted by the test that wants them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar, cast

from api_shim.ports import Unavailable
from runtime import dapr
from runtime.apiserver import AlreadyExists, Conflict, NotFound
from runtime.dapr import State, StateConflict
from store.reading import DONE, OPEN, OPEN_TASKS, SCHEDULES, TASKS, Card, Feed, Key, Page, Scope
from store.versions import ScheduleVersion, TaskVersion
from taskbell.resources import Metadata, Model, Resource
from taskbell.resources import State as TaskState

R = TypeVar("R", bound=Resource)
V = TypeVar("V")

CREATED_AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@dataclass
class MemoryObjects:
    """`before` is called before every access and may raise, or change what is stored. `patches` is what was sent."""

    stored: dict[tuple[str, str, str], dict[str, Any]] = field(
        default_factory=dict[tuple[str, str, str], dict[str, Any]]
    )
    patches: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    before: Callable[[str], None] = lambda _verb: None

    async def get(self, kind: type[R], namespace: str, name: str) -> R:
        self.before("get")
        return kind.model_validate(self._found(kind, namespace, name))

    async def create(self, kind: type[R], namespace: str, metadata: dict[str, Any], spec: Model) -> R:
        self.before("create")
        key = (kind.plural, namespace, metadata["name"])
        if key in self.stored:
            raise AlreadyExists(409, "AlreadyExists", f"{metadata['name']} already exists")
        self.stored[key] = {
            "metadata": {
                "uid": f"uid-{len(self.stored)}",
                "namespace": namespace,
                "generation": 1,
                "resourceVersion": "1",
                "creationTimestamp": CREATED_AT.isoformat(),
                **metadata,
            },
            "spec": spec.wire(),
        }
        return kind.model_validate(self.stored[key])

    async def patch(self, kind: type[R], metadata: Metadata, changes: dict[str, Any]) -> R:
        self.before("patch")
        stored = self._guarded(kind, metadata)
        self.patches.append(changes)
        patched = cast("dict[str, Any]", _merged(stored, changes))
        patched["metadata"] |= {
            "generation": metadata.generation + (patched["spec"] != stored["spec"]),
            "resourceVersion": str(int(metadata.resource_version) + 1),
        }
        self.stored[kind.plural, metadata.namespace, metadata.name] = patched
        return kind.model_validate(patched)

    async def delete(self, kind: type[Resource], metadata: Metadata) -> None:
        self.before("delete")
        self._guarded(kind, metadata)
        del self.stored[kind.plural, metadata.namespace, metadata.name]

    def touch(self, name: str) -> None:
        """Somebody else writes."""
        for key, stored in self.stored.items():
            if key[2] == name:
                stored["metadata"]["resourceVersion"] = str(int(stored["metadata"]["resourceVersion"]) + 1)

    def _guarded(self, kind: type[Resource], metadata: Metadata) -> dict[str, Any]:
        stored = self._found(kind, metadata.namespace, metadata.name)
        version = stored["metadata"]["uid"], stored["metadata"]["resourceVersion"]
        if version != (metadata.uid, metadata.resource_version):
            raise Conflict(409, "Conflict", f"{metadata.name} has been modified")
        return stored

    def _found(self, kind: type[Resource], namespace: str, name: str) -> dict[str, Any]:
        try:
            return self.stored[kind.plural, namespace, name]
        except KeyError:
            raise NotFound(404, "NotFound", f"{name} not found") from None


@dataclass
class MemoryProjection:
    """`put` adds what a consumer would have written; while `away` is set nothing answers."""

    rows: dict[str, dict[tuple[Scope, str], tuple[Key, Any]]] = field(
        default_factory=dict[str, dict[tuple[Scope, str], tuple[Key, Any]]]
    )
    away: bool = False

    async def one(self, feed: Feed[V], scope: Scope, name: str) -> V | None:
        _key, item = self._rows(feed).get((scope, name), (None, None))
        return item

    async def page(self, feed: Feed[V], scope: Scope, limit: int, after: Key | None) -> Page[V]:
        mine = [row for (owner, _), row in self._rows(feed).items() if owner == scope]
        mine.sort(key=lambda row: row[0], reverse=feed.newest_first)
        left = [row for row in mine if after is None or (row[0] < after if feed.newest_first else row[0] > after)]
        last = left[limit - 1][0] if len(left) > limit else None
        return Page(tuple(item for _, item in left[:limit]), last)

    async def note(self, version: TaskVersion | ScheduleVersion) -> None:
        feed: Feed[Any] = TASKS if isinstance(version, TaskVersion) else SCHEDULES
        rows, key = self._rows(feed), (Scope(version.namespace, version.user_id), version.name)
        if version.deleted_at is None:
            rows[key] = ((version.created_at, version.uid), version)
        else:
            rows.pop(key, None)

    async def missing(self) -> str | None:
        return "the database does not answer" if self.away else None

    def put(self, feed: Feed[V], scope: Scope, name: str, key: Key, item: V) -> None:
        self._rows(feed)[scope, name] = (key, item)

    def _rows(self, feed: Feed[Any]) -> dict[tuple[Scope, str], tuple[Key, Any]]:
        if self.away:
            raise Unavailable("planted")
        if feed is OPEN_TASKS:
            return {key: row for key, row in self._rows(TASKS).items() if row[1].data.state is TaskState.OPEN}
        if feed.name in {OPEN.name, DONE.name}:
            return self._cards(open_ones=feed.name == OPEN.name)
        return self.rows.setdefault(feed.name, {})

    def _cards(self, *, open_ones: bool) -> dict[tuple[Scope, str], tuple[Key, Any]]:
        """As Postgres joins them: reminders are what the tasks say."""
        schedules = {item.uid: item.data for _, item in self.rows.get(SCHEDULES.name, {}).values()}
        cards: dict[tuple[Scope, str], tuple[Key, Any]] = {}
        for place, (_, task) in self.rows.get(TASKS.name, {}).items():
            data = cast("TaskVersion", task).data
            if (data.state is TaskState.OPEN) is open_ones:
                due = data.due.by if data.due else datetime.max.replace(tzinfo=UTC)
                closed = data.closed_at or task.created_at
                key = (due, task.created_at, task.uid) if open_ones else (closed, task.uid)
                states = {reminder.id: reminder.state.value for reminder in data.reminders}
                cards[place] = key, Card(task, schedules.get(data.schedule_uid), states)
        return cards


@dataclass
class MemoryStates:
    """While `away` is set nothing answers; `before` is called before every access. Nothing expires here."""

    stored: dict[str, tuple[Any, str]] = field(default_factory=dict[str, tuple[Any, str]])
    away: bool = False
    before: Callable[[str], None] = lambda _verb: None
    _versions: Iterator[int] = field(default_factory=count)

    async def get_state(self, store: str, key: str) -> State | None:
        found = self._reached("get", store).get(key)
        return None if found is None else State(*found)

    async def save_state(self, store: str, key: str, value: Any, *, lifetime: timedelta, etag: str | None) -> None:
        stored = self._reached("save", store)
        if etag is not None and stored.get(key, (None, None))[1] != etag:
            raise StateConflict(key)
        stored[key] = (json.loads(json.dumps(value)), f"v{next(self._versions)} {lifetime.days}d")

    async def delete_state(self, store: str, key: str) -> None:
        self._reached("delete", store).pop(key, None)

    def _reached(self, verb: str, store: str) -> dict[str, tuple[Any, str]]:
        self.before(verb)
        if self.away:
            raise dapr.Unavailable(f"{verb} {store}: planted")
        return self.stored


def _merged(stored: Any, changes: Any) -> Any:
    """RFC 7386."""
    if not isinstance(changes, dict):
        return changes
    merged: dict[str, Any] = dict(stored) if isinstance(stored, dict) else {}
    for name, change in cast("dict[str, Any]", changes).items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), change)
    return merged
