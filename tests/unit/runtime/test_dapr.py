import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from runtime import dapr as daprs
from runtime.dapr import Dapr, State, StateConflict, Unavailable
from runtime.settings import SidecarSettings
from tests.unit.runtime.conftest import Recorder

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=1)))
EVENTS: list[dict[str, Any]] = [
    {"id": "milk:created", "partitionkey": "milk", "data": {}},
    {"id": "bread:created", "partitionkey": "bread", "data": {}},
]


@pytest.fixture
async def dapr(recorder: Recorder) -> AsyncIterator[Dapr]:
    recorder.answers = [(204, None)]
    async with Dapr(SidecarSettings(port=0, dapr_http_port=recorder.port)) as dapr:
        yield dapr


async def test_a_batch_goes_out_as_cloud_events_with_their_keys(recorder: Recorder, dapr: Dapr) -> None:
    assert await dapr.publish("kafka-pubsub", "task-events", EVENTS) == set()
    (request,) = recorder.requests
    assert (request.method, request.path) == ("POST", "/v1.0/publish/bulk/kafka-pubsub/task-events")
    assert [entry["event"] for entry in request.body] == EVENTS
    assert [entry["metadata"] for entry in request.body] == [{"partitionKey": "milk"}, {"partitionKey": "bread"}]
    assert {entry["contentType"] for entry in request.body} == {"application/cloudevents+json"}
    assert len({entry["entryId"] for entry in request.body}) == 2


async def test_of_a_batch_that_failed_in_part_the_failed_positions_are_returned(recorder: Recorder, dapr: Dapr) -> None:
    failed = [{"entryId": "1", "error": "kafka server: message was too large"}]
    recorder.answers = [(500, {"failedEntries": failed, "errorCode": "ERR_PUBSUB_PUBLISH_MESSAGE"})]
    assert await dapr.publish("kafka-pubsub", "task-events", EVENTS) == {1}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((404, {"errorCode": "ERR_PUBSUB_NOT_FOUND", "message": "unknown"}), id="an unknown component"),
        pytest.param((500, {"failedEntries": [], "errorCode": "x"}), id="a failure that names no entry"),
        pytest.param((401, "invalid api token"), id="a wrong token, in plain text"),
        pytest.param((500, ["what"]), id="an answer nobody understands"),
    ],
)
async def test_a_batch_that_failed_as_a_whole_is_unavailable(
    recorder: Recorder, dapr: Dapr, answer: tuple[int, Any]
) -> None:
    recorder.answers = [answer]
    with pytest.raises(Unavailable):
        await dapr.publish("kafka-pubsub", "task-events", EVENTS)


async def test_an_alarm_is_absolute_replaces_and_is_retried_for_ever(recorder: Recorder, dapr: Dapr) -> None:
    await dapr.arm("uid-7", NINE)
    (request,) = recorder.requests
    assert (request.method, request.path) == ("POST", "/v1.0/jobs/uid-7")
    assert request.body == {
        "dueTime": "2026-11-23T08:00:00Z",
        "data": {},
        "overwrite": True,
        "failurePolicy": {"constant": {"interval": "5s"}},
    }


async def test_an_alarm_is_disarmed_by_its_name(recorder: Recorder, dapr: Dapr) -> None:
    await dapr.disarm("uid-7")
    (request,) = recorder.requests
    assert (request.method, request.path, request.body) == ("DELETE", "/v1.0/jobs/uid-7", None)


@pytest.mark.parametrize("status", [400, 409, 500, 504])
async def test_a_job_that_is_refused_is_unavailable(recorder: Recorder, dapr: Dapr, status: int) -> None:
    recorder.answers = [(status, {"errorCode": "DAPR_SCHEDULER_SCHEDULE_JOB"})]
    with pytest.raises(Unavailable):
        await dapr.arm("uid-7", NINE)
    with pytest.raises(Unavailable):
        await dapr.disarm("uid-7")


async def test_a_sidecar_that_is_not_there_is_unavailable(unused_tcp_port: int) -> None:
    async with Dapr(SidecarSettings(port=0, dapr_http_port=unused_tcp_port)) as dapr:
        with pytest.raises(Unavailable):
            await dapr.publish("kafka-pubsub", "task-events", EVENTS)


async def test_a_sidecar_that_hangs_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daprs, "TIMEOUT_SECONDS", 0.05)
    hanging = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hanging.wait()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(5), Dapr(SidecarSettings(port=0, dapr_http_port=port)) as dapr:
            with pytest.raises(Unavailable):
                await dapr.arm("uid-7", datetime(2026, 11, 23, tzinfo=UTC))
        hanging.set()


@pytest.mark.parametrize(("token", "sent"), [("secret", "secret"), ("", None)])
async def test_the_api_token_is_sent_where_there_is_one(recorder: Recorder, token: str, sent: str | None) -> None:
    recorder.answers = [(204, None)]
    settings = SidecarSettings(port=0, dapr_http_port=recorder.port, dapr_api_token=token)
    async with Dapr(settings) as dapr:
        await dapr.disarm("uid-7")
    assert recorder.requests[0].headers.get("dapr-api-token") == sent


MONTH = timedelta(days=30)


async def test_a_state_is_its_value_and_its_version(recorder: Recorder, dapr: Dapr) -> None:
    recorder.answers = [(200, {"turns": 3})]
    recorder.headers = {"ETag": "e-1"}
    assert await dapr.get_state("statestore", "conversation-demo-1") == State({"turns": 3}, "e-1")
    assert recorder.requests[0].path == "/v1.0/state/statestore/conversation-demo-1"


async def test_a_state_that_is_unknown_or_has_expired_is_none(dapr: Dapr) -> None:
    assert await dapr.get_state("statestore", "gone") is None


async def test_a_state_is_saved_over_the_version_that_was_read(recorder: Recorder, dapr: Dapr) -> None:
    await dapr.save_state("statestore", "k", {"turns": 4}, lifetime=MONTH, etag="e-1")
    await dapr.save_state("statestore", "k", {}, lifetime=MONTH, etag=None)
    guarded, blind = (request.body[0] for request in recorder.requests)
    lifetime = {"metadata": {"ttlInSeconds": "2592000"}}
    first_write = {"etag": "e-1", "options": {"concurrency": "first-write"}}
    assert guarded == {"key": "k", "value": {"turns": 4}, **first_write, **lifetime}
    assert blind == {"key": "k", "value": {}, **lifetime}


async def test_a_state_that_is_another_by_now_is_a_conflict(recorder: Recorder, dapr: Dapr) -> None:
    recorder.answers = [(409, {"errorCode": "ERR_STATE_SAVE"})]
    with pytest.raises(StateConflict):
        await dapr.save_state("statestore", "k", {}, lifetime=MONTH, etag="e-1")


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_state_store_that_fails_is_unavailable(recorder: Recorder, dapr: Dapr, status: int) -> None:
    recorder.answers = [(status, {"errorCode": "ERR_STATE_STORE_NOT_FOUND"})]
    with pytest.raises(Unavailable):
        await dapr.get_state("statestore", "k")
    with pytest.raises(Unavailable):
        await dapr.save_state("statestore", "k", {}, lifetime=MONTH, etag=None)
    with pytest.raises(Unavailable):
        await dapr.delete_state("statestore", "k")


async def test_a_state_is_deleted_by_its_key(recorder: Recorder, dapr: Dapr) -> None:
    await dapr.delete_state("statestore", "k")
    assert (recorder.requests[0].method, recorder.requests[0].path) == ("DELETE", "/v1.0/state/statestore/k")
