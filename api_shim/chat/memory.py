"""What is remembered of a conversation, and of a person, in Dapr's state store.

Keys: `conversation-<user>-<32 hex digits>` and `person-<user>`; no user's keys can be another's, since ids have one
length and a user's name is escaped. Everything is forgotten 30 days after it was last said.
"""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from pydantic import ValidationError

from api_shim.chat.records import Conversation, Stored
from api_shim.ports import States
from api_shim.problems import CONFLICT, NOT_FOUND, Problem
from runtime.dapr import StateConflict

LIFETIME = timedelta(days=30)


class Person(Stored):
    user_id: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """`etag` is None for a conversation that begins."""

    id: str
    conversation: Conversation
    etag: str | None


class Memory:
    """Raises `runtime.dapr.Unavailable` while the sidecar or its database is away."""

    def __init__(self, states: States, store: str) -> None:
        self._states = states
        self._store = store

    async def recall(self, user_id: str, conversation_id: str) -> Remembered:
        """Raises the Problem 404, in the same words for one that is unknown, forgotten, or somebody else's."""
        state = await self._states.get_state(self._store, _conversation_key(user_id, conversation_id))
        conversation = None if state is None else Conversation.model_validate(state.value)
        if state is None or conversation is None or conversation.user_id != user_id:
            text = "You have no such conversation: leave conversation_id out to begin a new one."
            raise Problem(NOT_FOUND, text)
        return Remembered(conversation_id, conversation, state.etag)

    async def keep(self, remembered: Remembered) -> None:
        """Raises the Problem 409 when another message of the same conversation came first."""
        key = _conversation_key(remembered.conversation.user_id, remembered.id)
        value = remembered.conversation.model_dump(mode="json")
        try:
            await self._states.save_state(self._store, key, value, lifetime=LIFETIME, etag=remembered.etag)
        except StateConflict as conflict:
            raise overtaken() from conflict

    async def forget(self, user_id: str, conversation_id: str) -> None:
        await self._states.delete_state(self._store, _conversation_key(user_id, conversation_id))

    async def zone_of(self, user_id: str) -> str | None:
        """The zone the person last spoke from."""
        state = await self._states.get_state(self._store, _person_key(user_id))
        try:
            person = None if state is None else Person.model_validate(state.value)
        except ValidationError:
            return None
        return person.time_zone if person and person.user_id == user_id else None

    async def note_zone(self, user_id: str, zone: str) -> None:
        value = Person(user_id=user_id, time_zone=zone).model_dump(mode="json")
        await self._states.save_state(self._store, _person_key(user_id), value, lifetime=LIFETIME, etag=None)


def overtaken() -> Problem:
    return Problem(CONFLICT, "Another message of this conversation is being answered: send this one again.")


def _conversation_key(user_id: str, conversation_id: str) -> str:
    return f"conversation-{_escaped(user_id)}-{conversation_id}"


def _person_key(user_id: str) -> str:
    return f"person-{_escaped(user_id)}"


def _escaped(user_id: str) -> str:
    """In characters that a URL and Dapr (which forbids `||`) leave alone; `=` stands for nothing else."""
    return quote(user_id, safe="").replace("%", "=")
