"""Dapr and Taskbell on a node, each by its own chart, as anybody would install them."""

import base64
import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.node.images import DAPR_IMAGE, REPOSITORY, TAG
from localcluster.node.node import Node
from localcluster.progress import Report, silent
from localcluster.stack import TOPICS

NAMESPACE = "taskbell"
RELEASE = "taskbell"
DEPLOYMENTS = tuple(
    f"taskbell-{service}" for service in ("operator", "api-shim", "recurring", "notification", "audit", "projection")
)

_DAPR_NAMESPACE = "dapr-system"
_DAPR_VALUES = Path(__file__).with_name("dapr.yaml")
_DAPR_TIMEOUT, _TIMEOUT = "180s", "120s"
_LOG_LINES = 20
_POD_SECURITY = "pod-security.kubernetes.io/enforce=restricted"


class Installation:
    """`checkout` is where Dockerfile and chart are."""

    def __init__(self, node: Node, checkout: Path, report: Report = silent) -> None:
        self.node = node
        self._checkout = checkout
        self._report = report

    @property
    def cluster(self) -> Cluster:
        return self.node.cluster

    @property
    def chart(self) -> Path:
        return self._checkout / "charts" / "taskbell"

    @property
    def api_url(self) -> str:
        """By the ClusterIP, to which this machine has a route."""
        query = ("get", "service", "taskbell-api-shim", f"--namespace={NAMESPACE}", "--output")
        return f"http://{self.cluster.kubectl(*query, 'jsonpath={.spec.clusterIP}')}"

    @property
    def jwt_secret(self) -> str:
        return self._secret("taskbell-auth", "jwt-secret")

    @property
    def app_api_token(self) -> str:
        return self._secret("taskbell-dapr-app", "token")

    def prepare(self) -> None:
        """Everything that Taskbell's chart wants to find: our images, Dapr, the topics, the namespace."""
        self.node.load(self.node.images.of_taskbell(self._checkout))
        with self._timed("Dapr is installed"):
            self._install_dapr()
        self.cluster.kafka.service.create_topics(TOPICS)
        self.cluster.kubectl("create", "namespace", NAMESPACE)
        self.cluster.kubectl("label", "namespace", NAMESPACE, _POD_SECURITY)

    def install(self) -> None:
        """`helm install --wait`. Raises `LocalClusterError`, with what the Pods say."""
        with self._timed("Taskbell is installed"):
            self._helm("install", RELEASE, str(self.chart), "--wait", *self.settings)

    def upgrade(self) -> None:
        """`helm upgrade --wait` to the same chart."""
        with self._timed("Taskbell is upgraded"):
            self._helm("upgrade", RELEASE, str(self.chart), "--wait", *self.settings)

    def test(self) -> str:
        """`helm test`, with the log of its Pod."""
        with self._timed("helm test"):
            return self._helm("test", RELEASE)

    def uninstall(self) -> None:
        with self._timed("Taskbell is uninstalled"):
            self._helm("uninstall", RELEASE, "--wait")

    @property
    def settings(self) -> tuple[str, ...]:
        """What has to be said to the chart here."""
        values = {
            "image.repository": REPOSITORY,
            "image.tag": TAG,
            "image.pullPolicy": "Never",
            "kafka.brokers": self.cluster.kafka_brokers,
            "database.url": self.cluster.database_url,
        }
        return tuple(f"--set={name}={value}" for name, value in values.items())

    def pods(self) -> list[dict[str, Any]]:
        found = self.cluster.kubectl("get", "pods", f"--namespace={NAMESPACE}", "--output=json")
        pods: list[dict[str, Any]] = json.loads(found)["items"]
        return pods

    def logs(self, deployment: str, container: str) -> str:
        of = (f"deployment/{deployment}", f"--namespace={NAMESPACE}", f"--container={container}", "--tail=-1")
        return self.cluster.kubectl("logs", *of)

    def delete_every_pod(self) -> None:
        """And waits until each Deployment is whole again."""
        self.cluster.kubectl("delete", "pods", "--all", f"--namespace={NAMESPACE}", "--wait=false")
        for deployment in DEPLOYMENTS:
            self.cluster.kubectl(
                *("rollout", "status", f"deployment/{deployment}", f"--namespace={NAMESPACE}", f"--timeout={_TIMEOUT}")
            )

    def _secret(self, name: str, key: str) -> str:
        query = ("get", "secret", name, f"--namespace={NAMESPACE}", f"--output=jsonpath={{.data.{key}}}")
        return base64.b64decode(self.cluster.kubectl(*query)).decode()

    def _helm(self, verb: str, *arguments: str) -> str:
        common = (f"--namespace={NAMESPACE}", f"--timeout={_TIMEOUT}")
        try:
            return self.node.helm(verb, *arguments, *common)
        except LocalClusterError as error:
            raise LocalClusterError("\n".join((str(error), *self._complaints()))) from error

    def _complaints(self) -> Iterator[str]:
        """The end of the log of every container that is not ready."""
        for pod in self.pods():
            for container in pod["status"].get("containerStatuses", []):
                if not container["ready"]:
                    name = pod["metadata"]["name"]
                    yield f"--- {name}, {container['name']}: {json.dumps(container['state'])}"
                    yield self._log_end(name, container["name"], "--previous") or self._log_end(name, container["name"])

    def _log_end(self, pod: str, container: str, *which: str) -> str:
        of = (pod, f"--namespace={NAMESPACE}", f"--container={container}", f"--tail={_LOG_LINES}", *which)
        with suppress(LocalClusterError):
            return self.cluster.kubectl("logs", *of)
        return ""

    def _install_dapr(self) -> None:
        values = self.cluster.data / "dapr.yaml"
        values.write_text(_DAPR_VALUES.read_text().replace("IMAGE", DAPR_IMAGE))
        chart = str(self.node.binaries["dapr-chart"])
        place = (f"--namespace={_DAPR_NAMESPACE}", "--create-namespace")
        self.node.helm("install", "dapr", chart, *place, f"--values={values}", "--wait", f"--timeout={_DAPR_TIMEOUT}")

    @contextmanager
    def _timed(self, what: str) -> Generator[None]:
        begun = time.monotonic()
        yield
        self._report(f"{what} after {time.monotonic() - begun:.1f} s")
