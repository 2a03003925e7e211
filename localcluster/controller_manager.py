"""kube-controller-manager, without a node only with the controllers that make sense then."""

import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

from localcluster import probes
from localcluster.apiserver import ApiServer
from localcluster.network import ON_LOOPBACK, Network
from localcluster.ports import LOOPBACK
from localcluster.process import Command, environment

_CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    # For the benchmarks, which measure us beside them.
    "cronjob-controller",
    "job-controller",
)


@dataclass(frozen=True, slots=True)
class ControllerManager:
    """Generously set, so that a comparison with the CronJob controller is not one with its client's rate limit:
    by default it creates 9 Jobs a second, so 300."""

    binary: Path
    port: int
    apiserver: ApiServer
    kubeconfig: Path
    network: Network = ON_LOOPBACK
    name: str = "controller-manager"
    data: None = None
    awaited: str = "/healthz"

    def prepare(self, abandon: threading.Event) -> None:
        certificate, key = self._serving()
        pair = self.apiserver.serving_authority.server(LOOPBACK)
        certificate.write_bytes(pair.public)
        key.touch(mode=0o600)
        key.write_bytes(pair.private)

    def command(self) -> Command:
        certificate, key = self._serving()
        return Command(
            argv=(
                str(self.binary),
                f"--kubeconfig={self.kubeconfig}",
                f"--authentication-kubeconfig={self.kubeconfig}",
                f"--authorization-kubeconfig={self.kubeconfig}",
                f"--controllers={'*' if self.network.has_node else ','.join(_CONTROLLERS)}",
                "--leader-elect=false",
                f"--bind-address={LOOPBACK}",
                f"--secure-port={self.port}",
                f"--tls-cert-file={certificate}",
                f"--tls-private-key-file={key}",
                f"--service-account-private-key-file={self.apiserver.token_key}",
                f"--root-ca-file={self.apiserver.serving_certificate_authority}",
                # Its default lies below /usr, and would be made.
                f"--flex-volume-plugin-dir={self.apiserver.credentials / 'volume-plugins'}",
                "--profiling=false",
                "--kube-api-qps=1000",
                "--kube-api-burst=2000",
                "--concurrent-gc-syncs=4",
                "--concurrent-cron-job-syncs=20",
            ),
            environment=environment(),
        )

    def check(self) -> None:
        tls = ssl.create_default_context(cafile=self.apiserver.serving_certificate_authority)
        probes.expect(self.port, "/healthz", tls=tls)

    def _serving(self) -> tuple[Path, Path]:
        folder = self.apiserver.credentials
        return folder / "controller-manager.crt", folder / "controller-manager.key"
