"""The application, put together from its parts."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from api_shim import feeds, health, problems, schedules, tasks, updates, web
from api_shim.access import Access
from api_shim.answers import ProblemAnswer
from api_shim.chat import routes as chat
from api_shim.chat.memory import Memory
from api_shim.health import Metrics, Readiness
from api_shim.limits import BodyLimit
from api_shim.live import Updates
from api_shim.mcp_server import McpEndpoint
from api_shim.ports import Objects, Projection, States
from api_shim.settings import ShimSettings
from api_shim.shim import Shim
from api_shim.writing import Suffix, Writing


def application(
    settings: ShimSettings,
    objects: Objects,
    projection: Projection,
    states: States,
    *,
    now: Callable[[], datetime],
    suffix: Suffix,
    conversation_id: Callable[[], str],
) -> FastAPI:
    """Nothing is opened here: whoever made the ports closes them. `state.mcp` answers while `running`."""
    app = FastAPI(
        title="Taskbell",
        version="1",
        description="Recurring tasks and reminders.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    hub = Updates(suffix())
    app.state.shim = Shim(
        settings.namespace,
        Access(settings),
        Writing(objects, suffix),
        projection,
        Memory(states, settings.state_store),
        now,
        conversation_id,
        hub,
    )
    app.state.readiness = Readiness(objects, projection, settings.namespace)
    app.add_middleware(BodyLimit)
    # No answer holds a secret beside what others may write, which compression would betray (BREACH).
    app.add_middleware(GZipMiddleware, compresslevel=5)
    app.add_middleware(Metrics)
    problems.install(app)
    for router in (tasks.router, schedules.router, feeds.router, chat.router, updates.router):
        # The scheme is for OpenAPI; `UserRoute` is what checks the token.
        app.include_router(router, dependencies=[Depends(HTTPBearer(auto_error=False))], responses=_problem_responses())
    app.include_router(health.router)
    app.include_router(web.router)
    app.state.mcp = McpEndpoint(lambda: app.state.shim)
    app.router.routes.append(Route("/mcp", app.state.mcp))
    return app


def _problem_responses() -> dict[int | str, dict[str, Any]]:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}
    described: dict[int | str, dict[str, Any]] = {
        kind.status: {"description": kind.title, "content": content} for kind in problems.KINDS
    }
    # One names the model, so that OpenAPI has its schema.
    return {**described, "default": {"model": ProblemAnswer, "description": "RFC 9457"}}
