import io
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from consumers.settings import ConsumerSettings
from consumers.subscriptions import (
    DEEPEST,
    Away,
    Outlet,
    Received,
    Refused,
    dead_letter,
    decode,
    shallow,
    subscribe,
)
from consumers.testing import MemoryPublisher
from runtime.web import application
from taskbell.events import TaskEvent, Topic
from tests.unit.consumers.samples import COMPLETED_DATA, envelope, event

GOOD = event().envelope
TOKEN = "sidecar"
WRONG_SHAPE = {**GOOD, "id": "bad", "data": {"x": 1}}


class Handler:
    """Remembers what it was given; refuses or is away as it is told."""

    def __init__(self, refuses: Sequence[str] = (), *, away: bool = False) -> None:
        self.seen: list[str] = []
        self._refuses = refuses
        self._away = away

    async def __call__(self, events: Sequence[Received[TaskEvent]]) -> Sequence[Refused]:
        if self._away:
            raise Away("PostgreSQL: connection refused")
        self.seen += [event.id for event in events]
        return [Refused(event.envelope, "no") for event in events if event.id in self._refuses]


async def post(
    handler: Handler, envelopes: Sequence[Any], publisher: MemoryPublisher, token: str = TOKEN
) -> tuple[int, Any]:
    """A bulk delivery: status and answer."""
    entries = [{"entryId": str(number), "event": body} for number, body in enumerate(envelopes)]
    status, answer = await deliver(handler, {"entries": entries}, "application/json", publisher, token)
    return status, orjson.loads(answer) if status == 200 else answer.decode()


async def deliver(
    handler: Handler, body: Any, content_type: str, publisher: MemoryPublisher, token: str = TOKEN
) -> tuple[int, bytes]:
    settings = ConsumerSettings.model_validate({"port": 1, "app_api_token": TOKEN})

    async def ready() -> None:
        return None

    app = application(settings, ready)
    subscribe(app, Topic.TASK_EVENTS, TaskEvent, handler, Outlet(publisher, "kafka-pubsub", "audit"))
    async with TestClient(TestServer(app)) as client:
        answer = await client.post(
            "/events/task-events",
            data=io.BytesIO(orjson.dumps(body)),
            headers={"dapr-api-token": token, "Content-Type": content_type},
        )
        return answer.status, await answer.read()


def succeeded(number: int) -> dict[str, Any]:
    return {"statuses": [{"entryId": str(entry), "status": "SUCCESS"} for entry in range(number)]}


async def test_a_batch_is_handled_in_order_and_acknowledged_entry_by_entry() -> None:
    handler, publisher = Handler(), MemoryPublisher()
    batch = [envelope(COMPLETED_DATA, event_id) for event_id in ("1", "2", "3")]
    assert await post(handler, batch, publisher) == (200, succeeded(3))
    assert handler.seen == ["1", "2", "3"]
    assert publisher.topics == {}


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(WRONG_SHAPE, id="its data has the wrong shape"),
        pytest.param({**GOOD, "id": ""}, id="it has no id"),
        pytest.param({key: value for key, value in GOOD.items() if key != "source"}, id="it has no source"),
        pytest.param({**GOOD, "id": 7}, id="its id is a number"),
        pytest.param({**GOOD, "data": None}, id="it has no data"),
        pytest.param("text", id="it is a string"),
        pytest.param(None, id="it is null"),
    ],
)
async def test_a_bad_event_becomes_a_dead_letter_and_the_others_are_handled_when(bad: Any) -> None:
    handler, publisher = Handler(), MemoryPublisher()
    first, last = envelope(COMPLETED_DATA, "1"), envelope(COMPLETED_DATA, "2")
    assert await post(handler, [first, bad, last], publisher) == (200, succeeded(3))
    assert handler.seen == ["1", "2"]
    (letter,) = publisher.topics["task-events-dead"]
    assert letter["data"]["event"] == (bad if isinstance(bad, dict) else {"data": bad})
    assert (letter["data"]["topic"], letter["data"]["consumer"]) == ("task-events", "audit")
    assert letter["data"]["reason"]


async def test_an_event_the_handler_refuses_becomes_a_dead_letter() -> None:
    publisher = MemoryPublisher()
    batch = [envelope(COMPLETED_DATA, event_id) for event_id in ("1", "2")]
    assert await post(Handler(refuses=["2"]), batch, publisher) == (200, succeeded(2))
    assert [letter["data"]["event"]["id"] for letter in publisher.topics["task-events-dead"]] == ["2"]


@pytest.mark.parametrize(
    ("handler", "publisher"),
    [
        pytest.param(Handler(away=True), MemoryPublisher(), id="what the handler needs is away"),
        pytest.param(Handler(), MemoryPublisher(away=True), id="the dead letter cannot be published"),
        pytest.param(Handler(), MemoryPublisher(misses=1), id="the broker does not accept the dead letter"),
    ],
)
async def test_the_whole_batch_comes_again_when(handler: Handler, publisher: MemoryPublisher) -> None:
    status, _ = await post(handler, [GOOD, WRONG_SHAPE], publisher)
    assert status == 503
    assert not any(publisher.topics.values())


async def test_a_batch_over_aiohttps_limit_of_a_mebibyte_is_handled() -> None:
    handler = Handler()
    large = {**GOOD, "extension": "x" * 20_000}
    status, _ = await post(handler, [large] * 100, MemoryPublisher())
    assert (status, len(handler.seen)) == (200, 100)


async def test_without_the_sidecars_token_nothing_is_handled() -> None:
    handler = Handler()
    status, _ = await post(handler, [GOOD], MemoryPublisher(), token="guessed")
    assert (status, handler.seen) == (401, [])


def test_fields_of_a_newer_version_are_ignored() -> None:
    newer = {**GOOD, "novelty": 1, "data": {**GOOD["data"], "novelty": 1}}
    events, refused = decode(Topic.TASK_EVENTS, TaskEvent, [newer])
    assert [event.data for event in events] == [COMPLETED_DATA]
    assert refused == []
    assert events[0].envelope == newer


def test_the_same_refusal_has_the_same_id() -> None:
    first, again, other = (
        dead_letter("audit", Topic.TASK_EVENTS, Refused(body, reason))["id"]
        for body, reason in (({"a": 1, "b": 2}, "x"), ({"b": 2, "a": 1}, "y"), ({"a": 2}, "x"))
    )
    assert first == again
    assert first != other


MANY_BRACKETS = b'{"a": "' + b"[" * 200 + b'"}'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'{"a": [1, "]["]}', b'{"a": [1, "]["]}', id="what is shallow stays as it is"),
        pytest.param(
            b'{"a": "' + b"[" * 200 + b'"}', b'{"a": "' + b"[" * 200 + b'"}', id="brackets in a text are text"
        ),
        pytest.param(
            b'{"deep": ' + b"[" * 1500 + b'"\\"]"' + b"]" * 1500 + b', "b": [2]}',
            b'{"deep": ' + b"[" * (DEEPEST - 1) + b"null" + b"]" * (DEEPEST - 1) + b', "b": [2]}',
            id="what is too deep is null, and what follows is kept",
        ),
    ],
)
def test_what_is_nested_too_deeply_to_be_read_is_cut(body: bytes, expected: bytes) -> None:
    assert shallow(body) == expected


async def test_a_single_event_is_handled_and_acknowledged_by_an_empty_answer() -> None:
    handler, publisher = Handler(), MemoryPublisher()
    assert await deliver(handler, GOOD, "application/cloudevents+json", publisher) == (200, b"")
    assert handler.seen == [GOOD["id"]]


async def test_a_single_bad_event_becomes_a_dead_letter() -> None:
    publisher = MemoryPublisher()
    assert await deliver(Handler(), WRONG_SHAPE, "application/cloudevents+json", publisher) == (200, b"")
    assert [letter["data"]["event"] for letter in publisher.topics["task-events-dead"]] == [WRONG_SHAPE]


async def test_a_single_event_comes_again_when_what_the_handler_needs_is_away() -> None:
    status, _ = await deliver(Handler(away=True), GOOD, "application/cloudevents+json", MemoryPublisher())
    assert status == 503
