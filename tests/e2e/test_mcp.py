"""The tools as a language model gets them: by the official SDK's own client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.people import Person, World, eventually, instant, now, tomorrow_at_nine

pytestmark = pytest.mark.timeout(150)


@asynccontextmanager
async def connected(world: World, person: Person, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": person.api.headers["Authorization"]}
    async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
        transport = streamable_http_client(f"{world.stack.api_url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    content: dict[str, Any] = result.structured_content or {}
    return content


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_model_adds_lists_completes_cancels_and_takes_back(world: World, person: Person, mode: str) -> None:
    async with connected(world, person, mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"add_task", "list_tasks", "complete_task", "update_task", "delete_task"} <= names

        schedule = await call(
            client,
            "add_schedule",
            title="Team standup",
            start=tomorrow_at_nine(),
            time_zone="Europe/Berlin",
            recurrence={"frequency": "Daily"},
            reminders=[{"before": "PT15M"}],
        )
        assert schedule["recurrence_text"] == "Every day at 09:00, Europe/Berlin"
        assert len(schedule["upcoming"]) == 3
        first = eventually(lambda: open_tasks(person))[0]
        assert [task["id"] for task in (await call(client, "list_tasks"))["items"]] == [first["id"]]

        assert (await call(client, "complete_task", task_id=first["id"]))["state"] == "Completed"
        second = eventually(lambda: [task for task in open_tasks(person) if task["id"] != first["id"]])[0]
        assert second["occurrence"]["sequence"] == 2

        ended = await call(client, "cancel_future", schedule_id=schedule["id"])
        assert (ended["upcoming"], ended["ends_at"] is None) == ([], False)
        eventually(lambda: open_tasks(person) == [])
        resumed = await call(client, "undo_cancel_future", schedule_id=schedule["id"])
        assert (len(resumed["upcoming"]), resumed["ends_at"]) == (3, None)
        eventually(lambda: open_tasks(person))


async def test_what_goes_wrong_is_a_result_that_says_how_to_mend_it(world: World, person: Person) -> None:
    due = instant(now() + timedelta(days=1))
    async with connected(world, person) as client:
        for tool, arguments, sentence in (
            ("add_task", {"title": "Report", "due": due}, "/due: is no field here; did you mean due_at or due_on?"),
            (
                "add_task",
                {"title": "Report", "reminders": [{"before": "PT1H"}]},
                "a reminder with before needs due_at or due_on",
            ),
            ("add_task", {"title": "Report", "time_zone": "Berlin"}, "use an IANA name such as Europe/Berlin"),
            ("complete_task", {"task_id": "none-1a2b3c4d"}, "You have no task 'none-1a2b3c4d'"),
            ("complete_task", {"task_id": "Team standup"}, "is no id"),
            ("finish_task", {}, "There is no tool 'finish_task'; there are add_task, "),
        ):
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert sentence in result.content[0].text  # type: ignore[union-attr]
    assert open_tasks(person) == []


async def test_a_model_sees_its_own_users_tasks_only(world: World, person: Person) -> None:
    secret = person.api.post("/tasks", json={"title": "secret"}).json()["id"]
    with Person.of(world, f"eve-{person.user}") as eve:
        async with connected(world, eve) as client:
            assert (await call(client, "list_tasks"))["items"] == []
            for tool in ("complete_task", "delete_task"):
                assert (await client.call_tool(tool, {"task_id": secret})).is_error
    assert [task["title"] for task in open_tasks(person)] == ["secret"]


def open_tasks(person: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = person.api.get("/tasks").json()["items"]
    return [task for task in items if task["state"] == "Open"]
