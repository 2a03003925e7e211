import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from task_operator.cache import Key
from task_operator.wakeups import LONGEST_PAUSE_SECONDS, PATIENCE, SILENCE, SPARE, Wakeups
from taskbell.lifecycle.testing import MONDAY_SEVEN
from taskbell.resources import Task

MILK, BREAD, JAM = (Key(Task, "default", name) for name in ("milk", "bread", "jam"))
IN_AN_HOUR = MONDAY_SEVEN + timedelta(hours=1)
A_SECOND = timedelta(seconds=1)


class Clockwork:
    """Wakeups on the loop's clock, and what they did, with the instants."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.stepped = timedelta()
        self.woken: list[tuple[Key, datetime]] = []
        self.silences: list[datetime] = []
        self.wakeups = Wakeups(
            self.now, lambda key, _: self.woken.append((key, self.now())), lambda: self.silences.append(self.now())
        )

    def now(self) -> datetime:
        return MONDAY_SEVEN + timedelta(seconds=self._loop.time()) + self.stepped

    async def until(self, at: datetime) -> None:
        await asyncio.sleep((at - self.now()).total_seconds())

    def keys(self) -> list[Key]:
        return [key for key, _ in self.woken]


@pytest.fixture
async def clockwork() -> AsyncIterator[Clockwork]:
    clockwork = Clockwork()
    running = asyncio.create_task(clockwork.wakeups.run())
    yield clockwork
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_alarm_that_nobody_rings_is_woken_two_seconds_later(clockwork: Clockwork) -> None:
    clockwork.wakeups.alarm(MILK, IN_AN_HOUR)
    await clockwork.until(IN_AN_HOUR + PATIENCE + A_SECOND)
    assert clockwork.woken == [(MILK, IN_AN_HOUR + PATIENCE)]


async def test_what_no_alarm_rings_for_is_woken_on_time(clockwork: Clockwork) -> None:
    clockwork.wakeups.look(MILK, IN_AN_HOUR)
    await clockwork.until(IN_AN_HOUR + A_SECOND)
    assert clockwork.woken == [(MILK, IN_AN_HOUR)]


async def test_what_is_due_already_is_woken_at_once(clockwork: Clockwork) -> None:
    clockwork.wakeups.look(MILK, MONDAY_SEVEN - timedelta(days=1))
    await clockwork.until(MONDAY_SEVEN + A_SECOND)
    assert clockwork.woken == [(MILK, MONDAY_SEVEN)]


async def test_one_ring_wakes_all_that_is_due_and_only_that(clockwork: Clockwork) -> None:
    clockwork.wakeups.alarm(MILK, IN_AN_HOUR)
    clockwork.wakeups.alarm(BREAD, IN_AN_HOUR)
    clockwork.wakeups.alarm(JAM, IN_AN_HOUR + A_SECOND)
    await clockwork.until(IN_AN_HOUR)
    clockwork.wakeups.rang()
    assert clockwork.keys() == [MILK, BREAD]
    await clockwork.until(IN_AN_HOUR + timedelta(minutes=1))
    assert clockwork.woken[2:] == [(JAM, IN_AN_HOUR + A_SECOND + PATIENCE)], "a ring too early has lost nothing"


async def test_a_ring_keeps_what_nothing_rings_for_until_its_time(clockwork: Clockwork) -> None:
    clockwork.wakeups.look(MILK, IN_AN_HOUR + A_SECOND)
    await clockwork.until(IN_AN_HOUR)
    clockwork.wakeups.rang()
    await clockwork.until(IN_AN_HOUR + timedelta(minutes=1))
    assert clockwork.woken == [(MILK, IN_AN_HOUR + A_SECOND)]


async def test_what_a_ring_has_woken_is_not_woken_again(clockwork: Clockwork) -> None:
    clockwork.wakeups.alarm(MILK, IN_AN_HOUR)
    await clockwork.until(IN_AN_HOUR)
    clockwork.wakeups.rang()
    clockwork.wakeups.rang()
    await clockwork.until(IN_AN_HOUR + timedelta(minutes=1))
    assert clockwork.keys() == [MILK]


@pytest.mark.parametrize("moved", [-timedelta(minutes=30), timedelta(minutes=30)])
async def test_an_alarm_set_anew_wakes_at_the_new_time_only(clockwork: Clockwork, moved: timedelta) -> None:
    clockwork.wakeups.alarm(MILK, IN_AN_HOUR)
    clockwork.wakeups.alarm(MILK, IN_AN_HOUR + moved)
    await clockwork.until(IN_AN_HOUR + timedelta(hours=1))
    assert clockwork.woken == [(MILK, IN_AN_HOUR + moved + PATIENCE)]


async def test_an_alarm_moved_away_and_back_wakes_once(clockwork: Clockwork) -> None:
    for at in (IN_AN_HOUR, IN_AN_HOUR + A_SECOND, IN_AN_HOUR):
        clockwork.wakeups.alarm(MILK, at)
    await clockwork.until(IN_AN_HOUR + timedelta(minutes=1))
    assert clockwork.woken == [(MILK, IN_AN_HOUR + PATIENCE)]


async def test_a_nearer_alarm_is_not_slept_over(clockwork: Clockwork) -> None:
    clockwork.wakeups.look(MILK, IN_AN_HOUR)
    await clockwork.until(MONDAY_SEVEN + A_SECOND)
    clockwork.wakeups.look(BREAD, MONDAY_SEVEN + timedelta(seconds=5))
    await clockwork.until(MONDAY_SEVEN + timedelta(seconds=6))
    assert clockwork.keys() == [BREAD]


async def test_a_cleared_alarm_wakes_nobody(clockwork: Clockwork) -> None:
    clockwork.wakeups.alarm(MILK, IN_AN_HOUR)
    clockwork.wakeups.clear(MILK)
    clockwork.wakeups.clear(BREAD)
    await clockwork.until(IN_AN_HOUR + timedelta(minutes=1))
    assert clockwork.woken == []


async def test_ties_are_woken_in_the_order_in_which_they_were_set(clockwork: Clockwork) -> None:
    for key in (JAM, MILK, BREAD):
        clockwork.wakeups.look(key, IN_AN_HOUR)
    await clockwork.until(IN_AN_HOUR + A_SECOND)
    assert clockwork.keys() == [JAM, MILK, BREAD]


async def test_a_minute_of_missed_alarms_without_a_ring_is_a_silence_told_once(clockwork: Clockwork) -> None:
    for seconds in range(0, 90, 10):
        clockwork.wakeups.alarm(Key(Task, "default", f"task-{seconds}"), IN_AN_HOUR + timedelta(seconds=seconds))
    await clockwork.until(IN_AN_HOUR + timedelta(minutes=5))
    assert clockwork.silences == [IN_AN_HOUR + PATIENCE + SILENCE]
    assert len(clockwork.woken) == 9


async def test_a_single_ring_breaks_the_silence(clockwork: Clockwork) -> None:
    for seconds in range(0, 90, 10):
        clockwork.wakeups.alarm(Key(Task, "default", f"task-{seconds}"), IN_AN_HOUR + timedelta(seconds=seconds))
    await clockwork.until(IN_AN_HOUR + timedelta(seconds=45))
    clockwork.wakeups.rang()
    await clockwork.until(IN_AN_HOUR + timedelta(minutes=5))
    assert clockwork.silences == []


async def test_what_nothing_rings_for_is_never_missed(clockwork: Clockwork) -> None:
    for minute in range(10):
        clockwork.wakeups.look(Key(Task, "default", f"task-{minute}"), IN_AN_HOUR + timedelta(minutes=minute))
    await clockwork.until(IN_AN_HOUR + timedelta(hours=1))
    assert clockwork.silences == []
    assert len(clockwork.woken) == 10


async def test_after_the_machine_has_slept_what_is_due_is_woken_soon(clockwork: Clockwork) -> None:
    clockwork.wakeups.alarm(MILK, MONDAY_SEVEN + timedelta(hours=8))
    await asyncio.sleep(1)
    clockwork.stepped = timedelta(hours=9)
    await asyncio.sleep(LONGEST_PAUSE_SECONDS)
    assert clockwork.keys() == [MILK]


async def test_the_heap_does_not_grow_with_the_number_of_edits(clockwork: Clockwork) -> None:
    far = MONDAY_SEVEN + timedelta(days=365)
    clockwork.wakeups.look(BREAD, IN_AN_HOUR)
    for step in range(3 * SPARE):
        clockwork.wakeups.alarm(MILK, far + timedelta(minutes=step))
        clockwork.wakeups.clear(JAM)
    assert len(clockwork.wakeups._heap) <= SPARE + 4
    await clockwork.until(IN_AN_HOUR + A_SECOND)
    assert clockwork.keys() == [BREAD], "what counts has stayed"
