"""Nothing that was asked for is missing in `docs/acceptance.md`, and no test it names is made up."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.acceptance import ROOT, Row, rows

FOUR = ["1", "2", "3", "4"]
ASKED_FOR = {
    "US-P5-01": [*FOUR, "scenario"],
    "US-P5-02": [*FOUR, "scenario"],
    "US-P5-03": [*FOUR, "scenario"],
    "US-P5-04": [*FOUR, "scenario"],
    "US-P5-05": FOUR,
    "US-P5-06": FOUR,
    "US-P5-07": FOUR,
    "US-P5-08": [*FOUR, "5"],
    "US-P5-09": FOUR,
    "Topics, components, schemas": ["topic"] * 3 + ["component"] * 3 + ["schema"] * 2,
    "Environments": ["local", "cloud"],
    "Success criteria": [*FOUR, "5", "6"],
}
"""As the specification counts: acceptance criteria and scenarios of its stories, its tables, its success criteria."""


def test_every_line_of_the_specification_has_its_row() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows():
        found[row.section].append(row.name)
    assert found == ASKED_FOR


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.section} {row.name}")
def test_a_row_names_tests_that_exist_and_a_command(row: Row) -> None:
    assert row.tests
    assert row.command
    for test in row.tests:
        file, *names = test.split("::")
        assert _has(ROOT / file, names), test


def _has(file: Path, names: list[str]) -> bool:
    body: list[ast.stmt] = ast.parse(file.read_text()).body if file.exists() else []
    for name in names:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        found = next((each for each in body if isinstance(each, kinds) and each.name == name), None)
        if found is None:
            return False
        body = found.body
    return bool(body)
