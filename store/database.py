"""The connection to PostgreSQL: pool, sessions, transactions, and whether the schema is the one this code needs."""

from collections.abc import Mapping
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from store import migrations

Sessions = sessionmaker[Session]
"""`with sessions.begin() as session:` is one transaction."""

REFUSALS = (DataError, IntegrityError, ValueError)
"""What these values cannot be stored raises, however often: a NUL in a text, a uid under two names. Any other
`SQLAlchemyError` is the database's own trouble, and passes. (psycopg2 itself raises ValueError on NUL.)"""


LIVELINESS: Mapping[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "tcp_user_timeout": 30_000,
}
"""libpq: of a server that has gone silent the kernel tells after 30 s, so no thread waits for ever."""


def connect(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for `postgresql://…`; nothing is connected yet. At most twice `pool_size` connections."""
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg2"),
        hide_parameters=True,  # else people's data stand in error messages
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        connect_args=dict(LIVELINESS),
    )


def sessions(engine: Engine) -> Sessions:
    """Rows stay readable after the commit."""
    return sessionmaker(engine, expire_on_commit=False)


def missing(engine: Engine) -> str | None:
    """None when the schema is at the newest migration or beyond it, else what is missing. Never raises.

    A revision unknown here is newer: while an upgrade rolls, old and new code run on the new schema."""
    scripts = ScriptDirectory(migrations.DIRECTORY)
    try:
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        return f"the database does not answer: {summary(error)}"
    if revision is None:
        return "the database has no schema yet: run `python -m store upgrade`"
    older = {script.revision for script in scripts.walk_revisions()} - {scripts.get_current_head()}
    return (
        f"the database schema is at revision {revision}: run `python -m store upgrade`" if revision in older else None
    )


def summary(error: Exception) -> str:
    """The first line: what follows in SQLAlchemy's errors is the statement and a link."""
    return str(error).partition("\n")[0]
