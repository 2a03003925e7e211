"""PostgreSQL: a private, throw-away server for one cluster."""

import os
import shutil
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from localcluster import process
from localcluster.errors import NotReadyError
from localcluster.network import ON_LOOPBACK, Network
from localcluster.process import Command, environment

UNPRIVILEGED_USER = "postgres"
"""PostgreSQL refuses to run as root, so root's runs as the user that Debian's package makes."""

_SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class Postgres:
    """Everyone on this machine, and on its node, may connect as superuser, and nobody from elsewhere. `binaries` holds
    `postgres`, `initdb`."""

    binaries: Path
    data: Path
    port: int
    logs: Path
    network: Network = ON_LOOPBACK
    name: str = "postgres"
    awaited: str = "a connection"

    @property
    def url(self) -> str:
        """`postgresql://...`, without a driver's name (SQLAlchemy's would be `postgresql+psycopg2://`)."""
        return f"postgresql://{_SUPERUSER}@{self.network.address}:{self.port}/postgres"

    def prepare(self, abandon: threading.Event) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        # What an interrupted initdb left, it would not accept.
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700, parents=True)
        if user := _unprivileged_user():
            shutil.chown(self.data, user, user)
        arguments = ("--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions")
        argv = (str(self.binaries / "initdb"), f"--pgdata={self.data}", f"--username={_SUPERUSER}", *arguments)
        process.run("initdb", self._as_server(argv), self.logs / f"{self.name}.log", 60, abandon)
        if self.network.callers is not None:
            with (self.data / "pg_hba.conf").open("a") as access:
                access.write(f"host all all {self.network.callers} trust\n")

    def command(self) -> Command:
        settings = {
            "listen_addresses": self.network.address,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            # A killed process loses nothing by these two, only a crashed machine does. `synchronous_commit` is another
            # matter: off, a kill -9 would lose commits that clients were told of.
            "fsync": "off",
            "full_page_writes": "off",
            # Files instead of /dev/shm, so that nothing can be left behind there.
            "dynamic_shared_memory_type": "mmap",
        }
        options = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        return self._as_server((str(self.binaries / "postgres"), "-D", str(self.data), *options))

    def check(self) -> None:
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError as error:
            raise NotReadyError(str(error).strip()) from error

    def _as_server(self, argv: tuple[str, ...]) -> Command:
        return Command(
            argv=argv,
            environment={**environment(), "HOME": str(self.data), "LC_ALL": "C.UTF-8"},
            user=_unprivileged_user(),
            # "Fast" shutdown: SIGTERM would wait until the last client has gone.
            stop_signal=signal.SIGINT,
            # "Immediate" shutdown: ends the backends and removes the shared memory, which SIGKILL would leave.
            death_signal=signal.SIGQUIT,
        )


def _unprivileged_user() -> str | None:
    return UNPRIVILEGED_USER if os.geteuid() == 0 else None
