"""The cache of executables: what it is keyed by, who builds, and that it holds nothing half-done."""

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from localcluster import binaries, builders, tools
from localcluster.progress import Report, silent
from localcluster.tools import Binary, Folder, GoTool, JavaTool, PrunedSource, Tool

HAMMER = GoTool("hammer", "1.2.3", (Binary("hammer", "example.invalid/hammer"),), usual_minutes=1)


@pytest.fixture(autouse=True)
def lock_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of HAMMER's lock files. There is no hammer on PATH."""
    monkeypatch.setattr(tools, "TOOLS_DIRECTORY", tmp_path / "tools")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    HAMMER.lock_directory.mkdir(parents=True)
    (HAMMER.lock_directory / "go.mod").write_text("module hammer\n")
    (HAMMER.lock_directory / "go.sum").write_text("handle h1:aaa\n")
    return HAMMER.lock_directory


class Builder:
    """A build that writes its tool's executables; `during` happens in the middle of each."""

    def __init__(self, during: Callable[[], None] = lambda: None) -> None:
        self.built: list[str] = []
        self._during = during

    def __call__(self, tool: Tool, scratch: Path, output: Path, log: Path, report: Report) -> None:
        (scratch / "source.go").touch()
        assert isinstance(tool, GoTool)
        for binary in tool.binaries:
            (output / binary.name).touch()
            self._during()
        self.built.append(tool.name)


def installed(directory: Path, *names: str) -> None:
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).touch(mode=0o755)


def test_the_key_follows_the_lock_files_content(lock_files: Path) -> None:
    before = binaries.key(HAMMER)
    (lock_files / "go.sum").write_text("handle h1:bbb\n")
    assert binaries.key(HAMMER) != before


def test_the_key_follows_the_lock_files_names(lock_files: Path) -> None:
    before = binaries.key(HAMMER)
    (lock_files / "go.sum").rename(lock_files / "go.sums")
    assert binaries.key(HAMMER) != before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"stamps": ("version=9",)}, id="stamps"),
        pytest.param({"tags": ("stable",)}, id="tags"),
        pytest.param({"binaries": (Binary("hammer", "example.invalid/other"),)}, id="package"),
        pytest.param({"folders": (Folder("chart", "charts/hammer"),)}, id="folders kept"),
        pytest.param({"source": PrunedSource("m", "h1:x", ("docs",), "cmd", frozenset())}, id="pruning"),
    ],
)
def test_the_key_follows_the_recipe(change: dict[str, object]) -> None:
    assert binaries.key(dataclasses.replace(HAMMER, **change)) != binaries.key(HAMMER)  # type: ignore[arg-type]


def test_the_key_does_not_depend_on_where_the_checkout_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = binaries.key(HAMMER)
    (tmp_path / "tools").rename(tmp_path / "elsewhere")
    monkeypatch.setattr(tools, "TOOLS_DIRECTORY", tmp_path / "elsewhere")
    assert binaries.key(HAMMER) == before


def test_the_recipe_of_jars_names_no_folder_of_this_machine() -> None:
    jars = JavaTool("broker", "1.0.0", "broker.jar", usual_minutes=1)
    assert not [word for word in builders.recipe(jars) if "/" in word]


def test_a_tool_is_built_once_and_then_found(tmp_path: Path) -> None:
    builder = Builder()
    first = binaries.ensure(silent, [HAMMER], tmp_path / "cache", builder)
    second = binaries.ensure(silent, [HAMMER], tmp_path / "cache", builder)
    assert builder.built == ["hammer"]
    assert first == second
    assert first["hammer"].exists()


def test_a_changed_lock_file_builds_anew_and_keeps_the_old_one(tmp_path: Path, lock_files: Path) -> None:
    old = binaries.ensure(silent, [HAMMER], tmp_path / "cache", Builder())
    (lock_files / "go.sum").write_text("handle h1:bbb\n")
    new = binaries.ensure(silent, [HAMMER], tmp_path / "cache", Builder())
    assert old["hammer"] != new["hammer"]
    assert old["hammer"].exists()


@pytest.mark.parametrize("problem", [KeyboardInterrupt, RuntimeError], ids=["Ctrl-C", "a failed build"])
def test_an_interrupted_build_leaves_nothing_and_is_done_again(tmp_path: Path, problem: type[BaseException]) -> None:
    def interrupt() -> None:
        raise problem

    cache = tmp_path / "cache"
    with pytest.raises(problem):
        binaries.ensure(silent, [HAMMER], cache, Builder(interrupt))
    assert [path.suffix for path in cache.iterdir()] == [".lock"]
    assert binaries.ensure(silent, [HAMMER], cache, Builder())["hammer"].exists()


def test_what_a_killed_build_left_is_thrown_away(tmp_path: Path) -> None:
    home = binaries.home(HAMMER, tmp_path / "cache")
    left = home.with_name(f"{home.name}.building") / "output"
    left.mkdir(parents=True)
    (left / "half-done").touch()
    binaries.ensure(silent, [HAMMER], tmp_path / "cache", Builder())
    assert [path.name for path in home.iterdir()] == ["hammer"]
    assert not left.parent.exists()


def test_of_two_at_once_one_builds_and_the_other_says_for_whom_it_waits(tmp_path: Path) -> None:
    started, waiting = threading.Event(), threading.Event()

    def until_the_other_waits() -> None:
        started.set()
        assert waiting.wait(10)

    def heard(sentence: str) -> None:
        if "waiting for process" in sentence:
            waiting.set()

    first, second = Builder(until_the_other_waits), Builder()
    one = threading.Thread(target=binaries.ensure, args=(silent, [HAMMER], tmp_path / "cache", first))
    one.start()
    assert started.wait(10)
    found = binaries.ensure(heard, [HAMMER], tmp_path / "cache", second)
    one.join(10)
    assert (first.built, second.built) == (["hammer"], [])
    assert found["hammer"].exists()


def test_progress_says_what_of_how_many_and_how_long(tmp_path: Path) -> None:
    sentences: list[str] = []
    saw = dataclasses.replace(HAMMER, name="saw", usual_minutes=0.5)
    binaries.ensure(sentences.append, [HAMMER, saw], tmp_path / "cache", Builder())
    assert sentences == ["[1 of 2] hammer 1.2.3: usually 1 min", "[2 of 2] saw 1.2.3: usually 30 s"]


TONGS = dataclasses.replace(HAMMER, name="tongs", binaries=(Binary("left", "l"), Binary("right", "r", ("version",))))


@pytest.mark.parametrize(
    ("answers", "usable"),
    [
        pytest.param({"left": "left v1.2.3", "right": "Client Version: 1.2.3+g0a1b"}, True, id="both are as pinned"),
        pytest.param({"left": "left v1.2.3", "right": "v1.2.4"}, False, id="one is newer"),
        pytest.param({"left": "left v1.2.3-rc.1", "right": "v1.2.3"}, False, id="one is a release candidate"),
        pytest.param({"left": "v11.2.3", "right": "v1.2.3"}, False, id="one only ends like the pinned version"),
        pytest.param({"left": "v1.2.3", "right": "unknown command"}, False, id="one does not say"),
        pytest.param({"left": "v1.2.3", "right": None}, False, id="one hangs"),
    ],
)
def test_what_is_on_path_is_used_only_in_exactly_the_pinned_version(
    tmp_path: Path, answers: dict[str, str | None], usable: bool
) -> None:
    installed(tmp_path / "bin", "left", "right")
    found = binaries.on_path(TONGS, ask=lambda argv: answers[argv[0]])
    assert found == ({name: tmp_path / "bin" / name for name in answers} if usable else None)


def test_a_tool_of_which_one_executable_is_absent_is_not_taken_from_path(tmp_path: Path) -> None:
    installed(tmp_path / "bin", "left")
    assert binaries.on_path(TONGS, ask=lambda argv: "v1.2.3") is None


def test_an_executable_on_path_in_the_pinned_version_saves_the_build(tmp_path: Path) -> None:
    installed(tmp_path / "bin", "hammer")
    (tmp_path / "bin" / "hammer").write_text("#!/bin/sh\necho hammer version 1.2.3\n")
    builder = Builder()
    found = binaries.ensure(silent, [HAMMER], tmp_path / "cache", builder)
    assert found["hammer"] == tmp_path / "bin" / "hammer"
    assert builder.built == []


def test_pruning_removes_what_is_listed_and_keeps_the_chosen_components(tmp_path: Path) -> None:
    files = "main.go main_test.go docs/a.md pkg/deep/b_test.go components/kafka.go components/ftp.go"
    for name in files.split():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).touch()
    source = PrunedSource("m", "h1:x", ("**/*_test.go", "docs"), "components", frozenset({"kafka.go"}))
    builders.prune(tmp_path / "tree", source)
    left = {str(path.relative_to(tmp_path / "tree")) for path in (tmp_path / "tree").rglob("*") if path.is_file()}
    assert left == {"main.go", "components/kafka.go"}
