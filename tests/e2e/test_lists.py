"""The API's five lists on a real PostgreSQL: a page at a time, each row once, in order, and only one's own."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from tests.e2e.people import JSON, Person, World, eventually, instant, now, tomorrow_at_nine

LISTS = ("tasks", "schedules", "reminders", "inbox", "audit")
SHOWN_NEWEST_FIRST = {"tasks": "created_at", "schedules": "created_at", "inbox": "id", "audit": "id"}


@pytest.fixture(scope="module")
def ada(world: World) -> Iterator[Person]:
    with Person.of(world, f"ada-{now():%H%M%S}") as person:
        settle(person)
        yield person


@pytest.fixture(scope="module")
def bob(world: World) -> Iterator[Person]:
    with Person.of(world, f"bob-{now():%H%M%S}") as person:
        settle(person)
        yield person


def settle(person: Person) -> None:
    """Three of everything that is shown, and one of everything that was deleted."""
    soon, later = instant(now() + timedelta(seconds=2)), instant(now() + timedelta(days=9))
    for number in range(3):
        add(person, "tasks", title=f"{person.user} rings {number}", reminders=[{"at": soon}])
        add(person, "tasks", title=f"{person.user} waits {number}", reminders=[{"at": later}])
        daily = {"start": tomorrow_at_nine(), "recurrence": {"frequency": "Daily"}}
        add(person, "schedules", title=f"{person.user} recurs {number}", **daily)
    gone = [
        f"/tasks/{add(person, 'tasks', title='deleted', reminders=[{'at': later}])}",
        f"/schedules/{add(person, 'schedules', title='deleted', **daily)}",
    ]
    eventually(lambda: sum(each["title"] == "deleted" for each in person.items("/tasks")) == 2)
    for path in gone:
        assert person.api.delete(path).status_code == 204
    # Three of the tasks are the schedules'; the fourth schedule's has come and gone.
    eventually(lambda: len(rows(person, "tasks")) == 9 and len(rows(person, "inbox")) == 3)
    eventually(lambda: len(rows(person, "reminders")) == 3 and len(rows(person, "schedules")) == 3)
    eventually(lambda: sum(each["event_type"] == "deleted" for each in rows(person, "audit")) == 3)


def add(person: Person, kind: str, **body: object) -> str:
    answer = person.api.post(f"/{kind}", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def rows(person: Person, name: str) -> list[JSON]:
    return person.items(f"/{name}?limit=200")


def pages(person: Person, name: str, between: Callable[[], None] = lambda: None) -> list[JSON]:
    """All rows, one a page; `between` happens after the first."""
    page = person.api.get(f"/{name}", params={"limit": 1}).json()
    found: list[JSON] = page["items"]
    between()
    while page["next"] is not None:
        page = person.api.get(f"/{name}", params={"limit": 1, "cursor": page["next"]}).json()
        assert len(page["items"]) == 1
        found += page["items"]
    return found


@pytest.mark.parametrize("name", LISTS)
def test_one_row_a_page_gives_every_row_once_and_in_order(name: str, ada: Person) -> None:
    assert pages(ada, name) == rows(ada, name)


@pytest.mark.parametrize(("name", "key"), SHOWN_NEWEST_FIRST.items())
def test_the_newest_comes_first(name: str, key: str, ada: Person) -> None:
    keys = [row[key] for row in rows(ada, name)]
    assert keys == sorted(keys, reverse=True)


def test_the_next_reminder_comes_first(ada: Person) -> None:
    far = add(ada, "tasks", title="far", reminders=[{"at": instant(now() + timedelta(days=900))}])
    near = add(ada, "tasks", title="near", reminders=[{"at": instant(now() + timedelta(days=1))}])

    def order() -> list[str]:
        return [row["task_id"] for row in rows(ada, "reminders")]

    eventually(lambda: len(order()) == 5)
    assert (order()[0], order()[-1]) == (near, far)
    for task in (near, far):
        assert ada.api.delete(f"/tasks/{task}").status_code == 204
    eventually(lambda: len(order()) == 3)


@pytest.mark.parametrize("name", LISTS)
def test_nobody_sees_anothers_rows(name: str, ada: Person, bob: Person) -> None:
    of_ada, of_bob = (json.dumps(rows(person, name)) for person in (ada, bob))

    assert ada.user in of_ada
    assert bob.user in of_bob
    assert bob.user not in of_ada
    assert ada.user not in of_bob


@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_of_anothers_list_shows_ones_own_rows_only(name: str, ada: Person, bob: Person) -> None:
    cursor = bob.api.get(f"/{name}", params={"limit": 1}).json()["next"]

    answer = ada.api.get(f"/{name}", params={"cursor": cursor})

    assert answer.status_code == 200
    assert bob.user not in answer.text


@pytest.mark.parametrize("name", ["tasks", "schedules", "reminders"])
def test_what_was_deleted_is_not_shown(name: str, ada: Person) -> None:
    assert "deleted" not in [row["title"] for row in rows(ada, name)]


def test_the_audit_still_tells_of_what_was_deleted(ada: Person) -> None:
    assert {row["topic"] for row in rows(ada, "audit") if row["event_type"] == "deleted"} == {
        "task-events",
        "schedule-events",
    }


def test_rows_that_come_meanwhile_neither_repeat_nor_hide_others(ada: Person) -> None:
    before = rows(ada, "tasks")
    new: list[str] = []

    found = pages(ada, "tasks", between=lambda: new.append(add(ada, "tasks", title="meanwhile")))

    assert [row["uid"] for row in found] == [row["uid"] for row in before]
    assert rows(ada, "tasks")[0]["id"] == new[0]
    assert ada.api.delete(f"/tasks/{new[0]}").status_code == 204


def encoded(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "cursor",
    [
        pytest.param("", id="empty"),
        pytest.param("?", id="no base64"),
        pytest.param("AAAA", id="no JSON"),
        pytest.param(base64.urlsafe_b64encode(b"17").decode(), id="no list"),
        pytest.param(encoded("elsewhere", 1), id="of another list"),
        pytest.param(encoded("{name}"), id="without a key"),
        pytest.param(encoded("{name}", "a\0b", "a\0b", "a\0b"), id="a NUL"),
        pytest.param(encoded("{name}", 2**64), id="a number too large for Postgres"),
        pytest.param(encoded("{name}", [], {}), id="of other types"),
    ],
)
def test_a_malformed_cursor_is_a_problem_that_names_it(cursor: str, name: str, ada: Person) -> None:
    own = (
        base64.urlsafe_b64encode(base64.urlsafe_b64decode(cursor).replace(b"{name}", name.encode())).decode()
        if (len(cursor) > 6)
        else cursor
    )

    answer = ada.api.get(f"/{name}", params={"cursor": own})

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["parameter"] == "cursor"
    assert "send `next` of the page before" in error["detail"]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many", "1e1", ""])
def test_a_wrong_limit_is_a_problem_that_names_it(limit: str, ada: Person) -> None:
    answer = ada.api.get("/tasks", params={"limit": limit})

    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    assert error["parameter"] == "limit"
