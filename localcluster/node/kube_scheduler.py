"""kube-scheduler, which gives every Pod to the one node there is."""

import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

from localcluster import probes
from localcluster.apiserver import ApiServer
from localcluster.ports import LOOPBACK
from localcluster.process import Command, environment


@dataclass(frozen=True, slots=True)
class KubeScheduler:
    binary: Path
    port: int
    apiserver: ApiServer
    kubeconfig: Path
    name: str = "kube-scheduler"
    data: None = None
    awaited: str = "/readyz"

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
                "--leader-elect=false",
                f"--bind-address={LOOPBACK}",
                f"--secure-port={self.port}",
                f"--tls-cert-file={certificate}",
                f"--tls-private-key-file={key}",
                "--profiling=false",
            ),
            environment=environment(),
        )

    def check(self) -> None:
        tls = ssl.create_default_context(cafile=self.apiserver.serving_certificate_authority)
        probes.expect(self.port, "/readyz", tls=tls)

    def _serving(self) -> tuple[Path, Path]:
        folder = self.apiserver.credentials
        return folder / "kube-scheduler.crt", folder / "kube-scheduler.key"
