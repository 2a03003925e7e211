"""What cannot be rebuilt: the audit, and reminders on their way to people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store import updates
from store.models import AuditRow, DeliveryRow, InboxRow
from store.updates import Kind, Update
from taskbell.events import ReminderEvent, ScheduleEvent, TaskEvent

INBOX = "inbox"
"""The channel that ends in the in-app inbox."""


class DeliveryState(StrEnum):
    """Every state but PENDING is final."""

    PENDING = "pending"
    SENT = "sent"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One event for the audit: `event` is the whole CloudEvent, (source, event_id) its deduplication key."""

    source: str
    event_id: str
    topic: str
    event: dict[str, Any]
    data: TaskEvent | ScheduleEvent


@dataclass(frozen=True, slots=True)
class Notice:
    """One reminder to deliver; (source, event_id) is the deduplication key of its CloudEvent."""

    source: str
    event_id: str
    data: ReminderEvent


def record(session: Session, entries: Sequence[AuditEntry]) -> int:
    """Appends events to the audit; how many were new."""
    if not entries:
        return 0
    statement = insert(AuditRow).values([_audit_row(entry) for entry in entries]).on_conflict_do_nothing()
    return len(session.scalars(statement.returning(AuditRow.id)).all())


def enqueue(session: Session, notices: Sequence[Notice], channel: str = INBOX) -> int:
    """Makes a pending delivery of each notice; how many were new."""
    if not notices:
        return 0
    statement = insert(DeliveryRow).values([_delivery_row(notice, channel) for notice in notices])
    return len(session.scalars(statement.on_conflict_do_nothing().returning(DeliveryRow.id)).all())


def claim(session: Session, now: datetime, limit: int) -> Sequence[DeliveryRow]:
    """Pending deliveries whose time has come, locked until the transaction ends; those others hold are passed over."""
    return session.scalars(
        select(DeliveryRow)
        .where(DeliveryRow.state == DeliveryState.PENDING, DeliveryRow.next_attempt_at <= now)
        .order_by(DeliveryRow.next_attempt_at, DeliveryRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def next_attempt(session: Session) -> datetime | None:
    """When the next pending delivery is to be tried; None when there is none. May lie in the past."""
    return session.scalar(
        select(func.min(DeliveryRow.next_attempt_at)).where(DeliveryRow.state == DeliveryState.PENDING)
    )


def deliver_to_inbox(session: Session, delivery_ids: Sequence[int], now: datetime) -> None:
    """Sends claimed deliveries: their inbox rows and their state are one transaction."""
    if not delivery_ids:
        return
    copied = (
        "user_id",
        "title",
        "namespace",
        "task_name",
        "reminder_id",
        "due_at",
        "due_on",
        "remind_at",
    )
    columns = [getattr(DeliveryRow, name) for name in copied]
    rows = select(DeliveryRow.id, *columns, literal(now)).where(DeliveryRow.id.in_(delivery_ids))
    arriving = insert(InboxRow).from_select(["delivery_id", *copied, "created_at"], rows.order_by(DeliveryRow.id))
    arrived = session.execute(arriving.returning(InboxRow.namespace, InboxRow.user_id, InboxRow.task_name)).all()
    told = (Update(namespace=namespace, user_id=user, kind=Kind.INBOX, id=task) for namespace, user, task in arrived)
    updates.announce(session, told)
    _settle(session, delivery_ids, state=DeliveryState.SENT, sent_at=now)


def give_up(session: Session, delivery_ids: Sequence[int], state: DeliveryState) -> None:
    """Ends claimed deliveries unsent: `CANCELLED` or `EXPIRED`."""
    if delivery_ids:
        _settle(session, delivery_ids, state=state)


def postpone(session: Session, delivery_id: int, until: datetime, error: str) -> None:
    """Keeps a claimed delivery pending and says why it was not sent."""
    _settle(session, [delivery_id], next_attempt_at=until, last_error=error)


def _settle(session: Session, delivery_ids: Sequence[int], **changes: Any) -> None:
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(delivery_ids))
        .values(attempts=DeliveryRow.attempts + 1, **changes)
        .execution_options(synchronize_session=False)
    )


def _audit_row(entry: AuditEntry) -> dict[str, Any]:
    data = entry.data
    name, uid = (data.task_id, data.task_uid) if isinstance(data, TaskEvent) else (data.schedule_id, data.schedule_uid)
    return {
        "source": entry.source,
        "event_id": entry.event_id,
        "topic": entry.topic,
        "event_type": data.event_type,
        "user_id": data.user_id,
        "namespace": data.namespace,
        "name": name,
        "object_uid": uid,
        "actor": data.actor,
        "occurred_at": data.timestamp,
        "event": entry.event,
    }


def _delivery_row(notice: Notice, channel: str) -> dict[str, Any]:
    data = notice.data
    return {
        "source": notice.source,
        "event_id": notice.event_id,
        "channel": channel,
        "user_id": data.user_id,
        "namespace": data.namespace,
        "task_name": data.task_id,
        "task_uid": data.task_uid,
        "reminder_id": data.reminder_id,
        "title": data.title,
        "due_at": data.due_at,
        "due_on": data.due_on,
        "remind_at": data.remind_at,
    }
