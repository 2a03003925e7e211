"""US-P5-09: every service can be watched: logs, health, metrics, traces."""

import json
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from localcluster.stack import CONSUMERS
from tests.e2e.observers import Collector
from tests.e2e.people import Person, World, eventually

SERVICES = ("operator", "api-shim", *CONSUMERS)


def url(world: World, service: str) -> str:
    return str(world.cluster.part(service).service.url)  # type: ignore[attr-defined]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_every_service_says_that_it_is_well(service: str, path: str, world: World) -> None:
    answer = httpx.get(url(world, service) + path)

    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_metrics_of_its_own(service: str, world: World) -> None:
    answer = httpx.get(url(world, service) + "/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "\ntaskbell_" in answer.text


def test_no_metric_of_a_sidecar_has_a_label_for_each_object(world: World, person: Person) -> None:
    person.apply_task("report", reminders=[{"at": "2099-01-01T00:00:00Z"}])
    eventually(person.reminders)
    uid = person.task(person.named("report"))["metadata"]["uid"]  # type: ignore[index]

    sidecar = world.cluster.part("operator-sidecar").service
    text = httpx.get(f"http://127.0.0.1:{sidecar.ports.metrics}/metrics").text  # type: ignore[attr-defined]

    assert "dapr_component_pubsub_egress_bulk_count" in text
    assert uid not in text


def test_sidecars_send_their_traces_to_the_collector(collector: Collector, person: Person) -> None:
    person.apply_task("report")
    eventually(lambda: len(person.audit()) == 1)

    def seen(*words: str) -> bool:
        return any(all(word.encode() in batch for word in words) for batch in list(collector.received))

    eventually(lambda: seen("taskbell-operator", "task-events"), what="the publication's span")
    eventually(lambda: seen("taskbell-audit", "task-events"), what="the delivery's span")


@pytest.mark.parametrize("service", SERVICES)
def test_every_line_of_every_log_is_structured(service: str, world: World, person: Person) -> None:
    person.apply_schedule("standup")
    person.complete(person.open_task("standup"))
    eventually(lambda: len(person.audit()) == 4)

    lines = complete_lines(world.cluster.part(service).log)

    assert lines, f"{service} has said nothing"
    for line in lines:
        entry = json.loads(line)
        assert entry["service"]
        assert entry["level"] in {"debug", "info", "warning", "error", "critical"}
        assert isinstance(entry["message"], str)
        assert datetime.fromisoformat(entry["time"]).utcoffset() is not None


def complete_lines(log: Path) -> list[str]:
    """Without the one that is being written."""
    return log.read_text().rpartition("\n")[0].splitlines()
