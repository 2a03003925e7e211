"""Two operators: one works, the other takes over, and what a leader that slept still sends changes nothing."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest

from localcluster.stack import SYSTEM_NAMESPACE, Stack
from tests.e2e.people import JSON, Person, World, eventually, instant, now, plain_client

pytestmark = pytest.mark.timeout(180)

LEASE = 15
"""Seconds; the default."""


@pytest.fixture(scope="module")
def pair(world: World) -> Iterator[World]:
    """The operator, and a second one that sweeps every three seconds."""
    assert isinstance(world.stack, Stack)
    name = world.stack.add_standby({"TASKBELL_SWEEP_MINUTES": "0.05"})
    yield world
    up(world, "operator")
    for each in (name, f"{name}-sidecar"):
        world.cluster.part(each).stop()
    eventually(lambda: leads(world, "operator"), 2 * LEASE)


@pytest.fixture
def leader_and_standby(pair: World) -> tuple[str, str]:
    """Both are up; which is which."""
    for each in ("operator", "operator-2"):
        up(pair, each)
    leader = eventually(lambda: leader_of(pair), 2 * LEASE)
    return leader, "operator-2" if leader == "operator" else "operator"


def up(world: World, operator: str) -> None:
    """Whatever a test did to it."""
    part = world.cluster.part(operator)
    if part.running:
        part.resume()
    part.start()


def answer(world: World, operator: str, path: str) -> int:
    try:
        return httpx.get(f"{world.stack.url_of(operator)}{path}", timeout=1).status_code
    except httpx.HTTPError:
        return 0


def leads(world: World, operator: str) -> bool:
    return answer(world, operator, "/leaderz") == 200


def leader_of(world: World) -> str | None:
    return next((each for each in ("operator", "operator-2") if leads(world, each)), None)


def lease(world: World) -> JSON:
    query = ("get", "lease", "taskbell-operator", f"--namespace={SYSTEM_NAMESPACE}", "--output=json")
    found: JSON = json.loads(world.cluster.kubectl(*query))
    return found


def everything(world: World) -> dict[str, JSON]:
    """All our objects as they are stored, by uid; not only this test's."""
    items = json.loads(world.cluster.kubectl("get", "taskschedules,tasks", "--output=json"))["items"]
    return {item["metadata"]["uid"]: item for item in items}


def test_one_leads_and_the_other_is_ready(leader_and_standby: tuple[str, str], pair: World) -> None:
    leader, standby = leader_and_standby

    assert [answer(pair, leader, path) for path in ("/readyz", "/leaderz")] == [200, 200]
    assert [answer(pair, standby, path) for path in ("/readyz", "/leaderz")] == [200, 503]
    assert lease(pair)["spec"]["leaseDurationSeconds"] == LEASE


def test_a_standby_takes_no_callback(leader_and_standby: tuple[str, str], pair: World) -> None:
    url = f"{pair.stack.url_of(leader_and_standby[1])}/job/nobody-knows-it"

    assert httpx.post(url, headers={"dapr-api-token": pair.stack.app_api_token}).status_code == 503


def test_a_replica_sweeps_whether_it_leads_or_not(pair: World) -> None:
    def done() -> bool:
        text = httpx.get(f"{pair.stack.url_of('operator-2')}/metrics").text
        return 'taskbell_sweeps_total{outcome="done"}' in text

    eventually(done)


def test_a_leader_that_ends_hands_over_at_once(
    leader_and_standby: tuple[str, str], pair: World, person: Person
) -> None:
    leader, standby = leader_and_standby
    before = lease(pair)["spec"]["leaseTransitions"]

    pair.cluster.part(leader).stop()
    begun = time.monotonic()

    eventually(lambda: leads(pair, standby), LEASE)
    assert time.monotonic() - begun < LEASE / 2
    assert lease(pair)["spec"]["leaseTransitions"] == before + 1
    person.apply_schedule("standup")
    person.open_task("standup")


def test_what_a_leader_still_sends_that_slept_past_its_lease_changes_nothing(
    leader_and_standby: tuple[str, str], pair: World, person: Person
) -> None:
    leader, standby = leader_and_standby
    person.apply_schedule("standup")
    first = person.open_task("standup")
    remind_at = now() + timedelta(seconds=LEASE + 10)
    person.apply_task("report", dueAt=instant(remind_at + timedelta(minutes=15)), reminders=[{"before": "PT15M"}])
    eventually(lambda: len(person.audit()) == 3)
    names = [f"burst-{number}" for number in range(25)]
    manifests = "\n---\n".join(manifest(person, name) for name in names)
    pair.cluster.kubectl("apply", "--filename", "-", stdin=manifests)

    # In the middle of the burst: passes, a batch of events and alarms are under way.
    pair.cluster.part(leader).pause()
    eventually(lambda: leads(pair, standby), 2 * LEASE, what="the standby leads")
    person.complete(first)
    second = person.open_task("standup", after=first, within=30)
    for name in names:
        person.open_task(name)
    eventually(lambda: [entry["task_id"] for entry in person.inbox()] == [person.named("report")], 60)
    expected = {(person.named(name), "created") for name in ("standup", "report", *names)}
    tasks = [first, second, *(person.open_task(name) for name in names)]
    expected |= {(task["metadata"]["name"], "created") for task in tasks}
    expected.add((first["metadata"]["name"], "completed"))
    eventually(lambda: {(e["object_id"], e["event_type"]) for e in person.audit()} == expected, 60)
    quiet = eventually(lambda: still(pair), 60, what="nothing changes any more")

    with plain_client(pair, "task-events") as events_of:
        told = {event["id"] for event in eventually(lambda: events_of(person.user))}
        log = pair.cluster.part(leader).log
        depositions = log.read_text().count("does not lead any more")
        pair.cluster.part(leader).resume()
        eventually(lambda: log.read_text().count("does not lead any more") == depositions + 1)
        eventually(lambda: answer(pair, leader, "/readyz") == 200)
        # One more full turn by the new leader: whatever the old one had to send has been sent by then.
        person.complete(second)
        third = person.open_task("standup", after=second)
        assert not leads(pair, leader)

        changed = {uid for uid, each in everything(pair).items() if quiet.get(uid) != each}
        mine = {second["metadata"]["uid"], third["metadata"]["uid"], person.schedule("standup")["metadata"]["uid"]}
        assert changed <= mine | {first["metadata"]["uid"]}
        uids = {second["metadata"]["uid"], third["metadata"]["uid"]}
        new = {event["id"] for event in events_of(person.user) if event["data"]["task_uid"] not in uids}
        assert new <= told, "whatever it told had been told, under the same id"
    assert len(person.inbox()) == 1
    assert person.deliveries() == [("sent", True)]


def test_a_leader_killed_under_load_loses_no_reminder_and_delays_none_by_more_than_the_lease(
    leader_and_standby: tuple[str, str], pair: World, person: Person
) -> None:
    leader, standby = leader_and_standby
    begin = now() + timedelta(seconds=8)
    due = {person.named(f"t{number}"): begin + timedelta(seconds=number) for number in range(20)}
    manifests = [
        json.dumps(
            {
                "apiVersion": "taskbell.dev/v1alpha1",
                "kind": "Task",
                "metadata": {"name": name},
                "spec": {"userId": person.user, "title": name, "reminders": [{"at": instant(at)}]},
            }
        )
        for name, at in due.items()
    ]
    pair.cluster.kubectl("apply", "--filename", "-", stdin="\n---\n".join(manifests))
    eventually(lambda: len(person.audit()) == 20)

    time_to_die = begin + timedelta(seconds=2)
    eventually(lambda: now() > time_to_die)
    pair.cluster.part(leader).kill()

    with plain_client(pair, "reminders") as events_of:
        seen = {}

        def all_there() -> bool:
            seen.update({event["id"]: event["data"] for event in events_of(person.user)})
            return {data["task_id"] for data in seen.values()} == set(due)

        eventually(all_there, 90)
    assert leads(pair, standby)
    assert len(seen) == 20, "none has two ids"
    late = max(
        (datetime.fromisoformat(data["remind_at"]) + timedelta(seconds=data["late_by"]) - due[data["task_id"]]).seconds
        for data in seen.values()
    )
    # The lease counts from its last renewal that the standby saw, which asks every two to 4.4 seconds.
    assert late <= LEASE + 5
    eventually(lambda: len(person.inbox()) == 20)


def manifest(person: Person, name: str) -> str:
    return json.dumps(
        {
            "apiVersion": "taskbell.dev/v1alpha1",
            "kind": "TaskSchedule",
            "metadata": {"name": person.named(name)},
            "spec": {
                "userId": person.user,
                "start": f"{(now() + timedelta(days=1)).date()}T09:00",
                "recurrence": {"frequency": "Daily"},
                "task": {"title": name},
            },
        }
    )


def still(world: World) -> dict[str, JSON] | None:
    """All our objects, if they are the same as a second ago."""
    before, begun = everything(world), time.monotonic()
    eventually(lambda: time.monotonic() > begun + 1)
    return before if everything(world) == before else None
