"""The committed CustomResourceDefinitions are those of the models, and every list and string in them is bounded."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskbell import schemas

ROOT = Path(__file__).parents[3]


def generated() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "crds" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.pop("generate", None)
    spec.loader.exec_module(module)
    rendered: dict[Path, str] = module.rendered()
    return rendered


@pytest.mark.parametrize(("path", "text"), [pytest.param(p, t, id=p.name) for p, t in generated().items()])
def test_the_committed_file_is_what_the_models_say(path: Path, text: str) -> None:
    assert path.read_text() == text, "run: make generate"


def nodes(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")


def everything() -> list[Any]:
    found = []
    for definition in schemas.custom_resource_definitions():
        (version,) = definition["spec"]["versions"]
        root = version["schema"]["openAPIV3Schema"]
        kind = definition["spec"]["names"]["kind"]
        for part in ("spec", "status"):
            found += [pytest.param(node, id=path) for path, node in nodes(root["properties"][part], f"{kind}.{part}")]
    return found


KEPT = {
    "type", "format", "pattern", "enum", "default", "description", "required", "properties", "items",
    "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum",
    "x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
}  # fmt: skip


@pytest.mark.parametrize("node", everything())
def test_a_node_is_structural_and_bounded(node: dict[str, Any]) -> None:
    assert set(node) <= KEPT
    assert "type" in node
    match node["type"]:
        case "string":
            assert "enum" in node or "maxLength" in node
        case "array":
            assert "maxItems" in node
        case "object":
            assert "properties" in node


@pytest.mark.parametrize("node", everything())
def test_a_rule_has_a_sentence(node: dict[str, Any]) -> None:
    for rule in node.get("x-kubernetes-validations", ()):
        assert " " in rule["message"]
        assert "self" in rule["rule"]
