"""The chart says the same as what it shares with the rest of the project. `tests/e2e` renders it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import generate
from localcluster.stack import CONSUMERS, TOPICS

CHART = Path(__file__).parents[3] / "charts" / "taskbell"
HOUR = 60 * 60 * 1000


@pytest.fixture
def values() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return loaded


def test_the_copies_are_what_make_generate_would_write() -> None:
    assert {path: path.read_text() for path in generate.FILES.rglob("*.yaml")} == generate.rendered()


def test_strimzis_topics_are_those_of_the_local_cluster(values: dict[str, Any]) -> None:
    strimzi = {
        name: (topic["partitions"], topic["retentionHours"] * HOUR if topic["retentionHours"] > 0 else -1)
        for name, topic in values["strimzi"]["topics"].items()
    }
    assert strimzi == {topic.name: (topic.partitions, topic.retention_milliseconds) for topic in TOPICS}


def test_every_consumer_has_its_deployment(values: dict[str, Any]) -> None:
    assert set(values["consumers"]["replicas"]) == set(CONSUMERS)
