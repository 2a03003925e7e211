"""kubelet, which starts the Pods that are given to this node."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster import probes
from localcluster.apiserver import ApiServer
from localcluster.node import namespaces
from localcluster.node.layout import DNS_ADDRESS, NAME, NODE_ADDRESS, Layout
from localcluster.process import Command

_HEALTH_PORT = 10248


@dataclass(frozen=True, slots=True)
class Kubelet:
    """`first` is pid 1 of the node."""

    binary: Path
    layout: Layout
    first: int
    apiserver: ApiServer
    name: str = "kubelet"
    data: None = None
    awaited: str = "/healthz"

    def prepare(self, abandon: threading.Event) -> None:
        user = f"system:node:{NAME}"
        _write_private(self._kubeconfig, self.apiserver.kubeconfig(user, ("system:nodes",)))
        pair = self.apiserver.serving_authority.server(NODE_ADDRESS, NAME)
        _write_private(self.layout.state / "kubelet.crt", pair.public.decode())
        _write_private(self.layout.state / "kubelet.key", pair.private.decode())
        # Pods that ask for the machine's own name servers get none: there is nothing to ask.
        (self.layout.state / "resolv.conf").write_text("")
        self._configuration.write_text(json.dumps(self._settings(), indent=1))

    def command(self) -> Command:
        return namespaces.entering(
            self.first,
            str(self.binary),
            f"--config={self._configuration}",
            f"--kubeconfig={self._kubeconfig}",
            f"--hostname-override={NAME}",
            f"--node-ip={NODE_ADDRESS}",
        )

    def check(self) -> None:
        probes.expect(_HEALTH_PORT, "/healthz", address=NODE_ADDRESS)

    @property
    def _kubeconfig(self) -> Path:
        return self.layout.state / "kubelet.kubeconfig"

    @property
    def _configuration(self) -> Path:
        return self.layout.state / "kubelet.json"

    def _settings(self) -> dict[str, Any]:
        state = self.layout.state
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": f"unix://{self.layout.socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{NAME}",
            "failCgroupV1": False,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(self.apiserver.credentials / "client-ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(state / "kubelet.crt"),
            "tlsPrivateKeyFile": str(state / "kubelet.key"),
            "healthzBindAddress": NODE_ADDRESS,
            "healthzPort": _HEALTH_PORT,
            "clusterDNS": [DNS_ADDRESS],
            "clusterDomain": "cluster.local",
            "resolvConf": str(state / "resolv.conf"),
            "volumePluginDir": str(state / "volume-plugins"),
            "enforceNodeAllocatable": ["pods"],
            # A full disk of the machine is not the node's business.
            "evictionHard": {
                "memory.available": "100Mi",
                **dict.fromkeys(
                    ("nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree"), "0%"
                ),
            },
            # Images cannot be fetched again, so none may go.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "nodeLeaseDurationSeconds": 120,
            # Mounted Secrets follow within 2 s instead of 90: Dapr's operator waits for one at its first start.
            "syncFrequency": "2s",
        }


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
