"""The broker hangs (SIGSTOP): Tasks appear on time all the same, and everything is told, in order, when it wakes."""

import time

import pytest

from tests.e2e.people import JSON, Person, World, becomes, eventually, plain_client

pytestmark = pytest.mark.timeout(120)


def test_with_the_broker_paused_tasks_appear_and_the_events_follow_in_order(world: World, person: Person) -> None:
    person.apply_schedule("early")
    early = person.open_task("early")
    eventually(lambda: len(person.audit()) == 2)

    with world.paused(world.broker):
        begun = time.monotonic()
        person.apply_schedule("standup")
        first = person.open_task("standup", within=5)
        assert time.monotonic() - begun < 1.0 + KUBECTL_SECONDS

        # Before the breaker is open the successor comes within the grace ...
        person.complete(early)
        person.open_task("early", after=early, within=15)
        eventually(lambda: world.metric("operator", "taskbell_broker_away", topic="task-events") == 1)
        # ... and once it is open, at once.
        begun = time.monotonic()
        person.complete(first)
        second = person.open_task("standup", after=first, within=5)
        assert time.monotonic() - begun < 1.0 + KUBECTL_SECONDS

    with plain_client(world, "task-events") as events_of:

        def stream(task: JSON) -> list[str]:
            own = [
                e["data"]["event_type"]
                for e in events_of(person.user)
                if e["data"]["task_uid"] == task["metadata"]["uid"]
            ]
            return list(dict.fromkeys(own))

        becomes(lambda: stream(first), ["created", "completed"], 60)
        becomes(lambda: stream(early), ["created", "completed"], 60)
        becomes(lambda: stream(second), ["created"], 60)
    expected = {(first["metadata"]["name"], "created"), (first["metadata"]["name"], "completed")}
    eventually(lambda: expected <= {(e["object_id"], e["event_type"]) for e in person.audit()}, 60)
    eventually(lambda: world.metric("operator", "taskbell_broker_away") == 0)


KUBECTL_SECONDS = 1.0
"""What two runs of kubectl cost on two busy cores; the operator itself has its second."""
