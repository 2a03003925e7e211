"""What no watch has told is found by comparing, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from runtime.apiserver import Overloaded
from task_operator.cache import Key, Unreadable
from task_operator.sweep import Sweep
from task_operator.testing import NAMESPACE, World
from taskbell.lifecycle.testing import one_off, schedule
from taskbell.resources import Outcome, Task, TaskSchedule

MILK = Key(Task, NAMESPACE, "buy-milk")
QUARTER = timedelta(minutes=15)
A_SWEEP = 15 * 60 + 10


@pytest.fixture
async def swept(world: World) -> AsyncIterator[World]:
    """An operator that sweeps, and has heard the last of its watches."""
    await world.task(one_off())
    world.start()
    await world.passes()
    sweep = Sweep(world.api, world.cache, world.machinery.look_at, (), QUARTER)
    running = asyncio.create_task(sweep.run())
    world.lose_the_watch()
    yield world
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def found(what: str) -> float:
    return REGISTRY.get_sample_value("taskbell_sweep_found_total", {"kind": "Task", "what": what}) or 0


async def test_a_deletion_nobody_told(swept: World) -> None:
    before = found("deletion")
    swept.api.vanish(Task, "buy-milk")
    await swept.passes(seconds=A_SWEEP)
    assert swept.cache.known() == ()
    assert found("deletion") == before + 1


async def test_an_object_nobody_told(swept: World) -> None:
    before = found("object")
    await swept.api.create(Task, NAMESPACE, {"name": "bread"}, one_off().spec)
    await swept.passes(seconds=A_SWEEP)
    assert Key(Task, NAMESPACE, "bread") in swept.cache.known()
    assert found("object") == before + 1


async def test_a_change_nobody_told(swept: World) -> None:
    before = found("change")
    swept.api.edit(Task, "buy-milk", {"spec": {"state": "Completed"}})
    await swept.passes(seconds=A_SWEEP)
    (task,) = swept.api.all(Task)
    assert task.status.closed_at is not None
    assert found("change") == before + 1


async def test_another_object_under_the_same_name(swept: World) -> None:
    swept.api.vanish(Task, "buy-milk")
    new = await swept.task(one_off(title="Buy bread"))
    await swept.passes(seconds=A_SWEEP)
    known = swept.cache.get(MILK)
    assert known is not None
    assert known.metadata.uid == new.metadata.uid


async def test_where_nothing_has_changed_nothing_is_read(swept: World) -> None:
    calls: list[str] = []
    swept.api.before = lambda verb, _: calls.append(verb)
    await swept.passes(seconds=A_SWEEP)
    assert calls == ["metadata", "metadata"]


async def test_a_schedule_whose_task_vanished_unseen_goes_on(world: World) -> None:
    await world.schedule(schedule())
    world.start()
    await world.passes()
    world.api.vanish(Task, world.api.all(Task)[0].metadata.name)
    await Sweep(world.api, world.cache, world.machinery.look_at, (), QUARTER).compare(Task, None)
    await world.passes()
    cursor = world.api.all(TaskSchedule)[0].status.cursor
    assert cursor is not None
    assert cursor.outcome is Outcome.DELETED


async def test_one_that_breaks_off_is_made_good_by_the_next(swept: World) -> None:
    swept.api.vanish(Task, "buy-milk")

    def expired(verb: str, _: str) -> None:
        if verb == "metadata":
            raise Overloaded(504, "", "the continue token has expired")

    swept.api.before = expired
    await swept.passes(seconds=A_SWEEP)
    assert swept.cache.known() == (MILK,), "what was not listed has not gone"
    swept.api.before = lambda *_: None
    await swept.passes(seconds=A_SWEEP)
    assert swept.cache.known() == ()


async def test_who_catches_up_knows_everything_afterwards(swept: World) -> None:
    await swept.api.create(Task, NAMESPACE, {"name": "bread"}, one_off().spec)
    refusals = iter([Overloaded(503, "", "not ready yet")])

    def not_at_once(verb: str, _: str) -> None:
        if verb == "metadata" and (refusal := next(refusals, None)):
            raise refusal

    swept.api.before = not_at_once
    await Sweep(swept.api, swept.cache, swept.machinery.look_at, (), QUARTER).catch_up()
    assert Key(Task, NAMESPACE, "bread") in swept.cache.known()


async def test_only_the_namespaces_served_are_compared(world: World) -> None:
    await world.task(one_off())
    elsewhere = Sweep(world.api, world.cache, world.machinery.look_at, ("elsewhere",), QUARTER)
    await elsewhere.compare(Task, "elsewhere")
    assert world.cache.known() == ()


async def test_an_object_that_became_too_new_to_be_read(swept: World) -> None:
    swept.api.write_newer(Task, "buy-milk", {"spec": {"fieldOfNextYear": True}})
    await swept.passes(seconds=A_SWEEP)
    assert isinstance(swept.cache.get(MILK), Unreadable)
