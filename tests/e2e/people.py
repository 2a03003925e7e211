"""What people do in the stories: with kubectl, through the API, and by looking until something is so."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import quote

import httpx
import jwt
import yaml
from sqlalchemy import create_engine, text

from localcluster import topics
from localcluster.cluster import Cluster

T = TypeVar("T")

JSON = dict[str, Any]

_LOOK_SECONDS = 0.05


def eventually(look: Callable[[], T | None], within: float = 30, *, what: str = "") -> T:
    """What `look` finds, once it finds something true. Asks again and again, for `within` seconds at most."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within} s: {what or look!r}; last seen: {found!r}")
        time.sleep(_LOOK_SECONDS)


def becomes(look: Callable[[], T], expected: T, within: float = 30) -> None:
    """Waits until `look` gives what is expected; else says what it gave last."""
    deadline = time.monotonic() + within
    while (last := look()) != expected and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    assert last == expected


def now() -> datetime:
    return datetime.now(UTC)


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def tomorrow_at_nine() -> str:
    return f"{(now() + timedelta(days=1)).date()}T09:00"


class Installed(Protocol):
    """Taskbell on a cluster, as processes or as Pods."""

    def url_of(self, service: str) -> str: ...

    @property
    def api_url(self) -> str: ...

    @property
    def jwt_secret(self) -> str: ...

    @property
    def app_api_token(self) -> str: ...


@dataclass(frozen=True)
class World:
    cluster: Cluster
    stack: Installed

    @property
    def broker(self) -> str:
        """Name of the part that events go through."""
        return "redis" if self.cluster.redis else "kafka"

    def metric(self, service: str, name: str, **labels: str) -> float:
        """The value of one of a service's Prometheus metrics; 0 before it was ever counted."""
        text = eventually(lambda: self._metrics_of(service), what=f"a {service} that works")
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        values = [
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.split("{")[0].split(" ")[0] == name and all(each in line for each in wanted)
        ]
        return sum(values)

    def _metrics_of(self, service: str) -> str | None:
        """Of an operator that stands by None: of several replicas any may have answered."""
        text = httpx.get(f"{self.stack.url_of(service)}/metrics").text
        return None if "\ntaskbell_leader 0" in text else text

    @contextmanager
    def stopped(self, *names: str) -> Iterator[None]:
        """These parts are stopped meanwhile."""
        for name in names:
            self.cluster.part(name).stop()
        try:
            yield
        finally:
            for name in names:
                self.cluster.part(name).start()

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """This part is frozen (SIGSTOP) meanwhile."""
        part = self.cluster.part(name)
        part.pause()
        try:
            yield
        finally:
            part.resume()


class Person:
    """Somebody with a token for the API, and with kubectl."""

    def __init__(self, world: World, user: str, token: str) -> None:
        self.world = world
        self.user = user
        self.token = token
        self.api = httpx.Client(
            base_url=f"{world.stack.api_url}/api/{quote(user)}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )

    @classmethod
    def of(cls, world: World, user: str) -> Self:
        """Whoever the test needs: the token is made here, as any issuer would."""
        claims = {"sub": user, "exp": int(time.time()) + 3600}
        return cls(world, user, jwt.encode(claims, world.stack.jwt_secret, "HS256"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.close()

    # With kubectl

    def apply_schedule(self, name: str, **spec: Any) -> None:
        """A daily schedule from tomorrow at nine, in UTC, but for what `spec` says; `title` goes into the template."""
        task = {"title": spec.pop("title", name), "reminders": spec.pop("reminders", [])}
        self.apply(
            "TaskSchedule",
            self.named(name),
            {"start": tomorrow_at_nine(), "recurrence": {"frequency": "Daily"}, "task": task, **spec},
        )

    def apply_task(self, name: str, **spec: Any) -> None:
        self.apply("Task", self.named(name), {"title": name, **spec})

    def apply(self, kind: str, name: str, spec: JSON) -> None:
        manifest = {
            "apiVersion": "taskbell.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": {"userId": self.user, **spec},
        }
        self.world.cluster.kubectl("apply", "--filename", "-", stdin=yaml.safe_dump(manifest))

    def patch(self, kind: str, name: str, spec: JSON) -> None:
        self.world.cluster.kubectl("patch", kind, name, "--type=merge", "--patch", json.dumps({"spec": spec}))

    def complete(self, task: JSON) -> None:
        self.patch("task", task["metadata"]["name"], {"state": "Completed"})

    def delete(self, kind: str, name: str) -> None:
        self.world.cluster.kubectl("delete", kind, name, "--wait=false")

    def named(self, name: str) -> str:
        """`name` made this person's own: names are shared by all who use the cluster."""
        return f"{name}-{self.user}"

    def schedule(self, name: str) -> JSON:
        return self._get("taskschedule", self.named(name))

    def task(self, name: str) -> JSON | None:
        return next((task for task in self._list("tasks") if task["metadata"]["name"] == name), None)

    def tasks(self, schedule: str) -> list[JSON]:
        """The tasks of one schedule, in their order."""
        uid = self.schedule(schedule)["metadata"]["uid"]
        mine = [
            task
            for task in self._list("tasks", f"--selector=taskbell.dev/schedule-uid={uid}")
            if "deletionTimestamp" not in task["metadata"]
        ]
        return sorted(mine, key=lambda task: int(task["spec"]["occurrence"]["sequence"]))

    def open_task(self, schedule: str, *, after: JSON | None = None, within: float = 30) -> JSON:
        """The schedule's one open task, other than `after`, once it is there."""

        def look() -> JSON | None:
            mine = [task for task in self.tasks(schedule) if task["spec"]["state"] == "Open"]
            return (
                mine[-1]
                if mine and (after is None or mine[-1]["metadata"]["uid"] != after["metadata"]["uid"])
                else None
            )

        return eventually(look, within, what=f"an open task of {schedule}")

    def _get(self, kind: str, name: str) -> JSON:
        found: JSON = json.loads(self.world.cluster.kubectl("get", kind, name, "--output=json"))
        return found

    def _list(self, kind: str, *arguments: str) -> list[JSON]:
        found: list[JSON] = json.loads(self.world.cluster.kubectl("get", kind, "--output=json", *arguments))["items"]
        return found

    # Through the API

    def inbox(self) -> list[JSON]:
        return self.items("/inbox")

    def audit(self) -> list[JSON]:
        """The oldest first."""
        return self.items("/audit?limit=100")[::-1]

    def deliveries(self) -> list[tuple[str, bool]]:
        """Of reminders, as the database has them: their state, and whether they have a time of sending."""
        engine = create_engine(self.world.cluster.database_url.replace("postgresql:", "postgresql+psycopg2:"))
        query = text("select state, sent_at is not null from ledger.deliveries where user_id = :user")
        with engine.connect() as connection:
            rows = [(state, sent) for state, sent in connection.execute(query, {"user": self.user})]
        engine.dispose()
        return rows

    def reminders(self) -> list[JSON]:
        return self.items("/reminders")

    def items(self, path: str) -> list[JSON]:
        answer = self.api.get(path)
        answer.raise_for_status()
        items: list[JSON] = answer.json()["items"]
        return items


@contextmanager
def plain_client(world: World, topic: str) -> Iterator[Callable[[str], list[JSON]]]:
    """A client of the broker without Dapr, on `topic` from its beginning: a function from a user to the events of that
    user so far."""
    seen: list[JSON] = []
    with values(world, topic) as news:

        def events_of(user: str) -> list[JSON]:
            seen.extend(_event(record.value) for record in news())
            return [event for event in seen if event["data"].get("user_id") == user]

        yield events_of


def values(world: World, topic: str) -> AbstractContextManager[topics.News]:
    """What lies on `topic`, as it is."""
    cluster = world.cluster
    if cluster.redis:
        return topics.on_redis(cluster.redis.service.url, topic)
    return topics.on_kafka(cluster.kafka_brokers, topic)


def _event(value: bytes) -> JSON:
    """What lies on a topic; where that is no event (some tests put such things there), one of nobody."""
    try:
        event = json.loads(value)
    except ValueError:
        event = None
    return event if isinstance(event, dict) and isinstance(event.get("data"), dict) else {"data": {}}
