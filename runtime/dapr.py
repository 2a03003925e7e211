"""The Dapr sidecar over HTTP: bulk publish, one-shot jobs, and state. Contract: Dapr 1.18, `/v1.0`.

A sidecar that does not do what it was asked raises `Unavailable`; what it was asked may have happened all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import aiohttp
import orjson

from runtime.settings import DaprSettings
from taskbell.resources import instant_text

TIMEOUT_SECONDS = 5


class Unavailable(Exception):
    """The sidecar, or what stands behind it, is away: try again later."""


class StateConflict(Exception):
    """The state is another by now than the one that was read: read it again."""


@dataclass(frozen=True, slots=True)
class State:
    """A JSON value and the version it has."""

    value: Any
    etag: str


class Dapr:
    """Use as an async context manager."""

    def __init__(self, settings: DaprSettings) -> None:
        self._url = f"http://127.0.0.1:{settings.dapr_http_port}/v1.0"
        token = settings.dapr_api_token.get_secret_value()
        self._headers = {"Content-Type": "application/json"} | ({"dapr-api-token": token} if token else {})
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        self._http = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http:
            await self._http.close()

    async def publish(self, pubsub: str, topic: str, events: Sequence[dict[str, Any]]) -> set[int]:
        """Publishes CloudEvents in order; the positions of those that were not accepted.

        The record key is the event's `partitionkey`."""
        entries = [
            {
                "entryId": str(position),
                "event": event,
                "contentType": "application/cloudevents+json",
                "metadata": {"partitionKey": event["partitionkey"]},
            }
            for position, event in enumerate(events)
        ]
        status, answer = await self._call("POST", f"/publish/bulk/{pubsub}/{topic}", entries)
        if status < 300:
            return set()
        failed = _json(answer).get("failedEntries")
        if not failed:
            raise Unavailable(f"publish to {topic}: HTTP {status}: {answer[:500]!r}")
        return {int(entry["entryId"]) for entry in failed}

    async def arm(self, name: str, at: datetime) -> None:
        """A one-shot job that rings at `at` (at once when that has passed), in place of any of that name."""
        job = {
            "dueTime": instant_text(at),
            "data": {},
            "overwrite": True,
            # Without maxRetries for ever: Dapr's default gives up after three seconds and deletes the job.
            "failurePolicy": {"constant": {"interval": "5s"}},
        }
        await self._expect("POST", f"/jobs/{name}", job)

    async def disarm(self, name: str) -> None:
        """Deletes the job; an unknown one is no error."""
        await self._expect("DELETE", f"/jobs/{name}")

    async def get_state(self, store: str, key: str) -> State | None:
        """None for a key that is unknown or has expired. `key` has the characters that need no escape in a URL."""
        status, answer, headers = await self._exchange("GET", f"/state/{store}/{key}")
        if status == 204:
            return None
        etag = headers.get("ETag")
        if status != 200 or etag is None:
            raise Unavailable(f"GET /state/{store}: HTTP {status}: {answer[:500]!r}")
        return State(orjson.loads(answer), etag)

    async def save_state(self, store: str, key: str, value: Any, *, lifetime: timedelta, etag: str | None) -> None:
        """Over the version `etag`, or over whatever is there when it is None; raises StateConflict."""
        item = {"key": key, "value": value, "metadata": {"ttlInSeconds": str(int(lifetime.total_seconds()))}}
        if etag is not None:
            item |= {"etag": etag, "options": {"concurrency": "first-write"}}
        status, answer = await self._call("POST", f"/state/{store}", [item])
        if status == 409:
            raise StateConflict(key)
        if status >= 300:
            raise Unavailable(f"POST /state/{store}: HTTP {status}: {answer[:500]!r}")

    async def delete_state(self, store: str, key: str) -> None:
        """Whatever version is there; an unknown key is no error."""
        await self._expect("DELETE", f"/state/{store}/{key}")

    async def _expect(self, method: str, path: str, body: Any = None) -> None:
        status, answer = await self._call(method, path, body)
        if status >= 300:
            raise Unavailable(f"{method} {path}: HTTP {status}: {answer[:500]!r}")

    async def _call(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        status, answer, _ = await self._exchange(method, path, body)
        return status, answer

    async def _exchange(self, method: str, path: str, body: Any = None) -> tuple[int, bytes, Mapping[str, str]]:
        if self._http is None:
            raise RuntimeError("Dapr is used outside its context")
        data = orjson.dumps(body) if body is not None else None
        try:
            async with self._http.request(method, self._url + path, data=data) as response:
                return response.status, await response.read(), response.headers
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"{method} {path}: {error!r}") from error


def _json(answer: bytes) -> dict[str, Any]:
    try:
        decoded = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}
