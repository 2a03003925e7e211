"""Where something is wrong, and how to mend it: sentences from what pydantic, the domain and the API server found."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.alias_generators import to_snake

from runtime.apiserver import Invalid
from taskbell import resources
from taskbell.errors import Rejected

Location = Sequence[int | str]


@dataclass(frozen=True, slots=True)
class Fault:
    """`where` is a JSON pointer into the body, or the name of a query parameter."""

    where: str
    detail: str
    in_query: bool = False

    def json(self) -> dict[str, str]:
        return {"parameter" if self.in_query else "pointer": self.where, "detail": self.detail}

    def sentence(self) -> str:
        return f"{self.where or 'The body'}: {self.detail}."


def of_query(errors: Sequence[Mapping[str, Any]]) -> tuple[Fault, ...]:
    return tuple(Fault(str(error["loc"][1]), _sentence(error, ("limit", "cursor")), in_query=True) for error in errors)


def of_body(errors: Sequence[Mapping[str, Any]], route: Any) -> tuple[Fault, ...]:
    """`route` knows the body's model, and so which fields there are."""
    return tuple(_of_body(error, route.body_field.field_info.annotation) for error in errors)


def of_arguments(errors: Sequence[Mapping[str, Any]], model: type[BaseModel]) -> tuple[Fault, ...]:
    """Of a model that was validated by itself: locations begin in it."""
    return tuple(_fault(error, error["loc"], model) for error in errors)


def of_rejection(refusal: Rejected) -> Fault:
    """The domain's sentences begin with the field they are about."""
    field, _, rest = refusal.message.partition(" ")
    place = to_snake(field).split(".")
    return Fault(_pointer(place), f"{place[-1]} {rest}")


def of_refusal(refusal: Invalid) -> tuple[Fault, ...]:
    """The API server's causes; where it names none, all that it said."""
    return tuple(_of_cause(cause) for cause in refusal.causes) or (Fault("", refusal.message),)


def _of_body(error: Mapping[str, Any], body: type[BaseModel]) -> Fault:
    return _fault(error, error["loc"][1:], body)


def _fault(error: Mapping[str, Any], location: Location, body: type[BaseModel]) -> Fault:
    return Fault(_pointer(location), _sentence(error, _fields_at(body, location[:-1])))


def _pointer(location: Location) -> str:
    """RFC 6901."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "is needed: add it",
    "string_too_long": lambda e: f"has {len(e['input'])} characters: shorten it to {e['ctx']['max_length']}",
    "string_too_short": lambda _: "cannot be empty: write something",
    "too_long": lambda e: f"has too many items: keep at most {e['ctx']['max_length']}",
    "enum": lambda e: f"has to be {e['ctx']['expected']}",
    "greater_than_equal": lambda e: f"has to be at least {e['ctx']['ge']}",
    "less_than_equal": lambda e: f"may be at most {e['ctx']['le']}",
    "int_type": lambda _: "has to be a whole number",
    "int_parsing": lambda _: "has to be a whole number",
    "bool_type": lambda _: "has to be true or false",
    "string_type": lambda _: "has to be a text",
    "tuple_type": lambda _: "has to be a list",
    "model_attributes_type": lambda _: "has to be a JSON object",
    "value_error": lambda e: str(e["ctx"]["error"]),
}  # fmt: skip
"""By pydantic's error type. Others keep pydantic's own words, which say what was expected."""


def _sentence(error: Mapping[str, Any], known: Sequence[str]) -> str:
    if error["type"] == "extra_forbidden":
        return _unknown(str(error["loc"][-1]), known)
    if error["type"] not in {"missing", "value_error"} and error["input"] is None:
        return "cannot be null: leave it out, or give a value"
    known_sentence = _SENTENCES.get(error["type"])
    return known_sentence(error) if known_sentence else str(error["msg"])


def _unknown(field: str, known: Sequence[str]) -> str:
    written = to_snake(field)
    meant = [written] if written in known else sorted(difflib.get_close_matches(written, known, 2))
    hint = f"did you mean {' or '.join(meant)}?" if meant else f"there are {', '.join(known)}"
    if field in {"recurrence", "start", "ends_at"} and "due_at" in known:
        hint = "what recurs is a schedule: POST it to /schedules"
    return f"is no field here; {hint}"


def _fields_at(model: type[BaseModel], location: Location) -> tuple[str, ...]:
    """The fields of the model that stands at `location` inside `model`."""
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models(model.model_fields[part].annotation), model)
    return tuple(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _cel_sentences() -> tuple[str, ...]:
    models: tuple[Any, ...] = (*resources.Model.__subclasses__(), *resources.KINDS)
    return tuple(rule.message for model in models for rule in model.schema_rules)


_CEL = _cel_sentences()


def _of_cause(cause: Mapping[str, str]) -> Fault:
    """A CEL sentence stands at the object it judges; the first of that object's fields it speaks of is the place."""
    message, path = cause.get("message", ""), _location(cause.get("field", ""))
    sentence = next((each for each in _CEL if each in message), None)
    if sentence is None:
        return Fault(_pointer(path), message)
    words = re.sub(r"\b[a-z]+[A-Z]\w*", lambda word: to_snake(word[0]), sentence)
    return Fault(_pointer((*path, *_field_of(words, path))), words)


def _location(field: str) -> Location:
    """`spec.task.reminders[0]`, as the API server writes it, in the words of our bodies: `reminders`, `0`."""
    parts = [part for part in re.split(r"[.\[\]]+", field) if part]
    return [to_snake(part) for part in parts if part not in {"spec", "task", "<nil>"}]


_SPECS = (resources.TaskSpec, resources.TaskScheduleSpec, resources.Template)
_FIELDS = {
    "": frozenset(field for spec in _SPECS for field in spec.model_fields),
    "recurrence": frozenset(resources.Recurrence.model_fields),
    "reminders": frozenset(resources.Reminder.model_fields),
}


def _field_of(words: str, path: Location) -> tuple[str, ...]:
    fields = _FIELDS.get(str(path[0]) if path else "", frozenset[str]())
    for word in re.findall(r"\w+", words):
        if named := fields & {word, f"{word}s"}:
            return tuple(named)
    return ()
