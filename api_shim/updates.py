"""`/updates`: what changes, while it changes, as server-sent events (HTML Living Standard 9.2).

    event: change   data: {"kind": "task", "id": "standup-3f2a1-4"}    read that again
    event: reload   data: {}                                           read everything again

Every event has an id. Who comes back with it, as `Last-Event-ID` or as `since`, gets what was missed, or `reload`.
"""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api_shim.access import Session, UserRoute
from api_shim.live import Message, Updates
from api_shim.shim import TheScope, TheShim
from store.reading import Scope

HEARTBEAT_SECONDS = 15.0
"""Proxies cut connections that are silent for a minute."""

RETRY_MILLISECONDS = 1000
"""How long a browser waits before it comes back."""

router = APIRouter(prefix="/api/{user_id}", tags=["updates"], route_class=UserRoute)

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The second keeps nginx from collecting the stream."""


@router.get("/updates", response_class=StreamingResponse)
async def updates(
    request: Request,
    scope: TheScope,
    shim: TheShim,
    since: Annotated[str | None, Query(max_length=100, description="The id of the last event that was seen")] = None,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """A stream that ends with the token's validity. Without `since` it begins with what changes next."""
    session: Session = request.state.session
    events = _events(shim.updates, scope, last_event_id or since, session.expires_at, shim.now)
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)


async def _events(
    hub: Updates, scope: Scope, since: str | None, expires_at: datetime, now: Callable[[], datetime]
) -> AsyncIterator[str]:
    with hub.watching(scope, since) as watcher:
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        async for message in watcher.messages(HEARTBEAT_SECONDS):
            if now() >= expires_at:
                return
            yield ": still there\n\n" if message is None else _event(message)


def _event(message: Message) -> str:
    update = message.update
    name, data = ("reload", {}) if update is None else ("change", {"kind": update.kind, "id": update.id})
    # JSON has no line break outside of an escape: one data line holds it all.
    return f"id: {message.position}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
