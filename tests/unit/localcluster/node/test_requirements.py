"""What a node needs of the machine, said before anything is begun."""

import os
import sys
from pathlib import Path

import pytest

from localcluster.errors import MissingPrerequisiteError
from localcluster.node import requirements
from localcluster.progress import silent


def everything(_program: str) -> str:
    return "/usr/bin/it"


def without(*absent: str) -> requirements.Which:
    return lambda program: None if program in absent else "/usr/bin/it"


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_root_on_linux_with_everything_there_can_have_a_node() -> None:
    assert requirements.reason_against(everything) is None


def test_elsewhere_than_on_linux_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "this is darwin; use kind" in (requirements.reason_against(everything) or "")


def test_another_user_is_told_to_be_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingPrerequisiteError, match="must be run as root"):
        requirements.ensure(tmp_path / "log", silent)


def test_what_debian_can_install_is_no_reason_against() -> None:
    assert requirements.reason_against(without("containerd")) is None
    assert requirements.missing(without("containerd")) == ["containerd"]


def test_without_apt_what_is_missing_is_named() -> None:
    reason = requirements.reason_against(without("containerd", "buildah", "apt-get"))
    assert "needs containerd, buildah on the PATH" in (reason or "")
