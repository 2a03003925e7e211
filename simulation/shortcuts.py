"""What the simulation spares itself.

Pure functions of the calendar and of the template are asked once for each question; nobody counts; what is logged
below an error is not even put together; and the heap of wake-ups does not look every minute at a clock that only the
simulation can set (`look_at_the_clock`).

The functions are those that stand in the production modules when a life begins, planted bugs and all.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import structlog

from consumers import recurring
from simulation.leases import LeaseTime, PatientAsyncio
from task_operator import alarms, breaker, leader, machinery, publisher, queue, reading, reconcile, recorder, wakeups
from taskbell.calendar import offsets
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.lifecycle import cursor, schedule
from taskbell.resources import Cursor, NextOccurrence, TaskSchedule, TaskScheduleSpec, TaskSpec

NEVER_SECONDS = 1e9
COUNTING = (alarms, leader, machinery, publisher, queue, reading, reconcile, recorder, recurring, wakeups)
"""Modules whose metrics nobody reads here."""
LOGGING = (breaker, leader, machinery, reconcile, recorder, publisher)
"""Modules whose loggers would be made anew at each line, whether it is heard or not."""


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
def patient(time: LeaseTime) -> Generator[None]:
    """Electors pause by `time`."""
    module: Any = leader
    module.asyncio = PatientAsyncio(time)
    try:
        yield
    finally:
        module.asyncio = asyncio


@contextmanager
def taken() -> Generator[None]:
    """For one life."""
    series_of, words_of, calendar_of = TaskScheduleSpec.series, TaskScheduleSpec.words, cursor.calendar_of
    next_after, parse = Series.next_after, offsets.parse
    occurrence_spec, next_occurrences = schedule.occurrence_spec, schedule._next_occurrences  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    answers: dict[tuple[Series, datetime, datetime | None, int], Occurrence | None] = {}
    tasks: dict[tuple[Any, ...], tuple[TaskScheduleSpec, TaskSpec]] = {}
    outlooks: dict[tuple[Any, ...], tuple[TaskScheduleSpec, tuple[NextOccurrence, ...]]] = {}

    def next_after_once(
        self: Series, moment: datetime, *, local: datetime | None = None, fold: int = 0
    ) -> Occurrence | None:
        question = (self, moment, local, fold)
        if question not in answers:
            answers[question] = next_after(self, moment, local=local, fold=fold)
        return answers[question]

    def occurrence_spec_once(of: TaskSchedule, at: Cursor, text: str | None) -> TaskSpec:
        question = (id(of.spec), of.metadata.name, at.sequence, at.local, at.fold, at.at, text)
        if question not in tasks:
            tasks[question] = (of.spec, occurrence_spec(of, at, text))
        return tasks[question][1]

    def next_occurrences_once(picture: Any) -> tuple[NextOccurrence, ...]:
        at, spec = picture.cursor, picture.schedule.spec
        question = (id(spec), picture.exhausted, *((at.local, at.fold, at.at) if at else ()))
        if question not in outlooks:
            outlooks[question] = (spec, next_occurrences(picture))
        return outlooks[question][1]

    replaced: tuple[tuple[Any, str, Any], ...] = (
        (TaskScheduleSpec, "series", _once(series_of)),
        (TaskScheduleSpec, "words", _once(words_of)),
        (cursor, "calendar_of", once := _once(calendar_of)),
        (schedule, "calendar_of", once),
        (Series, "next_after", next_after_once),
        (schedule, "occurrence_spec", occurrence_spec_once),
        (schedule, "_next_occurrences", next_occurrences_once),
        (offsets, "parse", cache(parse)),
        *((module, "metrics", _Nothing()) for module in COUNTING),
        *((module, "logger", structlog.get_logger().bind()) for module in LOGGING),
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
