"""Which task or schedule a person means by some words of its title."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from api_shim.answers import TaskAnswer
from api_shim.tools import DescribedSchedule

_SMALL_WORDS = frozenset(
    {"the", "a", "an", "my", "our", "your", "this", "that", "task", "todo", "to", "one", "series", "today's", "of"}
)
_LIKENESS = 0.75
_MOST_NEAR = 5


@dataclass(frozen=True, slots=True)
class Thing:
    """A task of its own (`task`), or a schedule with the open task it stands at, if it has one."""

    title: str
    task: TaskAnswer | None = None
    schedule: DescribedSchedule | None = None

    @property
    def ref(self) -> str:
        """Unlike all others'."""
        if self.task:
            return f"task/{self.task.id}"
        return f"schedule/{self.schedule.id}" if self.schedule else ""


@dataclass(frozen=True, slots=True)
class Match:
    """`sure`: the words are the title's own; otherwise they are only like them."""

    things: tuple[Thing, ...]
    sure: bool


def things(tasks: Sequence[TaskAnswer], schedules: Sequence[DescribedSchedule]) -> tuple[Thing, ...]:
    """Every open task with its schedule, then the schedules that have no open task."""
    by_uid = {schedule.uid: schedule for schedule in schedules}
    standing = {task.schedule_uid for task in tasks}
    return (
        *(Thing(task.title, task, by_uid.get(task.schedule_uid or "")) for task in tasks),
        *(Thing(schedule.title, None, schedule) for schedule in schedules if schedule.uid not in standing),
    )


def find(said: str, among: Sequence[Thing]) -> Match:
    """The things whose title is what was said; else those that have all its words; else those that are alike."""
    wanted = _words(said)
    if not wanted:
        return Match((), sure=True)
    exact = [thing for thing in among if _words(thing.title) == wanted or said == _id(thing)]
    within = exact or [thing for thing in among if _has_all(_words(thing.title), wanted)]
    if within:
        return Match(tuple(within), sure=True)
    return Match(tuple(_alike(wanted, among)), sure=False)


def _id(thing: Thing) -> str:
    return thing.ref.partition("/")[2]


def _words(text: str) -> tuple[str, ...]:
    words = re.findall(r"[\w'’-]+", text.casefold())
    return tuple(word for word in words if word not in _SMALL_WORDS) or tuple(words)


def _has_all(title: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return set(wanted) <= set(title)


def _alike(wanted: tuple[str, ...], among: Sequence[Thing]) -> list[Thing]:
    said = " ".join(wanted)[:100]
    scored = [(_likeness(said, thing), position) for position, thing in enumerate(among)]
    best = sorted((score for score in scored if score[0] >= _LIKENESS), reverse=True)[:_MOST_NEAR]
    return [among[position] for _, position in best]


def _likeness(said: str, thing: Thing) -> float:
    title = " ".join(_words(thing.title))[:100]
    candidates = (title, *title.split())
    return max(difflib.SequenceMatcher(None, said, candidate).ratio() for candidate in candidates)
