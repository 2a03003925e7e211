"""daprd beside one of our programs."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import probes
from localcluster.ports import LOOPBACK, Ports
from localcluster.process import Command, environment
from localcluster.scheduler import NAMESPACE

# Dapr's default outside Kubernetes is mDNS, which listens and announces on every interface. We invoke no services by
# name.
_LOCAL_CONFIGURATION = """\
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: localcluster
spec:
  nameResolution:
    component: nameformat
    configuration:
      format: "{appid}.localhost"
"""


@dataclass(frozen=True, slots=True)
class SidecarPorts:
    http: int
    grpc: int
    internal_grpc: int
    metrics: int

    @staticmethod
    def take(ports: Ports) -> "SidecarPorts":
        return SidecarPorts(*(ports.take() for _ in range(4)))


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar for the app with id `app_id` on `app_port`; the two may start in either order.

    Ready means that the Dapr API is usable (`/v1.0/healthz/outbound`), not that the app is up: apps may call Dapr
    while they start. Deliveries begin when the app answers 200 on `health_path`, and stop when it no longer does;
    asked every second. `environment` holds tokens and what components read from it."""

    binary: Path
    home: Path
    app_id: str
    app_port: int
    ports: SidecarPorts
    scheduler_address: str
    resources: tuple[Path, ...]
    configuration: Path | None = None
    health_path: str = "/healthz"
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    name: str = ""
    data: None = None
    awaited: str = "/v1.0/healthz/outbound"

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", f"{self.app_id}-sidecar")

    @property
    def url(self) -> str:
        """Of Dapr's HTTP API."""
        return f"http://{LOOPBACK}:{self.ports.http}"

    def prepare(self, abandon: threading.Event) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self._local_configuration.write_text(_LOCAL_CONFIGURATION)

    def command(self) -> Command:
        configurations = (self._local_configuration, *((self.configuration,) if self.configuration else ()))
        return Command(
            argv=(
                str(self.binary),
                "--mode=standalone",
                f"--app-id={self.app_id}",
                f"--app-port={self.app_port}",
                "--app-protocol=http",
                f"--app-channel-address={LOOPBACK}",
                f"--dapr-listen-addresses={LOOPBACK}",
                f"--dapr-http-port={self.ports.http}",
                f"--dapr-grpc-port={self.ports.grpc}",
                f"--dapr-internal-grpc-listen-address={LOOPBACK}",
                f"--dapr-internal-grpc-port={self.ports.internal_grpc}",
                f"--metrics-listen-address={LOOPBACK}",
                f"--metrics-port={self.ports.metrics}",
                f"--scheduler-host-address={self.scheduler_address}",
                "--enable-app-health-check",
                f"--app-health-check-path={self.health_path}",
                "--app-health-probe-interval=1",
                "--app-health-threshold=1",
                *(f"--config={path}" for path in configurations),
                *(f"--resources-path={path}" for path in self.resources),
            ),
            environment=environment(**{"NAMESPACE": NAMESPACE, "DAPR_HOST_IP": LOOPBACK, **self.environment}),
        )

    def check(self) -> None:
        probes.expect(self.ports.http, "/v1.0/healthz/outbound", statuses=(204,))

    @property
    def _local_configuration(self) -> Path:
        return self.home / f"{self.name}-configuration.yaml"
