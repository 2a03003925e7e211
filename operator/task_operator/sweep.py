"""The comparison of the cache with the API server: what no watch has told.

A watch that was interrupted lists anew, and a list does not say what has gone meanwhile. So every now and then the
metadata of all objects is listed, page by page with pauses, and each object that differs from the cache is read.

So it is, without pauses, when a term of leadership begins: what the leader before did last may not have been told yet.
Taken for deleted, the Task it had just made would be followed by another one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, Protocol

from runtime import logs
from runtime.apiserver import ApiError, Unreachable
from task_operator import metrics
from task_operator.cache import Cache, Key
from taskbell.resources import KINDS, Resource

PAUSE_SECONDS = 0.2
"""After each page, so that a hundred thousand objects make no burst."""

RETRY_SECONDS = 2.0

logger = logs.get(__name__)


class Metadata(Protocol):
    """Laws: every object that exists during the whole listing is listed. Raises ApiError and Unreachable."""

    def metadata(self, kind: type[Resource], namespace: str | None) -> AsyncIterator[list[dict[str, Any]]]: ...


class Sweep:
    """`look_at` reads one object afresh; `namespaces` are those served, none for all."""

    def __init__(
        self,
        listing: Metadata,
        cache: Cache,
        look_at: Callable[[Key], Awaitable[None]],
        namespaces: tuple[str, ...],
        every: timedelta,
    ) -> None:
        self._listing = listing
        self._cache = cache
        self._look_at = look_at
        self._namespaces = namespaces or (None,)
        self._every = every

    async def run(self) -> None:
        """Sweeps until cancelled. One that breaks off is made good by the next."""
        while True:
            await asyncio.sleep(self._every.total_seconds())
            await self._sweep(PAUSE_SECONDS)

    async def catch_up(self) -> None:
        """Returns when the cache knows everything that was there when this was called."""
        while True:
            if await self._sweep(0):
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _sweep(self, pause: float) -> bool:
        """Whether it came to its end."""
        try:
            for kind in KINDS:
                for namespace in self._namespaces:
                    await self.compare(kind, namespace, pause)
        except (ApiError, Unreachable) as error:
            metrics.SWEEPS.labels("broken_off").inc()
            logger.warning("sweep broken off", action="sweep", why=str(error))
            return False
        metrics.SWEEPS.labels("done").inc()
        return True

    async def compare(self, kind: type[Resource], namespace: str | None, pause: float = PAUSE_SECONDS) -> None:
        """Raises ApiError and Unreachable."""
        missing = self._cache.uids(kind, namespace)
        async for page in self._listing.metadata(kind, namespace):
            for listed in page:
                key = Key(kind, listed["namespace"], listed["name"])
                if missing.pop(key, None) is None or self._is_older(key, listed):
                    await self._look(key, "object" if self._cache.uid_of(key) is None else "change")
            await asyncio.sleep(pause)
        for key in self._still_known(missing):
            await self._look(key, "deletion")

    def _is_older(self, key: Key, listed: dict[str, Any]) -> bool:
        known = self._cache.version_of(key)
        return known is None or known < int(listed["resourceVersion"])

    def _still_known(self, uids: dict[Key, str]) -> Iterator[Key]:
        """A name may be another object's since, whose watch is heard."""
        for key, uid in uids.items():
            if self._cache.uid_of(key) == uid:
                yield key

    async def _look(self, key: Key, what: str) -> None:
        before = self._cache.version_of(key)
        await self._look_at(key)
        if self._cache.version_of(key) != before:
            metrics.SWEEP_FOUND.labels(key.kind.kind, what).inc()
            logger.info("found by a sweep", action="sweep", key=str(key), what=what)
