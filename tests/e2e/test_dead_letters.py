"""Nothing on a topic stops what comes after it: the bad is put aside, with the reason, and the good goes on."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
import redis
from confluent_kafka import Producer
from sqlalchemy import create_engine, text

from tests.e2e.people import JSON, Person, World, eventually, instant, now, plain_client, values

Published = bytes | JSON

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def real(world: World, person: Person) -> JSON:
    """An event as the operator writes them, of this person."""
    person.api.post("/tasks", json={"title": "Buy groceries"}).raise_for_status()
    with plain_client(world, "task-events") as events_of:
        (event,) = eventually(lambda: events_of(person.user))
    eventually(lambda: len(person.audit()) == 1)
    return event


def variant(event: JSON, number: object, **changes: Any) -> JSON:
    """The same about another task; `changes` in its data."""
    other = deepcopy(event)
    uid = f"{event['data']['task_uid']}-{number}"
    other["id"] = f"{uid}:created"
    other["data"] |= {"task_uid": uid, "task_id": f"{event['data']['task_id']}-{number}", **changes}
    return other


def publish(world: World, topic: str, *messages: Published | None) -> None:
    """Without Dapr, all to one partition or stream, in this order. None is a record without a value."""
    records = [json.dumps(message).encode() if isinstance(message, dict) else message for message in messages]
    if world.cluster.redis:
        with redis.Redis.from_url(world.cluster.redis.service.url) as client:
            for value in records:
                client.xadd(topic, {"metadata": "{}"} if value is None else {"data": value})
        return
    producer = Producer({"bootstrap.servers": world.cluster.kafka_brokers, "linger.ms": 5})
    for value in records:
        producer.produce(topic, value, partition=0)
    assert producer.flush(10) == 0


@contextmanager
def letters(world: World, topic: str) -> Iterator[Callable[[str], list[bytes]]]:
    """What lies on a dead-letter topic: a function from a marker to the values that hold it, as they are."""
    seen: list[bytes] = []
    with values(world, topic) as news:

        def with_marker(marker: str) -> list[bytes]:
            seen.extend(record.value for record in news())
            return [value for value in seen if marker.encode() in value]

        yield with_marker


def soon() -> str:
    """Not before the object is made, which Kubernetes notes by the second: such a reminder would be expired."""
    return instant(now() + timedelta(seconds=2))


def told(person: Person) -> list[str]:
    return [entry["event_id"] for entry in person.audit()]


def test_what_is_no_event_at_all_is_put_aside_as_it_is(world: World, person: Person, real: JSON) -> None:
    bad = [
        f"no JSON {person.user}".encode(),
        f'{{"specversion": "1.0", "id": "{person.user}'.encode(),
        f'["{person.user}"]'.encode(),
        f'"{person.user}"'.encode(),
        b"\xff\xfe" + person.user.encode(),
    ]
    good = [variant(real, number) for number in range(len(bad) + 1)]
    mixed: list[Published | None] = [good[0], None, b"", b"null"]
    for refused, event in zip(bad, good[1:], strict=True):
        mixed += [refused, event]

    publish(world, "task-events", *mixed)

    eventually(lambda: told(person)[1:] == [event["id"] for event in good])
    with letters(world, "task-events-dead") as with_marker:
        eventually(lambda: set(bad) <= set(with_marker(person.user)), what="the bad ones, unchanged")
        assert not any(event["id"].encode() in letter for event in good for letter in with_marker(person.user))


READERS = ("audit", "projection", "recurring")
WRITERS = ("audit", "projection")
"""PostgreSQL refuses only what is written to it."""


def by(consumers: tuple[str, ...], reason: str) -> dict[str, str]:
    """Who refuses it, and how the reason begins."""
    return dict.fromkeys(consumers, reason)


@pytest.mark.parametrize(
    ("spoil", "refused"),
    [
        pytest.param(lambda e: {"hello": e["id"]}, by(READERS, "not a CloudEvent"), id="any JSON object"),
        pytest.param(lambda e: without(e, "data"), by(READERS, "not a CloudEvent"), id="no data"),
        pytest.param(lambda e: {**e, "source": ""}, by(READERS, "not a CloudEvent"), id="no source"),
        pytest.param(lambda e: {**e, "data": [e["id"]]}, by(READERS, "data: "), id="data of another shape"),
        pytest.param(lambda e: with_data(e, user_id=None), by(READERS, "data: user_id: "), id="no user"),
        pytest.param(lambda e: with_data(e, timestamp="soon"), by(READERS, "data: timestamp: "), id="no instant"),
        pytest.param(
            lambda e: with_data(e, task_data={**e["data"]["task_data"], "title": "a\0b"}),
            by(WRITERS, "PostgreSQL: "),
            id="a NUL in the title",
        ),
        pytest.param(
            lambda e: with_data(e, generation=2**63),
            by(("projection",), "PostgreSQL: "),  # the audit keeps it as it is
            id="a number PostgreSQL has not",
        ),
    ],
)
def test_an_event_that_cannot_be_handled_is_put_aside_with_the_reason(
    spoil: Callable[[JSON], JSON], refused: dict[str, str], world: World, person: Person, real: JSON
) -> None:
    before, bad, after = (variant(real, number) for number in ("before", "bad", "after"))

    publish(world, "task-events", before, spoil(bad), after)

    eventually(lambda: [told_id for told_id in told(person)[1:] if told_id != bad["id"]] == [before["id"], after["id"]])
    with letters(world, "task-events-dead") as with_marker:
        found = eventually(lambda: by_consumer(with_marker(bad["id"]), set(refused)))
    for consumer, reason in refused.items():
        data = found[consumer]["data"]
        assert data["reason"].startswith(reason)
        assert (data["topic"], data["event"]["hello" if "hello" in data["event"] else "id"]) == (
            "task-events",
            bad["id"],
        )


def with_data(event: JSON, **changes: Any) -> JSON:
    return {**event, "data": {**event["data"], **changes}}


def without(event: JSON, field: str) -> JSON:
    return {key: value for key, value in event.items() if key != field}


def by_consumer(values: list[bytes], expected: set[str]) -> dict[str, JSON] | None:
    """The one letter of each consumer, once those of the expected ones are there."""
    found = [json.loads(value) for value in values]
    consumers = [letter["data"]["consumer"] for letter in found]
    if not expected <= set(consumers):
        return None
    assert sorted(consumers) == sorted(expected)
    return dict(zip(consumers, found, strict=True))


def test_an_event_that_comes_twice_is_in_the_audit_once(world: World, person: Person, real: JSON) -> None:
    last = variant(real, "last")

    publish(world, "task-events", real, variant(real, 1), variant(real, 1), real, last)

    eventually(lambda: told(person)[-1:] == [last["id"]])
    assert told(person) == [real["id"], variant(real, 1)["id"], last["id"]]


def test_the_same_id_from_another_source_is_another_event(world: World, person: Person, real: JSON) -> None:
    publish(world, "task-events", {**real, "source": "taskbell/elsewhere"})

    eventually(lambda: told(person) == [real["id"], real["id"]])


def test_bad_reminders_stop_no_reminder_and_a_repeated_one_arrives_once(world: World, person: Person) -> None:
    person.apply_task("report", reminders=[{"at": soon()}])
    (entry,) = eventually(person.inbox)
    with plain_client(world, "reminders") as events_of:
        (event,) = eventually(lambda: events_of(person.user))
    nameless = {**event, "id": f"{event['id']}-bad", "data": without(event["data"], "title")}
    no_json = f"no JSON {event['id']}-bad".encode()

    publish(world, "reminders", event, nameless, no_json, event)
    person.apply_task("later", reminders=[{"at": soon()}])

    entries = eventually(lambda: found if len(found := person.inbox()) > 1 else None)
    assert [each["task_id"] for each in entries] == [person.named("later"), entry["task_id"]]
    with letters(world, "reminders-dead") as with_marker:
        eventually(lambda: no_json in with_marker(f"{event['id']}-bad"))
        refused = [json.loads(value) for value in with_marker(nameless["id"]) if value != no_json]
    assert {letter["data"]["consumer"] for letter in refused} == {"notification", "projection"}
    assert all("title" in letter["data"]["reason"] for letter in refused)
    assert settled_deliveries(world, person) == ["sent", "sent"]


def settled_deliveries(world: World, person: Person) -> list[str]:
    engine = create_engine(world.cluster.database_url.replace("postgresql:", "postgresql+psycopg2:"))
    query = text("select state from ledger.deliveries where user_id = :user")
    with engine.connect() as connection:
        states = list(connection.execute(query, {"user": person.user}).scalars())
    engine.dispose()
    return states
