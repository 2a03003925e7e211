"""`docs/acceptance.md`, read."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

_SECTION = re.compile(r"^## (.*)$")
_CODE = re.compile(r"`([^`]+)`")
_TEST = re.compile(r"tests/\w[\w/]*\.py(?:::\w+)*")
_DEFINITIONS = re.compile(r"^```sh\nmake run DETACH=1\nsource \.run/env\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """`tests` are pytest's node ids; `command` is the first of the last column."""

    section: str
    name: str
    tests: tuple[str, ...]
    command: str


def rows() -> list[Row]:
    found: list[Row] = []
    section = ""
    for line in _text().splitlines():
        if match := _SECTION.match(line):
            section = match[1].split(":")[0]
        elif line.startswith("| ") and not line.startswith("| |"):
            name, _, shown, seen = (cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            found.append(Row(section, name, tuple(_TEST.findall(shown)), _CODE.findall(seen)[0]))
    return found


def definitions() -> str:
    """The shell functions that the commands use."""
    match = _DEFINITIONS.search(_text())
    assert match
    return match[1]


def _text() -> str:
    return (ROOT / "docs" / "acceptance.md").read_text()
