"""Copies into the chart what it shares with the rest of the project: a chart can read no file outside of itself.

`python charts/generate.py`, part of `make generate`. A test fails when a copy is not what it would be."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = Path(__file__).parent / "taskbell" / "files"
SHARED = ("crds", "dapr")


def rendered() -> dict[Path, str]:
    """Copy → its whole text."""
    originals = (path for folder in SHARED for path in sorted((ROOT / folder).rglob("*.yaml")))
    return {FILES / path.relative_to(ROOT): path.read_text() for path in originals}


def stray() -> set[Path]:
    """Copies of what is no longer there."""
    return set(FILES.rglob("*.yaml")) - rendered().keys()


if __name__ == "__main__":
    for path in stray():
        path.unlink()
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
