"""People and their tools, wherever Taskbell runs: who imports these has a `world` and an `address` of the page."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import chromium as installed
from localcluster.progress import say
from tests.e2e.browser import Browser, browsing
from tests.e2e.people import Person, World
from tests.e2e.repository import Repository
from tests.e2e.talk import Talk


@pytest.fixture
def person(world: World, request: pytest.FixtureRequest) -> Iterator[Person]:
    """Somebody nobody else knows, with a token."""
    with Person.of(world, f"user-{zlib.crc32(request.node.nodeid.encode()):08x}") as someone:
        yield someone


@pytest.fixture
def talk(person: Person) -> Talk:
    return Talk(person)


@pytest.fixture
def repository(tmp_path: Path, person: Person) -> Repository:
    return Repository(tmp_path, person)


@pytest.fixture(scope="session")
def chromium(world: World) -> Iterator[Browser]:
    """One for all, its pictures beside the logs."""
    cluster = world.cluster
    found = installed.ensure(cluster.logs / "chromium.log", say)
    with browsing(found, cluster.directory / "screenshots") as browser:
        yield browser


@pytest.fixture
def visitor(chromium: Browser, address: str) -> Iterator[Browser]:
    """Not signed in. What the console complains of fails the test, and so does a request that fails."""
    chromium.url = address
    chromium.driver.delete_all_cookies()
    chromium.open("/sign-in")
    chromium.complaints()
    yield chromium
    assert chromium.complaints() == []


@pytest.fixture
def browser(visitor: Browser, person: Person) -> Browser:
    """Signed in."""
    visitor.sign_in(person.token)
    visitor.connected()
    return visitor
