"""The knobs of the API shim."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.settings import DaprSettings

SHORTEST_SECRET = 32
"""Bytes. RFC 7518 3.2: a key for HS256 is at least as long as its hash."""


class TokenSettings(BaseSettings):
    """What it takes to make and to check a token. Each is `TASKBELL_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="TASKBELL_", frozen=True, extra="ignore", populate_by_name=True)

    jwt_secret: SecretStr = Field(
        description="the HS256 secret shared with whoever issues the tokens, 32 bytes or more"
    )
    jwt_issuer: str | None = Field(None, min_length=1, description="tokens must have this `iss`; unset: any")
    jwt_audience: str | None = Field(None, min_length=1, description="tokens must have this `aud`; unset: any")

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        size = len(secret.get_secret_value().encode())
        if size < SHORTEST_SECRET:
            raise ValueError(
                f"it has {size} bytes and needs {SHORTEST_SECRET}; `openssl rand -hex 32` makes a good one"
            )
        return secret


class ShimSettings(DaprSettings, TokenSettings):
    database_url: SecretStr = Field(
        validation_alias="DATABASE_URL", description="where Postgres is: postgresql://user:password@host:5432/name"
    )
    direct_database_url: SecretStr | None = Field(
        None,
        description="the same database without a pooler between, for LISTEN; unset: DATABASE_URL, which then has to be",
    )
    namespace: str = Field("default", description="the one namespace whose objects this shim serves")
    state_store: str = Field("statestore", description="the Dapr component that remembers conversations")
