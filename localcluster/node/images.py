"""The images that Pods of the node run, as docker archives in the cache.

    pause, coredns, dapr    static programs of `tools.NODE`
    python                  Debian with CPython, by debootstrap: what python:3.11-slim is elsewhere
    operator, api, consumers    from our Dockerfile, by buildah, on `python`

No registry is asked for anything."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from localcluster import process, tools
from localcluster.binaries import Binaries
from localcluster.errors import BuildFailedError, PartFailedError
from localcluster.node import archive
from localcluster.node.archive import Image
from localcluster.node.containerd import PAUSE_IMAGE
from localcluster.process import Command
from localcluster.progress import Report, step

COREDNS_IMAGE = f"localhost/coredns:{tools.COREDNS.version}"
DAPR_IMAGE = f"localhost/dapr:{tools.DAPR.version}"
TARGETS = ("operator", "api", "consumers")
REPOSITORY = "localhost/taskbell"
TAG = "dev"

_SUITE = "bookworm"
_PYTHON = Image(f"localhost/python:{_SUITE}", command=("python3",), environment={"PYTHONUNBUFFERED": "1"})
_UNPRIVILEGED = "65532"
_SECONDS = 1800.0
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PIP_SETTINGS = Path("/etc/pip.conf")


@dataclass(frozen=True, slots=True)
class Images:
    """`folder` is in the cache; `log` takes what the builders print. Raises `BuildFailedError`."""

    folder: Path
    log: Path
    report: Report

    def of_programs(self, found: Binaries) -> list[Path]:
        """The images of the cluster's own services and of Dapr's, made where they are absent or older."""
        dapr = ("daprd", "scheduler", "operator", "injector", "sentry", "placement")
        return [
            self._of_programs(Image(PAUSE_IMAGE, ("/pause",), user="65535"), [found["pause"]]),
            self._of_programs(Image(COREDNS_IMAGE, ("/coredns",)), [found["coredns"]]),
            self._of_programs(Image(DAPR_IMAGE, user=_UNPRIVILEGED), [found[name] for name in dapr]),
        ]

    def of_taskbell(self, checkout: Path) -> list[Path]:
        """Our three, built from the checkout as it is now."""
        base = self.python()
        builder = Builder(self.folder / "buildah", self.log)
        builder.load(base)
        built: list[Path] = []
        with step("our images, from the Dockerfile: usually 90 s, 40 s when nothing changed", self.report):
            for target in TARGETS:
                output = self.folder / f"{target}.tar"
                builder.build(checkout, target, f"{REPOSITORY}-{target}:{TAG}", output, base=_PYTHON.reference)
                built.append(output)
        return built

    def python(self) -> Path:
        """Debian with CPython and certificates, nothing else; made once."""
        output = self.folder / f"python-{_SUITE}.tar"
        if not output.exists():
            with step("base image with CPython, from Debian's packages: usually 60 s", self.report):
                self._bootstrap(output)
        return output

    def _of_programs(self, image: Image, programs: list[Path]) -> Path:
        output = self.folder / f"{image.reference.rpartition('/')[2].replace(':', '-')}.tar"
        if not output.exists() or any(path.stat().st_mtime > output.stat().st_mtime for path in programs):
            self.folder.mkdir(parents=True, exist_ok=True)
            archive.from_programs(image, programs, output)
        return output

    def _bootstrap(self, output: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            root = Path(scratch) / "root"
            packages = "--include=python3,python3-venv,ca-certificates"
            argv = ("debootstrap", "--variant=minbase", packages, _SUITE, str(root), _mirror())
            _run("debootstrap", argv, self.log)
            _slim(root)
            archive.from_root(_PYTHON, root, output)


@dataclass(frozen=True, slots=True)
class Builder:
    """buildah with a storage of its own."""

    folder: Path
    log: Path

    def load(self, image: Path) -> None:
        """Makes a docker archive usable in FROM."""
        self._prepare()
        stamp = self.folder / f"{image.stem}.loaded"
        if not stamp.exists() or stamp.stat().st_mtime < image.stat().st_mtime:
            self._run("pull", "--quiet", f"docker-archive:{image}")
            stamp.touch()

    def build(self, context: Path, target: str, reference: str, output: Path, *, base: str) -> None:
        """One target of the context's Dockerfile, as a docker archive."""
        # The machine's own ways to the package index, for RUN; none of them ends up in the image.
        lent = [path for path in (_CERTIFICATES, _PIP_SETTINGS) if path.exists()]
        volumes = [f"--volume={path}:{path}:ro" for path in lent]
        arguments = ("--pull-never", "--network=host", "--layers", f"--target={target}", f"--build-arg=BASE={base}")
        self._run("bud", *arguments, *volumes, f"--tag={reference}", str(context))
        output.unlink(missing_ok=True)
        self._run("push", "--quiet", reference, f"docker-archive:{output}:{reference}")

    def _prepare(self) -> None:
        for name in ("tmp", "run"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/root"\nrunroot = "{self.folder}/run"\n'
        (self.folder / "storage.conf").write_text(storage)
        (self.folder / "registries.conf").write_text("unqualified-search-registries = []\n")
        (self.folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def _run(self, verb: str, *arguments: str) -> None:
        added = {
            "CONTAINERS_STORAGE_CONF": f"{self.folder}/storage.conf",
            "CONTAINERS_REGISTRIES_CONF": f"{self.folder}/registries.conf",
            "BUILDAH_ISOLATION": "chroot",
            "TMPDIR": str(self.folder / "tmp"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
        }
        argv = ("buildah", verb, f"--signature-policy={self.folder}/policy.json", *arguments)
        _run(f"buildah {verb}", argv, self.log, **added)


def _mirror() -> str:
    """Where this machine gets its own Debian packages."""
    answer = subprocess.run(
        ("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"),
        capture_output=True,
        text=True,
        check=False,
    )
    return next(iter(answer.stdout.split()), "http://deb.debian.org/debian")


def _slim(root: Path) -> None:
    """Takes out what no program needs, and what tells where it was made."""
    for pattern in (
        *("var/cache/apt/*", "var/cache/ldconfig/*", "var/lib/apt/lists/*", "var/log/*.log", "var/log/apt", "dev/*"),
        *("usr/share/doc/*", "usr/share/man/*", "usr/share/info/*", "usr/share/locale/*"),
        *("etc/apt/sources.list", "etc/resolv.conf", "etc/hostname"),
    ):
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _run(name: str, argv: tuple[str, ...], log: Path, **added: str) -> None:
    # The user's whole environment, for their proxies and mirrors.
    try:
        process.run(name, Command(argv, {**os.environ, **added}), log, _SECONDS)
    except PartFailedError as error:
        raise BuildFailedError(str(error)) from error
