from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.config import kube_config

from runtime.apiserver import (
    AlreadyExists,
    ApiError,
    ApiServer,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    Unreachable,
)
from taskbell.lifecycle.testing import metadata, one_off
from taskbell.resources import Task, TaskStatus
from tests.unit.runtime.conftest import Recorder

TASKS = "/apis/taskbell.dev/v1alpha1/namespaces/default/tasks"
MILK = metadata("buy-milk", "uid-7", resource_version="42")
STORED: dict[str, Any] = {
    "metadata": MILK.model_dump(mode="json", by_alias=True, exclude_none=True) | {"resourceVersion": "43"},
    "spec": one_off().spec.wire(),
}


def kubeconfig(path: Path, url: str) -> None:
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
    }
    path.write_text(yaml.safe_dump(config))


@pytest.fixture
async def api(recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiServer]:
    kubeconfig(tmp_path / "kubeconfig", recorder.url)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    async with ApiServer("tests") as api:
        yield api


def status(code: int, reason: str, message: str, causes: list[dict[str, str]] | None = None) -> tuple[int, Any]:
    """A Status as kube-apiserver 1.36 answers."""
    details = {"name": "buy-milk", "group": "taskbell.dev", "kind": "tasks", **({"causes": causes} if causes else {})}
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return code, {**body, "message": message, "reason": reason, "details": details, "code": code}


CAUSE = {"reason": "FieldValueInvalid", "message": "timeZone is unknown", "field": "spec.timeZone"}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(status(404, "NotFound", "not found"), NotFound, id="an object that is not there"),
        pytest.param((404, "404 page not found\n"), NotFound, id="a kind that is not served, in plain text"),
        pytest.param(status(409, "Conflict", "the object has been modified"), Conflict, id="a stale version"),
        pytest.param(status(409, "AlreadyExists", "already exists"), AlreadyExists, id="a name that is taken"),
        pytest.param(status(422, "Invalid", "is invalid", [CAUSE]), Invalid, id="a value that is refused"),
        pytest.param(status(400, "BadRequest", "unknown field"), Invalid, id="a field that is unknown"),
        pytest.param(status(429, "TooManyRequests", "slow down"), Overloaded, id="too many requests"),
        pytest.param(status(503, "ServiceUnavailable", "etcd is away"), Overloaded, id="an etcd that is away"),
        pytest.param((502, "<html>bad gateway"), Overloaded, id="a proxy's page"),
        pytest.param(status(403, "Forbidden", "no"), Forbidden, id="a right that is missing"),
        pytest.param(status(401, "Unauthorized", "no"), ApiError, id="a token that has expired"),
    ],
)
async def test_a_refusal_has_its_kind(
    recorder: Recorder, api: ApiServer, answer: tuple[int, Any], kind: type[ApiError]
) -> None:
    recorder.answers = [answer]
    with pytest.raises(ApiError) as refusal:
        await api.get(Task, "default", "buy-milk")
    assert type(refusal.value) is kind
    assert refusal.value.status == answer[0]


async def test_a_refusal_names_reason_message_and_fields(recorder: Recorder, api: ApiServer) -> None:
    recorder.answers = [status(422, "Invalid", "is invalid", [CAUSE])]
    with pytest.raises(Invalid) as refusal:
        await api.create(Task, "default", {"name": "buy-milk"}, one_off().spec)
    assert (refusal.value.reason, refusal.value.message, refusal.value.causes) == ("Invalid", "is invalid", (CAUSE,))


async def test_an_api_server_that_is_away_is_unreachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{unused_tcp_port}")
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    async with ApiServer("tests") as api:
        with pytest.raises(Unreachable):
            await api.get(Task, "default", "buy-milk")


async def test_outside_its_context_it_refuses_to_work(api: ApiServer) -> None:
    del api  # there is a kubeconfig
    with pytest.raises(RuntimeError):
        await ApiServer("tests").get(Task, "default", "buy-milk")


async def test_a_patch_is_guarded_by_uid_and_version_whatever_it_changes(recorder: Recorder, api: ApiServer) -> None:
    recorder.answers = [(200, STORED)]
    changes = {"metadata": {"finalizers": ["x"], "resourceVersion": "1"}, "spec": {"title": "Bread"}}
    answer = await api.patch(Task, MILK, changes)
    (request,) = recorder.requests
    assert (request.method, request.path) == ("PATCH", f"{TASKS}/buy-milk")
    assert request.headers["content-type"] == "application/merge-patch+json"
    assert request.body == {
        "metadata": {"finalizers": ["x"], "uid": "uid-7", "resourceVersion": "42"},
        "spec": {"title": "Bread"},
    }
    assert answer.metadata.resource_version == "43"


async def test_a_status_is_put_guarded_and_alone(recorder: Recorder, api: ApiServer) -> None:
    recorder.answers = [(200, STORED)]
    await api.put_status(Task, MILK, TaskStatus(observed_generation=3))
    (request,) = recorder.requests
    assert (request.method, request.path) == ("PUT", f"{TASKS}/buy-milk/status")
    assert set(request.body) == {"apiVersion", "kind", "metadata", "status"}
    assert request.body["metadata"] == {
        "name": "buy-milk",
        "namespace": "default",
        "uid": "uid-7",
        "resourceVersion": "42",
    }
    assert request.body["status"]["observedGeneration"] == 3


async def test_a_deletion_is_of_exactly_what_was_seen(recorder: Recorder, api: ApiServer) -> None:
    await api.delete(Task, MILK)
    (request,) = recorder.requests
    assert (request.method, request.path) == ("DELETE", f"{TASKS}/buy-milk")
    assert request.body["preconditions"] == {"uid": "uid-7", "resourceVersion": "42"}


async def test_writes_are_strict_about_fields_and_signed(recorder: Recorder, api: ApiServer) -> None:
    recorder.answers = [(201, STORED)]
    await api.create(Task, "default", {"name": "buy-milk"}, one_off().spec)
    (request,) = recorder.requests
    assert request.query == {"fieldManager": "tests", "fieldValidation": "Strict"}
    assert request.headers["authorization"] == "Bearer secret"
    assert request.body["spec"] == one_off().spec.wire()


async def test_pages_follow_the_continue_token_to_the_end(recorder: Recorder, api: ApiServer) -> None:
    recorder.answers = [
        (200, {"metadata": {"continue": "token-1"}, "items": [{"n": 1}, {"n": 2}]}),
        (200, {"metadata": {"continue": "token-2"}, "items": []}),
        (200, {"metadata": {}, "items": [{"n": 3}]}),
    ]
    pages = [page async for page in api.pages(Task)]
    assert pages == [[{"n": 1}, {"n": 2}], [], [{"n": 3}]]
    assert [request.query.get("continue") for request in recorder.requests] == [None, "token-1", "token-2"]
    assert {request.query["limit"] for request in recorder.requests} == {"500"}
    assert {request.path for request in recorder.requests} == {"/apis/taskbell.dev/v1alpha1/tasks"}


async def test_a_token_that_has_expired_midway_is_an_error_not_an_end(recorder: Recorder, api: ApiServer) -> None:
    recorder.answers = [
        (200, {"metadata": {"continue": "token-1"}, "items": [{"n": 1}]}),
        status(410, "Expired", "the continue token is too old"),
    ]
    with pytest.raises(ApiError):
        [page async for page in api.pages(Task, "default")]
    assert recorder.requests[0].path == TASKS


async def test_conditions_are_patched_alone_and_guarded(recorder: Recorder, api: ApiServer) -> None:
    await api.patch_conditions(Task, MILK, [{"type": "Stalled"}])
    (request,) = recorder.requests
    assert (request.method, request.path) == ("PATCH", f"{TASKS}/buy-milk/status")
    assert request.headers["content-type"] == "application/merge-patch+json"
    assert request.body == {
        "metadata": {"uid": "uid-7", "resourceVersion": "42"},
        "status": {"conditions": [{"type": "Stalled"}]},
    }


async def test_metadata_is_listed_without_the_rest_of_the_objects(recorder: Recorder, api: ApiServer) -> None:
    pages = [{"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}]
    recorder.answers = [(200, pages[0]), (200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}]})]
    assert [page async for page in api.metadata(Task, "default")] == [[{"name": "a"}], [{"name": "b"}]]
    first, second = recorder.requests
    assert first.headers["accept"] == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    assert (first.query, second.query) == ({"limit": "500"}, {"limit": "500", "continue": "more"})


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        ((200, {"metadata": {"name": "default"}}), False),
        ((200, {"metadata": {"name": "default", "deletionTimestamp": "2026-11-25T09:00:00Z"}}), True),
        (status(404, "NotFound", "gone"), True),
    ],
)
async def test_a_namespace_ends_once_it_is_being_deleted(
    answer: tuple[int, Any], ends: bool, recorder: Recorder, api: ApiServer
) -> None:
    recorder.answers = [answer]
    assert await api.namespace_ends("default") is ends


async def test_where_there_are_none_no_metadata_is_listed(recorder: Recorder, api: ApiServer) -> None:
    recorder.answers = [(200, {"metadata": {}, "items": None})]
    assert [page async for page in api.metadata(Task)] == [[]]
