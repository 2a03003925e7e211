from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import count

import httpx
import pytest
from fastapi import FastAPI

from api_shim.app import application
from api_shim.chat.memory import Memory
from api_shim.health import Readiness
from api_shim.settings import ShimSettings
from api_shim.testing import MemoryObjects, MemoryProjection, MemoryStates
from api_shim.writing import Writing
from tests.unit.api_shim.helpers import NOW, SECRET, token


@pytest.fixture(scope="session")
def settings() -> ShimSettings:
    return ShimSettings(port=0, jwt_secret=SECRET, database_url="postgresql://nowhere/none")


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def projection() -> MemoryProjection:
    return MemoryProjection()


@pytest.fixture
def states() -> MemoryStates:
    return MemoryStates()


@pytest.fixture(scope="session")
def bare_app(settings: ShimSettings) -> FastAPI:
    """Made once: FastAPI takes a tenth of a second to look at all routes."""
    return application(
        settings,
        MemoryObjects(),
        MemoryProjection(),
        MemoryStates(),
        now=lambda: NOW,
        suffix=lambda: "",
        conversation_id=lambda: "",
    )


@pytest.fixture
def app(bare_app: FastAPI, objects: MemoryObjects, projection: MemoryProjection, states: MemoryStates) -> FastAPI:
    suffixes: Iterator[str] = (f"{number:08x}" for number in count(1))
    writing = Writing(objects, lambda: next(suffixes))
    ids: Iterator[str] = (f"{number:032x}" for number in count(1))
    bare_app.state.shim = replace(
        bare_app.state.shim,
        writing=writing,
        projection=projection,
        memory=Memory(states, "statestore"),
        conversation_id=lambda: next(ids),
    )
    bare_app.state.readiness = Readiness(objects, projection, "default")
    return bare_app


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://taskbell") as client:
        yield client


@pytest.fixture
def client(anonymous: httpx.AsyncClient, settings: ShimSettings) -> httpx.AsyncClient:
    """Demo's."""
    anonymous.headers["Authorization"] = f"Bearer {token(settings, 'demo')}"
    return anonymous
