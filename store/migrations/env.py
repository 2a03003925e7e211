"""Alembic's entry point: runs the migrations on the engine that `store.migrations` hands over."""

from alembic import context
from sqlalchemy import Engine, func, select

from store.models import Base

LOCK = 7_461_736_803
"""Any number that no one else locks in this database."""


def run(engine: Engine) -> None:
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, include_schemas=True)
        with context.begin_transaction():
            # Before the current revision is read: who waited here finds the work done. Freed with the transaction.
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            context.run_migrations()


run(context.config.attributes["engine"])
