import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from runtime import dapr as daprs
from runtime.dapr import Dapr, Unavailable
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
