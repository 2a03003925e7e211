"""Postgres: SQLAlchemy models, Alembic migrations and every query, shared by the consumers and the API shim.

Two schemas: `projection` can be dropped and is rebuilt from events; `ledger` (audit, deliveries, inbox) is backed up.
Synchronous on psycopg2: call it from a thread.
"""
