"""One of our own services, started as anybody's program would be."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import probes
from localcluster.ports import LOOPBACK
from localcluster.process import Command, environment


@dataclass(frozen=True, slots=True)
class Program:
    """`argv` listens on `port` of loopback and is ready when `ready_path` answers 200. `environment` is added to a
    bare one (no proxies, no KUBECONFIG); `directory` is where it runs."""

    name: str
    argv: tuple[str, ...]
    port: int
    ready_path: str = "/healthz"
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    directory: Path = Path("/")
    data: None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def awaited(self) -> str:
        return self.ready_path

    def prepare(self, abandon: threading.Event) -> None:
        """Nothing: a program brings what it needs."""

    def command(self) -> Command:
        return Command(argv=self.argv, environment=environment(**self.environment), directory=self.directory)

    def check(self) -> None:
        probes.expect(self.port, self.ready_path)
