"""The edge to the sidecar: a batch is decoded once into typed events, handled, and answered as a whole.

Dapr delivers in bulk (`POST /events/<topic>`, see `dapr/subscriptions/`). What daprd 1.18.3 does with an answer:

* 503, or any other failure, fails every entry. The inbound retry policy of `dapr/resiliency.yaml` has no end, so the
  batch comes again until it works, and its partition waits in order. `matching.httpStatusCodes` is not consulted for
  a bulk (measured: with `"503"`, a 422 came 9 times in 9 s and was never a dead letter), so a status cannot say that
  an event is bad, and would say it of the whole batch.
* DROP sends an entry to the dead-letter topic, but a failure to do so is ignored, and the event lost (`DeliverBulk`).
* 404 acknowledges the whole batch: lost, without a dead letter (measured). No route may ever be missing.

Therefore a batch is answered as a whole, 503 or SUCCESS for every entry, and before that this service itself publishes
the bad events as dead letters, which also lets them say who refused them and why. `deadLetterTopic` in the
subscriptions remains for what daprd cannot decode.

Where the component has no bulk delivery of its own (`pubsub.redis`), events come one by one, as CloudEvents, to the
same route: a batch of one. Answered 503 they too come again without end, answered 200 they are acknowledged.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Generic, Protocol, TypeVar

import orjson
from aiohttp import web
from pydantic import ValidationError

from consumers import metrics
from runtime import logs
from runtime.dapr import Unavailable
from taskbell.events import Payload, Topic

log = logs.get(__name__)

E = TypeVar("E", bound=Payload)

_CLOUD_EVENT = "application/cloudevents+json"

DEEPEST = 100
"""Levels of nesting in a batch; our own events have a dozen."""

_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - _STEP.keys())
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class Away(Exception):
    """What the handler needs does not answer: the batch is to come again."""


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """One CloudEvent. (source, id) is its deduplication key, `envelope` the whole of it, `data` its typed part."""

    source: str
    id: str
    topic: Topic
    envelope: dict[str, Any]
    data: E


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that can never be handled, and the reason."""

    envelope: dict[str, Any]
    reason: str


Handler = Callable[[Sequence[Received[E]]], Awaitable[Sequence[Refused]]]
"""Handles a batch; gives the events that can never be handled. Raises `Away`."""


class Publisher(Protocol):
    """Law: the positions that were not accepted come back, or `Unavailable` is raised."""

    async def publish(self, pubsub: str, topic: str, events: Sequence[dict[str, Any]]) -> set[int]: ...


@dataclass(frozen=True, slots=True)
class Outlet:
    """What a consumer itself publishes."""

    publisher: Publisher
    pubsub: str
    consumer: str

    async def send(self, topic: str, events: Sequence[dict[str, Any]]) -> None:
        """Returns when the broker has all of these CloudEvents; raises `Away`."""
        if not events:
            return
        try:
            missed = await self.publisher.publish(self.pubsub, topic, events)
        except Unavailable as error:
            raise Away(f"{topic}: {error}") from error
        if missed:
            raise Away(f"{topic}: {len(missed)} of {len(events)} were not accepted")

    async def bury(self, topic: Topic, refused: Sequence[Refused]) -> None:
        """As dead letters, which go to `<topic>-dead`; else like `send`."""
        letters = [dead_letter(self.consumer, topic, event) for event in refused]
        await self.send(f"{topic}-dead", letters)
        for letter in letters:
            log.error(
                "event refused", action="dead_letter", topic=topic, id=letter["id"], reason=letter["data"]["reason"]
            )


def dead_letter(consumer: str, topic: Topic, refused: Refused) -> dict[str, Any]:
    """A CloudEvent about an event: whatever was wrong with it, it lies unchanged in `data.event`.

    A topic's consumers share one dead-letter topic, so it says who refused the event, and why. The same refusal has
    the same id."""
    digest = hashlib.sha256(orjson.dumps(refused.envelope, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
    return {
        "specversion": "1.0",
        "id": f"{topic}:{digest}",
        "source": f"taskbell/consumers/{consumer}",
        "type": "dev.taskbell.event.refused.v1",
        "datacontenttype": "application/json",
        "partitionkey": digest,
        "data": {"topic": topic, "consumer": consumer, "reason": refused.reason[:1000], "event": refused.envelope},
    }


def subscribe(app: web.Application, topic: Topic, data_type: type[E], handle: Handler[E], outlet: Outlet) -> None:
    """Serves the topic's subscription, bulk or not, at `/events/<topic>`."""
    count = metrics.EVENTS.labels

    async def receive(request: web.Request) -> web.Response:
        # The stream itself: request.read() would refuse batches over 1 MiB, and they would come again for ever.
        delivery = orjson.loads(shallow(await request.content.read()))
        single = request.content_type == _CLOUD_EVENT
        entries = [{"event": delivery}] if single else delivery["entries"]
        events, refused = decode(topic, data_type, [entry.get("event") for entry in entries])
        try:
            refused += await handle(events)
            # Last, so that what a failure brings again has at most been handled twice, never buried twice.
            await outlet.bury(topic, refused)
        except Away as away:
            log.warning("batch put off", action="retry", topic=topic, events=len(entries), error=str(away))
            count(outlet.consumer, topic, "retried").inc(len(entries))
            return web.Response(status=503, text=f"{away}\n")
        count(outlet.consumer, topic, "handled").inc(len(entries) - len(refused))
        count(outlet.consumer, topic, "refused").inc(len(refused))
        if single:
            return web.Response()
        statuses = [{"entryId": entry["entryId"], "status": "SUCCESS"} for entry in entries]
        return web.Response(body=orjson.dumps({"statuses": statuses}), content_type="application/json")

    app.router.add_post(f"/events/{topic}", receive)


def decode(topic: Topic, data_type: type[E], envelopes: Sequence[Any]) -> tuple[list[Received[E]], list[Refused]]:
    """CloudEvents as typed events, in order, and those that are none."""
    events: list[Received[E]] = []
    refused: list[Refused] = []
    for envelope in envelopes:
        match envelope:
            case {"source": str(source), "id": str(event_id), "data": data} if source and event_id:
                try:
                    events.append(Received(source, event_id, topic, envelope, data_type.model_validate(data)))
                except ValidationError as error:
                    refused.append(Refused(envelope, f"data: {_sentence(error)}"))
            case dict():
                refused.append(Refused(envelope, "not a CloudEvent with id, source and data"))
            case _:
                refused.append(Refused({"data": envelope}, "not a JSON object"))
    return events, refused


def shallow(body: bytes) -> bytes:
    """JSON with null in place of whatever is nested more deeply than DEEPEST: no parser here, nor PostgreSQL, would
    take it, and the batch would come again without end."""
    if max(accumulate(_STEP[bracket] for bracket in body.translate(None, _NO_BRACKETS)), default=0) <= DEEPEST:
        return body
    kept, depth, position, cut = bytearray(), 0, 0, 0
    for token in _TOKENS.finditer(body):
        step = _STEP.get(token[0][0], 0)
        depth += step
        if step == 1 and depth == DEEPEST + 1:
            cut = token.start()
        elif step == -1 and depth == DEEPEST:
            kept += body[position:cut] + b"null"
            position = token.end()
    return bytes(kept + body[position:])


def _sentence(error: ValidationError) -> str:
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, fault["loc"])), fault["msg"])))
        for fault in error.errors(include_url=False)
    )
