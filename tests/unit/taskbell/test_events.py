"""What goes over the wire, held still by golden files."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from taskbell import events
from taskbell.events import Change, Event, EventType, Reason, ReminderEvent, ScheduleEvent, TaskEvent
from taskbell.lifecycle.testing import cursor, occurrence, one_off, schedule
from taskbell.naming import ACTOR_ANNOTATION
from taskbell.resources import ReminderState, ReminderStatus, State, TaskStatus

GOLDEN = Path(__file__).with_name("golden")
SOURCE = "taskbell/test"
MONDAY_NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MONDAY_TEN = MONDAY_NINE + timedelta(hours=1)

STANDUP = schedule(task={"title": "Team standup", "tags": ["team"], "reminders": [{"before": "PT15M"}]})
REMIND_AT = MONDAY_NINE - timedelta(minutes=15)
DONE = occurrence(
    STANDUP,
    cursor(STANDUP),
    state=State.COMPLETED,
    meta={"annotations": {ACTOR_ANNOTATION: "2 ada"}},
    status=TaskStatus(
        phase=State.COMPLETED,
        closed_at=MONDAY_TEN,
        reminders=(ReminderStatus(id="PT15M", remind_at=REMIND_AT, state=ReminderState.PUBLISHED),),
    ),
)

RENT = one_off(title="Rent", dueOn="2026-11-23", reminders=[{"before": "P1D"}])

EVENTS = {
    "task-completed": events.task_event(
        DONE, DONE.status, EventType.COMPLETED, detail="completed:2026-11-23T09:00:00Z", at=MONDAY_TEN
    ),
    "task-deleted": events.task_event(
        DONE, DONE.status, EventType.DELETED, detail="deleted", at=MONDAY_TEN, reason=Reason.USER
    ),
    "schedule-updated": events.schedule_event(
        STANDUP, cursor(STANDUP), EventType.UPDATED, detail="updated:1", at=MONDAY_TEN, change=Change.EDITED
    ),
    "reminder-due": events.reminder_event(DONE, "PT15M", REMIND_AT),
    "all-day-task-created": events.task_event(
        RENT, RENT.status, EventType.CREATED, detail="created", at=RENT.metadata.creation_timestamp
    ),
    "all-day-reminder-due": events.reminder_event(RENT, "P1D", MONDAY_NINE - timedelta(days=1)),
}


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_golden(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    assert json.loads(json.dumps(EVENTS[name].cloud_event(SOURCE, MONDAY_NINE))) == golden


TASK_FIELDS = {"event_type", "task_id", "task_data", "user_id", "timestamp"}
REMINDER_FIELDS = {"task_id", "title", "due_at", "remind_at", "user_id"}

SPECIFIED = [
    pytest.param("task-completed", TASK_FIELDS, id="the task event"),
    pytest.param("reminder-due", REMINDER_FIELDS, id="the reminder event"),
]


@pytest.mark.parametrize(("name", "fields"), SPECIFIED)
def test_the_fields_of_the_specification(name: str, fields: set[str]) -> None:
    data = EVENTS[name].cloud_event(SOURCE, MONDAY_NINE)["data"]
    assert fields <= set(data)
    assert all(data[field] is not None for field in fields)


READERS: list[Any] = [
    pytest.param(TaskEvent, "task-completed", id="of tasks"),
    pytest.param(ScheduleEvent, "schedule-updated", id="of schedules"),
    pytest.param(ReminderEvent, "reminder-due", id="of reminders"),
]


@pytest.mark.parametrize(("kind", "name"), READERS)
def test_readers_accept_what_a_newer_version_adds(kind: type[TaskEvent], name: str) -> None:
    data = EVENTS[name].cloud_event(SOURCE, MONDAY_NINE)["data"]
    assert kind.model_validate({**data, "brand_new": {"a": 1}}) == kind.model_validate(data)


def test_readers_accept_new_fields_of_the_whole_task() -> None:
    data = EVENTS["task-completed"].cloud_event(SOURCE, MONDAY_NINE)["data"]
    data["task_data"]["brand_new"] = 1
    assert TaskEvent.model_validate(data) == EVENTS["task-completed"].data


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_envelope_is_a_cloud_event(name: str) -> None:
    event: Event = EVENTS[name]
    envelope = event.cloud_event(SOURCE, MONDAY_NINE)
    assert {"specversion", "id", "source", "type"} <= set(envelope)
    assert envelope["partitionkey"] == envelope["subject"] == event.key
    assert envelope["id"].startswith(f"{event.key}:")


def test_an_early_reminder_is_not_late() -> None:
    event = events.reminder_event(DONE, "PT15M", REMIND_AT)
    assert event.cloud_event(SOURCE, REMIND_AT - timedelta(seconds=3))["data"]["late_by"] == 0


def test_an_actor_of_another_generation_is_unknown() -> None:
    event = events.task_event(DONE, DONE.status, EventType.UPDATED, detail="updated:2", at=MONDAY_TEN)
    assert isinstance(event.data, TaskEvent)
    assert event.data.actor == "ada"
    other = DONE.model_copy(update={"metadata": DONE.metadata.model_copy(update={"generation": 3})})
    event = events.task_event(other, other.status, EventType.UPDATED, detail="updated:3", at=MONDAY_TEN)
    assert isinstance(event.data, TaskEvent)
    assert event.data.actor is None


ADDED_LATER: list[Any] = [
    pytest.param(TaskEvent, "all-day-task-created", id="of tasks"),
    pytest.param(ReminderEvent, "all-day-reminder-due", id="of reminders"),
]


@pytest.mark.parametrize(("kind", "name"), ADDED_LATER)
def test_readers_accept_what_an_older_version_did_not_say(kind: type[TaskEvent | ReminderEvent], name: str) -> None:
    data = EVENTS[name].cloud_event(SOURCE, MONDAY_NINE)["data"]
    for told in (data, data.get("task_data", {})):
        for field in ("due_on", "reminder_time"):
            told.pop(field, None)
    read = kind.model_validate(data)
    assert (read.task_data if isinstance(read, TaskEvent) else read).due_on is None
