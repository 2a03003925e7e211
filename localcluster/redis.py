"""Redis as a broker: one server that loses nothing when it is killed."""

import socket
import threading
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import NotReadyError
from localcluster.ports import LOOPBACK
from localcluster.process import Command, environment


@dataclass(frozen=True, slots=True)
class Redis:
    binary: Path
    data: Path
    port: int
    name: str = "redis"
    awaited: str = "PONG"

    @property
    def address(self) -> str:
        """`host:port`, as Dapr's `redisHost` takes it."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        return f"redis://{self.address}"

    def prepare(self, abandon: threading.Event) -> None:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> Command:
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.data),
            # Written to before a command is answered: a killed process loses nothing. Nothing is fsynced, so a
            # crashed machine may; like Postgres here.
            "appendonly": "yes",
            "appendfsync": "no",
            "save": "",
            # A broker refuses what it has no room for; any other policy would drop what nobody has read.
            "maxmemory-policy": "noeviction",
        }
        options = [argument for name, value in settings.items() for argument in (f"--{name}", value)]
        return Command((str(self.binary), *options), environment())

    def check(self) -> None:
        with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(b"PING\r\n")
            answer = connection.recv(64)
        if not answer.startswith(b"+PONG"):  # while it loads its file: -LOADING
            raise NotReadyError(f"redis: {answer.decode(errors='replace').strip()}")
