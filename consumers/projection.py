"""The read models of tasks, schedules and reminders."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from consumers.subscriptions import Received
from store import projection
from store.versions import ScheduleVersion, TaskVersion
from taskbell.events import ReminderEvent, ScheduleEvent, TaskEvent


def write_tasks(session: Session, events: Sequence[Received[TaskEvent]]) -> None:
    projection.upsert_tasks(session, [TaskVersion.of_event(event.data) for event in events])


def write_schedules(session: Session, events: Sequence[Received[ScheduleEvent]]) -> None:
    projection.upsert_schedules(session, [ScheduleVersion.of_event(event.data) for event in events])


def write_reminders(session: Session, events: Sequence[Received[ReminderEvent]]) -> None:
    projection.mark_published(session, [event.data for event in events])
