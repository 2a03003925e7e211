"""What the shim needs of the outside, and the laws it relies on. `runtime.apiserver.ApiServer` is an `Objects`,
`projection.Postgres` a `Projection`, `runtime.dapr.Dapr` a `States`; `testing` has all in memory."""

from datetime import timedelta
from typing import Any, Protocol, TypeVar

from runtime.dapr import State
from store.reading import Feed, Key, Page, Scope
from store.versions import ScheduleVersion, TaskVersion
from taskbell.resources import Metadata, Model, Resource, Task, TaskSchedule

R = TypeVar("R", bound=Resource)
V = TypeVar("V")

Kind = type[Task] | type[TaskSchedule]


class Unavailable(Exception):
    """The database does not answer: try again later."""


class Objects(Protocol):
    """Custom resources, which are the truth.

    Laws: `get` raises NotFound for a name that is not there, `create` AlreadyExists for one that is. `patch` (RFC 7386)
    and `delete` act on exactly the version in `metadata`: Conflict when the object is another by now, NotFound when it
    is gone. What is not valid raises Invalid and changes nothing. Unreachable and Overloaded leave open whether it was
    done."""

    async def get(self, kind: type[R], namespace: str, name: str) -> R: ...
    async def create(self, kind: type[R], namespace: str, metadata: dict[str, Any], spec: Model) -> R: ...
    async def patch(self, kind: type[R], metadata: Metadata, changes: dict[str, Any]) -> R: ...
    async def delete(self, kind: type[Resource], metadata: Metadata) -> None: ...


class Projection(Protocol):
    """The read model.

    Laws: reads show what is the scope's own and not deleted, nothing else. `note` may be repeated and makes no row
    older. All three answer within seconds or raise Unavailable; `note` also for a version that cannot be stored.
    `missing` never raises: None, or what the database lacks."""

    async def one(self, feed: Feed[V], scope: Scope, name: str) -> V | None: ...
    async def page(self, feed: Feed[V], scope: Scope, limit: int, after: Key | None) -> Page[V]: ...
    async def note(self, version: TaskVersion | ScheduleVersion) -> None: ...
    async def missing(self) -> str | None: ...


class States(Protocol):
    """JSON values under keys, each with a version (ETag).

    Laws: `get_state` gives None for what is unknown or older than its lifetime. `save_state` over an ETag raises
    StateConflict when the value is another by now or gone; over None it replaces whatever is there. `delete_state` may
    be repeated. All raise `runtime.dapr.Unavailable` when it cannot be said whether it was done."""

    async def get_state(self, store: str, key: str) -> State | None: ...
    async def save_state(self, store: str, key: str, value: Any, *, lifetime: timedelta, etag: str | None) -> None: ...
    async def delete_state(self, store: str, key: str) -> None: ...
