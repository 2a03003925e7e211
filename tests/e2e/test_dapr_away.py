"""Dapr's scheduler hangs, or there is no sidecar when the operator starts: no worker waits for either."""

import time
from datetime import timedelta

import pytest

from tests.e2e.people import JSON, Person, World, becomes, eventually, instant, now, plain_client

pytestmark = pytest.mark.timeout(180)

PROMPT = 2.5
"""Seconds, a bucket of the histogram; a call to what is away runs into its time-out only after five."""


def long_waits(world: World) -> float:
    """How many keys have waited for a worker for longer."""
    histogram = "taskbell_queue_latency_seconds"
    every = world.metric("operator", f"{histogram}_count")
    return every - world.metric("operator", f"{histogram}_bucket", le=str(PROMPT))


def event_types(events: list[JSON], task: JSON) -> list[str]:
    uid = task["metadata"]["uid"]
    return list(dict.fromkeys(event["data"]["event_type"] for event in events if event["data"]["task_uid"] == uid))


def test_with_the_scheduler_paused_tasks_and_reminders_come_in_time(world: World, person: Person) -> None:
    before, missed = long_waits(world), world.metric("operator", "taskbell_alarms_missed_total")
    with world.paused("scheduler"):
        for name in ("one", "two", "three"):
            person.apply_schedule(name)
        remind_at = now() + timedelta(seconds=8)
        person.apply_task("report", reminders=[{"at": instant(remind_at)}])
        for name in ("one", "two", "three"):
            person.complete(person.open_task(name, within=5))
        with plain_client(world, "reminders") as events_of:
            (reminder,) = eventually(lambda: events_of(person.user), 30)
        assert reminder["data"]["late_by"] <= 4, "the operator's own clock looks two seconds after the alarm"
        assert long_waits(world) == before
    assert world.metric("operator", "taskbell_alarms_missed_total") > missed
    assert [entry["task_id"] for entry in eventually(person.inbox)] == [person.named("report")]


def test_without_a_sidecar_at_its_start_the_operator_works_and_tells_later(world: World, person: Person) -> None:
    with world.stopped("operator-sidecar"):
        world.cluster.part("operator").restart()
        begun = time.monotonic()
        person.apply_schedule("standup")
        first = person.open_task("standup", within=10)
        person.complete(first)
        second = person.open_task("standup", after=first, within=30)
        assert time.monotonic() - begun < 30
        assert long_waits(world) == 0, "a new process counts from zero"

    with plain_client(world, "task-events") as events_of:
        becomes(lambda: event_types(events_of(person.user), first), ["created", "completed"], 60)
        becomes(lambda: event_types(events_of(person.user), second), ["created"], 60)
