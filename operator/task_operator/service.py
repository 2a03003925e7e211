"""The machinery on the real parts, and its HTTP side.

Starts and works without a sidecar: what cannot be told or armed waits, Tasks appear all the same.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from runtime import logs
from runtime import web as runtime_web
from runtime.apiserver import ApiError, ApiServer, Unreachable
from runtime.dapr import Dapr
from task_operator import metrics
from task_operator.cache import Key
from task_operator.machinery import Machinery
from task_operator.settings import OperatorSettings
from taskbell.resources import KINDS, Resource

LIST_RETRY_SECONDS = 2

logger = logs.get(__name__)


class Service:
    """`start` and `stop` it in one event loop; `died` is called when one of its tasks ends with an error."""

    def __init__(self, settings: OperatorSettings, died: Callable[[], None]) -> None:
        self._settings = settings
        self._died = died
        self._api = ApiServer("taskbell-operator")
        self._dapr = Dapr(settings)
        self._machinery = Machinery(
            objects=self._api,
            broker=self._dapr,
            scheduler=self._dapr,
            pubsub=settings.pubsub,
            source=f"taskbell/{settings.cluster}",
            clock=lambda: datetime.now(UTC),
        )
        self._resources = AsyncExitStack()
        self._synced = False

    async def start(self) -> None:
        """Returns when every object is known; the HTTP side answers from the start."""
        runner = await runtime_web.serve(self._application(), self._settings)
        self._resources.push_async_callback(runner.cleanup)
        await self._resources.enter_async_context(self._api)
        await self._resources.enter_async_context(self._dapr)
        for kind in KINDS:
            for namespace in self._settings.namespaces or (None,):
                await self._list(kind, namespace)
        self._synced = True
        self._machinery.start(self._settings.workers, self._part_died)
        logger.info("synced", action="start", queue=len(self._machinery.queue))

    async def stop(self) -> None:
        """Lets every pass come to its end."""
        self._synced = False
        await self._machinery.stop()
        await self._resources.aclose()

    def seen(self, kind: type[Resource], body: dict[str, Any], *, deleted: bool) -> None:
        """One watch event."""
        if deleted:  # also when this version cannot read it any more
            metadata = body["metadata"]
            self._machinery.reconciler.gone(Key(kind, metadata["namespace"], metadata["name"]), metadata["uid"])
        elif resource := _parsed(kind, body):
            self._machinery.reconciler.seen(resource)

    async def _list(self, kind: type[Resource], namespace: str | None) -> None:
        listed = False
        while not listed:
            try:
                async for page in self._api.pages(kind, namespace):
                    for body in page:
                        self.seen(kind, body, deleted=False)
                listed = True
            except (ApiError, Unreachable) as error:
                logger.warning("cannot list yet", action="start", kind=kind.kind, why=str(error))
                await asyncio.sleep(LIST_RETRY_SECONDS)

    def _part_died(self, error: BaseException) -> None:
        logger.error("a part of the operator died", action="stop", exc_info=error)
        self._died()

    def _application(self) -> web.Application:
        app = runtime_web.application(self._settings, self._missing)
        app.router.add_get("/leaderz", self._leads)
        app.router.add_post("/job/{uid:.*}", self._rang)
        return app

    async def _missing(self) -> str | None:
        return None if self._synced else "not every object has been listed yet"

    async def _leads(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n") if self._synced else web.Response(status=503, text="not synced yet\n")

    async def _rang(self, request: web.Request) -> web.Response:
        """A Dapr job's callback. Never 404, which Dapr takes for done; for an unknown name 200 lets the job go."""
        if not self._synced:
            return web.Response(status=503, text="not synced yet\n")
        self._machinery.rang(request.match_info["uid"])
        return web.Response()


def _parsed(kind: type[Resource], body: dict[str, Any]) -> Resource | None:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        metrics.UNREADABLE.labels(kind.kind).inc()
        name = body.get("metadata", {}).get("name")
        logger.warning("this version cannot read it", action="read", kind=kind.kind, name=name, why=str(error))
        return None
