"""Reminders to people: an event becomes a delivery row, a worker sends what is pending.

Exactly once, whenever the process is killed:

    event received ─► row pending, commit ─► 200      killed before the 200: the event comes again, the row is there
    claim: rows locked ─► Task looked at ─► inbox row and `sent`, commit
                    killed before the commit: PostgreSQL drops the locks, the rows are pending, another worker claims
                    killed after it: the rows are sent, nobody claims them again
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from consumers import metrics
from consumers.recurring import Objects
from consumers.subscriptions import Received
from runtime import logs
from runtime.apiserver import ApiError, NotFound, Unreachable
from store import ledger
from store.database import Sessions, summary
from store.ledger import DeliveryState
from store.models import DeliveryRow
from taskbell.events import ReminderEvent
from taskbell.naming import RETIRED_ANNOTATION
from taskbell.resources import State, Task

log = logs.get(__name__)

BATCH = 50
LOOK_SECONDS = 3
"""The API server's time to answer: meanwhile the rows are locked, and younger reminders wait behind them."""
FRESH = timedelta(seconds=10)
"""A reminder this young is believed; after that the Task may have been closed, and is looked at."""
KEPT = timedelta(days=1)
"""What could not be sent for so long is no reminder any more. As long as the topic keeps its events."""
LONGEST_PAUSE = timedelta(seconds=30)
"""Rows that a killed worker had claimed become free without a sign."""
SHORTEST_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Send:
    """To the inbox."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """For ever: the Task is closed (`CANCELLED`), or it was tried for too long (`EXPIRED`)."""

    state: DeliveryState


@dataclass(frozen=True, slots=True)
class Postpone:
    """Nobody can say now whether the Task is still open."""

    until: datetime
    error: str


Verdict = Send | GiveUp | Postpone


def write(session: Session, events: Sequence[Received[ReminderEvent]]) -> None:
    """Makes a pending delivery of each reminder."""
    ledger.enqueue(session, [ledger.Notice(event.source, event.id, event.data) for event in events])


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 5 s, doubling, at most 5 minutes."""
    return min(timedelta(seconds=5 << min(attempts, 10)), timedelta(minutes=5))


def open_still(task: Task | None, uid: str) -> bool:
    """Whether there is something to remind of. A Task marked retired counts as absent (DESIGN section 4)."""
    return (
        task is not None
        and task.metadata.uid == uid
        and not task.metadata.terminating
        and RETIRED_ANNOTATION not in task.metadata.annotations
        and task.spec.state is State.OPEN
    )


class Worker:
    """Sends pending deliveries until it is stopped. Any number may work on one database."""

    def __init__(self, sessions: Sessions, objects: Objects, clock: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._objects = objects
        self._clock = clock
        self._signal = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """There may be new rows."""
        self._signal.set()

    def stop(self) -> None:
        """`run` ends after the transaction in hand."""
        self._stopping = True
        self._signal.set()

    async def run(self) -> None:
        while not self._stopping:
            self._signal.clear()
            pause = await self._work()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._signal.wait(), pause.total_seconds())

    async def deliver(self, now: datetime) -> int:
        """Claims deliveries that are due and settles them in one transaction; how many. Raises SQLAlchemyError."""
        with self._sessions() as session:
            rows = await asyncio.to_thread(ledger.claim, session, now, BATCH)
            verdicts = await asyncio.gather(*(self._judge(row, now) for row in rows))
            decided = list(zip(rows, verdicts, strict=True))
            await asyncio.to_thread(_settle, session, decided, now)
        for row, verdict in decided:
            _account(row, verdict, now)
        return len(decided)

    async def _work(self) -> timedelta:
        """Delivers until nothing is due; how long to rest."""
        try:
            while not self._stopping and await self.deliver(self._clock()) == BATCH:
                pass
            upcoming = await asyncio.to_thread(self._upcoming)
        except SQLAlchemyError as error:
            log.warning("deliveries put off", action="retry", error=summary(error))
            return SHORTEST_PAUSE
        if upcoming is None:
            return LONGEST_PAUSE
        # One that is due and was not claimed is in another worker's hands: no reason to spin.
        return min(max(upcoming - self._clock(), SHORTEST_PAUSE), LONGEST_PAUSE)

    def _upcoming(self) -> datetime | None:
        with self._sessions() as session:
            return ledger.next_attempt(session)

    async def _judge(self, row: DeliveryRow, now: datetime) -> Verdict:
        if now - row.remind_at <= FRESH:
            return Send()
        try:
            task = await self._objects.get(Task, row.namespace, row.task_name)
        except NotFound:
            task = None
        except (ApiError, Unreachable, ValidationError) as error:
            if now - row.created_at > KEPT:
                return GiveUp(DeliveryState.EXPIRED)
            return Postpone(now + backoff(row.attempts), str(error))
        return Send() if open_still(task, row.task_uid) else GiveUp(DeliveryState.CANCELLED)


def _settle(session: Session, decided: Sequence[tuple[DeliveryRow, Verdict]], now: datetime) -> None:
    ledger.deliver_to_inbox(session, [row.id for row, verdict in decided if isinstance(verdict, Send)], now)
    for row, verdict in decided:
        match verdict:
            case Send():
                pass
            case GiveUp(state):
                ledger.give_up(session, [row.id], state)
            case Postpone(until, error):
                ledger.postpone(session, row.id, until, error)
            case _:
                assert_never(verdict)
    session.commit()


def _account(row: DeliveryRow, verdict: Verdict, now: datetime) -> None:
    """Counts and logs what has been committed."""
    match verdict:
        case Send():
            metrics.DELIVERIES.labels(DeliveryState.SENT).inc()
            metrics.LATENESS.observe((now - row.remind_at).total_seconds())
            log.info("reminder delivered", action="deliver", event_id=row.event_id, channel=row.channel)
        case GiveUp(state):
            metrics.DELIVERIES.labels(state).inc()
            log.info("reminder not delivered", action="give_up", event_id=row.event_id, state=state)
        case Postpone(until, error):
            metrics.POSTPONED.inc()
            log.warning("reminder put off", action="postpone", event_id=row.event_id, until=str(until), error=error)
        case _:
            assert_never(verdict)
