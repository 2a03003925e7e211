"""The edge to the sidecar: a batch is decoded once into typed events, handled, and answered as a whole.

Dapr 1.18 delivers in bulk (`POST /events/<topic>`, see `dapr/subscriptions/`), and what was found in its source and
on the running sidecar decides the answers:

* A batch is answered 200 with SUCCESS for every entry, or 503. A 503 fails every entry; the inbound retry policy of
  `dapr/resiliency.yaml` has no end, so the batch comes again until it works, and the partition waits in order.
* `matching.httpStatusCodes` is not consulted for a bulk (`DeliverBulk` raises no `CodeError`): a 422 would be retried
  for ever like a 503. A single bad event must therefore be told apart here, not by the batch's status.
* DROP hands an entry to the dead-letter topic, but a failure to publish it there is ignored, and the event is lost.
  So dead letters are published by us, and only then the batch is acknowledged; they say who refused them and why.
* 404 acknowledges a whole bulk and loses it, without a dead letter: no route here may ever be missing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
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
class DeadLetters:
    """Where a consumer's refused events go: `<topic>-dead`, the original event with three attributes more."""

    publisher: Publisher
    pubsub: str
    consumer: str

    async def bury(self, topic: Topic, refused: Sequence[Refused]) -> None:
        """Returns when the broker has them all; raises `Away`."""
        if not refused:
            return
        try:
            missed = await self.publisher.publish(
                self.pubsub, f"{topic}-dead", [self._letter(topic, event) for event in refused]
            )
        except Unavailable as error:
            raise Away(f"dead letters: {error}") from error
        if missed:
            raise Away(f"dead letters: {len(missed)} of {len(refused)} were not accepted")
        for event in refused:
            log.error(
                "event refused",
                action="dead_letter",
                topic=topic,
                event_id=event.envelope.get("id"),
                reason=event.reason,
            )

    def _letter(self, topic: Topic, refused: Refused) -> dict[str, Any]:
        # The topics' consumers share one dead-letter topic: a replay has to know which of them refused.
        story = {"failedtopic": topic, "failedconsumer": self.consumer, "failedreason": refused.reason[:1000]}
        return {"partitionkey": "", **refused.envelope, **story}


def subscribe(
    app: web.Application, topic: Topic, data_type: type[E], handle: Handler[E], dead_letters: DeadLetters
) -> None:
    """Serves the topic's bulk subscription at `/events/<topic>`."""
    count = metrics.EVENTS.labels

    async def receive(request: web.Request) -> web.Response:
        # The stream itself: request.read() would refuse batches over 1 MiB, and they would come again for ever.
        entries = orjson.loads(await request.content.read())["entries"]
        events, refused = decode(topic, data_type, [entry.get("event") for entry in entries])
        try:
            refused += await handle(events)
            # Last, so that what a failure brings again has at most been handled twice, never buried twice.
            await dead_letters.bury(topic, refused)
        except Away as away:
            log.warning("batch put off", action="retry", topic=topic, events=len(entries), error=str(away))
            count(dead_letters.consumer, topic, "retried").inc(len(entries))
            return web.Response(status=503, text=f"{away}\n")
        count(dead_letters.consumer, topic, "handled").inc(len(entries) - len(refused))
        count(dead_letters.consumer, topic, "refused").inc(len(refused))
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


def _sentence(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False))
