"""The read models of tasks, schedules and reminders, and word of what can be read in them by now."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from consumers.subscriptions import Handler, Outlet, Received, Refused
from store import projection
from store.versions import ScheduleVersion, TaskVersion
from taskbell.events import ReminderEvent, ScheduleEvent, TaskEvent, Topic, task_update


def write_tasks(session: Session, events: Sequence[Received[TaskEvent]]) -> None:
    projection.upsert_tasks(session, [TaskVersion.of_event(event.data) for event in events])


def write_schedules(session: Session, events: Sequence[Received[ScheduleEvent]]) -> None:
    projection.upsert_schedules(session, [ScheduleVersion.of_event(event.data) for event in events])


def write_reminders(session: Session, events: Sequence[Received[ReminderEvent]]) -> None:
    projection.mark_published(session, [event.data for event in events])


def telling(store: Handler[TaskEvent], outlet: Outlet) -> Handler[TaskEvent]:
    """Says on `task-updates` what `store` has committed."""

    async def handle(events: Sequence[Received[TaskEvent]]) -> Sequence[Refused]:
        refused = await store(events)
        spoilt = {id(each.envelope) for each in refused}
        # A crash here brings the events again: they are stored already, and told all the same.
        updates = [
            task_update(event.id, event.data).cloud_event(f"{event.source}/projection", event.data.timestamp)
            for event in events
            if id(event.envelope) not in spoilt
        ]
        await outlet.send(Topic.TASK_UPDATES, updates)
        return refused

    return handle
