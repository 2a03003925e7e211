"""containerd, which runs containers by runc and keeps images."""

import json
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError, NotReadyError
from localcluster.node import namespaces
from localcluster.node.layout import PODS, Layout
from localcluster.process import Command, environment

PAUSE_IMAGE = "localhost/pause:1"
_NAMESPACE = "k8s.io"


@dataclass(frozen=True, slots=True)
class Containerd:
    """Debian's, with our own plugins for the Pods' network. `first` is pid 1 of the node."""

    layout: Layout
    first: int
    network_plugins: Path
    name: str = "containerd"
    data: None = None
    awaited: str = "an answer on its socket"

    def prepare(self, abandon: threading.Event) -> None:
        self.layout.store.mkdir(parents=True, exist_ok=True)
        self._networks.mkdir(exist_ok=True)
        (self._networks / "10-pods.conflist").write_text(json.dumps(self._pod_network()))
        self._configuration.write_text(self._settings())

    def command(self) -> Command:
        return namespaces.entering(self.first, "containerd", "--config", str(self._configuration))

    def check(self) -> None:
        answer = self._ctr("version")
        if answer.returncode != 0:
            raise NotReadyError(answer.stderr.strip())

    def load(self, image: Path) -> None:
        """Takes an image from a docker archive. Raises `LocalClusterError`."""
        answer = self._ctr("images", "import", str(image))
        if answer.returncode != 0:
            raise LocalClusterError(f"containerd cannot import {image}: {answer.stderr.strip()}")

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = ("ctr", "--address", str(self.layout.socket), "--namespace", _NAMESPACE, *arguments)
        return subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)

    @property
    def _networks(self) -> Path:
        return self.layout.state / "networks"

    @property
    def _configuration(self) -> Path:
        return self.layout.state / "containerd.toml"

    def _pod_network(self) -> dict[str, object]:
        addresses = {
            "type": "host-local",
            "dataDir": str(self.layout.state / "addresses"),
            "ranges": [[{"subnet": str(PODS)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{**bridge, "ipam": addresses}, ports]}

    def _settings(self) -> str:
        return f"""\
version = 2
root = "{self.layout.store}"
state = "/run/containerd"
oom_score = 0

[grpc]
  address = "{self.layout.socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{self.layout.state}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  stream_server_address = "127.0.0.1"
  # Without CAP_SYS_RESOURCE runc may not lower the score, and every Pod dies of it.
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{self.network_plugins}"
    conf_dir = "{self._networks}"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""
