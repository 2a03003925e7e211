from typing import Any

import pytest

from api_shim import projection
from api_shim.ports import Unavailable
from api_shim.projection import Postgres
from api_shim.testing import MemoryObjects
from store import database
from store.reading import FEEDS, TASKS, Feed
from store.versions import ScheduleVersion, TaskVersion
from taskbell.calendar.rule import Frequency
from taskbell.resources import Recurrence, Task, TaskSchedule, TaskScheduleSpec, TaskSpec, Template
from tests.unit.api_shim.helpers import DEMO

NOBODY_LISTENS = "postgresql://demo:secret@127.0.0.1:1/none"


@pytest.fixture
def postgres() -> Postgres:
    return Postgres(database.connect(NOBODY_LISTENS))


async def versions() -> list[TaskVersion | ScheduleVersion]:
    objects, start = MemoryObjects(), "2026-11-23T09:00"
    task = await objects.create(Task, "default", {"name": "t"}, TaskSpec(user_id="demo", title="T"))
    spec = {
        "userId": "demo",
        "task": Template(title="T"),
        "start": start,
        "recurrence": Recurrence(frequency=Frequency.DAILY),
    }
    schedule = await objects.create(TaskSchedule, "default", {"name": "s"}, TaskScheduleSpec.model_validate(spec))
    return [TaskVersion.of_resource(task), ScheduleVersion.of_resource(schedule)]


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
async def test_a_read_from_a_database_that_is_away(postgres: Postgres, feed: Feed[Any]) -> None:
    with pytest.raises(Unavailable):
        await postgres.page(feed, DEMO, 10, None)
    with pytest.raises(Unavailable):
        await postgres.one(feed, DEMO, "report")


async def test_a_note_to_a_database_that_is_away(postgres: Postgres) -> None:
    for version in await versions():
        with pytest.raises(Unavailable):
            await postgres.note(version)
    assert "does not answer" in str(await postgres.missing())


async def test_what_can_never_be_stored_is_no_failure_of_the_write(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("A string literal cannot contain NUL (0x00) characters.")

    monkeypatch.setattr(projection, "upsert_tasks", refuse)
    with pytest.raises(Unavailable, match="cannot be stored"):
        await postgres.note((await versions())[0])


async def test_a_database_that_hangs_is_not_waited_for(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "READ_SECONDS", 0)
    with pytest.raises(Unavailable):
        await postgres.page(TASKS, DEMO, 10, None)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_every_list_has_its_owner_and_a_key_of_known_types(feed: Feed[Any]) -> None:
    assert feed.user_id.key == "user_id"
    assert {column.type.python_type.__name__ for column in feed.order} <= {"datetime", "str", "int"}
