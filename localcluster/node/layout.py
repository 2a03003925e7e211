"""The node's name, addresses and folders. One node on a machine: they are fixed."""

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from localcluster.network import Network

NAME = "taskbell0"
"""The Node object's, the veth's and the cgroup's."""

LINK = IPv4Network("10.250.0.0/30")
HOST_ADDRESS, NODE_ADDRESS = str(LINK[1]), str(LINK[2])
PODS = IPv4Network("10.244.0.0/24")
NETWORK = Network(address=HOST_ADDRESS, services=IPv4Network("10.96.0.0/24"), callers=LINK)
DNS_ADDRESS = str(NETWORK.services[10])


@dataclass(frozen=True, slots=True)
class Layout:
    """`state` goes when the node goes; `store` is containerd's own folder and stays, so an image is unpacked once."""

    state: Path
    store: Path

    @property
    def socket(self) -> Path:
        """containerd's: a path that is the same inside and outside."""
        return self.state / "containerd.sock"

    @property
    def private(self) -> tuple[tuple[Path, Path], ...]:
        """Folders of the state that the node has in place of the machine's."""
        return ((self.state / "var-lib", Path("/var/lib")), (self.state / "var-log", Path("/var/log")))
