"""`make run`, `make stop`, `make status`: Taskbell on this machine, in the foreground or detached.

`.run/` in the checkout holds what a person needs while it runs: `env` to be sourced, `kubeconfig`, `logs/`,
`parts.json` and the id of the process that everything else ends with.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localcluster.cluster import Cluster
from localcluster.dapr_resources import Tracing
from localcluster.errors import LocalClusterError
from localcluster.process import environment
from localcluster.progress import Report, say, say_more, step
from localcluster.reaper import is_alive
from localcluster.stack import BROKERS, Stack
from localcluster.tour import USER, Tour

_NEEDED = ("crds", "dapr", "charts", "examples")
_LOOK_SECONDS = 0.1
_STOP_SECONDS = 60.0


class Home:
    """The folder `.run` of the checkout `root`. Raises `LocalClusterError` where there is no checkout."""

    def __init__(self, root: Path) -> None:
        if missing := [name for name in _NEEDED if not (root / name).exists()]:
            raise LocalClusterError(f"{root} has no {missing[0]}: call this in the folder of a Taskbell checkout")
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
        self.folder.mkdir(exist_ok=True)
        with self._pid.open("a") as file:
            try:
                # Two that begin at once would both find nobody here. The kernel lets go of it, however we end.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self.taken() from None
            self._leave()  # what a kill -9 left
            self._pid.write_text(str(os.getpid()))
            try:
                yield
            finally:
                self._leave()
                self._pid.unlink(missing_ok=True)

    def taken(self) -> LocalClusterError:
        return LocalClusterError(
            f"it runs already, as process {self.pid}: `make status` says what, `make stop` ends it"
        )

    def _leave(self) -> None:
        for path in (self.env, self.parts):
            path.unlink(missing_ok=True)


def run(home: Home, broker: str = "kafka", tracing: Tracing | None = None) -> None:
    """Everything up, the tour, then until Ctrl-C."""
    begun = time.monotonic()
    crds = home.root / "crds"
    with home.occupied(), Cluster(home.folder, crds=crds, bare_parts=BROKERS[broker], report=say) as cluster:
        stack = Stack(cluster, home.root, say, broker, tracing)
        stack.start()
        say(f"everything is up after {time.monotonic() - begun:.1f} s")
        token = _token(stack)
        Tour(cluster, home.root / "examples" / "standup.yaml", stack.api_url, token, say).run()
        _write_parts(home, cluster)
        _say_what_next(home, stack, say)
        _write_env(home, cluster, stack, token)  # last: `detach` waits for it
        cluster.watch(say)


def detach(home: Home, arguments: Sequence[str] = ()) -> None:
    """Starts `run` with `arguments` in the background and returns when it is ready. Raises `LocalClusterError` when it
    fails."""
    if home.pid:
        raise home.taken()
    home.folder.mkdir(exist_ok=True)
    home.env.unlink(missing_ok=True)
    with home.output.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "localcluster", "run", *arguments],
            cwd=home.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _follow(home, child)
    except KeyboardInterrupt:
        child.send_signal(signal.SIGTERM)
        child.wait()
        raise
    say(f"runs detached, as process {child.pid}; `make stop` ends it, its output goes on in {home.output}")


def _follow(home: Home, child: subprocess.Popen[bytes]) -> None:
    """Prints what the child prints until it is ready."""
    with home.output.open() as printed:
        while not home.env.exists():
            ended = child.poll() is not None
            say_more(printed.read())
            if ended:
                raise LocalClusterError(f"it did not come up; all it said is in {home.output}")
            time.sleep(_LOOK_SECONDS)
        say_more(printed.read())


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
        say(f"{name:<24} {'runs' if is_alive(part['pid']) else 'has ended':<10} {part['url'] or ''}")
    say(f"set up your shell: source {home.env}")


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
        **({"REDIS_URL": cluster.redis.service.url} if cluster.redis else {"KAFKA_BROKERS": cluster.kafka_brokers}),
        "DATABASE_URL": cluster.database_url,
    }
    kubectl = cluster.binaries["kubectl"].parent
    lines = [f"export {name}='{value}'" for name, value in values.items()]
    # Under another name first: whoever sees it finds it whole.
    unfinished = home.env.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text("\n".join([*lines, f"export PATH='{kubectl}':\"$PATH\"", ""]))
    unfinished.replace(home.env)


def _say_what_next(home: Home, stack: Stack, report: Report) -> None:
    report(f"""
It stays up until Ctrl-C or `make stop`. To try it, in another terminal:

    source {home.env}
    kubectl get taskschedules,tasks
    curl -s -H "Authorization: Bearer $TASKBELL_TOKEN" $TASKBELL_API/api/{USER}/tasks
    kubectl patch taskschedule standup --type=merge --patch '{{"spec":{{"suspend":true}}}}'

The page: {stack.api_url}/ in a browser; sign in with the token that `echo $TASKBELL_TOKEN` shows.
API {stack.api_url}, its description {stack.api_url}/docs; logs {home.folder / "logs"}""")
