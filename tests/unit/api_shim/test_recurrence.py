"""Recurrence through the API: as fields or as RFC 5545 writes it, and in words."""

from typing import Any

import httpx
import pytest

from api_shim.testing import MemoryObjects
from tests.unit.api_shim.helpers import pointers, problem

SCHEDULES = "/api/demo/schedules"
LAST_WEEKDAY = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"


def body(recurrence: dict[str, Any]) -> dict[str, Any]:
    return {"title": "Invoices", "time_zone": "Europe/Berlin", "start": "2026-11-23T17:00", "recurrence": recurrence}


async def test_a_rule_is_stored_and_answered_as_it_was_sent_and_said_in_words(
    client: httpx.AsyncClient, objects: MemoryObjects
) -> None:
    response = await client.post(SCHEDULES, json=body({"rrule": LAST_WEEKDAY}))
    assert response.status_code == 201, response.text
    schedule = response.json()
    assert schedule["recurrence"] == {"rrule": LAST_WEEKDAY}
    assert schedule["recurrence_text"] == "Every month on the last weekday at 17:00, Europe/Berlin"
    assert objects.stored["taskschedules", "default", schedule["id"]]["spec"]["recurrence"] == {"rrule": LAST_WEEKDAY}
    assert (await client.get(SCHEDULES)).json()["items"] == [schedule]


async def test_fields_become_a_rule_and_fields_again(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    fields = {"frequency": "Weekly", "interval": 2, "weekdays": ["Fri"]}
    path = f"{SCHEDULES}/{(await client.post(SCHEDULES, json=body(fields))).json()['id']}"

    ruled = (await client.patch(path, json={"recurrence": {"rrule": "FREQ=DAILY"}})).json()
    fielded = (await client.patch(path, json={"recurrence": fields})).json()

    assert (ruled["recurrence"], ruled["recurrence_text"]) == (
        {"rrule": "FREQ=DAILY"},
        "Every day at 17:00, Europe/Berlin",
    )
    assert fielded["recurrence_text"] == "Every 2 weeks on Friday at 17:00, Europe/Berlin"
    assert [patch["spec"]["recurrence"] for patch in objects.patches] == [
        {"rrule": "FREQ=DAILY", "frequency": None, "interval": None, "weekdays": None},
        {"rrule": None, **fields},
    ]


@pytest.mark.parametrize(
    ("recurrence", "pointer", "hint"),
    [
        pytest.param({}, "/recurrence/frequency", "is needed", id="neither"),
        pytest.param({"frequency": None}, "/recurrence/frequency", "is needed", id="null"),
        pytest.param({"frequency": "Daily", "rrule": "FREQ=DAILY"}, "/recurrence", "keep one of them", id="both"),
        pytest.param({"interval": 2, "rrule": "FREQ=DAILY"}, "/recurrence", "keep one of them", id="a field beside"),
        pytest.param({"rrule": ""}, "/recurrence/rrule", "cannot be empty", id="an empty rule"),
        pytest.param({"rrule": "x" * 501}, "/recurrence/rrule", "shorten it to 500", id="501 characters"),
        pytest.param({"rrule": 7}, "/recurrence/rrule", "has to be a text", id="a number"),
        pytest.param({"rrule": "every day"}, "/recurrence/rrule", "a name and a value", id="a sentence"),
        pytest.param({"rrule": "FREQ=SECONDLY"}, "/recurrence/rrule", "use MINUTELY", id="every second"),
        pytest.param({"rrule": "FREQ=DAILY;INTERVAL=0"}, "/recurrence/rrule", "INTERVAL=0", id="INTERVAL=0"),
        pytest.param({"rrule": "FREQ=YEARLY;BYWEEKNO=1"}, "/recurrence/rrule", "BYWEEKNO", id="BYWEEKNO"),
        pytest.param(
            {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "/recurrence", "never occurs", id="the 30th of February"
        ),
    ],
)
async def test_a_recurrence_that_is_wrong_is_pointed_at(
    client: httpx.AsyncClient, objects: MemoryObjects, recurrence: dict[str, Any], pointer: str, hint: str
) -> None:
    response = await client.post(SCHEDULES, json=body(recurrence))
    assert response.status_code == 422
    assert pointers(response) == [pointer]
    assert hint in problem(response)["detail"]
    assert objects.stored == {}


async def test_a_task_of_its_own_has_no_recurrence(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/demo/tasks", json={"title": "Buy milk"})
    assert response.json()["recurrence_text"] is None
