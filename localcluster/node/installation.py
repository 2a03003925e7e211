"""Dapr and Taskbell on a node, each by its own chart, as anybody would install them."""

import base64
import json
import os
import re
import subprocess
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

_DAPR_VALUES = Path(__file__).with_name("dapr.yaml")
_TIMEOUT = "120s"
_PATIENCE = "120"
"""Seconds: a Kafka session lasts 10 s, a Dapr scheduler finds its leader again after some 25."""
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

    def url_of(self, service: str) -> str:
        """By the ClusterIP, to which this machine has a route."""
        query = ("get", "service", f"taskbell-{service}", f"--namespace={NAMESPACE}", "--output")
        return f"http://{self.cluster.kubectl(*query, 'jsonpath={.spec.clusterIP}')}"

    @property
    def api_url(self) -> str:
        return self.url_of("api-shim")

    @property
    def jwt_secret(self) -> str:
        return self._secret("taskbell-auth", "jwt-secret")

    @property
    def app_api_token(self) -> str:
        return self._secret("taskbell-dapr-app", "token")

    def prepare(self) -> None:
        """Everything that Taskbell's chart wants to find: our images, Dapr, the topics, the namespace."""
        self.node.load(self.node.images.of_taskbell(self._checkout))
        values = self.cluster.data / "dapr.yaml"
        values.write_text(_DAPR_VALUES.read_text().replace("IMAGE", DAPR_IMAGE))
        with self._timed("Dapr is installed"):
            chart = str(self.node.binaries["dapr-chart"])
            self._run("prepare.sh", "--", f"--values={values}", DAPR_CHART=chart)
        self.cluster.kafka.service.create_topics(TOPICS)
        self.cluster.kubectl("create", "namespace", NAMESPACE)
        self.cluster.kubectl("label", "namespace", NAMESPACE, _POD_SECURITY)

    def deploy(self) -> str:
        """Installs or upgrades, then `helm test`; what was printed.

        Raises `LocalClusterError`, with what the Pods say."""
        with self._timed("Taskbell is deployed and tested"):
            try:
                return self._run("deploy.sh", REPOSITORY, TAG, *self._settings, TIMEOUT=_TIMEOUT)
            except LocalClusterError as error:
                raise LocalClusterError("\n".join((str(error), *self._complaints()))) from error

    def tell_the_story(self) -> str:
        """What it prints. Raises `LocalClusterError` when it does not come true."""
        return self._run("story.sh", PATIENCE=_PATIENCE)

    def uninstall(self) -> None:
        with self._timed("Taskbell is uninstalled"):
            self.node.helm("uninstall", RELEASE, f"--namespace={NAMESPACE}", "--wait", f"--timeout={_TIMEOUT}")

    @contextmanager
    def forwarded(self) -> Generator[str]:
        """The API on a port of this machine, as a person without an Ingress comes to it: its URL."""
        arguments = ("port-forward", f"--namespace={NAMESPACE}", "service/taskbell-api-shim", ":80")
        with subprocess.Popen(
            (self.cluster.binaries["kubectl"], *arguments),
            env=self.node.administrator,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as kubectl:
            try:
                yield _forwarded_to(kubectl)
            finally:
                kubectl.terminate()

    @property
    def _settings(self) -> tuple[str, ...]:
        """What has to be said to the chart here."""
        values = {
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

    def _run(self, script: str, *arguments: str, **settings: str) -> str:
        """One of `scripts/`, with the binaries of the cluster: what it prints."""
        tools = self.cluster.binaries
        search_path = f"{tools['kubectl'].parent}:{os.environ['PATH']}"
        answer = subprocess.run(
            (self._checkout / "scripts" / script, *arguments),
            env={**self.node.administrator, "PATH": search_path, "HELM": str(self.node.binaries["helm"]), **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise LocalClusterError(f"scripts/{script}: {answer.stdout}{answer.stderr}")
        return answer.stdout

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

    @contextmanager
    def _timed(self, what: str) -> Generator[None]:
        begun = time.monotonic()
        yield
        self._report(f"{what} after {time.monotonic() - begun:.1f} s")


def _forwarded_to(kubectl: subprocess.Popen[str]) -> str:
    line = kubectl.stdout.readline() if kubectl.stdout else ""
    if match := re.match(r"Forwarding from (127\.0\.0\.1:\d+) ", line):
        return f"http://{match[1]}"
    raise LocalClusterError(f"kubectl port-forward: {line.strip() or 'it ended without a word'}")
