"""`/healthz`: the process answers. `/readyz`: it has once reached all it needs. `/metrics`: Prometheus text format."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_shim.ports import Objects, Projection
from runtime.apiserver import ApiError, NotFound, Unreachable
from taskbell.resources import Task

router = APIRouter(include_in_schema=False)

_requests = Histogram(
    "taskbell_api_request_seconds", "Time from request to answer", ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip

_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT"})


class Readiness:
    """Ready once the API server and the database have answered, and from then on.

    A dependency that goes away later is told by every answer that needs it; taking all replicas out of service at once
    would only take the rest away too."""

    def __init__(self, objects: Objects, projection: Projection, namespace: str) -> None:
        self._objects = objects
        self._projection = projection
        self._namespace = namespace
        self._reached = False

    async def missing(self) -> str | None:
        """None when ready, else what is missing."""
        lacking = None if self._reached else await self._no_api_server() or await self._projection.missing()
        self._reached = lacking is None
        return lacking

    async def _no_api_server(self) -> str | None:
        try:
            await self._objects.get(Task, self._namespace, "no-such-task")
        except NotFound:
            return None
        except (ApiError, Unreachable) as error:
            return f"the API server cannot be used: {error}"
        return None


class Metrics:
    """ASGI middleware: how long answers take, by the route's template and never by its parameters."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started, status, ended = time.perf_counter(), 500, None

        async def observed(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                # A stream's length says nothing about us: it is as slow as its beginning.
                if Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream"):
                    ended = time.perf_counter()
            await send(message)

        try:
            return await self._app(scope, receive, observed)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            _requests.labels(method, _route(scope), status).observe((ended or time.perf_counter()) - started)


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    return str(getattr(route, "path", "unknown"))


@router.get("/healthz")
async def alive() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def ready(request: Request) -> PlainTextResponse:
    readiness: Readiness = request.app.state.readiness
    missing = await readiness.missing()
    return PlainTextResponse(f"{missing}\n", 503) if missing else PlainTextResponse("ok\n")


@router.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
