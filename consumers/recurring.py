"""Moves a schedule on when its occurrence has been closed: one compare-and-swap of `status.cursor`.

No memory and no database: what an event calls for is decided anew from the API server each time it comes, so
duplicates and late events find the cursor moved, and do nothing. If this service is away, the operator does the same
after its grace (DESIGN section 4).
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from pydantic import ValidationError

from consumers import metrics
from consumers.subscriptions import Away, Received, Refused
from runtime import logs
from runtime.apiserver import ApiError, Conflict, Invalid, NotFound, Unreachable
from taskbell.errors import Rejected
from taskbell.events import EventType, OccurrenceData, Reason, TaskEvent
from taskbell.lifecycle import cursor
from taskbell.resources import Metadata, Model, OccurrenceRef, Resource, State, Task, TaskSchedule

log = logs.get(__name__)

R = TypeVar("R", bound=Resource)

ATTEMPTS = 10
"""Conflicts in a row before the batch is put off. Each means that somebody else's write succeeded."""


class Objects(Protocol):
    """The API server; `runtime.apiserver.ApiServer` documents the errors."""

    async def get(self, kind: type[R], namespace: str, name: str) -> R: ...
    async def put_status(self, kind: type[R], metadata: Metadata, status: Model) -> R: ...


class Result(StrEnum):
    """What came of an event that shows an occurrence closed."""

    ADVANCED = "advanced"
    PASSED = "passed"
    """The cursor stands further on, or the occurrence was cancelled."""
    OPEN = "open"
    """The Task is open (again), or another one has its name."""
    GONE = "gone"
    """The schedule is deleted, or another one has its name."""
    EXHAUSTED = "exhausted"
    """No occurrence follows; the operator says so."""
    LEFT = "left"
    """The schedule or the Task cannot be worked with; the operator says why."""


class Recurring:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def handle(self, events: Sequence[Received[TaskEvent]]) -> Sequence[Refused]:
        """Advances the schedules whose occurrences these events show closed. Raises Away."""
        outcomes = await asyncio.gather(*map(self._handle, events), return_exceptions=True)
        refused: list[Refused] = []
        for outcome in outcomes:
            match outcome:
                case BaseException():
                    raise outcome
                case Refused():
                    refused.append(outcome)
                case None:
                    pass
        return refused

    async def _handle(self, event: Received[TaskEvent]) -> Refused | None:
        occurrence = event.data.task_data.occurrence
        if occurrence is None or not shows_closed(event.data):
            return None
        try:
            result = await self._advance(event.data, occurrence)
        except Invalid as error:
            return Refused(event.envelope, f"the API server refuses the cursor: {error}")
        except (ApiError, Unreachable) as error:
            raise Away(f"API server: {error}") from error
        metrics.ADVANCES.labels(result).inc()
        log.info(
            "closed occurrence looked at",
            action="advance",
            result=result,
            namespace=event.data.namespace,
            schedule=occurrence.schedule,
            sequence=occurrence.sequence,
            event_id=event.id,
        )
        return None

    async def _advance(self, event: TaskEvent, occurrence: OccurrenceData) -> Result:
        for _ in range(ATTEMPTS):
            try:
                return await self._attempt(event, OccurrenceRef(**dict(occurrence)))
            except Conflict:
                continue
            except ValidationError:
                return Result.LEFT
        raise Away(f"schedule {event.namespace}/{occurrence.schedule}: {ATTEMPTS} conflicts in a row")

    async def _attempt(self, event: TaskEvent, occurrence: OccurrenceRef) -> Result:
        # The schedule is read first: whatever happens to it after this line makes the guarded write fail.
        schedule = await self._find(TaskSchedule, event.namespace, occurrence.schedule)
        if schedule is None or schedule.metadata.uid != event.task_data.schedule_uid or schedule.metadata.terminating:
            return Result.GONE
        closed = cursor.closed_cursor(schedule, occurrence)
        if closed is None:
            return Result.PASSED
        task = await self._find(Task, event.namespace, event.task_id)
        if task is not None and not _closed(task, event.task_uid):
            return Result.OPEN
        try:
            following = cursor.advance(schedule, closed, _closed_at(event, task))
        except Rejected:
            return Result.LEFT
        if following is None:
            return Result.EXHAUSTED
        status = schedule.status.model_copy(update={"cursor": following})
        try:
            await self._objects.put_status(TaskSchedule, schedule.metadata, status)
        except NotFound:
            return Result.GONE
        return Result.ADVANCED

    async def _find(self, kind: type[R], namespace: str, name: str) -> R | None:
        try:
            return await self._objects.get(kind, namespace, name)
        except NotFound:
            return None


def shows_closed(event: TaskEvent) -> bool:
    """Whether a person closed the Task, by its state or by deleting it; what we took back ourselves moves nothing."""
    if event.event_type is EventType.DELETED:
        return event.reason is Reason.USER
    return event.task_data.state is not State.OPEN


def _closed_at(event: TaskEvent, task: Task | None) -> datetime:
    """The Task's own word, where there is one: the event may be about an earlier closing."""
    noted = task.status.closed_at if task else None
    return noted or event.task_data.closed_at or event.timestamp


def _closed(task: Task, uid: str) -> bool:
    return task.metadata.uid == uid and (task.metadata.terminating or task.spec.state is not State.OPEN)
