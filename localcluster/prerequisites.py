"""What must be installed on the machine before anything can be built: asked for just before it is needed."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from localcluster.errors import MissingPrerequisiteError

Version = tuple[int, ...]
Ask = Callable[[tuple[str, ...]], str | None]
"""Runs a program and gives what it printed; None when there is no such program."""


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """A program in a version from `at_least` (inclusive) to `below` (exclusive); `remedy` completes "To mend it,
    ..."."""

    program: str
    version_arguments: tuple[str, ...]
    pattern: str
    at_least: Version
    below: Version | None
    remedy: str


GO = Prerequisite(
    program="go",
    version_arguments=("version",),
    pattern=r"go(\d+(?:\.\d+)+)",
    at_least=(1, 26, 6),
    # Built with Go 1.27, kube-apiserver 1.36 answers 503 on /openapi/v2 for ever (encoding/json v2).
    below=(1, 27),
    remedy="install Go 1.26 from https://go.dev/dl, or set GOTOOLCHAIN=go1.26.8 and a newer Go fetches it",
)
JAVA = Prerequisite(
    program="java",
    version_arguments=("-version",),
    pattern=r'version "(\d+(?:\.\d+)*)',
    at_least=(17,),
    below=None,
    remedy="install a JRE, on Debian `apt-get install openjdk-17-jre-headless`",
)
MAVEN = Prerequisite(
    program="mvn",
    version_arguments=("-v",),
    pattern=r"Apache Maven (\d+(?:\.\d+)+)",
    at_least=(3, 6),
    below=None,
    remedy="install Maven, on Debian `apt-get install maven`",
)


def ask(argv: tuple[str, ...]) -> str | None:
    """What a program prints, on either stream and whatever its exit code; None when it is not on PATH or hangs for 30
    s."""
    if shutil.which(argv[0]) is None:
        return None
    try:
        answer = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout + answer.stderr


def require(needed: Prerequisite, ask: Ask = ask) -> None:
    """Raises `MissingPrerequisiteError`, which says what is missing, in which version, and how to mend it."""
    answer = ask((needed.program, *needed.version_arguments))
    wanted = f"{needed.program} {_dotted(needed.at_least)} or later"
    if needed.below is not None:
        wanted += f", but below {_dotted(needed.below)},"
    if answer is None:
        raise MissingPrerequisiteError(f"{wanted} is needed and not on PATH. To mend it, {needed.remedy}.")
    found = re.search(needed.pattern, answer)
    if found is None:
        raise MissingPrerequisiteError(f"{wanted} is needed; {needed.program} does not say its version: {answer!r}.")
    version = tuple(map(int, found[1].split(".")))
    if version < needed.at_least or (needed.below is not None and version >= needed.below):
        raise MissingPrerequisiteError(f"{wanted} is needed, found {found[1]}. To mend it, {needed.remedy}.")


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
