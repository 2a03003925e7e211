"""Lists come a page at a time: `{"items": […], "next": "<opaque>" or null}`, and `next` is the next call's `cursor`."""

import base64
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import from_json, to_json

from api_shim.faults import Fault
from api_shim.problems import PARAMETER, Problem
from store.reading import Feed, Key

T = TypeVar("T")

_PARTS: dict[type, Any] = {
    int: Annotated[int, Field(ge=0, lt=2**63)],
    str: Annotated[str, Field(pattern=r"^[ -~]{1,253}$")],
    datetime: AwareDatetime,
}
"""What a forged cursor must not smuggle past these types, Postgres would refuse."""


class PageQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(50, ge=1, le=200, description="At most so many items")
    cursor: str | None = Field(None, max_length=1000, description="`next` of the page before")


class Listing(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = Field(description="Send it as `cursor` for the next page; null on the last one")


def encode(feed: Feed[Any], after: Key | None) -> str | None:
    return base64.urlsafe_b64encode(to_json([feed.name, *after])).decode() if after is not None else None


def decode(feed: Feed[Any], cursor: str | None) -> Key | None:
    """Raises the Problem 400 for what is no cursor of this list."""
    if cursor is None:
        return None
    try:
        return _key(feed, from_json(base64.b64decode(cursor, altchars=b"-_", validate=True)))
    except (ValueError, TypeError) as error:
        fault = Fault("cursor", "is none of this list: send `next` of the page before, unchanged", in_query=True)
        raise Problem(PARAMETER, fault.sentence(), errors=(fault,)) from error


def _key(feed: Feed[Any], parts: Any) -> Key:
    name, *key = parts
    if name != feed.name:
        raise ValueError(f"a cursor of {name!r}")
    types = (_PARTS[column.type.python_type] for column in feed.order)
    return tuple(TypeAdapter(kind).validate_python(part) for kind, part in zip(types, key, strict=True))
