"""The machinery on the real parts, its terms of leadership, and its HTTP side.

Starts and works without a sidecar: what cannot be told or armed waits, Tasks appear all the same. A replica that does
not lead watches and answers as well, so that it can take over at once.
"""

import asyncio
import random
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from runtime import logs
from runtime import web as runtime_web
from runtime.apiserver import ApiError, ApiServer, Unreachable
from runtime.dapr import Dapr
from runtime.kube_events import KubeEventWriter
from runtime.leases import LeaseStore
from task_operator.cache import Key
from task_operator.leader import Elector
from task_operator.machinery import Machinery, end, spawn
from task_operator.reading import read
from task_operator.settings import OperatorSettings
from task_operator.sweep import Sweep
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
        identity = f"{socket.gethostname()}_{uuid.uuid4()}"
        self._elector = Elector(
            leases=LeaseStore(self._api, settings.lease_namespace, settings.lease_name),
            identity=identity,
            timing=settings.timing,
            clock=_now,
            elapsed=_elapsed,
            jitter=random.random,
        )
        self._machinery = Machinery(
            objects=self._api,
            broker=self._dapr,
            scheduler=self._dapr,
            kube_events=KubeEventWriter(self._api),
            pubsub=settings.pubsub,
            source=f"taskbell/{settings.cluster}",
            clock=_now,
            leads=lambda: self._elector.leading,
            instance=identity,
        )
        self._sweep = Sweep(
            self._api,
            self._machinery.cache,
            self._machinery.look_at,
            settings.namespaces,
            timedelta(minutes=settings.sweep_minutes),
        )
        self._resources = AsyncExitStack()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._synced = False

    async def start(self) -> None:
        """Returns when every object is known, whoever leads; the HTTP side answers from the start."""
        runner = await runtime_web.serve(self._application(), self._settings)
        self._resources.push_async_callback(runner.cleanup)
        await self._resources.enter_async_context(self._api)
        await self._resources.enter_async_context(self._dapr)
        for kind in KINDS:
            for namespace in self._settings.namespaces or (None,):
                await self._list(kind, namespace)
        self._synced = True
        logger.info("synced", action="start", objects=len(self._machinery.cache.known()))
        self._tasks = tuple(spawn(part, self._part_died) for part in (self._serve_terms(), self._sweep.run()))

    async def stop(self) -> None:
        """Lets every pass come to its end, then gives the lease back."""
        self._synced = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._machinery.stop()
        await self._elector.release()
        await self._resources.aclose()

    async def _serve_terms(self) -> None:
        while True:
            await self._elector.acquire()
            term = spawn(self._work(), self._part_died)
            try:
                await self._elector.hold()
            finally:
                await end(term)
            # Whatever is under way breaks off where it is: the next one may be at work already.
            await self._machinery.kill()

    async def _work(self) -> None:
        await self._sweep.catch_up()
        self._machinery.start(self._settings.workers, self._part_died)

    def seen(self, kind: type[Resource], body: dict[str, Any], *, deleted: bool) -> None:
        """One watch event."""
        if deleted:  # also when this version cannot read it any more
            metadata = body["metadata"]
            self._machinery.reconciler.gone(Key(kind, metadata["namespace"], metadata["name"]), metadata["uid"])
        elif known := read(kind, body):
            self._machinery.reconciler.seen(known)

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

    @property
    def _serves(self) -> bool:
        return self._synced and self._elector.leading

    async def _leads(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n") if self._serves else web.Response(status=503, text="another one leads\n")

    async def _rang(self, request: web.Request) -> web.Response:
        """A Dapr job's callback. Never 404, which Dapr takes for done; for an unknown name 200 lets the job go."""
        if not self._serves:
            return web.Response(status=503, text="another one leads\n")
        self._machinery.rang(request.match_info["uid"])
        return web.Response()


def _now() -> datetime:
    return datetime.now(UTC)


def _elapsed() -> float:
    # Goes on while the machine is suspended, which the loop's time does not; and the loop's is that of its last turn,
    # which a process that was stopped in the middle of one would find unchanged.
    return time.clock_gettime(time.CLOCK_BOOTTIME)
