from datetime import datetime, timedelta

import pytest

from consumers.notification import KEPT, GiveUp, Postpone, Send, Verdict, Worker, backoff
from consumers.testing import MemoryObjects
from runtime.apiserver import Unreachable
from store.database import Sessions
from store.ledger import DeliveryState
from store.models import DeliveryRow
from taskbell.resources import State, Task
from tests.unit.consumers.samples import NINE, TASK_UID, task

IN_TIME = NINE + timedelta(seconds=10)
LATE = NINE + timedelta(seconds=11)
OPEN = task(State.OPEN)
CANCELLED = GiveUp(DeliveryState.CANCELLED)


def row(attempts: int = 0) -> DeliveryRow:
    return DeliveryRow(
        namespace="default",
        task_name="standup-11111-17",
        task_uid=TASK_UID,
        remind_at=NINE,
        created_at=NINE,
        attempts=attempts,
    )


@pytest.mark.parametrize(
    ("stored", "now", "verdict"),
    [
        pytest.param(None, IN_TIME, Send(), id="a young reminder is believed unseen"),
        pytest.param(OPEN, LATE, Send(), id="a late one of an open Task is sent"),
        pytest.param(None, LATE, CANCELLED, id="a late one of a Task that is gone is cancelled"),
        pytest.param(task(State.COMPLETED), LATE, CANCELLED, id="a late one of a completed Task is cancelled"),
        pytest.param(task(State.SKIPPED), LATE, CANCELLED, id="a late one of a skipped Task is cancelled"),
        pytest.param(task(State.OPEN, uid="another"), LATE, CANCELLED, id="another Task has the name by now"),
        pytest.param(
            task(State.OPEN, deletionTimestamp="2026-11-23T09:00:00Z"), LATE, CANCELLED, id="the Task terminates"
        ),
        pytest.param(
            task(State.OPEN, annotations={"taskbell.dev/retired": "Undone"}), LATE, CANCELLED, id="the Task is retired"
        ),
    ],
)
async def test_a_delivery_is_judged(stored: Task | None, now: datetime, verdict: Verdict) -> None:
    objects = MemoryObjects()
    if stored:
        objects.put(stored)
    assert await judge(objects, row(), now) == verdict


async def judge(objects: MemoryObjects, delivery: DeliveryRow, now: datetime) -> Verdict:
    return await Worker(Sessions(), objects, clock=lambda: now)._judge(delivery, now)


def away() -> MemoryObjects:
    def fail(_verb: str) -> None:
        raise Unreachable("connection refused")

    return MemoryObjects(before=fail)


async def test_while_the_api_server_is_away_a_late_delivery_is_kept() -> None:
    assert await judge(away(), row(attempts=2), LATE) == Postpone(LATE + timedelta(seconds=20), "connection refused")


async def test_after_a_day_of_that_it_expires() -> None:
    assert await judge(away(), row(), NINE + KEPT + timedelta(seconds=1)) == GiveUp(DeliveryState.EXPIRED)


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 5), (1, 10), (5, 160), (8, 300), (10_000, 300)], ids=str)
def test_the_pause_doubles_up_to_five_minutes(attempts: int, seconds: int) -> None:
    assert backoff(attempts) == timedelta(seconds=seconds)
