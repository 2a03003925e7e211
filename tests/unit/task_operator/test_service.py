import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from kubernetes.config import kube_config
from prometheus_client import REGISTRY

from runtime.dapr import Unavailable
from task_operator import service as services
from task_operator.cache import Key, Unreadable
from task_operator.service import Service
from task_operator.settings import OperatorSettings
from taskbell.lifecycle.testing import MONDAY_SEVEN, one_off
from taskbell.resources import Task

TOKEN = "the sidecar's"
Asked = TestClient[web.Request, web.Application]


def body(name: str, **changes: Any) -> dict[str, Any]:
    """A Task as the API server lists it; terminating and let go, so that nothing is to be done for it."""
    metadata = one_off().metadata.model_dump(mode="json", by_alias=True, exclude_none=True)
    stamps = {"name": name, "uid": f"uid-of-{name}", "finalizers": [], "deletionTimestamp": "2026-11-23T07:00:00Z"}
    return {"metadata": {**metadata, **stamps}, "spec": one_off().spec.wire(), **changes}


class Cluster:
    """What the API server lists, by path, and one Lease; away until `here`."""

    def __init__(self) -> None:
        self.here = True
        self.items: dict[str, list[dict[str, Any]]] = {}
        self.lease: dict[str, Any] | None = None
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if not self.here:
            return web.json_response({"kind": "Status", "reason": "ServiceUnavailable"}, status=503)
        if "/leases" in request.path:
            return await self._leases(request)
        return web.json_response({"metadata": {}, "items": self.items.get(request.path, [])})

    async def _leases(self, request: web.Request) -> web.Response:
        if request.method != "GET":
            written = await request.json()
            if self.lease and self.lease["metadata"]["resourceVersion"] != written["metadata"].get("resourceVersion"):
                return web.json_response({"kind": "Status", "reason": "Conflict"}, status=409)
            self.lease = written
            written["metadata"]["resourceVersion"] = str(len(self.asked))
        if self.lease is None:
            return web.json_response({"kind": "Status", "reason": "NotFound"}, status=404)
        return web.json_response(self.lease)

    @property
    def holder(self) -> str:
        return str(self.lease["spec"]["holderIdentity"]) if self.lease else ""


def lease_of(holder: str) -> dict[str, Any]:
    return {
        "metadata": {"resourceVersion": f"of {holder}"},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15},
    }


ALL_TASKS = "/apis/taskbell.dev/v1alpha1/tasks"


@pytest.fixture
async def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    cluster, app = Cluster(), web.Application()
    app.router.add_route("*", "/{path:.*}", cluster.answer)
    async with TestServer(app) as server:
        config = {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
            "clusters": [{"name": "here", "cluster": {"server": str(server.make_url("")).rstrip("/")}}],
            "users": [{"name": "me", "user": {"token": "secret"}}],
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        monkeypatch.setattr(services, "LIST_RETRY_SECONDS", 0.01)
        yield cluster


@pytest.fixture
def deaths() -> list[str]:
    return []


@pytest.fixture
def make(cluster: Cluster, deaths: list[str]) -> Callable[..., Service]:
    del cluster

    def service(**settings: Any) -> Service:
        return Service(OperatorSettings(port=0, dapr_http_port=1, **settings), died=lambda: deaths.append("died"))

    return service


@pytest.fixture
async def service(make: Callable[..., Service]) -> AsyncIterator[Service]:
    service = make()
    yield service
    await service.stop()


@pytest.fixture
async def http(service: Service) -> AsyncIterator[Asked]:
    async with TestClient(TestServer(service._application())) as client:
        yield client


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 what happens tells nobody
            await asyncio.sleep(0)


async def leading(service: Service) -> None:
    await service.start()
    await until(lambda: service._elector.leading)
    await asyncio.sleep(0)  # the term begins


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/healthz", 200, id="it is alive"),
        pytest.param("/readyz", 503, id="it is not ready"),
        pytest.param("/leaderz", 503, id="no callbacks yet"),
        pytest.param("/metrics", 200, id="metrics are there"),
    ],
)
async def test_before_everything_is_listed(http: Asked, path: str, status: int) -> None:
    assert (await http.get(path)).status == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/leaderz", "/metrics"])
async def test_once_it_leads_all_is_well(service: Service, http: Asked, path: str) -> None:
    await leading(service)
    assert (await http.get(path)).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/healthz", 200, id="it is alive"),
        pytest.param("/readyz", 200, id="it can take over"),
        pytest.param("/leaderz", 503, id="callbacks are for the leader"),
    ],
)
async def test_a_standby(cluster: Cluster, service: Service, http: Asked, path: str, status: int) -> None:
    cluster.lease = lease_of("another one")
    cluster.items[ALL_TASKS] = [body("milk")]
    await service.start()
    await until(lambda: any("/leases" in asked for asked in cluster.asked))
    assert (await http.get(path)).status == status
    assert (await http.post("/job/uid")).status == 503, "the job is kept for the leader"
    service.seen(Task, body("bread"), deleted=False)
    assert {key.name for key in service._machinery.cache.known()} == {"milk", "bread"}, "its cache is warm"
    assert len(service._machinery.queue) == 0, "and it does nothing"


async def test_a_lease_that_is_lost_ends_the_term_and_one_that_comes_back_begins_another(
    cluster: Cluster, make: Callable[..., Service], deaths: list[str]
) -> None:
    service = make(lease_duration_seconds=1, lease_renew_deadline_seconds=0.5, lease_retry_period_seconds=0.02)
    cluster.items[ALL_TASKS] = [body("milk")]
    await leading(service)
    first = service._machinery.queue
    cluster.lease = lease_of("another one")
    await until(lambda: not service._elector.leading)
    await until(lambda: service._machinery.queue is not first)
    assert deaths == [], "a standby again, not the end"
    cluster.lease = lease_of("")
    await until(lambda: service._elector.leading)
    await until(lambda: len(service._machinery.queue) == 0)
    assert {key.name for key in service._machinery.cache.known()} == {"milk"}
    await service.stop()


async def test_stopped_it_is_not_ready_any_more_and_the_lease_is_free(
    cluster: Cluster, service: Service, http: Asked
) -> None:
    await leading(service)
    assert cluster.holder
    await service.stop()
    assert (await http.get("/readyz")).status == 503
    assert (await http.post("/job/uid")).status == 503
    assert cluster.holder == ""


@pytest.mark.parametrize("name", ["uid", "nobody-knows-it", "with/slash", ""])
async def test_a_callback_is_never_404(service: Service, http: Asked, name: str) -> None:
    assert (await http.post(f"/job/{name}")).status == 503, "the job is kept until all is listed"
    await leading(service)
    rings = counted("taskbell_alarm_rings_total")
    assert (await http.post(f"/job/{name}")).status == 200
    assert counted("taskbell_alarm_rings_total") == rings + 1


async def test_a_callback_wakes_what_is_due(service: Service, http: Asked) -> None:
    woken: list[Key] = []
    milk = Key(Task, "default", "buy-milk")
    await leading(service)
    service._machinery.wakeups._wake = lambda key, _: woken.append(key)
    service._machinery.wakeups.alarm(milk, datetime.now(UTC))
    await http.post("/job/another-one")
    assert woken == [milk]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"dapr-api-token": TOKEN}, 200, id="the sidecar may call back"),
        pytest.param({"dapr-api-token": "wrong"}, 401, id="nobody else may"),
        pytest.param({}, 401, id="nor without any token"),
    ],
)
async def test_with_a_token_set(make: Callable[..., Service], headers: dict[str, str], status: int) -> None:
    service = make(app_api_token=TOKEN)
    await leading(service)
    async with TestClient(TestServer(service._application())) as client:
        assert (await client.post("/job/uid", headers=headers)).status == status
        assert (await client.get("/readyz")).status == 200
    await service.stop()


async def test_an_unreadable_object_is_counted_and_stops_no_other(cluster: Cluster, service: Service) -> None:
    newer = body("newer", spec={**one_off().spec.wire(), "fieldOfNextYear": True})
    cluster.items[ALL_TASKS] = [body("before"), newer, {"metadata": {"name": "broken"}}, body("after")]
    unreadable = counted("taskbell_unreadable_objects_total", kind="Task")
    await service.start()
    known = service._machinery.cache.known()
    assert {key.name for key in known} == {"before", "newer", "after"}
    assert isinstance(service._machinery.cache.get(Key(Task, "default", "newer")), Unreadable)
    assert counted("taskbell_unreadable_objects_total", kind="Task") == unreadable + 2


async def test_an_api_server_that_is_away_at_start_is_waited_for(cluster: Cluster, service: Service) -> None:
    cluster.here = False
    cluster.items[ALL_TASKS] = [body("milk")]
    starting = asyncio.create_task(service.start())
    await until(lambda: len(cluster.asked) >= 2)
    assert not starting.done()
    cluster.here = True
    async with asyncio.timeout(5):
        await starting
    assert len(service._machinery.cache.known()) == 1


async def test_given_namespaces_only_these_are_listed(cluster: Cluster, make: Callable[..., Service]) -> None:
    base = "/apis/taskbell.dev/v1alpha1/namespaces"
    cluster.items = {ALL_TASKS: [body("elsewhere")], f"{base}/b/tasks": [body("milk")]}
    service = make(namespaces=("a", "b"))
    await service.start()
    assert [key.name for key in service._machinery.cache.known()] == ["milk"]
    kinds = ("taskschedules", "tasks")
    assert cluster.asked[:4] == [f"{base}/{namespace}/{kind}" for kind in kinds for namespace in ("a", "b")]
    await service.stop()


async def test_the_deletion_of_an_object_that_became_unreadable_is_seen(service: Service) -> None:
    service.seen(Task, body("milk"), deleted=False)
    service.seen(Task, body("milk", spec={"fieldOfNextYear": True}), deleted=True)
    assert service._machinery.cache.known() == ()


async def test_a_part_that_dies_is_told_and_a_stop_is_not(
    service: Service, deaths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(name: str, at: object) -> None:
        raise RuntimeError(f"{name} {at}")

    monkeypatch.setattr(service._dapr, "arm", broken)
    await leading(service)
    assert deaths == []
    service._machinery.alarms.arm("uid", MONDAY_SEVEN)
    await until(lambda: bool(deaths))
    await service.stop()
    assert deaths == ["died"]


async def test_a_sidecar_that_is_away_kills_nothing(service: Service, deaths: list[str]) -> None:
    await leading(service)
    failures = counted("taskbell_alarm_failures_total")
    service._machinery.alarms.arm("uid", MONDAY_SEVEN)
    await until(lambda: counted("taskbell_alarm_failures_total") > failures)
    with pytest.raises(Unavailable):
        await service._dapr.disarm("uid")
    assert deaths == []
    assert service._synced
