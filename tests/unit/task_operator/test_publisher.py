import asyncio
from collections.abc import AsyncIterator

import pytest

from task_operator.breaker import Breaker
from task_operator.cache import Key
from task_operator.publisher import BATCH, Publisher
from task_operator.testing import MemoryBroker
from taskbell.events import EventType, Topic, reminder_event, task_event
from taskbell.lifecycle.actions import Receipts, Telling
from taskbell.lifecycle.testing import MONDAY_SEVEN, one_off
from taskbell.resources import PublishedTask, State, Task

TASKS, REMINDERS = Topic.TASK_EVENTS, Topic.REMINDERS


class Desk:
    """A publisher at work, and what came of it."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.told: list[Key] = []
        self.opened = 0
        self.publisher = Publisher(
            broker=self.broker,
            pubsub="pubsub",
            source="taskbell/test",
            told=self.told.append,
            breakers={topic: Breaker(topic, self._opened) for topic in Topic},
            clock=lambda: MONDAY_SEVEN,
        )

    def offer(self, uid: str, *details: str) -> None:
        self.publisher.offer(key(uid), uid, tuple(telling(uid, detail) for detail in details))

    def _opened(self) -> None:
        self.opened += 1


def key(uid: str) -> Key:
    return Key(Task, "default", uid)


def task(uid: str) -> Task:
    milk = one_off()
    return milk.model_copy(update={"metadata": milk.metadata.model_copy(update={"uid": uid, "name": uid})})


def telling(uid: str, detail: str) -> Telling:
    """An event of the task, or with the detail `reminder` its reminder."""
    of = task(uid)
    if detail == "reminder":
        return Telling(reminder_event(of, "PT1H", MONDAY_SEVEN), None)
    event = task_event(of, of.status, EventType.UPDATED, detail=detail, at=MONDAY_SEVEN)
    number = int(detail) if detail.isdigit() else 0
    return Telling(event, PublishedTask(generation=number, state=State.OPEN) if number else None)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    running = asyncio.create_task(desk.publisher.run())
    yield desk
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def told() -> None:
    await asyncio.sleep(0.1)


async def test_the_events_of_an_object_are_told_in_order_one_a_batch(desk: Desk) -> None:
    desk.offer("milk", "1", "2", "3")
    desk.offer("bread", "1", "2")
    await told()
    assert desk.broker.batches == [["milk:1", "bread:1"], ["milk:2", "bread:2"], ["milk:3"]]


async def test_every_acceptance_is_told_and_the_receipts_hold_it_until_it_is_noted(desk: Desk) -> None:
    desk.offer("milk", "1", "2")
    await told()
    assert desk.told == [key("milk"), key("milk")]
    receipts = desk.publisher.receipts("milk")
    assert receipts == Receipts(PublishedTask(generation=2, state=State.OPEN), frozenset({"milk:1", "milk:2"}))
    desk.publisher.noted("milk", receipts)
    assert desk.publisher.receipts("milk") == Receipts()


async def test_what_is_accepted_while_the_status_is_written_is_not_forgotten(desk: Desk) -> None:
    desk.offer("milk", "1")
    await told()
    before = desk.publisher.receipts("milk")
    desk.offer("milk", "2")
    await told()
    desk.publisher.noted("milk", before)
    assert "milk:2" in desk.publisher.receipts("milk").event_ids


async def test_an_event_that_says_nothing_of_the_state_leaves_the_last_word(desk: Desk) -> None:
    desk.offer("milk", "4")
    desk.offer("milk", "4", "deleted")
    await told()
    assert desk.publisher.receipts("milk").told == PublishedTask(generation=4, state=State.OPEN)


async def test_a_new_offer_replaces_what_waits(desk: Desk) -> None:
    desk.broker.answers.clear()
    desk.offer("bread", "1")  # in flight: the rest waits behind it
    await told()
    desk.offer("milk", "1", "2")
    desk.offer("milk", "7")
    desk.broker.answers.set()
    await told()
    assert desk.broker.ids(TASKS) == ["bread:1", "milk:7"]


async def test_an_empty_offer_takes_back_what_waits(desk: Desk) -> None:
    desk.broker.answers.clear()
    desk.offer("bread", "1")
    await told()
    desk.offer("milk", "1")
    desk.offer("milk")
    desk.broker.answers.set()
    await told()
    assert desk.broker.ids(TASKS) == ["bread:1"]


async def test_what_is_accepted_after_the_offer_was_replaced_is_not_told_again(desk: Desk) -> None:
    desk.broker.answers.clear()
    desk.offer("milk", "1")
    await told()
    desk.offer("milk", "1", "2")
    desk.broker.answers.set()
    await told()
    assert desk.broker.ids(TASKS) == ["milk:1", "milk:2"]


async def test_what_is_accepted_after_it_was_taken_back_counts_as_told(desk: Desk) -> None:
    desk.broker.answers.clear()
    desk.offer("milk", "1")
    await told()
    desk.offer("milk", "2")
    desk.broker.answers.set()
    await told()
    assert desk.broker.ids(TASKS) == ["milk:1", "milk:2"]
    assert desk.publisher.receipts("milk").event_ids == {"milk:1", "milk:2"}


async def test_a_batch_has_its_limit(desk: Desk) -> None:
    for number in range(BATCH + 1):
        desk.offer(f"task-{number}", "1")
    await told()
    assert [len(batch) for batch in desk.broker.batches] == [BATCH, 1]


async def test_topics_do_not_wait_for_one_another(desk: Desk) -> None:
    desk.offer("milk", "1", "reminder")
    await told()
    assert desk.broker.ids(TASKS) == ["milk:1"]
    assert len(desk.broker.ids(REMINDERS)) == 1


async def test_of_a_batch_refused_in_part_the_rest_is_told_and_the_refused_comes_again(desk: Desk) -> None:
    desk.broker.refuses = {"bread:1"}
    for uid in ("milk", "bread", "jam"):
        desk.offer(uid, "1")
    await told()
    assert desk.broker.ids(TASKS) == ["milk:1", "jam:1"]
    assert desk.publisher.away
    desk.broker.refuses = set()
    await asyncio.sleep(2)
    assert desk.broker.ids(TASKS) == ["milk:1", "jam:1", "bread:1"]
    assert not desk.publisher.away


async def test_an_event_refused_holds_back_the_later_ones_of_its_object(desk: Desk) -> None:
    desk.broker.refuses = {"milk:1"}
    desk.offer("milk", "1", "2")
    desk.offer("bread", "1")
    await asyncio.sleep(120)
    assert desk.broker.ids(TASKS) == ["bread:1"]


async def test_one_event_that_is_never_accepted_keeps_back_no_other_object(desk: Desk) -> None:
    desk.broker.refuses = {"milk:1"}
    desk.offer("milk", "1")
    await told()
    for number in range(BATCH + 5):
        desk.offer(f"task-{number}", "1")
    await asyncio.sleep(300)
    assert len(desk.broker.ids(TASKS)) == BATCH + 5


async def test_a_broker_that_is_away_opens_the_breaker_and_says_so_once(desk: Desk) -> None:
    desk.broker.away = True
    desk.offer("milk", "1")
    await asyncio.sleep(600)
    assert desk.publisher.away
    assert desk.opened == 1
    assert desk.told == []


async def test_while_the_breaker_is_open_one_event_feels_its_way_then_all_follow(desk: Desk) -> None:
    desk.broker.away = True
    for number in range(10):
        desk.offer(f"task-{number}", "1")
    await asyncio.sleep(600)
    tried = len(desk.broker.batches)
    assert len(desk.broker.batches[0]) == 10
    assert {len(batch) for batch in desk.broker.batches[1:]} == {1}
    desk.broker.away = False
    await asyncio.sleep(60)
    assert [len(batch) for batch in desk.broker.batches[tried:]] == [1, 9]
    assert len(set(desk.broker.ids(TASKS))) == 10


async def test_during_an_outage_memory_grows_with_the_objects_not_with_time(desk: Desk) -> None:
    desk.broker.away = True
    for generation in range(1, 100):
        for uid in ("milk", "bread"):
            desk.offer(uid, "created", str(generation), "reminder")
        await asyncio.sleep(60)
    assert {topic: set(waiting) for topic, waiting in desk.publisher._waiting.items() if waiting} == {
        TASKS: {"milk", "bread"},
        REMINDERS: {"milk", "bread"},
    }
    assert [len(tellings) for _, tellings in desk.publisher._waiting[TASKS].values()] == [2, 2]
    desk.broker.away = False
    await asyncio.sleep(120)
    assert set(desk.broker.ids(TASKS)) == {"milk:created", "milk:99", "bread:created", "bread:99"}


async def test_an_object_forgotten_has_nothing_waiting_and_no_receipts(desk: Desk) -> None:
    desk.offer("milk", "1")
    await told()
    desk.broker.away = True
    desk.offer("milk", "2")
    desk.publisher.forget("milk")
    desk.broker.away = False
    await asyncio.sleep(60)
    assert desk.broker.ids(TASKS) == ["milk:1"]
    assert not desk.publisher._receipts


async def test_an_acceptance_after_the_object_has_gone_leaves_no_receipt(desk: Desk) -> None:
    desk.broker.answers.clear()
    desk.offer("milk", "1", "2")
    await told()
    desk.publisher.forget("milk")
    desk.broker.answers.set()
    await told()
    assert desk.broker.ids(TASKS) == ["milk:1"]
    assert not desk.publisher._receipts


async def test_events_carry_the_source_the_key_and_their_own_id(desk: Desk) -> None:
    desk.offer("milk", "1")
    await told()
    event = desk.broker.topics[TASKS][0]
    assert (event["source"], event["partitionkey"], event["id"]) == ("taskbell/test", "milk", "milk:1")
