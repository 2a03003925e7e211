"""Kopf's side: its watch streams feed the service. Nothing is decided here, nothing raises, nothing waits."""

from typing import Any

import kopf

from task_operator.service import Service
from taskbell.naming import GROUP, VERSION
from taskbell.resources import KINDS, Resource


class NoDiffBase(kopf.DiffBaseStorage):
    """Kopf shall remember nothing in our objects: half the CPU of every event."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, *, body: kopf.Body) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass


class NoProgress(kopf.ProgressStorage):
    """There are no stateful handlers whose progress could be stored."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: Any) -> Any:
        return essence


def registry(service: Service) -> kopf.OperatorRegistry:
    """Everything Kopf is asked to do."""
    handlers = kopf.OperatorRegistry()

    async def start(**_: Any) -> None:
        await service.start()

    async def stop(**_: Any) -> None:
        await service.stop()

    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    kopf.on.startup(registry=handlers)(start)
    kopf.on.cleanup(registry=handlers)(stop)
    kopf.on.login(registry=handlers)(login)
    for kind in KINDS:
        kopf.on.event(GROUP, VERSION, kind.plural, registry=handlers)(_watcher(service, kind))
    return handlers


def _watcher(service: Service, kind: type[Resource]) -> Any:
    async def seen(event: kopf.RawEvent, **_: Any) -> None:
        service.seen(kind, dict(event["object"]), deleted=event["type"] == "DELETED")

    return seen


def settings() -> kopf.OperatorSettings:
    """Kopf as an informer (shared facts: chunked lists, null storages, no posting, no peering)."""
    chosen = kopf.OperatorSettings()
    chosen.watching.chunk_size = 500  # one LIST of 100,000 objects would freeze the loop for nine seconds
    chosen.networking.request_timeout = 20
    chosen.networking.connect_timeout = 5
    chosen.networking.error_backoffs = (
        1,
        1,
        2,
        3,
        5,
        8,
        13,
        21,
        34,
        55,
        89,
    )  # then it exits
    chosen.queueing.idle_timeout = 0.05  # a worker of Kopf's keeps its slot this long after an object's last event
    chosen.persistence.diffbase_storage = NoDiffBase()
    chosen.persistence.progress_storage = NoProgress()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.peering.standalone = True
    return chosen
