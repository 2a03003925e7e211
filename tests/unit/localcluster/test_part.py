"""The verbs that every part has, on a service that keeps one file."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcluster import process
from localcluster.errors import NotReadyError
from localcluster.part import Part
from localcluster.process import Command

# Ready once its mark is there; the mark counts its starts.
SERVER = """
import signal, sys, pathlib
mark = pathlib.Path(sys.argv[1], "mark")
with mark.open("a") as file: file.write("x")
signal.pause()
"""


@dataclass(frozen=True, slots=True)
class Keeper:
    data: Path
    name: str = "keeper"
    awaited: str = "its mark"

    def prepare(self, abandon: threading.Event) -> None:
        self.data.mkdir(exist_ok=True)

    def command(self) -> Command:
        return Command((sys.executable, "-c", SERVER, str(self.data)), process.environment())

    def check(self) -> None:
        if not self.starts():
            raise NotReadyError("no mark")

    def starts(self) -> int:
        mark = self.data / "mark"
        return len(mark.read_text()) if mark.exists() else 0


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Part[Keeper]]:
    part = Part(Keeper(tmp_path / "data"), tmp_path / "logs", threading.Event())
    yield part
    part.kill()


def test_a_started_part_is_ready(keeper: Part[Keeper]) -> None:
    keeper.start()
    assert keeper.running
    assert keeper.service.starts() == 1
    assert keeper.log.name == "keeper.log"


def test_starting_a_running_part_changes_nothing(keeper: Part[Keeper]) -> None:
    keeper.start()
    pid = keeper.pid
    keeper.start()
    assert keeper.pid == pid


def test_a_killed_part_starts_again_on_its_data(keeper: Part[Keeper]) -> None:
    keeper.start()
    first = keeper.pid
    keeper.kill()
    assert not keeper.running
    keeper.start()
    assert keeper.pid != first
    assert (keeper.service.data / "mark").exists()


def test_a_part_that_ended_by_itself_starts_again(keeper: Part[Keeper]) -> None:
    keeper.start()
    first = keeper.pid
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert not keeper.running
    keeper.start()
    assert keeper.pid != first


def test_restart_gives_another_process(keeper: Part[Keeper]) -> None:
    keeper.start()
    first = keeper.pid
    keeper.restart()
    assert keeper.running
    assert keeper.pid != first


def test_a_wiped_part_is_down_and_starts_empty(keeper: Part[Keeper]) -> None:
    keeper.start()
    (keeper.service.data / "precious").touch()
    keeper.wipe()
    assert not keeper.running
    keeper.start()
    assert not (keeper.service.data / "precious").exists()


@pytest.mark.parametrize("verb", [Part.stop, Part.kill, Part.wipe], ids=["stop", "kill", "wipe"])
def test_ending_a_part_that_never_ran_is_no_error(keeper: Part[Keeper], verb: Callable[[Part[Keeper]], None]) -> None:
    verb(keeper)
    assert not keeper.running
