from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kubernetes.config import kube_config

from runtime.apiserver import ApiServer, Forbidden
from runtime.kube_events import KubeEvent, KubeEventWriter
from taskbell.lifecycle.testing import metadata
from taskbell.resources import Task
from tests.unit.runtime.conftest import Recorder
from tests.unit.runtime.test_apiserver import kubeconfig, status

EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
SEVEN = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
MILK = metadata("buy-milk", "uid-7", resource_version="42")
EVENT = KubeEvent(Task, MILK, "Completed", "Complete", "the task was completed", False, SEVEN, "pod-1")


@pytest.fixture
async def api(recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    kubeconfig(tmp_path / "kubeconfig", recorder.url)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return ApiServer("tests")


async def test_an_event_regards_exactly_this_object(recorder: Recorder, api: ApiServer) -> None:
    async with api:
        await KubeEventWriter(api).create(EVENT)
    (request,) = recorder.requests
    assert (request.method, request.path) == ("POST", EVENTS)
    assert request.body == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": EVENT.name, "namespace": "default"},
        "eventTime": "2026-11-23T07:00:00.000000Z",
        "reportingController": "taskbell.dev/operator",
        "reportingInstance": "pod-1",
        "action": "Complete",
        "reason": "Completed",
        "note": "the task was completed",
        "type": "Normal",
        "regarding": {
            "apiVersion": "taskbell.dev/v1alpha1",
            "kind": "Task",
            "namespace": "default",
            "name": "buy-milk",
            "uid": "uid-7",
            "resourceVersion": "42",
        },
    }


async def test_one_that_exists_is_success(recorder: Recorder, api: ApiServer) -> None:
    recorder.answers = [status(409, "AlreadyExists", "already exists")]
    async with api:
        await KubeEventWriter(api).create(EVENT)


async def test_a_refusal_is_told(recorder: Recorder, api: ApiServer) -> None:
    recorder.answers = [status(403, "Forbidden", "the namespace is going")]
    async with api:
        with pytest.raises(Forbidden):
            await KubeEventWriter(api).create(EVENT)


async def test_a_repetition_changes_nothing_but_the_series(recorder: Recorder, api: ApiServer) -> None:
    async with api:
        await KubeEventWriter(api).repeat(EVENT, 3, SEVEN)
    (request,) = recorder.requests
    assert (request.method, request.path) == ("PATCH", f"{EVENTS}/{EVENT.name}")
    assert request.body == {"series": {"count": 3, "lastObservedTime": "2026-11-23T07:00:00.000000Z"}}


async def test_a_note_too_long_is_cut_between_two_characters(recorder: Recorder, api: ApiServer) -> None:
    async with api:
        await KubeEventWriter(api).create(replace(EVENT, note="ü" * 1000, warning=True))
    body = recorder.requests[0].body
    assert body["note"] == "ü" * 512
    assert body["type"] == "Warning"


@pytest.mark.parametrize(
    "another",
    [replace(EVENT, note="again"), replace(EVENT, at=SEVEN + timedelta(seconds=1)), replace(EVENT, instance="pod-2")],
    ids=["another note", "another time", "another reporter"],
)
def test_another_event_has_another_name(another: KubeEvent) -> None:
    assert another.name != EVENT.name
    assert another.name.startswith("buy-milk.")


def test_a_name_is_never_too_long() -> None:
    assert len(replace(EVENT, regarding=metadata("x" * 253, "uid")).name) == 253
