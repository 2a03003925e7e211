"""The read models, kept up by guarded upserts: any order and any repetition of versions ends in the same rows.

One statement a table and batch. What changed is announced in the same transaction (`store.updates`).
`store.versions` says which version is newer; `_newer` says the same in SQL.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Text,
    case,
    column,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from store import updates
from store.models import ReminderRow, ScheduleRow, TaskRow
from store.updates import Kind, Update
from store.versions import ScheduleVersion, TaskVersion, Version, newest
from taskbell.events import ReminderEvent
from taskbell.resources import ReminderState


def upsert_tasks(session: Session, versions: Sequence[TaskVersion]) -> None:
    """Brings tasks up to these versions, and their reminders to what the stream told; older versions change nothing."""
    candidates = newest(versions)
    accepted = _upsert(session, TaskRow, [_task_row(version) for version in candidates])
    # An API server's answer tells nothing of reminders: the operator may not have computed them yet.
    _follow(session, [version for version in candidates if version.told and version.uid in accepted])
    # Also of a Task whose name another one holds by now: its row is gone, its reminders are not.
    _forget(session, sorted({version.uid for version in versions if version.deleted_at}))
    _announce(session, Kind.TASK, candidates, accepted)


def upsert_schedules(session: Session, versions: Sequence[ScheduleVersion]) -> None:
    """Brings schedules up to these versions; older ones change nothing."""
    candidates = newest(versions)
    accepted = _upsert(session, ScheduleRow, [_schedule_row(version) for version in candidates])
    _announce(session, Kind.SCHEDULE, candidates, accepted)


def mark_published(session: Session, events: Sequence[ReminderEvent]) -> None:
    """Notes that these reminders were published, also those whose events overtook the event of their Task.

    One that the Task has no more, or at another instant, changes nothing."""
    facts = sorted({(e.task_uid, e.reminder_id, e.remind_at, e.task_generation, e.user_id) for e in events})
    if facts:
        _publish_known(session, facts)
        _publish_unheard_of(session, facts)
        told = (Update(namespace=e.namespace, user_id=e.user_id, kind=Kind.REMINDER, id=e.task_id) for e in events)
        updates.announce(session, told)


def _announce(session: Session, kind: Kind, versions: Sequence[Version], accepted: set[str]) -> None:
    changed = (version for version in versions if version.uid in accepted)
    updates.announce(session, (Update(namespace=v.namespace, user_id=v.user_id, kind=kind, id=v.name) for v in changed))


def _upsert(session: Session, table: type[TaskRow | ScheduleRow], rows: list[dict[str, Any]]) -> set[str]:
    """The uids of the rows that were inserted or replaced."""
    if not rows:
        return set()
    statement = insert(table).values(rows)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in {"namespace", "name"}}
    upsert = statement.on_conflict_do_update(
        index_elements=[table.namespace, table.name], set_=changed, where=_newer(statement, table)
    )
    return set(session.scalars(upsert.returning(table.uid)))


def _newer(statement: Insert, stored: type[TaskRow | ScheduleRow]) -> ColumnElement[bool]:
    """`Version.replaces`."""
    new = statement.excluded
    rank = tuple_(new.deleted_at.is_not(None), new.generation, new.told)
    return case(
        (new.uid == stored.uid, rank >= tuple_(stored.deleted_at.is_not(None), stored.generation, stored.told)),
        else_=or_(
            new.created_at > stored.created_at,
            (new.created_at == stored.created_at) & new.deleted_at.is_(None),
        ),
    )


def _follow(session: Session, tasks: Sequence[TaskVersion]) -> None:
    """Reminder rows become those of these accepted versions; what was published at the same instant stays so."""
    if not tasks:
        return
    # By id: PT60M and PT1H are one reminder, and one statement cannot touch a row twice.
    wanted = {
        (task.uid, reminder.id): {
            "task_uid": task.uid,
            "reminder_id": reminder.id,
            "generation": task.generation,
            "user_id": task.user_id,
            "remind_at": reminder.remind_at,
            "state": reminder.state,
        }
        for task in tasks
        for reminder in task.data.reminders
    }
    current = values(column("uid", Text), column("generation", BigInteger), name="current").data(
        [(task.uid, task.generation) for task in tasks]
    )
    vanished = tuple_(ReminderRow.task_uid, ReminderRow.reminder_id).not_in(list(wanted))
    session.execute(
        delete(ReminderRow).where(
            ReminderRow.task_uid == current.c.uid, ReminderRow.generation <= current.c.generation, vanished
        )
    )
    if not wanted:
        return
    statement = insert(ReminderRow).values([wanted[key] for key in sorted(wanted)])
    new = statement.excluded
    published = (ReminderRow.state == ReminderState.PUBLISHED) & (ReminderRow.remind_at == new.remind_at)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[ReminderRow.task_uid, ReminderRow.reminder_id],
            set_={
                "generation": new.generation,
                "user_id": new.user_id,
                "remind_at": new.remind_at,
                "state": case((published, ReminderRow.state), else_=new.state),
            },
            where=ReminderRow.generation <= new.generation,
        )
    )


def _forget(session: Session, task_uids: Sequence[str]) -> None:
    if task_uids:
        session.execute(delete(ReminderRow).where(ReminderRow.task_uid.in_(task_uids)))


Fact = tuple[str, str, Any, int, str]
"""Task uid, reminder id, remind_at, the Task's generation, user id."""


def _publish_known(session: Session, facts: Iterable[Fact]) -> None:
    same = tuple_(ReminderRow.task_uid, ReminderRow.reminder_id, ReminderRow.remind_at)
    session.execute(
        update(ReminderRow).where(same.in_([fact[:3] for fact in facts])).values(state=ReminderState.PUBLISHED)
    )


def _publish_unheard_of(session: Session, facts: Iterable[Fact]) -> None:
    """Where the Task's event has still to come: its reminder is noted first, under the generation that has it."""
    latest = {(fact[0], fact[1]): fact for fact in sorted(facts, key=lambda fact: fact[3])}
    told = values(
        column("task_uid", Text),
        column("reminder_id", Text),
        column("remind_at", DateTime(timezone=True)),
        column("generation", BigInteger),
        column("user_id", Text),
        name="told",
    ).data([latest[key] for key in sorted(latest)])
    heard_of = (
        select(TaskRow.uid)
        .where(
            TaskRow.uid == told.c.task_uid,
            TaskRow.generation >= told.c.generation,
            TaskRow.told | TaskRow.deleted_at.is_not(None),
        )
        .exists()
    )
    rows = select(*told.c, func.text(ReminderState.PUBLISHED)).where(~heard_of)
    statement = insert(ReminderRow).from_select([*told.c.keys(), "state"], rows)
    new = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[ReminderRow.task_uid, ReminderRow.reminder_id],
            set_={"generation": new.generation, "remind_at": new.remind_at, "state": new.state},
            where=ReminderRow.generation <= new.generation,
        )
    )


def _task_row(version: TaskVersion) -> dict[str, Any]:
    data = version.data
    return _common(version) | {
        "state": data.state,
        "due_at": data.due.by if data.due else None,
        "closed_at": data.closed_at,
        "schedule_uid": data.schedule_uid,
        "data": data.model_dump(mode="json"),
    }


def _schedule_row(version: ScheduleVersion) -> dict[str, Any]:
    return _common(version) | {"data": version.data.model_dump(mode="json")}


def _common(version: Version) -> dict[str, Any]:
    return {
        "namespace": version.namespace,
        "name": version.name,
        "uid": version.uid,
        "generation": version.generation,
        "told": version.told,
        "created_at": version.created_at,
        "user_id": version.user_id,
        "deleted_at": version.deleted_at,
    }
