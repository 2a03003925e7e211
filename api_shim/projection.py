"""The read model in Postgres. SQLAlchemy is synchronous here: every call has its own thread, and a time limit."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api_shim.ports import Unavailable
from store import database, reading
from store.projection import upsert_schedules, upsert_tasks
from store.reading import Feed, Key, Page, Scope
from store.versions import ScheduleVersion, TaskVersion

V = TypeVar("V")

READ_SECONDS = 5
NOTE_SECONDS = 2
"""The write is done by then and its author waits for the answer; a late note still arrives, or the event does."""


class Postgres:
    """Implements `ports.Projection`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions = database.sessions(engine)

    async def one(self, feed: Feed[V], scope: Scope, name: str) -> V | None:
        return await self._run(lambda session: reading.one(session, feed, scope, name), READ_SECONDS)

    async def page(self, feed: Feed[V], scope: Scope, limit: int, after: Key | None) -> Page[V]:
        return await self._run(lambda session: reading.page(session, feed, scope, limit, after), READ_SECONDS)

    async def note(self, version: TaskVersion | ScheduleVersion) -> None:
        try:
            await self._run(partial(_upsert, version=version), NOTE_SECONDS)
        except database.REFUSALS as error:
            raise Unavailable(f"cannot be stored: {error}") from error

    async def missing(self) -> str | None:
        return await asyncio.to_thread(database.missing, self._engine)

    async def _run(self, work: Callable[[Session], V], seconds: float) -> V:
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.to_thread(self._transact, work)
        except database.REFUSALS:
            raise
        except (SQLAlchemyError, TimeoutError) as error:
            raise Unavailable(f"the database does not answer: {error!r}") from error

    def _transact(self, work: Callable[[Session], V]) -> V:
        with self._sessions.begin() as session:
            return work(session)


def _upsert(session: Session, version: TaskVersion | ScheduleVersion) -> None:
    match version:
        case TaskVersion():
            upsert_tasks(session, [version])
        case ScheduleVersion():
            upsert_schedules(session, [version])
