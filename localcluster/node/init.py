"""Pid 1 of the node: `init.py READY SOURCE=TARGET...`. Gives it mounts of its own, then buries orphans for ever.

Its death is the node's. Standard library only: it runs under `python -I -S`."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

_HOST_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}
"""What kubelet sets for the whole machine, or dies. It finds and sets plain files with these values instead."""


def main(ready: str, *binds: str) -> None:
    _mount("--make-rshared", "/")  # among our own Pods; unshare(1) has cut it off from the machine
    for bind in binds:
        source, _, target = bind.partition("=")
        _mount("--bind", source, target)
    _hide_host_settings(Path(ready).parent)
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    Path("/run/containerd").mkdir()
    # Where cAdvisor, in kubelet, looks for it.
    Path("/run/containerd/containerd.sock").symlink_to(Path(ready).with_name("containerd.sock"))
    Path(ready).touch()
    _bury_orphans()


def _hide_host_settings(state: Path) -> None:
    folder = state / "sysctl"
    folder.mkdir()
    for name, value in _HOST_SETTINGS.items():
        stand_in = folder / name.replace("/", ".")
        stand_in.write_text(f"{value}\n")
        _mount("--bind", str(stand_in), f"/proc/sys/{name}")


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _bury_orphans() -> None:
    # containerd's shims leave their parents on purpose.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        signal.sigwait({signal.SIGCHLD})
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


if __name__ == "__main__":
    main(*sys.argv[1:])
