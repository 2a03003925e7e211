"""Images of one layer, written without any builder: for static programs, and for a root file system as it stands.

The format is docker-archive, which `ctr images import` and `buildah pull` read. Times, owners and order are fixed, so
the same files make the same image."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcluster.errors import LocalClusterError

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_EPOCH = "1970-01-01T00:00:00Z"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Image:
    """What a container of it runs. `user` is a number, "" is root."""

    reference: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def from_programs(image: Image, programs: Iterable[Path], output: Path) -> None:
    """Static executables, each at the root under its own name."""
    layer = output.with_suffix(".layer")
    with tarfile.open(layer, "w", format=tarfile.GNU_FORMAT) as tar:
        for program in programs:
            tar.add(program, program.name, filter=_as_root_owned_program)
    _write(image, layer, output)


def from_root(image: Image, root: Path, output: Path) -> None:
    """A whole file system."""
    layer = output.with_suffix(".layer")
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.iterdir()):
            tar.add(path, path.name, filter=_timeless)
    _write(image, layer, output)


def _timeless(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime, entry.uname, entry.gname = 0, "", ""
    return entry


def _as_root_owned_program(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.mode = 0o755
    return _timeless(entry)


def _write(image: Image, layer: Path, output: Path) -> None:
    """`output` comes into being at once or not at all; the layer's file is used up."""
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    configuration = _encoded(_configuration(image, digest))
    name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [image.reference], "Layers": [f"{digest}.tar"]}]
    unfinished = output.with_suffix(".unfinished")
    with tarfile.open(unfinished, "w") as tar:
        _add(tar, name, configuration)
        _add(tar, "manifest.json", _encoded(manifest))
        tar.add(layer, f"{digest}.tar", filter=_timeless)
    layer.unlink()
    unfinished.rename(output)


def _configuration(image: Image, digest: str) -> dict[str, Any]:
    environment = {"PATH": _PATH, **image.environment}
    run = {
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Entrypoint": list(image.entrypoint),
        "Cmd": list(image.command),
        "User": image.user,
    }
    return {
        "architecture": architecture(),
        "os": "linux",
        "created": _EPOCH,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": _EPOCH}],
        "config": {name: value for name, value in run.items() if value},
    }


def architecture() -> str:
    """This machine's, as images name it. Raises `LocalClusterError` for one that no image here is made for."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise LocalClusterError(f"images can be made on {' and '.join(_ARCHITECTURES)}; this machine is {machine}")
    return _ARCHITECTURES[machine]


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _encoded(value: object) -> bytes:
    return json.dumps(value).encode()
