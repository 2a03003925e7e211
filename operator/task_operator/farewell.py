"""`python -m task_operator.farewell`: the last thing before an installation goes (the chart's pre-delete hook).

The operator is scaled to nothing, and when its last Pod has gone its finalizer is taken off every object: else nobody
could ever delete one. What was not told stays untold. May be repeated; ends with an error when the Pod does not go.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from runtime import logs
from taskbell.naming import FINALIZER, GROUP, VERSION
from taskbell.resources import KINDS

PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.5
PAGE = 500

logger = logs.get(__name__)

Body = dict[str, Any]


class Cluster(Protocol):
    """Laws: every call may be repeated, and what has gone is no error."""

    def scale_to_zero(self, deployment: str) -> None: ...

    def pods(self, selector: str) -> int:
        """How many there are, terminating ones too."""
        ...

    def objects(self, plural: str) -> Iterator[Body]: ...

    def set_finalizers(self, plural: str, body: Body, finalizers: list[str]) -> bool:
        """False when the object has changed since it was read."""
        ...


def farewell(
    cluster: Cluster, deployment: str, selector: str, clock: Callable[[], float], pause: Callable[[float], None]
) -> int:
    """How many objects were let go. Raises `TimeoutError` when the operator does not end."""
    cluster.scale_to_zero(deployment)
    deadline = clock() + PATIENCE_SECONDS
    while left := cluster.pods(selector):
        if clock() > deadline:
            raise TimeoutError(f"{left} Pods of {deployment} are still there after {PATIENCE_SECONDS:.0f} s")
        pause(LOOK_SECONDS)
    # Only now: a running operator would put the finalizer on again.
    return sum(_let_go(cluster, kind.plural) for kind in KINDS)


def _let_go(cluster: Cluster, plural: str) -> int:
    done = 0
    while held := [body for body in cluster.objects(plural) if FINALIZER in _finalizers(body)]:
        for body in held:
            others = [each for each in _finalizers(body) if each != FINALIZER]
            done += cluster.set_finalizers(plural, body, others)
    return done


def _finalizers(body: Body) -> list[str]:
    finalizers: list[str] = body["metadata"].get("finalizers") or []
    return finalizers


class RealCluster:
    """By the official client. Bodies are not parsed: also what this version cannot read is let go."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._apps = client.AppsV1Api()
        self._core = client.CoreV1Api()
        self._custom = client.CustomObjectsApi()

    def scale_to_zero(self, deployment: str) -> None:
        body = {"spec": {"replicas": 0}}
        try:
            self._apps.patch_namespaced_deployment_scale(deployment, self._namespace, body)
        except ApiException as error:
            if error.status != 404:
                raise

    def pods(self, selector: str) -> int:
        return len(self._core.list_namespaced_pod(self._namespace, label_selector=selector).items)

    def objects(self, plural: str) -> Iterator[Body]:
        more: str | None = ""
        while more is not None:
            page: Any = self._custom.list_cluster_custom_object(GROUP, VERSION, plural, limit=PAGE, _continue=more)
            yield from page["items"]
            more = page["metadata"].get("continue") or None

    def set_finalizers(self, plural: str, body: Body, finalizers: list[str]) -> bool:
        metadata = body["metadata"]
        change = {"metadata": {"finalizers": finalizers, "resourceVersion": metadata["resourceVersion"]}}
        place = (GROUP, VERSION, metadata["namespace"], plural, metadata["name"])
        try:
            self._custom.patch_namespaced_custom_object(*place, change)
        except ApiException as error:
            if error.status not in {404, 409}:
                raise
            return False
        return True


def main() -> None:
    arguments = _parser().parse_args()
    logs.configure("farewell", "INFO")
    _configure()
    cluster = RealCluster(arguments.namespace)
    count = farewell(cluster, arguments.deployment, arguments.selector, time.monotonic, time.sleep)
    logger.info("objects let go", action="farewell", count=count)


def _configure() -> None:
    try:
        config.load_incluster_config()
    except config.ConfigException:
        config.load_kube_config()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m task_operator.farewell", description=__doc__)
    parser.add_argument("--namespace", required=True, help="where the operator runs")
    parser.add_argument("--deployment", required=True, help="the operator's Deployment")
    parser.add_argument("--selector", required=True, help="labels of the operator's Pods")
    return parser


if __name__ == "__main__":
    main()
