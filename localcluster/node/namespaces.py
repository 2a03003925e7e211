"""The namespaces the node lives in, as a part: pid 1 in them, and how others get in."""

import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError, NotReadyError
from localcluster.node import init
from localcluster.node.layout import HOST_ADDRESS, LINK, NAME, NETWORK, NODE_ADDRESS, PODS, Layout
from localcluster.process import Command, environment

_FOLDERS = ("var-lib", "var-log")


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Killing it kills everything that was started in it. Started once."""

    layout: Layout
    name: str = "node"
    data: None = None
    awaited: str = "pid 1 of the node"

    @property
    def _ready(self) -> Path:
        return self.layout.state / "ready"

    def prepare(self, abandon: threading.Event) -> None:
        self.layout.state.mkdir(exist_ok=True)
        for folder in _FOLDERS:
            (self.layout.state / folder).mkdir()

    def command(self) -> Command:
        kinds = ("--mount", "--net", "--pid", "--ipc", "--uts")
        binds = [f"{source}={target}" for source, target in self.layout.private]
        return Command(
            argv=(
                *("unshare", *kinds, "--fork", "--kill-child=SIGKILL", "--mount-proc"),
                *(sys.executable, "-I", "-S", init.__file__, str(self._ready), *binds),
            ),
            environment=environment(),
        )

    def check(self) -> None:
        if not self._ready.exists():
            raise NotReadyError("it has not made its mounts yet")


def first_process(unshare: int) -> int:
    """The number, out here, of the only child of unshare(1)."""
    return int(Path(f"/proc/{unshare}/task/{unshare}/children").read_text())


def entering(first: int, *argv: str, **added: str) -> Command:
    """The command, in the node's namespaces; it dies with the nsenter(1) that stands for it out here."""
    ways = ("--mount", "--net", "--pid", "--ipc", "--uts")
    # Without the last one a killed nsenter would leave its child running.
    return Command(
        ("nsenter", f"--target={first}", *ways, "--", "setpriv", "--pdeathsig", "KILL", *argv), environment(**added)
    )


def connect(first: int) -> None:
    """A veth between this machine and the node, and this machine's routes to its Pods and Services.

    They go when the namespace goes. Raises `LocalClusterError`."""
    _run("ip", "link", "add", NAME, "type", "veth", "peer", "name", "eth0", "netns", str(first))
    _run("ip", "address", "add", f"{HOST_ADDRESS}/{LINK.prefixlen}", "dev", NAME)
    _run("ip", "link", "set", NAME, "up")
    inside = entering(first).argv
    for arguments in (
        ("link", "set", "lo", "up"),
        ("address", "add", f"{NODE_ADDRESS}/{LINK.prefixlen}", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("route", "add", "default", "via", HOST_ADDRESS),
    ):
        _run(*inside, "ip", *arguments)
    _run(*inside, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.route_localnet=1")
    for range_ in (PODS, NETWORK.services):
        _run("ip", "route", "add", str(range_), "via", NODE_ADDRESS)


def disconnect() -> None:
    """Takes this machine's end away, with its routes; what is away already is no error."""
    subprocess.run(("ip", "link", "delete", NAME), capture_output=True, check=False)


def _run(*argv: str) -> None:
    answer = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise LocalClusterError(f"{' '.join(argv)}: {answer.stderr.strip()}")
