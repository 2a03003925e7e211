"""Changes announced by one transaction and heard on another connection; the lists of the page."""

import socket
import threading
from collections.abc import Iterator
from queue import Empty, Queue

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from store import ledger, projection, reading, updates
from store.database import Sessions
from store.ledger import Notice
from store.reading import DONE, OPEN, REMINDERS, Scope
from store.updates import Kind, Update
from store.versions import TaskVersion
from taskbell.events import EventType
from taskbell.resources import State
from tests.e2e.store.samples import A_MINUTE, TEN, pending, reminded, told

DEMO = Scope("default", "demo")


def of(kind: Kind, name: str = "dentist") -> Update:
    return Update(namespace="default", user_id="demo", kind=kind, id=name)


class Ear:
    """Hears on a connection of its own."""

    def __init__(self, url: str) -> None:
        self.heard: Queue[Update | psycopg2.Error | None] = Queue()
        self._interrupt, self._stopping = socket.socketpair()
        self._thread = threading.Thread(target=self._listen, args=(url,))
        self._thread.start()

    def all(self) -> list[Update | psycopg2.Error | None]:
        """What was heard until now, and what the next announcement proves to be all."""
        found = [self.heard.get(timeout=10)]
        while True:
            try:
                found.append(self.heard.get(timeout=0.2))
            except Empty:
                return found

    def close(self) -> None:
        self._stopping.send(b"x")
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._interrupt.close()
        self._stopping.close()

    def _listen(self, url: str) -> None:
        try:
            for update in updates.listen(url, self._interrupt):
                self.heard.put(update)
        except psycopg2.Error as error:
            self.heard.put(error)


@pytest.fixture
def ear(url: str, sessions: Sessions) -> Iterator[Ear]:
    ear = Ear(url)
    assert ear.heard.get(timeout=10) is None
    yield ear
    ear.close()


def create(session: Session, name: str = "dentist", uid: str = "u1", **changes: object) -> None:
    event = told(1, EventType.CREATED, name=name, uid=uid, reminders=(pending("PT15M", TEN - 15 * A_MINUTE),))
    data = event.task_data.model_copy(update=changes)
    projection.upsert_tasks(session, [TaskVersion.of_event(event.model_copy(update={"task_data": data}))])


def test_what_was_written_is_heard_when_it_is_committed_and_only_then(sessions: Sessions, ear: Ear) -> None:
    with sessions() as session:
        create(session, "never", "u0")
        session.rollback()
    with sessions.begin() as session:
        create(session)
        assert ear.heard.empty()
    assert ear.all() == [of(Kind.TASK)]


def test_a_reminder_on_its_way_and_in_the_inbox_is_heard(sessions: Sessions, ear: Ear) -> None:
    event = reminded("PT15M", TEN - 15 * A_MINUTE, 1)
    with sessions.begin() as session:
        projection.mark_published(session, [event])
        ledger.enqueue(session, [Notice("test", "id", event)])
        ledger.deliver_to_inbox(session, [row.id for row in ledger.claim(session, TEN.replace(year=2999), 9)], TEN)
    assert set(ear.all()) == {of(Kind.REMINDER), of(Kind.INBOX)}


def test_an_older_version_is_silence(sessions: Sessions, ear: Ear) -> None:
    with sessions.begin() as session:
        projection.upsert_tasks(session, [TaskVersion.of_event(told(2))])
    assert ear.all() == [of(Kind.TASK)]
    with sessions.begin() as session:
        projection.upsert_tasks(session, [TaskVersion.of_event(told(1))])
        create(session, "other", "u2")
    assert ear.all() == [of(Kind.TASK, "other")]


def test_what_others_notify_is_passed_over(sessions: Sessions, ear: Ear) -> None:
    with sessions.begin() as session:
        session.execute(text(f"NOTIFY {updates.CHANNEL}, 'nonsense'"))
        session.execute(text(f"NOTIFY {updates.CHANNEL}"))
        create(session)
    assert ear.all() == [of(Kind.TASK)]


def test_a_connection_that_breaks_is_told(sessions: Sessions, ear: Ear) -> None:
    with sessions.begin() as session:
        session.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = :query"),
            {"query": f"LISTEN {updates.CHANNEL}"},
        )
    (broken,) = ear.all()
    assert isinstance(broken, psycopg2.Error)


def test_open_tasks_by_their_due_time_with_what_became_of_their_reminders(sessions: Sessions) -> None:
    with sessions.begin() as session:
        create(session, "second", "u2")
        create(session, "last", "u3", due_at=None)
        create(session, "first", "u1", due_at=TEN - A_MINUTE)
        create(session, "third", "u5", due_at=None, due_on=TEN.date())
        create(session, "closed", "u4", state=State.SKIPPED)
        projection.mark_published(session, [reminded("PT15M", TEN - 15 * A_MINUTE, 1, uid="u1")])
    with sessions() as session:
        page = reading.page(session, OPEN, DEMO, 2, None)
        rest = reading.page(session, OPEN, DEMO, 2, page.after)
        waiting = reading.page(session, REMINDERS, DEMO, 9, None).items
        (closed,) = reading.page(session, DONE, DEMO, 9, None).items
        foreign = reading.page(session, OPEN, Scope("default", "eve"), 9, None).items
    assert [card.task.name for card in (*page.items, *rest.items)] == ["first", "second", "third", "last"]
    assert [card.reminder_states for card in page.items] == [{"PT15M": "Published"}, {"PT15M": "Pending"}]
    assert {each.task_id: (each.due_at, each.due_on) for each in waiting} == {
        "second": (TEN, None),
        "third": (None, TEN.date()),
        "last": (None, None),
    }
    assert (rest.after, closed.task.name, foreign) == (None, "closed", ())
