from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from runtime.apiserver import Forbidden, Invalid, NotFound, Overloaded, Unreachable
from task_operator.cache import Key, key_of
from task_operator.testing import NAMESPACE, World
from taskbell import naming
from taskbell.events import Topic
from taskbell.lifecycle.testing import MONDAY_SEVEN, one_off, schedule
from taskbell.resources import (
    Condition,
    Outcome,
    Phase,
    ReminderState,
    Resource,
    State,
    Task,
    TaskSchedule,
    TaskSpec,
    instant_text,
)

STANDUP = schedule(task={"title": "Team standup", "reminders": [{"before": "PT15M"}]})
AT_EIGHT = MONDAY_SEVEN + timedelta(hours=1)
MILK = one_off(dueAt=instant_text(AT_EIGHT), reminders=[{"before": "PT30M"}])
AN_HOUR = 3600.0


def standup(world: World) -> TaskSchedule:
    return world.api.all(TaskSchedule)[0]


def tasks(world: World) -> dict[int, Task]:
    return {task.spec.occurrence.sequence: task for task in world.api.all(Task) if task.spec.occurrence}


def name_of(owner: TaskSchedule, sequence: int) -> str:
    return naming.task_name(owner.metadata.name, owner.metadata.uid, sequence)


def condition(of: TaskSchedule | Task, type_: str) -> Condition | None:
    return next((each for each in of.status.conditions if each.type == type_), None)


def ours(owner: TaskSchedule) -> dict[str, Any]:
    """What the operator itself would create as the first Task's metadata."""
    reference = {"kind": "TaskSchedule", "name": owner.metadata.name, "uid": owner.metadata.uid, "controller": True}
    return {"name": name_of(owner, 1), "finalizers": [naming.FINALIZER], "ownerReferences": [reference]}


def occurrence_spec(title: str = "Team standup") -> TaskSpec:
    occurrence = {"schedule": "standup", "sequence": 1, "local": "2026-11-23T09:00", "at": instant_text(AT_EIGHT)}
    return TaskSpec.model_validate({"userId": "ada", "title": title, "occurrence": occurrence})


def once(verb: str, happens: Callable[[], object]) -> Callable[[str, str], None]:
    """For `MemoryApiServer.before`: something happens just before the first call with that verb."""
    left = [happens]

    def before(called: str, _: str) -> None:
        if called == verb and left:
            left.pop()()

    return before


def not_served(verb: str, name: str) -> None:
    """As the API server answers while a CRD is being established."""
    raise NotFound(404, "", f"404 page not found: {verb} {name}")


def raising(error: Exception) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


async def test_a_new_schedule_gets_its_first_task_and_all_is_told(world: World) -> None:
    created = await world.schedule(STANDUP)
    world.start()
    await world.passes()
    (task,) = tasks(world).values()
    assert task.metadata.name == name_of(created, 1)
    assert task.metadata.controller is not None
    assert (task.metadata.controller.uid, task.spec.due_at) == (created.metadata.uid, AT_EIGHT)
    labels = world.api.body(Task, task.metadata.name)["metadata"]["labels"]
    assert labels[naming.USER_LABEL] == naming.user_label("ada")
    assert labels[naming.SCHEDULE_UID_LABEL] == created.metadata.uid
    cursor = standup(world).status.cursor
    assert cursor is not None
    assert (cursor.sequence, cursor.phase) == (1, Phase.OPEN)
    assert world.broker.ids(Topic.SCHEDULE_EVENTS) == [f"{created.metadata.uid}:created"]
    assert world.broker.ids(Topic.TASK_EVENTS) == [f"{task.metadata.uid}:created"]
    assert world.scheduler.alarms == {task.metadata.uid: AT_EIGHT - timedelta(minutes=15)}


async def test_looked_at_again_nothing_is_left_to_do(world: World) -> None:
    await world.schedule(STANDUP)
    await world.task(MILK)
    world.start()
    await world.passes()
    effects = world.fuse.effects
    for key in world.cache.known():
        world.queue.add(key)
    await world.passes()
    assert world.fuse.effects == effects
    assert not world.publisher._receipts, "all that was accepted is noted"


async def test_after_a_restart_nothing_is_made_or_told_twice(world: World) -> None:
    await world.schedule(STANDUP)
    world.start()
    await world.passes()
    before = (world.api.all(Task), world.api.all(TaskSchedule), dict(world.broker.topics), world.scheduler.alarms)
    await world.die()
    world.start()
    await world.passes()
    assert (world.api.all(Task), world.api.all(TaskSchedule), world.broker.topics, world.scheduler.alarms) == before


async def test_a_reminder_that_no_alarm_rings_for_is_told_two_seconds_later_and_noted(world: World) -> None:
    await world.task(MILK)
    world.start()
    await world.passes(seconds=AN_HOUR / 2 + 3)
    (reminder,) = world.broker.topics[Topic.REMINDERS]
    assert reminder["data"]["late_by"] == 2
    (task,) = world.api.all(Task)
    assert [each.state for each in task.status.reminders] == [ReminderState.PUBLISHED]
    assert world.scheduler.alarms == {}


async def test_a_ring_has_the_reminder_told_on_time(world: World) -> None:
    task = await world.task(MILK)
    world.start()
    await world.passes(seconds=AN_HOUR / 2)
    world.ring(task.metadata.uid)
    await world.passes(seconds=0.5)
    (reminder,) = world.broker.topics[Topic.REMINDERS]
    assert reminder["data"]["late_by"] == 0


async def test_a_ring_a_little_too_early_is_no_delay(world: World) -> None:
    task = await world.task(MILK)
    world.start()
    missed = REGISTRY.get_sample_value("taskbell_alarms_missed_total")
    await world.passes(seconds=AN_HOUR / 2 - 3)
    world.ring(task.metadata.uid)
    await world.passes(seconds=3.1)
    (reminder,) = world.broker.topics[Topic.REMINDERS]
    assert reminder["data"]["late_by"] == 0
    assert REGISTRY.get_sample_value("taskbell_alarms_missed_total") == missed


async def test_an_alarm_clock_that_lost_everything_is_armed_again(world: World) -> None:
    task = await world.task(one_off(reminders=[{"at": instant_text(MONDAY_SEVEN + timedelta(days=1))}]))
    for minute in range(3):
        at = instant_text(MONDAY_SEVEN + timedelta(minutes=minute + 1))
        other = one_off(reminders=[{"at": at}])
        await world.api.create(Task, NAMESPACE, {"name": f"other-{minute}"}, other.spec)
    world.start()
    await world.passes()
    world.scheduler.alarms.clear()
    await world.passes(seconds=300)
    assert set(world.scheduler.alarms) == {task.metadata.uid}


class TestNameIsThereAlready:
    async def test_a_task_that_is_ours_is_taken_for_made(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        world.start()
        made = await world.api.create(Task, NAMESPACE, ours(created), occurrence_spec())
        world.api.watch = lambda *_: None  # the cache does not know of it
        await world.passes()
        (task,) = world.api.all(Task)
        assert task.metadata.uid == made.metadata.uid
        cursor = standup(world).status.cursor
        assert cursor is not None
        assert cursor.phase is Phase.OPEN

    async def test_a_stranger_of_that_name_stalls_the_schedule_and_is_left_alone(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        foreign = {"name": name_of(created, 1)}
        await world.api.create(Task, NAMESPACE, foreign, one_off().spec)
        world.start()
        await world.passes()
        stalled = condition(standup(world), "Stalled")
        assert stalled is not None
        assert stalled.reason == "NameTaken"
        assert standup(world).status.cursor is None
        (task,) = world.api.all(Task)
        assert task.metadata.controller is None
        assert task.spec == one_off().spec
        await world.api.delete(Task, task.metadata)
        await world.passes(seconds=61)
        (task,) = world.api.all(Task)
        assert task.metadata.controller is not None, "once it is gone the schedule takes its name"

    async def test_one_on_its_way_out_is_waited_for_and_made_anew(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        leaving = ours(created) | {
            "finalizers": ["example.com/backup"],
            "annotations": {naming.RETIRED_ANNOTATION: "Undone"},
        }
        world.start()
        watch = world.api.watch
        world.lose_the_watch()  # the cache does not know of it
        old = await world.api.create(Task, NAMESPACE, leaving, occurrence_spec())
        world.api.remove(Task, old.metadata.name)
        await world.passes(seconds=10)
        assert [task.metadata.uid for task in world.api.all(Task)] == [old.metadata.uid]
        world.api.watch = watch
        world.api.edit(Task, old.metadata.name, {"metadata": {"finalizers": []}})
        await world.passes(seconds=10)
        (task,) = world.api.all(Task)
        assert task.metadata.uid != old.metadata.uid
        assert task.metadata.name == name_of(created, 1)
        assert not task.metadata.terminating


class TestFailures:
    async def test_on_a_conflict_the_object_is_read_afresh_and_looked_at_again(self, world: World) -> None:
        await world.schedule(STANDUP)
        world.start()
        world.lose_the_watch()  # only a read can tell
        edit = {"metadata": {"annotations": {"touched": "yes"}}}
        world.api.before = once("put_status", lambda: world.api.edit(TaskSchedule, "standup", edit))
        with capture_logs() as lines:
            await world.passes()
        assert standup(world).status.cursor is not None
        assert len(tasks(world)) == 1
        assert [line for line in lines if line["log_level"] in {"warning", "error"}] == [], "silently"

    async def test_an_object_that_is_not_there_any_more_is_forgotten(self, world: World) -> None:
        await world.task(MILK)
        world.start()
        world.api.before = once("put_status", lambda: world.api.vanish(Task, "buy-milk"))
        await world.passes()
        assert world.cache.known() == ()
        await world.passes(seconds=AN_HOUR)
        assert world.scheduler.alarms == {}
        assert not world.publisher._receipts
        assert not world.alarms._armed

    async def test_an_object_that_only_seemed_to_be_gone_is_served_again_once_it_is_seen(self, world: World) -> None:
        await world.task(MILK)
        world.start()
        world.api.before = not_served
        await world.passes(seconds=10)
        assert world.cache.known() == ()
        world.api.before = lambda *_: None
        world.api.edit(Task, "buy-milk", {"metadata": {"annotations": {"looked": "at"}}})
        await world.passes()
        assert len(world.broker.ids(Topic.TASK_EVENTS)) == 1

    async def test_a_task_of_a_series_that_becomes_all_day_has_its_date_in_place_of_its_time(
        self, world: World
    ) -> None:
        await world.schedule(schedule(start="2026-11-23T18:00"))
        world.start()
        await world.passes()
        world.api.edit(TaskSchedule, "standup", {"spec": {"start": "2026-11-23"}})
        await world.passes()
        (task,) = tasks(world).values()
        assert (task.spec.due_at, task.spec.due_on) == (None, date(2026, 11, 23))
        cursor = standup(world).status.cursor
        assert cursor is not None
        assert (cursor.on, cursor.at) == (date(2026, 11, 23), datetime(2026, 11, 22, 23, tzinfo=UTC))

    async def test_a_child_that_has_vanished_unseen_does_not_stop_its_schedule(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        world.start()
        await world.passes()
        world.lose_the_watch()
        world.api.vanish(Task, name_of(created, 1))
        renamed = world.api.edit(TaskSchedule, "standup", {"spec": {"task": {"title": "Daily"}}})
        world.reconciler.seen(renamed)
        await world.passes(seconds=5)
        cursor = standup(world).status.cursor
        assert cursor is not None
        assert cursor.outcome is Outcome.DELETED

    @pytest.mark.parametrize("error", [Unreachable("away"), Overloaded(503, "ServiceUnavailable", "later")])
    async def test_an_api_server_that_is_away_is_asked_ever_less_often(self, world: World, error: Exception) -> None:
        await world.schedule(STANDUP)
        world.start()
        calls: list[str] = []

        def away(verb: str, _: str) -> None:
            calls.append(verb)
            raise error

        world.api.before = away
        await world.passes(seconds=AN_HOUR)
        assert 10 < len(calls) < 40
        world.api.before = lambda *_: None
        await world.passes(seconds=300)
        assert len(tasks(world)) == 1

    async def test_an_unexpected_failure_is_logged_with_its_cause_and_retried(self, world: World) -> None:
        await world.schedule(STANDUP)
        world.start()
        world.api.before = once("create", raising(KeyError("nobody thought of this")))
        with capture_logs() as lines:
            await world.passes()
        (line,) = [line for line in lines if line["log_level"] == "error"]
        assert (line["event"], line["exc_info"]) == ("pass failed", True)
        assert len(tasks(world)) == 1

    async def test_a_success_ends_the_back_off(self, world: World) -> None:
        await world.schedule(STANDUP)
        world.start()
        world.api.before = once("create", raising(Unreachable("away")))
        await world.passes()
        assert not world.queue._failures

    @pytest.mark.parametrize(
        "refusal",
        [
            Invalid(422, "Invalid", "spec.title: too rude"),
            Forbidden(403, "Forbidden", "exceeded quota: tasks"),
        ],
        ids=["a policy", "a quota"],
    )
    async def test_a_task_that_the_api_server_refuses_stalls_its_schedule_until_it_is_let_in(
        self, world: World, refusal: Exception
    ) -> None:
        await world.schedule(STANDUP)
        world.start()

        def refuse(verb: str, _: str) -> None:
            if verb == "create":
                raise refusal

        world.api.before = refuse
        await world.passes()
        stalled = condition(standup(world), "Stalled")
        assert stalled is not None
        assert stalled.reason == "TaskRefused"
        assert str(refusal) in stalled.message
        world.api.before = lambda *_: None
        await world.passes(seconds=61)
        assert len(tasks(world)) == 1
        assert condition(standup(world), "Stalled") is None

    async def test_in_a_namespace_that_goes_nothing_is_stalled_and_nothing_hurried(self, world: World) -> None:
        await world.schedule(STANDUP)
        world.start()
        creations: list[str] = []

        def going(verb: str, name: str) -> None:
            if verb == "create":
                creations.append(name)
                raise Forbidden(403, "Forbidden", "is being terminated", ({"reason": "NamespaceTerminating"},))

        world.api.before = going
        with capture_logs() as lines:
            await world.passes(seconds=119)
        assert len(creations) == 2
        assert condition(standup(world), "Stalled") is None
        assert [line for line in lines if line["log_level"] == "warning"] == []

    async def test_a_name_that_is_free_again_by_the_time_it_is_looked_at_is_taken(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        leaving = await world.api.create(Task, NAMESPACE, ours(created), occurrence_spec())
        world.start()
        world.reconciler.gone(key_of(leaving), leaving.metadata.uid)
        world.api.before = once("get", lambda: world.api.vanish(Task, leaving.metadata.name))
        await world.passes(seconds=3)
        (task,) = world.api.all(Task)
        assert task.metadata.uid != leaving.metadata.uid


FIELD_OF_NEXT_YEAR = {"spec": {"fieldOfNextYear": True}}


class TestTooNew:
    """What a newer version wrote gets a condition and is left alone."""

    def stalled(self, world: World, kind: type[Resource], name: str) -> dict[str, Any]:
        status = world.api.body(kind, name)["status"]
        return next((each for each in status["conditions"] if each["type"] == "Stalled"), {})

    async def test_a_task_is_stalled_with_the_reason_and_the_field(self, world: World) -> None:
        await world.task(MILK)
        world.start()
        await world.passes()
        before = world.api.body(Task, "buy-milk")["status"]
        world.api.write_newer(Task, "buy-milk", FIELD_OF_NEXT_YEAR)
        await world.passes()
        stalled = self.stalled(world, Task, "buy-milk")
        assert (stalled["status"], stalled["reason"], stalled["observedGeneration"]) == ("True", "NewerThanOperator", 2)
        assert "spec.fieldOfNextYear" in stalled["message"]
        after = world.api.body(Task, "buy-milk")["status"]
        assert {**after, "conditions": []} == {**before, "conditions": []}, "and nothing else is written"
        assert world.kube_events.reasons("buy-milk") == ["NewerThanOperator"]

    async def test_conditions_of_the_newer_version_stay(self, world: World) -> None:
        await world.task(MILK)
        strange = {"type": "OfNextYear", "status": "Perhaps", "more": 1}
        world.api.write_newer(Task, "buy-milk", FIELD_OF_NEXT_YEAR)
        world.api.write_newer_status(Task, "buy-milk", {"conditions": [strange], "fieldOfNextYear": 7})
        world.start()
        await world.passes()
        status = world.api.body(Task, "buy-milk")["status"]
        assert status["fieldOfNextYear"] == 7
        assert strange in status["conditions"]
        assert self.stalled(world, Task, "buy-milk")

    async def test_it_is_stalled_once_and_then_nothing_is_done_for_it(self, world: World) -> None:
        await world.task(MILK)
        world.start()
        await world.passes()
        world.api.write_newer(Task, "buy-milk", FIELD_OF_NEXT_YEAR)
        await world.passes()
        effects = world.fuse.effects
        await world.passes(seconds=2 * AN_HOUR)
        assert world.fuse.effects == effects
        assert world.broker.ids(Topic.REMINDERS) == []

    async def test_what_was_waiting_to_be_told_is_not_told(self, world: World) -> None:
        await world.task(MILK)
        world.broker.away = True
        world.start()
        await world.passes()
        world.api.write_newer(Task, "buy-milk", FIELD_OF_NEXT_YEAR)
        await world.passes()
        world.broker.away = False
        await world.passes(seconds=60)
        assert world.broker.ids(Topic.TASK_EVENTS) == []

    async def test_its_schedule_does_not_take_it_for_gone(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        world.start()
        await world.passes()
        world.api.write_newer(Task, name_of(created, 1), FIELD_OF_NEXT_YEAR)
        await world.passes(seconds=60)
        assert len(world.api.bodies(Task)) == 1
        cursor = standup(world).status.cursor
        assert cursor is not None
        assert cursor.phase is Phase.OPEN
        stalled = condition(standup(world), "Stalled")
        assert stalled is not None
        assert stalled.reason == "NewerThanOperator"
        assert name_of(created, 1) in stalled.message
        effects = world.fuse.effects
        await world.passes(seconds=2 * AN_HOUR)
        assert world.fuse.effects == effects, "said once"

    async def test_mended_everything_goes_on(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        world.start()
        await world.passes()
        world.api.write_newer(Task, name_of(created, 1), FIELD_OF_NEXT_YEAR)
        await world.passes()
        world.api.edit(Task, name_of(created, 1), {"spec": {"fieldOfNextYear": None, "state": "Completed"}})
        await world.passes(seconds=20)
        assert set(tasks(world)) == {1, 2}
        assert condition(standup(world), "Stalled") is None
        assert condition(tasks(world)[1], "Stalled") is None

    async def test_its_deletion_waits_for_a_schedule_that_cannot_be_read(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        world.start()
        await world.passes()
        world.api.write_newer(TaskSchedule, "standup", FIELD_OF_NEXT_YEAR)
        await world.passes()
        world.api.remove(Task, name_of(created, 1))
        await world.passes(seconds=60)
        assert len(world.api.all(Task)) == 1, "whether it skips the occurrence is the schedule's to say"
        world.api.write_newer(TaskSchedule, "standup", {"spec": {"fieldOfNextYear": None}})
        await world.passes(seconds=20)
        assert set(tasks(world)) == {2}

    async def test_a_schedule_that_is_being_deleted_goes_whatever_its_tasks_are(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        world.start()
        await world.passes()
        world.api.write_newer(Task, name_of(created, 1), FIELD_OF_NEXT_YEAR)
        world.api.remove(TaskSchedule, "standup")
        await world.passes()
        assert world.api.all(TaskSchedule) == []

    async def test_a_foreign_one_that_has_the_name_of_the_next_task_is_named(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        await world.api.create(Task, NAMESPACE, {"name": name_of(created, 1)}, one_off().spec)
        world.api.write_newer(Task, name_of(created, 1), FIELD_OF_NEXT_YEAR)
        world.start()
        await world.passes()
        stalled = condition(standup(world), "Stalled")
        assert stalled is not None
        assert stalled.reason == "NameTaken"


class TestDeletion:
    async def test_a_deleted_task_goes_once_that_is_told_and_leaves_nothing_in_memory(self, world: World) -> None:
        task = await world.task(MILK)
        world.start()
        await world.passes()
        world.api.remove(Task, "buy-milk")
        await world.passes()
        assert world.api.all(Task) == []
        uid = task.metadata.uid
        assert world.broker.ids(Topic.TASK_EVENTS) == [f"{uid}:created", f"{uid}:deleted"]
        assert world.cache.known() == ()
        assert world.scheduler.alarms == {}
        assert (world.publisher._receipts, world.alarms._armed, world.wakeups._at) == ({}, {}, {})

    async def test_with_the_broker_away_what_goes_with_its_namespace_goes_soon(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        await world.task(MILK)
        world.start()
        await world.passes()
        world.broker.away = True
        world.api.remove(Task, "buy-milk")
        await world.passes(seconds=60)
        world.api.ending_namespaces.add(NAMESPACE)
        world.api.remove(TaskSchedule, "standup")
        world.api.remove(Task, name_of(created, 1))
        await world.passes(seconds=15)
        assert [task.metadata.name for task in world.api.all(Task)] == ["buy-milk"]
        assert world.api.all(TaskSchedule) == []
        await world.passes(seconds=600)
        assert world.api.all(Task) == []

    async def test_once_it_is_let_go_no_watch_event_is_needed_to_forget_it(self, world: World) -> None:
        await world.task(MILK)
        world.start()
        await world.passes()
        world.lose_the_watch()
        world.api.remove(Task, "buy-milk")
        world.reconciler.seen(world.api.all(Task)[0])
        await world.passes()
        assert world.cache.known() == ()
        assert not world.publisher._receipts

    async def test_a_deletion_is_held_until_it_is_told_but_not_for_ever(self, world: World) -> None:
        await world.task(MILK)
        world.start()
        await world.passes()
        world.broker.away = True
        world.api.remove(Task, "buy-milk")
        await world.passes(seconds=595)
        assert len(world.api.all(Task)) == 1
        await world.passes(seconds=10)
        assert world.api.all(Task) == []

    async def test_a_watch_event_that_comes_late_does_not_bring_it_back(self, world: World) -> None:
        await world.task(MILK)
        world.start()
        await world.passes()
        world.api.remove(Task, "buy-milk")
        (leaving,) = world.api.all(Task)
        await world.passes()
        world.reconciler.seen(leaving)
        assert world.cache.known() == ()

    async def test_with_a_watch_that_lags_nothing_is_told_twice(self, world: World) -> None:
        await world.task(MILK)
        world.api.lag = 3
        world.start()
        await world.passes(seconds=30)
        world.api.remove(Task, "buy-milk")
        await world.passes(seconds=30)
        assert world.cache.known() == ()
        ids = [event_id for batch in world.broker.batches for event_id in batch]
        assert len(ids) == len(set(ids)) == 2

    async def test_an_occurrence_is_held_until_the_stored_cursor_knows_it(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        name = name_of(created, 1)

        def cannot_write_the_cursor(verb: str, called: str) -> None:
            if (verb, called) == ("put_status", "standup"):
                raise Unreachable("away")

        world.api.before = cannot_write_the_cursor
        world.start()
        await world.passes()
        world.api.remove(Task, name)
        await world.passes(seconds=60)
        assert 1 in tasks(world)
        world.api.before = lambda *_: None
        await world.passes(seconds=120)
        assert set(tasks(world)) == {2}, "the deleted one has gone, its successor has come"

    async def test_another_object_under_the_name_ends_what_was_known_of_the_first(self, world: World) -> None:
        old = await world.task(MILK)
        world.start()
        await world.passes()
        world.lose_the_watch()
        world.api.vanish(Task, "buy-milk")
        new = await world.task(one_off())
        world.reconciler.seen(new)
        await world.passes()
        assert world.alarms.armed(old.metadata.uid) is None
        assert world.scheduler.alarms == {}
        assert not world.wakeups._at


class TestOutsideIsAway:
    async def test_while_the_broker_hangs_tasks_appear_all_the_same(self, world: World) -> None:
        world.broker.answers.clear()
        await world.schedule(STANDUP)
        world.start(workers=1)
        await world.passes()
        assert len(tasks(world)) == 1

    async def test_with_the_broker_away_the_operator_advances_at_once(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        world.start()
        await world.passes()
        world.broker.away = True
        world.api.edit(Task, name_of(created, 1), {"spec": {"state": "Completed"}})
        await world.passes(seconds=2)
        assert set(tasks(world)) == {1, 2}

    async def test_else_the_recurring_consumer_has_fifteen_seconds(self, world: World) -> None:
        created = await world.schedule(STANDUP)
        world.start()
        await world.passes()
        world.api.edit(Task, name_of(created, 1), {"spec": {"state": "Completed"}})
        await world.passes(seconds=14)
        assert set(tasks(world)) == {1}
        await world.passes(seconds=2)
        assert set(tasks(world)) == {1, 2}

    async def test_a_reminder_that_has_expired_is_counted_and_not_told_when_the_broker_is_back(
        self, world: World
    ) -> None:
        counted = REGISTRY.get_sample_value("taskbell_reminders_expired_total") or 0
        await world.task(MILK)
        world.start()
        await world.passes()
        world.broker.away = True
        await world.passes(seconds=3 * AN_HOUR)
        world.api.edit(Task, "buy-milk", {"metadata": {"annotations": {"looked": "at"}}})
        await world.passes()
        world.broker.away = False
        await world.passes(seconds=60)
        (task,) = world.api.all(Task)
        assert [each.state for each in task.status.reminders] == [ReminderState.EXPIRED]
        assert REGISTRY.get_sample_value("taskbell_reminders_expired_total") == counted + 1
        assert world.broker.ids(Topic.REMINDERS) == []

    async def test_closed_and_reopened_while_the_scheduler_hangs_it_still_reminds(self, world: World) -> None:
        await world.task(MILK)
        world.start()
        await world.passes()
        world.scheduler.answers.clear()
        for state in (State.COMPLETED, State.OPEN):
            world.api.edit(Task, "buy-milk", {"spec": {"state": state}})
            await world.passes()
        world.scheduler.answers.set()
        await world.passes(seconds=AN_HOUR)
        assert len(world.broker.ids(Topic.REMINDERS)) == 1


async def lives_on(world: World, *, seconds: int) -> int:
    """Time goes by; killed, the operator is started again within a second. How often it was killed."""
    deaths = 0
    for _ in range(seconds):
        await world.passes()
        if world.fuse.blown.is_set():
            deaths += 1
            await world.die()
            world.fuse.renew()
            world.start()
    return deaths


@pytest.mark.parametrize("before", [True, False], ids=["before it", "before its answer"])
@pytest.mark.parametrize("effect", range(18))
async def test_killed_at_any_effect_the_series_goes_on_under_the_same_names(
    world: World, effect: int, before: bool
) -> None:
    created = await world.schedule(STANDUP)
    world.start()
    world.fuse.burn(effect, before=before)
    deaths = await lives_on(world, seconds=5)
    world.api.edit(Task, name_of(created, 1), {"spec": {"state": "Completed"}})
    deaths += await lives_on(world, seconds=30)
    assert deaths == 1
    assert {task.metadata.name for task in world.api.all(Task)} == {name_of(created, 1), name_of(created, 2)}
    first, second = tasks(world)[1], tasks(world)[2]
    assert first.status.closed_at is not None
    assert set(world.broker.ids(Topic.TASK_EVENTS)) == {
        f"{first.metadata.uid}:created",
        f"{first.metadata.uid}:completed:{instant_text(first.status.closed_at)}",
        f"{second.metadata.uid}:created",
    }
    assert set(world.broker.ids(Topic.SCHEDULE_EVENTS)) == {f"{created.metadata.uid}:created"}
    cursor = standup(world).status.cursor
    assert cursor is not None
    assert (cursor.sequence, cursor.phase) == (2, Phase.OPEN)
    assert second.metadata.uid in world.scheduler.alarms


@pytest.mark.parametrize("before", [True, False], ids=["before it", "before its answer"])
@pytest.mark.parametrize("effect", range(7))
async def test_killed_at_any_effect_a_deletion_is_told_and_ends(world: World, effect: int, before: bool) -> None:
    task = await world.task(MILK)
    world.start()
    world.fuse.burn(effect, before=before)
    deaths = await lives_on(world, seconds=5)
    world.api.remove(Task, "buy-milk")
    deaths += await lives_on(world, seconds=10)
    assert deaths == 1
    assert world.api.all(Task) == []
    assert world.cache.get(Key(Task, NAMESPACE, "buy-milk")) is None
    uid = task.metadata.uid
    told = list(dict.fromkeys(world.broker.ids(Topic.TASK_EVENTS)))
    assert told == [f"{uid}:created", f"{uid}:deleted"]
    assert key_of(task) not in world.cache.known()
