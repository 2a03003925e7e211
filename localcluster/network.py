"""Where the servers of a cluster listen, and what its Services and Pods get for addresses."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from localcluster.ports import LOOPBACK

_UNROUTED = IPv4Network("10.0.0.0/24")


@dataclass(frozen=True, slots=True)
class Network:
    """`address` is this machine's end; `services` the range of ClusterIPs. `callers` are those outside this machine
    who may connect to its database: None without a node."""

    address: str = LOOPBACK
    services: IPv4Network = _UNROUTED
    callers: IPv4Network | None = None

    @property
    def api_service(self) -> str:
        """The ClusterIP of `kubernetes.default`: always the first of the range."""
        return str(self.services[1])

    @property
    def has_node(self) -> bool:
        """Whether there is a kubelet, and so Pods that run."""
        return self.callers is not None


ON_LOOPBACK = Network()
