"""What is stored of a conversation."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from taskbell.resources import Instant


class Stored(BaseModel):
    """Fields that a newer version added are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Call(Stored):
    """`restores` is the id of what is made anew by it, under another id."""

    tool: str
    arguments: dict[str, JsonValue]
    restores: str | None = None


class Option(Stored):
    ref: str
    label: str


class Question(Stored):
    """About what the sentence left open. `chosen` is what was meant, once that is answered."""

    about: Literal["zone", "which", "scope"]
    message: str
    said_at: Instant
    text: str
    options: tuple[Option, ...] = ()
    chosen: str | None = None


class Conversation(Stored):
    """What is remembered between two messages. `undo`: what takes the last changes back, the newest last. `turn`
    counts the messages that changed something."""

    user_id: str
    time_zone: str | None = None
    question: Question | None = None
    undo: tuple[Call, ...] = ()
    turn: int = 0
