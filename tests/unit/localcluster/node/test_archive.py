"""Images of one layer."""

import hashlib
import json
import os
import platform
import tarfile
from pathlib import Path
from typing import Any

import pytest

from localcluster.errors import LocalClusterError
from localcluster.node import archive
from localcluster.node.archive import Image

TOOL = Image("localhost/tool:1", ("/tool",), user="65532", environment={"A": "b"})


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "tool"
    path.write_bytes(b"machine code")
    path.chmod(0o700)
    return path


def read(image: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, tarfile.TarInfo]]:
    """Manifest, configuration and the layer's entries."""
    with tarfile.open(image) as tar:

        def content(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        (manifest,) = json.loads(content("manifest.json"))
        configuration = content(manifest["Config"])
        assert manifest["Config"] == f"{hashlib.sha256(configuration).hexdigest()}.json"
        (layer,) = manifest["Layers"]
        digest = hashlib.sha256(content(layer)).hexdigest()
        assert json.loads(configuration)["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
        with tarfile.open(fileobj=tar.extractfile(layer)) as inner:
            entries = {entry.name: entry for entry in inner.getmembers()}
    return manifest, json.loads(configuration), entries


def test_a_program_lies_at_the_root_and_anybody_may_run_it(program: Path, tmp_path: Path) -> None:
    archive.from_programs(TOOL, [program], tmp_path / "image.tar")
    manifest, configuration, entries = read(tmp_path / "image.tar")
    assert manifest["RepoTags"] == ["localhost/tool:1"]
    assert configuration["config"]["Entrypoint"] == ["/tool"]
    assert configuration["config"]["User"] == "65532"
    assert "A=b" in configuration["config"]["Env"]
    assert (entries["tool"].mode, entries["tool"].uid, entries["tool"].mtime) == (0o755, 0, 0)


def test_the_same_program_makes_the_same_image_whenever_it_was_built(program: Path, tmp_path: Path) -> None:
    archive.from_programs(TOOL, [program], tmp_path / "one.tar")
    os.utime(program, (1, 1))
    archive.from_programs(TOOL, [program], tmp_path / "other.tar")
    assert read(tmp_path / "one.tar")[:2] == read(tmp_path / "other.tar")[:2]


def test_a_file_system_keeps_modes_and_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "python3").touch(mode=0o755)
    (root / "bin").symlink_to("usr/bin")
    archive.from_root(Image("localhost/base:1"), root, tmp_path / "image.tar")
    _, configuration, entries = read(tmp_path / "image.tar")
    assert entries["bin"].linkname == "usr/bin"
    assert entries["usr/bin/python3"].mode == 0o755
    assert configuration["config"].keys() == {"Env"}


def test_nothing_is_left_beside_the_image(program: Path, tmp_path: Path) -> None:
    archive.from_programs(TOOL, [program], tmp_path / "image.tar")
    assert {path.name for path in tmp_path.iterdir()} == {"tool", "image.tar"}


def test_an_unknown_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    with pytest.raises(LocalClusterError, match="this machine is vax"):
        archive.architecture()
