import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from store import projection
from store.database import Sessions
from store.models import ReminderRow, TaskRow
from store.versions import TaskVersion
from taskbell.events import EventType, ReminderEvent, TaskEvent
from taskbell.resources import ReminderState, State
from tests.e2e.store.samples import A_MINUTE, NINE, TEN, pending, reminded, told

QUARTER_TO = TEN - 15 * A_MINUTE
AN_HOUR_BEFORE = TEN - 60 * A_MINUTE
LATER = QUARTER_TO + timedelta(days=1)

Event = TaskEvent | ReminderEvent

LIFE: tuple[Event, ...] = (
    told(1, EventType.CREATED, reminders=(pending("PT15M", QUARTER_TO), pending("PT1H", AN_HOUR_BEFORE))),
    reminded("PT1H", AN_HOUR_BEFORE, 1),
    told(2, title="Dentist, moved", reminders=(pending("PT15M", LATER),)),
    reminded("PT15M", LATER, 2),
    told(3, EventType.COMPLETED, state=State.COMPLETED, reminders=(pending("PT15M", LATER),)),
)
DELETED: tuple[Event, ...] = (*LIFE, told(4, EventType.DELETED, state=State.COMPLETED))
NAME_TAKEN_AGAIN: tuple[Event, ...] = (
    *DELETED,
    told(1, EventType.CREATED, uid="u2", created_at=NINE + timedelta(days=2), reminders=(pending("PT15M", LATER),)),
)


def apply(sessions: Sessions, events: Sequence[Event]) -> None:
    """As the projection consumer would: tasks and reminders come by topics of their own."""
    with sessions.begin() as session:
        tasks = [TaskVersion.of_event(event) for event in events if isinstance(event, TaskEvent)]
        projection.upsert_tasks(session, tasks)
        projection.mark_published(session, [event for event in events if isinstance(event, ReminderEvent)])


def rows(sessions: Sessions) -> tuple[list[Any], list[Any]]:
    """The tasks, and the reminders of those that are there."""
    with sessions() as session:
        tasks = session.execute(select(*TaskRow.__table__.columns).order_by(TaskRow.name)).all()
        reminders = select(*ReminderRow.__table__.columns).join(TaskRow, TaskRow.uid == ReminderRow.task_uid)
        found = session.execute(reminders.order_by(ReminderRow.task_uid, ReminderRow.reminder_id)).all()
    return [tuple(row) for row in tasks], [tuple(row) for row in found]


def clear(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.query(ReminderRow).delete()
        session.query(TaskRow).delete()


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(LIFE, id="moved, reminded and completed"),
        pytest.param(DELETED, id="deleted in the end"),
        pytest.param(NAME_TAKEN_AGAIN, id="deleted, and its name taken again"),
    ],
)
def test_any_order_repetition_and_batching_of_a_tasks_events_ends_in_the_same_rows(
    sessions: Sessions, life: tuple[Event, ...]
) -> None:
    for event in life:
        apply(sessions, [event])
    wanted = rows(sessions)
    for seed in range(40):
        chance = random.Random(seed)  # noqa: S311 no secret, a seed
        events = [*life, *chance.choices(life, k=chance.randrange(4))]
        chance.shuffle(events)
        clear(sessions)
        while events:
            size = chance.randint(1, len(events))
            apply(sessions, events[:size])
            events = events[size:]
        assert rows(sessions) == wanted, f"seed {seed}"


def reminders(sessions: Sessions) -> dict[str, tuple[Any, str]]:
    with sessions() as session:
        return {row.reminder_id: (row.remind_at, row.state) for row in session.scalars(select(ReminderRow))}


def test_a_life_ends_with_the_newest_version_and_what_was_published(sessions: Sessions) -> None:
    apply(sessions, LIFE)
    ((_, _, uid, generation, *_),), _ = rows(sessions)
    assert (uid, generation) == ("u1", 3)
    assert reminders(sessions) == {"PT15M": (LATER, ReminderState.PUBLISHED)}


def test_a_published_reminder_is_pending_again_only_at_another_instant(sessions: Sessions) -> None:
    apply(sessions, [told(1, reminders=(pending("PT15M", QUARTER_TO),)), reminded("PT15M", QUARTER_TO, 1)])
    apply(sessions, [told(2, reminders=(pending("PT15M", QUARTER_TO),))])
    assert reminders(sessions) == {"PT15M": (QUARTER_TO, ReminderState.PUBLISHED)}
    apply(sessions, [told(3, reminders=(pending("PT15M", LATER),))])
    assert reminders(sessions) == {"PT15M": (LATER, ReminderState.PENDING)}


def test_two_reminders_of_one_id_are_one(sessions: Sessions) -> None:
    apply(sessions, [told(1, reminders=(pending("PT1H", AN_HOUR_BEFORE), pending("PT1H", AN_HOUR_BEFORE)))])
    assert reminders(sessions) == {"PT1H": (AN_HOUR_BEFORE, ReminderState.PENDING)}


def test_an_event_of_a_reminder_the_task_has_no_more_changes_nothing(sessions: Sessions) -> None:
    apply(sessions, [told(2)])
    apply(sessions, [reminded("PT15M", QUARTER_TO, 1)])
    assert reminders(sessions) == {}


def test_an_answer_of_the_api_server_shows_at_once_and_the_event_completes_it(sessions: Sessions) -> None:
    def answer(event: TaskEvent) -> TaskVersion:
        unsettled = event.task_data.model_copy(update={"closed_at": None, "reminders": ()})
        version = TaskVersion.of_event(event.model_copy(update={"task_data": unsettled}))
        return TaskVersion(
            **{field: getattr(version, field) for field in version.__dataclass_fields__ if field != "told"}, told=False
        )

    first = told(1, reminders=(pending("PT15M", QUARTER_TO),))
    closed = told(2, state=State.COMPLETED, reminders=(pending("PT15M", QUARTER_TO),))
    apply(sessions, [first])
    with sessions.begin() as session:
        projection.upsert_tasks(session, [answer(closed)])
    with sessions() as session:
        row = session.scalars(select(TaskRow)).one()
    assert (row.state, row.closed_at) == (State.COMPLETED, None)
    assert reminders(sessions) == {"PT15M": (QUARTER_TO, ReminderState.PENDING)}
    apply(sessions, [closed])
    with sessions.begin() as session:
        projection.upsert_tasks(session, [answer(closed)])
    with sessions() as session:
        row = session.scalars(select(TaskRow)).one()
    assert row.closed_at == TEN
