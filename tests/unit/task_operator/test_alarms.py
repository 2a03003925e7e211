import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from task_operator.alarms import GIVE_WAY_SECONDS, AlarmKeeper
from task_operator.breaker import Breaker
from task_operator.testing import MemoryScheduler
from taskbell.lifecycle.testing import MONDAY_SEVEN

NINE, TEN = (MONDAY_SEVEN + timedelta(hours=hours) for hours in (2, 3))
A_SECOND = timedelta(seconds=1)


@pytest.fixture
def scheduler() -> MemoryScheduler:
    return MemoryScheduler()


@pytest.fixture
async def keeper(scheduler: MemoryScheduler) -> AsyncIterator[AlarmKeeper]:
    keeper = AlarmKeeper(scheduler, Breaker("scheduler"))
    running = asyncio.create_task(keeper.run())
    yield keeper
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def carried_out() -> None:
    await asyncio.sleep(0.1)


async def test_what_is_asked_for_is_carried_out(scheduler: MemoryScheduler, keeper: AlarmKeeper) -> None:
    keeper.arm("milk", NINE)
    keeper.arm("bread", TEN)
    await carried_out()
    assert scheduler.alarms == {"milk": NINE, "bread": TEN}
    keeper.disarm("milk")
    await carried_out()
    assert scheduler.alarms == {"bread": TEN}
    assert (keeper.armed("milk"), keeper.armed("bread")) == (None, TEN)
    assert REGISTRY.get_sample_value("taskbell_alarms_armed") == 1


async def test_more_than_one_batch_is_carried_out(scheduler: MemoryScheduler, keeper: AlarmKeeper) -> None:
    for number in range(100):
        keeper.arm(f"task-{number}", NINE)
    await carried_out()
    assert len(scheduler.alarms) == 100
    assert not keeper._wanted


async def test_an_alarm_replaced_while_the_old_one_is_in_flight_ends_as_the_new_one(
    scheduler: MemoryScheduler, keeper: AlarmKeeper
) -> None:
    scheduler.answers.clear()
    keeper.arm("milk", NINE)
    await carried_out()
    keeper.arm("milk", TEN)
    scheduler.answers.set()
    await carried_out()
    assert scheduler.alarms == {"milk": TEN}
    assert keeper.armed("milk") == TEN


async def test_an_alarm_disarmed_while_it_is_in_flight_is_gone_in_the_end(
    scheduler: MemoryScheduler, keeper: AlarmKeeper
) -> None:
    scheduler.answers.clear()
    keeper.arm("milk", NINE)
    await carried_out()
    keeper.disarm("milk")
    assert keeper.armed("milk") is None
    scheduler.answers.set()
    await carried_out()
    assert scheduler.alarms == {}


async def test_what_counts_is_what_was_asked_for_last_not_what_was_accepted(
    scheduler: MemoryScheduler, keeper: AlarmKeeper
) -> None:
    keeper.arm("milk", NINE)
    await carried_out()
    scheduler.away = True
    keeper.arm("milk", TEN)
    assert keeper.armed("milk") == TEN, "else an edit back to nine would ask for nothing, and ten would stay"
    keeper.disarm("milk")
    assert keeper.armed("milk") is None, "else a reopened task would ask for nothing, and none would ring"


async def test_a_scheduler_that_was_away_is_asked_again(scheduler: MemoryScheduler, keeper: AlarmKeeper) -> None:
    scheduler.away = True
    for number in range(20):
        keeper.arm(f"task-{number}", NINE)
    await asyncio.sleep(3600)
    scheduler.away = False
    await asyncio.sleep(60)
    assert len(scheduler.alarms) == 20


async def test_one_alarm_that_is_never_accepted_keeps_back_no_other(
    scheduler: MemoryScheduler, keeper: AlarmKeeper
) -> None:
    scheduler.refuses.add("milk")
    keeper.arm("milk", NINE)
    for number in range(20):
        keeper.arm(f"task-{number}", NINE)
    await asyncio.sleep(600)
    assert len(scheduler.alarms) == 20


@pytest.mark.parametrize(
    ("early", "used_up"),
    [
        pytest.param(timedelta(), True, id="on time the alarm is used up"),
        pytest.param(-timedelta(hours=1), True, id="late the alarm is used up"),
        pytest.param(A_SECOND, False, id="a little early it counts as armed, or it would ring in a loop"),
        pytest.param(timedelta(days=1), False, id="a day early it is a foreign ring, and changes nothing"),
    ],
)
async def test_a_ring(keeper: AlarmKeeper, early: timedelta, used_up: bool) -> None:
    keeper.arm("milk", NINE)
    await carried_out()
    keeper.rang("milk", NINE - early)
    assert (keeper.armed("milk") is None) is used_up


async def test_a_ring_of_an_unknown_alarm_changes_nothing(keeper: AlarmKeeper) -> None:
    keeper.arm("milk", NINE)
    await carried_out()
    keeper.rang("bread", NINE)
    assert keeper.armed("milk") == NINE


async def test_once_forgotten_all_alarms_are_wanted_anew(scheduler: MemoryScheduler, keeper: AlarmKeeper) -> None:
    keeper.arm("milk", NINE)
    await carried_out()
    scheduler.alarms.clear()
    keeper.forget_all()
    assert keeper.armed("milk") is None
    keeper.arm("milk", NINE)
    await carried_out()
    assert scheduler.alarms == {"milk": NINE}


@pytest.mark.parametrize("accepted", [True, False], ids=["whose alarm was armed", "whose alarm is still in flight"])
async def test_an_object_that_is_gone_leaves_no_alarm(
    scheduler: MemoryScheduler, keeper: AlarmKeeper, accepted: bool
) -> None:
    if not accepted:
        scheduler.answers.clear()
    keeper.arm("milk", NINE)
    await carried_out()
    keeper.forget("milk")
    keeper.forget("bread")
    scheduler.answers.set()
    await carried_out()
    assert (scheduler.alarms, keeper._armed, keeper._wanted) == ({}, {}, {})


@pytest.fixture
async def modest(scheduler: MemoryScheduler) -> AsyncIterator[tuple[AlarmKeeper, set[str]]]:
    """A keeper, and what is due and waits meanwhile."""
    due: set[str] = set()
    keeper = AlarmKeeper(scheduler, Breaker("scheduler"), busy=lambda: bool(due))
    running = asyncio.create_task(keeper.run())
    yield keeper, due
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_alarms_give_way_to_what_is_due(scheduler: MemoryScheduler, modest: tuple[AlarmKeeper, set[str]]) -> None:
    keeper, due = modest
    due.add("bread")
    keeper.arm("milk", NINE)
    await asyncio.sleep(GIVE_WAY_SECONDS / 2)
    assert scheduler.alarms == {}
    assert keeper.armed("milk") == NINE, "nobody asks for it again"
    due.clear()
    await carried_out()
    assert scheduler.alarms == {"milk": NINE}


async def test_a_time_of_being_busy_that_does_not_end_keeps_alarms_waiting_only_once(
    scheduler: MemoryScheduler, modest: tuple[AlarmKeeper, set[str]]
) -> None:
    keeper, due = modest
    due.add("bread")
    for number in range(100):
        keeper.arm(f"task-{number}", NINE)
    await asyncio.sleep(GIVE_WAY_SECONDS)
    await carried_out()
    assert len(scheduler.alarms) == 100
    due.clear()
    keeper.arm("milk", NINE)
    await carried_out()
    due.add("butter")
    keeper.arm("milk", TEN)
    await carried_out()
    assert scheduler.alarms["milk"] == NINE, "the next burst is given way to again"
