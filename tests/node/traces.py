"""What a node could leave behind on this machine."""

import subprocess
from pathlib import Path

from localcluster.node import cgroups
from localcluster.node.layout import NAME

_FOLDERS = (
    *("/var/lib/kubelet", "/var/lib/cni", "/var/lib/containerd", "/var/log/pods", "/var/log/containers"),
    *("/run/containerd", "/etc/cni/net.d", "/opt/cni", "/opt/containerd", "/usr/libexec/kubernetes"),
)
_SETTINGS = (
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max"),
)


def seen() -> set[str]:
    """Processes in other process namespaces, mounts, links, routes, packet filter, control groups, folders, settings of
    the kernel, each as a line."""
    return {
        *(f"process {line}" for line in _foreign_processes()),
        *(f"mount {line.split()[1]}" for line in Path("/proc/mounts").read_text().splitlines() if NAME in line),
        *(f"link {line.split(':')[1].strip()}" for line in _printed("ip", "-o", "link")),
        *(f"route {line}" for line in _printed("ip", "route")),
        *(f"rule {line}" for line in _printed("nft", "list", "tables")),
        *(f"control group {folder}" for folder in cgroups.folders() if folder.exists()),
        *(f"folder {folder}" for folder in _FOLDERS if Path(folder).exists()),
        *(f"setting {name} {_setting(name)}" for name in _SETTINGS),
    }


def _foreign_processes() -> list[str]:
    """Those whose process namespace is not ours: a Pod's, under any name."""
    own = Path("/proc/self/ns/pid").stat().st_ino
    lines = [line.split(None, 1) for line in _printed("ps", "-e", "-o", "pidns=,comm=")]
    return [line[1] for line in lines if line[0] not in {str(own), "-"}]


def _setting(name: str) -> str:
    path = Path("/proc/sys", name)
    return path.read_text().strip() if path.exists() else ""


def _printed(*argv: str) -> list[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
