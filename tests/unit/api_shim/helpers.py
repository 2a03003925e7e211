from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from api_shim.access import Access
from api_shim.settings import ShimSettings
from store.reading import Scope

SECRET = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DEMO = Scope("default", "demo")
EVE = Scope("default", "eve")


def token(settings: ShimSettings, user_id: str) -> str:
    # PyJWT reads the real clock.
    return Access(settings).issue(user_id, datetime.now(UTC), timedelta(hours=1))


def problem(response: httpx.Response) -> dict[str, Any]:
    """The problem document, after checking what all of them have in common."""
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    assert body["type"].startswith("https://taskbell.dev/problems/")
    assert body["title"]
    assert body["detail"].endswith(".")
    return body


def pointers(response: httpx.Response) -> list[str]:
    return [error.get("pointer", error.get("parameter")) for error in problem(response)["errors"]]
