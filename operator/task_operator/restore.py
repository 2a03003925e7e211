"""`python -m task_operator restore FILE`: TaskSchedules and Tasks from a backup, back into a cluster.

A backup is what `kubectl get taskschedules,tasks --all-namespaces --output yaml` printed. Objects get new uids, so a
schedule's Tasks are no longer its own, and nothing knows any more what became of them:

1. schedules are created suspended, with the mark `taskbell.dev/adopt`: the operator makes no Task for them, and takes
   in those without owner that name them;
2. Tasks are created with the marks `taskbell.dev/restored` and, where a schedule is to take them in, `adopt`;
3. when a schedule has all of its Tasks, its mark goes and it is as suspended as it was.

Wherever this breaks off, the same command goes on: what exists is left as it is, but for schedules that still have the
mark.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from runtime.apiserver import AlreadyExists, NotFound
from taskbell import naming
from taskbell.naming import ADOPT_ANNOTATION, RESTORED_ANNOTATION
from taskbell.resources import (
    API_VERSION,
    Metadata,
    Model,
    Resource,
    State,
    Task,
    TaskSchedule,
    TaskScheduleSpec,
    TaskSpec,
)

PATIENCE_SECONDS = 60.0
"""How long the operator may take for one schedule's Tasks."""

LOOK_SECONDS = 0.2

R = TypeVar("R", bound=Resource)
S = TypeVar("S", bound=Model)

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NOT_KEPT = frozenset(
    {naming.ACTOR_ANNOTATION, naming.AMENDED_ANNOTATION, ADOPT_ANNOTATION, RESTORED_ANNOTATION, _LAST_APPLIED}
)
"""Annotations that speak of the object that was."""


class BadBackup(Exception):
    """The file cannot be restored; the message says where and why."""


class Objects(Protocol):
    """The API server, as in `reconcile`."""

    async def get_raw(self, kind: type[Resource], namespace: str, name: str) -> dict[str, Any]: ...

    async def create(self, kind: type[R], namespace: str, metadata: dict[str, Any], spec: Model) -> R: ...

    async def patch(self, kind: type[R], metadata: Metadata, changes: dict[str, Any]) -> R: ...


@dataclass(frozen=True, slots=True)
class SavedSchedule:
    namespace: str
    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: TaskScheduleSpec


@dataclass(frozen=True, slots=True)
class SavedTask:
    """`owned`: a schedule had it; `spec.completed_at` is when it was closed."""

    namespace: str
    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: TaskSpec
    owned: bool


@dataclass(slots=True)
class Backup:
    schedules: list[SavedSchedule] = field(default_factory=list[SavedSchedule])
    tasks: list[SavedTask] = field(default_factory=list[SavedTask])


class _Status(BaseModel):
    closed_at: datetime | None = None


def read(text: str) -> Backup:
    """YAML documents, or lists of objects. Those that were on their way out are left out. Raises BadBackup."""
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise BadBackup(f"the file is no YAML: {error}") from error
    backup = Backup()
    for body in (body for document in documents for body in _items(document)):
        _read_one(body, backup)
    return backup


async def restore(objects: Objects, backup: Backup, report: Callable[[str], None]) -> None:
    """Returns when every schedule has its Tasks again. Raises ApiError, Unreachable, and TimeoutError when the operator
    takes no Tasks in."""
    adopting = [schedule for schedule in backup.schedules if await _create_schedule(objects, schedule, report)]
    names = {(schedule.namespace, schedule.name) for schedule in adopting}
    for task in backup.tasks:
        await _create_task(objects, task, names, report)
    for schedule in adopting:
        await _resume(objects, schedule, [task for task in backup.tasks if _is_of(task, schedule)], report)


def _items(document: Any) -> Sequence[Any]:
    if not isinstance(document, dict):
        raise BadBackup(f"the file holds {document!r} where an object should be: is it a backup?")
    return document["items"] if str(document.get("kind", "")).endswith("List") else [document]


def _read_one(body: Any, backup: Backup) -> None:
    place = f"{body.get('kind')} {body.get('metadata', {}).get('namespace', '')}/{body.get('metadata', {}).get('name')}"
    if body.get("apiVersion") != API_VERSION:
        raise BadBackup(f"{place}: its apiVersion is {body.get('apiVersion')}, not {API_VERSION}: leave it out")
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    if metadata.get("deletionTimestamp") or naming.RETIRED_ANNOTATION in annotations:
        return
    kept: dict[str, Any] = {
        "namespace": metadata.get("namespace", "default"),
        "name": metadata["name"],
        "labels": {key: value for key, value in (metadata.get("labels") or {}).items() if not _is_ours(key)},
        "annotations": {key: value for key, value in annotations.items() if key not in _NOT_KEPT},
    }
    try:
        match body["kind"]:
            case TaskSchedule.kind:
                spec = TaskScheduleSpec.model_validate(body["spec"])
                backup.schedules.append(SavedSchedule(**kept, spec=spec))
            case Task.kind:
                owned = any(owner.get("controller") for owner in metadata.get("ownerReferences") or ())
                backup.tasks.append(SavedTask(**kept, spec=_closed(body), owned=owned))
            case kind:
                raise BadBackup(f"{place}: {kind} is neither {TaskSchedule.kind} nor {Task.kind}: leave it out")
    except ValidationError as error:
        faults = "; ".join(f"spec.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise BadBackup(f"{place}: {faults}") from error


def _closed(body: dict[str, Any]) -> TaskSpec:
    spec = TaskSpec.model_validate(body["spec"])
    closed_at = _Status.model_validate({"closed_at": (body.get("status") or {}).get("closedAt")}).closed_at
    return spec.model_copy(update={"completed_at": closed_at}) if closed_at and spec.state is not State.OPEN else spec


def _is_ours(label: str) -> bool:
    return label in {naming.USER_LABEL, naming.SCHEDULE_UID_LABEL}


def _is_of(task: SavedTask, schedule: SavedSchedule) -> bool:
    occurrence = task.spec.occurrence
    return (
        task.owned
        and occurrence is not None
        and (task.namespace, occurrence.schedule)
        == (
            schedule.namespace,
            schedule.name,
        )
    )


async def _create_schedule(objects: Objects, saved: SavedSchedule, report: Callable[[str], None]) -> bool:
    """Whether it is to take in Tasks."""
    metadata = {
        "name": saved.name,
        "labels": saved.labels,
        "annotations": {**saved.annotations, ADOPT_ANNOTATION: "true", RESTORED_ANNOTATION: "true"},
    }
    suspended = saved.spec.model_copy(update={"suspend": True})
    try:
        await objects.create(TaskSchedule, saved.namespace, metadata, suspended)
    except AlreadyExists:
        known = TaskSchedule.model_validate(await objects.get_raw(TaskSchedule, saved.namespace, saved.name))
        broke_off = known.metadata.annotations.get(ADOPT_ANNOTATION) == "true"
        report(f"schedule {saved.namespace}/{saved.name}: {'goes on' if broke_off else 'exists, and is left alone'}")
        return broke_off
    report(f"schedule {saved.namespace}/{saved.name}: created, suspended")
    return True


async def _create_task(
    objects: Objects, saved: SavedTask, adopting: set[tuple[str, str]], report: Callable[[str], None]
) -> None:
    place = f"task {saved.namespace}/{saved.name}"
    occurrence = saved.spec.occurrence
    adopted = saved.owned and occurrence is not None and (saved.namespace, occurrence.schedule) in adopting
    if saved.owned and not adopted:
        report(f"{place}: left out, its schedule was not restored")
        return
    marks = {RESTORED_ANNOTATION: "true", **({ADOPT_ANNOTATION: "true"} if adopted else {})}
    metadata = {"name": saved.name, "labels": saved.labels, "annotations": {**saved.annotations, **marks}}
    try:
        await objects.create(Task, saved.namespace, metadata, saved.spec)
    except AlreadyExists:
        report(f"{place}: exists, and is left alone")
    else:
        report(f"{place}: created")


async def _resume(
    objects: Objects, saved: SavedSchedule, tasks: Sequence[SavedTask], report: Callable[[str], None]
) -> None:
    place, left = f"schedule {saved.namespace}/{saved.name}", list(tasks)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while left := [task for task in left if not await _has_owner(objects, task)]:  # noqa: ASYNC110 another process
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise TimeoutError(
            f"{place}: {len(left)} of its tasks are not taken in after {PATIENCE_SECONDS:.0f} s: "
            "does the operator run? The same command goes on where it was"
        ) from None
    schedule = TaskSchedule.model_validate(await objects.get_raw(TaskSchedule, saved.namespace, saved.name))
    changes = {"metadata": {"annotations": {ADOPT_ANNOTATION: None}}, "spec": {"suspend": saved.spec.suspend}}
    await objects.patch(TaskSchedule, schedule.metadata, changes)
    report(f"{place}: has its {len(tasks)} tasks, and is {'suspended, as it was' if saved.spec.suspend else 'resumed'}")


async def _has_owner(objects: Objects, saved: SavedTask) -> bool:
    try:
        task = Task.model_validate(await objects.get_raw(Task, saved.namespace, saved.name))
    except NotFound:
        return True  # somebody has deleted it meanwhile
    return task.metadata.controller is not None
