from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from api_shim.testing import CREATED_AT, MemoryObjects, MemoryProjection
from store.reading import REMINDERS, PendingReminder
from taskbell import naming
from taskbell.resources import Task, TaskSpec
from tests.unit.api_shim.helpers import DEMO, EVE, problem

TASKS = "/api/demo/tasks"
BODIES: dict[str, Any] = {"PATCH": {"title": "New"}, "DELETE": None, "GET": None}
DUE = "2026-11-23T09:00:00Z"


async def created(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post(TASKS, json={"title": "Report", **body})
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def spec_of(objects: MemoryObjects, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = objects.stored["tasks", "default", name]["spec"]
    return spec


async def put(objects: MemoryObjects, name: str, spec: TaskSpec) -> None:
    await objects.create(Task, "default", {"name": name}, spec)


async def foreign(objects: MemoryObjects) -> str:
    await put(objects, "secret-00000000", TaskSpec(user_id="eve", title="Secret"))
    return "secret-00000000"


async def test_a_new_task_is_a_resource_of_its_user(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    response = await client.post(TASKS, json={"title": "Größe: Übersicht!", "due_at": DUE, "tags": ["work"]})
    assert response.status_code == 201
    assert response.headers["location"] == "/api/demo/tasks/grosse-ubersicht-00000001"
    stored = objects.stored["tasks", "default", response.json()["id"]]
    assert stored["metadata"]["labels"] == {naming.USER_LABEL: naming.user_label("demo")}
    assert stored["metadata"]["annotations"] == {naming.ACTOR_ANNOTATION: "1 demo"}
    assert stored["metadata"]["finalizers"] == [naming.FINALIZER]
    assert stored["spec"]["dueAt"] == DUE
    assert stored["spec"]["userId"] == "demo"


async def test_the_answer_says_when_each_reminder_comes(client: httpx.AsyncClient) -> None:
    reminders = [{"before": "PT90M"}, {"at": "2026-11-23T08:00:00+01:00"}]
    task = await created(client, due_at=DUE, reminders=reminders)
    assert [(r["before"], r["at"], r["remind_at"], r["state"]) for r in task["reminders"]] == [
        ("PT1H30M", None, "2026-11-23T07:30:00Z", "Pending"),
        (None, "2026-11-23T07:00:00Z", "2026-11-23T07:00:00Z", "Pending"),
    ]


async def test_lists_show_what_was_just_written(client: httpx.AsyncClient) -> None:
    task = await created(client)
    await client.patch(f"{TASKS}/{task['id']}", json={"title": "Final report"})
    assert [(each["id"], each["title"]) for each in (await client.get(TASKS)).json()["items"]] == [
        (task["id"], "Final report")
    ]
    await client.delete(f"{TASKS}/{task['id']}")
    assert (await client.get(TASKS)).json() == {"items": [], "next": None}


async def test_completing_says_when_and_reopening_takes_it_back(
    client: httpx.AsyncClient, objects: MemoryObjects
) -> None:
    task = await created(client)
    done = await client.patch(f"{TASKS}/{task['id']}", json={"state": "Completed"})
    assert (done.json()["state"], done.json()["closed_at"]) == ("Completed", "2026-11-22T12:00:00Z")
    annotations = {naming.ACTOR_ANNOTATION: "2 demo"}
    assert objects.patches == [
        {
            "metadata": {"annotations": annotations},
            "spec": {"state": "Completed", "completedAt": "2026-11-22T12:00:00Z"},
        }
    ]
    reopened = await client.patch(f"{TASKS}/{task['id']}", json={"state": "Open"})
    assert (reopened.json()["state"], reopened.json()["closed_at"]) == ("Open", None)
    assert objects.patches[1]["spec"] == {"state": "Open", "completedAt": None}


async def test_only_what_changes_is_sent_and_null_clears(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    task = await created(client, due_at=DUE, tags=["work"])
    await client.patch(f"{TASKS}/{task['id']}", json={"due_at": None, "tags": ["home"], "title": "Report"})
    assert objects.patches[0]["spec"] == {"dueAt": None, "tags": ["home"]}


DUE_ON = {"due_on": "2026-11-23", "reminder_time": "18:30"}


@pytest.mark.parametrize(
    ("stored", "body", "patch"),
    [
        pytest.param(
            {"due_at": DUE}, DUE_ON, {"dueAt": None, "dueOn": "2026-11-23", "reminderTime": "18:30"}, id="day"
        ),
        pytest.param(DUE_ON, {"due_at": DUE}, {"dueAt": DUE, "dueOn": None, "reminderTime": None}, id="time"),
        pytest.param(DUE_ON, {"due_on": None}, {"dueOn": None, "reminderTime": None}, id="neither"),
        pytest.param(DUE_ON, {"due_on": "2026-11-24"}, {"dueOn": "2026-11-24"}, id="another day"),
        pytest.param(DUE_ON, {"reminder_time": None}, {"reminderTime": None}, id="the usual reminder time"),
    ],
)
async def test_a_day_and_a_time_take_each_others_place(
    client: httpx.AsyncClient,
    objects: MemoryObjects,
    stored: dict[str, Any],
    body: dict[str, Any],
    patch: dict[str, Any],
) -> None:
    task = await created(client, **stored)
    response = await client.patch(f"{TASKS}/{task['id']}", json=body)
    assert response.json().items() >= body.items()
    assert objects.patches[0]["spec"] == patch


async def test_neither_is_changed_by_saying_that_the_other_one_is_not_there(
    client: httpx.AsyncClient, objects: MemoryObjects
) -> None:
    task = await created(client, **DUE_ON)
    await client.patch(f"{TASKS}/{task['id']}", json={"due_at": None})
    assert objects.patches == []


@pytest.mark.parametrize("body", [{}, {"title": "Report"}, {"state": "Open"}, {"due_at": "2026-11-23T10:00:00+01:00"}])
async def test_a_patch_that_changes_nothing_writes_nothing(
    client: httpx.AsyncClient, objects: MemoryObjects, body: dict[str, Any]
) -> None:
    task = await created(client, due_at=DUE)
    response = await client.patch(f"{TASKS}/{task['id']}", json=body)
    assert response.status_code == 200
    assert objects.patches == []


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_conflict_is_tried_again_on_what_is_there_now(
    client: httpx.AsyncClient, objects: MemoryObjects, method: str
) -> None:
    task = await created(client)
    others = iter(range(2))

    def meddle(verb: str) -> None:
        if verb in {"patch", "delete"} and next(others, None) is not None:
            objects.touch(task["id"])

    objects.before = meddle
    response = await client.request(
        method, f"{TASKS}/{task['id']}", json={"title": "New"} if method == "PATCH" else None
    )
    assert response.is_success


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_conflict_without_end_is_told(client: httpx.AsyncClient, objects: MemoryObjects, method: str) -> None:
    task = await created(client)
    objects.before = lambda verb: objects.touch(task["id"]) if verb != "get" else None
    response = await client.request(
        method, f"{TASKS}/{task['id']}", json={"title": "New"} if method == "PATCH" else None
    )
    assert response.status_code == 409
    assert problem(response)["type"].endswith("/conflict")


async def test_a_name_that_is_taken_is_not_taken_again(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    for number in (1, 2):
        await put(objects, f"report-{number:08x}", TaskSpec(user_id="eve", title="Report"))
    assert (await created(client))["id"] == "report-00000003"


async def test_no_free_name_is_a_conflict(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    for number in range(1, 6):
        await put(objects, f"report-{number:08x}", TaskSpec(user_id="eve", title="Report"))
    assert (await client.post(TASKS, json={"title": "Report"})).status_code == 409


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_the_task_of_another_user_and_none_at_all_look_the_same(
    client: httpx.AsyncClient, objects: MemoryObjects, method: str
) -> None:
    name, body = await foreign(objects), {"title": "Mine"} if method == "PATCH" else None
    there = await client.request(method, f"{TASKS}/{name}", json=body)
    nowhere = await client.request(method, f"{TASKS}/secret-00000001", json=body)
    assert (there.status_code, nowhere.status_code) == (404, 404)
    assert problem(there) == problem(nowhere) | {"detail": problem(there)["detail"]}
    assert problem(there)["detail"].replace("00000000", "00000001") == problem(nowhere)["detail"]
    assert spec_of(objects, name)["title"] == "Secret"


@pytest.mark.parametrize("name", ["Upper", "a%00b", "-a", "a%0A", "x" * 254], ids=repr)
async def test_what_can_be_no_name_names_nothing(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"{TASKS}/{name}")
    assert response.status_code == 404
    assert problem(response)["type"].endswith("/not-found")


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"deletionTimestamp": "2026-11-22T11:00:00Z"}, id="terminating"),
        pytest.param({"annotations": {naming.RETIRED_ANNOTATION: "History"}}, id="retired"),
    ],
)
async def test_what_is_on_its_way_out_is_gone(
    client: httpx.AsyncClient, objects: MemoryObjects, metadata: dict[str, Any]
) -> None:
    task = await created(client)
    objects.stored["tasks", "default", task["id"]]["metadata"] |= metadata
    assert (await client.delete(f"{TASKS}/{task['id']}")).status_code == 404


async def test_deleting_twice(client: httpx.AsyncClient) -> None:
    task = await created(client)
    first, second = [await client.delete(f"{TASKS}/{task['id']}") for _ in range(2)]
    assert (first.status_code, second.status_code) == (204, 404)
    assert first.content == b""


async def test_one_that_only_the_api_server_knows_is_read_there(
    client: httpx.AsyncClient, objects: MemoryObjects
) -> None:
    await put(objects, "by-kubectl", TaskSpec(user_id="demo", title="Report"))
    assert (await client.get(f"{TASKS}/by-kubectl")).json()["title"] == "Report"


async def test_without_database_one_task_can_be_written_and_read(
    client: httpx.AsyncClient, projection: MemoryProjection
) -> None:
    projection.away = True
    response = await client.post(TASKS, json={"title": "Report"})
    assert response.status_code == 201
    assert response.headers["taskbell-projection"] == "behind"
    name = response.json()["id"]
    assert (await client.get(f"{TASKS}/{name}")).status_code == 200
    deleted = await client.delete(f"{TASKS}/{name}")
    assert (deleted.status_code, deleted.headers["taskbell-projection"]) == (204, "behind")


async def test_an_occurrence_says_of_which_schedule_it_is(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    occurrence = {"schedule": "standup", "sequence": 3, "local": "2026-11-23T09:00", "at": "2026-11-23T08:00:00Z"}
    spec = TaskSpec.model_validate({"userId": "demo", "title": "Standup", "occurrence": occurrence})
    await put(objects, "standup-abcde-3", spec)
    task = (await client.get(f"{TASKS}/standup-abcde-3")).json()
    assert task["schedule_id"] == "standup"
    assert task["occurrence"] == {"sequence": 3, "local": "2026-11-23T09:00", "fold": 0, "at": "2026-11-23T08:00:00Z"}


async def test_pages_go_on_where_the_last_one_ended(client: httpx.AsyncClient, projection: MemoryProjection) -> None:
    for minute in range(5):
        at = CREATED_AT + timedelta(minutes=minute)
        projection.put(REMINDERS, DEMO, f"r{minute}", (at, "uid", "PT5M"), reminder(at))
    projection.put(REMINDERS, EVE, "r9", (CREATED_AT, "uid", "PT5M"), reminder(CREATED_AT))
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await client.get("/api/demo/reminders", params=query)).json()
        seen += [item["remind_at"] for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == [f"2026-11-20T08:0{minute}:00Z" for minute in range(5)]


def reminder(at: datetime) -> PendingReminder:
    return PendingReminder("report", "uid", "PT5M", "Report", None, at)
