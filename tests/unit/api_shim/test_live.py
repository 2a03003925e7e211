import asyncio
import json

import httpx
import pytest
from fastapi import FastAPI

from api_shim import updates as route
from api_shim.live import LONGEST_QUEUE, REMEMBERED, Updates, Watcher
from api_shim.updates import HEARTBEAT_SECONDS
from store.reading import Scope
from store.updates import Kind, Update
from tests.unit.api_shim.helpers import DEMO, EVE

FAR_TOO_LONG = 5.0


def of(scope: Scope, name: str) -> Update:
    return Update(namespace=scope.namespace, user_id=scope.user_id, kind=Kind.TASK, id=name)


async def waiting(hub: Updates, watcher: Watcher) -> list[str | None]:
    """The names of what waits, None for "read again"; the hub is closed with that."""
    found: list[str | None] = []
    async for message in watcher.messages(0.001):
        if message is None:
            hub.close()
        else:
            found.append(message.update.id if message.update else None)
    return found


async def test_a_watcher_is_told_of_its_own_and_of_nothing_else() -> None:
    hub = Updates("e")
    with hub.watching(DEMO, None) as watcher:
        for scope in (DEMO, EVE, Scope("elsewhere", "demo")):
            hub.publish(of(scope, f"{scope.namespace}-{scope.user_id}"))
        assert await waiting(hub, watcher) == ["default-demo"]


async def test_who_comes_back_is_told_what_was_missed() -> None:
    hub = Updates("e")
    hub.publish(of(DEMO, "before"))
    position = hub.position
    for name in ("one", "two"):
        hub.publish(of(DEMO, name))
        hub.publish(of(EVE, name))
    with hub.watching(DEMO, position) as watcher:
        hub.publish(of(DEMO, "three"))
        assert await waiting(hub, watcher) == ["one", "two", "three"]


@pytest.mark.parametrize(
    "since",
    [
        pytest.param("other-3", id="a position of another process"),
        pytest.param("e-0", id="one that is no longer remembered"),
        pytest.param("e-99999999", id="one that has not been yet"),
        pytest.param("e-²", id="a digit that is no number"),
        pytest.param("nonsense", id="no position at all"),
        pytest.param("", id="nothing"),
    ],
)
async def test_who_comes_back_from_anywhere_else_reads_again(since: str) -> None:
    hub = Updates("e")
    for number in range(REMEMBERED + 2):
        hub.publish(of(EVE, str(number)))
    with hub.watching(DEMO, since) as watcher:
        assert await waiting(hub, watcher) == [None]


async def test_after_a_break_everybody_reads_again_and_so_does_who_was_away() -> None:
    hub = Updates("e")
    position = hub.position
    with hub.watching(DEMO, None) as watcher:
        hub.publish(of(DEMO, "before"))
        hub.lost()
        hub.publish(of(DEMO, "after"))
        assert await waiting(hub, watcher) == [None, "after"]
    with hub.watching(DEMO, position) as late:
        assert await waiting(hub, late) == [None]


async def test_the_position_after_a_break_is_a_good_one() -> None:
    hub = Updates("e")
    hub.publish(of(DEMO, "before"))
    hub.lost()
    with hub.watching(DEMO, hub.position) as watcher:
        assert await waiting(hub, watcher) == []


async def test_who_does_not_fetch_is_told_to_read_again_and_costs_no_memory() -> None:
    hub = Updates("e")
    with hub.watching(DEMO, None) as watcher:
        for number in range(10 * LONGEST_QUEUE):
            hub.publish(of(DEMO, str(number)))
        found = await waiting(hub, watcher)
    assert found[0] is None
    assert len(found) <= LONGEST_QUEUE
    assert found[-1] == str(10 * LONGEST_QUEUE - 1)


def hub_of(app: FastAPI) -> Updates:
    hub: Updates = app.state.shim.updates
    return hub


async def streamed(app: FastAPI, client: httpx.AsyncClient, path: str, *names: str, **headers: str) -> httpx.Response:
    """The whole stream, ended after `names` were published into it."""
    hub = hub_of(app)
    request = asyncio.create_task(client.get(path, headers=headers))
    async with asyncio.timeout(FAR_TOO_LONG):
        while not hub._watchers:  # noqa: ASYNC110 nobody but a test waits for a watcher
            await asyncio.sleep(0)
        for name in names:
            hub.publish(of(DEMO, name))
        await asyncio.sleep(0.01)
        hub.close()
        return await request


async def test_the_stream_names_what_changed(app: FastAPI, client: httpx.AsyncClient) -> None:
    response = await streamed(app, client, "/api/demo/updates", "standup\nevent: forged", "report")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    first, second = response.text.strip().split("\n\n")[1:]
    assert first.split("\n")[1] == "event: change"
    assert json.loads(first.split("\n")[2].removeprefix("data: ")) == {"kind": "task", "id": "standup\nevent: forged"}
    assert second.startswith(f"id: {hub_of(app).position}\n")


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/api/demo/updates?since=elsewhere-1", {}), ("/api/demo/updates", {"Last-Event-ID": "elsewhere-1"})],
)
async def test_who_was_elsewhere_is_told_to_reload(
    app: FastAPI, client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    assert "event: reload\ndata: {}" in (await streamed(app, client, path, **headers)).text


async def test_the_stream_ends_with_the_token(app: FastAPI) -> None:
    hub, now = Updates("e"), app.state.shim.now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(route, "HEARTBEAT_SECONDS", 0.001)
        events = [each async for each in route._events(hub, DEMO, None, now(), now)]
    assert events == ["retry: 1000\n\n"]


async def test_silence_is_broken_before_a_proxy_cuts_it() -> None:
    assert HEARTBEAT_SECONDS < 30
    hub = Updates("e")
    with hub.watching(DEMO, None) as watcher:
        assert await anext(watcher.messages(0.001)) is None
