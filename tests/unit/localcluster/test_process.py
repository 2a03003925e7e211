"""A child is started, waited for and signalled; and it never outlives us."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcluster import process
from localcluster.errors import NotReadyError, PartFailedError
from localcluster.process import Command, Process

LONG = "import signal; signal.pause()"
POLITE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit("bye"))
print("hello", flush=True)
signal.pause()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
# Prints its child's process id.
WITH_CHILD = f"""
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{LONG}"])
print(child.pid, flush=True)
signal.pause()
"""
# As PostgreSQL's backends do, the child leads a session of its own.
WITH_CHILD_IN_A_SESSION_OF_ITS_OWN = WITH_CHILD.replace('"])', '"], start_new_session=True)')

Make = Callable[[str], Process]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Process] = []

    def make(script: str) -> Process:
        made.append(Process("child", python(script), tmp_path / "child.log"))
        return made[-1]

    yield make
    for child in made:
        child.kill()


def python(script: str) -> Command:
    return Command((sys.executable, "-c", script), process.environment())


def logged(child: Process) -> str:
    """What the child has printed, once there is a line."""

    def check() -> None:
        if "\n" not in child.log.read_text():
            raise NotReadyError("no line yet")

    child.wait_until(check, "its first line", 10)
    return child.log.read_text()


def state(pid: int) -> str:
    """Of a process, as in proc(5): T is stopped; "" when it is gone, or only its parent's wait is still missing."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if letter in "ZX" else letter


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        os.sched_yield()
    return True


def never() -> None:
    raise NotReadyError("the door is closed")


def test_a_child_that_ends_too_early_is_reported_with_the_end_of_its_log(make: Make) -> None:
    child = make("import sys; print('line 1\\n' * 99 + 'disk on fire'); sys.exit(3)")
    child.start()
    with pytest.raises(PartFailedError) as failure:
        child.wait_until(never, "an open door", 10)
    message = str(failure.value)
    assert "exit code 3 before an open door" in message
    assert "disk on fire" in message
    assert message.count("line 1") < process.LOG_TAIL_LINES


def test_a_child_that_is_killed_is_reported_with_the_signal(make: Make) -> None:
    child = make("import os, signal; os.kill(os.getpid(), signal.SIGABRT)")
    child.start()
    with pytest.raises(PartFailedError, match="SIGABRT"):
        child.wait_until(never, "an open door", 10)


def test_a_child_that_is_not_ready_in_time_is_reported_with_what_was_awaited(make: Make) -> None:
    child = make(LONG)
    child.start()
    with pytest.raises(PartFailedError, match=r"waiting for an open door: the door is closed") as failure:
        child.wait_until(never, "an open door", 0)
    assert str(child.log) in str(failure.value)
    assert child.running


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = Process("child", Command(("/nowhere/etcd",), process.environment()), tmp_path / "child.log")
    missing.start()
    with pytest.raises(PartFailedError, match=r"cannot run /nowhere/etcd: No such file"):
        missing.finish(10)


def test_a_second_start_is_refused_while_the_child_runs(make: Make) -> None:
    child = make(LONG)
    child.start()
    with pytest.raises(PartFailedError, match="running already"):
        child.start()


def test_the_log_is_appended_to_over_restarts(make: Make) -> None:
    child = make("print('once more')")
    for _ in range(2):
        child.start()
        child.finish(10)
    assert child.log.read_text() == "once more\n" * 2


def test_run_raises_when_the_program_fails(tmp_path: Path) -> None:
    with pytest.raises(PartFailedError, match="exit code 1"):
        process.run("tool", python("import sys; sys.exit('no')"), tmp_path / "log", 10)


@pytest.mark.parametrize("end", [Process.stop, Process.kill], ids=["stop", "kill"])
@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_an_ended_child_is_gone_even_when_it_was_paused(
    make: Make, end: Callable[[Process], None], paused: bool
) -> None:
    child = make(LONG)
    child.start()
    pid = child.pid
    if paused:
        child.pause()
    end(child)
    assert not child.running
    assert state(pid) == ""


def test_a_paused_child_still_ends_in_its_own_good_order(make: Make) -> None:
    child = make(POLITE)
    child.start()
    logged(child)
    child.pause()
    child.stop(grace_seconds=10)
    assert child.log.read_text() == "hello\nbye\n"


def test_a_child_outlives_the_thread_that_asked_for_it(make: Make) -> None:
    child = make(POLITE)

    def start() -> None:
        child.start()
        logged(child)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(10)
    child.pause()
    assert eventually(lambda: state(child.pid) == "T")


def test_a_child_that_ignores_the_signal_is_killed_after_its_grace(make: Make) -> None:
    child = make(STUBBORN)
    child.start()
    assert logged(child) == "deaf\n"
    child.stop(grace_seconds=0.1)
    assert not child.running


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(WITH_CHILD, id="in its group"),
        pytest.param(WITH_CHILD_IN_A_SESSION_OF_ITS_OWN, id="in a session of its own"),
    ],
)
def test_signals_reach_the_childs_own_children(make: Make, script: str) -> None:
    child = make(script)
    child.start()
    family = [child.pid, int(logged(child))]
    child.pause()
    assert eventually(lambda: [state(pid) for pid in family] == ["T", "T"])
    child.resume()
    assert eventually(lambda: "T" not in [state(pid) for pid in family])
    child.kill()
    assert [state(pid) for pid in family] == ["", ""]


def test_servers_inherit_neither_proxies_nor_a_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "https_proxy", "KUBECONFIG", "TZ"):
        monkeypatch.setenv(name, "somewhere")
    assert "somewhere" not in process.environment(TOKEN="t").values()
    assert process.environment(TOKEN="t")["TOKEN"] == "t"


PARENT = f"""
import signal, sys
from pathlib import Path
from localcluster import process
from localcluster.reaper import REAPER

folder = Path(sys.argv[1])
(folder / "data").mkdir()
REAPER.watch_directory(folder / "data")
child = process.Process("child", process.Command((sys.executable, "-c", {WITH_CHILD!r}), process.environment()),
                        folder / "child.log")
child.start()
{{then}}
"""
WAITS = """
print(child.pid, flush=True)
signal.pause()
"""
WAITS_WITHOUT_A_REAPER = (
    """
REAPER.forget_group(child.pid)
"""
    + WAITS
)
WAITS_AND_STOPS = """
print(child.pid, flush=True)
try:
    signal.pause()
finally:
    child.stop()
"""
FAILS = """
print(child.pid, flush=True)
sys.stdin.readline()
raise RuntimeError("a failed test")
"""
RETURNS = """
print(child.pid, flush=True)
sys.stdin.readline()
"""


def test_the_child_itself_dies_even_when_no_reaper_knows_of_it(tmp_path: Path) -> None:
    with parent(tmp_path, WAITS_WITHOUT_A_REAPER) as (running, child, grandchild):
        running.kill()
    try:
        assert eventually(lambda: not state(child))
    finally:
        os.kill(grandchild, signal.SIGKILL)


@pytest.mark.parametrize(
    ("then", "number"),
    [
        pytest.param(WAITS, signal.SIGKILL, id="kill -9"),
        pytest.param(WAITS, signal.SIGTERM, id="a plain kill"),
        pytest.param(WAITS, signal.SIGINT, id="Ctrl-C that nobody handles"),
        pytest.param(WAITS_AND_STOPS, signal.SIGINT, id="Ctrl-C and an orderly stop"),
        pytest.param(FAILS, None, id="an exception"),
        pytest.param(RETURNS, None, id="the end of the program"),
    ],
)
def test_nothing_is_left_when_the_parent_ends_by(tmp_path: Path, then: str, number: signal.Signals | None) -> None:
    with parent(tmp_path, then) as (running, child, grandchild):
        assert state(child)
        assert state(grandchild)
        if number is None:
            running.communicate("go\n", timeout=10)
        else:
            running.send_signal(number)
    assert eventually(lambda: not state(child) and not state(grandchild) and not (tmp_path / "data").exists())


@contextmanager
def parent(folder: Path, then: str) -> Generator[tuple[subprocess.Popen[str], int, int]]:
    """A running parent, the process ids of its child and of that one's child. Waits for the parent's end."""
    running = subprocess.Popen(  # noqa: S603  the script above
        [sys.executable, "-c", PARENT.format(then=then), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with running:
        assert running.stdout is not None
        child = int(running.stdout.readline())
        log = folder / "child.log"
        assert eventually(lambda: "\n" in log.read_text())
        yield running, child, int(log.read_text())
