"""Conversations: what is done, asked, said and remembered. Sunday 22 November 2026, 13:00 in Berlin."""

from typing import Any

import httpx
import pytest

from api_shim import tools
from api_shim.answers import RecurrenceAnswer, ScheduleAnswer
from api_shim.testing import MemoryObjects, MemoryProjection, MemoryStates
from tests.unit.api_shim.helpers import NOW, pointers, problem, token

CHAT = "/api/demo/chat"
ZONE = "Europe/Berlin"


class Talk:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.id: str | None = None
        self.actions: list[dict[str, Any]] = []

    async def post(self, message: str, **more: Any) -> httpx.Response:
        return await self.client.post(CHAT, json={"message": message, "conversation_id": self.id, **more})

    async def say(self, message: str, **more: Any) -> str:
        response = await self.post(message, **more)
        assert response.status_code == 200, response.text
        body = response.json()
        self.id, self.actions = body["conversation_id"], body["actions"]
        reply: str = body["reply"]
        return reply

    async def titles(self) -> set[str]:
        return {task["title"] for task in (await self.client.get("/api/demo/tasks")).json()["items"]}


@pytest.fixture
def talk(client: httpx.AsyncClient) -> Talk:
    return Talk(client)


@pytest.fixture
async def settled(talk: Talk) -> Talk:
    """In Berlin, and said so."""
    await talk.say("hello", time_zone=ZONE)
    return talk


async def test_what_was_understood_is_said_with_its_date(settled: Talk) -> None:
    reply = await settled.say("remind me to submit the report tomorrow at 5pm, 1 hour before")
    assert reply == (
        "Added “submit the report”, due tomorrow, Monday 23 November 2026, 17:00 (Europe/Berlin). "
        "I will remind you 1 hour before (tomorrow, Monday 23 November 2026, 16:00)."
    )
    (action,) = settled.actions
    assert action["tool"] == "add_task"
    assert action["arguments"]["due_at"] == action["result"]["due_at"] == "2026-11-23T16:00:00Z"


async def test_a_series_is_said_in_words_with_its_next_three_dates(settled: Talk) -> None:
    reply = await settled.say("team standup every weekday at 9:00 with a reminder 15 minutes before")
    assert reply == (
        "Added “team standup”: every weekday at 09:00, Europe/Berlin. Next: tomorrow, Monday 23 November 2026, 09:00; "
        "Tuesday 24 November 2026, 09:00; Wednesday 25 November 2026, 09:00. I will remind you 15 minutes before."
    )
    assert settled.actions[0]["arguments"]["start"] == "2026-11-23T09:00"


@pytest.mark.parametrize(
    ("sentence", "start"),
    [
        ("bins every 2 weeks on Tuesday at 8", "2026-11-24T08:00"),
        ("bins every day at 8", "2026-11-23T08:00"),
        ("bins every day at 18:00", "2026-11-22T18:00"),
        ("bins every 2 months on the 1st at 8", "2026-12-01T08:00"),
        ("bins every month at 8", "2026-11-23T08:00"),
        ("bins every last Friday of the month at 17:00", "2026-11-27T17:00"),
        ("bins every Monday at 8 starting on 1 December", "2026-12-07T08:00"),
    ],
)
async def test_an_interval_counts_from_the_first_date_to_come(settled: Talk, sentence: str, start: str) -> None:
    await settled.say(sentence)
    assert settled.actions[0]["arguments"]["start"] == start


async def test_a_time_nobody_named_is_said(settled: Talk) -> None:
    assert (await settled.say("pay rent tomorrow")).endswith("You named no time, so I took 09:00.")
    assert "It does not repeat" in await settled.say("daily standup tomorrow at 9")


async def test_without_a_zone_it_is_asked_for_and_the_sentence_is_carried_out(talk: Talk) -> None:
    assert await talk.say("dentist Friday at 10") == "Which time zone are you in? For example Europe/Berlin."
    assert (await talk.say("atlantis")).startswith("I know no such time zone.")
    assert await talk.titles() == set()
    assert (await talk.say("I'm in New York")).startswith(
        "Added “dentist”, due Friday 27 November 2026, 10:00 (America/"
    )


async def test_the_zone_is_the_persons_last_one(settled: Talk) -> None:
    settled.id = None
    assert "(Europe/Berlin)" in await settled.say("dentist Friday at 10")
    assert await settled.say("my time zone is Asia/Tokyo") == "All right, your time zone is Asia/Tokyo."
    settled.id = None
    assert "(Asia/Tokyo)" in await settled.say("oculist Friday at 10")
    assert (await settled.say("I'm in a meeting")).startswith("I know no time zone “a meeting”.")


async def test_an_unknown_zone_is_refused(talk: Talk) -> None:
    response = await talk.post("hello", time_zone="Berlin")
    assert pointers(response) == ["/time_zone"]


async def test_help_needs_no_zone(talk: Talk) -> None:
    assert "what's on today?" in await talk.say("help")


async def test_several_that_fit_are_asked_back(settled: Talk) -> None:
    await settled.say("dentist checkup Monday at 8")
    await settled.say("dentist bill Tuesday at 8")
    asked = await settled.say("delete the dentist")
    assert asked.startswith("Several fit “the dentist”. Which one?\n1. ")
    assert settled.actions == []
    assert (await settled.say("the what")).startswith("I did not understand that. Several fit")
    assert (await settled.say("the bill")).startswith("Deleted “dentist bill”.")
    assert await settled.titles() == {"dentist checkup"}


@pytest.mark.parametrize("answer", ["2", "the second one", "number 2", "last"])
async def test_a_question_is_answered_by_its_number(settled: Talk, answer: str) -> None:
    await settled.say("dentist checkup Monday at 8")
    await settled.say("dentist bill Tuesday at 8")
    second = (await settled.say("delete the dentist")).split("2. “")[1].split("”")[0]
    assert (await settled.say(answer)).startswith(f"Deleted “{second}”.")


async def test_another_sentence_leaves_the_question(settled: Talk) -> None:
    await settled.say("dentist checkup Monday at 8")
    await settled.say("dentist bill Tuesday at 8")
    await settled.say("delete the dentist")
    assert (await settled.say("never mind")).startswith("All right")
    assert (await settled.say("2")).startswith("I did not understand that. I can add")
    assert len(await settled.titles()) == 2


async def test_a_title_that_is_only_alike_is_asked_for(settled: Talk) -> None:
    await settled.say("submit the report tomorrow at 9")
    assert "Did you mean “submit the report”" in await settled.say("delete the reprot")
    assert (await settled.say("yes")).startswith("Deleted")
    assert (await settled.say("delete the piano")).startswith("I find nothing called “the piano”.")


async def test_what_was_asked_about_may_be_gone_by_then(settled: Talk) -> None:
    await settled.say("submit the report tomorrow at 9")
    await settled.say("delete the reprot")
    await settled.client.delete(
        f"/api/demo/tasks/{(await settled.client.get('/api/demo/tasks')).json()['items'][0]['id']}"
    )
    assert await settled.say("yes") == "That one is no longer there."


@pytest.mark.parametrize(
    ("sentences", "field", "value"),
    [
        (["move the report to Friday at 10"], "due_at", "2026-11-27T09:00:00Z"),
        (["move the report to 10"], "due_at", "2026-11-23T09:00:00Z"),
        (["move the report to Friday"], "due_at", "2026-11-27T16:00:00Z"),
        (["postpone the report by 2 days"], "due_at", "2026-11-25T16:00:00Z"),
        (["postpone the report by 90 minutes"], "due_at", "2026-11-23T17:30:00Z"),
        (["rename the report to summary"], "title", "summary"),
        (["I've done the report"], "state", "Completed"),
        (["skip the report"], "state", "Skipped"),
        (["I've done the report", "reopen the report"], "state", "Open"),
    ],
)  # fmt: skip
async def test_a_change_and_its_undo(settled: Talk, sentences: list[str], field: str, value: str) -> None:
    await settled.say("the report tomorrow at 17:00, 1 hour before")
    (before,) = (await settled.client.get("/api/demo/tasks")).json()["items"]
    for sentence in sentences:
        reply = await settled.say(sentence)
    (after,) = (await settled.client.get("/api/demo/tasks")).json()["items"]
    assert after[field] == value, reply
    for _ in sentences:
        assert (await settled.say("undo")).startswith("Taken back: ")
    (undone,) = (await settled.client.get("/api/demo/tasks")).json()["items"]
    assert undone | {"generation": 0} == before | {"generation": 0}


@pytest.mark.parametrize(
    ("sentence", "due", "reply"),
    [
        ("move the rent to Friday", {"due_on": "2026-11-27", "due_at": None}, "due Friday 27 November 2026."),
        ("move the rent to today", {"due_on": "2026-11-22", "due_at": None}, "due today, Sunday 22 November 2026."),
        ("postpone the rent by 2 days", {"due_on": "2026-11-25", "due_at": None}, "due Wednesday 25 November 2026."),
        ("move the rent to Friday at 10", {"due_on": None, "due_at": "2026-11-27T09:00:00Z"}, "10:00 (Europe/Berlin)."),
    ],
)
async def test_an_all_day_task_is_moved_by_days_until_a_time_is_named(
    settled: Talk, sentence: str, due: dict[str, Any], reply: str
) -> None:
    body = {"title": "rent", "due_on": "2026-11-23", "time_zone": ZONE, "reminders": [{"before": "P1D"}]}
    await settled.client.post("/api/demo/tasks", json={**body, "reminder_time": "18:00"})
    (before,) = (await settled.client.get("/api/demo/tasks")).json()["items"]
    assert reply in await settled.say(sentence)
    (after,) = (await settled.client.get("/api/demo/tasks")).json()["items"]
    assert after.items() >= due.items()
    await settled.say("undo")
    (undone,) = (await settled.client.get("/api/demo/tasks")).json()["items"]
    assert undone | {"generation": 0} == before | {"generation": 0}


async def test_an_all_day_task_in_words(settled: Talk) -> None:
    for day in ("2026-11-21", "2026-11-22"):
        await settled.client.post("/api/demo/tasks", json={"title": f"rent {day}", "due_on": day, "time_zone": ZONE})
    listed = await settled.say("what are my tasks?")
    assert "rent 2026-11-21, due yesterday, Saturday 21 November 2026, overdue" in listed
    assert listed.endswith("rent 2026-11-22, due today, Sunday 22 November 2026")
    assert "is due all day. Move it by days" in await settled.say("postpone rent 2026-11-22 by 90 minutes")


async def test_an_all_day_series_stays_so_until_a_time_is_named(settled: Talk) -> None:
    body = {"title": "rent", "start": "2026-11-23", "time_zone": ZONE, "recurrence": {"frequency": "Weekly"}}
    await settled.client.post("/api/demo/schedules", json={**body, "reminder_time": "18:00"})
    reply = await settled.say("move the rent to every Friday")
    assert "every Friday, Europe/Berlin. Next: Friday 27 November 2026; Friday 4 December 2026" in reply
    (schedule,) = (await settled.client.get("/api/demo/schedules")).json()["items"]
    assert schedule["start"] == "2026-11-27"
    await settled.say("move the rent to every Friday at 10")
    (schedule,) = (await settled.client.get("/api/demo/schedules")).json()["items"]
    assert (schedule["start"], schedule["reminder_time"]) == ("2026-11-27T10:00", None)


async def test_adding_and_deleting_are_undone(settled: Talk) -> None:
    await settled.say("add buy milk #home")
    await settled.say("undo")
    assert await settled.titles() == set()
    await settled.say("buy bread tomorrow at 17:00, 1 hour before")
    await settled.say("delete buy bread")
    assert await settled.titles() == set()
    assert (await settled.say("undo")).startswith("Taken back: “buy bread” is open, due tomorrow")
    (task,) = (await settled.client.get("/api/demo/tasks")).json()["items"]
    assert (task["due_at"], [each["before"] for each in task["reminders"]]) == ("2026-11-23T16:00:00Z", ["PT1H"])
    assert (await settled.say("undo")).startswith("Taken back: ")  # it has another id now
    assert await settled.titles() == set()
    assert await settled.say("undo") == "There is nothing here that I could undo."


async def test_what_cannot_be_undone_any_more_is_passed_over(settled: Talk) -> None:
    await settled.say("add buy bread")
    await settled.say("add buy milk")
    await settled.client.delete(f"/api/demo/tasks/{settled.actions[0]['result']['id']}")
    assert (await settled.say("undo")).startswith("That did not work. You have no task")
    assert (await settled.say("undo")).startswith("Taken back: ")
    assert await settled.titles() == set()


async def test_reminders_are_replaced_and_taken_away(settled: Talk) -> None:
    await settled.say("the report tomorrow at 17:00, 1 hour before")
    assert "I will remind you 2 hours before" in await settled.say("remind me 2 hours before the report")
    assert "remind" not in await settled.say("no more reminders for the report")
    await settled.say("add buy milk")
    assert "has no due time" in await settled.say("remind me 2 hours before buy milk")


@pytest.mark.parametrize(
    ("sentence", "reply", "field", "value"),
    [
        ("stop the standup for good", "Stopped “standup”", "ends_at", "2026-11-22T12:00:00Z"),
        ("pause the standup", "Paused “standup”", "suspend", True),
        ("rename the standup to daily", "Changed “daily”", "title", "daily"),
        ("move the standup to 10", "Changed “standup”: every day at 10:00", "start", "2026-11-23T10:00"),
        (
            "move the standup to every Monday at 8",
            "Changed “standup”: every Monday at 08:00",
            "start",
            "2026-11-23T08:00",
        ),
        ("remind me 5 minutes before the standup", "Changed “standup”", "reminders", [{"before": "PT5M"}]),
    ],
)
async def test_a_series_is_changed_and_that_is_undone(
    settled: Talk, sentence: str, reply: str, field: str, value: Any
) -> None:
    await settled.say("standup every day at 9")
    (before,) = (await settled.client.get("/api/demo/schedules")).json()["items"]
    assert (await settled.say(sentence)).startswith(reply)
    (after,) = (await settled.client.get("/api/demo/schedules")).json()["items"]
    assert after[field] == value
    await settled.say("undo")
    (undone,) = (await settled.client.get("/api/demo/schedules")).json()["items"]
    assert undone | {"generation": 0} == before | {"generation": 0}


async def test_a_series_goes_on_again(settled: Talk) -> None:
    await settled.say("standup every day at 9")
    assert (await settled.say("resume the standup")).startswith("“standup” goes on already")
    await settled.say("pause the standup")
    assert (await settled.say("resume the standup")).startswith("Changed “standup”")
    await settled.say("stop the standup")
    assert (await settled.say("resume the standup")).startswith("Going on with “standup”")


async def with_open_occurrence(talk: Talk, objects: MemoryObjects) -> None:
    """As the operator would make it."""
    await talk.say("standup every day at 9")
    (schedule,) = (await talk.client.get("/api/demo/schedules")).json()["items"]
    task = (
        await talk.client.post("/api/demo/tasks", json={"title": "standup", "due_at": "2026-11-23T08:00:00Z"})
    ).json()
    stored = objects.stored["tasks", "default", task["id"]]
    stored["metadata"]["ownerReferences"] = [
        {"kind": "TaskSchedule", "name": schedule["id"], "uid": schedule["uid"], "controller": True}
    ]
    stored["spec"]["occurrence"] = {
        "schedule": schedule["id"], "sequence": 1, "local": "2026-11-23T09:00", "at": "2026-11-23T08:00:00Z"
    }  # fmt: skip
    await talk.client.patch(f"/api/demo/tasks/{task['id']}", json={"priority": "High"})


@pytest.mark.parametrize(
    ("sentence", "answer", "tool"),
    [
        ("delete the standup", "this one", "skip_task"),
        ("delete the standup", "all", "delete_schedule"),
        ("move the standup to 10", "just this one", "update_task"),
        ("move the standup to 10", "the whole series", "update_schedule"),
    ],
)
async def test_one_occurrence_or_the_series_is_asked(
    settled: Talk, objects: MemoryObjects, sentence: str, answer: str, tool: str
) -> None:
    await with_open_occurrence(settled, objects)
    assert "Say “this one” or “all”." in await settled.say(sentence)
    assert settled.actions == []
    await settled.say(answer)
    assert [action["tool"] for action in settled.actions] == [tool]


async def test_a_done_occurrence_says_when_the_next_one_is(settled: Talk, objects: MemoryObjects) -> None:
    await with_open_occurrence(settled, objects)
    assert (await settled.say("I've done the standup")).endswith("Next: Tuesday 24 November 2026, 09:00.")
    assert "is only" not in await settled.say("stop the standup for good")


async def test_what_does_not_repeat_cannot_be_stopped(settled: Talk) -> None:
    await settled.say("the report tomorrow at 17:00")
    assert (await settled.say("stop the report")).startswith("I find nothing called")
    assert "is a single task" in await settled.say("move the report to every day at 9")


async def test_lists(settled: Talk) -> None:
    assert await settled.say("what's on today?") == "You have no tasks due on Sunday 22 November."
    for sentence in ("tea today at 18:00", "add buy milk", "dinner tomorrow at 19:00", "gym every Monday at 9"):
        await settled.say(sentence)
    assert await settled.say("what's on today?") == (
        "You have 1 task due on Sunday 22 November:\n- tea, due today, Sunday 22 November 2026, 18:00"
    )
    assert await settled.say("show my tasks") == (
        "You have 3 open tasks:\n- tea, due today, Sunday 22 November 2026, 18:00\n"
        "- dinner, due tomorrow, Monday 23 November 2026, 19:00\n- buy milk"
    )
    assert (await settled.say("show my schedules")).startswith("This repeats:\n- gym: every Monday at 09:00")
    assert await settled.say("what reminders do I have?") == "No reminders are to come."


async def test_what_the_api_server_refuses_is_said(settled: Talk, objects: MemoryObjects) -> None:
    await settled.say("add buy milk")
    objects.before = lambda verb: objects.touch("buy-milk-00000001") if verb != "get" else None
    assert (await settled.say("delete buy milk")).startswith(
        "That did not work. The task 'buy-milk-00000001' was changed"
    )


# What is remembered


async def test_a_conversation_is_its_users_only(
    settled: Talk, states: MemoryStates, settings: Any, anonymous: httpx.AsyncClient
) -> None:
    assert settled.id
    anonymous.headers["Authorization"] = f"Bearer {token(settings, 'eve')}"
    body = {"message": "undo", "time_zone": ZONE}
    other = await anonymous.post("/api/eve/chat", json={**body, "conversation_id": settled.id})
    unknown = await anonymous.post("/api/eve/chat", json={**body, "conversation_id": "f" * 32})
    assert problem(other) == problem(unknown)
    assert other.status_code == 404
    # Even if keys were confused, the value says whose it is.
    states.stored[f"conversation-eve-{settled.id}"] = states.stored[f"conversation-demo-{settled.id}"]
    assert (await anonymous.post("/api/eve/chat", json={**body, "conversation_id": settled.id})).status_code == 404


async def test_names_with_hard_characters_have_keys_of_their_own(
    anonymous: httpx.AsyncClient, states: MemoryStates, settings: Any
) -> None:
    for user, path in (("a||b", "a%7C%7Cb"), ("a-b", "a-b"), ("ä", "%C3%A4")):
        anonymous.headers["Authorization"] = f"Bearer {token(settings, user)}"
        response = await anonymous.post(f"/api/{path}/chat", json={"message": "hello", "time_zone": ZONE})
        assert response.status_code == 200
    assert sorted(key.rpartition("-")[0] for key in states.stored if key.startswith("conversation-")) == [
        "conversation-=C3=A4", "conversation-a-b", "conversation-a=7C=7Cb",
    ]  # fmt: skip
    assert {etag.split()[1] for _, etag in states.stored.values()} == {"30d"}


async def test_a_conversation_is_forgotten_on_request(settled: Talk) -> None:
    assert (await settled.client.delete(f"{CHAT}/{settled.id}")).status_code == 204
    assert (await settled.post("hello")).status_code == 404


@pytest.mark.parametrize("conversation", ["x", "A" * 32, "0" * 31])
async def test_what_is_no_conversation_id_is_refused(client: httpx.AsyncClient, conversation: str) -> None:
    response = await client.post(CHAT, json={"message": "hello", "conversation_id": conversation})
    assert pointers(response) == ["/conversation_id"]


async def test_without_state_store_nothing_is_done(settled: Talk, states: MemoryStates) -> None:
    states.away = True
    settled.id = None
    response = await settled.post("add buy milk", time_zone=ZONE)
    assert response.status_code == 503
    assert "Conversations cannot be remembered now" in problem(response)["detail"]
    assert await settled.titles() == set()
    assert (await settled.say("show my tasks", time_zone=ZONE)) == "You have no open tasks."
    assert settled.id is None


async def test_a_zone_that_cannot_be_remembered_is_not_accepted(talk: Talk, states: MemoryStates) -> None:
    states.away = True
    assert (await talk.post("I'm in Berlin")).status_code == 503


async def test_a_schedule_that_never_occurs_has_no_dates_and_spoils_no_list(settled: Talk) -> None:
    await settled.say("gym every Monday at 9")
    (schedule,) = (await settled.client.get("/api/demo/schedules")).json()["items"]
    never = RecurrenceAnswer(frequency="Monthly", month_days=[31], months=[2])
    stalled = ScheduleAnswer.model_validate(schedule).model_copy(update={"recurrence": never})
    described = tools.described(stalled, NOW)
    assert described.upcoming == []


async def test_when_it_cannot_be_remembered_afterwards_it_is_done_all_the_same(
    settled: Talk, states: MemoryStates
) -> None:
    saved: list[str] = []

    def go_away(verb: str) -> None:
        saved.append(verb)
        states.away = saved.count("save") > 1

    states.before = go_away
    assert (await settled.say("add buy milk")).endswith(
        "I cannot remember this just now, so I could not undo it later."
    )
    assert await settled.titles() == {"buy milk"}


async def test_of_two_messages_at_once_one_is_refused_before_it_does_anything(
    settled: Talk, states: MemoryStates
) -> None:
    key = f"conversation-demo-{settled.id}"

    def meddle(verb: str) -> None:
        if verb == "save":
            states.stored[key] = (states.stored[key][0], "another")

    states.before = meddle
    response = await settled.post("add buy milk")
    assert response.status_code == 409
    assert "Another message of this conversation" in problem(response)["detail"]
    assert await settled.titles() == set()


async def test_without_database_lists_are_refused(settled: Talk, projection: MemoryProjection) -> None:
    projection.away = True
    assert (await settled.post("delete buy milk")).status_code == 503
    assert (await settled.say("add buy milk")).endswith("Lists may not show it for some seconds.")


@pytest.mark.parametrize("message", ["", "  ", "x" * 501, "a\x00b"])
async def test_a_message_is_a_sentence(client: httpx.AsyncClient, message: str) -> None:
    assert pointers(await client.post(CHAT, json={"message": message})) == ["/message"]
