"""The MCP endpoint: who may call it, what it offers, and how failures look to a model."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_shim.testing import MemoryObjects, MemoryProjection
from api_shim.tools import TOOLS
from tests.unit.api_shim.helpers import problem

HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


class Model:
    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client

    async def request(self, method: str, body: Any) -> httpx.Response:
        # Not in a fixture: what runs has to end in the task it began in.
        async with self.app.state.mcp.running():
            return await self.client.request(method, "/mcp", json=body, headers=HEADERS)

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        response = await self.request("POST", body)
        assert response.status_code == 200, response.text
        result: dict[str, Any] = response.json()["result"]
        return result

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return await self.ask("tools/call", name=tool, arguments=arguments)


@pytest.fixture
def model(app: FastAPI, client: httpx.AsyncClient) -> Model:
    return Model(app, client)


async def test_every_tool_is_offered_with_a_schema_and_a_description(model: Model) -> None:
    offered = {tool["name"]: tool for tool in (await model.ask("tools/list"))["tools"]}
    assert offered.keys() == {tool.name for tool in TOOLS}
    for tool in offered.values():
        assert tool["inputSchema"]["type"] == "object"
        assert tool["inputSchema"]["additionalProperties"] is False
        assert len(tool["description"]) > 40
    assert "time_zone" in offered["add_task"]["inputSchema"]["properties"]
    assert offered["update_task"]["inputSchema"]["required"] == ["task_id"]
    hints = {name: tool["annotations"] for name, tool in offered.items()}
    assert {name for name, hint in hints.items() if hint["readOnlyHint"]} == {
        "list_tasks", "list_schedules", "list_reminders"
    }  # fmt: skip
    assert {name for name, hint in hints.items() if hint["destructiveHint"]} == {"delete_task", "delete_schedule"}


async def test_a_task_is_added_listed_changed_and_deleted(model: Model) -> None:
    due = "2026-11-23T09:00:00Z"
    added = await model.call("add_task", title="Report", due_at=due, reminders=[{"before": "PT1H"}])
    task = added["structuredContent"]
    assert json.loads(added["content"][0]["text"]) == task
    assert task["reminders"][0]["remind_at"] == "2026-11-23T08:00:00Z"
    changed = await model.call("update_task", task_id=task["id"], title="Final report", due_at=None, reminders=[])
    assert (changed["structuredContent"]["title"], changed["structuredContent"]["due_at"]) == ("Final report", None)
    for tool, state in (("skip_task", "Skipped"), ("undo_complete", "Open"), ("complete_task", "Completed")):
        assert (await model.call(tool, task_id=task["id"]))["structuredContent"]["state"] == state
    assert (await model.call("list_tasks"))["structuredContent"] == {"items": [], "complete": True}
    for state in ("Closed", "All"):
        (listed,) = (await model.call("list_tasks", state=state, text="REPORT"))["structuredContent"]["items"]
        assert listed["id"] == task["id"]
    assert (await model.call("delete_task", task_id=task["id"]))["structuredContent"]["deleted"] is True


async def test_lists_are_narrowed_by_time_and_say_when_they_are_cut(model: Model) -> None:
    for hour in (9, 11, 10):
        await model.call("add_task", title=f"At {hour}", due_at=f"2026-11-23T{hour:02}:00:00Z")
    await model.call("add_task", title="Some day")
    found = await model.call("list_tasks", due_from="2026-11-23T10:00:00Z", due_before="2026-11-23T12:00:00Z")
    assert [task["title"] for task in found["structuredContent"]["items"]] == ["At 10", "At 11"]
    cut = (await model.call("list_tasks", limit=1))["structuredContent"]
    assert ([task["title"] for task in cut["items"]], cut["complete"]) == (["At 9"], False)


async def test_a_schedule_is_described_in_words(model: Model) -> None:
    weekly = {"frequency": "Weekly", "weekdays": ["Mon", "Fri"]}
    added = (await model.call("add_schedule", title="Standup", start="2026-11-23T09:00", recurrence=weekly))[
        "structuredContent"
    ]
    assert added["recurrence_text"] == "Every Monday and Friday at 09:00, Etc/UTC"
    assert [each["local"] for each in added["upcoming"]] == ["2026-11-23T09:00", "2026-11-27T09:00", "2026-11-30T09:00"]
    paused = await model.call("update_schedule", schedule_id=added["id"], suspend=True)
    assert paused["structuredContent"]["upcoming"] == []
    assert len((await model.call("list_schedules"))["structuredContent"]["items"]) == 1
    assert not (await model.call("delete_schedule", schedule_id=added["id"])).get("isError")


async def test_lists_have_an_all_day_task_in_its_day_until_that_is_over(model: Model) -> None:
    await model.call("add_task", title="Rent", due_on="2026-11-23")
    monday, noon, tuesday = "2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z", "2026-11-24T00:00:00Z"
    for window, found in (
        ({"due_from": monday, "due_before": tuesday}, 1),
        ({"due_from": noon}, 1),
        ({"due_from": tuesday}, 0),
        ({"due_before": monday}, 0),
        ({"due_before": noon}, 0),
        ({"due_before": tuesday}, 1),
    ):
        listed = (await model.call("list_tasks", **window))["structuredContent"]["items"]
        assert len(listed) == found, window


async def test_an_all_day_schedule_is_described_by_dates(model: Model) -> None:
    weekly = {"frequency": "Weekly"}
    added = (await model.call("add_schedule", title="Rent", start="2026-11-23", recurrence=weekly))["structuredContent"]
    assert (added["start"], added["recurrence_text"]) == ("2026-11-23", "Every Monday, Etc/UTC")
    assert [each["local"] for each in added["upcoming"]] == ["2026-11-23", "2026-11-30", "2026-12-07"]
    timed = await model.call("update_schedule", schedule_id=added["id"], start="2026-11-23T09:00")
    assert timed["structuredContent"]["upcoming"][0]["local"] == "2026-11-23T09:00"


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("add_task", {}, "/title: is needed: add it."),
        ("add_task", {"title": "Report", "due": "x"}, "/due: is no field here; did you mean due_at or due_on?"),
        ("add_task", {"title": "Report", "due_at": "tomorrow"}, "/due_at: write an instant with its offset"),
        ("add_task", {"title": "Report", "time_zone": "Mars"}, "use an IANA name"),
        ("complete_task", {"task_id": "nothing-1"}, "You have no task 'nothing-1'"),
        ("complete_task", {"task_id": "../secrets"}, "is no id"),
        ("list_reminders", {"x": 1}, "/x: is no field here"),
        ("finish", {}, "There is no tool 'finish'; there are add_task,"),
    ],
)  # fmt: skip
async def test_a_failure_is_a_result_that_says_how_to_mend_it(
    model: Model, tool: str, arguments: dict[str, Any], sentence: str
) -> None:
    result = await model.call(tool, **arguments)
    assert result["isError"] is True
    assert sentence in result["content"][0]["text"]


async def test_what_is_away_is_a_failure_too(model: Model, projection: MemoryProjection) -> None:
    projection.away = True
    assert "does not answer" in (await model.call("list_tasks"))["content"][0]["text"]
    added = await model.call("add_task", title="Report")
    assert not added.get("isError")
    assert added["content"][1]["text"].startswith("Done. Lists may not show it")


async def test_our_own_fault_says_nothing_of_its_cause(model: Model, objects: MemoryObjects) -> None:
    def fail(_verb: str) -> None:
        raise ZeroDivisionError("secret")

    objects.before = fail
    result = await model.call("add_task", title="Report")
    assert result["isError"] is True
    assert "secret" not in json.dumps(result)


async def test_nothing_is_answered_without_a_token(model: Model) -> None:
    del model.client.headers["Authorization"]
    response = await model.request("POST", {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert problem(response)["type"].endswith("/unauthenticated")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_there_are_no_sessions_to_hold_or_end(model: Model, method: str) -> None:
    response = await model.request(method, None)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_outside_its_context_it_does_not_answer(client: httpx.AsyncClient) -> None:
    assert (await client.post("/mcp", json={}, headers=HEADERS)).status_code == 500
