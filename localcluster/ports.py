"""Free loopback ports that stay free for their owner, also while the server on them is down.

Two traps are avoided. Ports from the kernel (`bind(0)`) come from the range of outgoing connections, so while a killed
broker is down somebody's connection may take its port; hence ours lie below that range. And between choosing a port
and listening on it a second cluster may choose the same one; hence a block of ports is claimed first, by an abstract
Unix socket named after it: exclusive, on the same scope as the ports, released by the kernel however its owner ends.
"""

import socket
from collections.abc import Iterator

from localcluster.errors import LocalClusterError

LOOPBACK = "127.0.0.1"

_BLOCK = 50
_FIRST_PORT, _LAST_PORT = 20_000, 32_000  # below Linux' default ip_local_port_range, 32768-60999


class Ports:
    """The ports of one cluster. `take` never gives the same one twice; `close` releases all of them."""

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []
        self._free = self._find()

    def take(self) -> int:
        """A port on which nobody listens on loopback. Raises `LocalClusterError` when none is left."""
        try:
            return next(self._free)
        except StopIteration:
            raise LocalClusterError(f"no free port between {_FIRST_PORT} and {_LAST_PORT} on {LOOPBACK}") from None

    def close(self) -> None:
        while self._claims:
            self._claims.pop().close()

    def _find(self) -> Iterator[int]:
        for first in range(_FIRST_PORT, _LAST_PORT, _BLOCK):
            if self._claim(first):
                yield from filter(_is_unused, range(first, first + _BLOCK))

    def _claim(self, first: int) -> bool:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0taskbell-localcluster-ports-{first}")
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True


def _is_unused(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
