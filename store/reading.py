"""What a user may read. Every statement goes through `_mine`: the one place that builds the `user_id` filter.

Lists are pages by keyset: a page goes on strictly after the key of the last row, so rows that come and go meanwhile
neither repeat nor hide others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Date, RowMapping, Select, case, cast, func, literal, select, tuple_
from sqlalchemy.orm import Session

from store.models import AuditRow, InboxRow, ReminderRow, ScheduleRow, TaskRow
from store.versions import ScheduleVersion, TaskVersion
from taskbell.events import ScheduleData, TaskData
from taskbell.resources import ReminderState, State

T = TypeVar("T")

Rows = Select[*tuple[Any, ...]]
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
    rows: Rows
    namespace: ColumnElement[str]
    user_id: ColumnElement[str]
    id: ColumnElement[str]
    order: tuple[ColumnElement[Any], ...]
    newest_first: bool
    item: Callable[[RowMapping], T]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`after` is the key to go on after; None on the last page."""

    items: tuple[T, ...]
    after: Key | None


@dataclass(frozen=True, slots=True)
class Card:
    """A task with all that is shown of it: its schedule, where that is known, and what became of its reminders."""

    task: TaskVersion
    schedule: ScheduleData | None
    reminder_states: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PendingReminder:
    task_id: str
    task_uid: str
    reminder_id: str
    title: str
    due_at: datetime | None
    remind_at: datetime
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class InboxItem:
    id: int
    task_id: str
    reminder_id: str
    title: str
    due_at: datetime | None
    remind_at: datetime
    created_at: datetime
    due_on: date | None = None


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
    row = session.execute(_mine(feed, scope).where(feed.id == name)).mappings().one_or_none()
    return None if row is None else feed.item(row)


def page(session: Session, feed: Feed[T], scope: Scope, limit: int, after: Key | None) -> Page[T]:
    """At most `limit` items, those strictly after `after` in the feed's order."""
    statement = _mine(feed, scope).order_by(*_order(feed)).limit(limit + 1)
    if after is not None:
        statement = statement.where(_beyond(feed, after))
    rows = session.execute(statement).mappings().all()
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(tuple(feed.item(row) for row in rows[:limit]), None if last is None else _key(feed, last))


def _mine(feed: Feed[Any], scope: Scope) -> Rows:
    return feed.rows.where(feed.user_id == scope.user_id, feed.namespace == scope.namespace)


def _order(feed: Feed[Any]) -> list[ColumnElement[Any]]:
    return [column.desc() if feed.newest_first else column.asc() for column in feed.order]


def _beyond(feed: Feed[Any], after: Key) -> ColumnElement[bool]:
    here = tuple_(*feed.order)
    return here < after if feed.newest_first else here > after


def _key(feed: Feed[Any], row: RowMapping) -> Key:
    return tuple(row[column] for column in feed.order)


def _task(row: RowMapping) -> TaskVersion:
    return TaskVersion(**_version(row), data=TaskData.model_validate(row["data"]))


def _schedule(row: RowMapping) -> ScheduleVersion:
    return ScheduleVersion(**_version(row), data=ScheduleData.model_validate(row["data"]))


def _card(row: RowMapping) -> Card:
    """The states are those of the reminders' own rows: the stream tells a task again only when it is edited."""
    schedule = row["schedule"]
    return Card(_task(row), None if schedule is None else ScheduleData.model_validate(schedule), row["states"] or {})


def _version(row: RowMapping) -> dict[str, Any]:
    return {field: row[field] for field in _VERSION}


_VERSION = ("namespace", "name", "uid", "generation", "told", "created_at", "user_id", "deleted_at")


def _as(kind: Callable[..., T]) -> Callable[[RowMapping], T]:
    """A row whose columns are called as the fields of `kind`."""
    return lambda row: kind(**row)


_tasks, _schedules, _reminders = TaskRow.__table__, ScheduleRow.__table__, ReminderRow.__table__
_inbox, _audit = InboxRow.__table__, AuditRow.__table__

TASKS = Feed(
    "tasks",
    select(_tasks).where(_tasks.c.deleted_at.is_(None)),
    _tasks.c.namespace,
    _tasks.c.user_id,
    _tasks.c.name,
    order=(_tasks.c.created_at, _tasks.c.uid),
    newest_first=True,
    item=_task,
)
OPEN_TASKS = replace(TASKS, name="open-tasks", rows=TASKS.rows.where(_tasks.c.state == State.OPEN.value))
SCHEDULES = Feed(
    "schedules",
    select(_schedules).where(_schedules.c.deleted_at.is_(None)),
    _schedules.c.namespace,
    _schedules.c.user_id,
    _schedules.c.name,
    order=(_schedules.c.created_at, _schedules.c.uid),
    newest_first=True,
    item=_schedule,
)
_states = (
    select(func.jsonb_object_agg(_reminders.c.reminder_id, _reminders.c.state))
    .where(_reminders.c.task_uid == _tasks.c.uid)
    .scalar_subquery()
)
_due = func.coalesce(_tasks.c.due_at, literal(datetime(9999, 1, 1, tzinfo=UTC), _tasks.c.due_at.type)).label("due")
_closed = func.coalesce(_tasks.c.closed_at, _tasks.c.created_at).label("closed")
_cards = (
    select(_tasks, _schedules.c.data.label("schedule"), _states.label("states"), _due, _closed)
    .outerjoin(_schedules, (_schedules.c.uid == _tasks.c.schedule_uid) & _schedules.c.deleted_at.is_(None))
    .where(_tasks.c.deleted_at.is_(None))
)

OPEN = Feed(
    "open",
    _cards.where(_tasks.c.state == State.OPEN.value),
    _tasks.c.namespace,
    _tasks.c.user_id,
    _tasks.c.name,
    order=(_due, _tasks.c.created_at, _tasks.c.uid),
    newest_first=False,
    item=_card,
)
"""What is to be done, the most urgent first: within a day, last what is due all day long. Without due time: at the
end."""

DONE = Feed(
    "done",
    _cards.where(_tasks.c.state != State.OPEN.value),
    _tasks.c.namespace,
    _tasks.c.user_id,
    _tasks.c.name,
    order=(_closed, _tasks.c.uid),
    newest_first=True,
    item=_card,
)

_due_on = cast(_tasks.c.data["due_on"].astext, Date)
REMINDERS = Feed(
    "reminders",
    # A reminder's row may outlive its task's: the join by uid leaves such a one out.
    select(
        _tasks.c.name.label("task_id"),
        _reminders.c.task_uid,
        _reminders.c.reminder_id,
        _tasks.c.data["title"].astext.label("title"),
        case((_due_on.is_(None), _tasks.c.due_at)).label("due_at"),
        _due_on.label("due_on"),
        _reminders.c.remind_at,
    )
    .select_from(_reminders)
    .join(_tasks, _tasks.c.uid == _reminders.c.task_uid)
    .where(
        _reminders.c.state == ReminderState.PENDING.value,
        _tasks.c.state == State.OPEN.value,
        _tasks.c.deleted_at.is_(None),
    ),
    _tasks.c.namespace,
    _tasks.c.user_id,
    _tasks.c.name,
    order=(_reminders.c.remind_at, _reminders.c.task_uid, _reminders.c.reminder_id),
    newest_first=False,
    item=_as(PendingReminder),
)
INBOX = Feed(
    "inbox",
    select(
        _inbox.c.id,
        _inbox.c.task_name.label("task_id"),
        _inbox.c.reminder_id,
        _inbox.c.title,
        _inbox.c.due_at,
        _inbox.c.due_on,
        _inbox.c.remind_at,
        _inbox.c.created_at,
    ),
    _inbox.c.namespace,
    _inbox.c.user_id,
    _inbox.c.task_name,
    order=(_inbox.c.id,),
    newest_first=True,
    item=_as(InboxItem),
)
AUDIT = Feed(
    "audit",
    select(
        _audit.c.id,
        _audit.c.event_id,
        _audit.c.event_type,
        _audit.c.topic,
        _audit.c.name.label("object_id"),
        _audit.c.object_uid,
        _audit.c.actor,
        _audit.c.occurred_at,
        _audit.c.event,
    ),
    _audit.c.namespace,
    _audit.c.user_id,
    _audit.c.name,
    order=(_audit.c.id,),
    newest_first=True,
    item=_as(AuditEntry),
)
FEEDS = (TASKS, OPEN_TASKS, SCHEDULES, OPEN, DONE, REMINDERS, INBOX, AUDIT)
