"""One stack of the real parts for the whole run; every test has a person of its own."""

import fcntl
import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
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
MOST_WARNINGS = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--broker", choices=BROKERS, default="kafka", help="what events go through (kafka)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with what our programs warned of meanwhile: the logs of a CI run are gone with its machine."""
    report = yield
    if report.failed:
        report.sections.append(("warnings of the programs", "\n".join(warnings_since(call.start))))
    return report


def warnings_since(begin: float) -> list[str]:
    begun = datetime.fromtimestamp(begin, UTC).isoformat()
    found: list[tuple[str, str]] = []
    for log in (FOLDER / "logs").glob("*.log"):
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith('{"service": '):
                record = json.loads(line)
                if record["time"] >= begun and record["level"] != "info":
                    found.append((record["time"], line))
    return [line for _, line in sorted(found)][-MOST_WARNINGS:]


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
