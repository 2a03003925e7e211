"""The page's routes: who signed in, what is shown, what a form does. A form acts by the REST API's own functions."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from api_shim import paging, problems, schedules, tasks
from api_shim.access import SESSION_COOKIE, refuse_other_sites
from api_shim.bodies import ScheduleChange, TaskChange
from api_shim.ports import Unavailable
from api_shim.problems import NOT_FOUND, UNAUTHENTICATED, Problem
from api_shim.shim import Name, Shim, TheShim
from api_shim.web import cards, forms, pages
from api_shim.web.forms import AddForm
from api_shim.web.moments import Clock, before
from api_shim.web.pages import VIEWS, View, by_htmx
from runtime.apiserver import ApiError, Unreachable
from store.reading import DONE, INBOX, OPEN, REMINDERS, SCHEDULES, TASKS, Feed, Scope
from taskbell.calendar import zones
from taskbell.errors import Rejected
from taskbell.resources import State, instant_text

CARDS_A_PAGE = 200
LONGEST_TOKEN = 3800
"""Characters: browsers drop a cookie of more than 4096 with its name and attributes (RFC 6265bis 5.6)."""

CHOSEN_ZONE_COOKIE = "taskbell_zone"
BROWSER_ZONE_COOKIE = "taskbell_browser_zone"
"""`page.js` sets it to what the browser's Intl says."""

ZONE_WHEN_UNKNOWN = "Etc/UTC"
"""Until the browser has told, which is while signing in; the page always names the zone."""

A_YEAR_SECONDS = 365 * 24 * 60 * 60

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_FAILURES = (Problem, RequestValidationError, HTTPException, Rejected, ApiError, Unreachable, Unavailable)
"""What there is a sentence for. Anything else is a fault of ours, and is left to be logged as such."""


class PageRoute(APIRoute):
    """A write comes from our own page, or is refused; what goes wrong is told in HTML."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                refuse_other_sites(request)
                return await handle(request)
            except RequestValidationError:
                return _refusal(request, Problem(NOT_FOUND, "There is nothing here: go back to your tasks."))
            except _FAILURES as failure:
                return _refusal(request, problems.of(request, failure))

        return told


router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is signed in: whose tasks, and what time it is where they are.

    `position` in the live stream was taken before anything was read: what came after it may be unseen."""

    request: Request
    shim: Shim
    scope: Scope
    clock: Clock
    position: str


def _visit(request: Request, shim: TheShim) -> Visit:
    """Raises the Problem 401 for whoever has to sign in."""
    session = shim.access.session(request.cookies.get(SESSION_COOKIE, ""))
    scope = Scope(shim.namespace, session.user_id)
    return Visit(request, shim, scope, _clock(request, shim), shim.updates.position)


async def _form(request: Request) -> FormData:
    return await request.form()


class ViewQuery(BaseModel):
    """`did` and `name` tell after a redirect what was done, for a browser without JavaScript."""

    cursor: Annotated[str | None, Field(max_length=1000)] = None
    did: str | None = None
    name: Annotated[str | None, Field(max_length=253)] = None


TheVisit = Annotated[Visit, Depends(_visit)]
TheForm = Annotated[FormData, Depends(_form)]


# What is shown


@router.get("/")
@router.get("/all")
@router.get("/reminders")
@router.get("/inbox")
@router.get("/done")
async def show(visit: TheVisit, query: Annotated[ViewQuery, Query()]) -> Response:
    view = next(view for view in VIEWS.values() if view.path == visit.request.url.path)
    shown = await _content(visit, view, query.cursor)
    if by_htmx(visit.request):
        return pages.render("view.html", shown)
    return _page(visit, shown, cursor=query.cursor, note=await _remembered(visit, query))


async def _content(visit: Visit, view: View, cursor: str | None = None) -> dict[str, Any]:
    """What the template of a view needs."""
    shown: dict[str, Any] = {"view": view, "clock": visit.clock, "before": before}
    match view.name:
        case "today":
            items, more = await _read(visit, OPEN, cursor)
            return {**shown, "groups": cards.today_groups(items, visit.clock), "more": None}
        case "all":
            items, more = await _read(visit, OPEN, cursor)
            return {**shown, "groups": cards.all_groups(items, visit.clock), "more": more}
        case "done":
            items, more = await _read(visit, DONE, cursor)
            return {**shown, "items": [cards.card(each, visit.clock) for each in items], "more": more}
        case _:
            items, more = await _read(visit, REMINDERS if view.name == "reminders" else INBOX, cursor)
            return {**shown, "items": items, "more": more}


async def _read(visit: Visit, feed: Feed[Any], cursor: str | None) -> tuple[tuple[Any, ...], str | None]:
    page = await visit.shim.projection.page(feed, visit.scope, CARDS_A_PAGE, paging.decode(feed, cursor))
    return page.items, paging.encode(feed, page.after)


def _page(visit: Visit, shown: dict[str, Any], status: int = 200, **values: Any) -> Response:
    empty = pages.empty_form(visit.clock)
    defaults: dict[str, Any] = {"note": None, "cursor": None, "fields": empty, "errors": {}, "fresh": False}
    root = visit.shim.root(visit.scope)
    live = {"updates": f"{root}/updates", "since": visit.position}
    who = {"user_id": visit.scope.user_id, "zone_chosen": CHOSEN_ZONE_COOKIE in visit.request.cookies}
    values = {**defaults, **shown, **live, **who, "chat": f"{root}/chat", **values}
    return pages.render("page.html", values, status)


# What was done, and how it is taken back


@dataclass(frozen=True, slots=True)
class Deed:
    """`undo` is the path of the form that takes it back."""

    word: str
    feed: Feed[Any]
    undo: str | None = None


DEEDS = {
    "added": Deed("Added", TASKS),
    "completed": Deed("Completed", TASKS, "/tasks/{}/reopen"),
    "reopened": Deed("Open again", TASKS, "/tasks/{}/complete"),
    "planned": Deed("Planned", SCHEDULES),
    "ended": Deed("Series ended", SCHEDULES, "/schedules/{}/resume"),
    "resumed": Deed("Series goes on", SCHEDULES, "/schedules/{}/end"),
}


def _note(deed: Deed, name: str, title: str) -> dict[str, Any]:
    return {"text": f"{deed.word}: {title}", "undo": deed.undo and deed.undo.format(quote(name)), "problem": False}


async def _remembered(visit: Visit, query: ViewQuery) -> dict[str, Any] | None:
    deed = DEEDS.get(query.did or "")
    known = await visit.shim.known(deed.feed, visit.scope, query.name) if deed and query.name else None
    if deed is None or known is None:
        return None
    title = known.data.title if deed.feed is TASKS else known.data.spec["task"]["title"]
    return _note(deed, known.name, title)


async def _done(visit: Visit, form: FormData, did: str, name: str, title: str, **values: Any) -> Response:
    """The view the form was on, and a note of what it did."""
    view = _view_of(form)
    if not by_htmx(visit.request):
        where = f"{view.path}?{urlencode({'did': did, 'name': name})}"
        return RedirectResponse(where, 303, {"Cache-Control": "no-store"})
    shown = await _content(visit, view)
    note = _note(DEEDS[did], name, title)
    return pages.render("done.html", {**shown, "note": note, "fresh": False, **values})


def _view_of(form: FormData) -> View:
    return VIEWS.get(str(form.get("view")), VIEWS["today"])


# What a form does


@router.post("/tasks")
async def add(visit: TheVisit, form: TheForm) -> Response:
    """What repeats becomes a schedule, anything else a task."""
    try:
        wanted, zone = AddForm.read(form), visit.clock.zone
        if wanted.repeat:
            planned = await schedules.create_schedule(wanted.schedule(zone), visit.scope, visit.shim, Response())
            did, made = "planned", (planned.id, planned.title)
        else:
            added = await tasks.create_task(wanted.task(zone), visit.scope, visit.shim, Response())
            did, made = "added", (added.id, added.title)
    except _FAILURES as failure:
        problem = problems.of(visit.request, failure)
        if not problem.errors:
            raise
        return await _not_added(visit, form, problem)
    return await _done(visit, form, did, *made, fields=pages.empty_form(visit.clock), errors={}, fresh=True)


async def _not_added(visit: Visit, form: FormData, problem: Problem) -> Response:
    """The form as it was filled in, with a sentence at every field that has to be mended."""
    view = _view_of(form)
    entered = {name: form[name] for name in forms.FIELDS if name in form} | {"reminders": form.getlist("reminders")}
    values = {"fields": pages.empty_form(visit.clock) | entered, "errors": forms.sentences(problem.errors)}
    if not by_htmx(visit.request):
        return _page(visit, await _content(visit, view), problem.kind.status, **values)
    headers = {"HX-Retarget": "#add", "HX-Reswap": "outerHTML"}
    return pages.render("add.html", {"view": view, "fresh": False, **values}, problem.kind.status, headers)


@router.post("/tasks/{task_id}/complete")
async def complete(visit: TheVisit, form: TheForm, task_id: Name) -> Response:
    return await _set_state(visit, form, task_id, State.COMPLETED, "completed")


@router.post("/tasks/{task_id}/reopen")
async def reopen(visit: TheVisit, form: TheForm, task_id: Name) -> Response:
    return await _set_state(visit, form, task_id, State.OPEN, "reopened")


async def _set_state(visit: Visit, form: FormData, task_id: str, state: State, did: str) -> Response:
    change = TaskChange(state=state)
    task = await tasks.change_task(task_id, change, visit.scope, visit.shim, Response())
    return await _done(visit, form, did, task.id, task.title)


@router.post("/schedules/{schedule_id}/end")
async def end(visit: TheVisit, form: TheForm, schedule_id: Name) -> Response:
    """Nothing of it occurs any more."""
    return await _set_end(visit, form, schedule_id, instant_text(visit.clock.now), "ended")


@router.post("/schedules/{schedule_id}/resume")
async def resume(visit: TheVisit, form: TheForm, schedule_id: Name) -> Response:
    return await _set_end(visit, form, schedule_id, None, "resumed")


async def _set_end(visit: Visit, form: FormData, schedule_id: str, ends_at: str | None, did: str) -> Response:
    change = ScheduleChange.model_validate({"ends_at": ends_at})
    schedule = await schedules.change_schedule(schedule_id, change, visit.scope, visit.shim, Response())
    return await _done(visit, form, did, schedule.id, schedule.title)


# Who and where


@router.get("/sign-in")
async def sign_in_form(ended: bool = False) -> Response:
    why = "Your session has ended: sign in again." if ended else ""
    return pages.render("sign_in.html", {"error": why})


@router.post("/sign-in")
async def sign_in(request: Request, shim: TheShim, form: TheForm) -> Response:
    """The token becomes the session's cookie, until it expires."""
    token = str(form.get("token", "")).strip()
    if len(token) > LONGEST_TOKEN:
        text = f"The token has {len(token)} characters, more than the {LONGEST_TOKEN} a cookie can hold."
        return pages.render("sign_in.html", {"error": text}, 401)
    try:
        session = shim.access.session(token)
    except Problem as problem:
        text = problem.detail if token else "Paste your token first."
        return pages.render("sign_in.html", {"error": text}, 401)
    answer = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        expires=session.expires_at,
        httponly=True,
        samesite="strict",
        secure=_leaves_the_machine(request),
    )
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    answer = RedirectResponse("/sign-in", 303, {"Cache-Control": "no-store"})
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict", secure=_leaves_the_machine(request))
    return answer


@router.post("/zone")
async def choose_zone(request: Request, _visit: TheVisit, form: TheForm) -> Response:
    """An empty one: as the browser says."""
    view, name = _view_of(form), str(form.get("zone", "")).strip()
    answer = RedirectResponse(view.path, 303, {"Cache-Control": "no-store"})
    secure = _leaves_the_machine(request)
    if name:
        value = zones.zone(name).key
        answer.set_cookie(CHOSEN_ZONE_COOKIE, value, max_age=A_YEAR_SECONDS, samesite="strict", secure=secure)
    else:
        answer.delete_cookie(CHOSEN_ZONE_COOKIE, samesite="strict", secure=secure)
    return answer


@router.get("/static/{version}/{name}")
async def static(version: str, name: str) -> Response:
    file = pages.static_file(version, name)
    if file is None:
        raise Problem(NOT_FOUND, f"There is no file {name!r} here.")
    return file


def _clock(request: Request, shim: Shim) -> Clock:
    for cookie in (CHOSEN_ZONE_COOKIE, BROWSER_ZONE_COOKIE):
        try:
            return Clock(shim.now(), zones.zone(request.cookies.get(cookie, "")))
        except Rejected:
            continue
    return Clock(shim.now(), zones.zone(ZONE_WHEN_UNKNOWN))


def _leaves_the_machine(request: Request) -> bool:
    """Anywhere but on loopback a cookie goes over HTTPS only; a proxy may have ended that before us."""
    return request.url.hostname not in _LOOPBACK


def _refusal(request: Request, problem: Problem) -> Response:
    if problem.kind is UNAUTHENTICATED:
        where = "/sign-in?ended=1" if SESSION_COOKIE in request.cookies else "/sign-in"
        if by_htmx(request):
            return Response(status_code=401, headers={**pages.HEADERS, "HX-Redirect": where})
        return RedirectResponse(where, 303, {"Cache-Control": "no-store"})
    note = {"text": problem.detail, "undo": None, "problem": True}
    status = problem.kind.status
    if by_htmx(request):
        headers = {"HX-Retarget": "#note", "HX-Reswap": "outerHTML"}
        return pages.render("note.html", {"note": note, "oob": False}, status, headers)
    return pages.render("problem.html", {"note": note, "title": problem.kind.title}, status)
