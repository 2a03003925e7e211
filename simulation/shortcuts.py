"""What the simulation spares itself.

Pure functions of the calendar are asked once for each question; nobody counts; and the heap of wake-ups does not look
every minute at a clock that only the simulation can set (`look_at_the_clock`).

The functions are those that stand in the production modules when a life begins, planted bugs and all.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from consumers import recurring
from task_operator import alarms, machinery, publisher, queue, reading, reconcile, recorder, wakeups
from taskbell.calendar import offsets
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.lifecycle import cursor, schedule
from taskbell.resources import TaskScheduleSpec

NEVER_SECONDS = 1e9
COUNTING = (alarms, machinery, publisher, queue, reading, reconcile, recorder, recurring, wakeups)
"""Modules whose metrics nobody reads here."""


class _Nothing:
    """Metrics that count nothing."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def look_at_the_clock(heap: wakeups.Wakeups) -> None:
    """As its minute's pause would have made it do."""
    heap._changed.set()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (it has no other way in)


@contextmanager
def taken() -> Generator[None]:
    """For one life."""
    series_of, words_of, calendar_of = TaskScheduleSpec.series, TaskScheduleSpec.words, cursor.calendar_of
    next_after = Series.next_after
    parse = offsets.parse
    answers: dict[tuple[Series, datetime, datetime | None, int], Occurrence | None] = {}

    def next_after_once(
        self: Series, moment: datetime, *, local: datetime | None = None, fold: int = 0
    ) -> Occurrence | None:
        question = (self, moment, local, fold)
        if question not in answers:
            answers[question] = next_after(self, moment, local=local, fold=fold)
        return answers[question]

    replaced: tuple[tuple[Any, str, Any], ...] = (
        (TaskScheduleSpec, "series", _once(series_of)),
        (TaskScheduleSpec, "words", _once(words_of)),
        (cursor, "calendar_of", once := _once(calendar_of)),
        (schedule, "calendar_of", once),
        (Series, "next_after", next_after_once),
        (offsets, "parse", cache(parse)),
        *((module, "metrics", _Nothing()) for module in COUNTING),
        (wakeups, "LONGEST_PAUSE_SECONDS", NEVER_SECONDS),
    )
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    for owner, name, value in replaced:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def _once(ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """By identity: specs are frozen, and their hash costs more than the question."""
    answers: dict[int, tuple[Any, Any]] = {}

    def answer(subject: Any) -> Any:
        known = answers.get(id(subject))
        if known is None:
            known = answers[id(subject)] = (subject, ask(subject))  # held, so that no other gets its id
        return known[1]

    return answer
