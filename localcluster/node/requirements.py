"""What a node needs of this machine: Linux, root, and a few of Debian's packages, which are installed when absent."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from localcluster import process
from localcluster.errors import MissingPrerequisiteError, PartFailedError
from localcluster.process import Command
from localcluster.progress import Report, step

PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "sysctl": "procps",
}
"""Program → Debian package."""

_INSTALL_SECONDS = 900.0

Which = Callable[[str], str | None]


def reason_against(which: Which = shutil.which) -> str | None:
    """Why there can be no node here, in a sentence that says how to mend it; None when there can."""
    if sys.platform != "linux":
        return f"a node needs Linux's namespaces, and this is {sys.platform}; use kind there"
    if os.geteuid() != 0:
        return "a node needs namespaces and mounts of its own, so it must be run as root; or use kind"
    lacking = missing(which)
    if lacking and which("apt-get") is None:
        return f"a node needs {', '.join(lacking)} on the PATH, and there is no apt-get to install them: install them"
    return None


def missing(which: Which = shutil.which) -> list[str]:
    """Programs that are not on the PATH."""
    return [program for program in PACKAGES if which(program) is None]


def ensure(log: Path, report: Report) -> None:
    """Installs what is missing. Raises `MissingPrerequisiteError`."""
    if reason := reason_against():
        raise MissingPrerequisiteError(reason)
    if not (lacking := missing()):
        return
    packages = sorted({PACKAGES[program] for program in lacking})
    with step(f"Debian's packages {', '.join(packages)}: usually 15 s", report):
        _install(packages, log)
    if lacking := missing():
        raise MissingPrerequisiteError(
            f"{', '.join(packages)} are installed, but {', '.join(lacking)} missing; see {log}"
        )


def _install(packages: list[str], log: Path) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (("apt-get", "update"), ("apt-get", "install", "-y", "--no-install-recommends", *packages)):
        try:
            process.run(" ".join(argv), Command(argv, environment), log, _INSTALL_SECONDS)
        except PartFailedError as error:
            raise MissingPrerequisiteError(str(error)) from error
