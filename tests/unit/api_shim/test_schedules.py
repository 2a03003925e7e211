from typing import Any

import httpx
import pytest

from api_shim.testing import MemoryObjects
from api_shim.writing import slug
from tests.unit.api_shim.helpers import pointers

SCHEDULES = "/api/demo/schedules"
STANDUP: dict[str, Any] = {
    "title": "Team standup",
    "priority": "High",
    "reminders": [{"before": "PT15M"}],
    "time_zone": "Europe/Berlin",
    "start": "2026-11-23T09:00",
    "recurrence": {"frequency": "Weekly", "weekdays": ["Mon", "Fri"], "until": "2027-06-30T23:59"},
}


async def created(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.post(SCHEDULES, json=STANDUP)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def spec_of(objects: MemoryObjects, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = objects.stored["taskschedules", "default", name]["spec"]
    return spec


async def test_what_is_sent_is_what_is_answered_and_listed(client: httpx.AsyncClient) -> None:
    schedule = await created(client)
    expected = {**STANDUP, "ends_at": None, "suspend": False, "history_limit": 3, "cursor": None}
    expected["recurrence"] |= {"interval": 1, "month_days": [], "months": [], "count": None}
    assert {field: schedule[field] for field in expected} == expected
    assert (await client.get(f"{SCHEDULES}/{schedule['id']}")).json() == schedule
    assert (await client.get(SCHEDULES)).json() == {"items": [schedule], "next": None}


async def test_its_look_lies_in_the_template(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    spec = spec_of(objects, (await created(client))["id"])
    assert (spec["userId"], spec["task"]["title"], spec["task"]["priority"]) == ("demo", "Team standup", "High")
    assert spec["task"]["reminders"] == [{"before": "PT15M"}]


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        pytest.param({"title": "Standup"}, {"task": {"title": "Standup"}}, id="a template field"),
        pytest.param({"ends_at": "2026-12-01T00:00:00Z"}, {"endsAt": "2026-12-01T00:00:00Z"}, id="cancel the future"),
        pytest.param({"suspend": True, "history_limit": 5}, {"suspend": True, "historyLimit": 5}, id="suspend"),
        pytest.param({"start": "2026-11-24T10:00"}, {"start": "2026-11-24T10:00"}, id="start"),
        pytest.param(
            {"recurrence": {"frequency": "Daily"}},
            {"recurrence": {"frequency": "Daily", "weekdays": None, "until": None}},
            id="a recurrence replaces the old one whole",
        ),
    ],
)
async def test_only_what_changes_is_sent(
    client: httpx.AsyncClient, objects: MemoryObjects, body: dict[str, Any], sent: dict[str, Any]
) -> None:
    schedule = await created(client)
    response = await client.patch(f"{SCHEDULES}/{schedule['id']}", json=body)
    assert response.status_code == 200
    assert objects.patches[0]["spec"] == sent


async def test_cancelling_the_future_can_be_taken_back(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    path = f"{SCHEDULES}/{(await created(client))['id']}"
    ended = await client.patch(path, json={"ends_at": "2026-11-22T12:00:00Z"})
    again = await client.patch(path, json={"ends_at": None})
    assert (ended.json()["ends_at"], again.json()["ends_at"]) == ("2026-11-22T12:00:00Z", None)
    assert objects.patches[1]["spec"] == {"endsAt": None}


async def test_deleted_schedules_are_gone(client: httpx.AsyncClient) -> None:
    path = f"{SCHEDULES}/{(await created(client))['id']}"
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.get(SCHEDULES)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param({"time_zone": "Europe/Berln"}, "/time_zone", id="unknown zone"),
        pytest.param({"start": "2026-02-30T09:00"}, "/start", id="impossible date"),
        pytest.param({"start": "2026-11-23T09:00:30"}, "/start", id="seconds"),
        pytest.param({"start": "2026-11-23T09:00Z"}, "/start", id="a local time with an offset"),
        pytest.param({"recurrence": {"frequency": "Daily", "interval": 0}}, "/recurrence/interval", id="interval 0"),
        pytest.param({"recurrence": {"frequency": "Daily", "interval": "2"}}, "/recurrence/interval", id="no number"),
        pytest.param({"recurrence": {"interval": 2}}, "/recurrence/frequency", id="no frequency"),
        pytest.param({"recurrence": {"frequency": "Secondly"}}, "/recurrence/frequency", id="unknown frequency"),
        pytest.param(
            {"recurrence": {"frequency": "Weekly", "weekdays": ["Mon", "Monday"]}},
            "/recurrence/weekdays/1",
            id="weekday",
        ),
        pytest.param(
            {"recurrence": {"frequency": "Yearly", "month_days": [31], "months": [2]}}, "/recurrence", id="never occurs"
        ),
        pytest.param({"reminders": [{"before": "15m"}]}, "/reminders/0/before", id="no duration"),
        pytest.param({"suspend": "yes"}, "/suspend", id="no boolean"),
        pytest.param({"history_limit": 51}, "/history_limit", id="too large a limit"),
    ],
)
async def test_a_field_that_is_wrong_is_pointed_at(
    client: httpx.AsyncClient, objects: MemoryObjects, body: dict[str, Any], pointer: str
) -> None:
    created_wrong = await client.post(SCHEDULES, json={**STANDUP, **body})
    assert created_wrong.status_code == 422
    assert pointers(created_wrong) == [pointer]
    schedule = await created(client)
    changed_wrong = await client.patch(f"{SCHEDULES}/{schedule['id']}", json=body)
    assert pointers(changed_wrong) == [pointer]
    assert (len(objects.stored), objects.patches) == (1, [])


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Team standup", "team-standup"),
        ("  --Ärger & Co.--  ", "arger-co"),
        ("会議", "task"),
        ("x" * 39 + " yz", "x" * 39),
        ("x" * 300, "x" * 40),
    ],
)
def test_a_slug_begins_a_dns_name(title: str, expected: str) -> None:
    assert slug(title) == expected
