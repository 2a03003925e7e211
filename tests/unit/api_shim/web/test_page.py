import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_shim.access import SESSION_COOKIE
from api_shim.settings import ShimSettings
from api_shim.testing import MemoryObjects, MemoryProjection
from api_shim.web import pages, routes
from api_shim.web.pages import VIEWS
from runtime.apiserver import Invalid, Unreachable
from store.reading import INBOX, REMINDERS, InboxItem, PendingReminder
from taskbell import naming
from tests.unit.api_shim.helpers import DEMO, NOW, problem, token

HTMX = {"HX-Request": "true"}
OURS = {"Sec-Fetch-Site": "same-origin"}
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


@pytest.fixture
async def page(app: FastAPI, settings: ShimSettings) -> AsyncIterator[httpx.AsyncClient]:
    """Demo's browser, signed in, in Berlin."""
    cookies = {SESSION_COOKIE: token(settings, "demo"), routes.BROWSER_ZONE_COOKIE: "Europe/Berlin"}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://taskbell", cookies=cookies, headers=OURS
    ) as client:
        yield client


async def added(page: httpx.AsyncClient, **fields: Any) -> None:
    response = await page.post("/tasks", data={"title": "Report", **fields}, headers=HTMX)
    assert response.status_code == 200, response.text


def names(objects: MemoryObjects, plural: str) -> list[str]:
    return [name for kind, _, name in objects.stored if kind == plural]


class Outline(HTMLParser):
    """What a browser would make of it: tags, their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


# Signing in


async def test_a_token_becomes_a_cookie_that_no_script_and_no_other_site_can_use(
    page: httpx.AsyncClient, settings: ShimSettings
) -> None:
    page.cookies.clear()
    response = await page.post("/sign-in", data={"token": f" {token(settings, 'demo')}\n"})
    assert (response.status_code, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"]
    for attribute in ("HttpOnly", "SameSite=strict", "Secure", "Path=/", "expires="):
        assert attribute in cookie
    assert (await page.get("/")).status_code == 200


@pytest.mark.parametrize(
    ("given", "says"),
    [("", "Paste your token first."), ("nonsense", "no readable JSON Web Token"), ("x" * 4000, "4000 characters")],
)
async def test_a_token_that_cannot_be_used_is_told_why(page: httpx.AsyncClient, given: str, says: str) -> None:
    response = await page.post("/sign-in", data={"token": given})
    assert response.status_code == 401
    assert says in response.text
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("path", [view.path for view in VIEWS.values()])
async def test_nobody_sees_anything_without_signing_in(page: httpx.AsyncClient, path: str) -> None:
    page.cookies.clear()
    assert (await page.get(path)).headers["location"] == "/sign-in"
    page.cookies.set(SESSION_COOKIE, "expired or forged")
    assert (await page.get(path)).headers["location"] == "/sign-in?ended=1"
    fragment = await page.get(path, headers=HTMX)
    assert (fragment.status_code, fragment.headers["hx-redirect"]) == (401, "/sign-in?ended=1")
    assert "Your session has ended" in (await page.get("/sign-in?ended=1")).text


async def test_signing_out_forgets_the_token(page: httpx.AsyncClient) -> None:
    response = await page.post("/sign-out")
    assert response.headers["location"] == "/sign-in"
    assert re.search(rf'{SESSION_COOKIE}="";.*Max-Age=0', response.headers["set-cookie"])


WRITES = [
    "/sign-in", "/sign-out", "/zone", "/tasks", "/tasks/report/complete", "/tasks/report/reopen",
    "/schedules/standup/end", "/schedules/standup/resume",
]  # fmt: skip
FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://evil.example.org"},
    {"Origin": "null"},
    {},
]


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_a_write_from_anywhere_else_is_refused(
    page: httpx.AsyncClient, objects: MemoryObjects, path: str, headers: dict[str, str]
) -> None:
    page.headers.pop("Sec-Fetch-Site")
    response = await page.post(path, data={"title": "Forged", "token": "x"}, headers=headers)
    assert response.status_code == 403
    assert "not sent by Taskbell" in response.text
    assert objects.stored == {}


def test_every_write_of_the_page_is_in_that_table() -> None:
    known = {route.path for route in routes.router.routes if "POST" in getattr(route, "methods", ())}  # type: ignore[attr-defined]
    assert known == {re.sub("/report|/standup", lambda m: "/{task_id}" if m[0] == "/report" else "/{schedule_id}", p)
                     for p in WRITES}  # fmt: skip


async def test_a_write_is_ours_by_its_origin_where_the_browser_says_no_more(page: httpx.AsyncClient) -> None:
    page.headers.pop("Sec-Fetch-Site")
    response = await page.post("/tasks", data={"title": "Report"}, headers={"Origin": "https://taskbell"})
    assert response.status_code == 303


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_the_cookie_opens_the_api_for_reading_and_for_our_own_writes(
    page: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await page.get("/api/demo/tasks")).status_code == 200
    assert (await page.get("/api/eve/tasks")).status_code == 403
    assert (await page.post("/api/demo/tasks", json={"title": "Report"})).status_code == 201
    page.headers.pop("Sec-Fetch-Site")
    refused = await page.post("/api/demo/tasks", json={"title": "Report"}, headers=headers)
    assert refused.status_code == 403
    assert problem(refused)["type"].endswith("/cross-site")


# What is shown


@pytest.mark.parametrize("path", ["/sign-in", *(view.path for view in VIEWS.values())])
async def test_a_page_loads_from_here_only_and_holds_neither_script_nor_style(
    page: httpx.AsyncClient, path: str
) -> None:
    response = await page.get(path)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["cache-control"] == "no-store"
    for tag, attributes in Outline(response.text).tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith(("on", "hx-on"))]
        assert (tag != "script") or attributes["src"]
        assert tag != "style"
        for name in ("src", "href", "action"):
            assert (attributes.get(name) or "/").startswith(("/", "#"))
        if tag in {"input", "select"} and attributes.get("type") != "hidden" and "hidden" not in attributes:
            labelled = f'for="{attributes.get("id")}"' in response.text or attributes.get("type") == "checkbox"
            assert labelled, attributes


@pytest.mark.parametrize("name", list(pages.STATIC))
async def test_what_a_page_loads_is_here_and_is_kept_by_the_browser(page: httpx.AsyncClient, name: str) -> None:
    response = await page.get(f"/static/{pages.STATIC_VERSION}/{name}")
    assert response.content == pages.STATIC[name].content
    assert "immutable" in response.headers["cache-control"]
    older = await page.get(f"/static/000000000000/{name}")
    assert (older.status_code, older.headers["cache-control"]) == (200, "no-cache")


async def test_what_is_not_there_is_said_in_html(page: httpx.AsyncClient) -> None:
    response = await page.get("/static/x/..%2Fpages.py")
    assert response.status_code == 404
    assert (await page.get("/static/x/pages.py")).status_code == 404
    assert (await page.post("/tasks/No%20Name/complete")).status_code == 404


async def test_cards_stand_under_the_day_they_are_due_in_the_readers_zone(page: httpx.AsyncClient) -> None:
    # It is Sunday, 13:00 in Berlin.
    for title, due in [("Late", "2026-11-22T12:59"), ("Soon", "2026-11-22T23:59"), ("Next", "2026-11-23T00:00")]:
        await added(page, title=title, due=due)
    await added(page, title="Week", due="2026-11-29T09:00")
    await added(page, title="Far", due="2027-02-01T09:00")
    await added(page, title="Some day")
    text = " ".join(Outline((await page.get("/all", headers=HTMX)).text).text.split())
    order = [
        "Overdue 1",
        "Late",
        "Today 1",
        "Soon",
        "Tomorrow 1",
        "Next",
        "Next seven days 1",
        "Week",
        "Later 1",
        "Far",
    ]
    places = [text.index(each) for each in [*order, "No due time 1", "Some day"]]
    assert places == sorted(places)
    assert "Late Overdue, 1 min ago Sun 22 Nov, 12:59" in text
    assert "in 10 h Sun 22 Nov, 23:59" in text
    assert "Mon 1 Feb 2027, 09:00" in text


async def test_today_ends_with_a_few_that_follow(page: httpx.AsyncClient) -> None:
    assert "Nothing is due today." in (await page.get("/")).text
    for day in range(23, 30):
        await added(page, title=f"On {day}", due=f"2026-11-{day}T09:00")
    text = (await page.get("/")).text
    assert "Coming up" in text
    assert "On 27" in text
    assert "On 28" not in text


async def test_a_card_says_priority_tags_and_reminders(page: httpx.AsyncClient) -> None:
    await added(page, due="2026-11-24T09:00", priority="High", tags="home, , garden", reminders=["PT15M", "P1D"])
    text = " ".join(Outline((await page.get("/all")).text).text.split())
    assert "1 day before Mon 23 Nov, 09:00 · to come" in text
    assert "15 min before 08:45 · to come" in text
    assert "High priority#home#garden" in text


@pytest.mark.parametrize(
    ("day", "heading", "says"),
    [
        pytest.param("2026-11-21", "Overdue", "Overdue, yesterday Sat 21 Nov", id="its day is over"),
        pytest.param("2026-11-22", "Today", "Due today Sun 22 Nov", id="its day goes on"),
        pytest.param("2026-11-27", "Next seven days", "Due in 5 days Fri 27 Nov", id="its day comes"),
    ],
)
async def test_what_is_due_all_day_shows_no_time(
    page: httpx.AsyncClient, client: httpx.AsyncClient, day: str, heading: str, says: str
) -> None:
    reminders = [{"before": "PT0M"}]
    body = {"title": "Rent", "due_on": day, "time_zone": "Europe/Berlin", "reminders": reminders}
    assert (await client.post("/api/demo/tasks", json=body)).status_code == 201
    html = (await page.get("/all")).text
    text = " ".join(Outline(html).text.split())
    assert f"{heading} 1" in text
    assert f"{says} at the due time 09:00" in text.replace("Reminder ", "")
    assert f'<time datetime="{day}">' in html


async def test_what_is_due_all_day_stands_after_what_is_due_at_a_time_of_that_day(
    page: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await client.post("/api/demo/tasks", json={"title": "Rent", "due_on": "2026-11-22", "time_zone": "Europe/Berlin"})
    for hour in (9, 18):
        await added(page, title=f"At {hour}", due=f"2026-11-22T{hour:02}:00")
    text = Outline((await page.get("/all")).text).text
    places = [text.index(word) for word in ("Overdue", "At 9", "Today 2", "At 18", "Rent")]
    assert places == sorted(places)


async def test_pending_reminders_and_the_inbox(page: httpx.AsyncClient, projection: MemoryProjection) -> None:
    at = NOW + timedelta(hours=2)
    pending = PendingReminder("dentist", "uid", "PT1H", "Dentist", at + timedelta(hours=1), at)
    arrived = InboxItem(1, "report", "PT0M", MARKUP, None, NOW, NOW - timedelta(minutes=5), NOW.date())
    projection.put(REMINDERS, DEMO, "r", (at, "uid", "PT1H"), pending)
    projection.put(INBOX, DEMO, "i", (1,), arrived)
    reminders = " ".join(Outline((await page.get("/reminders")).text).text.split())
    assert "Dentist in 2 h Sun 22 Nov, 15:00 1 h beforedue Sun 22 Nov, 16:00" in reminders
    inbox = (await page.get("/inbox")).text
    assert "Reminded 5 min ago" in inbox
    assert 'due <time datetime="2026-11-22">Sun 22 Nov</time>' in inbox
    assert MARKUP not in inbox


async def test_what_people_type_is_text_in_every_place(page: httpx.AsyncClient) -> None:
    await added(page, title=MARKUP, tags=MARKUP[:40])
    await added(page, title=MARKUP, due="2026-11-24T09:00", repeat="Daily")
    (wrong,) = [await page.post("/tasks", data={"title": MARKUP, "repeat": "Daily", "tags": MARKUP}, headers=HTMX)]
    for html in [(await page.get("/all")).text, (await page.get("/")).text, wrong.text]:
        outline = Outline(html)
        assert MARKUP[:40] in outline.text or "Every" in outline.text
        assert all(attributes.get("src") for tag, attributes in outline.tags if tag == "script")
        assert not [attributes for tag, attributes in outline.tags if "onerror" in attributes]


async def test_lists_go_on_where_a_page_ends(page: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "CARDS_A_PAGE", 2)
    for day in range(23, 28):
        await added(page, title=f"On {day}", due=f"2026-11-{day}T09:00")
    path, seen = "/all", ""
    for _ in range(3):
        html = (await page.get(path)).text
        seen += html
        links = [attributes["href"] for tag, attributes in Outline(html).tags if tag == "a"]
        path = next((link for link in links if link and "cursor" in link), "")
    assert path == ""
    assert all(f"On {day}" in seen for day in range(23, 28))
    assert (await page.get("/all?cursor=forged")).status_code == 400


# What a form does


async def test_a_task_is_added_in_the_readers_zone(page: httpx.AsyncClient, objects: MemoryObjects) -> None:
    response = await page.post(
        "/tasks", data={"title": "Report", "due": "2026-11-24T09:00", "reminders": ["PT1H"]}, headers=HTMX
    )
    (stored,) = objects.stored.values()
    assert stored["spec"]["dueAt"] == "2026-11-24T08:00:00Z"
    assert stored["spec"]["timeZone"] == "Europe/Berlin"
    assert stored["spec"]["reminders"] == [{"before": "PT1H"}]
    assert stored["metadata"]["annotations"] == {naming.ACTOR_ANNOTATION: "1 demo"}
    assert "Added: Report" in response.text
    assert 'id="task-' in response.text


@pytest.mark.parametrize(
    ("repeat", "every", "recurrence"),
    [
        ("Daily", "", {"frequency": "Daily"}),
        ("Monthly", "3", {"frequency": "Monthly", "interval": 3}),
        ("Weekdays", "1",
         {"frequency": "Weekly", "weekdays": ["Mon", "Tue", "Wed", "Thu", "Fri"]}),
    ],
)  # fmt: skip
async def test_what_repeats_is_a_schedule(
    page: httpx.AsyncClient, objects: MemoryObjects, repeat: str, every: str, recurrence: dict[str, Any]
) -> None:
    await added(page, due="2026-11-24T09:00", repeat=repeat, every=every, reminders=["PT15M"])
    (name,) = names(objects, "taskschedules")
    spec = objects.stored["taskschedules", "default", name]["spec"]
    assert (spec["start"], spec["timeZone"]) == ("2026-11-24T09:00", "Europe/Berlin")
    assert {key: value for key, value in spec["recurrence"].items() if value} == recurrence
    assert spec["task"]["reminders"] == [{"before": "PT15M"}]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"title": "  "}, "Title cannot be empty: write something."),
        ({"title": "x" * 201}, "Title has 201 characters: shorten it to 200."),
        ({}, "Title is needed: add it."),
        ({"title": "x", "repeat": "Daily"}, "Due is needed for a task that repeats: choose when it is due."),
        ({"title": "x", "reminders": "PT1H"}, "Due is needed for a task that has a reminder: choose when it is due."),
        ({"title": "x", "due": "tomorrow"}, "Due write a local time to the minute"),
        ({"title": "x", "due": "2026-02-30T09:00"}, "is no date and time of the calendar"),
        ({"title": "x", "due": "2026-11-24T09:00", "repeat": "Hourly"}, "Repeat has to be"),
        ({"title": "x", "due": "2026-11-24T09:00", "repeat": "Daily", "every": "0"}, "Every has to be at least 1."),
        ({"title": "x", "every": "often"}, "Every has to be a whole number."),
        ({"title": "x", "tags": "y" * 51}, "Tags has 51 characters: shorten it to 50."),
        ({"title": "x", "priority": "Urgent"}, "Priority has to be"),
        ({"title": "a\x00b"}, "Title a text cannot hold the character U+0000: leave it out."),
    ],
)
@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "no script"])
async def test_what_is_wrong_is_said_at_its_field_and_what_was_entered_stays(
    page: httpx.AsyncClient, objects: MemoryObjects, fields: dict[str, str], says: str, headers: dict[str, str]
) -> None:
    response = await page.post("/tasks", data={"view": "all", **fields}, headers=headers)
    assert response.status_code == 422
    outline = Outline(response.text)
    assert says in outline.text
    (wrong,) = [attributes for _, attributes in outline.tags if "aria-invalid" in attributes]
    assert f'id="{wrong["aria-describedby"]}"' in response.text
    (title,) = [attributes for _, attributes in outline.tags if attributes.get("id") == "title"]
    assert (title["value"] or "").replace("\ufffd", "\x00") == fields.get("title", "")
    assert objects.stored == {}


async def test_what_the_api_server_refuses_is_said_too(page: httpx.AsyncClient, objects: MemoryObjects) -> None:
    cause = {"field": "spec", "message": "reminders repeat one another: keep each once"}

    def refuse(verb: str) -> None:
        if verb == "create":
            raise Invalid(422, "Invalid", "no", (cause,))

    objects.before = refuse
    fields = {"title": "x", "due": "2026-11-24T09:00", "reminders": ["PT1H", "PT1H"]}
    response = await page.post("/tasks", data=fields, headers=HTMX)
    assert response.status_code == 422
    assert "Reminders repeat one another: keep each once." in response.text
    assert response.headers["hx-retarget"] == "#add"


async def test_completing_offers_to_take_it_back(page: httpx.AsyncClient, objects: MemoryObjects) -> None:
    await added(page)
    (name,) = names(objects, "tasks")
    done = await page.post(f"/tasks/{name}/complete", data={"view": "all"}, headers=HTMX)
    assert "Completed: Report" in done.text
    assert f'action="/tasks/{name}/reopen"' in done.text
    assert "Nothing to do." in done.text
    assert "Done now, " in (await page.get("/done")).text
    reopened = await page.post(f"/tasks/{name}/reopen", data={"view": "all"}, headers=HTMX)
    assert "Open again: Report" in reopened.text
    assert objects.stored["tasks", "default", name]["spec"]["state"] == "Open"


async def test_without_script_one_is_led_back_to_where_one_was_and_told(
    page: httpx.AsyncClient, objects: MemoryObjects
) -> None:
    response = await page.post("/tasks", data={"title": MARKUP, "view": "all"})
    (name,) = names(objects, "tasks")
    assert (response.status_code, response.headers["location"]) == (303, f"/all?did=added&name={name}")
    done = await page.post(f"/tasks/{name}/complete", data={"view": "nowhere"})
    text = (await page.get(done.headers["location"])).text
    assert f"Completed: {MARKUP}" in Outline(text).text
    assert f'action="/tasks/{name}/reopen"' in text
    for forged in ("did=completed&name=none", f"did=stolen&name={name}", "did=ended&name=none", "did=completed"):
        assert "Undo" not in (await page.get(f"/?{forged}")).text


async def test_a_series_is_ended_and_goes_on(page: httpx.AsyncClient, objects: MemoryObjects) -> None:
    await added(page, due="2026-11-24T09:00", repeat="Daily")
    (name,) = names(objects, "taskschedules")
    ended = await page.post(f"/schedules/{name}/end", data={"view": "today"})
    assert objects.stored["taskschedules", "default", name]["spec"]["endsAt"] == "2026-11-22T12:00:00Z"
    text = (await page.get(ended.headers["location"])).text
    assert "Series ended: Report" in text
    assert f'action="/schedules/{name}/resume"' in text
    resumed = await page.post(f"/schedules/{name}/resume", headers=HTMX)
    assert "Series goes on: Report" in resumed.text
    assert "endsAt" not in objects.stored["taskschedules", "default", name]["spec"]


async def test_what_fails_is_said_where_notes_stand(
    page: httpx.AsyncClient, objects: MemoryObjects, projection: MemoryProjection
) -> None:
    def away(_verb: str) -> None:
        raise Unreachable("planted")

    gone = await page.post("/tasks/gone/complete", headers=HTMX)
    assert (gone.status_code, gone.headers["hx-retarget"]) == (404, "#note")
    assert "You have no task" in gone.text
    assert "You have no task" in (await page.post("/tasks/gone/complete")).text
    objects.before = away
    assert (await page.post("/tasks", data={"title": "x"}, headers=HTMX)).status_code == 503
    projection.away = True
    assert "The database does not answer" in (await page.get("/")).text


@pytest.mark.parametrize(
    ("zone", "shown"), [("Asia/Kathmandu", "Asia/Kathmandu"), ("", "Europe/Berlin")], ids=["chosen", "the browser's"]
)
async def test_a_zone_is_chosen_or_left_to_the_browser(page: httpx.AsyncClient, zone: str, shown: str) -> None:
    page.cookies.set(routes.CHOSEN_ZONE_COOKIE, "America/Lima")
    response = await page.post("/zone", data={"zone": zone, "view": "done"})
    assert response.headers["location"] == "/done"
    page.cookies.clear()
    chosen = re.match(rf"{routes.CHOSEN_ZONE_COOKIE}=\"?([\w/]*)", response.headers["set-cookie"])
    assert chosen
    assert (chosen[1] or "Europe/Berlin") == shown


async def test_an_unknown_zone_is_refused_and_an_unusable_cookie_ignored(page: httpx.AsyncClient) -> None:
    refused = await page.post("/zone", data={"zone": "Mars/Olympus"})
    assert refused.status_code == 422
    assert "use an IANA name such as Europe/Berlin" in refused.text
    page.cookies.set(routes.CHOSEN_ZONE_COOKIE, "../../etc/passwd")
    assert "Times are in Europe/Berlin." in (await page.get("/")).text


async def test_the_chat_box_talks_to_the_api(page: httpx.AsyncClient) -> None:
    assert 'data-chat="/api/demo/chat"' in (await page.get("/")).text
    sent = {"message": "remind me to call Ada tomorrow at 9am", "conversation_id": None, "time_zone": "Europe/Berlin"}
    answer = await page.post("/api/demo/chat", json=sent)
    assert answer.status_code == 200
    assert {"reply", "conversation_id"} <= answer.json().keys()


async def test_the_page_says_where_its_updates_begin(page: httpx.AsyncClient, app: FastAPI) -> None:
    text = (await page.get("/")).text
    assert 'data-updates="/api/demo/updates"' in text
    assert f'data-since="{app.state.shim.updates.position}"' in text


async def test_large_pages_are_compressed(page: httpx.AsyncClient) -> None:
    for number in range(50):
        await added(page, title=f"Task {number}")
    response = await page.get("/all", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
