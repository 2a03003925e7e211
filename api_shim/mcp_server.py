"""The tools of `tools`, for language models: the Model Context Protocol over streamable HTTP, by its official SDK.

Every request carries the same bearer token as the REST API, and its subject is the user: no path names one. Sessions
are not kept, so any replica answers any request. A tool that fails is a result with `isError` and a sentence that says
how to mend it: a protocol error would end most models' attempts.
"""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api_shim import problems, tools
from api_shim.problems import METHOD, UNEXPECTED, Problem
from api_shim.shim import Shim
from api_shim.tools import BY_NAME, TOOLS, Tool
from runtime import logs
from store import reading

_USER = "taskbell.user"

_INSTRUCTIONS = """\
Taskbell holds a person's tasks, recurring tasks (schedules) and reminders. A schedule makes tasks: one is open at a \
time, and completing it brings the next. Find ids with list_tasks and list_schedules before you change anything; when \
several fit what the person said, ask which. After a change, say in words what was done and when it is due next, as \
the tool's answer has it."""

_BEHIND = "Done. Lists may not show it for some seconds, because the database does not answer."

_log = logs.get(__name__)


class McpEndpoint:
    """The ASGI application at `/mcp`. It answers while `running`."""

    def __init__(self, shim: Callable[[], Shim]) -> None:
        self._shim = shim
        self._server: Server[Any] = Server(
            "taskbell",
            version="1",
            title="Taskbell",
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
        self._handle: ASGIApp | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        # No check of Host and Origin: a page in a browser has no bearer token to send.
        manager = StreamableHTTPSessionManager(self._server, json_response=True, stateless=True)
        async with manager.run():
            self._handle = manager.handle_request
            try:
                yield
            finally:
                self._handle = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            admitted = {**scope, _USER: self._user(Request(scope))}
        except Problem as problem:
            return await problem.response()(scope, receive, send)
        if self._handle is None:
            raise RuntimeError("the MCP endpoint is used outside its context")
        return await self._handle(admitted, receive, send)

    def _user(self, request: Request) -> str:
        if request.method != "POST":
            text = f"{request.method} is unknown here: there are no streams to open and no sessions to end; use POST."
            raise Problem(METHOD, text, headers={"Allow": "POST"})
        return self._shim().access.subject(request.headers.get("Authorization"))

    async def _list(
        self, _context: ServerRequestContext[Any, Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_offered(tool) for tool in TOOLS])

    async def _call(
        self, context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        request = cast("Request", context.request)
        shim = self._shim()
        tool = BY_NAME.get(params.name)
        if tool is None:
            return _failed(f"There is no tool {params.name!r}; there are {', '.join(BY_NAME)}.")
        scope = reading.Scope(shim.namespace, request.scope[_USER])
        try:
            outcome = await tools.call(shim, scope, tool, dict(params.arguments or {}))
        except Exception as failure:  # noqa: BLE001 whatever it is, the model gets a result
            return _failed(_sentence(request, failure))
        content: list[Any] = [types.TextContent(type="text", text=json.dumps(outcome.result, ensure_ascii=False))]
        if outcome.behind:
            content.append(types.TextContent(type="text", text=_BEHIND))
        return types.CallToolResult(content=content, structured_content=outcome.result)


def _offered(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.schema(),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=not tool.writes,
            destructive_hint=tool.destroys,
            idempotent_hint=tool.repeatable,
            open_world_hint=False,
        ),
    )


def _sentence(request: Request, failure: Exception) -> str:
    problem = problems.of(request, failure)
    if problem.kind is UNEXPECTED:
        _log.error("tool failed", exc_info=failure)
    return f"{problem.kind.title}. {problem.detail}"


def _failed(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=True)
