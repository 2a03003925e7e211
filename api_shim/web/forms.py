"""What people fill in."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationError
from starlette.datastructures import FormData

from api_shim import faults, problems
from api_shim.bodies import Before, Body, LocalTime, NewSchedule, NewTask, Tags, Title
from api_shim.faults import Fault
from api_shim.web import moments
from taskbell.resources import Priority, instant_text


class Repeat(StrEnum):
    NEVER = ""
    DAILY = "Daily"
    WEEKDAYS = "Weekdays"
    WEEKLY = "Weekly"
    MONTHLY = "Monthly"
    YEARLY = "Yearly"


def _or(empty: Any) -> BeforeValidator:
    """A field that was left empty is `empty`."""
    return BeforeValidator(lambda value: empty if value == "" else value)


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


class AddForm(Body):
    """A task, or with `repeat` a schedule that starts when it is due. Local times are in the zone of the page."""

    title: Title
    due: Annotated[LocalTime | None, _or(None)] = None
    repeat: Repeat = Repeat.NEVER
    every: Annotated[int, _or(1), Field(ge=1, le=1000)] = 1
    reminders: Annotated[tuple[Before, ...], Field(max_length=10)] = ()
    priority: Priority = Priority.MEDIUM
    tags: Annotated[Tags, BeforeValidator(_words)] = ()

    @classmethod
    def read(cls, form: FormData) -> "AddForm":
        """Raises the Problem 422, its pointers naming the form's fields."""
        given: dict[str, Any] = {name: form[name] for name in cls.model_fields if name in form}
        read = _valid(cls, given | {"reminders": form.getlist("reminders")})
        if read.due is None and (read.repeat or read.reminders):
            what = "repeats" if read.repeat else "has a reminder"
            raise problems.invalid((Fault("/due", f"is needed for a task that {what}: choose when it is due"),))
        return read

    def task(self, zone: ZoneInfo) -> NewTask:
        due_at = instant_text(moments.instant(self.due, zone)) if self.due else None
        return _valid(NewTask, {**self._common(zone), "due_at": due_at})

    def schedule(self, zone: ZoneInfo) -> NewSchedule:
        start = self.due.isoformat(timespec="minutes") if self.due else None
        return _valid(NewSchedule, {**self._common(zone), "start": start, "recurrence": self._recurrence()})

    def _common(self, zone: ZoneInfo) -> dict[str, Any]:
        reminders = [{"before": before} for before in self.reminders]
        return {**self.model_dump(include={"title", "priority", "tags"}), "time_zone": zone.key, "reminders": reminders}

    def _recurrence(self) -> dict[str, Any]:
        if self.repeat is Repeat.WEEKDAYS:
            return {"frequency": "Weekly", "interval": self.every, "weekdays": ["Mon", "Tue", "Wed", "Thu", "Fri"]}
        return {"frequency": self.repeat.value, "interval": self.every}


B = TypeVar("B", bound=Body)


def _valid(kind: type[B], given: dict[str, Any]) -> B:
    """Raises the Problem 422."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise problems.invalid(faults.of_arguments(error.errors(), kind)) from error


FIELDS = tuple(AddForm.model_fields)

_LABELS = {
    "title": "Title", "due": "Due", "repeat": "Repeat", "every": "Every", "reminders": "Reminders",
    "priority": "Priority", "tags": "Tags",
}  # fmt: skip
_FIELDS_OF = {"due_at": "due", "start": "due", "time_zone": "due", "recurrence": "repeat", "interval": "every"}
"""The form's field, by that of the API which complains."""


def sentences(errors: Sequence[Fault]) -> dict[str, str]:
    """What has to be mended, by the form's field; under "" what belongs to none."""
    found: dict[str, str] = {}
    for fault in errors:
        named = fault.where.split("/")[1] if "/" in fault.where else ""
        field = _FIELDS_OF.get(named, named)
        label, detail = _LABELS.get(field), fault.detail.removeprefix(f"{named} ")
        found.setdefault(field if label else "", f"{label} {detail}." if label else f"{fault.detail}.")
    return found
