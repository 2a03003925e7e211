"""One Lease (coordination.k8s.io/v1) of the API server: who leads, and until when."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runtime.apiserver import ApiServer, NotFound


@dataclass(frozen=True, slots=True)
class Lease:
    """`holder` "" is nobody. Times are the holder's clock: other parties only compare them with themselves.
    `version` is the resourceVersion it was read with, "" for one that is not there yet."""

    holder: str
    duration_seconds: int
    acquired_at: datetime
    renewed_at: datetime
    transitions: int = 0
    version: str = ""


class LeaseStore:
    """The Lease `namespace`/`name`."""

    def __init__(self, api: ApiServer, namespace: str, name: str) -> None:
        self._api = api
        self._metadata = {"name": name, "namespace": namespace}
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"

    async def read(self) -> Lease | None:
        """None when it does not exist. Raises ApiError and Unreachable."""
        try:
            return _parsed(await self._api.call("GET", f"{self._path}/{self._metadata['name']}"))
        except NotFound:
            return None

    async def write(self, lease: Lease) -> Lease:
        """Creates it, or replaces the version it was read with. Raises Conflict or AlreadyExists when somebody else
        was faster, ApiError and Unreachable."""
        guard = {"resourceVersion": lease.version} if lease.version else {}
        spec = {
            "holderIdentity": lease.holder,
            "leaseDurationSeconds": lease.duration_seconds,
            "acquireTime": _text(lease.acquired_at),
            "renewTime": _text(lease.renewed_at),
            "leaseTransitions": lease.transitions,
        }
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**self._metadata, **guard},
            "spec": spec,
        }
        if not lease.version:
            return _parsed(await self._api.call("POST", self._path, body))
        return _parsed(await self._api.call("PUT", f"{self._path}/{self._metadata['name']}", body))


def _parsed(body: dict[str, Any]) -> Lease:
    spec = body.get("spec") or {}
    return Lease(
        holder=spec.get("holderIdentity") or "",
        duration_seconds=spec.get("leaseDurationSeconds") or 1,
        acquired_at=_instant(spec.get("acquireTime")),
        renewed_at=_instant(spec.get("renewTime")),
        transitions=spec.get("leaseTransitions") or 0,
        version=body["metadata"]["resourceVersion"],
    )


def _text(at: datetime) -> str:
    """A MicroTime."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _instant(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
