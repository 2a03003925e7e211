"""The judge of a chaos run: silent about a world in which all is well, loud about each thing that is not."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chaos.findings import Delivered, Findings, Projected
from tests.chaos.history import Asked, AskedSchedule, AskedTask, History
from tests.chaos.judge import judge

BEGIN = datetime(2026, 11, 25, 9, tzinfo=UTC)
NOW = BEGIN + timedelta(minutes=30)
REMIND_AT = BEGIN + timedelta(minutes=5)
REMINDER = "alone:PT15M:2026-11-25T09:05:00Z"

Event = dict[str, Any]


def event(uid: str, kind: str, detail: str = "", *, generation: int = 1, **data: Any) -> Event:
    return {
        "id": f"{uid}:{kind}{detail}",
        "time": BEGIN.isoformat(),
        "sent": BEGIN,
        "data": {
            "event_type": kind,
            "task_id": uid,
            "task_uid": uid,
            "generation": generation,
            "created_at": BEGIN.isoformat(),
            "reason": None,
            "task_data": {"title": uid, "schedule_uid": None, "occurrence": None},
            **data,
        },
    }


def of_habit(sequence: int) -> Event:
    return {"task_data": {"title": "Habit", "schedule_uid": "habit", "occurrence": {"sequence": sequence}}}


def of_schedule(kind: str) -> Event:
    data = {"event_type": kind, "schedule_id": "habit", "schedule_uid": "habit", "generation": 1, "reason": None}
    return {"id": f"habit:{kind}", "time": BEGIN.isoformat(), "sent": BEGIN, "data": data}


def task(uid: str, state: str = "Open", sequence: int = 0, *, title: str = "", generation: int = 1) -> Event:
    stored: Event = {
        "kind": "Task",
        "metadata": {"name": uid, "uid": uid, "generation": generation},
        "spec": {"title": title or uid, "state": state},
    }
    if sequence:
        stored["metadata"]["labels"] = {"taskbell.dev/schedule-uid": "habit"}
        stored["spec"]["occurrence"] = {"sequence": sequence}
    return stored


class Case:
    """All is well: one Task that stands alone, a schedule at its second occurrence."""

    def __init__(self) -> None:
        self.alone = AskedTask("alone", "alone", "alone", remind_at=REMIND_AT)
        done = Asked("Completed", BEGIN, BEGIN + timedelta(seconds=1))
        self.first = AskedTask("first", "Habit", "first", "habit", states=[done])
        self.habit = AskedSchedule("habit", "Habit", "habit")
        self.history = History([self.alone, self.first], [self.habit])
        stored = {
            **task("alone"),
            "status": {"reminders": [{"id": "PT15M", "remindAt": "2026-11-25T09:05:00Z", "state": "Published"}]},
        }
        self.tasks = [stored, task("first", "Completed", 1, title="Habit", generation=2)]
        self.tasks.append(task("second", sequence=2, title="Habit"))
        self.schedule: Event = {
            "kind": "TaskSchedule",
            "metadata": {"name": "habit", "uid": "habit", "generation": 1},
            "status": {"observedGeneration": 1, "cursor": {"sequence": 2, "phase": "Open"}},
        }
        self.events = [
            event("alone", "created"),
            event("first", "created", **of_habit(1)),
            event("first", "completed", ":1", generation=2, **of_habit(1)),
            event("second", "created", **of_habit(2)),
        ]
        self.schedule_events = [of_schedule("created")]
        self.reminders: list[Event] = [{"id": REMINDER, "data": {"task_id": "alone"}}]
        self.schedules = [self.schedule]
        self.deliveries = [Delivered(REMINDER, "alone", REMIND_AT, "sent", 1)]
        self.projected = [
            Projected("alone", 1, False, "Open", "alone"),
            Projected("first", 2, False, "Completed", "Habit"),
            Projected("second", 1, False, "Open", "Habit"),
        ]
        self.projected_schedules = [Projected("habit", 1, False, "", "")]
        self.dead_letters = 0
        self.audit: dict[str, Event] | None = None

    def sentences(self) -> list[str]:
        events = {"task-events": self.events, "schedule-events": self.schedule_events, "reminders": self.reminders}
        told = {each["id"]: each for each in self.events + self.schedule_events}
        found = Findings(
            tasks=self.tasks,
            schedules=self.schedules,
            events=events,
            dead_letters=self.dead_letters,
            audit=told if self.audit is None else self.audit,
            projected_tasks=self.projected,
            projected_schedules=self.projected_schedules,
            deliveries=self.deliveries,
        )
        return [str(each) for each in judge(self.history, found, NOW)]


def test_all_is_well() -> None:
    assert Case().sentences() == []


def test_what_is_told_twice_under_one_id_is_told_once() -> None:
    case = Case()
    case.events += copy.deepcopy(case.events)
    assert case.sentences() == []


def test_an_edit_that_was_given_up_may_land_behind_a_newer_one() -> None:
    case = Case()
    newer = {**event("alone", "updated", ":3", generation=3), "sent": BEGIN + timedelta(seconds=5)}
    case.events += [newer, event("alone", "updated", ":2", generation=2)]
    case.tasks[0]["metadata"]["generation"] = 3
    case.projected[0] = replace(case.projected[0], generation=3)
    assert case.sentences() == []


def test_an_occurrence_that_was_taken_back_may_come_again() -> None:
    case = Case()
    case.events.append(event("before", "created", **of_habit(2)))
    case.events.append(event("before", "deleted", **{**of_habit(2), "reason": "Undone"}))
    assert case.sentences() == []


def test_a_task_whose_answer_was_lost_may_be_there_or_not() -> None:
    case = Case()
    case.history.tasks.append(AskedTask("", "perhaps", certain=False))
    assert case.sentences() == []
    case.events.append(event("perhaps", "created"))
    case.tasks.append(task("perhaps"))
    case.projected.append(Projected("perhaps", 1, False, "Open", "perhaps"))
    assert case.sentences() == []


def test_a_reopened_occurrence_that_the_schedule_names_is_well() -> None:
    case = Case()
    case.first.states.append(Asked("Open", BEGIN, BEGIN))
    case.tasks[1] = task("first", "Open", 1, title="Habit", generation=3)
    case.events.append(event("first", "updated", generation=3, **of_habit(1)))
    case.projected[1] = Projected("first", 3, False, "Open", "Habit")
    case.schedule["status"]["reopened"] = [1]
    assert case.sentences() == []


def test_a_deleted_schedule_leaves_nothing() -> None:
    case = Case()
    case.habit.deleted = True
    case.schedule_events.append(of_schedule("deleted"))
    case.events.append(event("second", "deleted", **{**of_habit(2), "reason": "ScheduleDeleted"}))
    case.schedules.clear()
    del case.tasks[1:]
    case.projected[1:] = [replace(case.projected[1], deleted=True), replace(case.projected[2], deleted=True)]
    case.projected_schedules = [replace(case.projected_schedules[0], deleted=True)]
    assert case.sentences() == []


def gone(case: Case) -> None:
    del case.tasks[0]


def made_twice(case: Case) -> None:
    case.events.append({**event("twin", "created"), "data": {**event("alone", "created")["data"], "task_uid": "twin"}})


def never_told(case: Case) -> None:
    case.history.tasks.append(AskedTask("", "silent"))


def still_there(case: Case) -> None:
    case.alone.deletion = NOW


def another_state(case: Case) -> None:
    case.alone.states = [Asked("Completed", NOW, NOW)]


def another_title(case: Case) -> None:
    case.alone.title, case.alone.edited = "asked for", True


def not_reminded(case: Case) -> None:
    case.reminders.clear()
    case.deliveries.clear()


def reminded_twice(case: Case) -> None:
    case.deliveries.append(Delivered("another", "alone", REMIND_AT, "sent", 1))


def reminded_when_closed(case: Case) -> None:
    case.alone.states = [Asked("Completed", BEGIN, BEGIN)]


def completed_twice(case: Case) -> None:
    case.events.append(event("first", "completed", ":2", generation=2, **of_habit(1)))


def completion_not_told(case: Case) -> None:
    del case.events[2]


def doubled_occurrence(case: Case) -> None:
    case.events.append(event("twin", "created", **of_habit(2)))


def schedule_still_there(case: Case) -> None:
    case.habit.deleted = True


def schedule_gone(case: Case) -> None:
    case.schedules.clear()


def not_looked_at(case: Case) -> None:
    case.schedule["metadata"]["generation"] = 2


def nothing_open(case: Case) -> None:
    case.schedule["status"]["cursor"]["phase"] = "Closed"


def occurrence_missing(case: Case) -> None:
    del case.events[1:3]


def occurrence_ahead(case: Case) -> None:
    case.events.append(event("third", "created", **of_habit(3)))


def left_behind(case: Case) -> None:
    case.history.tasks.remove(case.first)


def two_open(case: Case) -> None:
    case.tasks[1]["spec"]["state"] = "Open"


def not_amended(case: Case) -> None:
    case.habit.title = "New"


def edit_lost(case: Case) -> None:
    case.history.tasks.append(AskedTask("second", "Mine", "second", "habit", edited=True))


def created_again(case: Case) -> None:
    case.events.append(event("alone", "created", "!"))


def begins_in_the_middle(case: Case) -> None:
    case.events.insert(0, event("alone", "updated"))


def goes_on_after_the_end(case: Case) -> None:
    case.events.insert(1, event("alone", "deleted"))
    case.events.insert(2, event("alone", "updated"))


def out_of_order(case: Case) -> None:
    case.events[1]["data"]["generation"] = 3


def newest_not_told(case: Case) -> None:
    case.tasks[0]["metadata"]["generation"] = 2


def never_delivered(case: Case) -> None:
    case.deliveries.clear()


def still_pending(case: Case) -> None:
    case.deliveries = [replace(case.deliveries[0], state="pending", inbox=0)]


def twice_in_the_inbox(case: Case) -> None:
    case.deliveries = [replace(case.deliveries[0], inbox=2)]


def noted_not_told(case: Case) -> None:
    case.reminders.clear()


def reminder_waits(case: Case) -> None:
    case.tasks[0]["status"]["reminders"][0]["state"] = "Pending"


def audit_lacks(case: Case) -> None:
    case.audit = {}


def audit_invents(case: Case) -> None:
    case.audit = {each["id"]: each for each in case.events + case.schedule_events} | {"more": {}}


def dead_letters(case: Case) -> None:
    case.dead_letters = 2


def row_missing(case: Case) -> None:
    del case.projected[0]


def row_old(case: Case) -> None:
    case.projected[0] = replace(case.projected[0], generation=0)


def row_wrong(case: Case) -> None:
    case.projected[0] = replace(case.projected[0], title="other")


def row_left(case: Case) -> None:
    case.projected.append(Projected("ghost", 1, False, "Open", "ghost"))


def row_twice(case: Case) -> None:
    case.projected.append(case.projected[0])


def terminating(case: Case) -> None:
    case.tasks[0]["metadata"]["deletionTimestamp"] = "2026-11-25T09:10:00Z"


def stalled(case: Case) -> None:
    condition = {"type": "Stalled", "status": "True", "reason": "NameTaken", "message": "by another"}
    case.schedule["status"]["conditions"] = [condition]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (gone, "lost: Task alone has gone, and nobody deleted it"),
        (made_twice, "doubled: Task alone was asked for once and is there 2 times"),
        (never_told, "lost: Task silent: nothing is told of it"),
        (still_there, "stuck: Task alone was deleted and is still there"),
        (another_state, "lost: Task alone is Open, Completed was asked for"),
        (another_title, "lost: Task alone is called alone, asked for was asked for"),
        (not_reminded, "lost: Task alone: its reminder at 2026-11-25 09:05:00+00:00 was never sent"),
        (reminded_twice, "doubled: Task alone: its reminder was sent 2 times"),
        (reminded_when_closed, "wrong: Task alone was closed at 2026-11-25 09:00:00+00:00, its reminder sent"),
        (completed_twice, "doubled: first was completed 1 times, told 2 times"),
        (completion_not_told, "lost: first was completed, which is not told"),
        (doubled_occurrence, "doubled: occurrence 2 of habit is there 2 times"),
        (schedule_still_there, "stuck: TaskSchedule habit was deleted and is still there"),
        (schedule_still_there, "lost: TaskSchedule habit was deleted, which is not told"),
        (schedule_still_there, "stuck: TaskSchedule habit was deleted, and ['first', 'second'] are still there"),
        (schedule_gone, "lost: TaskSchedule habit has gone, and nobody deleted it"),
        (not_looked_at, "stuck: TaskSchedule habit: its newest generation was not looked at"),
        (nothing_open, "stuck: TaskSchedule habit has no open Task"),
        (occurrence_missing, "lost: TaskSchedule habit is at 2, and [1] were never made"),
        (occurrence_ahead, "wrong: TaskSchedule habit is at 2, and [3] are there"),
        (left_behind, "wrong: habit left occurrence 1 behind, which nobody closed"),
        (two_open, "doubled: habit is at 2, and 1 is open too"),
        (not_amended, "stuck: second has not the title of its template, New"),
        (edit_lost, "lost: Task second is called Habit, Mine was asked for"),
        (created_again, "doubled: alone: created is told 2 times"),
        (begins_in_the_middle, "wrong: alone: the first that is told is updated"),
        (goes_on_after_the_end, "wrong: alone: after its deletion ['updated'] are told"),
        (out_of_order, "wrong: first: generations are told in the order [3, 2]"),
        (newest_not_told, "lost: alone: generation 2 is not told"),
        (never_delivered, f"lost: reminder {REMINDER} of alone was never looked at"),
        (still_pending, f"stuck: reminder {REMINDER} is still to be delivered"),
        (twice_in_the_inbox, f"doubled: reminder {REMINDER} is sent, 2 times in an inbox"),
        (noted_not_told, "lost: reminder alone, PT15M is noted as told and is not"),
        (reminder_waits, "stuck: reminder alone, PT15M was due at 2026-11-25T09:05:00Z"),
        (audit_lacks, "lost: the audit lacks"),
        (audit_invents, "wrong: the audit has ['more'], which was never told"),
        (dead_letters, "stuck: 2 dead letters"),
        (row_missing, "lost: Task alone cannot be read from the projection"),
        (row_old, "stuck: Task alone is read in generation 0, it has 1"),
        (row_wrong, "wrong: Task alone is read as"),
        (row_left, "stuck: Projected(uid='ghost'"),
        (row_twice, "doubled: rows of ['alone']"),
        (terminating, "stuck: Task alone is being deleted since 2026-11-25T09:10:00Z"),
        (stalled, "stuck: TaskSchedule habit: NameTaken: by another"),
    ],
)
def test_what_is_not_well_is_said(spoil: Callable[[Case], None], sentence: str) -> None:
    case = Case()
    spoil(case)
    assert any(each.startswith(sentence) for each in case.sentences()), case.sentences()
