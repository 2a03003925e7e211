"""What every part of the cluster can do, whatever it is: one set of verbs over one `Service`."""

import shutil
import threading
import time
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from localcluster.process import Command, Process


class Service(Protocol):
    """What a part runs: a description, which starts nothing by itself.

    Laws: `prepare` may be repeated and keeps what is there; `command` names the same ports every time, so that
    clients find a restarted server again; `check` is one quick look, which raises `NotReadyError` or `OSError` while
    the answer is no."""

    @property
    def name(self) -> str:
        """The part's name, and its log file's."""
        ...

    @property
    def data(self) -> Path | None:
        """The folder whose removal makes the next start an empty one; None where nothing is kept."""
        ...

    @property
    def awaited(self) -> str:
        """What `check` looks for, to complete "waiting for ..."."""
        ...

    def prepare(self, abandon: threading.Event) -> None:
        """Make the data folder and whatever else must exist before the start. Gives up early when `abandon` is set."""
        ...

    def command(self) -> Command: ...

    def check(self) -> None: ...


S_co = TypeVar("S_co", bound=Service, covariant=True)


class Part(Generic[S_co]):
    """One service under supervision. Every verb may be called in every state and from any thread, one at a time.

    `start` and `resume` of a part that runs, `stop`, `kill` of one that does not: nothing to do."""

    def __init__(self, service: S_co, logs: Path, abandon: threading.Event) -> None:
        self.service = service
        self.log = logs / f"{service.name}.log"
        self.ready_after_seconds: float | None = None
        """How long the last start took, with its preparations; None before the first."""
        self._abandon = abandon
        self._process = Process(service.name, service.command(), self.log, abandon)

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def running(self) -> bool:
        """Whether the process lives; a paused one does."""
        return self._process.running

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, seconds: float = 90) -> None:
        """Start it and return when it is ready. Raises `PartFailedError`, with the end of its log, after `seconds`."""
        begun = time.monotonic()
        if not self.running:
            self.service.prepare(self._abandon)
            self._process.start()
        self._process.wait_until(self.service.check, self.service.awaited, seconds)
        self.ready_after_seconds = time.monotonic() - begun

    def stop(self) -> None:
        """End it in good order; by force when that takes more than 15 s."""
        self._process.stop()

    def kill(self) -> None:
        """kill -9, with everything it had started."""
        self._process.kill()

    def pause(self) -> None:
        """Freeze it: connections stay open, nothing answers."""
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()

    def restart(self) -> None:
        """Stop it in good order and start it again, on the same ports and data."""
        self.stop()
        self.start()

    def wipe(self) -> None:
        """Stop it and remove its data: the next start is an empty one. It is not started."""
        self.stop()
        if self.service.data is not None and self.service.data.exists():
            shutil.rmtree(self.service.data)
