from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from consumers.recurring import ATTEMPTS, Recurring
from consumers.subscriptions import Away, Received
from consumers.testing import MemoryObjects
from runtime.apiserver import ApiError, Conflict, Invalid, Overloaded, Unreachable
from taskbell.events import EventType, Reason, TaskEvent
from taskbell.resources import Cursor, Outcome, Phase, Resource, State, Task, TaskSchedule
from tests.unit.consumers.samples import A_DAY, NINE, at, event, schedule, task

DELETING: dict[str, Any] = {"deletionTimestamp": "2026-11-23T09:30:00Z"}
COMPLETED = event()
DELETED_BY_A_PERSON = event(EventType.DELETED, state=State.OPEN, reason=Reason.USER)


@dataclass
class Case:
    told: Received[TaskEvent]
    stored: tuple[Resource, ...]


def cursor_of(objects: MemoryObjects) -> Cursor | None:
    stored = objects.stored.get(("taskschedules", "standup"))
    return stored.status.cursor if isinstance(stored, TaskSchedule) else None


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(COMPLETED, (schedule(), task())), id="the Task is completed"),
        pytest.param(
            Case(event(EventType.UPDATED, state=State.SKIPPED), (schedule(), task(State.SKIPPED))),
            id="the Task is skipped",
        ),
        pytest.param(
            Case(event(EventType.UPDATED), (schedule(), task())), id="the label says updated, the state Completed"
        ),
        pytest.param(Case(COMPLETED, (schedule(),)), id="the completed Task is gone by now"),
        pytest.param(Case(DELETED_BY_A_PERSON, (schedule(),)), id="a person deleted the open Task"),
        pytest.param(
            Case(DELETED_BY_A_PERSON, (schedule(), task(State.OPEN, **DELETING))),
            id="a person deleted the open Task, and it still terminates",
        ),
        pytest.param(Case(COMPLETED, (schedule(cursor=None), task())), id="the schedule's status was lost"),
        pytest.param(Case(COMPLETED, (schedule(at(16)), task())), id="the cursor was not yet written for this Task"),
        pytest.param(Case(COMPLETED, (schedule(at(17, Phase.PENDING)), task())), id="the cursor still says Pending"),
        pytest.param(
            Case(COMPLETED, (schedule(at(17, Phase.CLOSED, Outcome.COMPLETED)), task())),
            id="the operator saw it closed first",
        ),
    ],
)
async def test_the_cursor_moves_to_the_next_occurrence(case: Case) -> None:
    objects = MemoryObjects()
    objects.put(*case.stored)
    assert await Recurring(objects).handle([case.told]) == []
    assert cursor_of(objects) == at(18, Phase.PENDING)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(event(EventType.CREATED, state=State.OPEN), (schedule(), task(State.OPEN))), id="it is open"),
        pytest.param(Case(COMPLETED, (schedule(), task(State.OPEN))), id="it was reopened meanwhile"),
        pytest.param(Case(COMPLETED, (schedule(), task(uid="another"))), id="another Task has its name"),
        pytest.param(Case(COMPLETED, (schedule(at(18)), task())), id="the cursor stands further on"),
        pytest.param(
            Case(COMPLETED, (schedule(at(17, Phase.CLOSED, Outcome.CANCELLED)), task())), id="it was cancelled"
        ),
        pytest.param(Case(COMPLETED, (schedule(uid="another"), task())), id="another schedule has the name"),
        pytest.param(Case(COMPLETED, (schedule(**DELETING), task())), id="the schedule terminates"),
        pytest.param(Case(event(occurrence=None), (schedule(), task())), id="it belongs to no schedule"),
        pytest.param(
            Case(event(EventType.DELETED, reason=Reason.UNDONE), (schedule(),)), id="the operator took it back"
        ),
        pytest.param(
            Case(event(EventType.DELETED, reason=Reason.SCHEDULE_DELETED), (schedule(),)),
            id="it was deleted with its schedule",
        ),
    ],
)
async def test_nothing_is_written_when(case: Case) -> None:
    objects = MemoryObjects()
    objects.put(*case.stored)
    before = dict(objects.stored)
    assert await Recurring(objects).handle([case.told]) == []
    assert objects.stored == before


async def test_nothing_happens_when_the_schedule_is_gone() -> None:
    assert await Recurring(MemoryObjects()).handle([COMPLETED]) == []


async def test_an_event_that_comes_again_moves_nothing_more() -> None:
    objects = MemoryObjects()
    objects.put(schedule(), task())
    recurring = Recurring(objects)
    await recurring.handle([COMPLETED, COMPLETED])
    await recurring.handle([COMPLETED])
    assert cursor_of(objects) == at(18, Phase.PENDING)


async def test_a_late_completion_skips_the_occurrences_it_missed() -> None:
    late = COMPLETED.data.task_data.model_copy(update={"closed_at": NINE + 3 * A_DAY})
    told = Received(
        COMPLETED.source,
        COMPLETED.id,
        COMPLETED.topic,
        COMPLETED.envelope,
        COMPLETED.data.model_copy(update={"task_data": late}),
    )
    objects = MemoryObjects()
    objects.put(schedule(), task())
    await Recurring(objects).handle([told])
    moved = cursor_of(objects)
    assert moved is not None
    assert (moved.sequence, moved.at) == (18, NINE + 4 * A_DAY)


async def test_after_a_conflict_it_looks_again() -> None:
    objects = MemoryObjects()
    objects.put(schedule(), task())

    def reopened_meanwhile(verb: str) -> None:
        if verb == "put_status":
            objects.put(task(State.OPEN))
            objects.before = lambda _verb: None
            raise Conflict(409, "Conflict", "the object has been modified")

    objects.before = reopened_meanwhile
    await Recurring(objects).handle([COMPLETED])
    assert cursor_of(objects) == at(17)


def always(error: Exception) -> Callable[[str], None]:
    def fail(_verb: str) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unreachable("connection refused"), id="the API server is away"),
        pytest.param(Overloaded(429, "TooManyRequests", "slow down"), id="the API server is overloaded"),
        pytest.param(ApiError(403, "Forbidden", "no"), id="the role is not there yet"),
        pytest.param(Conflict(409, "Conflict", "modified"), id=f"{ATTEMPTS} conflicts come in a row"),
    ],
)
async def test_the_batch_is_put_off_while(error: Exception) -> None:
    objects = MemoryObjects(before=always(error))
    with pytest.raises(Away):
        await Recurring(objects).handle([COMPLETED])


async def test_one_that_fails_lets_the_others_of_its_batch_finish() -> None:
    objects = MemoryObjects()
    objects.put(schedule(), task())
    broken = COMPLETED.data.model_copy(update={"namespace": "elsewhere"})
    failing = Received(COMPLETED.source, "2", COMPLETED.topic, COMPLETED.envelope, broken)
    calls = 0

    def fail_once(_verb: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Unreachable("connection reset")

    objects.before = fail_once
    with pytest.raises(Away):
        await Recurring(objects).handle([failing, COMPLETED])
    assert cursor_of(objects) == at(18, Phase.PENDING)


async def test_a_cursor_the_api_server_calls_invalid_is_refused() -> None:
    objects = MemoryObjects()
    objects.put(schedule(), task())

    def invalid(verb: str) -> None:
        if verb == "put_status":
            raise Invalid(422, "Invalid", "status.cursor.sequence: too large")

    objects.before = invalid
    refused = await Recurring(objects).handle([COMPLETED])
    assert [event.envelope for event in refused] == [COMPLETED.envelope]


async def test_an_object_of_a_newer_version_is_left_to_the_operator() -> None:
    objects = MemoryObjects()
    objects.put(schedule(), task())

    def unreadable(_verb: str) -> None:
        Task.model_validate({})

    objects.before = unreadable
    assert await Recurring(objects).handle([COMPLETED]) == []
