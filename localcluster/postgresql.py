"""Finds PostgreSQL's server programs; on Debian, as root, installs the package where they are absent."""

import shutil
from pathlib import Path

from localcluster import debian
from localcluster.errors import MissingPrerequisiteError
from localcluster.progress import Report, step

OLDEST = 14
_DEBIAN_DIRECTORY = Path("/usr/lib/postgresql")
_CREATE_CLUSTER = Path("/etc/postgresql-common/createcluster.d/taskbell.conf")


def ensure(log: Path, report: Report) -> Path:
    """The folder that holds `postgres` and `initdb`. Raises `MissingPrerequisiteError`, which says what to install."""
    if (found := find()) is not None:
        return found
    if not debian.can_install():
        raise MissingPrerequisiteError(
            f"PostgreSQL's server, {OLDEST} or later, is needed: initdb is neither on PATH nor under "
            f"{_DEBIAN_DIRECTORY}. To mend it, install it (on Debian `apt-get install postgresql`) or run this as root."
        )
    with step("PostgreSQL server, from Debian's package: usually 30 s", report):
        _install(log)
    if (found := find()) is None:
        raise MissingPrerequisiteError(f"Debian's package postgresql is installed, but holds no initdb; see {log}")
    return found


def find(debian: Path = _DEBIAN_DIRECTORY) -> Path | None:
    """Debian's newest server, else the one on PATH. Debian's first, for what is on PATH may be a wrapper around it."""
    versions = sorted((int(path.parts[-3]), path) for path in debian.glob("[0-9]*/bin/initdb"))
    if versions and versions[-1][0] >= OLDEST:
        return versions[-1][1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _install(log: Path) -> None:
    if not _CREATE_CLUSTER.exists():
        # Else the package makes and starts a server of its own.
        _CREATE_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
        _CREATE_CLUSTER.write_text("create_main_cluster = false\n")
    debian.install(("postgresql",), log)
