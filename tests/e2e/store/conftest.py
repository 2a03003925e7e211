"""A PostgreSQL of its own, migrated; every test begins with empty tables."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from localcluster.cluster import Cluster
from store import database, migrations
from store.database import Sessions
from store.models import Base


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with Cluster(bare_parts=("postgres",)) as cluster:
        yield cluster.database_url


@pytest.fixture(scope="session")
def engine(url: str) -> Iterator[Engine]:
    engine = database.connect(url)
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Sessions:
    tables = ", ".join(str(table) for table in Base.metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    return database.sessions(engine)
