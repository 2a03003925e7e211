"""A small client of the Kubernetes API server for our two kinds, on aiohttp: 0.1-0.2 CPU-ms a call.

Every write is guarded by a precondition (a resourceVersion or a uid) or repeatable by its name. A refusal of the API
server raises `ApiError` or one of its kinds; a server that cannot be reached raises `Unreachable`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any, Self, TypeVar, cast

import aiohttp
import orjson
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from taskbell.naming import GROUP, VERSION
from taskbell.resources import API_VERSION, Metadata, Model, Resource

R = TypeVar("R", bound=Resource)

PAGE = 500
"""Objects a LIST page: 100,000 in one answer would freeze the loop for seconds."""


class Unreachable(Exception):
    """The API server did not answer: try again later."""


class ApiError(Exception):
    """The API server refused. `reason` and `causes` are those of its Status (Kubernetes API conventions)."""

    def __init__(self, status: int, reason: str, message: str, causes: tuple[dict[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes


class NotFound(ApiError):
    """404: the object, or its kind, is not there."""


class Conflict(ApiError):
    """409: it has changed since it was read, or a precondition does not hold."""


class AlreadyExists(ApiError):
    """409: an object of that name is there already."""


class Forbidden(ApiError):
    """403: a right that is missing, a quota, a policy, or a namespace that is going (then `causes` says so)."""


class Invalid(ApiError):
    """400 or 422: the object is not valid; `causes` name the fields."""


class Overloaded(ApiError):
    """429 or 5xx: try again later."""


class ApiServer:
    """Use as an async context manager. Time-outs in seconds."""

    def __init__(self, field_manager: str, timeout: float = 10) -> None:
        self._field_manager = field_manager
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=5)
        self._configuration = _configuration()
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=64, ssl=_ssl_context(self._configuration))
        self._http = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http:
            await self._http.close()

    async def get(self, kind: type[R], namespace: str, name: str) -> R:
        return kind.model_validate(await self.get_raw(kind, namespace, name))

    async def get_raw(self, kind: type[Resource], namespace: str, name: str) -> dict[str, Any]:
        """As it is stored, for those who must stand what they cannot read."""
        return await self.call("GET", _path(kind, namespace, name))

    async def pages(self, kind: type[R], namespace: str | None = None) -> AsyncIterator[list[dict[str, Any]]]:
        """Raw objects of one kind, a page at a time: parse them one by one, so that a bad one spoils no other."""
        async for page in self._pages(_path(kind, namespace), "application/json"):
            yield page

    async def _pages(self, path: str, accept: str) -> AsyncIterator[list[dict[str, Any]]]:
        query: dict[str, str] = {"limit": str(PAGE)}
        while True:
            page = await self.call("GET", path, query=query, accept=accept)
            yield page["items"] or []  # null in an empty PartialObjectMetadataList
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    async def create(self, kind: type[R], namespace: str, metadata: dict[str, Any], spec: Model) -> R:
        body = {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": metadata, "spec": spec.wire()}
        return kind.model_validate(await self.call("POST", _path(kind, namespace), body))

    async def patch(self, kind: type[R], metadata: Metadata, changes: dict[str, Any]) -> R:
        """A JSON merge patch (RFC 7386), guarded by the uid and resourceVersion in `metadata`."""
        guard = {"uid": metadata.uid, "resourceVersion": metadata.resource_version}
        body = {**changes, "metadata": {**changes.get("metadata", {}), **guard}}
        path = _path(kind, metadata.namespace, metadata.name)
        return kind.model_validate(await self.call("PATCH", path, body, content_type="application/merge-patch+json"))

    async def put_status(self, kind: type[R], metadata: Metadata, status: Model) -> R:
        """Replaces the status, guarded by resourceVersion. The cheapest guarded write: nothing else is sent."""
        guard = {"name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid}
        body = {
            "apiVersion": API_VERSION,
            "kind": kind.kind,
            "metadata": {**guard, "resourceVersion": metadata.resource_version},
            "status": status.wire(),
        }
        path = _path(kind, metadata.namespace, metadata.name) + "/status"
        return kind.model_validate(await self.call("PUT", path, body))

    async def patch_conditions(
        self, kind: type[Resource], metadata: Metadata, conditions: list[dict[str, Any]]
    ) -> None:
        """The conditions of a status alone, guarded by resourceVersion; everything else in it stays as it is."""
        guard = {"uid": metadata.uid, "resourceVersion": metadata.resource_version}
        body = {"metadata": guard, "status": {"conditions": conditions}}
        path = _path(kind, metadata.namespace, metadata.name) + "/status"
        await self.call("PATCH", path, body, content_type="application/merge-patch+json")

    async def metadata(self, kind: type[Resource], namespace: str | None = None) -> AsyncIterator[list[dict[str, Any]]]:
        """ObjectMeta alone (PartialObjectMetadata) of all objects of one kind, a page at a time."""
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        async for page in self._pages(_path(kind, namespace), accept):
            yield [item["metadata"] for item in page]

    async def namespace_ends(self, namespace: str) -> bool:
        """Whether the namespace is being deleted, or gone."""
        try:
            answer = await self.call("GET", f"/api/v1/namespaces/{namespace}")
        except NotFound:
            return True
        return "deletionTimestamp" in answer["metadata"]

    async def delete(self, kind: type[Resource], metadata: Metadata) -> None:
        """An ordinary DELETE of exactly this object in exactly this version. Raises NotFound when it is gone."""
        preconditions = {"uid": metadata.uid, "resourceVersion": metadata.resource_version}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        await self.call("DELETE", _path(kind, metadata.namespace, metadata.name), body)

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        """One request, for kinds that are not ours; the decoded answer. Raises ApiError and Unreachable."""
        if self._http is None:
            raise RuntimeError("ApiServer is used outside its context")
        if method in {"POST", "PUT", "PATCH"}:
            query = {"fieldManager": self._field_manager, "fieldValidation": "Strict", **(query or {})}
        headers = {"Content-Type": content_type, "Accept": accept}
        if token := self._configuration.get_api_key_with_prefix("BearerToken", "authorization"):
            headers["Authorization"] = token
        data = orjson.dumps(body) if body is not None else None
        try:
            async with self._http.request(
                method, self._configuration.host + path, params=query, data=data, headers=headers
            ) as response:
                text = await response.read()
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Unreachable(f"the API server does not answer: {error!r}") from error
        answer = _decoded(text)
        if response.status >= 400:
            raise _refusal(response.status, answer)
        return answer


def _path(kind: type[Resource], namespace: str | None, name: str | None = None) -> str:
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{scope}/{kind.plural}" + (f"/{name}" if name else "")


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", orjson.loads(text))
    except orjson.JSONDecodeError:
        return {"message": text.decode(errors="replace")}


def _refusal(status: int, answer: dict[str, Any]) -> ApiError:
    reason, message = answer.get("reason") or "", answer.get("message") or f"HTTP {status}"
    causes = tuple((answer.get("details") or {}).get("causes") or ())
    match status:
        case 403:
            kind: type[ApiError] = Forbidden
        case 404:
            kind = NotFound
        case 409:
            kind = AlreadyExists if reason == "AlreadyExists" else Conflict
        case 400 | 422:
            kind = Invalid
        case _:
            kind = Overloaded if status == 429 or status >= 500 else ApiError
    return kind(status, reason, message, causes)


def _configuration() -> Any:
    """In a pod the service account (its token is read again as it rotates), else $KUBECONFIG or ~/.kube/config."""
    configuration = kubernetes_client.Configuration()
    try:
        kubernetes_config.load_incluster_config(client_configuration=configuration)
    except kubernetes_config.ConfigException:
        kubernetes_config.load_kube_config(client_configuration=configuration)
    return configuration


def _ssl_context(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
