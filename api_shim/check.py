"""The check after an installation (`helm test`): one reminder travels the whole way and back.

API → API server → operator → Dapr's alarm clock → Kafka → notification → PostgreSQL → API. Its task is deleted again.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

LEAD = timedelta(seconds=10)
"""How long after the task is made its reminder is due: long enough for an alarm to be armed."""

PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.5
_TIMEOUT_SECONDS = 10.0

Call = Callable[[str, str, dict[str, Any] | None], dict[str, Any]]
"""Method, path below `/api/<user>`, body: the answer's body. Raises `Failed`."""


class Failed(Exception):
    """The installation does not do what it is for; the message says what was seen last."""


def check(call: Call, now: datetime, clock: Callable[[], float], pause: Callable[[float], None]) -> float:
    """Seconds until the reminder was in the inbox. Raises `Failed`."""
    begun = clock()
    reminder = {"at": (now + LEAD).isoformat()}
    task = call("POST", "/tasks", {"title": "Taskbell's own check", "reminders": [reminder]})
    try:
        while not any(entry["task_id"] == task["id"] for entry in call("GET", "/inbox", None)["items"]):
            if clock() - begun > PATIENCE_SECONDS:
                raise Failed(f"the reminder of {task['id']} is not in the inbox after {PATIENCE_SECONDS:.0f} s")
            pause(LOOK_SECONDS)
    finally:
        call("DELETE", f"/tasks/{task['id']}", None)
    return clock() - begun


def caller(url: str, user: str, token: str) -> Call:
    """Over HTTP."""

    def call(method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310  the user's own URL
            f"{url}/api/{user}{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                return json.loads(answer.read() or b"{}")  # type: ignore[no-any-return]
        except urllib.error.HTTPError as error:
            raise Failed(f"{method} {path}: HTTP {error.code}: {error.read().decode(errors='replace')}") from error
        except (OSError, ValueError) as error:
            raise Failed(f"{method} {path} at {url}: {error}") from error

    return call


def run(url: str, user: str, token: str, now: datetime) -> float:
    """`check` over HTTP."""
    return check(caller(url, user, token), now, time.monotonic, time.sleep)
