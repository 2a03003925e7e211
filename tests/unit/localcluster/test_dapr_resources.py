"""What sidecars are given is what stands in `dapr/`, but for the choice of the broker and of tracing."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import dapr_resources
from localcluster.dapr_resources import Tracing
from localcluster.errors import LocalClusterError

DAPR = Path(__file__).parents[3] / "dapr"


def rendered(target: Path, kind: str) -> list[dict[str, Any]]:
    documents = [yaml.safe_load(path.read_text()) for path in (target / "resources").iterdir()]
    return [document for document in documents if document["kind"] == kind]


def names(target: Path, kind: str) -> set[str]:
    return {document["metadata"]["name"] for document in rendered(target, kind)}


def written(kind: str) -> dict[str, dict[str, Any]]:
    documents = [document for path in DAPR.rglob("*.yaml") for document in yaml.safe_load_all(path.read_text())]
    return {document["metadata"]["name"]: document for document in documents if document["kind"] == kind}


COMPONENTS = written("Component").keys()


def test_for_kafka_everything_is_as_it_is_written(tmp_path: Path) -> None:
    dapr_resources.render(DAPR, tmp_path / "dapr", "kafka-pubsub")

    for kind in ("Subscription", "Resiliency"):
        assert {each["metadata"]["name"]: each for each in rendered(tmp_path / "dapr", kind)} == written(kind)
    (configuration,) = written("Configuration").values()
    assert yaml.safe_load((tmp_path / "dapr" / dapr_resources.CONFIGURATION).read_text()) == configuration


def test_for_redis_every_name_changes_and_no_subscription_is_bulk(tmp_path: Path) -> None:
    dapr_resources.render(DAPR, tmp_path / "dapr", "redis-pubsub")

    subscriptions = rendered(tmp_path / "dapr", "Subscription")
    assert {each["metadata"]["name"] for each in subscriptions} == written("Subscription").keys()
    assert {each["spec"]["pubsubname"] for each in subscriptions} == {"redis-pubsub"}
    assert not any("bulkSubscribe" in each["spec"] for each in subscriptions)
    (resiliency,) = rendered(tmp_path / "dapr", "Resiliency")
    assert resiliency["spec"]["targets"]["components"].keys() == {"redis-pubsub"}
    assert names(tmp_path / "dapr", "Component") == COMPONENTS - {"kafka-pubsub"}


def test_another_choice_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    dapr_resources.render(DAPR, tmp_path / "dapr", "redis-pubsub")
    dapr_resources.render(DAPR, tmp_path / "dapr", "kafka-pubsub")

    assert names(tmp_path / "dapr", "Component") == COMPONENTS - {"redis-pubsub"}


def test_traces_go_where_they_are_wanted(tmp_path: Path) -> None:
    dapr_resources.render(DAPR, tmp_path / "dapr", "kafka-pubsub", Tracing("127.0.0.1:4318", "0.1"))

    spec = yaml.safe_load((tmp_path / "dapr" / dapr_resources.CONFIGURATION).read_text())["spec"]
    otel = {"protocol": "http", "endpointAddress": "127.0.0.1:4318", "isSecure": False}
    assert spec["tracing"] == {"samplingRate": "0.1", "otel": otel}
    assert spec["metrics"]["http"]["increasedCardinality"] is False


def test_a_broker_without_a_component_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalClusterError, match=r"'nats-pubsub' .* only kafka-pubsub, redis-pubsub"):
        dapr_resources.render(DAPR, tmp_path / "dapr", "nats-pubsub")
