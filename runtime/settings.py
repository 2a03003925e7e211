"""Settings shared by all services, read once at start from the environment. A missing one fails at start, by name."""

from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

S = TypeVar("S", bound=BaseSettings)


class Settings(BaseSettings):
    """Every knob has the environment variable `TASKBELL_<NAME>` unless its own is given."""

    model_config = SettingsConfigDict(env_prefix="TASKBELL_", frozen=True, extra="ignore", populate_by_name=True)

    host: str = Field(default="127.0.0.1", description="Address the service listens on; 0.0.0.0 in a pod")
    port: int = Field(description="Port of the service's own HTTP server")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")


class DaprSettings(Settings):
    """For services that call a Dapr sidecar."""

    dapr_http_port: int = Field(default=3500, validation_alias="DAPR_HTTP_PORT", description="The sidecar's HTTP port")
    dapr_api_token: SecretStr = Field(
        default=SecretStr(""), validation_alias="DAPR_API_TOKEN", description="Sent to the sidecar; empty: none"
    )


class SidecarSettings(DaprSettings):
    """For services that a Dapr sidecar calls too."""

    app_api_token: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="APP_API_TOKEN",
        description="Expected from the sidecar; empty: not checked",
    )


def load(kind: type[S]) -> S:
    """Ends the process with a sentence for every variable that is missing or wrong; none shows a value."""
    try:
        return kind()
    except ValidationError as error:
        raise SystemExit("\n".join(_complaint(kind, fault) for fault in error.errors())) from None


def _complaint(kind: type[BaseSettings], fault: ErrorDetails) -> str:
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:  # several together
        return f"The settings do not fit together: {message}."
    field = str(fault["loc"][0])
    if fault["type"] == "missing":
        described = {name: info.description for name, info in kind.model_fields.items()}
        return f"{_variable(field)} is not set: {described.get(field.lower())}."
    return f"{_variable(field)} cannot be used: {message}."


def _variable(field: str) -> str:
    return field if field.isupper() else f"TASKBELL_{field.upper()}"
