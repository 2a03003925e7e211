"""Terms of leadership, the two lanes, and whose turn it is: the whole machinery in virtual time."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from runtime.apiserver import Unreachable
from runtime.dapr import Unavailable
from task_operator.testing import NAMESPACE, World
from taskbell import naming
from taskbell.events import Topic
from taskbell.lifecycle.testing import MONDAY_SEVEN, one_off, schedule
from taskbell.resources import Phase, ReminderState, Task, TaskSchedule, instant_text

AN_HOUR = 3600.0
STANDUP = schedule(task={"title": "Team standup", "reminders": [{"before": "PT15M"}]})


async def schedules(world: World, number: int, **spec: Any) -> None:
    like = schedule(**spec)
    names = [{"name": f"{like.spec.user_id}-{each}"} for each in range(number)]
    await asyncio.gather(*(world.api.create(TaskSchedule, NAMESPACE, name, like.spec) for name in names))


def heard(call: Callable[..., Any], before: Callable[[], None]) -> Callable[..., Any]:
    async def called(*arguments: Any) -> Any:
        before()
        return await call(*arguments)

    return called


class TestTerms:
    async def test_a_standby_keeps_its_cache_warm_and_does_nothing(self, world: World) -> None:
        world.leads = False
        world.api.watch = world._watched
        await world.schedule(STANDUP)
        await world.passes()
        assert len(world.cache.known()) == 1
        assert len(world.queue) == 0
        assert world.fuse.effects == 1, "the person's own"

    async def test_it_takes_over_with_what_it_has_seen(self, world: World) -> None:
        world.leads = False
        world.api.watch = world._watched
        await world.schedule(STANDUP)
        await world.passes()
        world.leads = True
        world.machinery.start(2, world._died.append)
        await world.passes()
        assert len(world.api.all(Task)) == 1

    async def test_it_ends_though_calls_take_the_cancellation_for_their_time_out(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As a process does that was stopped for longer than its calls may take."""

        def hangs(error: Exception) -> Callable[..., Any]:
            left = [error]

            async def call(*_: Any, **__: Any) -> Any:
                try:
                    await asyncio.sleep(AN_HOUR)
                except asyncio.CancelledError:
                    if left:
                        raise left.pop() from None
                    raise

            return call

        await world.schedule(STANDUP)
        await world.task(one_off())
        world.start()
        monkeypatch.setattr(world.broker, "publish", hangs(Unavailable("no answer in time")))
        await world.passes()
        monkeypatch.setattr(world.api, "put_status", hangs(Unreachable("no answer in time")))
        world.api.edit(Task, "buy-milk", {"spec": {"state": "Completed"}})
        await world.passes()
        async with asyncio.timeout(10):
            await world.machinery.kill()

    @pytest.mark.parametrize("last", range(1, 7))
    async def test_once_the_lease_has_run_out_no_further_action_is_begun(
        self, world: World, last: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await world.schedule(STANDUP)
        led: list[bool] = []

        def begins(*_: object) -> None:
            led.append(world.leads)
            world.leads = len(led) < last

        world.api.before = begins
        for port, verb in ((world.broker, "publish"), (world.scheduler, "arm"), (world.scheduler, "disarm")):
            monkeypatch.setattr(port, verb, heard(getattr(port, verb), begins))
        world.start(workers=1)
        await world.passes(seconds=3600)
        assert led == [True] * last
        await world.machinery.kill()
        last = 1000
        world.leads = True
        world.machinery.start(2, world._died.append)
        await world.passes()
        (task,) = world.api.all(Task)
        assert set(world.broker.ids(Topic.TASK_EVENTS)) == {f"{task.metadata.uid}:created"}

    async def test_a_holder_that_wakes_too_late_tells_and_arms_nothing(self, world: World) -> None:
        await world.task(one_off(reminders=[{"at": instant_text(MONDAY_SEVEN + timedelta(hours=1))}]))
        world.broker.answers.clear()
        world.scheduler.answers.clear()
        world.start()
        await world.passes()
        waiting = len(world.broker.batches)
        world.leads = False
        world.api.edit(Task, "buy-milk", {"spec": {"title": "Buy bread"}})
        world.broker.answers.set()
        world.scheduler.answers.set()
        await world.passes(seconds=3 * 3600)
        assert len(world.broker.batches) == waiting, "but for the batch that was under way"
        assert world.broker.ids(Topic.REMINDERS) == []

    async def test_a_second_term_begins_where_the_first_broke_off(self, world: World) -> None:
        await world.schedule(STANDUP)
        world.start()
        await world.passes()
        await world.machinery.kill()
        world.machinery.start(2, world._died.append)
        before = world.fuse.effects
        await world.passes()
        # An alarm is armed anew in each term: who else would know that it is?
        assert world.fuse.effects - before == 1
        await world.passes(seconds=3600)
        assert len(world.broker.ids(Topic.REMINDERS)) == 1


class TestLowLane:
    async def test_in_a_burst_effects_come_first_and_each_status_is_written_once(self, world: World) -> None:
        await schedules(world, 20)
        calls: list[str] = []
        world.api.before = lambda verb, _: calls.append(verb)
        world.start()
        await world.passes(seconds=10)
        assert len(world.api.all(Task)) == 20
        last_creation = len(calls) - 1 - calls[::-1].index("create")
        assert calls[:last_creation].count("put_status") <= 2, "what is due was done first"
        assert 40 <= calls.count("put_status") <= 44, "one for each schedule and each task, but for the very last"
        for each in world.api.all(TaskSchedule):
            assert each.status.cursor is not None
            assert each.status.cursor.phase is Phase.OPEN
            assert each.status.published is not None
        assert all(task.status.published for task in world.api.all(Task))

    async def test_a_change_of_state_is_noted_at_once(self, world: World) -> None:
        await world.task(one_off())
        world.start(workers=1)
        await world.passes()
        await schedules(world, 20)
        order: list[tuple[str, str]] = []
        world.api.before = lambda *call: order.append(call)
        world.api.edit(Task, "buy-milk", {"spec": {"state": "Completed"}})
        await world.passes()
        noted = order.index(("put_status", "buy-milk"))
        assert noted < len(order) - 40, "while most of the others still waited"

    async def test_what_was_put_off_is_in_the_outcome_of_its_pass(self, world: World) -> None:
        def passes(outcome: str) -> float:
            labels = {"kind": "TaskSchedule", "outcome": outcome}
            return REGISTRY.get_sample_value("taskbell_reconciles_total", labels) or 0

        before = passes("put_off")
        await schedules(world, 10)
        world.start()
        await world.passes(seconds=10)
        assert passes("put_off") > before

    @pytest.mark.parametrize("effect", range(0, 60, 7))
    async def test_killed_in_the_middle_of_a_burst_nothing_is_lost_or_doubled(self, world: World, effect: int) -> None:
        await schedules(world, 10)
        world.start()
        world.fuse.burn(effect, before=False)
        await world.passes(seconds=10)
        await world.die()
        world.fuse.renew()
        world.start()
        await world.passes(seconds=10)
        names = {task.metadata.name for task in world.api.all(Task)}
        expected = {naming.task_name(each.metadata.name, each.metadata.uid, 1) for each in world.api.all(TaskSchedule)}
        assert names == expected
        assert len(set(world.broker.ids(Topic.TASK_EVENTS))) == 10


async def test_many_schedules_of_one_user_do_not_delay_anothers_reminder(world: World) -> None:
    """`tests/unit/task_operator/test_queue.py` has ten thousand; here are the real passes."""
    await world.task(one_off(userId="bob", reminders=[{"at": instant_text(MONDAY_SEVEN + timedelta(minutes=1))}]))
    world.start(workers=8)
    await world.passes(seconds=59)
    world.api.latency = 0.5
    (bob,) = world.api.all(Task)
    await schedules(world, 60, userId="ada")
    world.ring_at(MONDAY_SEVEN + timedelta(minutes=1), bob.metadata.uid)
    await world.passes(seconds=4)
    (reminder,) = world.broker.topics[Topic.REMINDERS]
    assert reminder["data"]["late_by"] == 0
    assert len(world.api.all(Task)) < 50, "the others were still at it"


def lateness(name: str) -> tuple[float, float]:
    return tuple(REGISTRY.get_sample_value(f"{name}_{part}") or 0 for part in ("sum", "count"))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("closes", "late"),
    [
        pytest.param(lambda world: None, 0, id="the first: since its schedule was created"),
        pytest.param(
            lambda world: world.api.edit(Task, world.api.all(Task)[0].metadata.name, {"spec": {"state": "Completed"}}),
            15,
            id="another: since its predecessor was closed, here until the operator advanced it itself",
        ),
    ],
)
async def test_how_late_a_task_is_created(world: World, closes: Callable[[World], object], late: float) -> None:
    await world.schedule(STANDUP)
    before = lateness("taskbell_task_creation_lateness_seconds")
    world.start()
    await world.passes()
    if late:
        before = lateness("taskbell_task_creation_lateness_seconds")
        closes(world)
        await world.passes(seconds=60)
    after = lateness("taskbell_task_creation_lateness_seconds")
    assert after[1] - before[1] == 1
    assert after[0] - before[0] == pytest.approx(late, abs=0.1)


async def test_a_task_created_late_for_another_reason_does_not_count(world: World) -> None:
    await world.schedule(schedule(suspend=True))
    world.start()
    await world.passes(seconds=600)
    before = lateness("taskbell_task_creation_lateness_seconds")
    world.api.edit(TaskSchedule, "standup", {"spec": {"suspend": False}})
    await world.passes()
    assert len(world.api.all(Task)) == 1
    assert lateness("taskbell_task_creation_lateness_seconds") == before


async def test_the_whole_story_is_told_in_kubernetes_events(world: World) -> None:
    await world.task(one_off(reminders=[{"at": instant_text(MONDAY_SEVEN + timedelta(minutes=1))}]))
    await world.schedule(STANDUP)
    world.start()
    await world.passes(seconds=90)
    (first,) = (task for task in world.api.all(Task) if task.spec.occurrence)
    world.api.edit(Task, first.metadata.name, {"spec": {"state": "Completed"}})
    world.api.edit(Task, "buy-milk", {"spec": {"state": "Skipped"}})
    await world.passes(seconds=30)
    world.api.edit(TaskSchedule, "standup", {"spec": {"suspend": True, "endsAt": instant_text(MONDAY_SEVEN)}})
    await world.passes(seconds=30)
    assert world.kube_events.reasons("buy-milk") == ["Reminded", "Skipped"]
    assert world.kube_events.reasons(first.metadata.name) == ["Completed"]
    assert world.kube_events.reasons("standup") == [
        "TaskCreated",
        "TaskCompleted",
        "AdvancedByOperator",
        "TaskCreated",
        "OccurrenceCancelled",
        "Suspended",
        "Cancelled",
    ]
    (task,) = (task for task in world.api.all(Task) if task.metadata.name == "buy-milk")
    assert [each.state for each in task.status.reminders] == [ReminderState.PUBLISHED]
