"""Batches of events into PostgreSQL: one transaction, and where one event spoils it each event by itself."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from consumers.subscriptions import Away, Handler, Received, Refused
from store.database import REFUSALS, Sessions, summary
from taskbell.events import Payload

E = TypeVar("E", bound=Payload)

Write = Callable[[Session, Sequence[Received[E]]], None]
"""Writes events; repeating it changes nothing."""


def handler(sessions: Sessions, write: Write[E]) -> Handler[E]:
    """Stores each batch by `write` and returns after the commit."""

    async def handle(events: Sequence[Received[E]]) -> Sequence[Refused]:
        try:
            return await asyncio.to_thread(_store, sessions, write, events)
        except SQLAlchemyError as error:
            raise Away(f"PostgreSQL: {summary(error)}") from error

    return handle


def _store(sessions: Sessions, write: Write[E], events: Sequence[Received[E]]) -> list[Refused]:
    if not events:
        return []
    try:
        with sessions.begin() as session:
            write(session, events)
    except REFUSALS:
        with sessions.begin() as session:
            return _one_by_one(session, write, events)
    return []


def _one_by_one(session: Session, write: Write[E], events: Sequence[Received[E]]) -> list[Refused]:
    refused: list[Refused] = []
    for event in events:
        try:
            with session.begin_nested():
                write(session, [event])
        except REFUSALS as error:
            refused.append(Refused(event.envelope, f"PostgreSQL: {summary(error)}"))
    return refused
