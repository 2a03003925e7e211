"""How each kind of tool is built into a folder. A recipe is a value: what is run is also what the cache's key is made
of."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from localcluster import process
from localcluster.errors import BuildFailedError, PartFailedError
from localcluster.prerequisites import GO, JAVA, MAVEN, require
from localcluster.progress import Report, step
from localcluster.tools import Binary, GoTool, JavaTool, PrunedSource, Tool

_ENOUGH_SECONDS = 3 * 3600.0


def recipe(tool: Tool) -> tuple[str, ...]:
    """Everything that decides about the result, besides the locked files: the commands with their folders left out."""
    match tool:
        case GoTool(source=source):
            commands = tuple(" ".join(_go_build(tool, binary, Path("OUT"))) for binary in tool.binaries)
            folders = tuple(f"{folder.path} {folder.name}" for folder in tool.folders)
            return (*commands, *(_describe(source) if source else ()), *folders)
        case JavaTool():
            return _maven_copy(Path("OUT"))


def build(tool: Tool, scratch: Path, output: Path, log: Path, report: Report) -> None:
    """Build a tool into `output`; `scratch` is a folder to work in. Raises `BuildFailedError`,
    `MissingPrerequisiteError`.

    Interrupted, it leaves no process; what the compiler had finished is in its own cache, so the next run continues
    there."""
    match tool:
        case GoTool():
            _build_go(tool, scratch, output, log, report)
        case JavaTool():
            _copy_jars(tool, output, log, report)


def _build_go(tool: GoTool, scratch: Path, output: Path, log: Path, report: Report) -> None:
    require(GO)
    directory = _source_tree(tool, tool.source, scratch) if tool.source else tool.lock_directory
    for number, binary in enumerate(tool.binaries, start=1):
        sentence = f"  {binary.name} ({number} of {len(tool.binaries)})"
        with step(sentence, report):
            _run(f"go build of {binary.name}", _go_build(tool, binary, output), directory, log)
    for folder in tool.folders:
        shutil.copytree(directory / folder.path, output / folder.name)


def _go_build(tool: GoTool, binary: Binary, output: Path) -> tuple[str, ...]:
    stamps = " ".join(f"-X {stamp}" for stamp in tool.stamps)
    return (
        *("go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-pgo=off"),
        *("-tags", ",".join(tool.tags)),
        *("-ldflags", f"-s -w {stamps}".rstrip()),
        *("-o", str(output / binary.name), binary.package),
    )


def _copy_jars(tool: JavaTool, output: Path, log: Path, report: Report) -> None:
    require(JAVA)
    require(MAVEN)
    with step("  its jars", report):
        _run("mvn", _maven_copy(output), tool.lock_directory, log)
    if not (output / tool.main_jar).exists():
        raise BuildFailedError(f"Maven succeeded, but there is no {tool.main_jar} in {output}; see {log}")


def _maven_copy(output: Path) -> tuple[str, ...]:
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={output}")
    return ("mvn", "-q", "-B", "--strict-checksums", "-f", "pom.xml", *goal)


def _run(name: str, argv: tuple[str, ...], directory: Path, log: Path) -> None:
    # The user's whole environment, for their proxies and mirrors; not their workspace, which would replace the locked
    # modules.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    try:
        process.run(name, process.Command(argv, environment, directory), log, _ENOUGH_SECONDS)
    except PartFailedError as error:
        raise BuildFailedError(str(error)) from error


def _describe(source: PrunedSource) -> tuple[str, ...]:
    return (source.module, source.checksum, *source.removed, source.thinned, *sorted(source.kept))


def _source_tree(tool: GoTool, source: PrunedSource, scratch: Path) -> Path:
    """A copy of the module's source, pruned, with the tool's overlay on top."""
    tree = scratch / "source"
    shutil.copytree(_download(tool, source), tree, copy_function=shutil.copyfile)
    _make_writable(tree)
    prune(tree, source)
    shutil.copytree(tool.lock_directory / "overlay", tree, dirs_exist_ok=True)
    return tree


def _make_writable(tree: Path) -> None:
    # Go's module cache is read-only, its folders too.
    for folder, _, _ in os.walk(tree):
        Path(folder).chmod(0o755)


def prune(tree: Path, source: PrunedSource) -> None:
    """Remove from a source tree what the tool's build leaves out."""
    doomed = [path for pattern in source.removed for path in tree.glob(pattern)]
    doomed += [path for path in (tree / source.thinned).iterdir() if path.name not in source.kept]
    for path in doomed:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _download(tool: GoTool, source: PrunedSource) -> Path:
    """The module's source in Go's own cache. Raises `BuildFailedError` also when it is not what was locked."""
    module = f"{source.module}@v{tool.version}"
    answer = subprocess.run(
        ("go", "mod", "download", "-json", module),
        cwd="/",
        env={**os.environ, "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise BuildFailedError(f"go mod download {module}: {answer.stdout}{answer.stderr}")
    downloaded = json.loads(answer.stdout)
    if downloaded["Sum"] != source.checksum:
        raise BuildFailedError(f"{module} has the checksum {downloaded['Sum']}, locked is {source.checksum}")
    return Path(downloaded["Dir"])
