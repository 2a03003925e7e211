"""Versions of objects, as the projection takes them: from the event stream, or from an answer of the API server.

Which of two versions under one name is newer is decided here for a batch and in `store.projection` for the tables:

    another uid      the later `created_at`; within the same second the one that is not deleted
    the same uid     the deleted one, so that nothing un-deletes it; then the higher generation; then what the stream
                     told before an API server's answer, whose status may lag behind its spec; else the one that
                     comes later
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypeVar

from taskbell.events import EventType, ScheduleData, ScheduleEvent, TaskData, TaskEvent, schedule_data, task_data
from taskbell.resources import Task, TaskSchedule


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one object. `told`: the event stream has told it. Instants are aware UTC."""

    namespace: str
    name: str
    uid: str
    generation: int
    told: bool
    created_at: datetime
    user_id: str
    deleted_at: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name

    @property
    def rank(self) -> tuple[bool, int, bool]:
        return self.deleted_at is not None, self.generation, self.told

    def replaces(self, stored: "Version") -> bool:
        """Whether this version, which comes later, is to be kept in place of `stored` under the same name."""
        if self.uid == stored.uid:
            return self.rank >= stored.rank
        return self.created_at > stored.created_at or (self.created_at == stored.created_at and self.deleted_at is None)


@dataclass(frozen=True, slots=True)
class TaskVersion(Version):
    data: TaskData

    @classmethod
    def of_event(cls, event: TaskEvent) -> Self:
        return cls(
            namespace=event.namespace,
            name=event.task_id,
            uid=event.task_uid,
            generation=event.generation,
            told=True,
            created_at=event.created_at,
            user_id=event.user_id,
            deleted_at=event.timestamp if event.event_type is EventType.DELETED else None,
            data=event.task_data,
        )

    @classmethod
    def of_resource(cls, task: Task) -> Self:
        """From an answer of the API server; a terminating Task counts as deleted."""
        return cls(
            namespace=task.metadata.namespace,
            name=task.metadata.name,
            uid=task.metadata.uid,
            generation=task.metadata.generation,
            told=False,
            created_at=task.metadata.creation_timestamp,
            user_id=task.spec.user_id,
            deleted_at=task.metadata.deletion_timestamp,
            data=task_data(task),
        )


@dataclass(frozen=True, slots=True)
class ScheduleVersion(Version):
    data: ScheduleData

    @classmethod
    def of_event(cls, event: ScheduleEvent) -> Self:
        return cls(
            namespace=event.namespace,
            name=event.schedule_id,
            uid=event.schedule_uid,
            generation=event.generation,
            told=True,
            created_at=event.created_at,
            user_id=event.user_id,
            deleted_at=event.timestamp if event.event_type is EventType.DELETED else None,
            data=event.schedule_data,
        )

    @classmethod
    def of_resource(cls, schedule: TaskSchedule) -> Self:
        """From an answer of the API server; a terminating schedule counts as deleted."""
        return cls(
            namespace=schedule.metadata.namespace,
            name=schedule.metadata.name,
            uid=schedule.metadata.uid,
            generation=schedule.metadata.generation,
            told=False,
            created_at=schedule.metadata.creation_timestamp,
            user_id=schedule.spec.user_id,
            deleted_at=schedule.metadata.deletion_timestamp,
            data=schedule_data(schedule),
        )


V = TypeVar("V", bound=Version)


def newest(versions: Iterable[V]) -> list[V]:
    """One version a name, as if they had come one by one; in the order of the names."""
    kept: dict[tuple[str, str], V] = {}
    for version in versions:
        if version.key not in kept or version.replaces(kept[version.key]):
            kept[version.key] = version
    # Two transactions that lock the same rows in the same order cannot deadlock.
    return [kept[key] for key in sorted(kept)]
