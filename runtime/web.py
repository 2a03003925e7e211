"""The HTTP side of a service beside a sidecar: health, metrics, and callbacks that only its sidecar may call.

`/healthz`: the process answers. `/readyz`: it can do its work. `/metrics`: Prometheus text format.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from runtime.settings import SidecarSettings

Ready = Callable[[], Awaitable[str | None]]
"""None when ready, else what is missing."""

_OPEN = frozenset({"/healthz", "/readyz", "/leaderz", "/metrics"})


def application(settings: SidecarSettings, ready: Ready) -> web.Application:
    """An app with the three routes above; every other one asks for the sidecar's `dapr-api-token`."""
    app = web.Application(middlewares=[_token_check(settings.app_api_token.get_secret_value())])
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _readiness(ready))
    app.router.add_get("/metrics", _metrics)
    return app


async def serve(app: web.Application, settings: SidecarSettings) -> web.AppRunner:
    """Listens; `await runner.cleanup()` ends it after the requests in flight."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=10)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port).start()
    return runner


def _token_check(expected: str) -> Any:
    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        given = request.headers.get("dapr-api-token", "").encode(errors="surrogateescape")
        if expected and request.path not in _OPEN and not hmac.compare_digest(given, expected.encode()):
            return web.Response(status=401, text="dapr-api-token is missing or wrong\n")
        return await handler(request)

    return check


async def _alive(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _readiness(ready: Ready) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        missing = await ready()
        return web.Response(status=503, text=f"{missing}\n") if missing else web.Response(text="ok\n")

    return answer


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
