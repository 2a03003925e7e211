"""ASGI middleware: no request's body is larger than a bound, whether it says its length or not."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_shim.problems import TOO_LARGE, Problem

LARGEST_BODY = 64 * 1024
"""Bytes: several times the largest task or schedule there can be. So a body may be held in memory."""


class BodyLimit:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        body = await _read(receive)
        if len(body) > LARGEST_BODY:
            problem = Problem(TOO_LARGE, "A body may have at most 64 KiB: shorten it.")
            return await problem.response()(scope, receive, send)
        return await self._app(scope, _replay(body, receive), send)


async def _read(receive: Receive) -> bytes:
    """The body, or enough of it to know that it is too large. Of a client that left, what it had sent."""
    body, more = b"", True
    while more and len(body) <= LARGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
