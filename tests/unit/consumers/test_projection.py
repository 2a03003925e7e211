from collections.abc import Sequence
from dataclasses import replace

import pytest

from consumers.projection import telling
from consumers.subscriptions import Away, Outlet, Received, Refused
from consumers.testing import MemoryPublisher
from taskbell.events import TaskEvent
from tests.unit.consumers.samples import SOURCE, event


def named(event_id: str) -> Received[TaskEvent]:
    made = event()
    return replace(made, id=event_id, envelope={**made.envelope, "id": event_id})


def outlet(publisher: MemoryPublisher) -> Outlet:
    return Outlet(publisher, "kafka-pubsub", "projection")


async def test_what_was_stored_is_told_and_what_was_refused_is_not() -> None:
    publisher = MemoryPublisher()
    good, bad = named("good"), named("bad")

    async def store(events: Sequence[Received[TaskEvent]]) -> Sequence[Refused]:
        assert publisher.topics == {}  # first it is stored
        return [Refused(each.envelope, "no") for each in events if each.id == "bad"]

    refused = await telling(store, outlet(publisher))([good, bad])

    assert [each.envelope["id"] for each in refused] == ["bad"]
    (update,) = publisher.topics["task-updates"]
    assert (update["id"], update["source"]) == ("good", f"{SOURCE}/projection")
    assert update["partitionkey"] == good.data.task_uid
    assert update["data"]["task_id"] == good.data.task_id
    assert update["data"].keys() == {
        *("task_id", "user_id", "generation", "event_type", "change", "timestamp", "task_uid", "namespace"),
    }


async def test_what_could_not_be_told_comes_again_and_is_told_then() -> None:
    publisher = MemoryPublisher(away=True)

    async def store(_: Sequence[Received[TaskEvent]]) -> Sequence[Refused]:
        return []

    handle = telling(store, outlet(publisher))
    with pytest.raises(Away, match="task-updates"):
        await handle([event()])
    publisher.away = False
    await handle([event()])
    assert len(publisher.topics["task-updates"]) == 1
