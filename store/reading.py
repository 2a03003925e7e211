"""What a user may read. Every statement goes through `_mine`: the one place that builds the `user_id` filter.

Lists are pages by keyset: a page goes on strictly after the key of the last row, so rows that come and go meanwhile
neither repeat nor hide others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from store.models import AuditRow, InboxRow, ReminderRow, ScheduleRow, TaskRow
from store.versions import ScheduleVersion, TaskVersion
from taskbell.events import ScheduleData, TaskData
from taskbell.resources import ReminderState, State

T = TypeVar("T")

Key = tuple[Any, ...]
"""The sort key of one row: values of the types `Feed.order` has."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows, and of which namespace: nothing is read without saying so."""

    namespace: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Feed(Generic[T]):
    """One list. `order` is unique over the rows; `items` says what a row is to its reader."""

    name: str
    rows: Select[Any]
    namespace: InstrumentedAttribute[str]
    user_id: InstrumentedAttribute[str]
    id: InstrumentedAttribute[str]
    order: tuple[InstrumentedAttribute[Any], ...]
    newest_first: bool
    item: Callable[[Row[Any]], T]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`after` is the key to go on after; None on the last page."""

    items: tuple[T, ...]
    after: Key | None


@dataclass(frozen=True, slots=True)
class PendingReminder:
    task_id: str
    task_uid: str
    reminder_id: str
    title: str
    due_at: datetime | None
    remind_at: datetime


@dataclass(frozen=True, slots=True)
class InboxItem:
    id: int
    task_id: str
    reminder_id: str
    title: str
    due_at: datetime | None
    remind_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`event` is the CloudEvent, whole."""

    id: int
    event_id: str
    event_type: str
    topic: str
    object_id: str
    object_uid: str
    actor: str | None
    occurred_at: datetime
    event: dict[str, Any]


def one(session: Session, feed: Feed[T], scope: Scope, name: str) -> T | None:
    """None for what is not there, deleted, or somebody else's."""
    row = session.execute(_mine(feed, scope).where(feed.id == name)).one_or_none()
    return None if row is None else feed.item(row)


def page(session: Session, feed: Feed[T], scope: Scope, limit: int, after: Key | None) -> Page[T]:
    """At most `limit` items, those strictly after `after` in the feed's order."""
    statement = _mine(feed, scope).order_by(*_order(feed)).limit(limit + 1)
    if after is not None:
        statement = statement.where(_beyond(feed, after))
    rows = session.execute(statement).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(tuple(feed.item(row) for row in rows[:limit]), None if last is None else _key(feed, last))


def _mine(feed: Feed[Any], scope: Scope) -> Select[Any]:
    return feed.rows.where(feed.user_id == scope.user_id, feed.namespace == scope.namespace)


def _order(feed: Feed[Any]) -> list[ColumnElement[Any]]:
    return [column.desc() if feed.newest_first else column.asc() for column in feed.order]


def _beyond(feed: Feed[Any], after: Key) -> ColumnElement[bool]:
    here = tuple_(*feed.order)
    return here < after if feed.newest_first else here > after


def _key(feed: Feed[Any], row: Row[Any]) -> Key:
    return tuple(getattr(row, column.key) for column in feed.order)


def _task(row: Row[Any]) -> TaskVersion:
    return TaskVersion(**_version(row), data=TaskData.model_validate(row.data))


def _schedule(row: Row[Any]) -> ScheduleVersion:
    return ScheduleVersion(**_version(row), data=ScheduleData.model_validate(row.data))


def _version(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name in _VERSION}  # noqa: SLF001 SQLAlchemy's public name


_VERSION = ("namespace", "name", "uid", "generation", "told", "created_at", "user_id", "deleted_at")


def _as(kind: Callable[..., T]) -> Callable[[Row[Any]], T]:
    """A row whose columns are called as the fields of `kind`."""
    return lambda row: kind(**row._mapping)  # noqa: SLF001 SQLAlchemy's public name


TASKS = Feed(
    "tasks",
    select(*TaskRow.__table__.columns).where(TaskRow.deleted_at.is_(None)),
    TaskRow.namespace,
    TaskRow.user_id,
    TaskRow.name,
    order=(TaskRow.created_at, TaskRow.uid),
    newest_first=True,
    item=_task,
)
SCHEDULES = Feed(
    "schedules",
    select(*ScheduleRow.__table__.columns).where(ScheduleRow.deleted_at.is_(None)),
    ScheduleRow.namespace,
    ScheduleRow.user_id,
    ScheduleRow.name,
    order=(ScheduleRow.created_at, ScheduleRow.uid),
    newest_first=True,
    item=_schedule,
)
REMINDERS = Feed(
    "reminders",
    # A reminder's row may outlive its task's: the join by uid leaves such a one out.
    select(
        TaskRow.name.label("task_id"),
        ReminderRow.task_uid,
        ReminderRow.reminder_id,
        TaskRow.data["title"].astext.label("title"),
        TaskRow.due_at,
        ReminderRow.remind_at,
    )
    .join(TaskRow, TaskRow.uid == ReminderRow.task_uid)
    .where(
        ReminderRow.state == ReminderState.PENDING.value,
        TaskRow.state == State.OPEN.value,
        TaskRow.deleted_at.is_(None),
    ),
    TaskRow.namespace,
    TaskRow.user_id,
    TaskRow.name,
    order=(ReminderRow.remind_at, ReminderRow.task_uid, ReminderRow.reminder_id),
    newest_first=False,
    item=_as(PendingReminder),
)
INBOX = Feed(
    "inbox",
    select(
        InboxRow.id,
        InboxRow.task_name.label("task_id"),
        InboxRow.reminder_id,
        InboxRow.title,
        InboxRow.due_at,
        InboxRow.remind_at,
        InboxRow.created_at,
    ),
    InboxRow.namespace,
    InboxRow.user_id,
    InboxRow.task_name,
    order=(InboxRow.id,),
    newest_first=True,
    item=_as(InboxItem),
)
AUDIT = Feed(
    "audit",
    select(
        AuditRow.id,
        AuditRow.event_id,
        AuditRow.event_type,
        AuditRow.topic,
        AuditRow.name.label("object_id"),
        AuditRow.object_uid,
        AuditRow.actor,
        AuditRow.occurred_at,
        AuditRow.event,
    ),
    AuditRow.namespace,
    AuditRow.user_id,
    AuditRow.name,
    order=(AuditRow.id,),
    newest_first=True,
    item=_as(AuditEntry),
)
FEEDS = (TASKS, SCHEDULES, REMINDERS, INBOX, AUDIT)
