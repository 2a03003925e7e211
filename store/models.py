"""The tables. `projection` holds what can be rebuilt, `ledger` what cannot."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, MetaData, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

PROJECTION = "projection"
LEDGER = "ledger"


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text, dict[str, Any]: JSONB, int: BigInteger}  # noqa: RUF012 SQLAlchemy's own form


class TaskRow(Base):
    """One Task by its name; `data` is the `TaskData` of its newest version, the columns serve search and order: of an
    all-day one `due_at` is the last instant of its day.

    `told`: the event stream has told this generation. False: it comes from an answer of the API server, whose status
    (`closed_at`, reminders) the operator may not have caught up with; an event of the same generation replaces it."""

    __tablename__ = "tasks"
    namespace: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)
    generation: Mapped[int]
    told: Mapped[bool]
    created_at: Mapped[datetime]
    user_id: Mapped[str]
    state: Mapped[str]
    due_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    schedule_uid: Mapped[str | None]
    data: Mapped[dict[str, Any]]
    deleted_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "user_id", "created_at", "uid"), {"schema": PROJECTION})


class ScheduleRow(Base):
    """One TaskSchedule by its name; `data` is the `ScheduleData` of its newest version, `told` as in `TaskRow`."""

    __tablename__ = "schedules"
    namespace: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)
    generation: Mapped[int]
    told: Mapped[bool]
    created_at: Mapped[datetime]
    user_id: Mapped[str]
    data: Mapped[dict[str, Any]]
    deleted_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "user_id", "created_at", "uid"), {"schema": PROJECTION})


class ReminderRow(Base):
    """One reminder of one Task. A Published one at the same instant is never Pending again.

    `generation` is that of the Task which the row follows. A row may outlive a Task whose name was taken by another
    one: join `TaskRow` by uid."""

    __tablename__ = "reminders"
    task_uid: Mapped[str] = mapped_column(primary_key=True)
    reminder_id: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int]
    user_id: Mapped[str]
    remind_at: Mapped[datetime]
    state: Mapped[str]
    __table_args__ = (Index(None, "user_id", "state", "remind_at"), {"schema": PROJECTION})


class AuditRow(Base):
    """One event, whole, for ever. (source, event_id) is the deduplication key of CloudEvents."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    source: Mapped[str]
    event_id: Mapped[str]
    topic: Mapped[str]
    event_type: Mapped[str]
    user_id: Mapped[str]
    namespace: Mapped[str]
    name: Mapped[str]
    object_uid: Mapped[str]
    actor: Mapped[str | None]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    event: Mapped[dict[str, Any]]
    __table_args__ = (UniqueConstraint("source", "event_id"), Index(None, "user_id", "id"), {"schema": LEDGER})


class DeliveryRow(Base):
    """One reminder on its way through one channel. `state`: pending, sent, cancelled (the Task was closed), expired."""

    __tablename__ = "deliveries"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    source: Mapped[str]
    event_id: Mapped[str]
    channel: Mapped[str]
    user_id: Mapped[str]
    namespace: Mapped[str]
    task_name: Mapped[str]
    task_uid: Mapped[str]
    reminder_id: Mapped[str]
    title: Mapped[str]
    due_at: Mapped[datetime | None]
    due_on: Mapped[date | None]
    remind_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_error: Mapped[str | None]
    __table_args__ = (
        UniqueConstraint("source", "event_id", "channel"),
        Index(None, "state", "next_attempt_at"),
        {"schema": LEDGER},
    )


class InboxRow(Base):
    """One delivered reminder in a person's in-app inbox."""

    __tablename__ = "inbox"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey(DeliveryRow.id), unique=True)
    user_id: Mapped[str]
    title: Mapped[str]
    namespace: Mapped[str]
    task_name: Mapped[str]
    reminder_id: Mapped[str]
    due_at: Mapped[datetime | None]
    due_on: Mapped[date | None]
    remind_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (Index(None, "user_id", "id"), {"schema": LEDGER})
