"""Live changes: whoever writes a row announces it in the same transaction, and any process may listen.

`NOTIFY` is delivered at the commit or not at all. It is not stored: who was not listening has missed it, and reads
again. A listener needs a connection of its own that no pooler shares between transactions.
"""

import select
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing
from enum import StrEnum

import psycopg2
import sqlalchemy
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import ARRAY, Text, cast, func
from sqlalchemy.orm import Session

from store import database

CHANNEL = "taskbell_updates"


class Kind(StrEnum):
    TASK = "task"
    SCHEDULE = "schedule"
    REMINDER = "reminder"
    INBOX = "inbox"


class Update(BaseModel):
    """Something of `user_id` changed: `id` is the name of the task or the schedule it is about.

    Readers take any `kind`, and fields that a newer version added. Its JSON is far below a payload's 8000 bytes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    namespace: str
    user_id: str
    kind: str
    id: str


def announce(session: Session, updates: Iterable[Update]) -> None:
    """Tells listeners when `session` commits; equal ones are told once."""
    payloads = sorted({update.model_dump_json() for update in updates})
    if payloads:
        session.execute(sqlalchemy.select(func.pg_notify(CHANNEL, func.unnest(cast(payloads, ARRAY(Text))))))


def listen(url: str, interrupt: socket.socket) -> Iterator[Update | None]:
    """None once nothing is missed any more, then every update, until `interrupt` has something to read.

    Raises `psycopg2.Error` when the connection breaks, after 30 s at the latest where the server has gone silent."""
    with closing(psycopg2.connect(url, **database.LIVELINESS)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        yield None
        while True:
            ready, _, _ = select.select([connection, interrupt], [], [])
            if interrupt in ready:
                return
            connection.poll()
            while connection.notifies:
                if update := _read(connection.notifies.pop(0).payload):
                    yield update


def _read(payload: str) -> Update | None:
    """None for what is none of ours: anybody on the database may notify."""
    try:
        return Update.model_validate_json(payload)
    except ValidationError:
        return None
