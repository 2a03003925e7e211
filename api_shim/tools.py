"""What a person may do, as one table of tools: the chat calls them, and so do language models, through MCP.

A tool is a name, a description a model can rely on, a model of its arguments, and the route's own function behind it:
nothing is implemented twice. What a tool raises is what the route would raise (`problems`).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Response
from pydantic import AfterValidator, BaseModel, Field, JsonValue, ValidationError

from api_shim import answers, faults, problems, schedules, tasks
from api_shim.answers import Answer, PendingReminderAnswer, ScheduleAnswer, TaskAnswer
from api_shim.bodies import Body, Instant, NewSchedule, NewTask, ScheduleChange, TaskChange, Whole
from api_shim.shim import BEHIND, NAME, Shim
from store.reading import OPEN_TASKS, REMINDERS, SCHEDULES, TASKS, Feed, Key, Scope
from store.versions import TaskVersion
from taskbell import resources
from taskbell.calendar.series import Series
from taskbell.errors import Rejected
from taskbell.resources import State, instant_text, local_text

A = TypeVar("A", bound=Body)
V = TypeVar("V")

MOST_LOOKED_AT = 2000
"""Rows. More than anybody has in mind; lists say when they end there."""

_PAGE = 200
_UPCOMING = 3


def _id(text: str) -> str:
    if not re.fullmatch(NAME, text, re.ASCII):
        raise ValueError("is no id: the list tools give ids, for example buy-milk-1a2b3c4d; a title is none")
    return text


TaskId = Annotated[
    str,
    AfterValidator(_id),
    Field(
        min_length=1,
        max_length=253,
        description="The task's `id` as list_tasks or add_task gave it, for example buy-milk-1a2b3c4d; not its title",
    ),
]
ScheduleId = Annotated[
    str,
    AfterValidator(_id),
    Field(
        min_length=1,
        max_length=253,
        description="The schedule's `id` as list_schedules or add_schedule gave it, for example standup-1a2b3c4d",
    ),
]


class Nothing(Body):
    """No arguments."""


class OneTask(Body):
    task_id: TaskId


class OneSchedule(Body):
    schedule_id: ScheduleId


class ChangedTask(TaskChange):
    task_id: TaskId

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in super().given().items() if name != "task_id"}


class ChangedSchedule(ScheduleChange):
    schedule_id: ScheduleId

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in super().given().items() if name != "schedule_id"}


class TaskStates(StrEnum):
    OPEN = "Open"
    CLOSED = "Closed"
    ALL = "All"


class TaskQuery(Body):
    state: TaskStates = Field(TaskStates.OPEN, description="Open, Closed (completed or skipped), or All")
    text: str = Field("", max_length=200, description="Only tasks whose title contains this, whatever its case")
    due_from: Instant | None = Field(
        None, description="Only tasks due at this instant or later; all-day ones on days that end later"
    )
    due_before: Instant | None = Field(
        None, description="Only tasks due before this instant; all-day ones on days that are over by then"
    )
    limit: Annotated[Whole, Field(ge=1, le=200)] = 50


class ScheduleQuery(Body):
    text: str = Field("", max_length=200, description="Only schedules whose title contains this, whatever its case")
    limit: Annotated[Whole, Field(ge=1, le=200)] = 50


class TaskList(Answer):
    """`complete` is false when there are more than these: narrow the question."""

    items: list[TaskAnswer]
    complete: bool


class ScheduleList(Answer):
    items: list["DescribedSchedule"]
    complete: bool


class ReminderList(Answer):
    items: list[PendingReminderAnswer]
    complete: bool


class Upcoming(Answer):
    local: str
    at: answers.Instant


class DescribedSchedule(ScheduleAnswer):
    """`upcoming` are the next occurrences from now, at most three."""

    upcoming: list[Upcoming]


class Deleted(Answer):
    deleted: Literal[True] = True
    id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`behind`: done, but lists may not show it for some seconds."""

    result: dict[str, JsonValue]
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a tool works with."""

    shim: Shim
    scope: Scope
    response: Response


Run = Callable[[Workbench, Any], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    title: str
    description: str
    arguments: type[Body]
    run: Run
    writes: bool = True
    destroys: bool = False
    """Something is gone afterwards that no other tool brings back."""
    repeatable: bool = True
    """A second call with the same arguments changes nothing more."""

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "properties": {}} | self.arguments.model_json_schema()


async def call(shim: Shim, scope: Scope, tool: Tool, arguments: dict[str, Any]) -> Outcome:
    """Raises what the routes raise; arguments that do not fit are the Problem 422, with where and how to mend it."""
    response = Response()
    result = await tool.run(Workbench(shim, scope, response), _checked(tool, arguments))
    behind = all(response.headers.get(name) == value for name, value in BEHIND.items())
    return Outcome(result.model_dump(mode="json"), behind)


def described(version: ScheduleAnswer, now: datetime) -> DescribedSchedule:
    return DescribedSchedule(**version.model_dump(), upcoming=_upcoming(version, now))


def _upcoming(version: ScheduleAnswer, now: datetime) -> list[Upcoming]:
    if version.suspend:
        return []
    given = version.recurrence.model_dump(exclude_none=True, exclude_defaults=True)
    recurrence = resources.Recurrence.model_validate(given)
    try:
        series = Series(version.time_zone, version.start, recurrence.rule(), recurrence.policies())
        coming = series.upcoming(series.passed_by(now), _UPCOMING)
    except Rejected:
        return []  # made by kubectl, stalled, and its condition says why; no reason to refuse the whole list
    ends_at = version.ends_at
    kept = (each for each in coming if not ends_at or each.at <= ends_at)
    return [Upcoming(local=local_text(series.name(each.local)), at=each.at) for each in kept]


def _checked(tool: Tool, arguments: dict[str, Any]) -> Body:
    try:
        return tool.arguments.model_validate(arguments)
    except ValidationError as error:
        found = faults.of_arguments(error.errors(), tool.arguments)
        raise problems.invalid(found) from error


async def _add_task(at: Workbench, body: NewTask) -> BaseModel:
    return await tasks.create_task(body, at.scope, at.shim, at.response)


async def _list_tasks(at: Workbench, query: TaskQuery) -> BaseModel:
    feed = OPEN_TASKS if query.state is TaskStates.OPEN else TASKS
    found, all_seen = await gathered(at.shim, feed, at.scope)
    fitting = [version for version in found if _fits(version, query)]
    fitting.sort(key=lambda version: (version.data.due is None, _due_by(version) or version.created_at, version.name))
    mine = [answers.task(version) for version in fitting]
    return TaskList(items=mine[: query.limit], complete=all_seen and len(mine) <= query.limit)


def _fits(task: TaskVersion, query: TaskQuery) -> bool:
    due_by = _due_by(task)
    return (
        (query.state is not TaskStates.CLOSED or task.data.state is not State.OPEN)
        and query.text.casefold() in task.data.title.casefold()
        and (query.due_from is None or (due_by is not None and due_by >= query.due_from))
        and (query.due_before is None or (due_by is not None and due_by < query.due_before))
    )


def _due_by(task: TaskVersion) -> datetime | None:
    due = task.data.due
    return due.by if due else None


async def gathered(shim: Shim, feed: Feed[V], scope: Scope) -> tuple[list[V], bool]:
    """The first `MOST_LOOKED_AT` of a list, and whether these are all."""
    found: list[V] = []
    after: Key | None = None
    while len(found) < MOST_LOOKED_AT:
        page = await shim.projection.page(feed, scope, _PAGE, after)
        found += page.items
        after = page.after
        if after is None:
            return found, True
    return found, False


async def _change_task(at: Workbench, body: ChangedTask) -> BaseModel:
    return await tasks.change_task(body.task_id, body, at.scope, at.shim, at.response)


def _to_state(state: State) -> Run:
    async def run(at: Workbench, body: OneTask) -> BaseModel:
        return await tasks.change_task(body.task_id, TaskChange(state=state), at.scope, at.shim, at.response)

    return run


async def _delete_task(at: Workbench, body: OneTask) -> BaseModel:
    await tasks.delete_task(body.task_id, at.scope, at.shim, at.response)
    return Deleted(id=body.task_id)


async def _add_schedule(at: Workbench, body: NewSchedule) -> BaseModel:
    return described(await schedules.create_schedule(body, at.scope, at.shim, at.response), at.shim.now())


async def _list_schedules(at: Workbench, query: ScheduleQuery) -> BaseModel:
    found, all_seen = await gathered(at.shim, SCHEDULES, at.scope)
    mine = [each for each in map(answers.schedule, found) if query.text.casefold() in each.title.casefold()]
    items = [described(each, at.shim.now()) for each in mine[: query.limit]]
    return ScheduleList(items=items, complete=all_seen and len(mine) <= query.limit)


async def _change_schedule(at: Workbench, body: ChangedSchedule) -> BaseModel:
    changed = await schedules.change_schedule(body.schedule_id, body, at.scope, at.shim, at.response)
    return described(changed, at.shim.now())


async def _cancel_future(at: Workbench, body: OneSchedule) -> BaseModel:
    return await _end(at, body, instant_text(at.shim.now()))


async def _undo_cancel_future(at: Workbench, body: OneSchedule) -> BaseModel:
    return await _end(at, body, None)


async def _end(at: Workbench, body: OneSchedule, ends_at: str | None) -> BaseModel:
    change = ScheduleChange.model_validate({"ends_at": ends_at})
    changed = await schedules.change_schedule(body.schedule_id, change, at.scope, at.shim, at.response)
    return described(changed, at.shim.now())


async def _delete_schedule(at: Workbench, body: OneSchedule) -> BaseModel:
    await schedules.delete_schedule(body.schedule_id, at.scope, at.shim, at.response)
    return Deleted(id=body.schedule_id)


async def _list_reminders(at: Workbench, _: Nothing) -> BaseModel:
    page = await at.shim.projection.page(REMINDERS, at.scope, _PAGE, None)
    items = [PendingReminderAnswer.model_validate(each) for each in page.items]
    return ReminderList(items=items, complete=page.after is None)


_TIMES = (
    "Instants carry an offset (2026-11-23T09:00:00+01:00). Ask the person for their IANA time zone if you do not "
    "know it, and send it as time_zone."
)

TOOLS = (
    Tool(
        "add_task",
        "Add a task",
        "Adds one thing to do, once. For anything that repeats use add_schedule instead. Give due_at when it has a "
        "time, due_on (2026-11-23) when it has only a day; reminders with `before` (PT15M, PT1H, P1D; PT0M is at the "
        "due time, or at reminder_time of the day) need one of them, reminders with `at` do not. "
        f"{_TIMES}",
        NewTask,
        _add_task,
        repeatable=False,
    ),
    Tool(
        "list_tasks",
        "List tasks",
        "Lists the person's tasks, the next one due first, those without due time last. Occurrences of schedules are "
        "tasks too: their schedule_id says of which. Use it to find the `id` that the other tools need.",
        TaskQuery,
        _list_tasks,
        writes=False,
    ),
    Tool(
        "complete_task",
        "Complete a task",
        "Marks a task as done. Of a schedule, the task of the next occurrence then appears by itself within a second "
        "or two: do not add it.",
        OneTask,
        _to_state(State.COMPLETED),
    ),
    Tool(
        "undo_complete",
        "Reopen a task",
        "Opens a completed or skipped task again. If it is of a schedule and the next occurrence's task is untouched, "
        "that one disappears again.",
        OneTask,
        _to_state(State.OPEN),
    ),
    Tool(
        "skip_task",
        "Skip a task",
        "Closes a task without having done it: of a schedule, this one occurrence is left out and the next one "
        "appears.",
        OneTask,
        _to_state(State.SKIPPED),
    ),
    Tool(
        "update_task",
        "Change a task",
        "Changes only the fields you send; lists are replaced as a whole; null clears due_at or due_on. Of a "
        f"schedule's task it changes this occurrence alone; use update_schedule for the whole series. {_TIMES}",
        ChangedTask,
        _change_task,
    ),
    Tool(
        "delete_task",
        "Delete a task",
        "Deletes a task for good. Of a schedule, it skips this occurrence; to end the series use cancel_future.",
        OneTask,
        _delete_task,
        destroys=True,
        repeatable=False,
    ),
    Tool(
        "add_schedule",
        "Add a recurring task",
        "Adds a task that repeats. `start` is the first local time in time_zone without offset (2026-11-23T09:00) and "
        "also sets the time of day, or a date (2026-11-23) for all day long; it has to be one the recurrence yields. "
        "Examples of recurrence: every weekday "
        '{"frequency":"Weekly","weekdays":["Mon","Tue","Wed","Thu","Fri"]}; every second Tuesday (fortnightly) '
        '{"frequency":"Weekly","interval":2,"weekdays":["Tue"]}; last Friday of the month '
        '{"frequency":"Monthly","weekdays":["-1Fri"]}; last day of the month '
        '{"frequency":"Monthly","month_days":[-1]}. '
        "The answer's recurrence_text and upcoming say what was understood: read them back to the person. Ask the "
        "person for their IANA time zone if you do not know it.",
        NewSchedule,
        _add_schedule,
        repeatable=False,
    ),
    Tool(
        "list_schedules",
        "List recurring tasks",
        "Lists the person's recurring tasks with their recurrence in words and their next three occurrences.",
        ScheduleQuery,
        _list_schedules,
        writes=False,
    ),
    Tool(
        "update_schedule",
        "Change a recurring task",
        "Changes only the fields you send; recurrence and lists are replaced as a whole. A new time of day is a new "
        "`start` with that time. suspend: true pauses the series, false goes on with it.",
        ChangedSchedule,
        _change_schedule,
    ),
    Tool(
        "delete_schedule",
        "Delete a recurring task",
        "Deletes a series and all of its tasks, done ones included, for good. To only stop it use cancel_future, which "
        "can be undone.",
        OneSchedule,
        _delete_schedule,
        destroys=True,
        repeatable=False,
    ),
    Tool(
        "cancel_future",
        "Cancel all future occurrences",
        "Ends a series now: nothing of it occurs any more; what was done stays. undo_cancel_future takes it back.",
        OneSchedule,
        _cancel_future,
    ),
    Tool(
        "undo_cancel_future",
        "Go on with a series",
        "Takes cancel_future back: the series goes on with its next occurrence.",
        OneSchedule,
        _undo_cancel_future,
    ),
    Tool(
        "list_reminders",
        "List pending reminders",
        "Lists the reminders still to come of open tasks, the next one first.",
        Nothing,
        _list_reminders,
        writes=False,
    ),
)  # fmt: skip

BY_NAME = {tool.name: tool for tool in TOOLS}
