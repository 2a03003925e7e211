"""From what the API server sends to what the cache holds; the one place where an object turns out to be too new."""

from typing import Any

from pydantic import ValidationError

from runtime import logs
from task_operator import metrics
from task_operator.cache import Unreadable
from taskbell.resources import Metadata, Resource

logger = logs.get(__name__)


def read(kind: type[Resource], body: dict[str, Any]) -> Resource | Unreadable | None:
    """None where not even the metadata can be read: such a thing cannot be told apart from others."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        why = _sentence(error)
    metrics.UNREADABLE.labels(kind.kind).inc()
    name = (body.get("metadata") or {}).get("name")
    logger.warning("this version cannot read it", action="read", kind=kind.kind, name=name, why=why)
    try:
        metadata = Metadata.model_validate(body.get("metadata"))
    except ValidationError:
        return None
    conditions = (body.get("status") or {}).get("conditions") or ()
    return Unreadable(kind, metadata, tuple(conditions), why)


def _sentence(error: ValidationError) -> str:
    first, *others = error.errors(include_url=False, include_input=False)
    more = f", and {len(others)} more" if others else ""
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}{more}"
