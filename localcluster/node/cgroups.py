"""The control groups below which kubelet puts the Pods: one folder of the node's name in every hierarchy."""

import contextlib
import time
from pathlib import Path

from localcluster.node.layout import NAME
from localcluster.reaper import REAPER

_SHARES = {"cpu.shares": 20 * 1024, "cpu.weight": 2000}
"""Twenty times the default, in version 1 and 2: else all Pods together get what one process of the machine gets, and
beside a build their probes fail."""

_GONE_SECONDS = 5.0
_LOOK_SECONDS = 0.05


def folders() -> list[Path]:
    """Where they are, or would be."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return [Path(mount[1]) / NAME for mount in mounts if mount[2] in {"cgroup", "cgroup2"}]


def make() -> None:
    """kubelet wants its root to exist everywhere."""
    for folder in folders():
        REAPER.watch_directory(folder)
        folder.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):  # version 1: empty until set, and then nothing may run in it
            if (folder / name).exists():
                (folder / name).write_text((folder.parent / name).read_text())
        for name, share in _SHARES.items():
            if (folder / name).exists():
                (folder / name).write_text(str(share))


def remove() -> None:
    """Takes them away, waiting a little for the last process in them to be gone."""
    deadline = time.monotonic() + _GONE_SECONDS
    left = folders()
    while left and time.monotonic() < deadline:
        for folder in left:
            _remove(folder)
        left = [folder for folder in left if folder.exists()]
        if left:
            time.sleep(_LOOK_SECONDS)
    for folder in folders():
        REAPER.forget_directory(folder)


def _remove(folder: Path) -> None:
    # The files in a control group are the kernel's: only the folders can go, the innermost first.
    if folder.exists():
        inner = sorted((path for path in folder.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts))
        for path in (*inner, folder):
            with contextlib.suppress(OSError):
                path.rmdir()
