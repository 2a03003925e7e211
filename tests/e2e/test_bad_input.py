"""Bad input is refused with a sentence that says how to mend it, and nothing is written."""

import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest

from localcluster.errors import LocalClusterError
from tests.e2e.people import JSON, Person, World, tomorrow_at_nine

DAILY = {"frequency": "Daily"}


def schedule(**changes: Any) -> JSON:
    spec: JSON = {"task": {"title": "Team standup"}, "start": tomorrow_at_nine(), "recurrence": DAILY}
    return {**spec, **changes}


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        pytest.param(schedule(timeZone="Mars/Olympus"), "unknown time zone Mars/Olympus", id="unknown zone"),
        pytest.param(
            schedule(recurrence={**DAILY, "interval": 0}), "should be greater than or equal to 1", id="interval 0"
        ),
        pytest.param(schedule(start="2026-02-30T09:00"), "start is no date of the calendar", id="impossible date"),
        pytest.param(
            schedule(recurrence={"frequency": "Yearly", "months": [2], "monthDays": [30]}),
            "recurrence never occurs",
            id="a recurrence that never occurs",
        ),
        pytest.param(schedule(recurence=DAILY), 'unknown field "spec.recurence"', id="unknown field"),
        pytest.param(schedule(task={"title": "x" * 300}), "may not be more than 200", id="300-character title"),
        pytest.param(
            schedule(recurrence={**DAILY, "count": 3, "until": "2027-01-01T00:00"}),
            "count and until exclude each other",
            id="count and until",
        ),
        pytest.param(
            schedule(recurrence={"frequency": "Weekly", "weekdays": ["2Tue"]}),
            "need frequency Monthly",
            id="2Tue weekly",
        ),
        pytest.param(
            schedule(task={"title": "x", "reminders": [{"before": "an hour"}]}), "should match", id="no duration"
        ),
        pytest.param(
            schedule(task={"title": "x", "reminders": [{"before": "PT1H"}, {"before": "PT1H"}]}),
            "reminders repeat one another",
            id="a reminder twice",
        ),
        pytest.param(
            schedule(advance="AfterCompletion", recurrence={"frequency": "Weekly", "weekdays": ["Mon"]}),
            "with advance AfterCompletion recurrence has only frequency, interval",
            id="days after a completion",
        ),
        pytest.param(
            schedule(advance="AfterCompletion", recurrence={"cron": "@daily"}),
            "with advance AfterCompletion recurrence has only frequency, interval",
            id="cron after a completion",
        ),
        pytest.param(
            schedule(advance="AfterCompletion", overrides=[{"occurrence": tomorrow_at_nine(), "skip": True}]),
            "no time of its own that could be skipped or moved",
            id="a skip after a completion",
        ),
        pytest.param(
            schedule(leadTime="P1D"),
            "leadTime, overlap and openLimit are for advance OnSchedule",
            id="a lead time alone",
        ),
        pytest.param(
            schedule(advance="OnSchedule", leadTime="-P1D"), "should match", id="a lead time that is no duration"
        ),
        pytest.param(
            schedule(missed={"policy": "All"}, recurrence={"frequency": "Minutely"}),
            "would make too many tasks with frequency Minutely",
            id="all that were missed of every minute",
        ),
        pytest.param(schedule(missed={"within": "P32D"}), "missed.within is at most P31D", id="missed too long ago"),
        pytest.param(
            schedule(overrides=[{"occurrence": tomorrow_at_nine()}]),
            "either skips its occurrence, or moves it or changes its task",
            id="an override of nothing",
        ),
        pytest.param(
            schedule(overrides=[{"occurrence": "2027-02-30T09:00", "skip": True}]),
            "occurrence is no date of the calendar",
            id="an override of no date",
        ),
        pytest.param(
            schedule(overrides=[{"occurrence": "2027-02-01T09:00", "skip": True}] * 2),
            "Duplicate value",
            id="two overrides of one occurrence",
        ),
    ],
)
def test_kubectl_shows_why_a_schedule_is_refused(spec: JSON, sentence: str, person: Person) -> None:
    with pytest.raises(LocalClusterError) as refusal:
        person.apply("TaskSchedule", person.named("bad"), spec)

    assert sentence in str(refusal.value)
    with pytest.raises(LocalClusterError, match="NotFound"):
        person.schedule("bad")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        pytest.param({"title": "x", "reminders": [{"before": "PT1H"}]}, "needs dueAt", id="before without a due time"),
        pytest.param({"title": "x", "reminders": [{}]}, "either before or at", id="an empty reminder"),
        pytest.param({"title": "x", "state": "Done"}, "Unsupported value", id="unknown state"),
        pytest.param({"title": ""}, "should be at least 1 chars long", id="no title"),
    ],
)
def test_kubectl_shows_why_a_task_is_refused(spec: JSON, sentence: str, person: Person) -> None:
    with pytest.raises(LocalClusterError) as refusal:
        person.apply("Task", person.named("bad"), spec)

    assert sentence in str(refusal.value)
    assert person.task(person.named("bad")) is None


def test_what_cannot_change_says_so(person: Person) -> None:
    person.apply_schedule("standup")
    task = person.open_task("standup")

    with pytest.raises(LocalClusterError, match="userId cannot be changed"):
        person.patch("taskschedule", person.named("standup"), {"userId": "somebody-else"})
    with pytest.raises(LocalClusterError, match="cannot be changed"):
        person.patch("task", task["metadata"]["name"], {"occurrence": {"sequence": 7}})


def test_a_name_that_leaves_no_room_for_its_tasks_is_refused(person: Person) -> None:
    with pytest.raises(LocalClusterError, match="longer than 52 characters"):
        person.apply("TaskSchedule", "x" * 53, schedule())


@pytest.mark.parametrize(
    ("body", "pointer", "hint"),
    [
        pytest.param({"title": "x" * 300}, "/title", "200", id="300-character title"),
        pytest.param({"title": "x", "time_zone": "Mars/Olympus"}, "/time_zone", "IANA", id="unknown zone"),
        pytest.param({"title": "x", "colour": "red"}, "/colour", "", id="unknown field"),
        pytest.param({"title": "x", "due_at": "2026-02-30T09:00:00Z"}, "/due_at", "", id="impossible date"),
    ],
)
def test_the_api_names_the_field(body: JSON, pointer: str, hint: str, person: Person) -> None:
    answer = person.api.post("/tasks", json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert hint in error["detail"]
    assert person.api.get("/tasks").json()["items"] == []


def test_the_api_refuses_a_schedule_that_never_occurs(person: Person) -> None:
    body = {
        "title": "x",
        "start": tomorrow_at_nine(),
        "recurrence": {"frequency": "Yearly", "months": [2], "month_days": [30]},
    }
    answer = person.api.post("/schedules", json=body)

    assert answer.status_code == 422
    assert "never occurs" in answer.text
    assert person.api.get("/schedules").json()["items"] == []


def test_malformed_json_is_refused(person: Person) -> None:
    answer = person.api.post("/tasks", content=b'{"title": ', headers={"Content-Type": "application/json"})

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert "JSON" in answer.text


def test_a_foreign_users_path_is_refused(world: World, person: Person) -> None:
    answer = httpx.get(f"{world.stack.api_url}/api/somebody-else/tasks", headers=person.api.headers)

    assert answer.status_code == 403
    assert answer.json()["detail"]


def test_a_foreign_users_task_is_not_there(world: World, person: Person) -> None:
    person.apply("Task", person.named("private"), {"title": "private", "userId": "somebody-else"})

    for answer in (
        person.api.get(f"/tasks/{person.named('private')}"),
        person.api.patch(f"/tasks/{person.named('private')}", json={"title": "mine"}),
        person.api.delete(f"/tasks/{person.named('private')}"),
    ):
        assert answer.status_code == 404
    task = person.task(person.named("private"))
    assert task is not None
    assert task["spec"]["title"] == "private"


def claims(person: Person, **changes: Any) -> JSON:
    return {"sub": person.user, "exp": int(time.time()) + 3600, **changes}


def unsigned(person: Person) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims(person))
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


@pytest.mark.parametrize("kind", ["expired", "forged", "unsigned", "garbage", "absent"])
def test_a_bad_token_is_refused_and_nothing_is_written(kind: str, world: World, person: Person) -> None:
    secret = world.stack.jwt_secret
    tokens = {
        "expired": jwt.encode(claims(person, exp=int(time.time()) - 3600), secret, "HS256"),
        "forged": jwt.encode(claims(person), "x" * 32, "HS256"),
        "unsigned": unsigned(person),
        "garbage": "abc",
        "absent": None,
    }
    headers = {"Authorization": f"Bearer {tokens[kind]}"} if tokens[kind] else {}

    answer = httpx.post(f"{world.stack.api_url}/api/{person.user}/tasks", json={"title": "x"}, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["detail"]
    assert person.api.get("/tasks").json()["items"] == []


def test_a_dapr_callback_for_an_unknown_name_changes_nothing(world: World) -> None:
    operator = world.cluster.part("operator")
    url = f"{operator.service.url}/job/nobody-knows-me"  # type: ignore[attr-defined]

    refused = httpx.post(url, json={})
    let_go = httpx.post(url, json={}, headers={"dapr-api-token": world.stack.app_api_token})

    assert refused.status_code == 401
    assert "dapr-api-token" in refused.text
    assert let_go.status_code == 200  # never 404: Dapr would take it for an answer of the job's own
