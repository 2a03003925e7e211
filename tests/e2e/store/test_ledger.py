import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from consumers import audit, notification, storing
from consumers.notification import Worker
from consumers.subscriptions import Handler, Received
from consumers.testing import MemoryObjects
from runtime.apiserver import Unreachable
from store import ledger
from store.database import Sessions
from store.ledger import DeliveryState
from store.models import AuditRow, DeliveryRow, InboxRow
from taskbell.events import EventType, ReminderEvent, TaskEvent, Topic
from tests.e2e.store.samples import NINE, reminded, told

NUL = "a\x00b"
"""PostgreSQL stores it neither in a text nor in a jsonb."""
FAR = timedelta(days=365)


def received(data: TaskEvent, event_id: str) -> Received[TaskEvent]:
    body = {"source": "taskbell/test", "id": event_id, "data": data.model_dump(mode="json")}
    return Received("taskbell/test", event_id, Topic.TASK_EVENTS, body, data)


def reminder(number: int, now: datetime) -> Received[ReminderEvent]:
    data = reminded("PT15M", now, 1, uid=f"u{number}")
    return Received("taskbell/test", f"r{number}", Topic.REMINDERS, {}, data)


def auditor(sessions: Sessions) -> Handler[TaskEvent]:
    return storing.handler(sessions, audit.write)


def recorded(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(AuditRow.event_id).order_by(AuditRow.id)))


async def test_every_event_is_audited_once_and_whole(sessions: Sessions) -> None:
    handle = auditor(sessions)
    first, second = received(told(1, EventType.CREATED), "u1:created"), received(told(2), "u1:updated:2")
    for batch in ([first], [first, second, second], [second, first]):
        assert await handle(batch) == []
    assert recorded(sessions) == ["u1:created", "u1:updated:2"]
    with sessions() as session:
        row = session.scalars(select(AuditRow).where(AuditRow.event_id == "u1:updated:2")).one()
    assert row.event == second.envelope
    assert (row.event_type, row.name, row.object_uid, row.user_id) == ("updated", "dentist", "u1", "demo")


async def test_an_event_that_cannot_be_stored_is_refused_and_the_others_are_stored(sessions: Sessions) -> None:
    handle = auditor(sessions)
    bad = received(told(1, title=NUL), "bad")
    batch = [received(told(1), "1"), bad, received(told(2), "2")]
    assert [refused.envelope for refused in await handle(batch)] == [bad.envelope]
    assert recorded(sessions) == ["1", "2"]


async def enqueue(sessions: Sessions, count: int, remind_at: datetime) -> datetime:
    """Pending deliveries; an instant at which they are due by the database's clock and young by `remind_at`."""
    await storing.handler(sessions, notification.write)([reminder(number, remind_at) for number in range(count)])
    with sessions() as session:
        return session.scalars(select(func.now())).one()


def states(sessions: Sessions) -> dict[str, int]:
    with sessions() as session:
        counted = select(DeliveryRow.state, func.count()).group_by(DeliveryRow.state)
        return {row[0]: row[1] for row in session.execute(counted)}


def inbox(sessions: Sessions) -> list[str]:
    with sessions() as session:
        sent = select(DeliveryRow.event_id).join(InboxRow, InboxRow.delivery_id == DeliveryRow.id)
        return sorted(session.scalars(sent))


def worker(sessions: Sessions, now: datetime, objects: MemoryObjects | None = None) -> Worker:
    return Worker(sessions, objects or MemoryObjects(), clock=lambda: now)


async def test_two_workers_at_once_deliver_every_reminder_once(sessions: Sessions) -> None:
    now = await enqueue(sessions, 120, remind_at=NINE + FAR)
    workers = [worker(sessions, now) for _ in range(2)]
    while any(await asyncio.gather(*(each.deliver(now) for each in workers))):
        pass
    assert states(sessions) == {"sent": 120}
    assert inbox(sessions) == sorted(f"r{number}" for number in range(120))


async def test_a_reminder_told_twice_is_delivered_once(sessions: Sessions) -> None:
    await enqueue(sessions, 1, NINE + FAR)
    now = await enqueue(sessions, 1, NINE + FAR)
    assert [await worker(sessions, now).deliver(now) for _ in range(2)] == [1, 0]
    assert inbox(sessions) == ["r0"]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["get", "deliver_to_inbox", "commit"])
async def test_a_worker_killed_anywhere_before_its_commit_leaves_the_delivery_to_the_next(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    now = await enqueue(sessions, 1, NINE - FAR if step == "get" else NINE + FAR)
    objects = MemoryObjects(before=killed) if step == "get" else MemoryObjects()
    with monkeypatch.context() as patch:
        if step == "deliver_to_inbox":
            patch.setattr(ledger, "deliver_to_inbox", killed)
        if step == "commit":
            patch.setattr("sqlalchemy.orm.Session.commit", killed)
        with pytest.raises(Killed):
            await worker(sessions, now, objects).deliver(now)
    assert states(sessions) == {"pending": 1}
    assert await worker(sessions, now).deliver(now) == 1
    assert states(sessions) == ({"cancelled": 1} if step == "get" else {"sent": 1})


def killed(*_: object) -> None:
    raise Killed


def unreachable(_verb: str) -> None:
    raise Unreachable("connection refused")


async def test_what_cannot_be_checked_is_kept_and_tried_again_later(sessions: Sessions) -> None:
    now = await enqueue(sessions, 1, NINE - FAR)
    away = worker(sessions, now, MemoryObjects(before=unreachable))
    assert [await away.deliver(now), await away.deliver(now)] == [1, 0]
    with sessions() as session:
        row = session.scalars(select(DeliveryRow)).one()
        upcoming = ledger.next_attempt(session)
    assert (row.state, row.attempts, row.last_error) == (DeliveryState.PENDING, 1, "connection refused")
    assert upcoming == now + timedelta(seconds=5)
    assert await worker(sessions, now).deliver(now + timedelta(seconds=5)) == 1
    assert states(sessions) == {"cancelled": 1}


async def test_a_running_worker_is_woken_by_new_rows_and_stops(sessions: Sessions) -> None:
    with sessions() as session:
        now = session.scalars(select(func.now())).one() + timedelta(minutes=1)
    running = worker(sessions, now)
    task = asyncio.create_task(running.run())
    await enqueue(sessions, 1, NINE + FAR)
    running.wake()
    await until(lambda: states(sessions) == {"sent": 1})
    running.stop()
    await task


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 the database gives no sign
            await asyncio.sleep(0.01)
