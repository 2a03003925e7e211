import pytest
from pydantic import ValidationError

from runtime.settings import Settings, SidecarSettings

VARIABLES = ("TASKBELL_PORT", "TASKBELL_HOST", "DAPR_HTTP_PORT", "DAPR_API_TOKEN", "APP_API_TOKEN")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_a_missing_one_fails_by_its_name() -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings()
    assert [(error["loc"], error["type"]) for error in refusal.value.errors()] == [(("port",), "missing")]


def test_a_wrong_one_fails_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKBELL_PORT", "eighty")
    with pytest.raises(ValidationError) as refusal:
        Settings()
    assert [error["loc"] for error in refusal.value.errors()] == [("port",)]


def test_they_come_from_the_environment_by_prefix_or_by_the_sidecars_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in zip(VARIABLES, ("8080", "0.0.0.0", "3601", "to-dapr", "from-dapr"), strict=True):  # noqa: S104
        monkeypatch.setenv(variable, value)
    settings = SidecarSettings()
    assert (settings.port, settings.host, settings.dapr_http_port) == (8080, "0.0.0.0", 3601)  # noqa: S104
    assert settings.dapr_api_token.get_secret_value() == "to-dapr"
    assert settings.app_api_token.get_secret_value() == "from-dapr"


def test_secrets_do_not_show() -> None:
    settings = SidecarSettings(port=1, dapr_api_token="hush", app_api_token="hush")
    assert "hush" not in repr(settings)


def test_they_cannot_be_changed() -> None:
    settings = Settings(port=1)
    with pytest.raises(ValidationError):
        settings.port = 2  # type: ignore[misc]


def test_without_a_sidecars_environment_its_usual_port_and_no_tokens_are_taken() -> None:
    settings = SidecarSettings(port=1)
    assert settings.dapr_http_port == 3500
    assert settings.dapr_api_token.get_secret_value() == settings.app_api_token.get_secret_value() == ""
