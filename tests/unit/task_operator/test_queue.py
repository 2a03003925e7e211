"""client-go's util/workqueue tests (queue, delaying, rate limiting), ported, and what lanes and asyncio add to them."""

import asyncio
import gc
import weakref

import pytest
from prometheus_client import REGISTRY

from task_operator.queue import FIRST_BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS, LOW_LANE_SECONDS, WorkQueue


@pytest.fixture
def queue() -> WorkQueue[str]:
    return WorkQueue()


async def test_a_key_added_twice_is_given_out_once(queue: WorkQueue[str]) -> None:
    queue.add("foo")
    queue.add("foo")
    queue.add("bar")
    assert len(queue) == 2
    assert [await queue.get(), await queue.get()] == ["foo", "bar"]
    assert len(queue) == 0


async def test_a_key_added_while_it_is_worked_on_comes_again_when_done(queue: WorkQueue[str]) -> None:
    queue.add("foo")
    await queue.get()
    queue.add("foo")
    queue.add("foo")
    assert len(queue) == 0
    queue.done("foo")
    assert await queue.get() == "foo"
    queue.done("foo")
    assert len(queue) == 0


async def test_a_key_is_never_worked_on_twice_at_once(queue: WorkQueue[str]) -> None:
    busy: set[str] = set()
    passes = 0

    async def work() -> None:
        nonlocal passes
        while (key := await queue.get()) is not None:
            assert key not in busy
            busy.add(key)
            passes += 1
            await asyncio.sleep(0.003)
            busy.remove(key)
            queue.done(key)

    async def produce() -> None:
        for step in range(50):
            queue.add(f"key-{step % 3}")
            await asyncio.sleep(0.001)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(work())
        await produce()
        queue.close()
    assert 3 < passes <= 50


async def test_a_key_given_back_unchanged_is_not_given_out_again(queue: WorkQueue[str]) -> None:
    queue.add("foo")
    await queue.get()
    queue.done("foo")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await queue.get()


async def test_a_key_that_was_done_can_be_added_anew(queue: WorkQueue[str]) -> None:
    for _ in range(2):
        queue.add("foo")
        assert await queue.get() == "foo"
        queue.done("foo")


async def test_closed_it_takes_no_more_and_gives_out_what_it_has(queue: WorkQueue[str]) -> None:
    queue.add("foo")
    queue.close()
    queue.add("bar")
    assert await queue.get() == "foo"
    assert await queue.get() is None


async def test_closed_while_a_key_is_worked_on_its_second_pass_still_happens(queue: WorkQueue[str]) -> None:
    queue.add("foo")
    await queue.get()
    queue.add("foo")
    queue.close()
    queue.done("foo")
    assert await queue.get() == "foo"
    assert await queue.get() is None


async def test_closing_wakes_every_waiting_worker(queue: WorkQueue[str]) -> None:
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.close()
    async with asyncio.timeout(1):
        assert await asyncio.gather(*workers) == [None, None, None]


async def test_a_key_put_off_before_closing_does_not_come_back(queue: WorkQueue[str]) -> None:
    queue.retry("foo")
    queue.close()
    assert await queue.get() is None
    await asyncio.sleep(1)
    assert len(queue) == 0


async def test_the_back_off_doubles_up_to_its_limit_and_starts_anew_after_success(queue: WorkQueue[str]) -> None:
    delays = [queue.retry("foo") for _ in range(40)]
    assert delays[:4] == [0.05, 0.1, 0.2, 0.4]
    assert delays[-1] == LONGEST_BACK_OFF_SECONDS
    assert queue.retry("bar") == FIRST_BACK_OFF_SECONDS
    queue.forget("foo")
    assert queue.retry("foo") == FIRST_BACK_OFF_SECONDS


async def test_a_key_put_off_is_given_out_after_its_delay_and_not_before(queue: WorkQueue[str]) -> None:
    loop = asyncio.get_running_loop()
    began, delay = loop.time(), queue.retry("foo")
    assert await queue.get() == "foo"
    assert loop.time() - began == pytest.approx(delay)


async def test_a_key_put_off_twice_is_given_out_once(queue: WorkQueue[str]) -> None:
    queue.retry("foo")
    queue.retry("foo")
    await asyncio.sleep(1)
    assert len(queue) == 1


async def test_a_key_put_off_comes_at_once_when_it_is_added(queue: WorkQueue[str]) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(10):
        queue.retry("foo")
    began = loop.time()
    queue.add("foo")
    assert await queue.get() == "foo"
    assert loop.time() == began


async def test_a_worker_cancelled_after_it_was_woken_swallows_no_wake_up(queue: WorkQueue[str]) -> None:
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("foo")
    first.cancel()
    async with asyncio.timeout(1):
        assert await second == "foo"


async def test_a_worker_cancelled_while_it_waits_is_passed_over(queue: WorkQueue[str]) -> None:
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    queue.add("foo")
    async with asyncio.timeout(1):
        assert await second == "foo"


async def test_a_key_taken_by_another_worker_leaves_the_woken_one_waiting(queue: WorkQueue[str]) -> None:
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("foo")
    assert await queue.get() == "foo"  # before the woken one runs
    queue.add("bar")
    async with asyncio.timeout(1):
        assert await waiting == "bar"


class TestDelaying:
    """delaying_queue_test.go"""

    async def test_a_key_comes_after_its_delay_and_is_gone_afterwards(self, queue: WorkQueue[str]) -> None:
        queue.add_after("foo", 0.05)
        assert len(queue) == 0
        await asyncio.sleep(0.06)
        assert await queue.get() == "foo"
        queue.done("foo")
        await asyncio.sleep(10)
        assert len(queue) == 0

    async def test_of_two_delays_the_earlier_counts_whichever_was_asked_for_first(self, queue: WorkQueue[str]) -> None:
        for first, second in ((0.05, 0.07), (0.07, 0.05)):
            queue.add_after("foo", first)
            queue.add_after("foo", second)
            await asyncio.sleep(0.06)
            assert await queue.get() == "foo"
            queue.done("foo")
            await asyncio.sleep(1)
            assert len(queue) == 0, "and the later one is forgotten"

    async def test_two_keys_each_at_its_time(self, queue: WorkQueue[str]) -> None:
        queue.add_after("third", 0.3)
        queue.add_after("first", 0.05)
        queue.add_after("second", 0.1)
        loop = asyncio.get_running_loop()
        came = [(await queue.get(), round(loop.time(), 3)) for _ in range(3)]
        assert came == [("first", 0.05), ("second", 0.1), ("third", 0.3)]

    async def test_many_keys_at_one_instant_all_come(self, queue: WorkQueue[str]) -> None:
        for number in range(10):
            queue.add_after(str(number), 1)
        await asyncio.sleep(2)
        assert {await queue.get() for _ in range(10)} == {str(number) for number in range(10)}

    @pytest.mark.parametrize("delay", [0, -1])
    async def test_no_delay_is_none(self, queue: WorkQueue[str], delay: float) -> None:
        queue.add_after("foo", delay)
        assert len(queue) == 1

    async def test_closed_nothing_comes_after_its_delay(self, queue: WorkQueue[str]) -> None:
        queue.add_after("foo", 1)
        queue.close()
        queue.add_after("bar", 1)
        await asyncio.sleep(2)
        assert len(queue) == 0


class TestRateLimiting:
    """default_rate_limiters_test.go, rate_limiting_queue_test.go"""

    async def test_each_key_backs_off_for_itself(self, queue: WorkQueue[str]) -> None:
        assert [queue.retry("one") for _ in range(3)] == [0.05, 0.1, 0.2]
        assert [queue.retry("two") for _ in range(2)] == [0.05, 0.1]
        queue.forget("one")
        assert queue.retry("one") == 0.05
        assert queue.retry("two") == 0.2

    async def test_a_thousand_failures_overflow_nothing(self, queue: WorkQueue[str]) -> None:
        assert [queue.retry("one") for _ in range(1000)][-1] == LONGEST_BACK_OFF_SECONDS

    async def test_a_retry_does_not_put_off_what_is_asked_for_sooner(self, queue: WorkQueue[str]) -> None:
        for _ in range(10):
            queue.retry("foo")
        await asyncio.sleep(0.06)
        assert len(queue) == 1

    async def test_retries_are_counted(self, queue: WorkQueue[str]) -> None:
        before = REGISTRY.get_sample_value("taskbell_queue_retries_total") or 0
        queue.retry("foo")
        assert REGISTRY.get_sample_value("taskbell_queue_retries_total") == before + 1


class TestFairness:
    """Keys are `<owner>-<number>`."""

    @pytest.fixture
    def queue(self) -> WorkQueue[str]:
        return WorkQueue(lambda key: key.partition("-")[0])

    async def test_owners_take_turns_and_each_ones_keys_keep_their_order(self, queue: WorkQueue[str]) -> None:
        for key in ("ada-1", "ada-2", "ada-3", "bob-1", "bob-2", "eve-1"):
            queue.add(key)
        assert [await queue.get() for _ in range(6)] == ["ada-1", "bob-1", "eve-1", "ada-2", "bob-2", "ada-3"]

    async def test_who_comes_anew_waits_for_one_key_of_each_other(self, queue: WorkQueue[str]) -> None:
        for number in range(100):
            queue.add(f"ada-{number}")
        await queue.get()
        queue.add("bob-1")
        assert [await queue.get(), await queue.get()] == ["ada-1", "bob-1"]

    async def test_what_is_due_comes_before_everything_else_in_turns_too(self, queue: WorkQueue[str]) -> None:
        queue.add("eve-1")
        queue.add("ada-1", due=True)
        queue.add("ada-2", due=True)
        queue.add("bob-1", due=True)
        assert [await queue.get() for _ in range(4)] == ["ada-1", "bob-1", "ada-2", "eve-1"]

    async def test_a_key_that_waits_moves_up_when_it_becomes_due(self, queue: WorkQueue[str]) -> None:
        queue.add("ada-1")
        queue.add("ada-2")
        queue.add("ada-2", due=True)
        queue.add("ada-2")
        assert len(queue) == 2
        assert [await queue.get(), await queue.get()] == ["ada-2", "ada-1"]

    async def test_a_key_that_becomes_due_while_it_is_worked_on_comes_first_afterwards(
        self, queue: WorkQueue[str]
    ) -> None:
        queue.add("ada-1")
        await queue.get()
        queue.add("bob-1")
        queue.add("ada-1")
        queue.add("ada-1", due=True)
        queue.done("ada-1")
        assert [await queue.get(), await queue.get()] == ["ada-1", "bob-1"]

    async def test_ten_thousand_hourly_schedules_of_one_user_do_not_delay_anothers_reminder(
        self, queue: WorkQueue[str]
    ) -> None:
        loop = asyncio.get_running_loop()
        at: dict[str, float] = {}

        async def work() -> None:
            while (key := await queue.get()) is not None:
                await asyncio.sleep(0.012)  # what a pass costs with 8 workers and 650 creations a second
                at[key] = loop.time()
                queue.done(key)

        workers = [asyncio.create_task(work()) for _ in range(8)]
        for number in range(10_000):
            queue.add(f"ada-{number}")
        await asyncio.sleep(1)
        queue.add("bob-reminder", due=True)
        queue.add("bob-task")
        await asyncio.sleep(60)
        queue.close()
        await asyncio.gather(*workers)
        assert at["bob-reminder"] - 1 < 0.05
        assert at["bob-task"] - 1 < 0.05
        assert len(at) == 10_002


class TestLowLane:
    async def put_off(self, queue: WorkQueue[str], key: str) -> None:
        """A pass over `key` leaves its status for later."""
        queue.add(key)
        while (got := await queue.get()) != key:
            assert got is not None
            queue.done(got)
        queue.put_off(key)
        queue.done(key)

    async def test_nothing_is_put_off_while_nobody_waits(self, queue: WorkQueue[str]) -> None:
        queue.add("foo")
        await queue.get()
        assert not queue.may_put_off("foo")
        queue.add("bar")
        assert queue.may_put_off("foo")

    async def test_what_is_put_off_comes_when_nobody_else_waits_and_is_put_off_no_more(
        self, queue: WorkQueue[str]
    ) -> None:
        await self.put_off(queue, "foo")
        queue.add("bar")
        assert [await queue.get(), await queue.get()] == ["bar", "foo"]
        queue.add("late")
        assert not queue.may_put_off("foo")

    async def test_a_waiting_worker_gets_what_was_put_off(self, queue: WorkQueue[str]) -> None:
        queue.add("foo")
        await queue.get()
        waiting = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.put_off("foo")
        queue.done("foo")
        async with asyncio.timeout(1):
            assert await waiting == "foo"

    async def test_five_seconds_later_it_takes_turns_with_whoever_waits(self, queue: WorkQueue[str]) -> None:
        await self.put_off(queue, "one")
        await self.put_off(queue, "two")
        for number in range(4):
            queue.add(str(number))
        assert await queue.get() == "0"
        await asyncio.sleep(LOW_LANE_SECONDS)
        assert [await queue.get() for _ in range(5)] == ["one", "1", "two", "2", "3"]

    async def test_what_is_due_still_comes_first(self, queue: WorkQueue[str]) -> None:
        await self.put_off(queue, "foo")
        await asyncio.sleep(LOW_LANE_SECONDS)
        queue.add("bar", due=True)
        assert [await queue.get(), await queue.get()] == ["bar", "foo"]

    async def test_put_off_again_it_keeps_its_deadline(self, queue: WorkQueue[str]) -> None:
        await self.put_off(queue, "foo")
        await asyncio.sleep(3)
        await self.put_off(queue, "foo")
        queue.add("others")
        queue.add("more")
        await asyncio.sleep(2)
        assert await queue.get() == "foo"

    async def test_after_its_deadline_a_pass_in_another_lane_may_not_put_it_off(self, queue: WorkQueue[str]) -> None:
        await self.put_off(queue, "foo")
        queue.add("foo", due=True)
        await asyncio.sleep(LOW_LANE_SECONDS)
        queue.add("bar")
        assert await queue.get() == "foo"
        assert not queue.may_put_off("foo")

    async def test_added_meanwhile_it_comes_once(self, queue: WorkQueue[str]) -> None:
        await self.put_off(queue, "foo")
        queue.add("foo")
        assert len(queue) == 1
        assert await queue.get() == "foo"
        queue.settled("foo")
        queue.done("foo")
        assert len(queue) == 0

    async def test_what_is_settled_does_not_come_again(self, queue: WorkQueue[str]) -> None:
        await self.put_off(queue, "foo")
        assert await queue.get() == "foo"
        queue.settled("foo")
        queue.done("foo")
        await asyncio.sleep(10)
        assert len(queue) == 0

    async def test_closed_it_still_gives_out_what_was_put_off(self, queue: WorkQueue[str]) -> None:
        await self.put_off(queue, "foo")
        queue.close()
        assert await queue.get() == "foo"
        queue.settled("foo")
        queue.done("foo")
        assert await queue.get() is None

    async def test_the_depth_of_each_lane_and_the_time_in_it_are_told(self, queue: WorkQueue[str]) -> None:
        def told(name: str, lane: str) -> float:
            return REGISTRY.get_sample_value(name, {"lane": lane}) or 0

        await self.put_off(queue, "low")
        queue.add("due", due=True)
        queue.add("normal")
        assert [told("taskbell_queue_depth", lane) for lane in ("due", "normal", "low")] == [1, 1, 1]
        before = told("taskbell_queue_latency_seconds_sum", "due")
        await asyncio.sleep(2)
        await queue.get()
        assert told("taskbell_queue_latency_seconds_sum", "due") - before == 2
        assert told("taskbell_queue_depth", "due") == 0


async def test_what_is_done_is_not_held_in_memory() -> None:
    class Thing:
        pass

    queue: WorkQueue[Thing] = WorkQueue()
    thing = Thing()
    seen = weakref.ref(thing)
    queue.add(thing)
    got = await queue.get()
    assert got is thing
    queue.put_off(thing)
    queue.done(thing)
    got = await queue.get()
    assert got is thing
    queue.forget(thing)
    queue.settled(thing)
    queue.done(thing)
    del got, thing
    gc.collect()
    assert seen() is None


async def test_it_is_urgent_while_a_key_that_is_due_waits(queue: WorkQueue[str]) -> None:
    queue.add("foo")
    assert not queue.urgent
    queue.add("bar", due=True)
    assert queue.urgent
    assert await queue.get() == "bar"
    assert not queue.urgent
