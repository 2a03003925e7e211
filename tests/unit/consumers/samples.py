"""A daily standup in UTC, its Tasks, and events about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from consumers.subscriptions import Received
from taskbell.events import (
    EventType,
    OccurrenceData,
    Reason,
    ReminderEvent,
    TaskData,
    TaskEvent,
    Topic,
    task_data,
)
from taskbell.lifecycle.cursor import calendar_of
from taskbell.resources import Cursor, Outcome, Phase, State, Task, TaskSchedule, TaskScheduleStatus

SOURCE = "taskbell/test"
SCHEDULE_UID = "11111111-schedule"
TASK_UID = "22222222-task"
NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HALF_PAST_NINE = NINE + timedelta(minutes=30)
A_DAY = timedelta(days=1)
SEQUENCE = 17
UNCHANGED: Any = object()


def schedule(cursor: Cursor | None = UNCHANGED, **metadata: Any) -> TaskSchedule:
    """`standup`, standing at its open occurrence 17 unless told otherwise."""
    built = TaskSchedule.model_validate(
        {
            "metadata": {**_metadata("standup", SCHEDULE_UID), **metadata},
            "spec": {
                "userId": "demo",
                "task": {"title": "Standup"},
                "start": "2026-11-01T09:00",
                "recurrence": {"frequency": "Daily"},
            },
        }
    )
    status = TaskScheduleStatus(cursor=at(SEQUENCE) if cursor is UNCHANGED else cursor)
    return built.model_copy(update={"status": status})


def at(sequence: int, phase: Phase = Phase.OPEN, outcome: Outcome | None = None) -> Cursor:
    """The cursor of occurrence `sequence`; number 17 is the one at NINE."""
    instant = NINE + (sequence - SEQUENCE) * A_DAY
    return Cursor(
        sequence=sequence,
        local=instant.replace(tzinfo=None),
        at=instant,
        phase=phase,
        outcome=outcome,
        calendar=calendar_of(schedule(cursor=None).spec),
    )


def task(state: State = State.COMPLETED, **metadata: Any) -> Task:
    """Occurrence 17."""
    return Task.model_validate(
        {
            "metadata": {
                **_metadata("standup-11111-17", TASK_UID),
                "ownerReferences": [
                    {"kind": "TaskSchedule", "name": "standup", "uid": SCHEDULE_UID, "controller": True}
                ],
                **metadata,
            },
            "spec": {
                "userId": "demo",
                "title": "Standup",
                "dueAt": "2026-11-23T09:00:00Z",
                "state": state,
                "occurrence": {
                    "schedule": "standup",
                    "sequence": SEQUENCE,
                    "local": "2026-11-23T09:00",
                    "at": "2026-11-23T09:00:00Z",
                },
            },
        }
    )


def event(
    event_type: EventType = EventType.COMPLETED,
    *,
    state: State = State.COMPLETED,
    reason: Reason | None = None,
    occurrence: OccurrenceData | None = UNCHANGED,
) -> Received[TaskEvent]:
    """What the stream tells of occurrence 17, closed at HALF_PAST_NINE."""
    data: TaskData = task_data(task(state)).model_copy(
        update={"closed_at": HALF_PAST_NINE if state is not State.OPEN else None}
    )
    if occurrence is not UNCHANGED:
        data = data.model_copy(update={"occurrence": occurrence})
    return received(
        TaskEvent(
            event_type=event_type,
            task_id="standup-11111-17",
            task_data=data,
            user_id="demo",
            timestamp=HALF_PAST_NINE,
            task_uid=TASK_UID,
            namespace="default",
            generation=2,
            created_at=NINE - A_DAY,
            reason=reason,
        )
    )


def received(data: TaskEvent, event_id: str = f"{TASK_UID}:completed") -> Received[TaskEvent]:
    return Received(SOURCE, event_id, Topic.TASK_EVENTS, envelope(data, event_id), data)


def envelope(data: TaskEvent | ReminderEvent, event_id: str) -> dict[str, Any]:
    return {"specversion": "1.0", "source": SOURCE, "id": event_id, "data": data.model_dump(mode="json")}


def _metadata(name: str, uid: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": "default",
        "uid": uid,
        "generation": 1,
        "resourceVersion": "5",
        "creationTimestamp": "2026-11-01T08:00:00Z",
    }


COMPLETED_DATA = event().data
