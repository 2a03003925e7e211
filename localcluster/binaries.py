"""Makes the executables present, once for each machine, in a cache outside the checkout.

    <cache>/etcd-3.7.3-0a1b2c3d4e5f/etcd         complete, or not there at all
    <cache>/etcd-3.7.3-0a1b2c3d4e5f.building/    a build under way, or what a killed one left
    <cache>/etcd-3.7.3-0a1b2c3d4e5f.lock         held by the process that builds
    <cache>/logs/etcd.log                        what the builder printed

The folder's name ends in a hash of the tool's lock files and recipe, so a changed version builds anew and the old one
stays for other checkouts. What is on PATH in exactly the pinned version is used instead.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcluster import builders, prerequisites
from localcluster.progress import Report
from localcluster.tools import ALL, GoTool, JavaTool, Tool

Build = Callable[[Tool, Path, Path, Path, Report], None]
"""`builders.build`: tool, scratch folder, output folder, log, report."""

_VERSION = re.compile(r"\bv?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)")


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where the executables and jar folders are, by name: `binaries["daprd"]`, `binaries["kafka"]`."""

    paths: Mapping[str, Path]

    def __getitem__(self, name: str) -> Path:
        return self.paths[name]


def cache_directory() -> Path:
    """`$TASKBELL_CACHE`, by default `~/.cache/taskbell`."""
    return Path(os.environ.get("TASKBELL_CACHE") or Path.home() / ".cache" / "taskbell")


def ensure(
    report: Report,
    tools: Iterable[Tool] = ALL,
    cache: Path | None = None,
    build: Build = builders.build,
) -> Binaries:
    """Make the tools present and say where they are. Raises `BuildFailedError`, `MissingPrerequisiteError`.

    May be interrupted and called again, and by several processes at once."""
    cache = cache or cache_directory()
    missing = [tool for tool in tools if _find(tool, cache) is None]
    for number, tool in enumerate(missing, start=1):
        report(f"[{number} of {len(missing)}] {tool.name} {tool.version}: usually {_duration(tool.usual_minutes)}")
        _build_once(tool, cache, build, report)
    return Binaries({name: path for tool in tools for name, path in (_find(tool, cache) or {}).items()})


def home(tool: Tool, cache: Path) -> Path:
    """The folder a tool is built into."""
    return cache / f"{tool.name}-{tool.version}-{key(tool)}"


def key(tool: Tool) -> str:
    """Twelve hex digits of the SHA-256 over all that decides about the result."""
    digest = hashlib.sha256(platform.machine().encode())
    for line in builders.recipe(tool):
        digest.update(f"{line}\n".encode())
    for path in sorted(path for path in tool.lock_directory.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(tool.lock_directory)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _find(tool: Tool, cache: Path) -> Mapping[str, Path] | None:
    """The tool's executables by name, from the cache or from PATH; None when it must be built."""
    built = home(tool, cache)
    match tool:
        case GoTool(binaries=binaries, folders=folders) if built.exists():
            names = [*(binary.name for binary in binaries), *(folder.name for folder in folders)]
            return {name: built / name for name in names}
        case JavaTool(name=name) if built.exists():
            return {name: built}
        case GoTool(folders=()):
            return on_path(tool)
        case GoTool():
            return None
        case JavaTool():
            return None


def on_path(tool: GoTool, ask: prerequisites.Ask = prerequisites.ask) -> Mapping[str, Path] | None:
    """The tool's executables on PATH, if all of them are there in exactly the pinned version."""
    found: dict[str, Path] = {}
    for binary in tool.binaries:
        path = shutil.which(binary.name)
        version = _VERSION.search(ask((binary.name, *binary.version_arguments)) or "")
        if path is None or version is None or version[1] != tool.version:
            return None
        found[binary.name] = Path(path)
    return found


def _build_once(tool: Tool, cache: Path, build: Build, report: Report) -> None:
    built = home(tool, cache)
    unfinished = built.with_name(f"{built.name}.building")
    with _only_one(built.with_name(f"{built.name}.lock"), tool, report):
        if built.exists():
            return
        _remove(unfinished)
        scratch, output = unfinished / "scratch", unfinished / "output"
        scratch.mkdir(parents=True)
        output.mkdir()
        try:
            build(tool, scratch, output, cache / "logs" / f"{tool.name}.log", report)
            # The one step that makes it visible.
            output.rename(built)
        finally:
            _remove(unfinished)


@contextlib.contextmanager
def _only_one(lock: Path, tool: Tool, report: Report) -> Generator[None]:
    """Hold the lock file; the kernel releases it however we end."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            report(f"  waiting for process {holder}, which is building {tool.name} (this is process {os.getpid()})")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def _remove(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)


def _duration(minutes: float) -> str:
    return f"{minutes * 60:.0f} s" if minutes < 1 else f"{minutes:.0f} min"
