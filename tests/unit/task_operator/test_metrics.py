"""docs/operations.md names every metric of the operator, and none that there is not."""

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from task_operator import metrics

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def names() -> set[str]:
    """As they are exposed: a Counter's ends with _total."""
    found = (each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase))
    return {each._name + ("_total" if each._type == "counter" else "") for each in found}


def test_the_table_of_metrics_is_complete_and_true() -> None:
    table = OPERATIONS.read_text().partition("Metrics of the operator")[2].partition("Worth an alert")[0]
    assert set(re.findall(r"taskbell_[a-z_]+", table)) == names()
