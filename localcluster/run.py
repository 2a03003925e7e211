"""`make run`, `make stop`, `make status`: Taskbell on this machine, in the foreground or detached.

`.run/` in the checkout holds what a person needs while it runs: `env` to be sourced, `kubeconfig`, `logs/`,
`parts.json` and the id of the process that everything else ends with.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.process import environment
from localcluster.progress import Report, say, step
from localcluster.stack import Stack
from localcluster.tour import USER, Tour

_LOOK_SECONDS = 0.1
_STOP_SECONDS = 60.0


class Home:
    """The folder `.run` of the checkout `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".run"
        self.env = self.folder / "env"
        self.parts = self.folder / "parts.json"
        self.output = self.folder / "output.log"
        self._pid = self.folder / "pid"

    @property
    def pid(self) -> int | None:
        """The process that everything ends with, if it lives."""
        try:
            pid = int(self._pid.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if b"localcluster" in command else None

    @contextmanager
    def occupied(self) -> Generator[None]:
        """Holds the folder for this process. Raises `LocalClusterError` when another one has it."""
        if other := self.pid:
            raise LocalClusterError(f"it runs already, as process {other}: end it with `make stop`")
        self.folder.mkdir(exist_ok=True)
        self._pid.write_text(str(os.getpid()))
        try:
            yield
        finally:
            for path in (self._pid, self.env, self.parts):
                path.unlink(missing_ok=True)


def run(home: Home) -> None:
    """Everything up, the tour, then until Ctrl-C."""
    begun = time.monotonic()
    with home.occupied(), Cluster(home.folder, crds=home.root / "crds", report=say) as cluster:
        stack = Stack(cluster, home.root, say)
        stack.start()
        say(f"everything is up after {time.monotonic() - begun:.1f} s")
        token = _token(stack)
        Tour(cluster, home.root / "examples" / "standup.yaml", stack.api_url, token, say).run()
        _write_parts(home, cluster)
        _write_env(home, cluster, stack, token)
        _say_what_next(home, stack, say)
        cluster.watch(say)


def detach(home: Home) -> None:
    """Starts `run` in the background and returns when it is ready. Raises `LocalClusterError` when it fails."""
    if other := home.pid:
        raise LocalClusterError(f"it runs already, as process {other}: end it with `make stop`")
    home.folder.mkdir(exist_ok=True)
    home.env.unlink(missing_ok=True)
    with home.output.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "localcluster", "run"],
            cwd=home.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with home.output.open() as printed:
        while not home.env.exists():
            if child.poll() is not None:
                raise LocalClusterError(f"it did not come up:\n{printed.read().strip()}")
            sys.stdout.write(printed.read())
            time.sleep(_LOOK_SECONDS)
        sys.stdout.write(printed.read())
    say(f"runs detached, as process {child.pid}; `make stop` ends it, its output goes on in {home.output}")


def stop(home: Home) -> None:
    """Ends what runs and waits until it has ended."""
    pid = home.pid
    if pid is None:
        say("nothing runs")
        return
    with step("stopping everything", say):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while home.pid == pid:
            if time.monotonic() > deadline:
                raise LocalClusterError(f"process {pid} has not ended after {_STOP_SECONDS:.0f} s; see {home.output}")
            time.sleep(_LOOK_SECONDS)


def status(home: Home) -> None:
    """Says what runs, part by part."""
    pid = home.pid
    if pid is None:
        say("nothing runs; `make run` starts it")
        return
    if not home.parts.exists():
        say(f"process {pid} is still starting; logs in {home.folder / 'logs'}")
        return
    for name, part in json.loads(home.parts.read_text()).items():
        say(f"{name:<24} {'runs' if _lives(part['pid']) else 'has ended':<10} {part['url'] or ''}")
    say(f"set up your shell: source {home.env}")


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _token(stack: Stack) -> str:
    answer = subprocess.run(
        [sys.executable, "-m", "api_shim", "token", "--user", USER],
        cwd=stack.root,
        env=environment(TASKBELL_JWT_SECRET=stack.jwt_secret),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise LocalClusterError(f"api_shim token: {answer.stderr.strip()}")
    return answer.stdout.strip()


def _write_parts(home: Home, cluster: Cluster) -> None:
    parts = {
        name: {"pid": part.pid, "url": getattr(part.service, "url", None)}
        for name, part in cluster.parts.items()
        if part.running
    }
    home.parts.write_text(json.dumps(parts, indent=1))


def _write_env(home: Home, cluster: Cluster, stack: Stack, token: str) -> None:
    values = {
        "KUBECONFIG": str(cluster.kubeconfig_path),
        "TASKBELL_API": stack.api_url,
        "TASKBELL_SECRET": stack.jwt_secret,
        "TASKBELL_TOKEN": token,
        "KAFKA_BROKERS": cluster.kafka_brokers,
        "DATABASE_URL": cluster.database_url,
    }
    kubectl = cluster.binaries["kubectl"].parent
    lines = [f"export {name}='{value}'" for name, value in values.items()]
    home.env.touch(mode=0o600)
    home.env.write_text("\n".join([*lines, f"export PATH='{kubectl}':\"$PATH\"", ""]))


def _say_what_next(home: Home, stack: Stack, report: Report) -> None:
    report(f"""
It stays up until Ctrl-C. In another terminal:

    source {home.env}
    kubectl get taskschedules,tasks
    curl -s -H "Authorization: Bearer $TASKBELL_TOKEN" $TASKBELL_API/api/{USER}/tasks
    kubectl patch taskschedule standup --type=merge --patch '{{"spec":{{"suspend":true}}}}'

API {stack.api_url}, its description {stack.api_url}/docs; logs {home.folder / "logs"}""")
