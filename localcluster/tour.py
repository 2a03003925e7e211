"""The main job before a newcomer's eyes: every line is printed when it has been observed, with the time it took."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.progress import Report

USER = "demo"

_REMINDER_LEAD = timedelta(seconds=63)
"""`start` is a full minute at least this far ahead: its reminder, a minute before, then lies in the future."""

_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.05

T = TypeVar("T")


class Tour:
    """Applies `example` and follows it through the system. `token` is the API's, for the user of the example."""

    def __init__(self, cluster: Cluster, example: Path, api_url: str, token: str, report: Report) -> None:
        self._cluster = cluster
        self._example = example
        self._manifest = yaml.safe_load(example.read_text())
        self._report = report
        self._api = httpx.Client(
            base_url=f"{api_url}/api/{USER}", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )

    def run(self) -> None:
        """Raises `LocalClusterError` when something that was promised does not happen."""
        with self._api:
            start = _full_minute(datetime.now(UTC) + _REMINDER_LEAD)
            self._apply(start)
            first = self._observe("the first task appears", lambda: self._open_task(after=None))
            self._report(f"           {first['id']}, due {first['due_at']}")
            self._await_reminder(start - timedelta(minutes=1))
            self._complete(first)
            second = self._observe("the next occurrence appears", lambda: self._open_task(after=first["id"]))
            self._report(f"           {second['id']}, due {second['due_at']}")
            self._show_audit(first, second)

    def _apply(self, start: datetime) -> None:
        manifest = self._manifest
        manifest["spec"]["start"] = start.strftime("%Y-%m-%dT%H:%M")
        first = f"{manifest['spec']['start']} {manifest['spec']['timeZone']}"
        self._say(f"kubectl apply: {self._example.name}, first due {first}, with a reminder a minute before")
        answer = self._cluster.kubectl("apply", "--filename", "-", stdin=yaml.safe_dump(manifest))
        self._say(answer.strip())

    def _await_reminder(self, remind_at: datetime) -> None:
        ahead = (remind_at - datetime.now(UTC)).total_seconds()
        self._say(f"the reminder is due in {ahead:.0f} s: Dapr's alarm clock, operator, broker, notification, inbox")
        reminder = self._observe("the reminder is in the inbox", lambda: next(iter(self._items("/inbox")), None), ahead)
        late = datetime.fromisoformat(reminder["created_at"]) - remind_at
        self._report(f"           {reminder['title']!r}, {late.total_seconds():.2f} s after {remind_at:%H:%M:%S}")

    def _complete(self, task: dict[str, Any]) -> None:
        answer = self._api.patch(f"/tasks/{task['id']}", json={"state": "Completed"})
        if answer.is_error:
            raise LocalClusterError(
                f"completing {task['id']} through the API: HTTP {answer.status_code}: {answer.text}"
            )
        self._say(f"completed through the API: {task['id']} is {answer.json()['state']}")

    def _show_audit(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        expected = {
            (self._manifest["metadata"]["name"], "created"),
            (first["id"], "created"),
            (first["id"], "completed"),
            (second["id"], "created"),
        }

        def told() -> list[dict[str, Any]] | None:
            entries = self._items("/audit")
            return entries if expected <= {(entry["object_id"], entry["event_type"]) for entry in entries} else None

        for entry in reversed(self._observe("the audit knows it all", told)):
            at = datetime.fromisoformat(entry["occurred_at"])
            actor = f", by {entry['actor']}" if entry["actor"] else ""  # kubectl does not say who
            self._report(f"           {at:%H:%M:%S}  {entry['event_type']:<9}  {entry['object_id']}{actor}")

    def _open_task(self, after: str | None) -> dict[str, Any] | None:
        tasks = self._items("/tasks")
        return next((task for task in tasks if task["state"] == "Open" and task["id"] != after), None)

    def _items(self, path: str) -> list[dict[str, Any]]:
        answer = self._api.get(path)
        if answer.status_code >= 500:
            return []
        answer.raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def _observe(self, sentence: str, look: Callable[[], T | None], extra_seconds: float = 0) -> T:
        begun = time.monotonic()
        while (found := look()) is None:
            if time.monotonic() - begun > _PATIENCE_SECONDS + extra_seconds:
                raise LocalClusterError(f"not so within {_PATIENCE_SECONDS + extra_seconds:.0f} s: {sentence}")
            time.sleep(_LOOK_SECONDS)
        self._say(f"{sentence} (after {time.monotonic() - begun:.2f} s)")
        return found

    def _say(self, sentence: str) -> None:
        self._report(f"{datetime.now(UTC):%H:%M:%S}   {sentence}")


def _full_minute(at: datetime) -> datetime:
    """`at`, or the next full minute after it."""
    floor = at.replace(second=0, microsecond=0)
    return floor if floor == at else floor + timedelta(minutes=1)
