"""kube-proxy, which makes ClusterIPs lead to Pods."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from localcluster import probes
from localcluster.apiserver import ApiServer
from localcluster.node import namespaces
from localcluster.node.layout import NAME, NODE_ADDRESS, PODS, Layout
from localcluster.process import Command

_HEALTH_PORT = 10256


@dataclass(frozen=True, slots=True)
class KubeProxy:
    """`first` is pid 1 of the node."""

    binary: Path
    layout: Layout
    first: int
    apiserver: ApiServer
    name: str = "kube-proxy"
    data: None = None
    awaited: str = "/healthz"

    def prepare(self, abandon: threading.Event) -> None:
        self._kubeconfig.touch(mode=0o600)
        self._kubeconfig.write_text(self.apiserver.kubeconfig("system:kube-proxy"))
        settings = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clusterCIDR": str(PODS),
            "hostnameOverride": NAME,
            "healthzBindAddress": f"{NODE_ADDRESS}:{_HEALTH_PORT}",
            "clientConnection": {"kubeconfig": str(self._kubeconfig)},
            # A Service follows its Pods sooner than after a second.
            "nftables": {"minSyncPeriod": "100ms"},
            # These limits belong to the whole machine.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }
        self._configuration.write_text(json.dumps(settings, indent=1))

    def command(self) -> Command:
        return namespaces.entering(self.first, str(self.binary), f"--config={self._configuration}")

    def check(self) -> None:
        probes.expect(_HEALTH_PORT, "/healthz", address=NODE_ADDRESS)

    @property
    def _kubeconfig(self) -> Path:
        return self.layout.state / "kube-proxy.kubeconfig"

    @property
    def _configuration(self) -> Path:
        return self.layout.state / "kube-proxy.json"
