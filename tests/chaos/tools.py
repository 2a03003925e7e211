"""The two ways to ask, each patient: a request is repeated until it is known whether it was carried out."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config
from urllib3.exceptions import HTTPError

from localcluster.stack import USER_NAMESPACE
from taskbell.naming import GROUP, VERSION
from taskbell.resources import API_VERSION

T = TypeVar("T")
JSON = dict[str, Any]

PATIENCE_SECONDS = 180.0
_AGAIN_SECONDS = 0.3
_KINDS_OF = (GROUP, VERSION, USER_NAMESPACE)
_TIMEOUT = (2.0, 5.0)
KINDS = {"tasks": "Task", "taskschedules": "TaskSchedule"}


class Away(Exception):
    """Nobody answered for too long: something is stuck."""


def patiently(ask: Callable[[], T | None], what: str, end: threading.Event) -> T:
    """What `ask` answers, once it does (None: no answer)."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := ask()) is None:
        if time.monotonic() > deadline or end.is_set():
            raise Away(f"{what}: no answer for {PATIENCE_SECONDS:.0f} s")
        time.sleep(_AGAIN_SECONDS)
    return answer


class Kubectl:
    """The API server as kubectl uses it. `plural` is one of `KINDS`."""

    def __init__(self, kubeconfig: Path, end: threading.Event) -> None:
        client: Any = new_client_from_config(str(kubeconfig))
        client.configuration.retries = False
        self._api: Any = CustomObjectsApi(client)
        self._end = end

    def create(self, plural: str, name: str, spec: JSON) -> JSON:
        """Names are never used twice: one that is there already is ours."""
        body = {
            "apiVersion": API_VERSION,
            "kind": KINDS[plural],
            "metadata": {"name": name},
            "spec": spec,
        }
        try:
            return self._ask(
                f"create {name}", lambda: self._api.create_namespaced_custom_object(*_KINDS_OF, plural, body, **_ASKING)
            )
        except ApiException as refusal:
            if refusal.status != 409:
                raise
        found = self.get(plural, name)
        if found is None:
            raise Away(f"{name} is said to exist and does not")
        return found

    def get(self, plural: str, name: str) -> JSON | None:
        try:
            return self._ask(
                f"get {name}", lambda: self._api.get_namespaced_custom_object(*_KINDS_OF, plural, name, **_ASKING)
            )
        except ApiException as refusal:
            if refusal.status == 404:
                return None
            raise

    def list(self, plural: str, selector: str = "") -> list[JSON]:
        answer = self._ask(
            f"list {plural}",
            lambda: self._api.list_namespaced_custom_object(*_KINDS_OF, plural, label_selector=selector, **_ASKING),
        )
        items: list[JSON] = answer["items"]
        return items

    def change(self, plural: str, seen: JSON, spec: JSON) -> JSON | None:
        """`seen` with these fields of its spec; None if it has gone."""
        name, uid = seen["metadata"]["name"], seen["metadata"]["uid"]
        now: JSON | None = seen
        while now is not None and now["metadata"]["uid"] == uid and "deletionTimestamp" not in now["metadata"]:
            guard = {"uid": uid, "resourceVersion": now["metadata"]["resourceVersion"]}
            try:
                return self._patch(plural, name, {"metadata": guard, "spec": spec})
            except ApiException as refusal:
                if refusal.status not in (404, 409):
                    raise
            now = self.get(plural, name)
        return None

    def delete(self, plural: str, seen: JSON) -> bool:
        """False if it had gone before anything was asked; where the first answer was lost, it counts as ours."""
        name, uid = seen["metadata"]["name"], seen["metadata"]["uid"]
        asked = 0

        def ask() -> JSON:
            nonlocal asked
            asked += 1
            answer: JSON = self._api.delete_namespaced_custom_object(
                *_KINDS_OF, plural, name, body={"preconditions": {"uid": uid}}, **_ASKING
            )
            return answer

        try:
            self._ask(f"delete {name}", ask)
        except ApiException as refusal:
            if refusal.status not in (404, 409):
                raise
            return asked > 1
        return True

    def _patch(self, plural: str, name: str, body: JSON) -> JSON:
        return self._ask(
            f"patch {name}",
            lambda: self._api.patch_namespaced_custom_object(
                *_KINDS_OF, plural, name, body, _content_type="application/merge-patch+json", **_ASKING
            ),
        )

    def _ask(self, what: str, call: Callable[[], JSON]) -> JSON:
        """Raises `ApiException` for a refusal."""

        def once() -> JSON | None:
            try:
                return call()
            except ApiException as refusal:
                if not _may_change(refusal.status or 0):
                    raise
            except HTTPError:
                pass
            return None

        return patiently(once, what, self._end)


_ASKING = {"_request_timeout": _TIMEOUT}


class Shim:
    """The REST API of one person. `api` is a client of `/api/{user}`."""

    def __init__(self, api: httpx.Client, end: threading.Event) -> None:
        self._api = api
        self._end = end

    def once(self, method: str, path: str, body: JSON) -> JSON | None:
        """Not repeated; None where no answer came: it may have been carried out."""
        return self._try(method, path, body)

    def change(self, path: str, body: JSON) -> JSON | None:
        """Repeated; None if there is no such thing."""
        answer = patiently(lambda: self._try("PATCH", path, body), f"PATCH {path}", self._end)
        return None if answer.get("status") == 404 else answer

    def _try(self, method: str, path: str, body: JSON) -> JSON | None:
        try:
            answer = self._api.request(method, path, json=body)
        except httpx.HTTPError:
            return None
        if _may_change(answer.status_code) or answer.status_code == 409:
            return None
        found: JSON = answer.json()
        if answer.status_code not in (200, 201, 404):
            raise AssertionError(f"{method} {path} {body}: {answer.status_code} {found}")
        return found


def _may_change(status: int) -> bool:
    return status == 429 or status >= 500
