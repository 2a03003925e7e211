"""One supervised child process: started, waited for, signalled, and never left behind.

How a child is kept from outliving us:

    ended how                     what ends the child
    `stop`, `kill`                the signal, then SIGKILL for its whole family
    Ctrl-C, exception             our caller's `finally`: a child has a session of its own, Ctrl-C does not reach it
    kill -9 of us                 PR_SET_PDEATHSIG for the child (`launcher`), the reaper for its children

PR_SET_PDEATHSIG fires when the *thread* that forked ends, not the process; therefore one thread that lives as long as
we do starts all children, and the caller may be any thread.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from localcluster import launcher
from localcluster.errors import NotReadyError, PartFailedError
from localcluster.reaper import REAPER, is_alive

LOG_TAIL_LINES = 30

_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="localcluster-spawner")
_POLL_SECONDS = 0.05
_GONE_SECONDS = 10.0

_INHERITED = ("HOME", "JAVA_HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "USER")


def environment(**added: str) -> dict[str, str]:
    """The environment of a local server: a few of our own variables and `added`. No proxies, no KUBECONFIG, no TZ."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, **added}


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `environment` is the whole of it; `user` is whom to drop to, None to stay who we are."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path = Path("/")
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """Sent by the kernel when we die. The reaper follows with SIGKILL."""


@dataclass(frozen=True, slots=True)
class _Exit:
    """How a process ended: waitid(2)'s `si_code` and `si_status`."""

    code: int
    status: int

    def __str__(self) -> str:
        if self.code == os.CLD_EXITED:
            return f"ended with exit code {self.status}"
        return f"was ended by {signal.Signals(self.status).name}"


_SUCCESS = _Exit(os.CLD_EXITED, 0)


class Process:
    """At most one running child for one command. Output is appended to `log`.

    `abandon` is an event that makes every wait give up early, for callers on several threads."""

    def __init__(self, name: str, command: Command, log: Path, abandon: threading.Event | None = None) -> None:
        self.name = name
        self.command = command
        self.log = log
        self._abandon = abandon or threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the child lives; a paused one does."""
        return self._child is not None and self._exit() is None

    @property
    def pid(self) -> int:
        """Raises `PartFailedError` when nothing runs."""
        if self._child is None:
            raise PartFailedError(f"{self.name} is not running")
        return self._child.pid

    def start(self) -> None:
        """Start the child, without waiting until it is ready. Raises `PartFailedError` when it runs already."""
        if self.running:
            raise PartFailedError(f"{self.name} is running already, as process {self.pid}")
        self.kill()  # buries one that ended by itself
        self._child = _SPAWNER.submit(_spawn, self.command, self.log).result()
        REAPER.watch_group(self._child.pid)

    def wait_until(self, check: Callable[[], None], awaited: str, seconds: float) -> None:
        """Return once `check` no longer raises `NotReadyError` or `OSError`.

        Raises `PartFailedError`, naming what was `awaited` and with the end of the log, when the child ends before
        that, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while (refusal := _refusal(check)) is not None:
            if (ended := self._exit()) is not None:
                raise self._failure(f"{ended} before {awaited}")
            if time.monotonic() > deadline:
                raise self._failure(f"not ready after {seconds:.0f} s, waiting for {awaited}: {refusal}")
            self._pause_between_looks()

    def finish(self, seconds: float) -> None:
        """Wait until the child has ended with success. Raises `PartFailedError` otherwise; either way it is gone."""
        deadline = time.monotonic() + seconds
        try:
            while (ended := self._exit()) is None:
                if time.monotonic() > deadline:
                    raise self._failure(f"still running after {seconds:.0f} s")
                self._pause_between_looks()
            if ended != _SUCCESS:
                raise self._failure(str(ended))
        finally:
            self.kill()

    def stop(self, grace_seconds: float = 15) -> None:
        """End the child as it likes to be ended, or by force after `grace_seconds`. Nothing to do when it does not
        run."""
        if self.running:
            self._signal([self.pid], self.command.stop_signal)
            self.resume()  # a paused process sees the signal only then
        deadline = time.monotonic() + grace_seconds
        while self.running and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS / 5)
        self.kill()

    def kill(self) -> None:
        """kill -9 of the child and its family; returns when they are gone. Nothing to do when it does not run."""
        if self._child is None:
            return
        family = self._stopped_family()
        self._signal(family, signal.SIGKILL)
        self._signal_group(signal.SIGKILL)
        # Forgotten before it is waited for: until then nobody else can be given its number.
        REAPER.forget_group(self._child.pid)
        self._child.wait()
        _wait_until_gone(family)
        self._child = None

    def pause(self) -> None:
        """SIGSTOP to the child and its family: connections stay open and nothing answers."""
        self._signal(self._stopped_family()[1:], signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT to the child and its family."""
        self._signal([self.pid, *_descendants(self.pid)], signal.SIGCONT)

    def log_tail(self) -> str:
        """The last lines of the log, or a remark that there are none."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:]) or "(it logged nothing)"

    def _stopped_family(self) -> list[int]:
        # The parent is stopped first, so that it cannot fork while its children are listed. Not by process group alone:
        # each of PostgreSQL's backends leads a session of its own.
        self._signal([self.pid], signal.SIGSTOP)
        return [self.pid, *_descendants(self.pid)]

    def _signal(self, pids: Iterable[int], number: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _exit(self) -> _Exit | None:
        """How the child ended, None while it lives. It stays a zombie, so its number stays its own until `kill`."""
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return _Exit(ended.si_code, ended.si_status) if ended else None

    def _pause_between_looks(self) -> None:
        if self._abandon.wait(_POLL_SECONDS):
            raise PartFailedError(f"{self.name} was abandoned")

    def _failure(self, what: str) -> PartFailedError:
        return PartFailedError(f"{self.name} {what}\n--- the end of {self.log}\n{self.log_tail()}\n---")


def run(name: str, command: Command, log: Path, seconds: float, abandon: threading.Event | None = None) -> None:
    """Run a command to its successful end, under the same supervision. Raises `PartFailedError`."""
    process = Process(name, command, log, abandon)
    process.start()
    process.finish(seconds)


def _spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    launch = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(int(command.death_signal))]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*launch, command.user or "", *command.argv],
            env=command.environment,
            cwd=command.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _refusal(check: Callable[[], None]) -> Exception | None:
    try:
        check()
    except (NotReadyError, OSError) as error:
        return error
    return None


def _descendants(pid: int) -> list[int]:
    """Children before grandchildren; those that ended meanwhile may be among them."""
    children = list(_children(pid))
    return children + [below for child in children for below in _descendants(child)]


def _children(pid: int) -> Iterator[int]:
    for thread in _threads(pid):
        # One that ends meanwhile must not hide the children of the others.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield from map(int, (thread / "children").read_text().split())


def _threads(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


def _wait_until_gone(pids: Iterable[int]) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    for pid in pids:
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS / 5)
