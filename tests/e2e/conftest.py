"""One stack of the real parts for the whole run; every test has a person of its own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster.cluster import Cluster
from localcluster.process import environment
from localcluster.progress import say
from localcluster.stack import Stack
from tests.e2e.people import Person, World

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Everything up. Logs stay in `.run/e2e/logs` for whoever has to find out."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        say("\nstarting the real parts")
    with Cluster(ROOT / ".run" / "e2e", crds=ROOT / "crds") as cluster:
        stack = Stack(cluster, ROOT)
        stack.start()
        yield World(cluster, stack)


@pytest.fixture
def person(world: World, request: pytest.FixtureRequest) -> Iterator[Person]:
    """Somebody nobody else knows, with a token."""
    user = f"user-{abs(hash(request.node.nodeid)) % 10**8:08d}"
    with Person(world, user, token(world.stack.jwt_secret, user)) as someone:
        yield someone


def token(secret: str, user: str) -> str:
    command = [sys.executable, "-m", "api_shim", "token", "--user", user]
    answer = subprocess.run(
        command, cwd=ROOT, env=environment(TASKBELL_JWT_SECRET=secret), capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()
