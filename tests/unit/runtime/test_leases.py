from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import kube_config

from runtime.apiserver import AlreadyExists, ApiServer, Conflict
from runtime.leases import Lease, LeaseStore
from tests.unit.runtime.conftest import Recorder
from tests.unit.runtime.test_apiserver import kubeconfig, status

LEASES = "/apis/coordination.k8s.io/v1/namespaces/taskbell/leases"
SEVEN = datetime(2026, 11, 23, 7, 0, 0, 250_000, tzinfo=UTC)
HELD = Lease("pod-1", 15, SEVEN, SEVEN, transitions=3, version="42")


def stored(**spec: Any) -> dict[str, Any]:
    whole = {
        "holderIdentity": "pod-1",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-11-23T07:00:00.250000Z",
        "renewTime": "2026-11-23T07:00:00.250000Z",
        "leaseTransitions": 3,
    }
    return {"metadata": {"name": "operator", "resourceVersion": "42"}, "spec": {**whole, **spec}}


@pytest.fixture
async def leases(recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LeaseStore]:
    kubeconfig(tmp_path / "kubeconfig", recorder.url)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    async with ApiServer("tests") as api:
        yield LeaseStore(api, "taskbell", "operator")


async def test_one_that_is_not_there_is_none(recorder: Recorder, leases: LeaseStore) -> None:
    recorder.answers = [status(404, "NotFound", "not found")]
    assert await leases.read() is None
    assert recorder.requests[0].path == f"{LEASES}/operator"


async def test_what_is_stored_is_read(recorder: Recorder, leases: LeaseStore) -> None:
    recorder.answers = [(200, stored())]
    assert await leases.read() == HELD


async def test_one_that_kubectl_made_without_anything_in_it_is_nobodys(recorder: Recorder, leases: LeaseStore) -> None:
    recorder.answers = [(200, {"metadata": {"resourceVersion": "1"}, "spec": {}})]
    lease = await leases.read()
    assert lease is not None
    assert (lease.holder, lease.transitions, lease.version) == ("", 0, "1")


async def test_the_first_is_created(recorder: Recorder, leases: LeaseStore) -> None:
    recorder.answers = [(201, stored())]
    assert await leases.write(Lease("pod-1", 15, SEVEN, SEVEN, transitions=3)) == HELD
    (request,) = recorder.requests
    assert (request.method, request.path, request.body["spec"]) == ("POST", LEASES, stored()["spec"])
    assert request.body["metadata"] == {"name": "operator", "namespace": "taskbell"}


async def test_another_one_is_replaced_in_the_version_that_was_read(recorder: Recorder, leases: LeaseStore) -> None:
    recorder.answers = [(200, stored())]
    await leases.write(HELD)
    (request,) = recorder.requests
    assert (request.method, request.path) == ("PUT", f"{LEASES}/operator")
    assert request.body["metadata"]["resourceVersion"] == "42"


@pytest.mark.parametrize(("reason", "kind"), [("AlreadyExists", AlreadyExists), ("Conflict", Conflict)])
async def test_somebody_was_faster(recorder: Recorder, leases: LeaseStore, reason: str, kind: type[Exception]) -> None:
    recorder.answers = [status(409, reason, "somebody was faster")]
    with pytest.raises(kind):
        await leases.write(HELD)
