"""What this machine shows of itself: processes, and who listens where."""

import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from localcluster.reaper import is_alive

Address = tuple[str, int]

_LISTEN = "0A"


def family(pid: int) -> set[int]:
    """A process and all that descend from it."""
    return {pid}.union(*(family(child) for child in _children(pid)))


def alive(pids: Iterable[int]) -> dict[int, str]:
    """Those that still run, with their command lines."""
    return {pid: _command(pid) for pid in pids if is_alive(pid)}


def state(pid: int) -> str:
    """Of a process, as in proc(5): T is stopped; "" when it is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def shared_memory(pids: Iterable[int]) -> set[int]:
    """The System V segments that these processes made, by their ids: proc_sysvipc_shm(5)."""
    makers = set(pids)
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return {int(row[1]) for row in rows if int(row[4]) in makers}


def listening(pids: Iterable[int]) -> set[Address]:
    """Where these processes listen, over TCP."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    return {address for address, inode in _listeners() if inode in inodes}


def taken(ports: Iterable[int]) -> set[int]:
    """Those of the ports on which anybody listens."""
    return {port for (_host, port), _inode in _listeners()} & set(ports)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # one that ends hides nothing of the others
                found += map(int, (thread / "children").read_text().split())
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _sockets(pid: int) -> Iterator[str]:
    with suppress(FileNotFoundError, ProcessLookupError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    yield target[len("socket:[") : -1]


def _listeners() -> Iterator[tuple[Address, str]]:
    """Address and inode of every listening TCP socket, proc_net_tcp(5)."""
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == _LISTEN:
                host, port = local.split(":")
                yield (_host(host), int(port, 16)), rest[5]


def _host(hexadecimal: str) -> str:
    words = [struct.pack("=I", int(hexadecimal[at : at + 8], 16)) for at in range(0, len(hexadecimal), 8)]
    address = socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))
    return address.removeprefix("::ffff:")
