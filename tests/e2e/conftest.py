"""One stack of the real parts for the whole run; every test has a person of its own."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcluster.cluster import Cluster
from localcluster.dapr_resources import Tracing
from localcluster.progress import say
from localcluster.stack import BROKERS, Stack
from tests.e2e.fixtures import browser, chromium, person, repository, talk, visitor
from tests.e2e.observers import Collector
from tests.e2e.people import World

__all__ = ["browser", "chromium", "person", "repository", "talk", "visitor"]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".run" / "e2e"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--broker", choices=BROKERS, default="kafka", help="what events go through (kafka)")


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Receives the traces of all sidecars."""
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, collector: Collector) -> Iterator[World]:
    """Everything up. Logs stay in `.run/e2e/logs` for whoever has to find out."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        say("\nstarting the real parts")
    broker = request.config.getoption("broker", default="kafka")
    with alone(FOLDER), Cluster(FOLDER, crds=ROOT / "crds", bare_parts=BROKERS[broker]) as cluster:
        stack = Stack(cluster, ROOT, broker=broker, tracing=Tracing(collector.address))
        stack.start()
        yield World(cluster, stack)


@pytest.fixture
def address(world: World) -> str:
    """Of the page."""
    return world.stack.api_url


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Two runs in one checkout would talk to each other's parts."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.exit(f"another run of the e2e tests is under way in {folder}: wait for its end", returncode=1)
        yield
