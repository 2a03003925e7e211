"""The wire and back, and what does not parse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from taskbell.calendar.rule import Fold, Gap, MonthEnd, Policies, Rule
from taskbell.errors import Rejected
from taskbell.lifecycle.testing import cursor, one_off, schedule
from taskbell.resources import (
    Condition,
    ConditionStatus,
    Cursor,
    NextOccurrence,
    PublishedTask,
    Recurrence,
    Reminder,
    ReminderState,
    ReminderStatus,
    State,
    TaskScheduleSpec,
    TaskScheduleStatus,
    TaskSpec,
    TaskStatus,
    instant_text,
    local_text,
)

MONDAY_NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAILY = schedule()
FULL = schedule(
    task={"title": "T", "description": "D", "priority": "High", "tags": ["a"], "reminders": [{"before": "PT90M"}]},
    recurrence={"frequency": "Monthly", "interval": 2, "weekdays": ["-1Fri"], "months": [1, 7], "count": 5},
    endsAt="2027-01-01T00:00:00+02:00",
    suspend=True,
    historyLimit=7,
)
CONDITION = Condition(
    type="Ready",
    status=ConditionStatus.TRUE,
    reason="Scheduled",
    last_transition_time=MONDAY_NINE,
    observed_generation=3,
)

WIRES = [
    pytest.param(TaskScheduleSpec, DAILY.spec, id="a plain schedule"),
    pytest.param(TaskScheduleSpec, FULL.spec, id="a full schedule"),
    pytest.param(
        TaskScheduleStatus,
        TaskScheduleStatus(
            cursor=cursor(DAILY),
            conditions=(CONDITION,),
            reopened=(1, 2),
            next_occurrences=(NextOccurrence(local=cursor(DAILY).local, at=MONDAY_NINE),),
        ),
        id="a schedule's status",
    ),
    pytest.param(
        TaskScheduleSpec,
        schedule(
            start="2026-11-23",
            recurrence={"frequency": "Daily", "until": "2026-12-31", "excludedDates": ["2026-11-24"]},
            overrides=[{"occurrence": "2026-11-25", "moveTo": "2026-11-26"}],
            task={"title": "Rent", "reminderTime": "18:00"},
        ).spec,
        id="an all-day schedule",
    ),
    pytest.param(TaskSpec, one_off(dueOn="2026-11-23", reminderTime="18:00").spec, id="an all-day task"),
    pytest.param(TaskSpec, one_off(dueAt=MONDAY_NINE, reminders=[{"before": "PT1H"}]).spec, id="a task"),
    pytest.param(
        TaskStatus,
        TaskStatus(
            phase=State.COMPLETED,
            closed_at=MONDAY_NINE + timedelta(microseconds=7),
            reminders=(ReminderStatus(id="PT1H", remind_at=MONDAY_NINE, state=ReminderState.PUBLISHED),),
            published=PublishedTask(generation=2, state=State.COMPLETED, closed_at=MONDAY_NINE),
        ),
        id="a task's status",
    ),
]


@pytest.mark.parametrize(("kind", "value"), WIRES)
def test_the_wire_and_back(kind: type[BaseModel], value: Any) -> None:
    assert kind.model_validate(value.wire()) == value


@pytest.mark.parametrize(("kind", "value"), WIRES)
def test_a_field_of_a_newer_version_does_not_parse(kind: type[BaseModel], value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        kind.model_validate({**value.wire(), "brandNew": 1})
    assert [each["type"] for each in error.value.errors()] == ["extra_forbidden"]


def spec(**changes: Any) -> dict[str, Any]:
    return {**DAILY.spec.wire(), **changes}


REFUSED = [
    pytest.param(spec(endsAt="2026-11-23T09:00:00"), "endsAt", id="an instant without an offset"),
    pytest.param(spec(start="2026-11-23T09:00:30"), "start", id="a local time with seconds"),
    pytest.param(spec(start="2026-11-23T09:00Z"), "start", id="a local time with an offset"),
    pytest.param(spec(start="2026-02-30T09:00"), "start", id="no date of the calendar"),
    pytest.param(spec(start="2026-02-30"), "start", id="no date of the calendar, all day long"),
    pytest.param(spec(start=20261123), "start", id="a number"),
    pytest.param(spec(task={"title": "x", "reminderTime": "9am"}), "task", id="no time of the day"),
    pytest.param(spec(recurrence={"frequency": "Daily", "interval": 0}), "recurrence", id="interval 0"),
    pytest.param(spec(recurrence={"frequency": "Fortnightly"}), "recurrence", id="an unknown frequency"),
    pytest.param(spec(recurrence={"frequency": "Daily", "count": 10_001}), "recurrence", id="too many"),
    pytest.param(spec(recurrence={"frequency": "Weekly", "weekdays": ["Monday"]}), "recurrence", id="no weekday"),
    pytest.param(spec(task={"title": ""}), "task", id="an empty title"),
    pytest.param(spec(task={"title": "x" * 201}), "task", id="a title of 201 characters"),
    pytest.param(spec(task={"title": "x", "reminders": [{"before": "soon"}]}), "task", id="no duration"),
    pytest.param(spec(userId=""), "userId", id="nobody"),
    pytest.param(spec(historyLimit=0), "historyLimit", id="no history"),
]


@pytest.mark.parametrize(("wire", "field"), REFUSED)
def test_what_does_not_parse(wire: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        TaskScheduleSpec.model_validate(wire)
    assert {each["loc"][0] for each in error.value.errors()} == {field}


@pytest.mark.parametrize("due_on", ["2026-11-23T09:00", "20261123", "2026-02-29", datetime(2026, 11, 23, tzinfo=UTC)])
def test_what_is_no_date_does_not_parse(due_on: Any) -> None:
    with pytest.raises(ValidationError, match="dueOn"):
        one_off(dueOn=due_on)


def test_instants_are_utc_and_short() -> None:
    assert FULL.spec.wire()["endsAt"] == "2026-12-31T22:00:00Z"
    assert instant_text(MONDAY_NINE + timedelta(microseconds=7)) == "2026-11-23T08:00:00.000007Z"
    assert local_text(cursor(DAILY).local) == "2026-11-23T09:00"


def test_reminders_are_known_by_their_canonical_text() -> None:
    assert Reminder(before="PT90M").id == "PT1H30M"
    assert Reminder(at=MONDAY_NINE).id == "at-2026-11-23T08:00:00Z"


def test_metadata_of_other_writers_is_accepted() -> None:
    raw = {
        "metadata": {
            **DAILY.metadata.model_dump(mode="json", by_alias=True),
            "managedFields": [],
            "labels": {"a": "b"},
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", "blockOwnerDeletion": True}
            ],
        },
        "spec": DAILY.spec.wire(),
    }
    parsed = type(DAILY).model_validate(raw)
    assert parsed.metadata.controller is None
    assert not parsed.metadata.terminating


def test_a_cursor_keeps_its_place_on_the_wire() -> None:
    at = cursor(DAILY)
    assert Cursor.model_validate(at.wire()) == at


FORMS = [
    pytest.param({"cron": "@daily"}, id="cron"),
    pytest.param({"frequency": "Hourly", "interval": 6}, id="hourly"),
    pytest.param(
        {
            "rrule": "FREQ=MONTHLY",
            "additionalDates": ["2027-03-28T02:30"],
            "excludedDates": ["2027-03-31T02:30"],
            "monthEnd": "Clamp",
            "dst": {"gap": "Skip", "fold": "Both"},
        },
        id="rrule with all that can stand beside it",
    ),
]


@pytest.mark.parametrize("wire", FORMS)
def test_a_recurrence_keeps_its_form_on_the_wire(wire: dict[str, Any]) -> None:
    assert Recurrence.model_validate(wire).wire() == wire


def test_what_stands_beside_a_rule_bends_its_dates() -> None:
    policies = Recurrence.model_validate(FORMS[2].values[0]).policies()
    added, excluded = datetime.fromisoformat("2027-03-28T02:30"), datetime.fromisoformat("2027-03-31T02:30")
    assert policies == Policies(MonthEnd.CLAMP, Gap.SKIP, Fold.BOTH, (added,), (excluded,))


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param({}, id="none"),
        pytest.param({"cron": "@daily", "rrule": "FREQ=DAILY"}, id="two"),
        pytest.param({"cron": "@daily", "count": 3}, id="a field beside cron"),
    ],
)
def test_a_recurrence_has_one_form(wire: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as refusal:
        Recurrence.model_validate(wire).rule()
    assert refusal.value.reason == "InvalidRule"


def test_a_recurrence_is_a_rule() -> None:
    rule = Recurrence.model_validate(FULL.spec.recurrence.wire()).rule()
    assert isinstance(rule, Rule)
    assert (rule.interval, rule.weekdays, rule.months, rule.count) == (2, ("-1Fri",), (1, 7), 5)
