"""Apache Kafka, one broker that is its own controller (KRaft), in a small JVM."""

import socket
import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from localcluster import process
from localcluster.errors import NotReadyError
from localcluster.ports import LOOPBACK
from localcluster.process import Command, environment
from localcluster.tools import KAFKA

_LOGGING = KAFKA.lock_directory / "log4j2.properties"
_JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-XX:-UsePerfData",  # a file in /tmp, which a kill -9 would leave there
    "-Djava.awt.headless=true",
)
_ADMIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as wanted. `retention_milliseconds` is Kafka's `retention.ms`, -1 for ever."""

    name: str
    partitions: int = 1
    retention_milliseconds: int = -1


@dataclass(frozen=True, slots=True)
class Kafka:
    """Topics do not come into being by being named (`auto.create.topics.enable=false`): a misspelt one shows itself."""

    jars: Path
    data: Path
    port: int
    controller_port: int
    logs: Path
    address: str = LOOPBACK
    name: str = "kafka"
    awaited: str = "a broker in the cluster's metadata"

    @property
    def brokers(self) -> str:
        """`bootstrap.servers`."""
        return f"{self.address}:{self.port}"

    def create_topics(self, topics: Iterable[Topic]) -> None:
        """Make sure the topics exist; one that exists already stays as it is. Raises `KafkaException`."""
        wanted = [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=1,
                config={"retention.ms": str(topic.retention_milliseconds)},
            )
            for topic in topics
        ]
        admin = self._admin()  # named, because its futures fail when it goes
        for created in admin.create_topics(wanted, operation_timeout=_ADMIN_SECONDS).values():
            _accept_existing(created)

    def prepare(self, abandon: threading.Event) -> None:
        if (self._storage / "meta.properties").exists():
            return
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._configuration.write_text(self._properties())
        tool = ("kafka.tools.StorageTool", "format", "--standalone", "--cluster-id", str(uuid.uuid4()))
        command = self._java(*tool, "--config", str(self._configuration))
        process.run("the formatting of Kafka's storage", command, self.logs / f"{self.name}.log", 60, abandon)

    def command(self) -> Command:
        return self._java("kafka.Kafka", str(self._configuration))

    def check(self) -> None:
        # First the bare port: a client that is refused complains in our terminal.
        socket.create_connection((self.address, self.port), timeout=1).close()
        try:
            metadata = self._admin().list_topics(timeout=2)
        except KafkaException as error:
            raise NotReadyError(str(error)) from error
        if not metadata.brokers:
            raise NotReadyError("no broker is registered yet")

    @property
    def _storage(self) -> Path:
        return self.data / "log"

    @property
    def _configuration(self) -> Path:
        return self.data / "server.properties"

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})

    def _java(self, *arguments: str) -> Command:
        options = (*_JVM, f"-Dlog4j2.configurationFile={_LOGGING}", f"-Dkafka.logs.dir={self.data}")
        argv = ("java", *options, "-cp", f"{self.jars}/*", *arguments)
        return Command(argv=argv, environment=environment())

    def _properties(self) -> str:
        plaintext, controller = f"PLAINTEXT://{self.brokers}", f"CONTROLLER://{LOOPBACK}:{self.controller_port}"
        return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={LOOPBACK}:{self.controller_port}
listeners={plaintext},{controller}
advertised.listeners={plaintext}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={self._storage}

auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# Small and quick: no wait for more consumers, a killed broker's session soon over.
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=4194304
"""


def _accept_existing(created: "Future[None]") -> None:
    try:
        created.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
