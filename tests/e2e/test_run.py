"""`make run DETACH=1`, `make status`, `make stop`, as a newcomer meets them; in a folder that only looks like the
checkout, so that a developer's own `.run` is left alone."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcluster import binaries
from localcluster.cluster import BARE_PARTS
from localcluster.stack import CONSUMERS
from tests import acceptance
from tests.e2e import machine
from tests.e2e.people import eventually

ROOT = Path(__file__).parents[2]
NOT_COPIED = {".git", ".run"}
VARIABLES = ("KUBECONFIG", "TASKBELL_API", "TASKBELL_SECRET", "TASKBELL_TOKEN", "KAFKA_BROKERS", "DATABASE_URL")
SERVICES = ("operator", "api-shim", *CONSUMERS)
PARTS = {*BARE_PARTS, *SERVICES, *(f"{service}-sidecar" for service in SERVICES)}

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class Checkout:
    folder: Path
    temporary: Path

    def localcluster(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "localcluster", *arguments],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            capture_output=True,
            text=True,
            check=False,
        )

    def shell(self, script: str) -> str:
        """What bash prints, in which the environment was sourced and which knows nothing else."""
        answer = subprocess.run(
            ["bash", "-c", f"set -eu; source {self.folder}/.run/env; {script}"],
            cwd=self.folder,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.temporary),
                "TASKBELL_CACHE": str(binaries.cache_directory()),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, f"{script}: {answer.stdout}{answer.stderr}"
        return answer.stdout

    def pids(self) -> set[int]:
        return machine.family(int((self.folder / ".run" / "pid").read_text()))


@dataclass(frozen=True)
class Running:
    checkout: Checkout
    printed: str


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    base = Path(tempfile.mkdtemp(prefix="test-run-"))
    base.chmod(0o711)  # PostgreSQL's server runs as another user when we are root
    checkout = Checkout(base / "checkout", base / "temporary")
    checkout.folder.mkdir()
    checkout.temporary.mkdir()
    for path in ROOT.iterdir():
        if path.name not in NOT_COPIED:
            (checkout.folder / path.name).symlink_to(path)
    yield checkout
    shutil.rmtree(base)


@pytest.fixture(scope="module")
def running(checkout: Checkout) -> Iterator[Running]:
    answer = checkout.localcluster("run", "--detach")
    try:
        assert answer.returncode == 0, answer.stdout + answer.stderr
        yield Running(checkout, answer.stdout)
    finally:
        checkout.localcluster("stop")


def test_it_shows_the_main_job_as_it_happens(running: Running) -> None:
    story = (
        r"everything is up after [\d.]+ s",
        r"kubectl apply: standup\.yaml",
        r"taskschedule\.taskbell\.dev/standup created",
        r"the first task appears \(after [\d.]+ s\)",
        r"standup-\w{5}-1, due ",
        r"the reminder is due in \d+ s",
        r"the reminder is in the inbox \(after [\d.]+ s\)",
        r"'Team standup', \d+\.\d\d s after ",
        r"completed through the API: standup-\w{5}-1 is Completed",
        r"the next occurrence appears \(after [\d.]+ s\)",
        r"standup-\w{5}-2, due ",
        r"the audit knows it all",
        r"completed  standup-\w{5}-1, by demo",
        r"source .*/\.run/env",
        r"runs detached, as process \d+",
    )
    assert re.search(".*".join(story), running.printed, re.DOTALL), running.printed
    audit = running.printed.split("the audit knows it all")[1]
    assert all(re.search(rf"created +{name}$", audit, re.MULTILINE) for name in ("standup", r"standup-\w{5}-[12]"))


def test_its_environment_serves_a_shell(running: Running) -> None:
    checkout = running.checkout
    assert (checkout.folder / ".run" / "env").stat().st_mode & 0o077 == 0
    assert all(checkout.shell("; ".join(f'echo "${name}"' for name in VARIABLES)).splitlines())

    tasks = json.loads(
        checkout.shell('curl -sSf -H "Authorization: Bearer $TASKBELL_TOKEN" "$TASKBELL_API/api/demo/tasks"')
    )
    assert [task["state"] for task in tasks["items"]] == ["Open", "Completed"]
    assert "taskschedule.taskbell.dev/standup" in checkout.shell("kubectl get taskschedules,tasks --output=name")


def test_every_command_it_says_to_try_works(running: Running) -> None:
    commands = re.findall(r"^    ((?:kubectl|curl) .*)$", running.printed, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        assert running.checkout.shell(command)


def test_every_command_of_the_acceptance_table_works(running: Running) -> None:
    commands = [row.command for row in acceptance.rows() if not row.command.startswith("make ")]
    for command in dict.fromkeys(commands):
        assert running.checkout.shell(f"{acceptance.definitions()}\n{command}"), command


def test_a_topic_that_is_not_there_is_an_error_that_names_those_that_are(running: Running) -> None:
    with pytest.raises(AssertionError, match=r"there is no topic 'task-event'; there are reminders, .*task-events"):
        running.checkout.shell(".venv/bin/python -m localcluster events task-event")


def test_status_names_every_part_and_notices_one_that_has_ended(running: Running) -> None:
    parts = states(running.checkout)
    assert parts == dict.fromkeys(PARTS, "runs")

    victim = json.loads((running.checkout.folder / ".run" / "parts.json").read_text())["notification-sidecar"]["pid"]
    os.kill(victim, signal.SIGKILL)

    eventually(lambda: states(running.checkout)["notification-sidecar"] == "has ended")
    output = running.checkout.folder / ".run" / "output.log"
    eventually(lambda: "notification-sidecar has ended by itself" in output.read_text())


def states(checkout: Checkout) -> dict[str, str]:
    answer = checkout.localcluster("status")
    assert answer.returncode == 0, answer.stderr
    return dict(re.findall(r"^(\S+) +(runs|has ended)\b", answer.stdout, re.MULTILINE))


@pytest.mark.parametrize("arguments", [("run",), ("run", "--detach")], ids=" ".join)
def test_a_second_one_is_refused_and_disturbs_nothing(arguments: tuple[str, ...], running: Running) -> None:
    pids = running.checkout.pids()

    answer = running.checkout.localcluster(*arguments)

    assert answer.returncode == 1
    assert re.fullmatch(r"localcluster: it runs already, as process \d+: .*`make stop` ends it\n", answer.stderr)
    assert running.checkout.pids() == pids
    assert (running.checkout.folder / ".run" / "env").exists()


def test_stop_leaves_nothing(running: Running) -> None:
    checkout = running.checkout
    pids = checkout.pids()
    ports = {port for _, port in machine.listening(pids)}
    assert len(ports) > len(PARTS)

    answer = checkout.localcluster("stop")

    assert answer.returncode == 0, answer.stderr
    eventually(lambda: machine.alive(pids) == {}, 5)
    assert machine.taken(ports) == set()
    assert list(checkout.temporary.glob("taskbell-*")) == []
    assert not {"env", "pid", "parts.json"} & {path.name for path in (checkout.folder / ".run").iterdir()}
    assert checkout.localcluster("status").stdout == "nothing runs; `make run` starts it\n"
    assert checkout.localcluster("stop").stdout == "nothing runs\n"


def test_outside_a_checkout_it_says_so(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "localcluster", "run"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 1
    assert "call this in the folder of a Taskbell checkout" in answer.stderr
    assert list(tmp_path.iterdir()) == []
