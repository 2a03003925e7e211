"""All parts together: started side by side, stopped in an order in which each still finds what it needs.

    start   etcd ──► apiserver ──► CRDs ──► controller-manager
            kafka or redis
            postgres
            scheduler
    stop    programs ──► sidecars ──► controller-manager ──► apiserver ──► the rest

Programs and sidecars are started by whoever adds them.
"""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar

from localcluster import binaries, postgresql, process, redis_server, tools
from localcluster.apiserver import ApiServer
from localcluster.controller_manager import ControllerManager
from localcluster.errors import LocalClusterError
from localcluster.etcd import Etcd
from localcluster.kafka import Kafka
from localcluster.network import ON_LOOPBACK, Network
from localcluster.part import Part, Service
from localcluster.ports import Ports
from localcluster.postgres import Postgres
from localcluster.process import Command, environment
from localcluster.program import Program
from localcluster.progress import Report, silent
from localcluster.reaper import REAPER
from localcluster.redis import Redis
from localcluster.scheduler import Scheduler
from localcluster.sidecar import Sidecar, SidecarPorts

CONTROL_PLANE = ("etcd", "apiserver", "controller-manager")
BARE_PARTS = (*CONTROL_PLANE, "kafka", "postgres", "scheduler")
BARE_PARTS_WITH_REDIS = (*CONTROL_PLANE, "redis", "postgres", "scheduler")

_CRD_SECONDS = 60
_LOOK_SECONDS = 1.0
_TOOLS = (tools.ETCD, tools.KUBERNETES, tools.DAPR, tools.KAFKA)

S = TypeVar("S", bound=Service)


class Cluster:
    """The real servers on loopback, for as long as the `with` block.

    Making one makes the executables present, which takes a quarter of an hour the first time. Logs and the
    administrator's kubeconfig are in `directory`, which stays; None means a temporary one. Data is always temporary,
    every cluster begins empty. `crds` is a file or folder applied before the controller manager starts. `bare_parts`
    are the servers that are started; the others exist too and can be started by hand, but for Redis, which is only
    looked for where it is wanted. `network` is where they listen. Raises `LocalClusterError`."""

    def __init__(
        self,
        directory: Path | None = None,
        *,
        crds: Path | None = None,
        bare_parts: Collection[str] = BARE_PARTS,
        network: Network = ON_LOOPBACK,
        report: Report = silent,
    ) -> None:
        self.binaries = binaries.ensure(report, _TOOLS)
        server_programs = postgresql.ensure(binaries.cache_directory() / "logs" / "postgresql.log", report)
        self.ports = Ports()
        self.data = _temporary_directory()
        """Goes when the cluster goes."""
        self.directory = (directory or self.data).absolute()
        self.logs = self.directory / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.kubeconfig_path = self.directory / "kubeconfig"
        self._crds = crds
        self._wanted = frozenset(bare_parts)
        self._report = report
        self._abandon = threading.Event()
        self._parts: dict[str, Part[Service]] = {}

        take, data = self.ports.take, self.data
        self.etcd = self.add(Etcd(self.binaries["etcd"], data / "etcd", take(), take()))
        self.apiserver = self.add(
            ApiServer(self.binaries["kube-apiserver"], data / "credentials", take(), self.etcd.service, network)
        )
        self.controller_manager = self.add(
            ControllerManager(
                self.binaries["kube-controller-manager"], take(), self.apiserver.service, self.kubeconfig_path, network
            )
        )
        self.kafka = self.add(Kafka(self.binaries["kafka"], data / "kafka", take(), take(), self.logs, network.address))
        self.redis = self._add_redis() if "redis" in self._wanted else None
        self.postgres = self.add(Postgres(server_programs, data / "postgres", take(), self.logs, network))
        self.scheduler = self.add(
            Scheduler(self.binaries["scheduler"], data / "scheduler", take(), take(), take(), take(), take())
        )

    @property
    def kafka_brokers(self) -> str:
        return self.kafka.service.brokers

    @property
    def database_url(self) -> str:
        """`postgresql://...`, without a driver's name (SQLAlchemy's would be `postgresql+psycopg2://`)."""
        return self.postgres.service.url

    @property
    def scheduler_address(self) -> str:
        return self.scheduler.service.address

    @property
    def parts(self) -> Mapping[str, Part[Service]]:
        """All parts by name, in the order in which they were added."""
        return self._parts

    def part(self, name: str) -> Part[Service]:
        """Raises `LocalClusterError` for a name that no part has."""
        if name not in self._parts:
            raise LocalClusterError(f"there is no part {name!r}, only {', '.join(self._parts)}")
        return self._parts[name]

    def add(self, service: S) -> Part[S]:
        """Make a service a part of this cluster: its log joins the others, it is stopped with them. It is not
        started."""
        if service.name in self._parts:
            raise LocalClusterError(f"there is a part {service.name!r} already")
        part = Part(service, self.logs, self._abandon)
        self._parts[service.name] = part
        return part

    def add_sidecar(
        self,
        app_id: str,
        app_port: int,
        *,
        resources: Iterable[Path],
        configuration: Path | None = None,
        health_path: str = "/healthz",
        environment: Mapping[str, str] | None = None,
        name: str = "",
    ) -> Part[Sidecar]:
        """`add` a sidecar for an app, on new ports and this cluster's scheduler. `name` is by default
        `<app_id>-sidecar`."""
        return self.add(
            Sidecar(
                binary=self.binaries["daprd"],
                home=self.data / "sidecars",
                app_id=app_id,
                app_port=app_port,
                ports=SidecarPorts.take(self.ports),
                scheduler_address=self.scheduler_address,
                resources=tuple(path.absolute() for path in resources),
                configuration=configuration.absolute() if configuration else None,
                health_path=health_path,
                environment=environment or {},
                name=name,
            )
        )

    def start(self) -> None:
        """Start the bare parts side by side; return when all are ready. When one fails, all are stopped again."""
        self.kubeconfig_path.touch(mode=0o600)
        self.kubeconfig_path.write_text(self.kubeconfig("admin", ["system:masters"]))
        try:
            self._start_side_by_side(
                self._start_control_plane,
                lambda: self._start_if_wanted(self.kafka),
                *((partial(self._start_if_wanted, self.redis),) if self.redis else ()),
                lambda: self._start_if_wanted(self.postgres),
                lambda: self._start_if_wanted(self.scheduler),
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, remove all data, release the ports. A stopped cluster cannot be started again."""
        self._abandon.set()
        try:
            for wave in stop_order(self._parts.values()):
                with ThreadPoolExecutor() as pool:
                    list(pool.map(Part[Service].stop, wave))
        finally:
            shutil.rmtree(self.data, ignore_errors=True)
            REAPER.forget_directory(self.data)
            self.ports.close()

    def watch(self, report: Report) -> NoReturn:
        """Tell of every part that ends by itself, for ever."""
        alive = {name for name, part in self._parts.items() if part.running}
        while True:
            time.sleep(_LOOK_SECONDS)
            for name in sorted(name for name in alive if not self._parts[name].running):
                report(f"{name} has ended by itself; its log is {self._parts[name].log}")
                alive.discard(name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.stop()

    def kubeconfig(self, user: str, groups: Iterable[str] = ()) -> str:
        """A kubeconfig for any user in any groups, valid as long as this cluster, also over restarts and wipes."""
        return self.apiserver.service.kubeconfig(user, groups)

    def kubeconfig_for_service_account(self, namespace: str, name: str) -> str:
        """A kubeconfig as that service account, by client certificate: see `ApiServer`."""
        return self.apiserver.service.kubeconfig_for_service_account(namespace, name)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints, as administrator. Raises `LocalClusterError` with what it complained of."""
        command = self._kubectl(*arguments)
        answer = subprocess.run(
            command.argv, env=command.environment, input=stdin, capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            raise LocalClusterError(f"kubectl {' '.join(arguments)}: {answer.stderr.strip()}")
        return answer.stdout

    def load_crds(self, crds: Path) -> None:
        """Apply custom resource definitions and wait until they are served. Raises `PartFailedError`."""
        log = self.logs / "crds.log"
        folder = str(crds.resolve())  # kubectl does not read a folder through a link
        for arguments in (
            ("apply", "--server-side", "--filename", folder),
            ("wait", "--for=condition=Established", f"--timeout={_CRD_SECONDS}s", "--filename", folder),
        ):
            process.run(f"kubectl {arguments[0]}", self._kubectl(*arguments), log, _CRD_SECONDS, self._abandon)

    def _kubectl(self, *arguments: str) -> Command:
        folders = environment(KUBECONFIG=str(self.kubeconfig_path), KUBECACHEDIR=str(self.data / "kubectl"))
        return Command((str(self.binaries["kubectl"]), *arguments), folders)

    def _add_redis(self) -> Part[Redis]:
        binary = redis_server.ensure(binaries.cache_directory() / "logs" / "redis.log", self._report)
        return self.add(Redis(binary, self.data / "redis", self.ports.take()))

    def _start_control_plane(self) -> None:
        self._start_if_wanted(self.etcd)
        self._start_if_wanted(self.apiserver)
        # Before the controller manager: its garbage collector would learn of later ones only after some 40 s.
        if self._crds is not None and "apiserver" in self._wanted:
            begun = time.monotonic()
            self.load_crds(self._crds)
            self._report(f"CRDs served after {time.monotonic() - begun:.1f} s")
        self._start_if_wanted(self.controller_manager)

    def _start_if_wanted(self, part: Part[Any]) -> None:
        if part.name in self._wanted:
            part.start()
            self._report(f"{part.name} ready after {part.ready_after_seconds:.1f} s")

    def _start_side_by_side(self, *starts: Callable[[], None]) -> None:
        with ThreadPoolExecutor() as pool:
            try:
                done, _ = wait([pool.submit(start) for start in starts], return_when=FIRST_EXCEPTION)
                for start in done:
                    start.result()
            except BaseException:
                self._abandon.set()
                raise


def stop_order(parts: Iterable[Part[Service]]) -> list[list[Part[Service]]]:
    """Waves of parts; within one, all stop at the same time."""
    waves: list[list[Part[Service]]] = [[] for _ in range(5)]
    for part in parts:
        waves[_wave(part.service)].append(part)
    return waves


def _wave(service: Service) -> int:
    match service:
        case Program():
            return 0
        case Sidecar():
            return 1
        case ControllerManager():
            return 2
        case ApiServer():
            return 3
        case _:
            return 4


def _temporary_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="taskbell-"))
    REAPER.watch_directory(directory)
    # Passable, not readable: PostgreSQL's folder in it belongs to another user when we are root. Keys have modes of
    # their own.
    directory.chmod(0o711)
    return directory
