"""The peer of `benchmarks.reminders`: a Dapr job for each reminder, whose callback publishes it. `add` makes it a part
of a cluster.

`POST /arm` with `{"at", "names", "event"}` sets a job of each name for that instant; what its callback publishes is
`event` with the name as its id and partition key. It keeps nothing and looks nothing up: nobody could do less.
"""

import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import uvloop
import yaml
from aiohttp import web

from benchmarks.harness import ROOT, side_by_side
from localcluster.cluster import Cluster
from localcluster.part import Part
from localcluster.program import Program

NAME = "raw-dapr"
PUBSUB = "kafka-pubsub"
TOPIC = "reminders"


def add(cluster: Cluster) -> tuple[Part[Program], Part[Any]]:
    """The program and its sidecar; they are not started."""
    component = yaml.safe_load((ROOT / "dapr" / "components" / f"{PUBSUB}.yaml").read_text()) | {"scopes": [NAME]}
    resources = cluster.directory / NAME
    resources.mkdir(exist_ok=True)
    (resources / "component.yaml").write_text(yaml.safe_dump(component))
    port = cluster.ports.take()
    sidecar = cluster.add_sidecar(
        NAME,
        port,
        resources=[resources],
        configuration=ROOT / "dapr" / "configuration.yaml",
        environment={"KAFKA_BROKERS": cluster.kafka_brokers},
    )
    environment = {"PORT": str(port), "DAPR": f"{sidecar.service.url}/v1.0"}
    program = Program(
        NAME, (sys.executable, "-m", "benchmarks.raw_dapr"), port, environment=environment, directory=ROOT
    )
    return cluster.add(program), sidecar


class App:
    def __init__(self, dapr: str) -> None:
        self._dapr = dapr
        self._event: dict[str, Any] = {}
        """Of whoever armed last."""

    async def session(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as self._http:
            yield

    async def healthy(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def arm(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        self._event = wanted["event"]
        job = {"dueTime": wanted["at"], "data": {}}
        await side_by_side(lambda name: self._post(f"/jobs/{name}", job), wanted["names"])
        return web.Response()

    async def rang(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        event = self._event | {"id": name, "subject": name, "partitionkey": name}
        await self._post(
            f"/publish/{PUBSUB}/{TOPIC}?metadata.partitionKey={name}", event, "application/cloudevents+json"
        )
        return web.Response()

    async def _post(self, path: str, body: dict[str, Any], content_type: str = "application/json") -> None:
        headers = {"Content-Type": content_type}
        async with self._http.post(self._dapr + path, data=orjson.dumps(body), headers=headers) as response:
            response.raise_for_status()


def main() -> None:
    own = App(os.environ["DAPR"])
    app = web.Application()
    app.cleanup_ctx.append(own.session)
    app.router.add_get("/healthz", own.healthy)
    app.router.add_post("/arm", own.arm)
    app.router.add_post("/job/{name}", own.rang)
    web.run_app(
        app, host="127.0.0.1", port=int(os.environ["PORT"]), loop=uvloop.new_event_loop(), print=None, access_log=None
    )


if __name__ == "__main__":
    main()
