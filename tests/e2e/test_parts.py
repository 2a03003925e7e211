"""Every part does what a test may ask of it, and a cluster leaves nothing behind, however it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import psycopg2
import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from localcluster.cluster import BARE_PARTS, Cluster
from localcluster.errors import LocalClusterError, NotReadyError
from localcluster.kafka import Topic
from tests.e2e import machine
from tests.e2e.people import World, eventually

pytestmark = pytest.mark.timeout(90)

ROOT = Path(__file__).parents[2]
STORY = "kept"
EVERY_PART = (*BARE_PARTS, "redis")


class Keeper(Protocol):
    """What is written to a part, and found in it again; None where it is not."""

    def write(self) -> None: ...
    def read(self) -> str | None: ...


class InEtcd:
    def __init__(self, cluster: Cluster) -> None:
        self._url = f"{cluster.etcd.service.url}/v3/kv"

    def write(self) -> None:
        httpx.post(f"{self._url}/put", json={"key": "c3Rvcnk=", "value": "a2VwdA=="}).raise_for_status()

    def read(self) -> str | None:
        found = httpx.post(f"{self._url}/range", json={"key": "c3Rvcnk="}).json().get("kvs", [])
        return STORY if found else None


class InApiServer:
    def __init__(self, cluster: Cluster) -> None:
        self._kubectl = cluster.kubectl

    def write(self) -> None:
        self._kubectl("create", "configmap", "story", f"--from-literal=story={STORY}")

    def read(self) -> str | None:
        return (
            self._kubectl("get", "configmap", "story", "--ignore-not-found", "--output=jsonpath={.data.story}") or None
        )


class InKafka:
    def __init__(self, cluster: Cluster) -> None:
        self._kafka = cluster.kafka.service
        self._client: dict[str, str | int | float | bool] = {"bootstrap.servers": self._kafka.brokers, "log_level": 0}

    def write(self) -> None:
        self._kafka.create_topics([Topic("story")])
        producer = Producer(self._client)
        producer.produce("story", STORY)
        assert producer.flush(10) == 0

    def read(self) -> str | None:
        if "story" not in AdminClient(self._client).list_topics(timeout=10).topics:
            return None
        consumer = Consumer({**self._client, "group.id": "test"})
        consumer.assign([TopicPartition("story", 0, 0)])
        try:
            message = eventually(lambda: consumer.poll(0.2))
        finally:
            consumer.close()
        return (message.value() or b"").decode()


class InRedis:
    def __init__(self, cluster: Cluster) -> None:
        assert cluster.redis
        self._url = cluster.redis.service.url

    def write(self) -> None:
        with redis.Redis.from_url(self._url) as client:
            client.xadd("story", {"data": STORY})

    def read(self) -> str | None:
        with redis.Redis.from_url(self._url, decode_responses=True) as client:
            found: Any = client.xrange("story")
        return str(found[0][1]["data"]) if found else None


class InPostgres:
    def __init__(self, cluster: Cluster) -> None:
        self._url = cluster.database_url

    def write(self) -> None:
        self._execute(f"create table story as select '{STORY}' as story")

    def read(self) -> str | None:
        if self._execute("select to_regclass('story')") == (None,):
            return None
        found = self._execute("select story from story")
        return str(found[0]) if found else None

    def _execute(self, statement: str) -> tuple[object, ...] | None:
        connection = psycopg2.connect(self._url, connect_timeout=2)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone() if cursor.description else None
        finally:
            connection.close()


class InScheduler:
    """Beside its data, because jobs come and go only through a sidecar (`test_restarts` does that)."""

    def __init__(self, cluster: Cluster) -> None:
        self._story = cluster.scheduler.service.data / "story"

    def write(self) -> None:
        self._story.write_text(STORY)

    def read(self) -> str | None:
        return self._story.read_text() if self._story.exists() else None


KEEPERS: dict[str, Callable[[Cluster], Keeper]] = {
    "etcd": InEtcd,
    "apiserver": InApiServer,
    "kafka": InKafka,
    "redis": InRedis,
    "postgres": InPostgres,
    "scheduler": InScheduler,
}


@pytest.fixture(scope="module")
def bare() -> Iterator[Cluster]:
    """The bare parts, apart from the stack of the other tests."""
    with Cluster(bare_parts=EVERY_PART) as cluster:
        yield cluster


@pytest.mark.parametrize("name", KEEPERS)
def test_killed_and_started_again_it_has_its_ports_and_its_data(name: str, bare: Cluster) -> None:
    part, keeper = bare.part(name), KEEPERS[name](bare)
    keeper.write()
    before, old = machine.listening(machine.family(part.pid)), machine.family(part.pid)

    part.kill()

    assert machine.alive(old) == {}
    assert not part.running
    assert machine.taken(port for _, port in before) == set()
    part.start()
    assert part.pid not in old
    assert keeper.read() == STORY
    assert machine.listening(machine.family(part.pid)) == before


@pytest.mark.parametrize("name", EVERY_PART)
def test_paused_it_hangs_and_resumed_it_goes_on(name: str, bare: Cluster) -> None:
    part = bare.part(name)
    pids = machine.family(part.pid)

    part.pause()

    eventually(lambda: {machine.state(pid) for pid in pids} == {"T"})
    assert part.running
    part.resume()
    eventually(lambda: "T" not in {machine.state(pid) for pid in pids})
    eventually(lambda: answers(part.service.check))
    assert machine.family(part.pid) & pids == pids


def answers(check: Callable[[], None]) -> bool:
    with suppress(NotReadyError, OSError):
        check()
        return True
    return False


def test_every_verb_may_be_repeated(bare: Cluster) -> None:
    part = bare.postgres
    old = machine.family(part.pid)
    for verb in (part.stop, part.stop, part.kill):
        verb()
        assert not part.running
    assert machine.alive(old) == {}
    part.start()
    again = part.pid
    part.start()
    part.resume()
    assert part.pid == again
    part.service.check()


@pytest.mark.parametrize("name", ["kafka", "redis", "postgres", "scheduler"])
def test_wiped_it_begins_empty_on_the_same_ports(name: str, bare: Cluster) -> None:
    part, keeper = bare.part(name), KEEPERS[name](bare)
    if keeper.read() is None:
        keeper.write()
    ports = machine.listening(machine.family(part.pid))

    part.wipe()

    assert not part.running
    part.start()
    assert keeper.read() is None
    assert machine.listening(machine.family(part.pid)) == ports


def test_etcd_wiped_the_api_server_begins_empty_and_knows_the_old_kubeconfigs(bare: Cluster) -> None:
    stranger = bare.directory / "stranger"
    stranger.write_text(bare.kubeconfig("ada", ["system:masters"]))
    bare.kubectl("create", "configmap", "soon-gone")

    bare.controller_manager.stop()
    bare.apiserver.stop()
    bare.etcd.wipe()
    for part in (bare.etcd, bare.apiserver, bare.controller_manager):
        part.start()

    found = bare.kubectl("--kubeconfig", str(stranger), "get", "configmaps", "--output=name")
    assert "soon-gone" not in found


def test_a_part_that_does_not_exist_is_named(bare: Cluster) -> None:
    with pytest.raises(LocalClusterError, match=r"no part 'kafak', only etcd, .*kafka"):
        bare.part("kafak")


def test_everybody_listens_on_loopback_only(world: World) -> None:
    parts = {name: part for name, part in world.cluster.parts.items() if part.running}  # not the broker nobody wants
    addresses = {
        (name, *where) for name, part in parts.items() for where in machine.listening(machine.family(part.pid))
    }
    elsewhere = {(name, port) for name, host, port in addresses if host != "127.0.0.1"}

    assert {name for name, *_ in addresses} == set(parts)
    # Dapr's own fault, dapr/dapr#10394: one exception, no other.
    assert elsewhere == {("scheduler", world.cluster.scheduler.service.health_port)}


# However it ends

PARENT = """
import json, sys
from localcluster.cluster import Cluster

with Cluster(bare_parts=sys.argv[1:]) as cluster:
    print(json.dumps([part.pid for part in cluster.parts.values() if part.running]), flush=True)
    if sys.stdin.readline() == "fail\\n":
        raise RuntimeError("a failed test")
"""


@dataclass(frozen=True)
class Parent:
    process: subprocess.Popen[str]
    pids: set[int]
    ports: set[int]
    temporary: Path


@contextmanager
def parent(*parts: str) -> Iterator[Parent]:
    """A process of its own that runs these parts, once they are up."""
    temporary = Path(tempfile.mkdtemp(prefix="test-parts-"))
    temporary.chmod(0o711)  # PostgreSQL's server runs as another user when we are root
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, *parts],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        with process:
            assert process.stdout is not None
            started = set(json.loads(process.stdout.readline()))
            pids = machine.family(process.pid)
            assert len(started) == len(parts)
            assert started < pids
            yield Parent(process, pids, {port for _, port in machine.listening(pids)}, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@pytest.mark.parametrize(
    ("end", "parts"),
    [
        pytest.param(
            lambda process: process.communicate("fail\n"), ("etcd", "postgres"), id="an exception in the with"
        ),
        pytest.param(lambda process: process.send_signal(signal.SIGINT), ("etcd", "postgres"), id="Ctrl-C"),
        pytest.param(lambda process: process.kill(), BARE_PARTS, id="kill -9"),
    ],
)
def test_nothing_is_left_after(end: Callable[[subprocess.Popen[str]], object], parts: tuple[str, ...]) -> None:
    with parent(*parts) as running:
        assert len(running.ports) >= len(parts)
        assert machine.shared_memory(running.pids)  # PostgreSQL's

        end(running.process)

        eventually(lambda: machine.alive(running.pids) == {}, 60)
        eventually(lambda: list(running.temporary.iterdir()) == [])
        assert machine.taken(running.ports) == set()
        assert machine.shared_memory(running.pids) == set()
        assert {path.name for path in Path("/tmp").glob("hsperfdata_*/*")}.isdisjoint(map(str, running.pids))  # noqa: S108
