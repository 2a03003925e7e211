from datetime import UTC, datetime
from typing import Any

import pytest

from api_shim.check import PATIENCE_SECONDS, Failed, caller, check

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Api:
    """The reminder is in the inbox at the `arrives`th look; None: never."""

    def __init__(self, arrives: int | None) -> None:
        self.arrives = arrives
        self.looks = 0
        self.tasks: set[str] = set()
        self.now = 0.0

    def __call__(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        match method, path:
            case "POST", "/tasks":
                assert body is not None
                assert body["reminders"] == [{"at": "2026-11-23T09:00:10+00:00"}]
                self.tasks.add("t1")
                return {"id": "t1"}
            case "DELETE", "/tasks/t1":
                self.tasks.remove("t1")
                return {}
            case _:
                self.looks += 1
                arrived = self.arrives is not None and self.looks >= self.arrives
                return {"items": [{"task_id": "somebody-elses"}, *([{"task_id": "t1"}] if arrived else [])]}

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def test_the_reminder_arrives_and_the_task_goes_again() -> None:
    api = Api(arrives=5)
    assert check(api, NINE, api.clock, api.pause) == 2.0
    assert api.tasks == set()


def test_a_reminder_that_does_not_arrive_fails_and_the_task_goes_all_the_same() -> None:
    api = Api(arrives=None)
    with pytest.raises(Failed, match=f"not in the inbox after {PATIENCE_SECONDS:.0f} s"):
        check(api, NINE, api.clock, api.pause)
    assert api.tasks == set()


def test_an_api_that_is_away_is_named() -> None:
    with pytest.raises(Failed, match=r"GET /inbox at http://127\.0\.0\.1:1: "):
        caller("http://127.0.0.1:1", "demo", "token")("GET", "/inbox", None)
