"""What `dapr/` declares and what the programs serve are one: a route that is missing answers 404, and loses events."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from consumers.__main__ import COMMANDS
from consumers.subscriptions import Outlet
from consumers.testing import MemoryPublisher

DAPR = Path(__file__).parents[3] / "dapr"

KUBECONFIG: dict[str, Any] = {
    "current-context": "x",
    "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "x", "user": {}}],
}


def declared(file: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DAPR / file).read_text()))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(KUBECONFIG))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    monkeypatch.setenv("TASKBELL_PORT", "1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")


@pytest.mark.parametrize("consumer", COMMANDS)
async def test_every_subscription_has_its_route_and_every_route_its_subscription(consumer: str) -> None:
    app = web.Application()
    async with AsyncExitStack() as stack:
        service = await COMMANDS[consumer](stack)
        service.subscribe(app, Outlet(MemoryPublisher(), service.settings.pubsub, consumer))
    routes = {route.resource.canonical for route in app.router.routes() if route.resource}
    assert routes == {
        subscription["spec"]["routes"]["default"] for subscription in declared(f"subscriptions/{consumer}.yaml")
    }


@pytest.mark.parametrize("consumer", COMMANDS)
def test_every_subscription_is_bulk_has_a_dead_letter_topic_and_belongs_to_its_consumer(consumer: str) -> None:
    for subscription in declared(f"subscriptions/{consumer}.yaml"):
        spec = subscription["spec"]
        assert spec["routes"]["default"] == f"/events/{spec['topic']}"
        assert spec["deadLetterTopic"] == f"{spec['topic']}-dead"
        assert spec["bulkSubscribe"]["enabled"] is True
        assert subscription["scopes"] == [f"taskbell-{consumer}"]


def test_the_retry_of_every_consumer_has_no_end() -> None:
    (policy,) = declared("resiliency.yaml")
    inbound = policy["spec"]["targets"]["components"]["kafka-pubsub"]["inbound"]
    retry = policy["spec"]["policies"]["retries"][inbound["retry"]]
    assert (retry["policy"], retry["maxRetries"]) == ("constant", -1)
    assert set(policy["scopes"]) == {f"taskbell-{consumer}" for consumer in COMMANDS}
