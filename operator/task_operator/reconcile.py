"""Observe → plan → apply, for one key at a time, and the one place where failures are translated.

    failure                             what follows
    Rejected                            a condition and a Kubernetes Event; no retry
    an object newer than this version   a condition, written by a patch of the conditions alone; no other action
    Conflict, NotFound                  the object is read afresh and looked at again, silently
    Deferred                            it is looked at again after the delay it names
    Unreachable, other refusals         back-off, with a warning
    Deposed                             nothing: the lease is lost, and another replica does it
    anything else                       back-off, with a traceback

A pass may break off between any two actions: each is guarded or has a deterministic name, and the status comes last.
While other keys wait it breaks off there by intention: the status is then written once for all that happened since.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar, assert_never

from pydantic import ValidationError

from runtime import logs
from runtime.apiserver import AlreadyExists, ApiError, Conflict, Forbidden, Invalid, NotFound, Unreachable
from task_operator import metrics
from task_operator.alarms import AlarmKeeper
from task_operator.cache import Cache, Key, Unreadable, key_of, schedule_named
from task_operator.failures import Deferred, Deposed
from task_operator.publisher import Publisher
from task_operator.queue import WorkQueue
from task_operator.reading import read
from task_operator.recorder import Recorder
from task_operator.wakeups import Wakeups
from taskbell import naming
from taskbell.errors import Rejected
from taskbell.lifecycle import conditions, story
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
from taskbell.resources import (
    API_VERSION,
    Condition,
    Metadata,
    Model,
    Resource,
    State,
    Task,
    TaskSchedule,
    TaskScheduleStatus,
    TaskSpec,
    TaskStatus,
)

R = TypeVar("R", bound=Resource)

STANDING_IN_THE_WAY = timedelta(minutes=1)
"""How often a schedule looks whether what keeps it from making its next Task is still there."""

ON_ITS_WAY_OUT_SECONDS = 1.0
"""How long a Task of ours whose name is needed again is left to go."""

NAMESPACE_LOOK = timedelta(seconds=2)

logger = logs.get(__name__)


class Objects(Protocol):
    """The API server. Laws: every write is guarded by the version in `metadata`, or repeatable by its name; the answer
    is the object as it is stored then. Raises ApiError and Unreachable."""

    async def get_raw(self, kind: type[Resource], namespace: str, name: str) -> dict[str, Any]: ...

    async def create(self, kind: type[R], namespace: str, metadata: dict[str, Any], spec: Model) -> R: ...

    async def patch(self, kind: type[R], metadata: Metadata, changes: dict[str, Any]) -> R: ...

    async def put_status(self, kind: type[R], metadata: Metadata, status: Model) -> R: ...

    async def patch_conditions(
        self, kind: type[Resource], metadata: Metadata, conditions: list[dict[str, Any]]
    ) -> None: ...

    async def namespace_ends(self, namespace: str) -> bool: ...

    async def delete(self, kind: type[Resource], metadata: Metadata) -> None: ...


@dataclass(slots=True)
class _Pass:
    """One pass over one object; `metadata` follows our own guarded writes, so that they form a chain."""

    key: Key
    metadata: Metadata
    receipts: Receipts
    namespace_ends: bool = False


class Reconciler:
    """Belongs to one event loop. `clock` is read once per pass, `leads` is asked before every action."""

    def __init__(
        self,
        *,
        objects: Objects,
        cache: Cache,
        queue: WorkQueue[Key],
        publisher: Publisher,
        alarms: AlarmKeeper,
        wakeups: Wakeups,
        recorder: Recorder,
        clock: Callable[[], datetime],
        leads: Callable[[], bool],
    ) -> None:
        self._objects = objects
        self._cache = cache
        self._queue = queue
        self._publisher = publisher
        self._alarms = alarms
        self._wakeups = wakeups
        self._recorder = recorder
        self._clock = clock
        self._leads = leads
        self._namespaces: dict[str, tuple[datetime, bool]] = {}

    async def work(self) -> None:
        """One worker: reconciles keys until the queue is closed."""
        loop = asyncio.get_running_loop()
        while (key := await self._queue.get()) is not None:
            begun = loop.time()
            try:
                outcome = await self._attempt(key)
            finally:
                self._queue.done(key)
            metrics.PASS_SECONDS.labels(key.kind.kind).observe(loop.time() - begun)
            metrics.RECONCILES.labels(key.kind.kind, outcome).inc()

    def seen(self, resource: Resource | Unreadable) -> None:
        """The object as the API server has it: if it is news, everything it concerns is looked at."""
        key = key_of(resource)
        another = self._cache.get(key) if self._cache.uid_of(key) != resource.metadata.uid else None
        if not self._cache.put(resource):
            return
        if another:
            self._forget(another)  # its deletion was not seen
        self._concerns(resource)

    def gone(self, key: Key, uid: str) -> None:
        """The object was deleted."""
        self._cache.bury(uid)
        self._drop(key, uid)

    def _drop(self, key: Key, uid: str) -> None:
        known = self._cache.get(key)
        if known and self._cache.drop(key, uid):
            self._forget(known)

    def _forget(self, known: Resource | Unreadable) -> None:
        self._publisher.forget(known.metadata.uid)
        self._alarms.forget(known.metadata.uid)
        self._wakeups.clear(key_of(known))
        self._concerns(known)

    def _concerns(self, resource: Resource | Unreadable) -> None:
        if not self._leads():
            return  # a standby only keeps its cache warm: when its term begins everything is looked at
        key = key_of(resource)
        self._queue.add(key)
        if key.kind is Task:
            if schedule := self._cache.owner_of(resource.metadata):
                self._queue.add(schedule)
            elif named := schedule_named(resource):
                self._queue.add(named)
        else:
            # A Task's finalizer waits for what its schedule's stored cursor says.
            for task in self._cache.terminating_tasks_of(resource.metadata.uid):
                self._queue.add(task)

    async def _attempt(self, key: Key) -> str:
        try:
            if await self._reconcile(key):
                self._queue.forget(key)
                return "put_off"
        except (Conflict, NotFound):
            outcome = await self._look_again(key)
        except Deferred as wait:
            self._queue.add_after(key, wait.delay)
            logger.debug("put off", action="reconcile", key=str(key), why=str(wait))
            outcome = "deferred"
        except (ApiError, Unreachable) as error:
            delay = self._queue.retry(key)
            logger.warning("put off", action="reconcile", key=str(key), why=str(error), retry_seconds=delay)
            outcome = "deferred"
        except Deposed:
            outcome = "deposed"
        except Exception:
            delay = self._queue.retry(key)
            logger.exception("pass failed", action="reconcile", key=str(key), retry_seconds=delay)
            outcome = "failed"
        else:
            self._queue.forget(key)
            outcome = "done"
        self._queue.settled(key)
        return outcome

    async def _look_again(self, key: Key) -> str:
        try:
            await self.look_at(key)
        except (ApiError, Unreachable) as error:
            logger.warning("put off", action="reconcile", key=str(key), why=str(error))
        self._queue.retry(key)
        return "changed_meanwhile"

    async def look_at(self, key: Key) -> None:
        """Reads the object afresh. Raises ApiError and Unreachable."""
        try:
            found = read(key.kind, await self._objects.get_raw(key.kind, key.namespace, key.name))
        except NotFound:
            # No proof of a deletion: the API server says the same while it does not serve the kind.
            if known := self._cache.get(key):
                self._drop(key, known.metadata.uid)
        else:
            if found:
                self.seen(found)

    async def _reconcile(self, key: Key) -> bool:
        """Whether the status is left to a later pass."""
        known, now = self._cache.get(key), self._clock()
        if known is None:
            return False
        if too_new := self._too_new(known):
            await self._stall(key, known, too_new, now)
            return False
        this = _Pass(key, known.metadata, self._publisher.receipts(known.metadata.uid))
        if known.metadata.terminating:
            this.namespace_ends = await self._namespace_ends(key.namespace, now)
        if isinstance(known, TaskSchedule):
            return await self._reconcile_schedule(self._observe_schedule(known, this), this, now)
        if isinstance(known, Task) and not self._waits_for_owner(known):
            return await self._carry_out(tasks.plan(self._observe_task(known, this), now), known, this)
        return False

    async def _namespace_ends(self, namespace: str, now: datetime) -> bool:
        """As it was within the last seconds: with a namespace thousands of objects go."""
        known = self._namespaces.get(namespace)
        if known is None or now - known[0] > NAMESPACE_LOOK:
            known = now, await self._objects.namespace_ends(namespace)
            self._namespaces[namespace] = known
        return known[1]

    def _too_new(self, known: Resource | Unreadable) -> str | None:
        """Why nothing must be done for it. A Task that cannot be read must not look like one that is gone."""
        if isinstance(known, Unreadable):
            return f"this operator cannot read it, a newer version wrote it: {known.why}"
        if isinstance(known, TaskSchedule) and not known.metadata.terminating:
            task = self._cache.unreadable_of(known.metadata.uid)
            return f"this operator cannot read its task {task.metadata.name}: {task.why}" if task else None
        return None

    def _waits_for_owner(self, task: Task) -> bool:
        """How it goes depends on what its schedule says, which cannot be read."""
        owner = self._cache.owner_of(task.metadata) if task.metadata.terminating else None
        return owner is not None and isinstance(self._cache.get(owner), Unreadable)

    async def _stall(self, key: Key, known: Resource | Unreadable, why: str, now: datetime) -> None:
        """`Stalled`, reason `NewerThanOperator`, and nothing else: what this version would write drops what it does not
        know."""
        self._publisher.offer(key, known.metadata.uid, ())
        stored = known.conditions if isinstance(known, Unreadable) else _stored_conditions(known)
        wanted = _stalled_conditions(key.kind, stored, why[:1024], known.metadata.generation, now)
        if wanted == list(stored):
            return
        self._check_lease()
        await self._objects.patch_conditions(key.kind, known.metadata, wanted)
        self._recorder.record(key, known.metadata, (story.newer_than_operator(why),))

    async def _reconcile_schedule(self, observed: ObservedSchedule, this: _Pass, now: datetime) -> bool:
        try:
            return await self._carry_out(schedules.plan(observed, now), observed.schedule, this)
        except Rejected as refusal:
            put_off = await self._carry_out(schedules.stalled(observed, refusal, now), observed.schedule, this)
            # What stands in the way is another object, or a policy, whose end nobody tells this one.
            self._wakeups.look(this.key, now + STANDING_IN_THE_WAY)
            return put_off

    async def _carry_out(self, plan: tuple[Action, ...], before: Resource, this: _Pass) -> bool:
        """Whether the status is left to a later pass."""
        if not any(isinstance(action, Publish) for action in plan):
            self._publisher.offer(this.key, this.metadata.uid, ())  # what still waits is not to be told any more
        for action in plan:
            self._check_lease()
            if isinstance(action, WriteStatus) and self._may_put_off(this.key, before, action.status):
                # As if we had died right here: repeated, the effects come to nothing new, and the status is written.
                self._queue.put_off(this.key)
                return True
            await self._apply(action, before, this)
        return False

    def _may_put_off(self, key: Key, before: Resource, status: TaskStatus | TaskScheduleStatus) -> bool:
        return story.may_wait(before, status) and self._queue.may_put_off(key)

    def _check_lease(self) -> None:
        if not self._leads():
            raise Deposed

    def _observe_schedule(self, schedule: TaskSchedule, this: _Pass) -> ObservedSchedule:
        children = self._cache.tasks_of(schedule.metadata.uid)
        orphans = self._cache.orphans_of(this.key)
        alarm = self._alarms.armed(schedule.metadata.uid)
        return ObservedSchedule(
            schedule, children, this.receipts, self._publisher.away, orphans, alarm, this.namespace_ends
        )

    def _observe_task(self, task: Task, this: _Pass) -> ObservedTask:
        alarm = self._alarms.armed(task.metadata.uid)
        schedule = self._cache.schedule_of(task)
        return ObservedTask(task, schedule, this.receipts, alarm, self._publisher.away, this.namespace_ends)

    async def _apply(self, action: Action, before: Resource, this: _Pass) -> None:  # noqa: PLR0912 the table of actions
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
                self._recorder.record(this.key, this.metadata, (story.advanced_by_operator(),))
            case WriteStatus(status=status):
                self._keep(this, await self._objects.put_status(this.key.kind, this.metadata, status))
                self._publisher.noted(uid, this.receipts)
                told = story.told(before, status)
                metrics.REMINDERS_EXPIRED.inc(sum(each.reason == story.REMINDER_EXPIRED for each in told))
                self._recorder.record(this.key, this.metadata, told)
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
            await self._take(Key(Task, this.metadata.namespace, action.name), this)
            return
        except (Invalid, Forbidden) as refusal:
            raise _refused(action.name, refusal) from refusal
        self._observe_lateness(task, this)
        self.seen(task)
        logger.info("task created", action="create_task", key=str(this.key), task=action.name)

    async def _take(self, key: Key, this: _Pass) -> None:
        """The name of our next Task is taken: by ourselves is success. Raises Rejected and Deferred."""
        await self.look_at(key)
        known = self._cache.get(key)
        if known is None:
            raise Deferred(f"{key} was there and is gone", ON_ITS_WAY_OUT_SECONDS)
        _refuse_foreign(known.metadata, this.metadata)

    def _observe_lateness(self, made: Task, this: _Pass) -> None:
        """Since it could be made: since its predecessor was closed, the first since its schedule was created. What
        could not be made for another reason (suspended, edited, down) is left out where that can be told."""
        sequence = made.spec.occurrence.sequence if made.spec.occurrence else 0
        siblings = (task for task in self._cache.tasks_of(this.metadata.uid) if task.spec.occurrence)
        closed_at = next(
            (t.status.closed_at for t in siblings if t.spec.occurrence and t.spec.occurrence.sequence == sequence - 1),
            this.metadata.creation_timestamp if (sequence, this.metadata.generation) == (1, 1) else None,
        )
        if closed_at:
            metrics.TASK_LATENESS.observe(max((self._clock() - closed_at).total_seconds(), 0))

    async def _amend(self, task: Task, spec: TaskSpec) -> None:
        # The mark names the generation this very write makes: it is guarded, so no other edit can come between.
        mark = {naming.AMENDED_ANNOTATION: str(task.metadata.generation + 1)}
        wanted = spec.wire()
        dropped = dict.fromkeys(task.spec.wire().keys() - wanted.keys())
        changes = {"metadata": {"annotations": mark}, "spec": dropped | wanted}
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
            await self.look_at(key_of(task))  # who looks again at the schedule reads only the schedule afresh
            raise

    def _keep(self, this: _Pass, answer: Resource) -> None:
        this.metadata = answer.metadata
        self.seen(answer)


def _refuse_foreign(task: Metadata, schedule: Metadata) -> None:
    """The name is taken: by ourselves is success, by another is for a person to mend. Raises Rejected or Deferred."""
    if task.controller is None or task.controller.uid != schedule.uid:
        message = f"a task named {task.name} exists and is not this schedule's: delete it"
        raise Rejected("NameTaken", message)
    if task.terminating or naming.RETIRED_ANNOTATION in task.annotations:
        raise Deferred(f"task {task.name} is still on its way out", ON_ITS_WAY_OUT_SECONDS)


def _owner(schedule: Metadata) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": TaskSchedule.kind,
        "name": schedule.name,
        "uid": schedule.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _refused(name: str, refusal: ApiError) -> Exception:
    """A validation, a quota or a policy: for a person to mend. In a namespace that goes there is nothing to mend."""
    if any(cause.get("reason") == "NamespaceTerminating" for cause in refusal.causes):
        return Deferred(refusal.message, STANDING_IN_THE_WAY.total_seconds())
    return Rejected("TaskRefused", f"the API server refuses the task {name}: {refusal.message}"[:1024])


def _stored_conditions(schedule: Resource) -> tuple[dict[str, Any], ...]:
    stored = schedule.status.conditions if isinstance(schedule, TaskSchedule) else ()
    return tuple(condition.wire() for condition in stored)


def _stalled_conditions(
    kind: type[Resource], stored: tuple[dict[str, Any], ...], why: str, generation: int, now: datetime
) -> list[dict[str, Any]]:
    """What is stored, with `Stalled` true, and for a schedule `Ready` false; the others are left as they are."""
    claims = {conditions.STALLED: conditions.Claim(True, story.NEWER_THAN_OPERATOR, why)}
    if kind is TaskSchedule:
        claims[conditions.READY] = conditions.Claim(False, story.NEWER_THAN_OPERATOR, why)
    known = tuple(filter(None, map(_condition, stored)))
    renewed = {each.type: each.wire() for each in conditions.renewed(known, claims, generation, now)}
    kept = [renewed.pop(str(each.get("type")), each) for each in stored]
    return [*kept, *renewed.values()]


def _condition(stored: dict[str, Any]) -> Condition | None:
    try:
        return Condition.model_validate(stored)
    except ValidationError:
        return None


def _user_of(resource: Resource | Unreadable | None) -> str:
    return resource.spec.user_id if isinstance(resource, Task | TaskSchedule) else ""
