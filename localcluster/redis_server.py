"""Finds Redis' server program; on Debian, as root, installs the package where it is absent."""

import re
import shutil
from pathlib import Path

from localcluster import debian, prerequisites
from localcluster.errors import MissingPrerequisiteError
from localcluster.progress import Report, step

OLDEST = (6, 2)
"""The first that trims a stream by age (XADD MINID): `streamTTL` in dapr/components/redis-pubsub.yaml asks for it."""

_REMEDY = "install it (on Debian `apt-get install redis-server`) or run this as root"


def ensure(log: Path, report: Report, ask: prerequisites.Ask = prerequisites.ask) -> Path:
    """`redis-server`. Raises `MissingPrerequisiteError`, which says what to install."""
    if shutil.which("redis-server") is None:
        if not debian.can_install():
            raise MissingPrerequisiteError(
                f"Redis' server, {_dotted(OLDEST)} or later, is needed: redis-server is not on PATH. "
                f"To mend it, {_REMEDY}."
            )
        with step("Redis server, from Debian's package: usually 15 s", report):
            debian.install(("redis-server",), log)
    path = shutil.which("redis-server")
    if path is None:
        raise MissingPrerequisiteError(f"Debian's package redis-server is installed, but not on PATH; see {log}.")
    said = ask(("redis-server", "--version")) or ""
    found = re.search(r"v=(\d+)\.(\d+)", said)
    if found is None:
        raise MissingPrerequisiteError(f"{path} does not say its version: {said!r}. To mend it, {_REMEDY}.")
    version = (int(found[1]), int(found[2]))
    if version < OLDEST:
        raise MissingPrerequisiteError(
            f"Redis {_dotted(OLDEST)} or later is needed, found {_dotted(version)}. To mend it, install a newer one."
        )
    return Path(path)


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
