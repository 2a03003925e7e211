"""US-P5-02 and US-P5-04: reminders, by Dapr's alarm clock, Kafka and the notification service."""

from datetime import datetime, timedelta

from tests.e2e.people import Person, World, eventually, instant, now, plain_client


def test_a_reminder_an_hour_before_a_due_time_arrives_once_and_is_marked_sent(world: World, person: Person) -> None:
    rings = world.metric("operator", "taskbell_alarm_rings_total")
    remind_at = now() + timedelta(seconds=4)
    person.apply_task(
        "report", title="Submit report", dueAt=instant(remind_at + timedelta(hours=1)), reminders=[{"before": "PT1H"}]
    )

    pending = eventually(person.reminders)
    assert [(each["title"], each["reminder_id"]) for each in pending] == [("Submit report", "PT1H")]
    assert person.inbox() == []

    (entry,) = eventually(person.inbox)
    assert entry["title"] == "Submit report"
    assert entry["reminder_id"] == "PT1H"
    late = datetime.fromisoformat(entry["created_at"]) - remind_at
    assert timedelta(0) <= late < timedelta(seconds=10)
    assert world.metric("operator", "taskbell_alarm_rings_total") == rings + 1
    eventually(lambda: person.reminders() == [])
    assert person.deliveries() == [("sent", True)]
    with plain_client(world, "reminders") as events_of:
        (event,) = eventually(lambda: events_of(person.user))
    assert {"task_id", "title", "due_at", "remind_at", "user_id"} <= event["data"].keys()


def test_reminders_of_a_closed_task_are_not_sent(world: World, person: Person) -> None:
    remind_at = now() + timedelta(seconds=4)
    person.apply_task("report", dueAt=instant(remind_at + timedelta(minutes=15)), reminders=[{"before": "PT15M"}])
    eventually(person.reminders)

    person.patch("task", person.named("report"), {"state": "Completed"})

    eventually(lambda: person.reminders() == [])
    # A later reminder of the same person shows that the earlier moment has passed.
    person.apply_task("later", reminders=[{"at": instant(remind_at + timedelta(seconds=2))}])
    (entry,) = eventually(person.inbox)
    assert entry["task_id"] == person.named("later")


def test_a_moved_due_time_moves_its_reminder(person: Person) -> None:
    due_at = now() + timedelta(hours=5)
    person.apply_task("report", dueAt=instant(due_at), reminders=[{"before": "PT1H"}])
    eventually(person.reminders)

    person.patch("task", person.named("report"), {"dueAt": instant(due_at + timedelta(hours=1))})

    eventually(lambda: [datetime.fromisoformat(each["remind_at"]) for each in person.reminders()] == [due_at])
