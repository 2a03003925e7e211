"""One node with Dapr and Taskbell on it for the whole run; every test has a person of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster.node import requirements
from localcluster.node.installation import Installation
from localcluster.node.node import Node
from localcluster.progress import say
from tests.e2e.fixtures import browser, chromium, person, repository, talk, visitor
from tests.e2e.people import World
from tests.node import traces

__all__ = ["browser", "chromium", "person", "repository", "talk", "visitor"]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Logs of the servers stay in `.run/node/logs`. At the end the machine must be as it was."""
    if reason := requirements.reason_against():
        pytest.skip(reason)
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        before = traces.seen()
        with Node(ROOT / ".run" / "node", report=say) as node:
            installed = Installation(node, ROOT, say)
            installed.prepare()
            installed.deploy()
            yield installed
        assert traces.seen() - before == set()


@pytest.fixture(scope="session")
def world(installation: Installation) -> World:
    return World(installation.cluster, installation)


@pytest.fixture
def address(installation: Installation) -> Iterator[str]:
    """Of the page: on loopback, where it needs no certificate."""
    with installation.forwarded() as url:
        yield url
