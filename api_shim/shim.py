"""What the routes work with: writing, reading, and answering with what was just written."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import quote

from fastapi import Depends, Path, Query, Request, Response

from api_shim import paging
from api_shim.access import Access
from api_shim.chat.memory import Memory
from api_shim.live import Updates
from api_shim.paging import Listing, PageQuery
from api_shim.ports import Projection, Unavailable
from api_shim.writing import Writing
from runtime import logs
from store.reading import Feed, Scope
from store.versions import ScheduleVersion, TaskVersion
from taskbell import naming
from taskbell.lifecycle import task as lifecycle
from taskbell.lifecycle.actions import Receipts, WriteStatus
from taskbell.resources import Task, TaskSchedule, TaskStatus

T = TypeVar("T")
V = TypeVar("V")

BEHIND = {"Taskbell-Projection": "behind"}
"""Says that lists may not show this write yet."""

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Shim:
    namespace: str
    access: Access
    writing: Writing
    projection: Projection
    memory: Memory
    now: Callable[[], datetime]
    conversation_id: Callable[[], str]
    """32 hex digits that nobody can guess, others at every call."""
    updates: Updates

    def root(self, scope: Scope) -> str:
        """The path everything of this user is under."""
        return f"/api/{quote(scope.user_id, safe='')}"

    async def written_task(self, task: Task, response: Response) -> TaskVersion:
        """`task` as it is answered, noted so that lists show it."""
        return await self._noted(TaskVersion.of_resource(foreseen(task, self.now())), response)

    async def written_schedule(self, schedule: TaskSchedule, response: Response) -> ScheduleVersion:
        return await self._noted(ScheduleVersion.of_resource(schedule), response)

    async def deleted_task(self, task: Task, response: Response) -> None:
        await self._noted(replace(TaskVersion.of_resource(task), deleted_at=self.now()), response)

    async def deleted_schedule(self, schedule: TaskSchedule, response: Response) -> None:
        await self._noted(replace(ScheduleVersion.of_resource(schedule), deleted_at=self.now()), response)

    async def known(self, feed: Feed[V], scope: Scope, name: str) -> V | None:
        """None when the read model does not know it, or does not answer: ask the API server."""
        try:
            return await self.projection.one(feed, scope, name)
        except Unavailable as error:
            _log.warning("database unavailable", error=str(error))
            return None

    async def listing(self, feed: Feed[V], scope: Scope, query: PageQuery, answer: Callable[[V], T]) -> Listing[T]:
        page = await self.projection.page(feed, scope, query.limit, paging.decode(feed, query.cursor))
        return Listing(items=[answer(item) for item in page.items], next=paging.encode(feed, page.after))

    async def _noted(self, version: V, response: Response) -> V:
        # The write is done: whatever happens here, it is answered as a success.
        try:
            await self.projection.note(cast("TaskVersion | ScheduleVersion", version))
        except Unavailable as error:
            _log.warning("projection behind", error=str(error))
            response.headers.update(BEHIND)
        return version


def foreseen(task: Task, now: datetime) -> Task:
    """`task` with the status that the operator will give it, by the operator's own plan.

    At most two steps: a change of state is noted before the rest is."""
    task = _with(task, "metadata", task.metadata.model_copy(update={"finalizers": (naming.FINALIZER,)}))
    for _ in range(2):
        seen = lifecycle.ObservedTask(task, schedule=None, receipts=Receipts(), alarm=None, broker_away=True)
        statuses = [action.status for action in lifecycle.plan(seen, now) if isinstance(action, WriteStatus)]
        task = _with(task, "status", cast("TaskStatus", statuses[-1])) if statuses else task
    return task


def _with(task: Task, field: str, value: Any) -> Task:
    return task.model_copy(update={field: value})


def _shim(request: Request) -> Shim:
    return cast("Shim", request.app.state.shim)


def _scope(request: Request, user_id: Annotated[str, Path(description="The token's subject")]) -> Scope:
    return Scope(_shim(request).namespace, user_id)


TheShim = Annotated[Shim, Depends(_shim)]
TheScope = Annotated[Scope, Depends(_scope)]
ThePage = Annotated[PageQuery, Query()]
NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
Name = Annotated[str, Path(max_length=253, pattern=NAME)]
"""What can be the name of an object; anything else names nothing."""
