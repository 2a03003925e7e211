"""Debian's packages, where this runs as root on Debian."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from localcluster import process
from localcluster.process import Command

_INSTALL_SECONDS = 900.0


def can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str], log: Path) -> None:
    """Installs `packages` and what they depend on, nothing that they recommend."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (("apt-get", "update"), ("apt-get", "install", "-y", "--no-install-recommends", *packages)):
        process.run(" ".join(argv), Command(argv, environment), log, _INSTALL_SECONDS)
