"""The audit: every event of tasks and schedules, whole, once, for ever."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from consumers.subscriptions import Received
from store import ledger
from taskbell.events import ScheduleEvent, TaskEvent


def write(session: Session, events: Sequence[Received[TaskEvent]] | Sequence[Received[ScheduleEvent]]) -> None:
    """Appends what is new."""
    ledger.record(session, [ledger.AuditEntry(e.source, e.id, e.topic, e.envelope, e.data) for e in events])
