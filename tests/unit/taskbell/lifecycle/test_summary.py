"""The recurrence in words: in the schedule's status, and on each of its Tasks."""

from datetime import UTC, datetime

from taskbell import events
from taskbell.lifecycle import schedule as schedules
from taskbell.lifecycle.actions import AmendTask, CreateTask, Publish, WriteStatus
from taskbell.lifecycle.testing import cursor, occurrence, schedule, seen_schedule, standing_at
from taskbell.resources import TaskSchedule, TaskScheduleStatus

SUNDAY = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAILY, MONDAYS = "Every day at 09:00, Europe/Berlin", "Every Monday at 09:00, Europe/Berlin"


def written(of: TaskSchedule) -> TaskScheduleStatus:
    (write,) = (each for each in schedules.plan(seen_schedule(of), SUNDAY) if isinstance(each, WriteStatus))
    assert isinstance(write.status, TaskScheduleStatus)
    return write.status


def test_the_status_and_the_task_say_it() -> None:
    made = [each for each in schedules.plan(seen_schedule(schedule()), SUNDAY) if isinstance(each, CreateTask)]
    assert written(schedule()).summary == DAILY
    assert [each.spec.occurrence.recurrence_text for each in made if each.spec.occurrence] == [DAILY]


def test_what_is_refused_is_not_described() -> None:
    bad = schedule(recurrence={"rrule": "FREQ=SECONDLY"}, status=TaskScheduleStatus(summary=DAILY))
    status = written(bad)
    assert status.summary is None
    assert {(each.type, each.reason) for each in status.conditions} == {
        ("Ready", "UnsupportedPart"),
        ("Stalled", "UnsupportedPart"),
    }
    (told,) = (each for each in schedules.plan(seen_schedule(bad), SUNDAY) if isinstance(each, Publish))
    assert events.schedule_data(bad).recurrence_text is None
    assert told.tellings


def test_both_forms_at_once_are_refused() -> None:
    """The API server's CEL refuses it; what passed an older one stands still."""
    both = schedule(recurrence={"frequency": "Daily", "rrule": "FREQ=WEEKLY"})
    assert {each.reason for each in written(both).conditions} == {"InvalidRule"}
    assert {each.reason for each in written(schedule(recurrence={})).conditions} == {"InvalidRule"}


def amended(edited: TaskSchedule, old: TaskSchedule, said: str) -> list[str | None]:
    """What the amendments of an open Task say; it was made for `old` and says `said`."""
    at = cursor(old)
    task = occurrence(old, at)
    assert task.spec.occurrence
    ref = task.spec.occurrence.model_copy(update={"recurrence_text": said})
    task = task.model_copy(update={"spec": task.spec.model_copy(update={"occurrence": ref})})
    plan = schedules.plan(seen_schedule(standing_at(edited, at), task), SUNDAY)
    amendments = [each.spec.occurrence for each in plan if isinstance(each, AmendTask)]
    return [each.recurrence_text for each in amendments if each]


def test_an_edited_recurrence_is_said_on_the_open_task_though_it_stays_where_it_was() -> None:
    edited = schedule(recurrence={"rrule": "FREQ=WEEKLY;BYDAY=MO"})
    assert amended(edited, schedule(), DAILY) == [MONDAYS]


def test_another_wording_of_the_same_recurrence_amends_nothing() -> None:
    assert amended(schedule(), schedule(), "Daily at nine") == []


def test_an_edited_template_leaves_the_words() -> None:
    edited = schedule(task={"title": "Standup"})
    assert amended(edited, schedule(), "Daily at nine") == ["Daily at nine"]
