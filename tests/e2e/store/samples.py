"""Events of one Task in PostgreSQL tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from taskbell.events import EventType, ReminderData, ReminderEvent, TaskData, TaskEvent
from taskbell.resources import Priority, ReminderState, State

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
A_MINUTE = timedelta(minutes=1)


def pending(reminder_id: str, at: datetime) -> ReminderData:
    return ReminderData(id=reminder_id, remind_at=at, state=ReminderState.PENDING)


def told(
    generation: int,
    event_type: EventType = EventType.UPDATED,
    *,
    uid: str = "u1",
    name: str = "dentist",
    title: str = "Dentist",
    state: State = State.OPEN,
    reminders: tuple[ReminderData, ...] = (),
    created_at: datetime = NINE,
) -> TaskEvent:
    return TaskEvent(
        event_type=event_type,
        task_id=name,
        task_data=TaskData(
            title=title,
            description="",
            priority=Priority.MEDIUM,
            tags=(),
            due_at=TEN,
            time_zone="Etc/UTC",
            state=state,
            completed=state is State.COMPLETED,
            closed_at=None if state is State.OPEN else TEN,
            reminders=reminders,
            occurrence=None,
            schedule_uid=None,
        ),
        user_id="demo",
        timestamp=created_at + generation * A_MINUTE,
        task_uid=uid,
        namespace="default",
        generation=generation,
        created_at=created_at,
    )


def reminded(reminder_id: str, at: datetime, generation: int, *, uid: str = "u1", **changes: Any) -> ReminderEvent:
    event = ReminderEvent(
        task_id="dentist",
        title="Dentist",
        due_at=TEN,
        remind_at=at,
        user_id="demo",
        reminder_id=reminder_id,
        task_uid=uid,
        namespace="default",
        task_generation=generation,
        late_by=0,
    )
    return event.model_copy(update=changes)
