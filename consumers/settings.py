"""Settings of the consumers; see `runtime.settings` for those shared with other services."""

from pydantic import Field, SecretStr

from runtime.settings import SidecarSettings


class ConsumerSettings(SidecarSettings):
    pubsub: str = Field(default="kafka-pubsub", description="The Dapr component that dead letters are published to")


class StoringSettings(ConsumerSettings):
    """For the consumers that write to PostgreSQL."""

    database_url: SecretStr = Field(validation_alias="DATABASE_URL", description="postgresql://user:password@host/name")
