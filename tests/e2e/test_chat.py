"""The stories told by chat, over the real state store."""

import pytest

from tests.e2e.people import JSON, Person, World, eventually
from tests.e2e.talk import Talk

pytestmark = pytest.mark.timeout(150)


def titled(person: Person, title: str, state: str) -> list[JSON]:
    items: list[JSON] = person.api.get("/tasks?limit=200").json()["items"]
    return [task for task in items if task["title"] == title and task["state"] == state]


def test_a_recurring_task_is_made_completed_and_its_next_occurrence_is_there(person: Person, talk: Talk) -> None:
    """US-P5-01."""
    added = talk.say('create a task "Team standup" with recurrence daily')
    assert added["reply"].startswith("Added “Team standup”: every day at 09:00, Europe/Berlin. Next: ")
    first = eventually(lambda: titled(person, "Team standup", "Open"))[0]

    done = talk.until("I've done the team standup", "Done: “Team standup”, due ")

    assert "Next: " in done["reply"]
    assert done["actions"][0]["arguments"] == {"task_id": first["id"]}
    second = eventually(lambda: titled(person, "Team standup", "Open"))[0]
    assert second["occurrence"]["sequence"] == first["occurrence"]["sequence"] + 1
    assert [task["id"] for task in titled(person, "Team standup", "Completed")] == [first["id"]]

    assert talk.say("stop the standup for good")["reply"].startswith("Stopped “Team standup”")
    eventually(lambda: titled(person, "Team standup", "Open") == [], what="the cancelled occurrence is gone")
    assert talk.say("undo")["reply"].startswith("Taken back: “Team standup”")
    eventually(lambda: titled(person, "Team standup", "Open"), what="the series goes on")


def test_an_ambiguous_title_is_asked_back_and_the_next_message_answers(
    world: World, person: Person, talk: Talk
) -> None:
    for sentence in ("dentist checkup on Monday at 8", "dentist bill on Tuesday at 8"):
        talk.say(sentence)
    asked = talk.say("move the dentist to Friday at 10")
    assert asked["reply"].startswith("Several fit “the dentist”. Which one?")
    assert asked["actions"] == []

    # What was asked is remembered by neither process.
    for part in ("api-shim", "api-shim-sidecar"):
        world.cluster.part(part).kill()
        world.cluster.part(part).start()

    moved = talk.say("the bill")
    assert moved["reply"].startswith("Changed “dentist bill”, due ")
    assert "Friday" in moved["reply"]
    assert moved["actions"][0]["tool"] == "update_task"


def test_nobody_goes_on_with_somebody_elses_conversation(world: World, person: Person, talk: Talk) -> None:
    talk.say("add buy milk")
    body = {"message": "undo", "conversation_id": talk.id, "time_zone": "Europe/Berlin"}
    with Person.of(world, f"eve-{person.user}") as eve:
        stranger = eve.api.post("/chat", json=body)
        nobody = eve.api.post("/chat", json={**body, "conversation_id": "0" * 32})
    assert (stranger.status_code, stranger.json()) == (404, nobody.json())
    assert titled(person, "buy milk", "Open")


def test_without_its_sidecar_the_chat_does_nothing_and_the_rest_works(world: World, person: Person, talk: Talk) -> None:
    with world.stopped("api-shim-sidecar"):
        answer = person.api.post("/chat", json={"message": "add buy milk", "time_zone": "Europe/Berlin"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert person.api.post("/tasks", json={"title": "buy bread"}).status_code == 201
        listed = person.api.post("/chat", json={"message": "show my tasks", "time_zone": "Europe/Berlin"}).json()
        assert (listed["conversation_id"], listed["reply"]) == (None, "You have 1 open task:\n- buy bread")
    assert talk.say("add buy milk")["reply"] == "Added “buy milk”, without due time."
