"""What is missing on the machine is named, with the version and the remedy."""

from pathlib import Path

import pytest

from localcluster import postgresql, prerequisites, redis_server
from localcluster.errors import MissingPrerequisiteError
from localcluster.prerequisites import GO, JAVA, MAVEN, Prerequisite
from localcluster.progress import silent

JAVA_17 = 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment'
MAVEN_3 = "\x1b[1mApache Maven 3.8.7\x1b[m\nMaven home: /usr/share/maven"


@pytest.mark.parametrize(
    ("needed", "answer"),
    [
        pytest.param(GO, "go version go1.26.6 linux/amd64", id="the oldest go"),
        pytest.param(GO, "go version go1.26.12 linux/amd64", id="a later patch of go"),
        pytest.param(JAVA, JAVA_17, id="java 17"),
        pytest.param(JAVA, 'openjdk version "21" 2023-09-19', id="java without a patch number"),
        pytest.param(MAVEN, MAVEN_3, id="maven in bold letters"),
    ],
)
def test_a_fitting_version_is_accepted(needed: Prerequisite, answer: str) -> None:
    prerequisites.require(needed, ask=lambda _: answer)


@pytest.mark.parametrize(
    ("needed", "answer", "sentence"),
    [
        pytest.param(GO, None, r"go 1\.26\.6 or later, but below 1\.27, is needed and not on PATH", id="no go"),
        pytest.param(GO, "go version go1.26.5 linux/amd64", r"found 1\.26\.5\. .*install Go 1\.26", id="go is too old"),
        pytest.param(GO, "go version go1.27.0 linux/amd64", r"found 1\.27\.0\. .*GOTOOLCHAIN", id="go is too new"),
        pytest.param(JAVA, 'java version "1.8.0_401"', r"java 17 or later is needed, found 1\.8\.0", id="java 8"),
        pytest.param(MAVEN, "Error: JAVA_HOME is not defined", "does not say its version", id="a broken maven"),
    ],
)
def test_what_does_not_fit_is_explained(needed: Prerequisite, answer: str | None, sentence: str) -> None:
    with pytest.raises(MissingPrerequisiteError, match=sentence):
        prerequisites.require(needed, ask=lambda _: answer)


def server(directory: Path) -> Path:
    directory.mkdir(parents=True)
    (directory / "initdb").touch(mode=0o755)
    return directory


def test_the_newest_of_debians_servers_is_taken_before_the_one_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(server(tmp_path / "wrappers")))
    server(tmp_path / "debian/9/bin")
    newest = server(tmp_path / "debian/17/bin")
    assert postgresql.find(tmp_path / "debian") == newest


def test_a_server_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = server(tmp_path / "usr/bin")
    monkeypatch.setenv("PATH", str(on_path))
    server(tmp_path / "debian/13/bin")
    assert postgresql.find(tmp_path / "debian") == on_path


def test_who_may_not_install_postgresql_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "find", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(MissingPrerequisiteError, match=r"apt-get install postgresql"):
        postgresql.ensure(tmp_path / "log", silent)


@pytest.fixture
def redis_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "redis-server").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "redis-server"


def test_redis_on_path_is_taken(redis_on_path: Path, tmp_path: Path) -> None:
    answer = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0"
    assert redis_server.ensure(tmp_path / "log", silent, ask=lambda _: answer) == redis_on_path


@pytest.mark.usefixtures("redis_on_path")
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param("Redis server v=5.0.14 sha=0", r"Redis 6\.2 or later is needed, found 5\.0", id="too old"),
        pytest.param("segmentation fault", "does not say its version: 'segmentation fault'", id="broken"),
    ],
)
def test_a_redis_that_does_not_fit_is_explained(answer: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisiteError, match=sentence):
        redis_server.ensure(tmp_path / "log", silent, ask=lambda _: answer)


def test_who_may_not_install_redis_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(MissingPrerequisiteError, match=r"not on PATH\. To mend it, .*apt-get install redis-server"):
        redis_server.ensure(tmp_path / "log", silent)
