"""`dapr/` as one installation needs it: the same choice that the chart makes.

* Of the pub/sub Components the one that is wanted; Subscriptions and Resiliency, which name Kafka's, name it instead.
* Subscriptions are bulk on Kafka only; dapr/components/redis-pubsub.yaml says why.
* The Configuration with the tracing that is wanted.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localcluster.errors import LocalClusterError

WRITTEN_PUBSUB = "kafka-pubsub"
"""The name that stands in the files."""

CONFIGURATION = "configuration.yaml"


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where sidecars send their spans (OTLP over HTTP, `host:port`) and which part of all requests, 0 to 1."""

    endpoint: str
    sampling_rate: str = "1"


def render(source: Path, target: Path, pubsub: str, tracing: Tracing | None = None) -> None:
    """Write the resources under `source` into the folder `target`, flat: the Configuration as `CONFIGURATION`, the rest
    in `target / "resources"`. Raises `LocalClusterError` when there is no such pub/sub Component."""
    resources = target / "resources"
    shutil.rmtree(target, ignore_errors=True)  # a daprd reads every file there
    resources.mkdir(parents=True)
    documents = [document for path in sorted(source.rglob("*.yaml")) for document in _documents(path)]
    pubsubs = {each["metadata"]["name"]: each for each in documents if _is_pubsub(each)}
    if pubsub not in pubsubs:
        raise LocalClusterError(f"there is no pub/sub Component {pubsub!r} in {source}, only {', '.join(pubsubs)}")
    bulk = pubsubs[pubsub]["spec"]["type"] == "pubsub.kafka"
    for document in documents:
        match document:
            case {"kind": "Component", "metadata": {"name": name}} if name in pubsubs and name != pubsub:
                continue
            case {"kind": "Subscription", "spec": spec}:
                spec["pubsubname"] = pubsub
                if not bulk:
                    spec.pop("bulkSubscribe", None)
            case {"kind": "Resiliency", "spec": {"targets": {"components": components}}}:
                components[pubsub] = components.pop(WRITTEN_PUBSUB)
            case {"kind": "Configuration", "spec": spec}:
                if tracing is not None:
                    otel = {"protocol": "http", "endpointAddress": tracing.endpoint, "isSecure": False}
                    spec["tracing"] = {"samplingRate": tracing.sampling_rate, "otel": otel}
                (target / CONFIGURATION).write_text(yaml.safe_dump(document))
                continue
            case _:
                pass
        file = f"{document['kind']}-{document['metadata']['name']}.yaml".lower()
        (resources / file).write_text(yaml.safe_dump(document))


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load_all(path.read_text())


def _is_pubsub(document: dict[str, Any]) -> bool:
    return document["kind"] == "Component" and str(document["spec"]["type"]).startswith("pubsub.")
