"""etcd, in which the API server keeps everything."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from localcluster import probes
from localcluster.errors import NotReadyError
from localcluster.ports import LOOPBACK
from localcluster.process import Command, environment


@dataclass(frozen=True, slots=True)
class Etcd:
    """A single member. After a wipe the API server must be restarted too: it remembers revisions that no longer
    exist."""

    binary: Path
    data: Path
    client_port: int
    peer_port: int
    name: str = "etcd"
    awaited: str = "its own /health"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.client_port}"

    def prepare(self, abandon: threading.Event) -> None:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> Command:
        peer = f"http://{LOOPBACK}:{self.peer_port}"
        return Command(
            argv=(
                str(self.binary),
                "--name=default",
                f"--data-dir={self.data}",
                f"--listen-client-urls={self.url}",
                f"--advertise-client-urls={self.url}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--log-level=warn",
                # A killed process loses nothing by it, only a crashed machine does; and every write is several times
                # faster.
                "--unsafe-no-fsync",
            ),
            environment=environment(),
        )

    def check(self) -> None:
        health = json.loads(probes.expect(self.client_port, "/health"))
        if health["health"] != "true":
            raise NotReadyError(f"unhealthy: {health}")
