import sys
from pathlib import Path

import pytest
import yaml

from api_shim.__main__ import main
from api_shim.access import Access
from api_shim.settings import ShimSettings, TokenSettings
from runtime.settings import load
from tests.unit.api_shim.helpers import SECRET

DAPR = Path(__file__).parents[3] / "dapr"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DATABASE_URL",
        "TASKBELL_PORT",
        "TASKBELL_JWT_SECRET",
        "TASKBELL_JWT_ISSUER",
        "TASKBELL_JWT_AUDIENCE",
    ):
        monkeypatch.delenv(name, raising=False)


def test_every_missing_setting_is_named() -> None:
    with pytest.raises(SystemExit) as ended:
        load(ShimSettings)
    for name in ("DATABASE_URL", "TASKBELL_PORT", "TASKBELL_JWT_SECRET"):
        assert f"{name} is not set: " in str(ended.value.code)


def test_a_short_secret_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKBELL_JWT_SECRET", "hunter2")
    with pytest.raises(SystemExit) as ended:
        load(TokenSettings)
    assert str(ended.value.code).startswith("TASKBELL_JWT_SECRET cannot be used: it has 7 bytes")
    assert "hunter2" not in str(ended.value.code)


def test_a_token_for_a_developer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TASKBELL_JWT_SECRET", SECRET)
    monkeypatch.setattr(sys, "argv", ["api_shim", "token", "--user", "demo", "--hours", "0.5"])
    main()
    Access(load(TokenSettings)).authorize(f"Bearer {capsys.readouterr().out.strip()}", "demo")


def test_the_state_store_that_is_declared_is_the_one_that_is_used() -> None:
    (component,) = yaml.safe_load_all((DAPR / "components" / "statestore.yaml").read_text())
    settings = ShimSettings(port=0, jwt_secret=SECRET, database_url="postgresql://nowhere/none")
    assert component["metadata"]["name"] == settings.state_store
    assert (component["spec"]["type"], component["spec"]["version"]) == ("state.postgresql", "v2")
    assert component["scopes"] == ["taskbell-api-shim"]
