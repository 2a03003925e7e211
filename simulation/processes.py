"""The operator's process: `Machinery` as `service` wires it, and Kopf's part. It may die, and is started anew."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from runtime.kube_events import KubeEvent
from simulation.apiserver import ApiServer, Client, Stream
from simulation.dapr import Broker, Scheduler, Sidecar
from simulation.network import Network, Process
from task_operator.cache import key_of
from task_operator.machinery import Machinery
from taskbell.resources import KINDS, Resource

SOURCE = "taskbell/simulation"
WORKERS = 3
LIST_RETRY_SECONDS = 2.0
"""As `task_operator.service` waits between two attempts to list."""


class _Unheard:
    """Kubernetes Events: nothing depends on them."""

    async def create(self, event: KubeEvent) -> None:
        pass

    async def repeat(self, event: KubeEvent, count: int, last: datetime) -> None:
        pass


class Operator:
    """At most one incarnation of it is alive. `trouble` hears what a part of it died of."""

    def __init__(
        self,
        *,
        server: ApiServer,
        to_server: Network,
        broker: tuple[Broker, Network],
        scheduler: tuple[Scheduler, Network],
        clock: Callable[[], datetime],
        setting_out: Callable[[Process, str, Sequence[dict[str, Any]]], None],
        trouble: Callable[[str], None],
        ended: Callable[[], None],
    ) -> None:
        self._server = server
        self._to_server = to_server
        self._broker = broker
        self._scheduler = scheduler
        self._clock = clock
        self._setting_out = setting_out
        self._trouble = trouble
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._burials: set[asyncio.Task[None]] = set()
        self.down_seconds = 1.0
        self.start()

    @property
    def alive(self) -> bool:
        return not self.process.dead

    def start(self) -> None:
        """Lists everything, then watches and works, as `service` does."""
        self.process = Process("operator", self._died)
        self.machinery = Machinery(
            objects=Client(self._server, self._to_server, self.process),
            broker=(sidecar := self._sidecar()),
            scheduler=sidecar,
            kube_events=_Unheard(),
            pubsub="pubsub",
            source=SOURCE,
            clock=self._clock,
        )
        self.streams: list[Stream] = []
        self._synced = False
        self._sync(self.process)

    def stop(self, seconds: float) -> None:
        """kill -9; back after `seconds`."""
        self.down_seconds = seconds
        self.process.kill()

    def rang(self, uid: str) -> bool:
        """Dapr calls back; whether it was answered."""
        if self.process.dead or not self._synced:
            return False
        self.machinery.rang(uid)
        return True

    def relist(self) -> None:
        """410 Gone: Kopf lists again, and hears nothing of what was deleted meanwhile."""
        for stream in self.streams:
            stream.lose()
        for resource in self._everything():
            self.machinery.reconciler.seen(resource)

    def _sync(self, process: Process) -> None:
        if process.dead:
            return
        if self._loop.time() < self._to_server.weather.down:
            self._loop.call_later(LIST_RETRY_SECONDS, self._sync, process)
            return
        for resource in self._everything():
            self.machinery.reconciler.seen(resource)
        for kind in KINDS:
            stream = Stream(kind, self._heard)
            self.streams.append(stream)
            self._server.watch(stream)
        self._synced = True
        self.machinery.start(WORKERS, self._part_died)
        self._scheduler[0].answered_again()

    def _everything(self) -> list[Resource]:
        return [resource for kind in KINDS for resource in self._server.all(kind)]

    def _heard(self, resource: Resource, deleted: bool) -> None:
        if deleted:
            self.machinery.reconciler.gone(key_of(resource), resource.metadata.uid)
        else:
            self.machinery.reconciler.seen(resource)

    def _sidecar(self) -> Sidecar:
        return Sidecar(self.process, broker=self._broker, scheduler=self._scheduler, setting_out=self._setting_out)

    def _part_died(self, error: BaseException) -> None:
        self._trouble(f"a part of the operator died: {error!r}")

    def _died(self) -> None:
        for stream in self.streams:
            stream.lose()
            self._server.unwatch(stream)
        burial = self._loop.create_task(self.machinery.kill())
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)
        self._ended()
        self._loop.call_later(self.down_seconds, self.start)
