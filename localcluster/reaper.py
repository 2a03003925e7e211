"""Cleans up after a parent that had no time to: a small process that waits for the end of its parent's pipe.

    parent ── "+group 4711", "+directory /tmp/taskbell-x", "-group 4711", ... ──► reaper
      ✗ kill -9 ────────────── end of file ─────────────────────────────────────► kill -9 the groups, remove the folders

`launcher` already ties every child to its parent; the reaper is for what that cannot reach: a child's own children, and
files. (Testcontainers' Ryuk does the same for containers.) It has a session of its own, so a terminal's Ctrl-C passes
it by, and it holds neither the parent's output nor its working directory. Standard library only: it runs under
`python -I -S`.
"""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

GRACE_SECONDS = 2.0
"""How long children may take to obey their death signal before they are killed. PostgreSQL needs 0.1 s to remove its
shared memory."""

_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.02


class Reaper:
    """The parent's end. Laws: watching comes after a group exists and forgetting before its number can be given away,
    so no stranger is ever killed; every call may be repeated; the process is started by the first call."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def watch_group(self, group: int) -> None:
        self._tell(f"+group {group}")

    def forget_group(self, group: int) -> None:
        self._tell(f"-group {group}")

    def watch_directory(self, directory: Path) -> None:
        self._tell(f"+directory {directory.absolute()}")

    def forget_directory(self, directory: Path) -> None:
        self._tell(f"-directory {directory.absolute()}")

    def _tell(self, line: str) -> None:
        with self._lock:
            pipe = self._running().stdin
            assert pipe is not None  # noqa: S101  opened as a pipe below
            pipe.write(f"{line}\n".encode())
            pipe.flush()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
            atexit.register(self._dismiss, self._process)
        return self._process

    @staticmethod
    def _dismiss(process: subprocess.Popen[bytes]) -> None:
        process.communicate()


REAPER = Reaper()
"""One for each process: its pipe is this process's sign of life."""


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups, directories = read_orders(sys.stdin)
    _end(groups)
    _remove(directories)


def read_orders(lines: Iterable[str]) -> tuple[set[int], set[Path]]:
    """What is still watched when the lines end."""
    watched: dict[str, set[str]] = {"group": set(), "directory": set()}
    for line in lines:
        order, _, target = line.rstrip("\n").partition(" ")
        of_kind = watched[order[1:]]
        (of_kind.add if order[0] == "+" else of_kind.discard)(target)
    return {int(group) for group in watched["group"]}, {Path(directory) for directory in watched["directory"]}


def _end(groups: set[int]) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    # A group has the number of the child that leads it.
    while any(map(is_alive, groups)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that only awaits its parent's wait(2) does not: an orphan may stay so for seconds."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def _remove(directories: set[Path]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    # More than once: what had left its group, as PostgreSQL's backends do, may still write for a moment.
    while any(directory.exists() for directory in directories) and time.monotonic() < deadline:
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    main()
