"""Observe → plan → apply, for one key at a time, and the one place where failures are translated.

    failure                                     what follows
    Rejected                                    a condition; no retry
    Conflict, NotFound                          the object is read afresh and looked at again, silently
    Unreachable, other refusals, anything else  back-off

A pass may break off between any two actions: each is guarded or has a deterministic name, and the status comes last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar, assert_never

from pydantic import ValidationError

from runtime import logs
from runtime.apiserver import AlreadyExists, ApiError, Conflict, NotFound, Unreachable
from task_operator import metrics
from task_operator.alarms import AlarmKeeper
from task_operator.cache import Cache, Key, key_of, schedule_named
from task_operator.publisher import Publisher
from task_operator.queue import WorkQueue
from task_operator.wakeups import Wakeups
from taskbell import naming
from taskbell.errors import Rejected
from taskbell.lifecycle import schedule as schedules
from taskbell.lifecycle import task as tasks
from taskbell.lifecycle.actions import (
    Action,
    AddFinalizer,
    AdoptTask,
    AmendTask,
    Arm,
    CloseTask,
    CountFallback,
    CreateTask,
    DeleteTask,
    Disarm,
    LookAgain,
    Publish,
    Receipts,
    RemoveFinalizer,
    Retirement,
    RetireTask,
    WriteStatus,
)
from taskbell.lifecycle.schedule import ObservedSchedule
from taskbell.lifecycle.task import ObservedTask
from taskbell.resources import API_VERSION, Metadata, Model, Phase, Resource, State, Task, TaskSchedule, TaskSpec

R = TypeVar("R", bound=Resource)

STANDING_IN_THE_WAY = timedelta(minutes=1)
"""How often a schedule looks whether the foreign Task that has the name of its next one is still there."""

logger = logs.get(__name__)


class Objects(Protocol):
    """The API server. Laws: every write is guarded by the version in `metadata`, or repeatable by its name; the answer
    is the object as it is stored then. Raises ApiError and Unreachable."""

    async def get(self, kind: type[R], namespace: str, name: str) -> R: ...

    async def create(self, kind: type[R], namespace: str, metadata: dict[str, Any], spec: Model) -> R: ...

    async def patch(self, kind: type[R], metadata: Metadata, changes: dict[str, Any]) -> R: ...

    async def put_status(self, kind: type[R], metadata: Metadata, status: Model) -> R: ...

    async def delete(self, kind: type[Resource], metadata: Metadata) -> None: ...


@dataclass(slots=True)
class _Pass:
    """One pass over one object; `metadata` follows our own guarded writes, so that they form a chain."""

    key: Key
    metadata: Metadata
    receipts: Receipts


class Reconciler:
    """Belongs to one event loop. `clock` is read once per pass."""

    def __init__(
        self,
        *,
        objects: Objects,
        cache: Cache,
        queue: WorkQueue[Key],
        publisher: Publisher,
        alarms: AlarmKeeper,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        self._objects = objects
        self._cache = cache
        self._queue = queue
        self._publisher = publisher
        self._alarms = alarms
        self._wakeups = wakeups
        self._clock = clock

    async def work(self) -> None:
        """One worker: reconciles keys until the queue is closed."""
        while (key := await self._queue.get()) is not None:
            metrics.QUEUE_DEPTH.set(len(self._queue))
            try:
                outcome = await self._attempt(key)
            finally:
                self._queue.done(key)
            metrics.RECONCILES.labels(key.kind.kind, outcome).inc()

    def seen(self, resource: Resource) -> None:
        """The object as the API server has it: if it is news, everything it concerns is looked at."""
        known = self._cache.get(key_of(resource))
        if not self._cache.put(resource):
            return
        if known and known.metadata.uid != resource.metadata.uid:
            self._forget(known)  # its deletion was not seen
        self._concerns(resource)

    def gone(self, key: Key, uid: str) -> None:
        """The object was deleted."""
        self._cache.bury(uid)
        self._drop(key, uid)

    def _drop(self, key: Key, uid: str) -> None:
        known = self._cache.get(key)
        if known and self._cache.drop(key, uid):
            self._forget(known)

    def _forget(self, known: Resource) -> None:
        self._publisher.forget(known.metadata.uid)
        self._alarms.forget(known.metadata.uid)
        self._wakeups.clear(key_of(known))
        self._concerns(known)

    def _concerns(self, resource: Resource) -> None:
        self._queue.add(key_of(resource))
        if isinstance(resource, Task):
            if schedule := self._cache.schedule_of(resource):
                self._queue.add(key_of(schedule))
            elif named := schedule_named(resource):
                self._queue.add(named)
        else:
            # A Task's finalizer waits for what its schedule's stored cursor says.
            for task in self._cache.tasks_of(resource.metadata.uid):
                if task.metadata.terminating:
                    self._queue.add(key_of(task))

    async def _attempt(self, key: Key) -> str:
        try:
            await self._reconcile(key)
        except (Conflict, NotFound):
            return await self._look_again(key)
        except (ApiError, Unreachable) as error:
            delay = self._queue.retry(key)
            logger.warning("put off", action="reconcile", key=str(key), why=str(error), retry_seconds=delay)
            return "deferred"
        except Exception:
            delay = self._queue.retry(key)
            logger.exception("pass failed", action="reconcile", key=str(key), retry_seconds=delay)
            return "failed"
        self._queue.forget(key)
        return "done"

    async def _look_again(self, key: Key) -> str:
        try:
            await self._look_at(key)
        except (ApiError, Unreachable, ValidationError) as error:
            logger.warning("put off", action="reconcile", key=str(key), why=str(error))
        self._queue.retry(key)
        return "changed_meanwhile"

    async def _look_at(self, key: Key) -> None:
        try:
            self.seen(await self._objects.get(key.kind, key.namespace, key.name))
        except NotFound:
            # No proof of a deletion: the API server says the same while it does not serve the kind.
            if known := self._cache.get(key):
                self._drop(key, known.metadata.uid)

    async def _reconcile(self, key: Key) -> None:
        resource, now = self._cache.get(key), self._clock()
        if resource is None:
            return
        this = _Pass(key, resource.metadata, self._publisher.receipts(resource.metadata.uid))
        if isinstance(resource, TaskSchedule):
            await self._reconcile_schedule(self._observe_schedule(resource, this), this, now)
        elif isinstance(resource, Task):
            await self._carry_out(tasks.plan(self._observe_task(resource, this), now), this)

    async def _reconcile_schedule(self, observed: ObservedSchedule, this: _Pass, now: datetime) -> None:
        try:
            await self._carry_out(schedules.plan(observed, now), this)
        except Rejected as refusal:
            await self._carry_out(schedules.stalled(observed, refusal, now), this)
            # What stands in the way is another object, whose end nobody tells this one.
            self._wakeups.look(this.key, now + STANDING_IN_THE_WAY)

    async def _carry_out(self, plan: tuple[Action, ...], this: _Pass) -> None:
        if not any(isinstance(action, Publish) for action in plan):
            self._publisher.offer(this.key, this.metadata.uid, ())  # what still waits is not to be told any more
        for action in plan:
            await self._apply(action, this)

    def _observe_schedule(self, schedule: TaskSchedule, this: _Pass) -> ObservedSchedule:
        children = self._cache.tasks_of(schedule.metadata.uid)
        orphans = self._cache.orphans_of(this.key)
        alarm = self._alarms.armed(schedule.metadata.uid)
        return ObservedSchedule(schedule, children, this.receipts, self._publisher.away, orphans, alarm)

    def _observe_task(self, task: Task, this: _Pass) -> ObservedTask:
        alarm = self._alarms.armed(task.metadata.uid)
        return ObservedTask(task, self._cache.schedule_of(task), this.receipts, alarm, self._publisher.away)

    async def _apply(self, action: Action, this: _Pass) -> None:  # noqa: PLR0912 the table of actions
        uid = this.metadata.uid
        match action:
            case AddFinalizer():
                await self._add_finalizer(this)
            case RemoveFinalizer(untold=untold):
                await self._remove_finalizer(this)
                metrics.UNTOLD_DELETIONS.inc(untold)
            case CreateTask():
                await self._create(action, this)
            case AmendTask(task=task, spec=spec):
                await self._amend(task, spec)
            case AdoptTask(task=task):
                await self._adopt(task, this)
            case CloseTask(task=task):
                await self._close(task)
            case RetireTask(task=task, reason=reason):
                await self._retire(task, reason)
            case DeleteTask():
                await self._objects.delete(Task, this.metadata)
            case Publish(tellings=tellings):
                self._publisher.offer(this.key, uid, tellings)
            case Arm(at=at):
                self._alarms.arm(uid, at)
                self._wakeups.alarm(this.key, at)
            case Disarm():
                self._alarms.disarm(uid)
                self._wakeups.disarm(this.key)
            case LookAgain(at=at):
                self._wakeups.look(this.key, at)
            case CountFallback():
                metrics.FALLBACK_ADVANCES.inc()
            case WriteStatus(status=status):
                self._keep(this, await self._objects.put_status(this.key.kind, this.metadata, status))
                self._publisher.noted(uid, this.receipts)
            case _:
                assert_never(action)
        logger.debug("applied", action=type(action).__name__, key=str(this.key))

    async def _add_finalizer(self, this: _Pass) -> None:
        resource = self._cache.get(this.key)
        labels = {naming.USER_LABEL: naming.user_label(_user_of(resource))}
        changes = {"metadata": {"finalizers": [*this.metadata.finalizers, naming.FINALIZER], "labels": labels}}
        self._keep(this, await self._objects.patch(this.key.kind, this.metadata, changes))

    async def _remove_finalizer(self, this: _Pass) -> None:
        rest = [each for each in this.metadata.finalizers if each != naming.FINALIZER]
        after = await self._objects.patch(this.key.kind, this.metadata, {"metadata": {"finalizers": rest}})
        if rest:
            self._keep(this, after)
        else:
            self.gone(this.key, this.metadata.uid)

    async def _create(self, action: CreateTask, this: _Pass) -> None:
        metadata = {
            "name": action.name,
            "finalizers": [naming.FINALIZER],
            "ownerReferences": [_owner(this.metadata)],
            "labels": {
                naming.USER_LABEL: naming.user_label(action.spec.user_id),
                naming.SCHEDULE_UID_LABEL: this.metadata.uid,
            },
        }
        try:
            task = await self._objects.create(Task, this.metadata.namespace, metadata, action.spec)
        except AlreadyExists:
            task = await self._objects.get(Task, this.metadata.namespace, action.name)
        self.seen(task)
        _refuse_foreign(task, this.metadata)
        logger.info("task created", action="create_task", key=str(this.key), task=action.name)

    async def _amend(self, task: Task, spec: TaskSpec) -> None:
        # The mark names the generation this very write makes: it is guarded, so no other edit can come between.
        mark = {naming.AMENDED_ANNOTATION: str(task.metadata.generation + 1)}
        changes = {"metadata": {"annotations": mark}, "spec": spec.wire()}
        await self._patch_task(task, changes)

    async def _adopt(self, task: Task, this: _Pass) -> None:
        changes: dict[str, Any] = {
            "ownerReferences": [_owner(this.metadata)],
            "labels": {naming.SCHEDULE_UID_LABEL: this.metadata.uid},
            "annotations": {naming.ADOPT_ANNOTATION: None},
        }
        await self._patch_task(task, {"metadata": changes})
        logger.info("task adopted", action="adopt_task", key=str(this.key), task=task.metadata.name)

    async def _close(self, task: Task) -> None:
        await self._patch_task(task, {"spec": {"state": State.SKIPPED}})
        logger.info("task replaced", action="close_task", task=task.metadata.name)

    async def _retire(self, task: Task, reason: Retirement) -> None:
        changes: dict[str, Any] = {"annotations": {naming.RETIRED_ANNOTATION: reason.value}}
        if reason is Retirement.HISTORY:
            changes["finalizers"] = [each for each in task.metadata.finalizers if each != naming.FINALIZER]
        # If this process ends before the DELETE, the Task's own plan, which sees the mark, is nothing but that.
        await self._patch_task(task, {"metadata": changes})
        logger.info("task retired", action="retire_task", task=task.metadata.name, reason=reason.value)

    async def _patch_task(self, task: Task, changes: dict[str, Any]) -> None:
        try:
            self.seen(await self._objects.patch(Task, task.metadata, changes))
        except (Conflict, NotFound):
            await self._look_at(key_of(task))  # who looks again at the schedule reads only the schedule afresh
            raise

    def _keep(self, this: _Pass, answer: Resource) -> None:
        this.metadata = answer.metadata
        self.seen(answer)


def _refuse_foreign(task: Task, schedule: Metadata) -> None:
    """The name is taken: by ourselves is success, by another is for a person to mend. Raises Rejected or Conflict."""
    owner = task.metadata.controller
    if owner is None or owner.uid != schedule.uid:
        message = f"a task named {task.metadata.name} exists and is not this schedule's: delete it"
        raise Rejected("NameTaken", message)
    if task.metadata.terminating or tasks.retirement(task):
        raise Conflict(409, "Conflict", f"task {task.metadata.name} is still on its way out")


def _owner(schedule: Metadata) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": TaskSchedule.kind,
        "name": schedule.name,
        "uid": schedule.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _user_of(resource: Resource | None) -> str:
    return resource.spec.user_id if isinstance(resource, Task | TaskSchedule) else ""


def waits_for_consumer(schedule: TaskSchedule) -> bool:
    """Whether it is the recurring consumer's turn: with the broker away nobody else will advance it."""
    return schedule.status.cursor is not None and schedule.status.cursor.phase is Phase.CLOSED
