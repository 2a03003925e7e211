"""Dapr's scheduler service, standalone: one member, its own etcd inside."""

import threading
from dataclasses import dataclass
from pathlib import Path

from localcluster import probes
from localcluster.ports import LOOPBACK
from localcluster.process import Command, environment

NAMESPACE = "default"
"""Jobs belong to (namespace, app id): scheduler and sidecars must agree on it."""


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Ready does not mean leading: after a kill -9 the next start answers within 0.1 s, but for about 23 s no job
    fires and every call blocks, until the dead one's lease on leadership ends (Dapr 1.18). After `stop`, or a wipe,
    it leads at once."""

    binary: Path
    data: Path
    port: int
    health_port: int
    metrics_port: int
    etcd_client_port: int
    etcd_peer_port: int
    name: str = "scheduler"
    awaited: str = "/healthz"

    @property
    def address(self) -> str:
        """host:port, for a sidecar's `--scheduler-host-address`."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self, abandon: threading.Event) -> None:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> Command:
        return Command(
            argv=(
                str(self.binary),
                "--id=s0",
                f"--listen-address={LOOPBACK}",
                f"--port={self.port}",
                # Dapr 1.18 binds it to all interfaces: its flag for the address has no effect (dapr/dapr#10394).
                f"--healthz-port={self.health_port}",
                f"--metrics-listen-address={LOOPBACK}",
                f"--metrics-port={self.metrics_port}",
                f"--etcd-client-port={self.etcd_client_port}",
                f"--etcd-initial-cluster=s0=http://{LOOPBACK}:{self.etcd_peer_port}",
                f"--etcd-data-dir={self.data / 'etcd'}",
                f"--identity-directory-write={self.data / 'tls'}",
                # Its default of 100 ms is for slow disks, and every new alarm waits for it.
                "--etcd-backend-batch-interval=10ms",
            ),
            environment=environment(NAMESPACE=NAMESPACE),
        )

    def check(self) -> None:
        probes.expect(self.health_port, "/healthz")
