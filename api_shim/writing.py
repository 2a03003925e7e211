"""Writes to the API server in the name of a user, guarded by the version that was read, each with its actor."""

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from api_shim import problems
from api_shim.ports import Objects
from api_shim.problems import CONFLICT, Problem
from runtime.apiserver import AlreadyExists, Conflict, NotFound
from store.reading import Scope
from taskbell import naming
from taskbell.resources import Metadata, Model, Task, TaskSchedule

R = TypeVar("R", Task, TaskSchedule)

ATTEMPTS = 5
LONGEST_SLUG = 40

Suffix = Callable[[], str]
"""Eight random hex digits, others at every call."""


class Writing:
    def __init__(self, objects: Objects, suffix: Suffix) -> None:
        self._objects = objects
        self._suffix = suffix

    async def read(self, kind: type[R], scope: Scope, name: str) -> R:
        """Raises the Problem 404 for what is not there, on its way out, or somebody else's."""
        with suppress(NotFound):
            found = await self._objects.get(kind, scope.namespace, name)
            if found.spec.user_id == scope.user_id and not _leaving(found.metadata):
                return found
        raise problems.not_found(_noun(kind), name)

    async def create(self, kind: type[R], scope: Scope, title: str, spec: Model) -> R:
        for _ in range(ATTEMPTS):
            with suppress(AlreadyExists):
                return await self._objects.create(kind, scope.namespace, self._metadata(title, scope.user_id), spec)
        raise Problem(CONFLICT, "No free name was found for it: send it again.")

    async def change(self, kind: type[R], scope: Scope, name: str, edit: Callable[[R], Model]) -> R:
        """`edit` gives the wanted spec. What it leaves as it was is not sent; when that is all, nothing is written."""
        for _ in range(ATTEMPTS):
            found = await self.read(kind, scope, name)
            changes = difference(found.spec.wire(), edit(found).wire())
            if not changes:
                return found
            annotations = _actor(found.metadata.generation + 1, scope.user_id)
            # Gone, or another version by now: the next read decides.
            with suppress(Conflict, NotFound):
                return await self._objects.patch(
                    kind, found.metadata, {"metadata": {"annotations": annotations}, "spec": changes}
                )
        raise _contended(kind, name)

    async def delete(self, kind: type[R], scope: Scope, name: str) -> R:
        """What was deleted, as it was last seen."""
        for _ in range(ATTEMPTS):
            found = await self.read(kind, scope, name)
            with suppress(Conflict, NotFound):
                await self._objects.delete(kind, found.metadata)
                return found
        raise _contended(kind, name)

    def _metadata(self, title: str, user_id: str) -> dict[str, Any]:
        return {
            "name": f"{slug(title)}-{self._suffix()}",
            "labels": {naming.USER_LABEL: naming.user_label(user_id)},
            "annotations": _actor(1, user_id),
            # Deleted before the operator saw it, it would vanish untold, and stay in the projection for ever.
            "finalizers": [naming.FINALIZER],
        }


def slug(title: str) -> str:
    """The words of a title as the beginning of a DNS-1123 name, at most 40 characters; `task` when nothing is left."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_SLUG].rstrip("-") or "task"


def difference(stored: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that makes `wanted` of `stored`."""
    changed = {name for name in stored.keys() | wanted.keys() if stored.get(name) != wanted.get(name)}
    return {name: _difference(stored.get(name), wanted.get(name)) for name in sorted(changed)}


def _difference(stored: Any, wanted: Any) -> Any:
    if isinstance(stored, dict) and isinstance(wanted, dict):
        return difference(cast("dict[str, Any]", stored), cast("dict[str, Any]", wanted))
    return wanted


def _actor(generation: int, subject: str) -> dict[str, str]:
    return {naming.ACTOR_ANNOTATION: naming.actor(generation, subject)}


def _leaving(metadata: Metadata) -> bool:
    return metadata.terminating or naming.RETIRED_ANNOTATION in metadata.annotations


def _contended(kind: type[Task] | type[TaskSchedule], name: str) -> Problem:
    text = f"The {_noun(kind)} {name!r} was changed by others each time this was tried: read it, then send it again."
    return Problem(CONFLICT, text)


def _noun(kind: type[Task] | type[TaskSchedule]) -> str:
    return "task" if kind is Task else "schedule"
