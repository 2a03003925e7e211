import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, make_url, text

from store import database, migrations
from store.models import Base


@pytest.fixture
def empty(engine: Engine, url: str) -> Iterator[Engine]:
    """A database without any schema, beside the one the other tests use."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS empty"))
        connection.execute(text("CREATE DATABASE empty"))
    other = database.connect(make_url(url).set(database="empty").render_as_string(hide_password=False))
    yield other
    other.dispose()


def test_the_migrations_make_what_the_models_say(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_schemas": True, "compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_of_many_that_upgrade_at_once_one_does_the_work_and_the_others_wait(empty: Engine) -> None:
    environment = {**os.environ, "DATABASE_URL": empty.url.render_as_string(hide_password=False)}
    started = [subprocess.Popen([sys.executable, "-m", "store", "upgrade"], env=environment) for _ in range(4)]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    assert database.missing(empty) is None


def test_down_to_base_and_up_again(empty: Engine) -> None:
    migrations.upgrade(empty)
    migrations.downgrade(empty, "base")
    assert "no schema" in (database.missing(empty) or "")
    migrations.upgrade(empty)
    assert database.missing(empty) is None


def test_a_newer_schema_is_no_obstacle(empty: Engine) -> None:
    migrations.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert database.missing(empty) is None


def test_a_server_that_is_away_is_named() -> None:
    assert "does not answer" in (database.missing(database.connect("postgresql://nobody@127.0.0.1:1/none")) or "")
