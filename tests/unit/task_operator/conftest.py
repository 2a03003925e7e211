import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
from structlog.testing import capture_logs

from task_operator.testing import TimelessLoop, World
from taskbell.lifecycle.testing import MONDAY_SEVEN

OVER_SOCKETS = {"test_service.py"}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Hours pass at once, except where real sockets answer."""
    del config
    return {"loop": asyncio.new_event_loop if item.path.name in OVER_SOCKETS else TimelessLoop}


@pytest.fixture(autouse=True)
def nothing_printed() -> Iterator[None]:
    """Tracebacks painted for a terminal take half of the time."""
    with capture_logs():
        yield


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(MONDAY_SEVEN)
    yield world
    await world.die()
