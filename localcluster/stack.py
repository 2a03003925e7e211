"""Taskbell itself on the real parts: its six services, each with a sidecar and access rights of its own.

Of each there is one; `add_standby` starts a second operator beside the first.

apply access rights, secret ─┐
create topics (Kafka)        ├─► services and sidecars, side by side
migrate the database         ┘

The broker is a choice of configuration: `dapr/components/<broker>-pubsub.yaml` and `TASKBELL_PUBSUB`.
"""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from localcluster import binaries, dapr_resources, process, tools
from localcluster.cluster import BARE_PARTS, BARE_PARTS_WITH_REDIS, Cluster
from localcluster.dapr_resources import Tracing
from localcluster.errors import LocalClusterError
from localcluster.kafka import Topic
from localcluster.part import Part, Service
from localcluster.process import Command, environment
from localcluster.program import Program
from localcluster.progress import Report, silent

SYSTEM_NAMESPACE = "taskbell"
"""Where the service accounts are."""

DATABASE_SECRET = "taskbell-database"  # noqa: S105
"""Where the state store finds its address, by the Component `kubernetes-secrets`."""

USER_NAMESPACE = "default"
"""The one the API shim serves."""

CONSUMERS = ("recurring", "notification", "audit", "projection")

BROKERS = {"kafka": BARE_PARTS, "redis": BARE_PARTS_WITH_REDIS}
"""The bare parts that a cluster for each broker needs."""

_HOUR = 60 * 60 * 1000
_DAY = 24 * _HOUR
_FOR_EVER = -1
TOPICS = (
    Topic("task-events", partitions=3, retention_milliseconds=_FOR_EVER),
    Topic("schedule-events", partitions=3, retention_milliseconds=_FOR_EVER),
    Topic("reminders", partitions=3, retention_milliseconds=_DAY),
    Topic("task-updates", partitions=3, retention_milliseconds=_HOUR),
    Topic("task-events-dead", partitions=1, retention_milliseconds=7 * _DAY),
    Topic("schedule-events-dead", partitions=1, retention_milliseconds=7 * _DAY),
    Topic("reminders-dead", partitions=1, retention_milliseconds=7 * _DAY),
)

_SETUP_SECONDS = 60


@dataclass(slots=True)
class Stack:
    """The services as parts of `cluster`: `operator`, `api-shim`, the four consumers, and `<service>-sidecar`.

    `root` is the checkout. `broker` is one of `BROKERS`, and a part of the cluster. `settings` go to every service,
    over the ones made here."""

    cluster: Cluster
    root: Path
    report: Report = silent
    broker: str = "kafka"
    tracing: Tracing | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    dapr_api_token: str = field(default_factory=lambda: secrets.token_hex(16))
    app_api_token: str = field(default_factory=lambda: secrets.token_hex(16))
    _urls: dict[str, str] = field(default_factory=dict[str, str])
    _parts: list[Part[Service]] = field(default_factory=list["Part[Service]"])

    def start(self) -> None:
        """Returns when every service is ready. Call it once, on a cluster that runs."""
        dapr_resources.render(self.root / "dapr", self._dapr, self.pubsub, self.tracing)
        _side_by_side(self._apply_access_rights_and_secret, self._create_topics, self._migrate)
        self._add(
            "api-shim",
            ("-m", "api_shim"),
            health_path="/healthz",
            own={"TASKBELL_JWT_SECRET": self.jwt_secret},
            sidecars={"KUBECONFIG": str(self._kubeconfig("api-shim")), "NAMESPACE": SYSTEM_NAMESPACE},
        )
        self._add("operator", ("-m", "task_operator"), health_path="/leaderz")
        for consumer in CONSUMERS:
            self._add(consumer, ("-m", "consumers", consumer), health_path="/healthz")
        _side_by_side(*(part.start for part in self._parts))
        for part in self._parts:
            self.report(f"{part.name} ready after {part.ready_after_seconds:.1f} s")

    def add_standby(self, settings: Mapping[str, str] = MappingProxyType({})) -> str:
        """Starts a second replica of the operator, and its sidecar; the name of its part. `settings` are its own."""
        name = "operator-2"
        started = self._add(name, ("-m", "task_operator"), health_path="/leaderz", own=settings, replica_of="operator")
        _side_by_side(*(part.start for part in started))
        return name

    def url_of(self, service: str) -> str:
        return self._urls[service]

    @property
    def api_url(self) -> str:
        return self.url_of("api-shim")

    @property
    def pubsub(self) -> str:
        """Name of the Dapr pub/sub component."""
        return f"{self.broker}-pubsub"

    @property
    def _dapr(self) -> Path:
        return self.cluster.directory / "dapr"

    def _add(
        self,
        name: str,
        arguments: tuple[str, ...],
        *,
        health_path: str,
        own: Mapping[str, str] = MappingProxyType({}),
        sidecars: Mapping[str, str] = MappingProxyType({}),
        replica_of: str = "",
    ) -> tuple[Part[Service], Part[Service]]:
        """The service and its sidecar, with their own environments; rights and app id are those of the service."""
        service = replica_of or name
        port = self.cluster.ports.take()
        tokens = {"DAPR_API_TOKEN": self.dapr_api_token, "APP_API_TOKEN": self.app_api_token}
        sidecar = self.cluster.add_sidecar(
            f"taskbell-{service}",
            port,
            resources=[self._dapr / "resources"],
            configuration=self._dapr / dapr_resources.CONFIGURATION,
            health_path=health_path,
            environment={**self._broker_address(), **tokens, **sidecars},
            name=f"{name}-sidecar",
        )
        beside = {"DAPR_HTTP_PORT": str(sidecar.service.ports.http), **tokens}
        kubeconfig = {"KUBECONFIG": str(self._kubeconfig(service))}
        program = self._program(name, arguments, port, {**beside, **kubeconfig, **own})
        self._urls[name] = program.url
        added = (self.cluster.add(program), sidecar)
        self._parts.extend(added)
        return added

    def _kubeconfig(self, name: str) -> Path:
        """With the rights of the service."""
        kubeconfig = self.cluster.directory / f"{name}.kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(self.cluster.kubeconfig_for_service_account(SYSTEM_NAMESPACE, f"taskbell-{name}"))
        return kubeconfig

    def _program(self, name: str, arguments: tuple[str, ...], port: int, own: Mapping[str, str]) -> Program:
        shared = {
            "DATABASE_URL": self.cluster.database_url,
            "TASKBELL_PORT": str(port),
            "TASKBELL_NAMESPACE": USER_NAMESPACE,
            "TASKBELL_LEASE_NAMESPACE": SYSTEM_NAMESPACE,
            "TASKBELL_PUBSUB": self.pubsub,
        }
        return Program(
            name,
            (sys.executable, *arguments),
            port,
            "/readyz",
            environment={**shared, **own, **self.settings},
            directory=self.root,
        )

    def _apply_access_rights_and_secret(self) -> None:
        self.cluster.kubectl("create", "namespace", SYSTEM_NAMESPACE)
        self.cluster.kubectl("apply", "--filename", "-", stdin=self._rendered("templates/rbac.yaml"))
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": DATABASE_SECRET, "namespace": SYSTEM_NAMESPACE},
            "stringData": {"url": self.cluster.database_url},
        }
        self.cluster.kubectl("apply", "--filename", "-", stdin=json.dumps(secret))

    def _rendered(self, template: str) -> str:
        helm = binaries.ensure(self.report, [tools.HELM])["helm"]
        chart = self.root / "charts" / "taskbell"
        required = (
            f"--set=kafka.brokers={self.cluster.kafka_brokers}",
            f"--set=database.url={self.cluster.database_url}",
        )
        arguments = ("template", "taskbell", chart, "--namespace", SYSTEM_NAMESPACE, "--show-only", template, *required)
        answer = subprocess.run([helm, *arguments], env=environment(), capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise LocalClusterError(f"helm template: {answer.stderr.strip()}")
        return answer.stdout

    def _broker_address(self) -> dict[str, str]:
        """What the components read from the sidecar's environment."""
        if self.broker == "redis" and self.cluster.redis is not None:
            return {"REDIS_HOST": self.cluster.redis.service.address}
        return {"KAFKA_BROKERS": self.cluster.kafka_brokers}

    def _create_topics(self) -> None:
        if self.broker != "kafka":  # a stream comes into being with its first event or reader
            return
        self.cluster.kafka.service.create_topics(TOPICS)

    def _migrate(self) -> None:
        command = Command(
            (sys.executable, "-m", "store", "upgrade"), environment(DATABASE_URL=self.cluster.database_url), self.root
        )
        process.run("store upgrade", command, self.cluster.logs / "setup.log", _SETUP_SECONDS)


def _side_by_side(*steps: Callable[[], None]) -> None:
    with ThreadPoolExecutor(max_workers=len(steps)) as pool:
        for step in [pool.submit(step) for step in steps]:
            step.result()
