"""The operator's processes: `Machinery` and `Elector` as `service` wires them, and Kopf's part. Each may die, and is
started anew; each may be stopped for a while, and notice nothing of that."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from runtime.kube_events import KubeEvent
from simulation.apiserver import ApiServer, Client, Stream
from simulation.dapr import Broker, Scheduler, Sidecar
from simulation.leases import LeaseClient, LeaseServer, LeaseTime
from simulation.network import Network, Process
from task_operator.cache import key_of
from task_operator.leader import Elector, Timing
from task_operator.machinery import CANCEL_SECONDS, Machinery, end, spawn
from task_operator.sweep import Sweep
from taskbell.resources import KINDS, Resource

SOURCE = "taskbell/simulation"
WORKERS = 3
NEVER = timedelta.max
"""No sweeps but those with which terms begin: what a watch has missed shows soon."""

LIST_RETRY_SECONDS = 2.0
"""As `task_operator.service` waits between two attempts to list."""


class _Unheard:
    """Kubernetes Events: nothing depends on them."""

    async def create(self, event: KubeEvent) -> None:
        pass

    async def repeat(self, event: KubeEvent, count: int, last: datetime) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Election:
    """What the replicas of an operator share when there are several."""

    server: LeaseServer
    time: LeaseTime
    random: Random


class Operator:
    """One replica; at most one incarnation of it is alive. `trouble` hears what a part of it died of, `acts` of each
    request that is to change something. Without an `election` it is alone and leads."""

    def __init__(
        self,
        *,
        name: str,
        election: Election | None,
        acts: Callable[["Operator"], None],
        server: ApiServer,
        to_server: Network,
        broker: tuple[Broker, Network],
        scheduler: tuple[Scheduler, Network],
        clock: Callable[[], datetime],
        setting_out: Callable[[Process, str, Sequence[dict[str, Any]]], None],
        trouble: Callable[[str], None],
        happened: Callable[[str], None],
    ) -> None:
        self.name = name
        self._election = election
        self._acts = acts
        self._server = server
        self._to_server = to_server
        self._broker = broker
        self._scheduler = scheduler
        self._clock = clock
        self._setting_out = setting_out
        self._trouble = trouble
        self._happened = happened
        self._incarnation = 0
        self._loop = asyncio.get_running_loop()
        self._burials: set[asyncio.Task[None]] = set()
        self.down_seconds = 1.0
        self.start()

    @property
    def alive(self) -> bool:
        return not self.process.dead

    @property
    def leads(self) -> bool:
        """As it believes itself."""
        return self.alive and (self._elector is None or self._elector.leading)

    @property
    def serves(self) -> bool:
        """Whether it answers callbacks."""
        return self.leads and self._synced and not self.process.stopped

    def start(self) -> None:
        """Lists everything, then watches, and works while it leads, as `service` does."""
        self._incarnation += 1
        self.process = Process(self.name, self._died, self._is_to_act)
        self._elector = self._candidate(self.process) if self._election else None
        self.machinery = Machinery(
            objects=Client(self._server, self._to_server, self.process),
            broker=(sidecar := self._sidecar()),
            scheduler=sidecar,
            kube_events=_Unheard(),
            pubsub="pubsub",
            source=SOURCE,
            clock=self._clock,
            leads=self._elector_leads,
        )
        self.streams: list[Stream] = []
        self._terms: asyncio.Task[None] | None = None
        self._synced = False
        self.process.context.run(self._sync, self.process)

    def _elector_leads(self) -> bool:
        return self._elector is None or self._elector.leading

    def _is_to_act(self) -> None:
        self._acts(self)

    def _candidate(self, process: Process) -> Elector:
        if self._election is None:
            raise ValueError("there is nobody else")
        return Elector(
            leases=LeaseClient(self._election.server, self._to_server, process),
            identity=f"{self.name}-{self._incarnation}",
            timing=Timing(),
            clock=self._clock,
            elapsed=self._election.time.elapsed,
            jitter=self._election.random.random,
        )

    def stop(self, seconds: float) -> None:
        """kill -9; back after `seconds`."""
        self.down_seconds = seconds
        self.process.kill()

    def rang(self, uid: str) -> bool:
        """Dapr calls back; whether it was answered."""
        if not self.serves:
            return False
        self.process.context.run(self.machinery.rang, uid)
        return True

    def pause(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after `seconds`."""
        process = self.process
        process.stop()
        self._loop.call_later(seconds, self._go_on, process)

    def _go_on(self, process: Process) -> None:
        if process.stopped:
            process.go_on()
            self._happened(f"{self.name} goes on")
            self._scheduler[0].answered_again()

    def relist(self) -> None:
        """410 Gone: Kopf lists again, and hears nothing of what was deleted meanwhile."""
        for stream in self.streams:
            stream.lose()
        self._loop.call_soon(self._see_everything, context=self.process.context)

    def _see_everything(self) -> None:
        for resource in self._everything():
            self.machinery.reconciler.seen(resource)

    def _sync(self, process: Process) -> None:
        if process.dead:
            return
        if self._loop.time() < self._to_server.weather.down:
            self._loop.call_later(LIST_RETRY_SECONDS, self._sync, process)
            return
        self._see_everything()
        for kind in KINDS:
            stream = Stream(kind, process, self._heard)
            self.streams.append(stream)
            self._server.watch(stream)
        self._synced = True
        if self._elector is None:
            self._work()
        else:
            self._terms = spawn(self._serve_terms(self._elector), self._part_died)

    async def _serve_terms(self, elector: Elector) -> None:
        """As `service` does."""
        while True:
            await elector.acquire()
            self._happened(f"{self.name} leads")
            term = spawn(self._catch_up_and_work(), self._part_died)
            try:
                await elector.hold()
            finally:
                await end(term)
            self._happened(f"{self.name} does not lead any more")
            await self.machinery.kill()

    async def _catch_up_and_work(self) -> None:
        client = Client(self._server, self._to_server, self.process)
        await Sweep(client, self.machinery.cache, self.machinery.look_at, (), NEVER).catch_up()
        self._work()

    def _work(self) -> None:
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
        self._happened(f"{self.name} dies")
        burial = self._loop.create_task(self._bury(self._terms))
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)
        self._loop.call_later(self.down_seconds, self.start)

    async def _bury(self, terms: asyncio.Task[None] | None) -> None:
        machinery = self.machinery
        while terms and not terms.done():
            terms.cancel()
            await asyncio.wait((terms,), timeout=CANCEL_SECONDS)
        await machinery.kill()
