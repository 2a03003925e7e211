"""client-go's util/workqueue/queue_test.go and rate_limiting tests, ported, and what asyncio adds to them."""

import asyncio

import pytest

from task_operator.queue import FIRST_BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS, WorkQueue


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
