from pathlib import Path

import pytest

from localcluster import chromium, debian
from localcluster.errors import MissingPrerequisiteError
from localcluster.progress import silent


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_it_is_found_on_the_path_with_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    browser = program(tmp_path, "chromium")
    assert chromium.find() is None
    driver = program(tmp_path, "chromedriver")
    assert chromium.ensure(tmp_path / "log", silent) == chromium.Chromium(browser, driver)


def test_where_nothing_can_be_installed_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "can_install", lambda: False)
    with pytest.raises(MissingPrerequisiteError, match="apt-get install chromium chromium-driver"):
        chromium.ensure(tmp_path / "log", silent)


def test_packages_without_a_browser_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "can_install", lambda: True)
    monkeypatch.setattr(debian, "install", lambda _packages, _log: None)
    with pytest.raises(MissingPrerequisiteError, match="hold no chromium"):
        chromium.ensure(tmp_path / "log", silent)
