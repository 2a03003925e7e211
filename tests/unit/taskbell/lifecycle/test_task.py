"""The truth table of what the stream is told of a Task, its reminders, and how it ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskbell import naming
from taskbell.events import Reason, TaskEvent
from taskbell.lifecycle import actions as act
from taskbell.lifecycle.actions import Action, Receipts
from taskbell.lifecycle.task import ObservedTask, plan, touched
from taskbell.lifecycle.testing import (
    MONDAY_SEVEN,
    cursor,
    occurrence,
    one_off,
    schedule,
    seen_task,
    standing_at,
)
from taskbell.resources import (
    Condition,
    ConditionStatus,
    Outcome,
    Phase,
    PublishedTask,
    ReminderState,
    ReminderStatus,
    State,
    Task,
    TaskSchedule,
    TaskStatus,
)

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MONDAY_ONE = MONDAY_NOON + timedelta(hours=1)
MONDAY_TWO = MONDAY_NOON + timedelta(hours=2)
DUE_AT_TWO = "2026-11-23T14:00:00Z"

DAILY = schedule()
FIRST = cursor(DAILY)
DYING = {"deletion_timestamp": MONDAY_TWO, "generation": 3}


def told(generation: int = 1, state: State = State.OPEN, closed_at: datetime | None = None) -> PublishedTask:
    return PublishedTask(generation=generation, state=state, closed_at=closed_at)


def milk(*, generation: int = 1, state: State = State.OPEN, closed_at: datetime | None = None, **changes: Any) -> Task:
    """A task of its own whose state has been noted."""
    status = TaskStatus(phase=state, closed_at=closed_at, published=changes.pop("published", None))
    meta = {"generation": generation, **changes.pop("meta", {})}
    return one_off(meta=meta, status=status, state=state, **changes)


def said(actions: tuple[Action, ...]) -> list[str]:
    """The ids without the uid, in order."""
    tellings = [telling for action in actions if isinstance(action, act.Publish) for telling in action.tellings]
    return [telling.event.id.partition(":")[2] for telling in tellings]


COMPLETED, SKIPPED = State.COMPLETED, State.SKIPPED

TRUTH = [
    pytest.param(milk(), ["created"], id="nothing yet"),
    pytest.param(milk(generation=4), ["created", "updated:4"], id="nothing yet, and edited"),
    pytest.param(
        milk(generation=2, state=COMPLETED, closed_at=MONDAY_ONE), ["created", "completed:2026-11-23T13:00:00Z"],
        id="nothing yet, and completed",
    ),
    pytest.param(milk(published=told()), [], id="all is told"),
    pytest.param(milk(generation=2, published=told()), ["updated:2"], id="edited"),
    pytest.param(
        milk(generation=2, state=COMPLETED, closed_at=MONDAY_ONE, published=told()),
        ["completed:2026-11-23T13:00:00Z"], id="completed",
    ),
    pytest.param(
        milk(generation=2, state=SKIPPED, closed_at=MONDAY_ONE, published=told()), ["skipped:2026-11-23T13:00:00Z"],
        id="skipped",
    ),
    pytest.param(
        milk(generation=2, state=COMPLETED, closed_at=MONDAY_ONE, published=told(2, COMPLETED, MONDAY_ONE)), [],
        id="its completion is told",
    ),
    pytest.param(
        milk(generation=4, state=COMPLETED, closed_at=MONDAY_TWO, published=told(2, COMPLETED, MONDAY_ONE)),
        ["completed:2026-11-23T14:00:00Z"], id="completed anew",
    ),
    pytest.param(
        milk(generation=3, state=SKIPPED, closed_at=MONDAY_TWO, published=told(2, COMPLETED, MONDAY_ONE)),
        ["skipped:2026-11-23T14:00:00Z"], id="skipped after it was completed",
    ),
    pytest.param(
        milk(generation=3, published=told(2, COMPLETED, MONDAY_ONE)), ["updated:3"], id="reopened",
    ),
    pytest.param(
        milk(generation=3, state=COMPLETED, closed_at=MONDAY_ONE, published=told(2, COMPLETED, MONDAY_ONE)),
        ["updated:3"], id="edited after it was completed",
    ),
    pytest.param(milk(published=told(), meta=DYING), ["deleted"], id="deleted"),
    pytest.param(milk(meta=DYING), ["created", "deleted"], id="deleted before it was told"),
    pytest.param(
        milk(state=COMPLETED, closed_at=MONDAY_ONE, published=told(), meta=DYING),
        ["completed:2026-11-23T13:00:00Z", "deleted"], id="completed, and deleted before that was told",
    ),
    pytest.param(
        milk(published=told(2, COMPLETED, MONDAY_ONE), meta=DYING), ["deleted"],
        id="reopened, and deleted before that was told",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("task", "events"), TRUTH)
def test_what_the_stream_is_told(task: Task, events: list[str]) -> None:
    assert said(plan(seen_task(task), MONDAY_TWO)) == events


@pytest.mark.parametrize(("task", "events"), TRUTH)
def test_what_was_accepted_is_not_told_again(task: Task, events: list[str]) -> None:
    last, ids = None, set[str]()
    for action in plan(seen_task(task), MONDAY_TWO):
        for telling in action.tellings if isinstance(action, act.Publish) else ():
            last = telling.told or last
            ids.add(telling.event.id)
    assert len(ids) == len(events)
    assert said(plan(seen_task(task, receipts=Receipts(last, frozenset(ids))), MONDAY_TWO)) == []


def test_what_changed_is_said() -> None:
    (publish, *_) = plan(seen_task(milk(generation=3, published=told(2, COMPLETED, MONDAY_ONE))), MONDAY_TWO)
    assert isinstance(publish, act.Publish)
    data = publish.tellings[0].event.data
    assert isinstance(data, TaskEvent)
    assert (data.event_type, data.change, data.task_data.completed) == ("updated", "reopened", False)


# Noting a change of state.


def noted(task: Task, now: datetime) -> TaskStatus:
    (action,) = plan(seen_task(task), now)
    assert isinstance(action, act.WriteStatus)
    assert isinstance(action.status, TaskStatus)
    return action.status


def closing(completed_at: datetime | None, *, phase: State = State.OPEN, since: datetime | None = None) -> Task:
    """Completed by a person, which nobody has noted yet; `since` is when its last change of state was."""
    complete = ConditionStatus.TRUE if phase is not State.OPEN else ConditionStatus.FALSE
    known = Condition(
        type="Complete", status=complete, reason="x", last_transition_time=since or MONDAY_NOON, observed_generation=1
    )
    status = TaskStatus(phase=phase, conditions=(known,) if since else ())
    return one_off(status=status, state="Completed", completedAt=completed_at, meta={"generation": 2})


CLOSED_AT = [
    pytest.param(closing(None), MONDAY_TWO, id="unknown: when it was seen"),
    pytest.param(closing(MONDAY_ONE), MONDAY_ONE, id="completedAt is believed"),
    pytest.param(closing(MONDAY_SEVEN - timedelta(days=1)), MONDAY_TWO, id="before the task existed: not believed"),
    pytest.param(closing(MONDAY_TWO + timedelta(minutes=3)), MONDAY_TWO, id="ahead of our clock: now"),
    pytest.param(closing(MONDAY_NOON, since=MONDAY_ONE), MONDAY_TWO, id="left over from an earlier completion"),
    pytest.param(closing(MONDAY_ONE, since=MONDAY_NOON), MONDAY_ONE, id="after it was reopened: believed"),
    pytest.param(
        closing(MONDAY_ONE, phase=State.SKIPPED, since=MONDAY_NOON), MONDAY_TWO, id="from skipped to completed: now"
    ),
]


@pytest.mark.parametrize(("task", "closed_at"), CLOSED_AT)
def test_when_it_was_closed(task: Task, closed_at: datetime) -> None:
    status = noted(task, MONDAY_TWO)
    assert (status.phase, status.closed_at) == (State.COMPLETED, closed_at)


def test_reopening_is_noted_before_it_is_told() -> None:
    status = TaskStatus(phase=State.COMPLETED, closed_at=MONDAY_ONE, published=told(2, COMPLETED, MONDAY_ONE))
    assert noted(one_off(status=status, meta={"generation": 3}), MONDAY_TWO).closed_at is None


def test_noting_keeps_what_was_told_meanwhile() -> None:
    task = one_off(state="Completed", meta={"generation": 2})
    (action,) = plan(seen_task(task, receipts=Receipts(told())), MONDAY_TWO)
    assert isinstance(action, act.WriteStatus)
    assert action.status.published == told()


# Reminders.


def reminded(
    *before: str, known: dict[str, ReminderState] | None = None, due: str = DUE_AT_TWO, **changes: Any
) -> Task:
    """Due at two; `known` are states noted for the instants that belong to that."""
    instants = {"PT1H": MONDAY_ONE, "PT2H": MONDAY_NOON, "-PT30M": MONDAY_TWO + timedelta(minutes=30)}
    reminders = tuple(
        ReminderStatus(id=each, remind_at=instants[each], state=state) for each, state in (known or {}).items()
    )
    state = State(changes.pop("state", "Open"))
    status = TaskStatus(phase=state, closed_at=changes.pop("closed_at", None), reminders=reminders, published=told())
    return one_off(status=status, dueAt=due, reminders=[{"before": each} for each in before], state=state, **changes)


PENDING, PUBLISHED = ReminderState.PENDING, ReminderState.PUBLISHED
EXPIRED, CANCELLED = ReminderState.EXPIRED, ReminderState.CANCELLED

REMINDERS = [
    pytest.param(
        reminded("PT1H"), MONDAY_NOON, [], {"PT1H": PENDING}, MONDAY_ONE, id="ahead: the alarm is set",
    ),
    pytest.param(
        reminded("PT2H", "PT1H"), MONDAY_SEVEN, [], {"PT2H": PENDING, "PT1H": PENDING}, MONDAY_NOON,
        id="of two the alarm is for the earlier",
    ),
    pytest.param(
        reminded("PT1H"), MONDAY_ONE, ["PT1H:2026-11-23T13:00:00Z"], {"PT1H": PENDING}, None, id="due",
    ),
    pytest.param(
        reminded("PT2H", "PT1H"), MONDAY_TWO, ["PT1H:2026-11-23T13:00:00Z"], {"PT2H": EXPIRED, "PT1H": PENDING}, None,
        id="of several late ones only the latest goes",
    ),
    pytest.param(
        reminded("PT2H", "PT1H", known={"PT1H": PUBLISHED}), MONDAY_TWO, [], {"PT2H": EXPIRED, "PT1H": PUBLISHED},
        None, id="an earlier one does not follow a later one that was sent",
    ),
    pytest.param(
        reminded("PT1H"), MONDAY_TWO + timedelta(minutes=59), ["PT1H:2026-11-23T13:00:00Z"], {"PT1H": PENDING}, None,
        id="not yet an hour after the due time it still goes",
    ),
    pytest.param(
        reminded("PT1H"), MONDAY_TWO + timedelta(hours=1, seconds=1), [], {"PT1H": EXPIRED}, None,
        id="more than an hour after the due time it expires",
    ),
    pytest.param(
        reminded("-PT30M"), MONDAY_TWO, [], {"-PT30M": PENDING}, MONDAY_TWO + timedelta(minutes=30),
        id="after the due time",
    ),
    pytest.param(
        reminded("PT1H", due="2026-11-23T07:30:00Z"), MONDAY_SEVEN, [], {"PT1H": EXPIRED}, None,
        id="it lay before a person created the task",
    ),
    pytest.param(
        reminded("PT1H", state="Completed", closed_at=MONDAY_NOON), MONDAY_NOON, ["completed:2026-11-23T12:00:00Z"],
        {"PT1H": CANCELLED}, None, id="closing cancels it",
    ),
    pytest.param(
        reminded("PT1H", state="Completed", closed_at=MONDAY_NOON), MONDAY_TWO, ["completed:2026-11-23T12:00:00Z"],
        {"PT1H": CANCELLED}, None, id="none for a task seen closed, however late",
    ),
    pytest.param(
        reminded("PT1H", known={"PT1H": CANCELLED}), MONDAY_NOON, [], {"PT1H": PENDING}, MONDAY_ONE,
        id="reopening revives one that lies ahead",
    ),
    pytest.param(
        reminded("PT1H", known={"PT1H": CANCELLED}), MONDAY_TWO, [], {"PT1H": CANCELLED}, None,
        id="reopening revives none that has passed",
    ),
    pytest.param(
        reminded("PT1H", known={"PT1H": PUBLISHED}, due="2026-11-23T16:00:00Z"), MONDAY_TWO, [], {"PT1H": PENDING},
        MONDAY_TWO + timedelta(hours=1), id="a moved due time is another reminder",
    ),
    pytest.param(
        reminded("PT2H", "PT1H", reminderPolicy={"late": "All"}), MONDAY_TWO,
        ["PT2H:2026-11-23T12:00:00Z", "PT1H:2026-11-23T13:00:00Z"], {"PT2H": PENDING, "PT1H": PENDING}, None,
        id="late: All sends every late one, in order",
    ),
    pytest.param(
        reminded("PT1H", reminderPolicy={"late": "Skip"}), MONDAY_ONE + timedelta(seconds=59),
        ["PT1H:2026-11-23T13:00:00Z"], {"PT1H": PENDING}, None, id="late: Skip sends one that is in time",
    ),
    pytest.param(
        reminded("PT1H", reminderPolicy={"late": "Skip"}), MONDAY_ONE + timedelta(seconds=60), [], {"PT1H": EXPIRED},
        None, id="late: Skip sends none that is a minute late",
    ),
    pytest.param(
        reminded("PT1H", reminderPolicy={"within": "P1D"}), MONDAY_TWO + timedelta(hours=23),
        ["PT1H:2026-11-23T13:00:00Z"], {"PT1H": PENDING}, None, id="within: P1D sends it the whole day after",
    ),
    pytest.param(
        reminded("PT1H", reminderPolicy={"within": "PT0M"}), MONDAY_TWO, [], {"PT1H": EXPIRED}, None,
        id="within: PT0M sends none after the due time",
    ),
    pytest.param(
        reminded("PT2H", "PT1H", snoozedUntil=MONDAY_ONE), MONDAY_SEVEN, [],
        {"PT2H": CANCELLED, "PT1H": PENDING, "snooze": PENDING}, MONDAY_ONE,
        id="a snooze cancels the reminders before its end",
    ),
    pytest.param(
        reminded("PT1H", snoozedUntil=MONDAY_TWO), MONDAY_TWO, ["snooze:2026-11-23T14:00:00Z"],
        {"PT1H": CANCELLED, "snooze": PENDING}, None, id="the end of a snooze reminds",
    ),
    pytest.param(
        reminded(snoozedUntil=MONDAY_NOON, reminderPolicy={"late": "Skip"}), MONDAY_TWO + timedelta(days=3),
        ["snooze:2026-11-23T12:00:00Z"], {"snooze": PENDING}, None, id="the end of a snooze is never too late",
    ),
    pytest.param(
        reminded("PT1H", snoozedUntil=MONDAY_NOON), MONDAY_TWO,
        ["PT1H:2026-11-23T13:00:00Z", "snooze:2026-11-23T12:00:00Z"], {"PT1H": PENDING, "snooze": PENDING}, None,
        id="a later reminder does not supersede the end of a snooze",
    ),
    pytest.param(
        reminded(snoozedUntil=MONDAY_TWO, state="Completed", closed_at=MONDAY_NOON), MONDAY_NOON,
        ["completed:2026-11-23T12:00:00Z"], {"snooze": CANCELLED}, None, id="closing cancels a snooze",
    ),
    pytest.param(
        reminded("PT1H", known={"PT1H": CANCELLED}, snoozedUntil=None), MONDAY_NOON, [], {"PT1H": PENDING}, MONDAY_ONE,
        id="without its snooze a reminder that lies ahead is back",
    ),
]  # fmt: skip


def after_acceptance_or_now(task: Task, now: datetime) -> tuple[tuple[Action, ...], TaskStatus]:
    """The plan, and the status it leads to when the broker is away and takes nothing."""
    actions = plan(seen_task(task, broker_away=True), now)
    written = [action.status for action in actions if isinstance(action, act.WriteStatus)]
    status = written[0] if written else task.status
    assert isinstance(status, TaskStatus)
    return actions, status


@pytest.mark.parametrize(("task", "now", "events", "states", "alarm"), REMINDERS)
def test_reminders(
    task: Task, now: datetime, events: list[str], states: dict[str, ReminderState], alarm: datetime | None
) -> None:
    actions, status = after_acceptance_or_now(task, now)
    assert said(actions) == events
    assert {each.id: each.state for each in status.reminders} == states
    assert [each.at for each in actions if isinstance(each, act.Arm)] == ([alarm] if alarm else [])


def test_an_occurrence_created_late_still_reminds() -> None:
    reminding = schedule(task={"title": "Team standup", "reminders": [{"before": "PT15M"}]})
    born = {"creation_timestamp": FIRST.at}
    task = occurrence(reminding, FIRST, meta=born, status=TaskStatus(published=told()))
    actions = plan(seen_task(task, schedule=reminding), FIRST.at + timedelta(minutes=5))
    (publish,) = (each for each in actions if isinstance(each, act.Publish))
    now = FIRST.at + timedelta(minutes=5)
    assert publish.tellings[0].event.cloud_event("taskbell/test", now)["data"]["late_by"] == 20 * 60
    assert act.LookAgain(FIRST.at + timedelta(hours=1)) in actions, "when it is not worth sending any more"


def test_an_accepted_reminder_is_noted_as_published() -> None:
    task = reminded("PT1H")
    event_id = f"{task.metadata.uid}:PT1H:2026-11-23T13:00:00Z"
    (write,) = plan(seen_task(task, receipts=Receipts(event_ids=frozenset({event_id}))), MONDAY_ONE)
    assert isinstance(write, act.WriteStatus)
    assert isinstance(write.status, TaskStatus)
    assert [each.state for each in write.status.reminders] == [PUBLISHED]


def test_while_something_is_about_to_be_accepted_the_status_waits() -> None:
    waiting = plan(seen_task(one_off()), MONDAY_SEVEN)
    assert [type(each) for each in waiting] == [act.Publish]
    assert isinstance(plan(seen_task(one_off(), broker_away=True), MONDAY_SEVEN)[-1], act.WriteStatus)


def test_an_alarm_that_is_set_is_not_set_again() -> None:
    task = reminded("PT1H", known={"PT1H": PENDING})
    settled = task.model_copy(update={"status": task.status.model_copy(update={"observed_generation": 1})})
    assert plan(seen_task(settled, alarm=MONDAY_ONE), MONDAY_NOON) == ()
    assert plan(seen_task(settled, alarm=None), MONDAY_NOON) == (act.Arm(MONDAY_ONE),)


def test_an_alarm_nobody_needs_is_taken_away() -> None:
    settled = one_off(status=TaskStatus(observed_generation=1, published=told()))
    assert plan(seen_task(settled, alarm=MONDAY_ONE), MONDAY_NOON) == (act.Disarm(),)


# What was restored.

RESTORED = {"annotations": {naming.RESTORED_ANNOTATION: "true"}}
LAST_YEAR = MONDAY_SEVEN - timedelta(days=365)


def test_how_it_ended_before_the_backup_is_believed_and_recorded_but_not_told() -> None:
    status = noted(one_off(state="Completed", completedAt=LAST_YEAR, meta=RESTORED), MONDAY_TWO)
    assert status.closed_at == LAST_YEAR
    (write,) = [each for each in plan(seen_task(one_off(status=status, state="Completed", meta=RESTORED)), MONDAY_TWO)
                if not isinstance(each, act.RetireTask)]  # fmt: skip
    assert isinstance(write, act.WriteStatus)
    assert isinstance(write.status, TaskStatus)
    assert write.status.published == told(1, COMPLETED, LAST_YEAR)


def test_what_a_person_does_to_it_then_is_told() -> None:
    known = TaskStatus(phase=COMPLETED, closed_at=LAST_YEAR, published=told(1, COMPLETED, LAST_YEAR))
    assert noted(one_off(status=known, meta={**RESTORED, "generation": 2}), MONDAY_TWO).closed_at is None
    reopened = known.model_copy(update={"phase": State.OPEN, "closed_at": None})
    assert said(plan(seen_task(one_off(status=reopened, meta={**RESTORED, "generation": 2})), MONDAY_TWO)) == [
        "updated:2"
    ]


def test_a_restored_occurrence_reminds_of_nothing_that_had_passed() -> None:
    reminding = schedule(task={"title": "Team standup", "reminders": [{"before": "PT90M"}, {"before": "PT30M"}]})
    _, status = after_acceptance_or_now(occurrence(reminding, FIRST, meta=RESTORED), MONDAY_SEVEN)
    assert {each.id: each.state for each in status.reminders} == {"PT1H30M": EXPIRED, "PT30M": PENDING}


def test_it_says_nothing_until_its_schedule_has_taken_it_in() -> None:
    marks = {**RESTORED["annotations"], naming.ADOPT_ANNOTATION: "true"}
    adopted = occurrence(DAILY, FIRST, meta={"annotations": marks})
    assert said(plan(seen_task(adopted, schedule=DAILY), MONDAY_NOON)) == ["created"]
    alone = occurrence(DAILY, FIRST, meta={"annotations": marks, "owner_references": ()})
    assert plan(seen_task(alone), MONDAY_NOON) == ()
    unmarked = occurrence(DAILY, FIRST, meta={"owner_references": ()})
    assert said(plan(seen_task(unmarked), MONDAY_NOON)) == ["created"]


# How long it is kept.

MONTH = timedelta(days=30)
TOLD = told(2, COMPLETED, MONDAY_ONE)
DONE: dict[str, Any] = {"state": COMPLETED, "closed_at": MONDAY_ONE, "generation": 2, "published": TOLD}
TRACKED: dict[str, Any] = {"annotations": {"argocd.argoproj.io/tracking-id": "tasks:taskbell.dev/Task:default/milk"}}

KEPT = [
    pytest.param(milk(**DONE), MONDAY_ONE + MONTH - timedelta(seconds=1), [], id="it is closed for less than a month"),
    pytest.param(milk(**DONE), MONDAY_ONE + MONTH, ["History"], id="it is closed for a month"),
    pytest.param(milk(**DONE, retainFor="P1D"), MONDAY_ONE + timedelta(days=1), ["History"], id="as long as it says"),
    pytest.param(milk(**DONE, retainFor="PT0M"), MONDAY_ONE, ["History"], id="not at all"),
    pytest.param(milk(published=told()), MONDAY_ONE + 12 * MONTH, [], id="it is open"),
    pytest.param(milk(**{**DONE, "published": told()}), MONDAY_ONE + MONTH, [], id="its closing is not told"),
    pytest.param(milk(**DONE, meta=TRACKED), MONDAY_ONE + 12 * MONTH, [], id="Argo CD would make it again"),
]


@pytest.mark.parametrize(("task", "now", "retired"), KEPT)
def test_a_closed_task_of_no_schedule_is_kept(task: Task, now: datetime, retired: list[str]) -> None:
    actions = plan(seen_task(task), now)
    assert [each.reason for each in actions if isinstance(each, act.RetireTask)] == retired


def test_when_its_time_is_over_it_is_looked_at_again() -> None:
    assert act.LookAgain(MONDAY_ONE + MONTH) in plan(seen_task(milk(**DONE)), MONDAY_TWO)


def test_an_occurrence_is_kept_by_its_schedules_history() -> None:
    end = TaskStatus(phase=COMPLETED, closed_at=MONDAY_ONE, published=TOLD)
    task = occurrence(DAILY, FIRST, state=COMPLETED, status=end)
    assert not any(isinstance(each, act.RetireTask) for each in plan(seen_task(task), MONDAY_ONE + 12 * MONTH))


# How it begins and ends.


def test_the_finalizer_comes_first() -> None:
    assert plan(seen_task(one_off(meta={"finalizers": ()})), MONDAY_NOON) == (act.AddFinalizer(),)


def test_without_our_finalizer_a_deletion_is_none_of_our_business() -> None:
    task = one_off(meta={"finalizers": ("somebody/else",), "deletion_timestamp": MONDAY_NOON})
    assert plan(seen_task(task), MONDAY_NOON) == ()


def test_a_retired_task_is_deleted_and_nothing_else() -> None:
    task = occurrence(DAILY, FIRST, meta={"annotations": {naming.RETIRED_ANNOTATION: "Undone"}})
    assert plan(seen_task(task, schedule=DAILY), MONDAY_NOON) == (act.DeleteTask(),)


def dying(at: Any = FIRST, *, retired: str = "", **changes: Any) -> Task:
    annotations = {naming.RETIRED_ANNOTATION: retired} if retired else {}
    meta = {**DYING, "annotations": annotations}
    return occurrence(DAILY, at, meta=meta, status=TaskStatus(published=told(), **changes))


def accepted(task: Task, of: TaskSchedule | None, **changes: Any) -> ObservedTask:
    return seen_task(
        task, schedule=of, receipts=Receipts(event_ids=frozenset({f"{task.metadata.uid}:deleted"})), **changes
    )


SECOND = cursor(DAILY, 2)
LETS_GO = [
    pytest.param(dying(), standing_at(DAILY, FIRST), True, id="the cursor stands at it"),
    pytest.param(dying(), standing_at(DAILY, SECOND), True, id="the cursor stands further on"),
    pytest.param(dying(), standing_at(DAILY, None), False, id="there is no cursor yet"),
    pytest.param(
        dying(), standing_at(DAILY, cursor(DAILY, phase=Phase.PENDING)), False, id="its creation was not noted"
    ),
    pytest.param(dying(SECOND), standing_at(DAILY, FIRST), False, id="the cursor stands below"),
    pytest.param(dying(cursor(DAILY, 1, days=2)), standing_at(DAILY, FIRST), False, id="it was moved, and not noted"),
    pytest.param(
        dying(),
        standing_at(schedule(advance="OnSchedule"), cursor(DAILY, 1, days=2, phase=Phase.CLOSED)),
        True,
        id="it was decided, wherever an edit has left the cursor",
    ),
    pytest.param(dying(SECOND, retired="Undone"), standing_at(DAILY, FIRST), True, id="it was taken back"),
    pytest.param(
        dying(retired="Cancelled"), standing_at(DAILY, FIRST), False, id="it was cancelled, and that is not noted"
    ),
    pytest.param(
        dying(retired="Cancelled"),
        standing_at(DAILY, cursor(DAILY, phase=Phase.CLOSED, outcome=Outcome.CANCELLED)),
        True,
        id="it was cancelled",
    ),
    pytest.param(dying(SECOND), None, True, id="its schedule is gone"),
    pytest.param(
        dying(SECOND),
        schedule(meta={"deletion_timestamp": MONDAY_NOON}),
        True,
        id="its schedule is going",
    ),
]


@pytest.mark.parametrize(("task", "of", "goes"), LETS_GO)
def test_it_goes_once_its_schedule_knows(task: Task, of: TaskSchedule | None, goes: bool) -> None:
    assert (act.RemoveFinalizer() in plan(accepted(task, of), MONDAY_TWO)) is goes


def test_it_is_held_until_its_deletion_is_accepted_but_for_ten_minutes_at_most() -> None:
    task = milk(published=told(), meta=DYING)
    publish, again = plan(seen_task(task), MONDAY_TWO)
    assert isinstance(publish, act.Publish)
    assert again == act.LookAgain(MONDAY_TWO + timedelta(minutes=10))
    assert plan(seen_task(task), MONDAY_TWO + timedelta(minutes=10))[-1] == act.RemoveFinalizer(untold=True)


def test_in_a_namespace_that_ends_it_is_held_for_ten_seconds_at_most() -> None:
    seen = replace(seen_task(occurrence(DAILY, FIRST, meta=DYING), schedule=DAILY), namespace_ends=True)
    publish, again = plan(seen, MONDAY_TWO)
    assert isinstance(publish, act.Publish)
    data = publish.tellings[-1].event.data
    assert isinstance(data, TaskEvent)
    assert data.reason is Reason.NAMESPACE_DELETED
    assert again == act.LookAgain(MONDAY_TWO + timedelta(seconds=10))
    assert plan(seen, MONDAY_TWO + timedelta(seconds=10))[-1] == act.RemoveFinalizer(untold=True)


def test_its_alarm_goes_with_it() -> None:
    actions = plan(accepted(dying(), standing_at(DAILY, FIRST), alarm=MONDAY_ONE), MONDAY_TWO)
    assert actions == (act.Disarm(), act.RemoveFinalizer())


REASONS = [
    pytest.param(dying(), DAILY, ["User"], id="by a person"),
    pytest.param(dying(), None, ["ScheduleDeleted"], id="its schedule is gone"),
    pytest.param(dying(), schedule(meta={"deletion_timestamp": MONDAY_NOON}), ["ScheduleDeleted"], id="it is going"),
    pytest.param(dying(retired="Undone"), DAILY, ["Undone"], id="taken back"),
    pytest.param(dying(retired="Cancelled"), DAILY, ["Cancelled"], id="cancelled"),
    pytest.param(milk(published=told(), meta=DYING), None, ["User"], id="a task of its own"),
]


@pytest.mark.parametrize(("task", "of", "reasons"), REASONS)
def test_why_it_was_deleted(task: Task, of: TaskSchedule | None, reasons: list[str]) -> None:
    publish = plan(seen_task(task, schedule=of), MONDAY_TWO)[0]
    assert isinstance(publish, act.Publish)
    assert [each.event.data.reason for each in publish.tellings if isinstance(each.event.data, TaskEvent)] == reasons


def test_a_closed_task_goes_with_its_schedule_without_a_word() -> None:
    end = TaskStatus(phase=State.COMPLETED, closed_at=MONDAY_ONE, published=told(2, State.COMPLETED, MONDAY_ONE))
    task = occurrence(DAILY, FIRST, state=State.COMPLETED, meta=DYING, status=end)
    assert plan(seen_task(task), MONDAY_TWO) == (act.RemoveFinalizer(),)


def test_who_closes_a_task_that_was_taken_back_moves_nothing() -> None:
    meta = {**DYING, "annotations": {naming.RETIRED_ANNOTATION: "Undone"}}
    status = TaskStatus(phase=State.COMPLETED, closed_at=MONDAY_ONE)
    task = occurrence(DAILY, SECOND, state=State.COMPLETED, meta=meta, status=status)
    publish = plan(seen_task(task, schedule=DAILY), MONDAY_TWO)[0]
    assert isinstance(publish, act.Publish)
    told_of = [each.event.data for each in publish.tellings if isinstance(each.event.data, TaskEvent)]
    assert [(each.event_type, each.task_data.state) for each in told_of] == [("created", "Open"), ("deleted", "Open")]


TOUCHED = [
    pytest.param(one_off(), False, id="as made"),
    pytest.param(one_off(meta={"generation": 2}), True, id="edited by a person"),
    pytest.param(
        one_off(meta={"generation": 2, "annotations": {naming.AMENDED_ANNOTATION: "2"}}), False, id="amended by us"
    ),
    pytest.param(
        one_off(meta={"generation": 3, "annotations": {naming.AMENDED_ANNOTATION: "2"}}),
        True,
        id="amended, then edited",
    ),
]


@pytest.mark.parametrize(("task", "yes"), TOUCHED)
def test_whether_a_person_has_touched_it(task: Task, yes: bool) -> None:
    assert touched(task) is yes
