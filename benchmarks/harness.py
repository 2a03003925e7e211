"""What the operator's benchmarks share: the real parts, a client that watches, CPU by part, tables and bars.

Each runs on a cluster of its own and measures a peer in the same run; the numbers of two runs compare nothing. Arrivals
are wall-clock times of the process that measures, as `creationTimestamp` has whole seconds only.
"""

import argparse
import asyncio
import math
import os
import ssl
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import aiohttp
import orjson
import uvloop
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config
from prometheus_client.parser import text_string_to_metric_families

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.progress import say
from localcluster.stack import CONSUMERS, Stack

ROOT = Path(__file__).parents[1]

SCHEDULES = "/apis/taskbell.dev/v1alpha1/namespaces/default/taskschedules"
TASKS = "/apis/taskbell.dev/v1alpha1/namespaces/default/tasks"

AT_ONCE = 32
"""Requests in flight while objects are made."""

USERS = 100
"""Whose the objects are, in turns."""

_QUIET_SECONDS = 1.0
_LOOK_SECONDS = 0.1
_METADATA_ALONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

JSON = dict[str, Any]
T = TypeVar("T")


class NotMeasured(Exception):
    """The run says nothing; the sentence says why."""


class Seen(NamedTuple):
    """One watch event, and when it was read: seconds since the epoch."""

    at: float
    type: str
    object: JSON


class Api:
    """The API server, as administrator. Use as an async context manager. Raises NotMeasured for every refusal."""

    def __init__(self, kubeconfig: Path) -> None:
        self._configuration: Any = kubernetes_client.Configuration()
        kubernetes_config.load_kube_config(str(kubeconfig), client_configuration=self._configuration)

    async def __aenter__(self) -> Self:
        tls = ssl.create_default_context(cafile=self._configuration.ssl_ca_cert)
        tls.load_cert_chain(self._configuration.cert_file, self._configuration.key_file)
        connector = aiohttp.TCPConnector(limit=2 * AT_ONCE, ssl=tls)
        self._http = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def call(self, method: str, path: str, body: JSON | None = None) -> JSON:
        """One request; a PATCH is a JSON merge patch."""
        content_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data = orjson.dumps(body) if body is not None else None
        url, headers = self._configuration.host + path, {"Content-Type": content_type}
        async with self._http.request(method, url, data=data, headers=headers) as response:
            answer: JSON = orjson.loads(await response.read())
        if response.status >= 300:
            raise NotMeasured(f"{method} {path}: {answer.get('message')}")
        return answer

    async def create_all(self, path: str, bodies: Iterable[JSON]) -> None:
        await side_by_side(lambda body: self.call("POST", path, body), bodies)

    async def pages(self, path: str) -> AsyncIterator[list[JSON]]:
        """All objects, 500 at a time."""
        token = ""
        while True:
            page = await self.call("GET", f"{path}?limit=500&continue={token}")
            yield page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return

    async def version(self, path: str) -> str:
        """What `watch` begins after."""
        found: str = (await self.call("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
        return found

    async def watch(self, path: str, since: str, *, whole: bool = False) -> AsyncIterator[Seen]:
        """Every event after `since`, for ever; metadata alone unless `whole`."""
        url = f"{self._configuration.host}{path}?watch=1&resourceVersion={since}"
        headers = {"Accept": "application/json" if whole else _METADATA_ALONE}
        async with self._http.get(url, headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as response:
            rest = b""
            async for chunk in response.content.iter_any():
                at = time.time()
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = orjson.loads(line)
                    yield Seen(at, event["type"], event["object"])
        raise NotMeasured(f"the watch of {path} ended")


@dataclass(frozen=True)
class World:
    """The real parts, and how one looks at them."""

    cluster: Cluster
    stack: Stack
    api: Api

    async def metrics(self) -> Mapping[str, float]:
        """The operator's, by name, summed over their labels; 0 for what was never counted."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.stack.url_of('operator')}/metrics") as response:
            text = await response.text()
        sums: defaultdict[str, float] = defaultdict(float)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                sums[sample.name] += sample.value
        return sums

    async def quiet(self, within: float, *, alarms: float = 0) -> float:
        """Returns when the operator has nothing to do and at least `alarms` are armed; since when it has been so."""
        deadline, before, since = time.time() + within, -1.0, 0.0
        while time.time() < deadline:
            metrics = await self.metrics()
            passes = metrics["taskbell_reconciles_total"]
            still = passes == before and metrics["taskbell_queue_depth"] + metrics["taskbell_events_waiting"] == 0
            if not still or metrics["taskbell_alarms_armed"] < alarms:
                before, since = passes, time.time()
            elif time.time() - since > _QUIET_SECONDS:
                return since
            await asyncio.sleep(_LOOK_SECONDS)
        raise NotMeasured(f"the operator did not come to rest within {within:.0f} s; is the machine busy?")

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far of every part that runs."""
        return {name: cpu_seconds(part.pid) for name, part in self.cluster.parts.items() if part.running}


def cpu_seconds(pid: int) -> float:
    """User and system time, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    """VmRSS, proc(5)."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) * 1024 / 1e6


@dataclass(frozen=True)
class Burst:
    """`number` things were due at `due`; `arrivals` are when they were seen, in order, `cpu` what they cost by part."""

    due: float
    arrivals: list[float]
    cpu: dict[str, float]

    @property
    def lateness(self) -> list[float]:
        return [at - self.due for at in self.arrivals]

    @property
    def throughput(self) -> float:
        """A second, from the due time to the last one."""
        return len(self.arrivals) / (self.arrivals[-1] - self.due)

    def p(self, percent: float) -> float:
        """Seconds of lateness."""
        return percentile(self.lateness, percent)


async def burst(world: World, due: float, number: int, arrivals: Awaitable[list[float]]) -> Burst:
    """Waits for everything that is due at `due`; raises NotMeasured when that is over already."""
    left = due - time.time() - 0.5
    if left < 0:
        raise NotMeasured("the due time came before all was prepared: give a larger --margin")
    waiting = asyncio.ensure_future(arrivals)
    await asyncio.sleep(left)
    before = world.cpu()
    seen = sorted(await waiting)
    used = {name: seconds - before.get(name, 0) for name, seconds in world.cpu().items()}
    if len(seen) != number or seen[0] < due:
        raise NotMeasured(f"{len(seen)} of {number} came, the first {seen[0] - due:.3f} s after the due time")
    return Burst(due, seen, used)


def percentile(values: Iterable[float], percent: float) -> float:
    """By nearest rank."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


async def side_by_side(call: Callable[[T], Awaitable[object]], arguments: Iterable[T]) -> None:
    """Calls with each argument, `AT_ONCE` at a time."""
    left = iter(arguments)

    async def work() -> None:
        for argument in left:
            await call(argument)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


async def eventually(look: Callable[[], Awaitable[bool]], within: float, what: str) -> None:
    """Returns once `look` says yes."""
    deadline = time.time() + within
    while not await look():
        if time.time() > deadline:
            raise NotMeasured(f"not so within {within:.0f} s: {what}")
        await asyncio.sleep(_LOOK_SECONDS)


def instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_days(days: int) -> str:
    """A local time of UTC at nine."""
    return f"{(datetime.now(UTC) + timedelta(days=days)).date()}T09:00"


def user(number: int) -> str:
    return f"user-{number % USERS}"


def manifest(kind: str, name: str, spec: JSON) -> JSON:
    return {"apiVersion": "taskbell.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@dataclass
class Verdict:
    """Prints the bars, and remembers those that were missed."""

    missed: list[str] = field(default_factory=list[str])

    def bar(self, what: str, value: float, *, least: float | None = None, most: float | None = None) -> None:
        holds = (least is None or value >= least) and (most is None or value <= most)
        wanted = f"at least {least:g}" if least is not None else f"at most {most:g}"
        say(f"  {what}: {value:.2f}, {wanted}{'' if holds else '   MISSED'}")
        if not holds:
            self.missed.append(what)

    def exit_code(self) -> int:
        say(f"missed: {', '.join(self.missed)}" if self.missed else "all bars are met")
        return bool(self.missed)


def in_turns(names: Iterable[str], round_number: int) -> list[str]:
    """The order of one round: every other one is turned round."""
    return list(names)[:: 1 if round_number % 2 == 0 else -1]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join((first.strip().ljust(widths[0]), *others)))


def costs(cpu: dict[str, float], number: int) -> str:
    """CPU milliseconds for each of `number` by part, the dearest first."""
    dearest = sorted(cpu.items(), key=lambda each: -each[1])
    return ", ".join(f"{name} {1000 * seconds / number:.2f}" for name, seconds in dearest if seconds > 0.01)


def arguments(description: str | None, *, number: int, rounds: int | None = None) -> argparse.ArgumentParser:
    """What every benchmark can be told."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=number, help=f"how many ({number})")
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, help=f"in turns, medians count ({rounds})")
    parser.add_argument("--logs", type=Path, default=None, help="a folder for the logs of the parts, else they go")
    return parser


def measure(
    logs: Path | None, services: Sequence[str], benchmark: Callable[[World], Coroutine[Any, Any, Verdict]]
) -> int:
    """Runs `benchmark` beside these of Taskbell's services, each with its sidecar; the exit code."""

    async def run(cluster: Cluster, stack: Stack) -> int:
        async with Api(cluster.kubeconfig_path) as api:
            return (await benchmark(World(cluster, stack, api))).exit_code()

    try:
        with _parts(logs, services) as (cluster, stack), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run(cluster, stack))
    except (NotMeasured, LocalClusterError, aiohttp.ClientError, TimeoutError) as error:
        sys.stderr.write(f"nothing was measured: {error!r}\n")
        return 2


@contextmanager
def _parts(logs: Path | None, services: Sequence[str]) -> Generator[tuple[Cluster, Stack]]:
    say(f"starting the real parts, with {', '.join(services)}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with Cluster(logs, crds=ROOT / "crds") as cluster:
        stack = Stack(cluster, ROOT)
        stack.start()
        for service in ("api-shim", "operator", *CONSUMERS):
            if service not in services:
                cluster.part(service).stop()
                cluster.part(f"{service}-sidecar").stop()
        yield cluster, stack
