"""Each row of the table in DESIGN section 4, as one look at the world and what is planned then."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskbell import naming
from taskbell.events import EventType, Reason, ScheduleEvent
from taskbell.lifecycle import actions as act
from taskbell.lifecycle import conditions
from taskbell.lifecycle.actions import Action, Receipts
from taskbell.lifecycle.schedule import GRACE, ObservedSchedule, plan
from taskbell.lifecycle.testing import MONDAY_SEVEN, cursor, occurrence, schedule, seen_schedule, standing_at
from taskbell.resources import (
    Cursor,
    Metadata,
    Outcome,
    Phase,
    PublishedSchedule,
    PublishedTask,
    State,
    Task,
    TaskSchedule,
    TaskScheduleStatus,
    TaskStatus,
)

BEFORE_NINE = MONDAY_SEVEN
MONDAY_NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MONDAY_TEN = MONDAY_NINE + timedelta(hours=1)
THURSDAY_TEN = MONDAY_TEN + timedelta(days=3)
TEN_DAYS_LATER = MONDAY_TEN + timedelta(days=10)

DAILY = schedule()
FIRST, SECOND, THIRD = cursor(DAILY, 1), cursor(DAILY, 2), cursor(DAILY, 3)
LATER = schedule(start="2026-11-23T18:00")
FRIDAYS = schedule(recurrence={"frequency": "Weekly", "weekdays": ["Fri"]})
OVER = schedule(recurrence={"frequency": "Daily", "until": "2026-11-22T09:00"})
ENDED = schedule(endsAt="2026-11-23T07:30:00Z")
RENAMED = schedule(task={"title": "Sit-down"})
SUSPENDED = schedule(suspend=True)
AFTER = schedule(advance="AfterCompletion", recurrence={"frequency": "Daily", "interval": 3})
CHANGED = schedule(overrides=[{"occurrence": "2026-11-23T09:00", "task": {"title": "Sit-down"}}])
MOVED_TOO_FAR = schedule(overrides=[{"occurrence": "2026-11-24T09:00", "moveTo": "2026-11-26T09:00"}])
MOVED = schedule(overrides=[{"occurrence": "2026-11-23T09:00", "moveTo": "2026-11-23T12:00"}])
RETIRED = {"annotations": {naming.RETIRED_ANNOTATION: "Undone"}, "finalizers": (naming.FINALIZER,)}
TERMINATING = {"deletion_timestamp": MONDAY_TEN, "generation": 2}
TOUCHED = {"generation": 2}


def pending(at: Cursor) -> Cursor:
    return at.model_copy(update={"phase": Phase.PENDING})


def closed(at: Cursor, outcome: Outcome = Outcome.COMPLETED, closed_at: datetime = MONDAY_TEN) -> Cursor:
    return at.model_copy(update={"phase": Phase.CLOSED, "outcome": outcome, "closed_at": closed_at})


def made(at: Cursor, **changes: Any) -> Task:
    return occurrence(DAILY, at, **changes)


def done(at: Cursor, **changes: Any) -> Task:
    return made(at, state=State.COMPLETED, closed_at=MONDAY_TEN, **changes)


def look(of: TaskSchedule, at: Cursor | None, *tasks: Task, **changes: Any) -> ObservedSchedule:
    away = changes.pop("broker_away", False)
    return seen_schedule(standing_at(of, at, **changes), *tasks, broker_away=away)


def effects(actions: Iterable[Action]) -> list[str]:
    """The plan without what it says about itself: `Create 2`, `Retire 3 Undone`."""
    words = []
    for action in actions:
        match action:
            case act.CreateTask(spec=spec):
                words.append(f"Create {spec.occurrence.sequence if spec.occurrence else None} {spec.due_at:%a %H:%M}")
            case act.AmendTask(spec=spec):
                words.append(f"Amend {spec.occurrence.sequence if spec.occurrence else None} {spec.due_at:%a %H:%M}")
            case act.RetireTask(task=task, reason=reason):
                words.append(f"Retire {task.spec.occurrence.sequence if task.spec.occurrence else None} {reason}")
            case act.WriteStatus() | act.Publish():
                pass
            case _:
                words.append(type(action).__name__)
    return words


def stored(actions: tuple[Action, ...]) -> TaskScheduleStatus | None:
    """The status the plan writes, which must be its last action."""
    written = [action.status for action in actions if isinstance(action, act.WriteStatus)]
    if not written:
        return None
    assert isinstance(actions[-1], act.WriteStatus)
    (status,) = written
    assert isinstance(status, TaskScheduleStatus)
    return status


def place(at: Cursor | None) -> str:
    if at is None:
        return "none"
    return f"{at.sequence} {at.local:%a %H:%M} {at.phase}" + (f" {at.outcome}" if at.outcome else "")


ROWS = [
    pytest.param(
        look(DAILY, None), BEFORE_NINE, ["Create 1 Mon 08:00"], "1 Mon 09:00 Open",
        id="without a cursor and tasks the first occurrence after the creation is made",
    ),
    pytest.param(
        look(DAILY, None, done(FIRST), made(SECOND)), BEFORE_NINE, [], "2 Tue 09:00 Open",
        id="a lost status stands at the highest task",
    ),
    pytest.param(
        look(DAILY, None, made(SECOND, meta=TERMINATING)), MONDAY_TEN, ["LookAgain"], "2 Tue 09:00 Closed Deleted",
        id="a lost status takes notice of a task that is being deleted",
    ),
    pytest.param(
        look(ENDED, closed(FIRST), done(FIRST), made(SECOND, meta=TERMINATING)), TEN_DAYS_LATER, [],
        "2 Tue 09:00 Closed Deleted",
        id="a higher task that is being deleted waits for a cursor behind it, even if nothing follows",
    ),
    pytest.param(
        look(DAILY, pending(FIRST), made(FIRST)), BEFORE_NINE, [], "1 Mon 09:00 Open",
        id="a creation that was not noted is only noted",
    ),
    pytest.param(
        look(DAILY, pending(FIRST), made(FIRST, meta=TERMINATING)), MONDAY_TEN, ["LookAgain"],
        "1 Mon 09:00 Closed Deleted",
        id="a creation that was not noted and is being deleted counts as deleted",
    ),
    pytest.param(
        look(DAILY, pending(FIRST), made(FIRST, meta=RETIRED)), BEFORE_NINE, [], "1 Mon 09:00 Pending",
        id="a name that a retired task still holds is waited for",
    ),
    pytest.param(
        look(DAILY, FIRST, made(cursor(DAILY, 1, days=2))), BEFORE_NINE, [], "1 Wed 09:00 Open",
        id="a task says which occurrence it is",
    ),
    pytest.param(
        look(DAILY, FIRST, made(cursor(DAILY, 1, days=2), meta=TERMINATING)), MONDAY_TEN, ["LookAgain"],
        "1 Wed 09:00 Closed Deleted",
        id="a moved task that is being deleted says where it was moved",
    ),
    pytest.param(
        look(DAILY, FIRST, done(FIRST), made(SECOND)), BEFORE_NINE, [], "2 Tue 09:00 Open",
        id="with no lower task open the highest one is where the schedule stands",
    ),
    pytest.param(
        look(DAILY, FIRST, made(FIRST, meta=TOUCHED), made(SECOND)), BEFORE_NINE, ["Retire 2 Undone"],
        "1 Mon 09:00 Open",
        id="a taking back that broke off is finished",
    ),
    pytest.param(
        look(DAILY, FIRST, made(FIRST, meta=TOUCHED), made(SECOND, meta=TOUCHED)), BEFORE_NINE, [],
        "2 Tue 09:00 Open",
        id="a successor that a person changed is not taken back",
    ),
    pytest.param(
        look(DAILY, SECOND, made(FIRST, meta=TOUCHED), made(SECOND)), MONDAY_TEN, [], "1 Mon 09:00 Open",
        id="reopening one moves the cursor back, and in that pass nothing else",
    ),
    pytest.param(
        look(DAILY, pending(SECOND), made(FIRST, meta=TOUCHED)), MONDAY_TEN, [], "1 Mon 09:00 Open",
        id="reopening one before its successor was made moves the cursor back",
    ),
    pytest.param(
        look(DAILY, SECOND, made(FIRST, meta=TOUCHED), made(SECOND, meta=TOUCHED)), MONDAY_TEN, [],
        "2 Tue 09:00 Open",
        id="reopening one whose successor a person changed leaves the cursor",
    ),
    pytest.param(
        look(DAILY, THIRD, made(FIRST, meta=TOUCHED), made(THIRD)), MONDAY_TEN, [], "3 Wed 09:00 Open",
        id="reopening an older one leaves the cursor",
    ),
    pytest.param(
        look(DAILY, closed(SECOND), made(FIRST, meta=TOUCHED), done(SECOND)), MONDAY_TEN, ["LookAgain"],
        "2 Tue 09:00 Closed Completed",
        id="reopening one below a closed one leaves the cursor",
    ),
    pytest.param(
        look(ENDED, pending(FIRST)), BEFORE_NINE, [], "1 Mon 09:00 Closed Cancelled",
        id="a pending occurrence after endsAt is cancelled",
    ),
    pytest.param(
        look(ENDED, FIRST, made(FIRST)), BEFORE_NINE, ["Retire 1 Cancelled"], "1 Mon 09:00 Closed Cancelled",
        id="an open occurrence after endsAt is taken back",
    ),
    pytest.param(
        look(ENDED, FIRST, made(FIRST)), MONDAY_NINE, [], "1 Mon 09:00 Open",
        id="a due occurrence after endsAt stays",
    ),
    pytest.param(
        look(ENDED, FIRST, made(FIRST, meta=TOUCHED)), BEFORE_NINE, [], "1 Mon 09:00 Open",
        id="an occurrence after endsAt that a person changed stays",
    ),
    pytest.param(
        look(DAILY, closed(FIRST, Outcome.CANCELLED)), BEFORE_NINE, ["Create 1 Mon 08:00"], "1 Mon 09:00 Open",
        id="with endsAt cleared the same occurrence comes back while it lies ahead",
    ),
    pytest.param(
        look(DAILY, closed(FIRST, Outcome.CANCELLED)), THURSDAY_TEN, ["Create 1 Fri 08:00"], "1 Fri 09:00 Open",
        id="with endsAt cleared later the first occurrence ahead comes, never a past one",
    ),
    pytest.param(
        look(LATER, pending(FIRST)), BEFORE_NINE, ["Create 1 Mon 17:00"], "1 Mon 18:00 Open",
        id="a pending occurrence moves with an edit of the calendar",
    ),
    pytest.param(
        look(LATER, FIRST, made(FIRST)), BEFORE_NINE, ["Amend 1 Mon 17:00"], "1 Mon 18:00 Open",
        id="an open occurrence moves with an edit of the calendar and keeps its day",
    ),
    pytest.param(
        look(LATER, FIRST, made(FIRST, meta=TOUCHED)), BEFORE_NINE, [], "1 Mon 09:00 Open",
        id="an occurrence that a person changed does not move",
    ),
    pytest.param(
        look(LATER, FIRST, made(FIRST)), MONDAY_NINE, [], "1 Mon 09:00 Open",
        id="a due occurrence does not move",
    ),
    pytest.param(
        look(OVER, FIRST, made(FIRST)), BEFORE_NINE, ["Retire 1 Cancelled"], "1 Mon 09:00 Closed Cancelled",
        id="an edit that leaves no occurrence takes the open one back and does not make it again",
    ),
    pytest.param(
        look(OVER, closed(FIRST, Outcome.CANCELLED)), BEFORE_NINE, [], "1 Mon 09:00 Closed Cancelled",
        id="what an edit took out of the calendar stays out",
    ),
    pytest.param(
        look(FRIDAYS, closed(FIRST, Outcome.CANCELLED)), BEFORE_NINE, ["Create 1 Fri 08:00"], "1 Fri 09:00 Open",
        id="another edit brings it back at the new calendar's first occurrence",
    ),
    pytest.param(
        look(schedule(start="2026-11-23T18:00", endsAt="2026-11-23T12:00:00Z"), FIRST, made(FIRST)), BEFORE_NINE,
        ["Retire 1 Cancelled"], "1 Mon 09:00 Closed Cancelled",
        id="an edit that moves it past endsAt takes it back without amending it",
    ),
    pytest.param(
        look(RENAMED, FIRST, made(FIRST)), MONDAY_TEN, ["Amend 1 Mon 08:00"], "1 Mon 09:00 Open",
        id="an edit of the template amends the open task",
    ),
    pytest.param(
        look(RENAMED, FIRST, made(FIRST, meta=TOUCHED)), MONDAY_TEN, [], "1 Mon 09:00 Open",
        id="an edit of the template leaves what a person changed",
    ),
    pytest.param(
        look(RENAMED, FIRST, made(FIRST, meta={"generation": 3, "annotations": {naming.AMENDED_ANNOTATION: "3"}})),
        MONDAY_TEN, ["Amend 1 Mon 08:00"], "1 Mon 09:00 Open",
        id="a task that only we amended is amended again",
    ),
    pytest.param(
        look(SUSPENDED, pending(FIRST)), MONDAY_TEN, [], "1 Mon 09:00 Pending",
        id="while suspended nothing is created",
    ),
    pytest.param(
        look(SUSPENDED, FIRST, made(FIRST)), MONDAY_TEN, [], "1 Mon 09:00 Open",
        id="while suspended what is open stays",
    ),
    pytest.param(
        look(DAILY, pending(FIRST)), THURSDAY_TEN, ["Create 1 Thu 08:00"], "1 Thu 09:00 Open",
        id="of several missed occurrences only the latest is made",
    ),
    pytest.param(
        look(schedule(missed={"policy": "All"}), pending(FIRST)), THURSDAY_TEN, ["Create 1 Mon 08:00"],
        "1 Mon 09:00 Open", id="missed: All makes the first of them",
    ),
    pytest.param(
        look(schedule(missed={"policy": "All"}), pending(FIRST)), TEN_DAYS_LATER, ["Create 1 Fri 08:00"],
        "1 Fri 09:00 Open", id="missed: All makes none that is too old",
    ),
    pytest.param(
        look(schedule(missed={"policy": "Skip"}), pending(FIRST)), THURSDAY_TEN, ["Create 1 Fri 08:00"],
        "1 Fri 09:00 Open", id="missed: Skip makes the first one ahead",
    ),
    pytest.param(
        look(schedule(missed={"policy": "Skip"}), pending(FIRST)), FIRST.at + timedelta(minutes=1),
        ["Create 1 Mon 08:00"], "1 Mon 09:00 Open", id="missed: Skip makes one that is only a minute late",
    ),
    pytest.param(
        look(schedule(missed={"within": "P1D"}, recurrence={"frequency": "Weekly"}), pending(FIRST)), THURSDAY_TEN,
        ["Create 1 Mon 08:00"], "1 Mon 09:00 Open", id="missed within a day: the first one ahead, when it was earlier",
    ),
    pytest.param(
        look(AFTER, closed(SECOND), done(SECOND)), MONDAY_TEN + GRACE, ["Create 3 Thu 08:00", "CountFallback"],
        "3 Thu 09:00 Open", id="AfterCompletion: the interval counts from when it was closed",
    ),
    pytest.param(
        look(AFTER, cursor(AFTER, 2, calendar="old"), made(SECOND)), BEFORE_NINE, [], "2 Tue 09:00 Open",
        id="AfterCompletion: an edit is for those that follow",
    ),
    pytest.param(
        look(AFTER, pending(cursor(AFTER, 2, days=0))), TEN_DAYS_LATER, ["Create 2 Mon 08:00"], "2 Mon 09:00 Open",
        id="AfterCompletion: whatever its time, it is the next thing to do",
    ),
    pytest.param(
        look(MOVED, None), BEFORE_NINE, ["Create 1 Mon 11:00"], "1 Mon 09:00 Open",
        id="an override moves it: it is known by the time the recurrence yields",
    ),
    pytest.param(
        look(CHANGED, FIRST, made(FIRST)),
        BEFORE_NINE, ["Amend 1 Mon 08:00"], "1 Mon 09:00 Open", id="an override changes its task",
    ),
    pytest.param(
        look(FRIDAYS, pending(FIRST)), MONDAY_TEN, ["Create 1 Mon 08:00"], "1 Mon 09:00 Open",
        id="an edit after it was due does not swallow today's",
    ),
    pytest.param(
        look(schedule(endsAt="2026-11-25T08:30:00Z"), pending(FIRST)), THURSDAY_TEN, ["Create 1 Wed 08:00"],
        "1 Wed 09:00 Open",
        id="the latest missed one is sought before endsAt",
    ),
    pytest.param(
        look(schedule(recurrence={"frequency": "Weekly", "interval": 4}), None), TEN_DAYS_LATER,
        ["Create 1 Mon 08:00"], "1 Mon 09:00 Open",
        id="a missed occurrence older than a week is not made, the first one ahead is",
    ),
    pytest.param(
        look(schedule(recurrence={"frequency": "Daily", "count": 1}), pending(FIRST)), TEN_DAYS_LATER, [],
        "1 Mon 09:00 Closed Cancelled",
        id="a missed occurrence older than a week with none ahead keeps its number",
    ),
    pytest.param(
        look(DAILY, FIRST), MONDAY_TEN, ["LookAgain"], "1 Mon 09:00 Closed Deleted",
        id="a deleted open occurrence is skipped",
    ),
    pytest.param(
        look(DAILY, FIRST, done(FIRST)), MONDAY_TEN, ["LookAgain"], "1 Mon 09:00 Closed Completed",
        id="a completed occurrence closes the cursor",
    ),
    pytest.param(
        look(DAILY, FIRST, made(FIRST, state=State.SKIPPED, closed_at=MONDAY_TEN)), MONDAY_TEN, ["LookAgain"],
        "1 Mon 09:00 Closed Skipped",
        id="a skipped occurrence closes the cursor",
    ),
    pytest.param(
        look(DAILY, FIRST, made(FIRST, state=State.COMPLETED, status=TaskStatus())), MONDAY_TEN, [],
        "1 Mon 09:00 Open",
        id="a completion counts once its task's own pass has noted when it was",
    ),
    pytest.param(
        look(DAILY, FIRST, made(FIRST, meta={**TERMINATING, "annotations": {naming.RETIRED_ANNOTATION: "Cancelled"}})),
        BEFORE_NINE, [], "1 Mon 09:00 Pending",
        id="a cancelling that was not noted is undone by clearing endsAt, once the name is free",
    ),
    pytest.param(
        look(DAILY, closed(FIRST), done(FIRST)), MONDAY_TEN + GRACE - timedelta(seconds=1), ["LookAgain"],
        "1 Mon 09:00 Closed Completed",
        id="within the grace the recurring consumer has the cursor",
    ),
    pytest.param(
        look(DAILY, closed(FIRST), done(FIRST)), MONDAY_TEN + GRACE, ["Create 2 Tue 08:00", "CountFallback"],
        "2 Tue 09:00 Open",
        id="after the grace the operator advances, and counts it",
    ),
    pytest.param(
        look(DAILY, closed(FIRST), done(FIRST), broker_away=True), MONDAY_TEN, ["Create 2 Tue 08:00", "CountFallback"],
        "2 Tue 09:00 Open",
        id="with the broker away nobody is waited for",
    ),
    pytest.param(
        look(schedule(recurrence={"frequency": "Daily", "count": 1}), closed(FIRST), done(FIRST)), THURSDAY_TEN, [],
        "1 Mon 09:00 Closed Completed",
        id="after the last occurrence nothing is created",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("observed", "now", "planned", "stands"), ROWS)
def test_a_row_of_the_table(observed: ObservedSchedule, now: datetime, planned: list[str], stands: str) -> None:
    actions = plan(observed, now)
    status = stored(actions)
    assert effects(actions) == planned
    assert place((status or observed.schedule.status).cursor) == stands


CLAIMS = [
    pytest.param(look(DAILY, FIRST, made(FIRST)), {"Ready": "Scheduled"}, id="all is well"),
    pytest.param(look(SUSPENDED, FIRST, made(FIRST)), {"Ready": "Suspended"}, id="suspended"),
    pytest.param(look(ENDED, pending(FIRST)), {"Ready": "Scheduled", "Complete": "Cancelled"}, id="ended by endsAt"),
    pytest.param(look(OVER, pending(FIRST)), {"Ready": "Scheduled", "Complete": "Exhausted"}, id="ended by an edit"),
    pytest.param(
        look(schedule(endsAt="2026-11-23T12:00:00Z"), closed(FIRST), done(FIRST)),
        {"Ready": "Scheduled", "Complete": "Cancelled"},
        id="endsAt forbids the successor",
    ),
    pytest.param(
        look(schedule(recurrence={"frequency": "Daily", "count": 1}), closed(FIRST), done(FIRST)),
        {"Ready": "Scheduled", "Complete": "Exhausted"},
        id="no occurrence is left",
    ),
    pytest.param(
        look(DAILY, THIRD, made(FIRST, meta=TOUCHED), made(THIRD)),
        {"Ready": "Scheduled", "Reopened": "ReopenedBelowCursor"},
        id="an older one is open again",
    ),
    pytest.param(
        look(schedule(recurrence={"frequency": "Daily", "months": [2], "monthDays": [30]}), None),
        {"Ready": "NeverOccurs", "Stalled": "NeverOccurs"},
        id="a recurrence that can never occur",
    ),
    pytest.param(
        look(schedule(overrides=[{"occurrence": "2026-11-24T10:00", "skip": True}]), FIRST, made(FIRST)),
        {"Ready": "Scheduled", "NoSuchOccurrence": "NoSuchOccurrence"},
        id="an override of what does not occur",
    ),
    pytest.param(
        look(
            schedule(overrides=[{"occurrence": "2026-11-24T09:00", "moveTo": "2026-11-26T09:00"}]), FIRST, made(FIRST)
        ),
        {"Ready": "MovedTooFar", "Stalled": "MovedTooFar"},
        id="an override that would change the order",
    ),
    pytest.param(
        look(schedule(advance="AfterCompletion", recurrence={"rrule": "FREQ=WEEKLY;BYDAY=MO"}), FIRST, made(FIRST)),
        {"Ready": "InvalidRule", "Stalled": "InvalidRule"},
        id="AfterCompletion with days of its own",
    ),
    pytest.param(
        look(schedule(timeZone="Europe/Nowhere"), None),
        {"Ready": "UnknownTimeZone", "Stalled": "UnknownTimeZone"},
        id="a zone nobody knows",
    ),
]


@pytest.mark.parametrize(("observed", "claims"), CLAIMS)
def test_what_the_conditions_say(observed: ObservedSchedule, claims: dict[str, str]) -> None:
    status = stored(plan(observed, BEFORE_NINE + timedelta(minutes=1)))
    assert status is not None
    assert {each.type: each.reason for each in status.conditions} == claims


def test_a_stalled_schedule_creates_nothing() -> None:
    observed = look(schedule(recurrence={"frequency": "Daily", "months": [2], "monthDays": [30]}), None)
    assert effects(plan(observed, BEFORE_NINE)) == []


def test_a_stalled_schedule_still_notes_what_has_become_of_its_tasks() -> None:
    observed = look(schedule(timeZone="Europe/Nowhere"), None, made(FIRST))
    status = stored(plan(observed, BEFORE_NINE))
    assert status is not None
    assert status.cursor is not None
    assert (status.cursor.sequence, status.cursor.phase) == (1, Phase.OPEN), "else its finalizer could never go"


def test_the_next_three_follow_the_cursor() -> None:
    status = stored(plan(look(DAILY, FIRST, made(FIRST)), BEFORE_NINE))
    assert status is not None
    assert [f"{each.local:%a %H:%M}" for each in status.next_occurrences] == ["Tue 09:00", "Wed 09:00", "Thu 09:00"]


def test_when_the_status_is_stored_and_told_nothing_is_left() -> None:
    first = stored(plan(look(DAILY, FIRST, made(FIRST)), BEFORE_NINE))
    assert first is not None
    noted = first.model_copy(update={"published": PublishedSchedule(generation=1)})
    settled = DAILY.model_copy(update={"status": noted})
    assert plan(seen_schedule(settled, made(FIRST)), MONDAY_TEN) == ()


# What was restored.

ADOPTING = schedule(meta={"annotations": {naming.ADOPT_ANNOTATION: "true"}})


def orphan(**changes: Any) -> Task:
    task = made(FIRST, **changes)
    return task.model_copy(update={"metadata": task.metadata.model_copy(update={"owner_references": ()})})


def test_a_restored_schedule_takes_in_the_tasks_that_name_it_and_makes_none() -> None:
    mine = orphan()
    observed = replace(look(ADOPTING, None), orphans=(mine, orphan(user_id="bob"), orphan(meta=TERMINATING)))
    actions = plan(observed, MONDAY_TEN)
    assert [action for action in actions if isinstance(action, act.AdoptTask)] == [act.AdoptTask(mine)]
    assert not any(isinstance(action, act.CreateTask) for action in actions)
    status = stored(actions)
    assert status is not None
    assert (status.cursor, [each.reason for each in status.conditions]) == (None, ["Adopting"])


def test_once_its_mark_is_off_it_stands_at_its_highest_task() -> None:
    status = stored(plan(look(DAILY, None, done(FIRST), made(SECOND)), MONDAY_TEN))
    assert status is not None
    assert place(status.cursor) == "2 Tue 09:00 Open"


# The finalizer and the farewell.


def with_metadata(of: TaskSchedule, **changes: Any) -> TaskSchedule:
    metadata: Metadata = of.metadata.model_copy(update=changes)
    return of.model_copy(update={"metadata": metadata})


def test_the_finalizer_comes_before_everything_else() -> None:
    assert plan(seen_schedule(with_metadata(DAILY, finalizers=())), BEFORE_NINE) == (act.AddFinalizer(),)


def test_a_deleted_schedule_that_was_never_ours_is_left_alone() -> None:
    gone = with_metadata(DAILY, finalizers=("somebody/else",), deletion_timestamp=MONDAY_TEN)
    assert plan(seen_schedule(gone), MONDAY_TEN) == ()


def test_a_deleted_schedule_is_told_and_then_let_go() -> None:
    dying = with_metadata(standing_at(DAILY, pending(FIRST)), deletion_timestamp=MONDAY_TEN, generation=2)
    publish, again = plan(seen_schedule(dying, made(FIRST)), MONDAY_TEN)
    assert isinstance(publish, act.Publish)
    assert [each.event.data.event_type for each in publish.tellings if hasattr(each.event.data, "event_type")] == [
        EventType.CREATED,
        EventType.DELETED,
    ]
    assert isinstance(again, act.LookAgain)
    accepted = Receipts(PublishedSchedule(generation=1), frozenset({f"{DAILY.metadata.uid}:deleted"}))
    assert plan(seen_schedule(dying, receipts=accepted), MONDAY_TEN) == (act.RemoveFinalizer(),)


def test_a_deleted_schedule_is_held_for_ten_minutes_at_most() -> None:
    dying = with_metadata(DAILY, deletion_timestamp=MONDAY_TEN, generation=2)
    *_, last = plan(seen_schedule(dying), MONDAY_TEN + timedelta(minutes=10))
    assert last == act.RemoveFinalizer(untold=True)


def test_in_a_namespace_that_ends_a_schedule_is_held_for_ten_seconds_at_most() -> None:
    dying = with_metadata(DAILY, deletion_timestamp=MONDAY_TEN, generation=2)
    seen = replace(seen_schedule(dying), namespace_ends=True)
    publish, again = plan(seen, MONDAY_TEN)
    assert isinstance(publish, act.Publish)
    data = publish.tellings[-1].event.data
    assert isinstance(data, ScheduleEvent)
    assert data.reason is Reason.NAMESPACE_DELETED
    assert again == act.LookAgain(MONDAY_TEN + timedelta(seconds=10))
    assert plan(seen, MONDAY_TEN + timedelta(seconds=10))[-1] == act.RemoveFinalizer(untold=True)


def test_an_edit_is_told_under_its_generation() -> None:
    edited = with_metadata(standing_at(DAILY, FIRST, published=PublishedSchedule(generation=2)), generation=5)
    (publish,) = (
        each for each in plan(seen_schedule(edited, made(FIRST)), BEFORE_NINE) if isinstance(each, act.Publish)
    )
    assert [each.event.id for each in publish.tellings] == [f"{DAILY.metadata.uid}:updated:5"]


# History.


def told(at: Cursor) -> Task:
    return done(
        at,
        status=TaskStatus(
            phase=State.COMPLETED,
            closed_at=MONDAY_TEN,
            published=PublishedTask(generation=2, state=State.COMPLETED, closed_at=MONDAY_TEN),
        ),
    )


FOUR = [cursor(DAILY, each) for each in (1, 2, 3, 4)]
ONE_KEPT = schedule(historyLimit=1)

HISTORY = [
    pytest.param(
        [told(each) for each in FOUR[:3]], ["Retire 1 History", "Retire 2 History"],
        id="the oldest beyond the limit go, oldest first",
    ),
    pytest.param([done(FOUR[0]), told(FOUR[1])], [], id="one whose end was not told is kept"),
    pytest.param([told(FOUR[2])], [], id="within the limit all are kept"),
]  # fmt: skip


@pytest.mark.parametrize(("tasks", "planned"), HISTORY)
def test_history(tasks: list[Task], planned: list[str]) -> None:
    observed = look(ONE_KEPT, FOUR[3], *tasks, made(FOUR[3]))
    assert effects(plan(observed, BEFORE_NINE)) == planned


def test_history_counts_only_what_the_stored_cursor_has_left_behind() -> None:
    observed = look(ONE_KEPT, FOUR[1], told(FOUR[0]), told(FOUR[1]), made(FOUR[2]))
    assert not [each for each in plan(observed, BEFORE_NINE) if isinstance(each, act.RetireTask)]


def test_reopened_ones_are_named_until_they_are_closed() -> None:
    named = look(DAILY, THIRD, done(FIRST), made(THIRD), reopened=(1,))
    status = stored(plan(named, BEFORE_NINE))
    assert status is not None
    assert status.reopened == ()
    assert conditions.REOPENED not in {each.type for each in status.conditions}
