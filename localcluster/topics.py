"""A plain client of the broker, without Dapr: what lies on a topic, as it is."""

import os
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from localcluster.errors import LocalClusterError
from localcluster.progress import Report


@dataclass(frozen=True, slots=True)
class Record:
    """`at`: of Kafka when its producer sent it, of Redis when it was added."""

    value: bytes
    at: datetime


News = Callable[[], list[Record]]
"""What has come since it was last asked; at first everything there is."""

_ANSWER_SECONDS = 10.0
_MORE_SECONDS = 0.2


def follow(topic: str, report: Report, *, for_ever: bool) -> None:
    """Reports the values on `topic` of the broker whose address is in the environment, as `.run/env` puts it there; new
    ones too if `for_ever`. Raises `LocalClusterError` for a broker or a topic that is not there."""
    with _of_environment(topic) as news:
        while True:
            for record in news():
                report(record.value.decode(errors="replace"))
            if not for_ever:
                return
            time.sleep(_MORE_SECONDS)


@contextmanager
def on_kafka(brokers: str, topic: str) -> Generator[News]:
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "plain-client",  # must be there; it is not used, partitions are assigned
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        unread = _partitions(consumer, topic)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in unread])

        def news() -> list[Record]:
            nonlocal unread
            found: list[Record] = []
            while (message := consumer.poll(_ANSWER_SECONDS if unread else _MORE_SECONDS)) is not None:
                if message.error() is None:
                    found.append(Record(message.value() or b"", _at(message.timestamp()[1])))
                else:
                    unread -= {message.partition()}
            return found

        yield news
    finally:
        consumer.close()


@contextmanager
def on_redis(url: str, topic: str) -> Generator[News]:
    with redis.Redis.from_url(url) as client:
        last = "-"

        def news() -> list[Record]:
            nonlocal last
            found: Any = client.xrange(topic, min=last)
            if found:
                last = f"({found[-1][0].decode()}"
            return [Record(fields.get(b"data", b""), _at(int(key.split(b"-")[0]))) for key, fields in found]

        yield news


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _of_environment(topic: str) -> AbstractContextManager[News]:
    if url := os.environ.get("REDIS_URL"):
        return on_redis(url, topic)
    if brokers := os.environ.get("KAFKA_BROKERS"):
        return on_kafka(brokers, topic)
    raise LocalClusterError("neither KAFKA_BROKERS nor REDIS_URL is set: `make run`, then `source .run/env`")


def _partitions(consumer: Consumer, topic: str) -> set[int]:
    try:
        topics = consumer.list_topics(timeout=_ANSWER_SECONDS).topics
    except KafkaException as error:
        reason: KafkaError = error.args[0]
        raise LocalClusterError(f"the broker does not answer: {reason.str()}") from error
    if topic not in topics:
        ours = ", ".join(sorted(name for name in topics if not name.startswith("__")))
        raise LocalClusterError(f"there is no topic {topic!r}; there are {ours}")
    return set(topics[topic].partitions)
