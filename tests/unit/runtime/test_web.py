import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from runtime.settings import SidecarSettings
from runtime.web import application, serve

Asked = TestClient[web.Request, web.Application]
Opens = Callable[..., AbstractAsyncContextManager[Asked]]


@pytest.fixture
def opens() -> Opens:
    @asynccontextmanager
    async def client(token: str = "", missing: str | None = None) -> AsyncIterator[Asked]:
        async def ready() -> str | None:
            return missing

        async def called_back(_request: web.Request) -> web.Response:
            return web.Response(text="called back")

        app = application(SidecarSettings(port=0, app_api_token=token), ready)
        app.router.add_post("/job/{name}", called_back)
        async with TestClient(TestServer(app)) as client:
            yield client

    return client


@pytest.mark.parametrize(
    ("given", "status"),
    [
        pytest.param("secret", 200, id="the right token"),
        pytest.param("secre", 401, id="a part of it"),
        pytest.param("Secret", 401, id="another case"),
        pytest.param("", 401, id="an empty one"),
        pytest.param(None, 401, id="none"),
    ],
)
async def test_where_a_token_is_set_a_callback_needs_it(opens: Opens, given: str | None, status: int) -> None:
    headers = {"dapr-api-token": given} if given is not None else {}
    async with opens(token="secret") as client:
        assert (await client.post("/job/x", headers=headers)).status == status


async def test_a_token_that_is_no_text_is_wrong_not_a_failure(opens: Opens) -> None:
    async with opens(token="secret") as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(b"POST /job/x HTTP/1.1\r\nHost: x\r\ndapr-api-token: \xff\r\nContent-Length: 0\r\n\r\n")
        assert b" 401 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_without_a_token_set_nothing_is_checked(opens: Opens) -> None:
    async with opens() as client:
        assert (await client.post("/job/x")).status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_health_and_metrics_are_open_to_all(opens: Opens, path: str) -> None:
    async with opens(token="secret") as client:
        assert (await client.get(path)).status == 200


@pytest.mark.parametrize("path", ["/healthz/", "/healthz/../job/x", "/anything"])
async def test_nothing_else_is_open(opens: Opens, path: str) -> None:
    async with opens(token="secret") as client:
        assert (await client.get(path)).status == 401


async def test_what_is_missing_is_said_and_it_is_alive_all_the_same(opens: Opens) -> None:
    async with opens(missing="the database is away") as client:
        answer = await client.get("/readyz")
        assert (answer.status, await answer.text()) == (503, "the database is away\n")
        assert (await client.get("/healthz")).status == 200


async def test_metrics_are_in_the_text_format(opens: Opens) -> None:
    async with opens() as client:
        answer = await client.get("/metrics")
        assert answer.content_type == "text/plain"
        assert "# TYPE python_info gauge" in await answer.text()


async def test_served_it_listens_until_it_is_cleaned_up(unused_tcp_port: int) -> None:
    async def ready() -> str | None:
        return None

    settings = SidecarSettings(port=unused_tcp_port)
    runner = await serve(application(settings, ready), settings)
    assert [address[1] for address in runner.addresses] == [unused_tcp_port]
    await runner.cleanup()
    assert runner.addresses == []
