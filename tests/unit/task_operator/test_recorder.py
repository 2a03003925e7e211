"""Kubernetes Events as client-go's recorder has them: series, and an allowance for each object."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from runtime.apiserver import Forbidden, Unreachable
from task_operator.cache import Key
from task_operator.recorder import BURST, LONGEST_QUEUE, PAUSE_SECONDS, REFILL_SECONDS, SERIES_ENDS_SECONDS, Recorder
from task_operator.testing import MemoryKubeEvents
from taskbell.lifecycle.story import Record
from taskbell.lifecycle.testing import MONDAY_SEVEN, metadata
from taskbell.resources import Task

KEY = Key(Task, "default", "buy-milk")
MILK = metadata("buy-milk", "uid-7")
COMPLETED = Record("Completed", "Complete", "the task was completed")
REOPENED = Record("Reopened", "Reopen", "the task is open again")


@pytest.fixture
def events() -> MemoryKubeEvents:
    return MemoryKubeEvents()


@pytest.fixture
async def recorder(events: MemoryKubeEvents) -> AsyncIterator[Recorder]:
    recorder = Recorder(events, "pod-1", lambda: MONDAY_SEVEN, lambda: True)
    running = asyncio.create_task(recorder.run())
    yield recorder
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("taskbell_kubernetes_events_total", {"outcome": outcome}) or 0


def written(events: MemoryKubeEvents) -> list[tuple[str, int]]:
    return [(event.reason, count) for event, count in events.events.values()]


async def test_what_has_happened_is_written(events: MemoryKubeEvents, recorder: Recorder) -> None:
    before = counted("written")
    recorder.record(KEY, MILK, (COMPLETED, REOPENED))
    await asyncio.sleep(1)
    assert written(events) == [("Completed", 1), ("Reopened", 1)]
    (event, _) = next(iter(events.events.values()))
    assert (event.kind, event.regarding, event.note, event.instance) == (Task, MILK, COMPLETED.note, "pod-1")
    assert counted("written") == before + 2


async def test_what_happens_again_is_one_event_with_a_count(events: MemoryKubeEvents, recorder: Recorder) -> None:
    for _ in range(5):
        recorder.record(KEY, MILK, (COMPLETED,))
        await asyncio.sleep(1)
    await asyncio.sleep(60)
    assert written(events) == [("Completed", 5)]
    recorder.record(KEY, MILK, (COMPLETED,))
    await asyncio.sleep(60)
    assert written(events) == [("Completed", 6)]


async def test_a_series_that_has_ended_is_followed_by_another_event() -> None:
    loop, events = asyncio.get_running_loop(), MemoryKubeEvents()
    recorder = Recorder(events, "pod-1", lambda: MONDAY_SEVEN.replace(hour=8 + int(loop.time() // 3600)), lambda: True)
    running = asyncio.create_task(recorder.run())
    recorder.record(KEY, MILK, (COMPLETED,))
    await asyncio.sleep(SERIES_ENDS_SECONDS + 3600)
    recorder.record(KEY, MILK, (COMPLETED,))
    await asyncio.sleep(1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert written(events) == [("Completed", 1), ("Completed", 1)]


async def test_the_same_about_another_object_is_another_event(events: MemoryKubeEvents, recorder: Recorder) -> None:
    recorder.record(KEY, MILK, (COMPLETED,))
    recorder.record(KEY, metadata("buy-milk", "uid-8"), (COMPLETED,))
    await asyncio.sleep(1)
    assert written(events) == [("Completed", 1)] * 2


async def test_an_object_that_changes_without_end_has_an_allowance(
    events: MemoryKubeEvents, recorder: Recorder
) -> None:
    before = counted("left_out")
    for number in range(100):
        recorder.record(KEY, MILK, (Record("Rescheduled", "AmendTask", f"due {number}"),))
    recorder.record(KEY, metadata("bread", "uid-8"), (COMPLETED,))
    await asyncio.sleep(10)
    assert len(events.events) == BURST + 1, "and it is not the others'"
    assert counted("left_out") == before + 100 - BURST
    await asyncio.sleep(REFILL_SECONDS)
    for number in range(100):
        recorder.record(KEY, MILK, (Record("Rescheduled", "AmendTask", f"now due {number}"),))
    await asyncio.sleep(10)
    assert len(events.events) == BURST + 2


async def test_a_burst_over_many_objects_is_paced_and_bounded(events: MemoryKubeEvents, recorder: Recorder) -> None:
    for number in range(LONGEST_QUEUE + 100):
        recorder.record(KEY, metadata("milk", f"uid-{number}"), (COMPLETED,))
    await asyncio.sleep(10 * PAUSE_SECONDS)
    assert len(events.events) <= 11
    await asyncio.sleep(60)
    assert len(events.events) == LONGEST_QUEUE


@pytest.mark.parametrize("error", [Unreachable("away"), Forbidden(403, "Forbidden", "the namespace is going")])
async def test_one_that_cannot_be_written_is_lost_and_nothing_else(
    events: MemoryKubeEvents, recorder: Recorder, error: Exception
) -> None:
    before = counted("failed")

    def fail() -> None:
        raise error

    events.before = fail
    recorder.record(KEY, MILK, (COMPLETED,))
    await asyncio.sleep(1)
    assert counted("failed") == before + 1
    events.before = lambda: None
    recorder.record(KEY, MILK, (REOPENED,))
    await asyncio.sleep(1)
    assert written(events) == [("Reopened", 1)]


async def test_a_replica_that_does_not_lead_any_more_writes_nothing(events: MemoryKubeEvents) -> None:
    recorder = Recorder(events, "pod-1", lambda: MONDAY_SEVEN, lambda: False)
    recorder.record(KEY, MILK, (COMPLETED,))
    async with asyncio.timeout(1):
        await recorder.run()
    assert events.events == {}


async def test_the_story_of_ten_thousand_objects_is_not_kept_in_memory(
    events: MemoryKubeEvents, recorder: Recorder
) -> None:
    for number in range(10_000):
        recorder.record(KEY, metadata("milk", f"uid-{number}"), (COMPLETED,))
    assert len(recorder._series) <= 4096
    assert len(recorder._allowances) <= 4096
    assert events.events == {}
