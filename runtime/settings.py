"""Settings shared by all services, read once at start from the environment. A missing one fails at start, by name."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every knob has the environment variable `TASKBELL_<NAME>` unless its own is given."""

    model_config = SettingsConfigDict(env_prefix="TASKBELL_", frozen=True, extra="ignore", populate_by_name=True)

    host: str = Field(default="127.0.0.1", description="Address the service listens on; 0.0.0.0 in a pod")
    port: int = Field(description="Port of the service's own HTTP server")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")


class SidecarSettings(Settings):
    """For services beside a Dapr sidecar."""

    dapr_http_port: int = Field(default=3500, validation_alias="DAPR_HTTP_PORT", description="The sidecar's HTTP port")
    dapr_api_token: SecretStr = Field(
        default=SecretStr(""), validation_alias="DAPR_API_TOKEN", description="Sent to the sidecar; empty: none"
    )
    app_api_token: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="APP_API_TOKEN",
        description="Expected from the sidecar; empty: not checked",
    )
