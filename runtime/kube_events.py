"""Kubernetes Events (events.k8s.io/v1), which `kubectl describe` shows beside an object."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runtime.apiserver import AlreadyExists, ApiServer
from taskbell.resources import API_VERSION, Metadata, Resource

REPORTING_CONTROLLER = "taskbell.dev/operator"

_NOTE_BYTES = 1024
_NAME_LENGTH = 236  # with a dot and 16 digits no longer than a name may be


@dataclass(frozen=True, slots=True)
class KubeEvent:
    """One Event regarding an object; `instance` is who reports it. Written once; only its series changes later."""

    kind: type[Resource]
    regarding: Metadata
    reason: str
    action: str
    note: str
    warning: bool
    at: datetime
    instance: str

    @property
    def name(self) -> str:
        """The same Event has the same name, another one another."""
        own = (self.regarding.uid, self.reason, self.action, self.note, self.at.isoformat(), self.instance)
        digest = hashlib.sha256("\n".join(own).encode()).hexdigest()[:16]
        return f"{self.regarding.name[:_NAME_LENGTH]}.{digest}"


class KubeEventWriter:
    def __init__(self, api: ApiServer) -> None:
        self._api = api

    async def create(self, event: KubeEvent) -> None:
        """One that exists is success. Raises ApiError and Unreachable."""
        try:
            await self._api.call("POST", _path(event), _body(event))
        except AlreadyExists:
            return

    async def repeat(self, event: KubeEvent, count: int, last: datetime) -> None:
        """The Event has happened `count` times by now, `last` at last. Raises NotFound when it has expired, ApiError
        and Unreachable."""
        body = {"series": {"count": count, "lastObservedTime": _text(last)}}
        await self._api.call("PATCH", f"{_path(event)}/{event.name}", body, content_type="application/merge-patch+json")


def _path(event: KubeEvent) -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{event.regarding.namespace}/events"


def _body(event: KubeEvent) -> dict[str, Any]:
    regarding = event.regarding
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": event.name, "namespace": regarding.namespace},
        "eventTime": _text(event.at),
        "reportingController": REPORTING_CONTROLLER,
        "reportingInstance": event.instance[:128],
        "action": event.action,
        "reason": event.reason,
        "note": event.note.encode()[:_NOTE_BYTES].decode(errors="ignore"),
        "type": "Warning" if event.warning else "Normal",
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": event.kind.kind,
            "namespace": regarding.namespace,
            "name": regarding.name,
            "uid": regarding.uid,
            "resourceVersion": regarding.resource_version,
        },
    }


def _text(at: datetime) -> str:
    """A MicroTime."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
