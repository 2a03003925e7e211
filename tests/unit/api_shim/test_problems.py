import base64
import json
from typing import Any

import httpx
import pytest

from api_shim.problems import KINDS
from api_shim.testing import MemoryObjects, MemoryProjection
from runtime.apiserver import ApiError, Invalid, Overloaded, Unreachable
from store.reading import AUDIT, INBOX, AuditEntry, InboxItem
from tests.unit.api_shim.helpers import DEMO, NOW, pointers, problem

TASKS = "/api/demo/tasks"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "pointer", "says"),
    [
        pytest.param({}, "/title", "add it", id="no title"),
        pytest.param({"title": "x" * 300}, "/title", "has 300 characters: shorten it to 200", id="300 characters"),
        pytest.param({"title": " "}, "/title", "empty", id="only space"),
        pytest.param({"title": None}, "/title", "null", id="null"),
        pytest.param({"title": 7}, "/title", "text", id="a number"),
        pytest.param({"title": "a\x00b"}, "/title", "U+0000", id="what Postgres cannot store"),
        pytest.param({"title": "x", "dueAt": "…"}, "/dueAt", "did you mean due_at?", id="another spelling"),
        pytest.param({"title": "x", "colour": 1}, "/colour", "there are title, description", id="unknown field"),
        pytest.param({"title": "x", "recurrence": {}}, "/recurrence", "/schedules", id="a recurring task"),
        pytest.param({"title": "x", "a/b~c": 1}, "/a~1b~0c", "no field", id="a pointer is escaped"),
        pytest.param({"title": "x", "due_at": "2026-11-23T09:00"}, "/due_at", "offset", id="no offset"),
        pytest.param({"title": "x", "due_at": 5}, "/due_at", "offset", id="a timestamp"),
        pytest.param({"title": "x", "due_at": "2026-02-30T09:00:00Z"}, "/due_at", "calendar", id="impossible date"),
        pytest.param({"title": "x", "due_at": "0001-01-01T00:00:00+14:00"}, "/due_at", "1970", id="before all years"),
        pytest.param({"title": "x", "due_on": "2026-11-23T09:00"}, "/due_on", "write a date", id="a date with a time"),
        pytest.param({"title": "x", "due_on": "2026-02-30"}, "/due_on", "calendar", id="no date"),
        pytest.param(
            {"title": "x", "due_on": "2026-11-23", "reminder_time": "9am"}, "/reminder_time", "as 09:00", id="no time"
        ),
        pytest.param({"title": "x", "time_zone": "Mars/Base"}, "/time_zone", "Europe/Berlin", id="unknown zone"),
        pytest.param({"title": "x", "priority": "Urgent"}, "/priority", "'High'", id="unknown priority"),
        pytest.param({"title": "x", "tags": "work"}, "/tags", "list", id="no list"),
        pytest.param({"title": "x", "tags": ["a"] * 21}, "/tags", "at most 20", id="too many tags"),
        pytest.param({"title": "x", "reminders": [{}]}, "/reminders/0", "either before or at", id="empty reminder"),
        pytest.param(
            {"title": "x", "reminders": [{"befor": "PT5M"}]}, "/reminders/0/befor", "before?", id="unknown nested field"
        ),
        pytest.param([], "", "JSON object", id="a list"),
    ],
)
async def test_each_wrong_field_is_told_with_its_place(
    client: httpx.AsyncClient, objects: MemoryObjects, body: Any, pointer: str, says: str
) -> None:
    response = await client.post(TASKS, json=body)
    assert response.status_code == 422
    assert pointers(response) == [pointer]
    assert says in problem(response)["errors"][0]["detail"]
    assert objects.stored == {}


@pytest.mark.parametrize(
    ("content", "headers", "status", "slug"),
    [
        pytest.param(b'{"title": "x",}', JSON, 400, "malformed-body", id="malformed JSON"),
        pytest.param(b'{"title": ' + b"1" * 5000 + b"}", JSON, 400, "malformed-body", id="a number without end"),
        pytest.param(b"[" * 60_000, JSON, 400, "malformed-body", id="nested without end"),
        pytest.param(b"\xff", JSON, 400, "malformed-body", id="no UTF-8"),
        pytest.param(b"title=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, None, id="a form"),
        pytest.param(b'{"title": "x"}', {}, 415, "unsupported-media-type", id="no content type"),
        pytest.param(b"", JSON, 422, "invalid", id="no body"),
        pytest.param(b'{"title": "' + b"x" * 65536 + b'"}', JSON, 413, "too-large", id="too large"),
    ],
)
async def test_a_body_that_cannot_be_read(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int, slug: str | None
) -> None:
    response = await client.post(TASKS, content=content, headers=headers)
    assert response.status_code == status
    assert problem(response)["type"].endswith(slug or "")


async def test_a_body_without_a_length_is_bounded_too(client: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(70):
            yield b"x" * 1024

    assert (await client.post(TASKS, content=chunks(), headers=JSON)).status_code == 413


def cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("nonsense!", id="no base64"),
        pytest.param(base64.urlsafe_b64encode(b"5").decode(), id="a number"),
        pytest.param(cursor(), id="empty"),
        pytest.param(cursor("audit", 5), id="of another list"),
        pytest.param(cursor("tasks", "2026-11-23T09:00:00Z"), id="too short"),
        pytest.param(cursor("tasks", "2026-11-23T09:00:00", "uid"), id="a naive time"),
        pytest.param(cursor("tasks", "2026-11-23T09:00:00Z", "u\x00id"), id="what Postgres cannot compare"),
        pytest.param("x" * 1001, id="too long"),
    ],
)
async def test_a_cursor_that_is_none_is_named(client: httpx.AsyncClient, value: str) -> None:
    response = await client.get(TASKS, params={"cursor": value})
    assert response.status_code == 400
    assert pointers(response) == ["cursor"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"limit": "many"}])
async def test_a_limit_out_of_range_is_named(client: httpx.AsyncClient, query: dict[str, Any]) -> None:
    response = await client.get(TASKS, params=query)
    assert (response.status_code, pointers(response)) == (400, ["limit"])


async def test_an_unknown_parameter_is_named(client: httpx.AsyncClient) -> None:
    response = await client.get(TASKS, params={"limits": 5})
    assert (response.status_code, pointers(response)) == (400, ["limits"])
    assert "did you mean limit?" in problem(response)["detail"]


@pytest.mark.parametrize("path", ["/nowhere", "/api/demo", "/api/demo/tasks/", "/api/demo/calendar"])
async def test_unknown_paths(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert "/openapi.json" in problem(response)["detail"]


async def test_unknown_methods(client: httpx.AsyncClient) -> None:
    response = await client.put(TASKS, json={})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert problem(response)["detail"] == "PUT is unknown here: use GET, POST."


@pytest.mark.parametrize(
    ("cause", "pointer", "says"),
    [
        pytest.param(
            {"field": "spec", "message": 'Invalid value: "object": a reminder with before needs dueAt or dueOn'},
            "/reminders",
            "a reminder with before needs due_at or due_on",
            id="a rule over the spec",
        ),
        pytest.param(
            {"field": "spec.recurrence", "message": "Invalid value: count and until exclude each other: keep one"},
            "/recurrence/count",
            "count and until exclude each other: keep one",
            id="a rule over the recurrence",
        ),
        pytest.param(
            {"field": "spec.task", "message": "reminders repeat one another: keep each offset once"},
            "/reminders",
            "reminders repeat one another: keep each offset once",
            id="a rule over the template",
        ),
        pytest.param(
            {"field": "spec.reminders[0]", "message": "a reminder has either before or at"},
            "/reminders/0/before",
            "a reminder has either before or at",
            id="a rule over an item",
        ),
        pytest.param(
            {
                "field": "metadata",
                "message": "Invalid value: recurrence never occurs: none of months has any of monthDays",
            },
            "/metadata",
            "recurrence never occurs: none of months has any of month_days",
            id="a place no body has",
        ),
        pytest.param(
            {"field": "spec.timeZone", "message": "Too long"}, "/time_zone", "Too long", id="a schema's words"
        ),
    ],
)
async def test_what_the_api_server_refuses_is_told_in_our_words(
    client: httpx.AsyncClient, objects: MemoryObjects, cause: dict[str, str], pointer: str, says: str
) -> None:
    objects.before = failing(Invalid(422, "Invalid", "is invalid", (cause,)))
    response = await client.post(TASKS, json={"title": "x"})
    assert response.status_code == 422
    assert problem(response)["errors"] == [{"pointer": pointer, "detail": says}]


async def test_a_refusal_without_a_cause(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    objects.before = failing(Invalid(400, "BadRequest", 'unknown field "spec.x"'))
    response = await client.post(TASKS, json={"title": "x"})
    assert problem(response)["detail"] == 'The body: unknown field "spec.x".'


@pytest.mark.parametrize("failure", [Unreachable("refused"), Overloaded(429, "TooManyRequests", "later")])
async def test_an_api_server_that_is_away(
    client: httpx.AsyncClient, objects: MemoryObjects, failure: Exception
) -> None:
    objects.before = failing(failure)
    response = await client.post(TASKS, json={"title": "x"})
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "API server" in problem(response)["detail"]


@pytest.mark.parametrize("path", ["tasks", "schedules", "reminders", "inbox", "audit"])
async def test_a_database_that_is_away(client: httpx.AsyncClient, projection: MemoryProjection, path: str) -> None:
    projection.away = True
    response = await client.get(f"/api/demo/{path}")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "database" in problem(response)["detail"]


@pytest.mark.parametrize(
    "failure", [ApiError(403, "Forbidden", "tasks is forbidden: User system:x"), ZeroDivisionError("internal")]
)
async def test_what_nobody_expected_shows_no_internals(
    client: httpx.AsyncClient, objects: MemoryObjects, failure: Exception
) -> None:
    objects.before = failing(failure)
    response = await client.post(TASKS, json={"title": "x"})
    assert response.status_code == 500
    assert problem(response)["type"].endswith("/unexpected")
    assert str(failure) not in response.text


def failing(failure: Exception) -> Any:
    def fail(_verb: str) -> None:
        raise failure

    return fail


async def test_inbox_and_audit_are_answered(client: httpx.AsyncClient, projection: MemoryProjection) -> None:
    for number in (1, 2):
        projection.put(INBOX, DEMO, str(number), (number,), InboxItem(number, "t", "PT5M", "T", None, NOW, NOW))
        entry = AuditEntry(number, "u:created", "created", "task-events", "t", "u", "demo", NOW, {"id": "u:created"})
        projection.put(AUDIT, DEMO, str(number), (number,), entry)
    for path in ("inbox", "audit"):
        items = (await client.get(f"/api/demo/{path}")).json()["items"]
        assert [item["id"] for item in items] == [2, 1]


async def test_readiness_is_reached_once(
    anonymous: httpx.AsyncClient, objects: MemoryObjects, projection: MemoryProjection
) -> None:
    objects.before, projection.away = failing(Unreachable("refused")), True
    assert "API server" in (await anonymous.get("/readyz")).text
    objects.before = lambda _verb: None
    response = await anonymous.get("/readyz")
    assert (response.status_code, "database" in response.text) == (503, True)
    projection.away = False
    assert (await anonymous.get("/readyz")).status_code == 200
    projection.away = True
    assert (await anonymous.get("/readyz")).status_code == 200


async def test_health_and_metrics_need_no_token(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/healthz")).text == "ok\n"
    await anonymous.get("/api/demo/tasks/report")
    metrics = (await anonymous.get("/metrics")).text
    assert 'route="/api/{user_id}/tasks/{task_id}",status="401"' in metrics


async def test_openapi_names_every_problem_and_the_token(anonymous: httpx.AsyncClient) -> None:
    schema = (await anonymous.get("/openapi.json")).json()
    operation = schema["paths"]["/api/{user_id}/tasks"]["post"]
    assert {str(kind.status) for kind in KINDS} < set(operation["responses"])
    assert operation["security"] == [{"HTTPBearer": []}]
    assert "default" not in schema["components"]["schemas"]["TaskChange"]["properties"]["title"]
