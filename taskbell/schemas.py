"""The CustomResourceDefinitions, made from the models in `resources`: structural schemas, defaults, limits and CEL."""

from typing import Any

from pydantic import BaseModel

from taskbell.naming import GROUP, VERSION
from taskbell.resources import KINDS, Model, Resource

Schema = dict[str, Any]

_KEPT = (
    "type", "format", "pattern", "enum", "default", "description",
    "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum",
)  # fmt: skip


def custom_resource_definitions() -> tuple[Schema, ...]:
    """One `apiextensions.k8s.io/v1` object per kind, in the order of `resources.KINDS`."""
    return tuple(_definition(kind) for kind in KINDS)


def _definition(kind: type[Resource]) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short_name],
                "categories": ["taskbell"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(kind),
                    "schema": {"openAPIV3Schema": _root(kind)},
                }
            ],
        },
    }


def _columns(kind: type[Resource]) -> list[Schema]:
    columns = [{"name": name, "type": type_, "jsonPath": path} for name, type_, path in kind.columns]
    return [*columns, {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]


def _root(kind: type[Resource]) -> Schema:
    spec, status = (kind.model_fields[name].annotation for name in ("spec", "status"))
    return {
        "type": "object",
        "description": kind.__doc__,
        "required": ["spec"],
        **_rules(kind.schema_rules),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _structural(spec),
            "status": _structural(status),
        },
    }


def _structural(model: Any) -> Schema:
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    return _node(schema, definitions, {each.__name__: each for each in _models(model)})


def _node(node: Schema, definitions: Schema, models: dict[str, type[Model]]) -> Schema:
    """`node` without references, unions with null, titles, and with the CEL rules of the model it came from."""
    name = node.get("title")
    if reference := node.get("$ref"):
        name = reference.rsplit("/", 1)[-1]
        node = {**definitions[name], **node}
    elif options := node.get("anyOf"):
        (option,) = (option for option in options if option.get("type") != "null")
        return _node({**node, **option, "anyOf": None}, definitions, models)
    result = {key: node[key] for key in _KEPT if node.get(key) is not None}
    if "const" in node:
        result |= {"enum": [node["const"]]}
    if key := node.get("x-list-map-key"):
        result |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
    if "items" in node:
        result["items"] = _node(node["items"], definitions, models)
    if "properties" in node:
        result |= _object(node, definitions, models)
    return result | _rules(models[name].schema_rules if name in models else ())


def _object(node: Schema, definitions: Schema, models: dict[str, type[Model]]) -> Schema:
    properties = {name: _node(child, definitions, models) for name, child in node["properties"].items()}
    return {"properties": properties} | ({"required": node["required"]} if "required" in node else {})


def _rules(rules: tuple[Any, ...]) -> Schema:
    if not rules:
        return {}
    return {"x-kubernetes-validations": [{"rule": rule.rule, "message": rule.message} for rule in rules]}


def _models(model: type[BaseModel]) -> set[type[Model]]:
    """`model` and every model its fields hold."""
    found: set[type[Model]] = set()

    def visit(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, Model) and annotation not in found:
            found.add(annotation)
            for field in annotation.model_fields.values():
                visit(field.annotation)
        for argument in getattr(annotation, "__args__", ()):
            visit(argument)

    visit(model)
    return found
