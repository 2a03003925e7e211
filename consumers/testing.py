"""The outside of the consumers in memory. Faults are planted by the test that wants them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from runtime.apiserver import Conflict, NotFound
from runtime.dapr import Unavailable
from taskbell.resources import Metadata, Model, Resource

R = TypeVar("R", bound=Resource)


@dataclass
class MemoryObjects:
    """`consumers.recurring.Objects`. `before` is called before every access, and may raise or change what is stored."""

    stored: dict[tuple[str, str], Resource] = field(default_factory=dict[tuple[str, str], Resource])
    before: Callable[[str], None] = lambda _verb: None

    def put(self, *resources: Resource) -> None:
        for resource in resources:
            self.stored[resource.plural, resource.metadata.name] = resource

    async def get(self, kind: type[R], namespace: str, name: str) -> R:
        self.before("get")
        found = self.stored.get((kind.plural, name))
        if not isinstance(found, kind) or found.metadata.namespace != namespace:
            raise NotFound(404, "NotFound", f"{kind.plural} {name} not found")
        return found

    async def put_status(self, kind: type[R], metadata: Metadata, status: Model) -> R:
        self.before("put_status")
        found = await self.get(kind, metadata.namespace, metadata.name)
        if found.metadata.resource_version != metadata.resource_version:
            raise Conflict(409, "Conflict", "the object has been modified")
        version = str(int(metadata.resource_version) + 1)
        written = found.model_copy(
            update={"status": status, "metadata": metadata.model_copy(update={"resource_version": version})}
        )
        self.put(written)
        return written


@dataclass
class MemoryPublisher:
    """`consumers.subscriptions.Publisher`. `away`: nothing is accepted; `misses`: how many of a batch are not."""

    topics: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    away: bool = False
    misses: int = 0

    async def publish(self, pubsub: str, topic: str, events: Sequence[dict[str, Any]]) -> set[int]:
        if self.away:
            raise Unavailable(f"publish to {pubsub}/{topic}: away")
        accepted = len(events) - self.misses
        self.topics.setdefault(topic, []).extend(events[:accepted])
        return set(range(accepted, len(events)))
