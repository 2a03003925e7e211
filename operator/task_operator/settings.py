"""Every knob of the operator."""

from pydantic import Field

from runtime.settings import SidecarSettings


class OperatorSettings(SidecarSettings):
    pubsub: str = Field(default="kafka-pubsub", description="Name of the Dapr pub/sub component")
    cluster: str = Field(default="local", description="Events have the source taskbell/<cluster>")
    workers: int = Field(default=8, ge=1, le=64, description="Objects reconciled at the same time")
    namespaces: tuple[str, ...] = Field(default=(), description="JSON list of namespaces to serve; empty: all")
