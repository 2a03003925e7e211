import pytest

from localcluster import topics
from localcluster.errors import LocalClusterError
from localcluster.progress import silent


def test_without_the_address_of_a_broker_it_says_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BROKERS", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(LocalClusterError, match=r"source \.run/env"):
        topics.follow("task-events", silent, for_ever=False)


def test_a_broker_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    monkeypatch.setattr(topics, "_ANSWER_SECONDS", 0.2)
    with (
        pytest.raises(LocalClusterError, match="the broker does not answer"),
        topics.on_kafka(f"127.0.0.1:{unused_tcp_port}", "task-events"),
    ):
        pass
