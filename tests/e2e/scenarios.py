"""The specification's test scenarios, each through another of the ways in, wherever Taskbell runs."""

from datetime import datetime, timedelta

import pytest

from tests.e2e.browser import Browser
from tests.e2e.people import Person, World, eventually, instant, now, plain_client, tomorrow_at_nine
from tests.e2e.repository import Repository
from tests.e2e.talk import Talk

SETTLED = 120
"""Seconds: in a chat and in Git a reminder falls on a full minute."""


@pytest.mark.timeout(300)
class Scenarios:
    def test_us_p5_01_on_the_page_team_standup_completed_comes_again(self, browser: Browser, person: Person) -> None:
        """Given I create a task "Team standup" with recurrence "daily", when I mark the task as complete, then a new
        task "Team standup" is created for the next day, and the completed task is marked as done."""
        browser.go("/all")
        browser.fill_in("Team standup", due=tomorrow_at_nine(), repeat="Daily", reminder="PT15M", tags="work")
        browser.pictures("form")
        browser.send("Team standup")
        words = ("Team standup", "Every day at 09:00", "15 min before 08:45 · to come", "#work")
        browser.card(*words, "tomorrow", within=SETTLED)
        browser.pictures("standup")

        browser.complete("Team standup")

        browser.card("Team standup", "Every day at 09:00", "in 2 days", within=SETTLED)
        assert "Completed: Team standup" in browser.find("#note").text
        browser.await_(lambda: len(browser.cards()) == 1, SETTLED, "one card")
        browser.pictures("completed")
        browser.go("/done")
        browser.card("Team standup", "Done now")
        assert [reminder["title"] for reminder in person.reminders()] == ["Team standup"]

    def test_us_p5_02_in_the_chat_submit_report_reminds_an_hour_before(self, person: Person, talk: Talk) -> None:
        """Given I create a task "Submit report" due at 5:00 PM with 1hr reminder, when the time reaches 4:00 PM, then I
        receive a reminder notification."""
        asked_at = now()
        added = talk.say('create a task "Submit report" in 61 minutes with a reminder 1 hour before')
        assert added["reply"].startswith("Added “Submit report”, due today, ")
        (pending,) = eventually(person.reminders, SETTLED)
        remind_at = datetime.fromisoformat(pending["remind_at"])
        assert timedelta(0) <= remind_at - asked_at <= timedelta(minutes=2)
        assert person.inbox() == []

        (entry,) = eventually(person.inbox, SETTLED)

        assert (entry["title"], entry["reminder_id"]) == ("Submit report", "PT1H")
        assert datetime.fromisoformat(entry["created_at"]) >= remind_at
        assert person.deliveries() == [("sent", True)]

    def test_us_p5_03_by_a_git_commit_buy_groceries_is_published_with_the_whole_task(
        self, world: World, person: Person, repository: Repository
    ) -> None:
        """Given a Kafka consumer subscribed to "task-events", when I create a task "Buy groceries", then an event with
        type "created" is published, and the event contains the full task data."""
        with plain_client(world, "task-events") as events_of:
            repository.add(
                "groceries",
                {
                    "start": tomorrow_at_nine(),
                    "recurrence": {"frequency": "Weekly"},
                    "task": {"title": "Buy groceries", "tags": ["home"], "reminders": [{"before": "PT1H"}]},
                },
            )
            repository.commit("groceries, every week")
            repository.sync()
            task = person.open_task("groceries", within=SETTLED)

            event = eventually(
                lambda: next(
                    (each for each in events_of(person.user) if each["subject"] == task["metadata"]["uid"]), None
                ),
                SETTLED,
            )

        assert event["data"]["event_type"] == "created"
        assert event["data"]["task_id"] == task["metadata"]["name"]
        data = event["data"]["task_data"]
        assert (data["title"], data["tags"], data["completed"]) == ("Buy groceries", ["home"], False)
        assert datetime.fromisoformat(data["due_at"]) == datetime.fromisoformat(task["spec"]["dueAt"])
        assert [reminder["id"] for reminder in data["reminders"]] == ["PT1H"]

    def test_us_p5_04_by_kubectl_a_reminder_at_three_is_rung_by_dapr_and_published(
        self, world: World, person: Person
    ) -> None:
        """Given I create a task with reminder at 3:00 PM, when the time reaches 3:00 PM, then Dapr triggers the job
        callback, and a reminder event is published."""
        rings = world.metric("operator", "taskbell_alarm_rings_total")
        remind_at = (now() + timedelta(seconds=6)).replace(microsecond=0)
        with plain_client(world, "reminders") as events_of:
            person.apply_task("call", title="Call Ann", reminders=[{"at": instant(remind_at)}])

            (event,) = eventually(lambda: events_of(person.user), SETTLED)

        assert world.metric("operator", "taskbell_alarm_rings_total") > rings
        assert event["data"]["task_id"] == person.named("call")
        assert event["data"]["title"] == "Call Ann"
        assert datetime.fromisoformat(event["data"]["remind_at"]) == remind_at
        assert datetime.fromisoformat(event["time"]) >= remind_at
