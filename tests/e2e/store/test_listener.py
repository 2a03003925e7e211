"""The shim's listener on a real database: what comes through, and what happens when the connection breaks."""

import asyncio

from sqlalchemy import text

from api_shim.live import Listener, Updates, Watcher
from store import updates
from store.database import Sessions
from store.reading import Scope
from store.updates import Kind, Update

REPORT = Update(namespace="default", user_id="demo", kind=Kind.TASK, id="report")


def announce(sessions: Sessions) -> None:
    with sessions.begin() as session:
        updates.announce(session, [REPORT])


def cut(sessions: Sessions) -> None:
    """Ends the listener's connection, as a restart of the database does."""
    statement = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = :query")
    with sessions.begin() as session:
        assert len(session.execute(statement, {"query": f"LISTEN {updates.CHANNEL}"}).all()) == 1


async def heard(watcher: Watcher) -> Update | None:
    """The next message's update; None: read again."""
    async with asyncio.timeout(15):
        message = await anext(watcher.messages(60))
    assert message is not None
    return message.update


async def test_a_break_is_mended_and_told_and_what_follows_is_heard(url: str, sessions: Sessions) -> None:
    hub = Updates("e")
    listener = Listener(url, hub)
    with hub.watching(Scope("default", "demo"), None) as watcher:
        listener.start()
        assert await heard(watcher) is None
        for _ in range(2):
            await asyncio.to_thread(announce, sessions)
            assert await heard(watcher) == REPORT
            await asyncio.to_thread(cut, sessions)
            assert await heard(watcher) is None
        await listener.stop()


async def test_it_stops_also_while_there_is_no_database() -> None:
    listener = Listener("postgresql://nobody@127.0.0.1:1/none", Updates("e"))
    listener.start()
    async with asyncio.timeout(15):
        await listener.stop()
