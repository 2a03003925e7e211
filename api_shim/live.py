"""Live changes on their way from Postgres to the people who watch: one listener a process, one queue a watcher.

A watcher is never waited for. What it does not fetch in time, and what the process missed while it was cut off from
the database, becomes one message: read everything again.
"""

import asyncio
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import psycopg2

from runtime import logs
from store import updates
from store.reading import Scope
from store.updates import Update

REMEMBERED = 1000
"""Updates a process keeps for watchers that come back; of a full batch from Kafka there are a few hundred."""

LONGEST_QUEUE = 100
"""Updates that wait for one watcher; past that it is told to read everything again."""

FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 15.0

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One update, at a position in this process's stream; None: anything may have changed, read it again."""

    position: str
    update: Update | None


class Updates:
    """All of one process's watchers. Every method but `Listener`'s threads' runs on the event loop.

    `epoch` tells the positions of one process from those of all others, and of its earlier lives."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._number = 0
        self._recent: deque[tuple[int, Update]] = deque(maxlen=REMEMBERED)
        self._complete_from = 0
        self._watchers: dict[Scope, set[Watcher]] = {}

    @property
    def position(self) -> str:
        """What is read from the database after this is newer than all that was told until now."""
        return f"{self._epoch}-{self._number}"

    def publish(self, update: Update) -> None:
        self._number += 1
        self._recent.append((self._number, update))
        for watcher in self._watchers.get(Scope(update.namespace, update.user_id), ()):
            watcher.put(Message(self.position, update))

    def lost(self) -> None:
        """Something may have been missed: everybody reads again."""
        self._number += 1
        self._recent.clear()
        self._complete_from = self._number
        for watcher in self._everybody():
            watcher.overrun(self.position)

    def close(self) -> None:
        """Ends every stream: the process is about to end."""
        for watcher in self._everybody():
            watcher.close()

    @contextmanager
    def watching(self, scope: Scope, since: str | None) -> Generator["Watcher"]:
        """A watcher of `scope`, which begins with what was told after the position `since`; None: with what comes."""
        watcher = Watcher()
        for message in self._missed(scope, since):
            watcher.put(message)
        watchers = self._watchers.setdefault(scope, set())
        watchers.add(watcher)
        try:
            yield watcher
        finally:
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(scope, None)

    def _missed(self, scope: Scope, since: str | None) -> list[Message]:
        if since is None:
            return []
        number = self._known(since)
        if number is None:
            return [Message(self.position, None)]
        return [
            Message(f"{self._epoch}-{each}", update)
            for each, update in self._recent
            if each > number and Scope(update.namespace, update.user_id) == scope
        ]

    def _known(self, position: str) -> int | None:
        """The number of a position from which on everything is remembered; None for any other text."""
        epoch, _, text = position.rpartition("-")
        if epoch != self._epoch or not (text.isascii() and text.isdecimal()):
            return None
        oldest = self._recent[0][0] - 1 if self._recent else self._number
        number = int(text[:20])
        return number if max(oldest, self._complete_from) <= number <= self._number else None

    def _everybody(self) -> list["Watcher"]:
        return [watcher for watchers in self._watchers.values() for watcher in watchers]


class Watcher:
    """One stream's queue, never longer than `LONGEST_QUEUE`."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._something = asyncio.Event()
        self._closed = False

    def put(self, message: Message) -> None:
        if len(self._waiting) >= LONGEST_QUEUE:
            self.overrun(message.position)
            return
        self._waiting.append(message)
        self._something.set()

    def overrun(self, position: str) -> None:
        """One "read again" stands for all that waits."""
        self._waiting.clear()
        self._waiting.append(Message(position, None))
        self._something.set()

    def close(self) -> None:
        self._closed = True
        self._something.set()

    async def messages(self, heartbeat_seconds: float) -> AsyncIterator[Message | None]:
        """Each message; None when for so long there was none. Ends when it is closed."""
        while not self._closed:
            try:
                async with asyncio.timeout(heartbeat_seconds):
                    await self._something.wait()
            except TimeoutError:
                yield None
                continue
            self._something.clear()
            while self._waiting and not self._closed:
                yield self._waiting.popleft()


class Listener:
    """A thread that hands what the database tells to `hub`, on the event loop it was started on.

    It comes back after every break, in 0.25 to 15 s, and then says that something may have been missed."""

    def __init__(self, url: str, hub: Updates) -> None:
        self._url = url
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._interrupt, self._stopping = socket.socketpair()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        self._stopped.set()
        self._stopping.send(b"x")
        await asyncio.to_thread(self._thread.join)
        self._interrupt.close()
        self._stopping.close()

    def _run(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while not self._stopped.is_set():
            try:
                for update in updates.listen(self._url, self._interrupt):
                    delay = FIRST_DELAY_SECONDS
                    self._loop.call_soon_threadsafe(
                        self._hub.lost if update is None else partial(self._hub.publish, update)
                    )
            except psycopg2.Error as error:
                _log.warning("listening to the database broke off", error=str(error).strip(), again_in_seconds=delay)
                self._stopped.wait(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
