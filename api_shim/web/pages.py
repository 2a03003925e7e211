"""HTML, and the headers that go with it."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api_shim.web.moments import Clock

_HERE = Path(__file__).parent

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not no-referrer: a browser would then say "Origin: null" with our own forms (Fetch 3.2.5).
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "HX-Request",
}


@dataclass(frozen=True, slots=True)
class View:
    """One place of the page. `heading` stands above it, `empty` in it when there is nothing."""

    name: str
    path: str
    heading: str
    empty: str


VIEWS = {
    view.name: view
    for view in (
        View("today", "/", "Today", "Nothing is due today."),
        View("all", "/all", "All tasks", "Nothing to do."),
        View("reminders", "/reminders", "Pending reminders", "No reminder is on its way."),
        View("inbox", "/inbox", "Inbox", "No reminder has arrived yet."),
        View("done", "/done", "Done", "Nothing is done yet."),
    )
}

REMINDERS = {"PT0M": "at the due time", "PT15M": "15 min before", "PT1H": "1 hour before", "P1D": "1 day before"}
"""What the form offers."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    media_type: str


STATIC = {
    path.name: StaticFile(path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")
    for path in sorted((_HERE / "static").iterdir())
}
STATIC_VERSION = hashlib.sha256(b"".join(file.content for file in STATIC.values())).hexdigest()[:12]

_environment = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SHARED: dict[str, Any] = {
    "static": f"/static/{STATIC_VERSION}",
    "views": tuple(VIEWS.values()),
    "reminders_offered": REMINDERS,
}
"""What every template may use."""


def render(
    template: str, values: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    html = _environment.get_template(template).render(_SHARED, **values)
    return HTMLResponse(html, status, {**HEADERS, **(headers or {})})


def by_htmx(request: Request) -> bool:
    """The page is there already and wants a part of it."""
    return request.headers.get("HX-Request") == "true"


def static_file(version: str, name: str) -> Response | None:
    """None for what there is not. While an upgrade rolls, another version's name gets this one's content, once."""
    file = STATIC.get(name)
    if file is None:
        return None
    lifetime = "public, max-age=31536000, immutable" if version == STATIC_VERSION else "no-cache"
    return Response(
        file.content,
        media_type=file.media_type,
        headers={"Cache-Control": lifetime, "X-Content-Type-Options": "nosniff"},
    )


def empty_form(clock: Clock) -> dict[str, Any]:
    """What the form for a new task holds at first."""
    return {
        "title": "",
        "due": "",
        "repeat": "",
        "every": "1",
        "reminders": [],
        "priority": "Medium",
        "tags": "",
        "suggested": clock.suggested(),
    }
