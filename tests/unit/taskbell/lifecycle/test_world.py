"""Everything at once, at the worst moment: the seeded world of `world.py`, and that it can fail."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from taskbell.lifecycle import actions as act
from taskbell.lifecycle import cursor as cursors
from taskbell.lifecycle import schedule as schedules
from taskbell.lifecycle import task as tasks
from taskbell.resources import Cursor, ReminderState, TaskSchedule
from tests.unit.taskbell.lifecycle.world import World

SEEDS = 120
CHUNK = 12
ENOUGH = 60
"""Seeds after which a planted bug must have shown itself."""


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_whatever_happens_everything_holds_in_the_end(first: int) -> None:
    for seed in range(first, first + CHUNK):
        world = World(seed)
        assert not world.run(), f"seed {seed}: {world.violations}\n" + "\n".join(world.story)


def test_a_world_is_the_same_every_time() -> None:
    first, second = World(8), World(8)
    first.run()
    second.run()
    assert first.story == second.story
    assert len(first.story) > 50


def fails_for_some_seed(first: int = 0) -> bool:
    return any(World(seed).run() for seed in range(first, first + ENOUGH))


def test_status_before_the_effects_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = schedules.plan

    def status_first(observed: schedules.ObservedSchedule, now: datetime) -> tuple[act.Action, ...]:
        return tuple(sorted(right(observed, now), key=lambda action: not isinstance(action, act.WriteStatus)))

    monkeypatch.setattr(schedules, "plan", status_first)
    assert fails_for_some_seed()


def test_an_advance_that_ignores_when_it_was_closed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = cursors.advance

    def from_the_occurrence(schedule: TaskSchedule, cursor: Cursor, closed_at: datetime) -> Cursor | None:
        del closed_at
        return right(schedule, cursor, cursor.at)

    monkeypatch.setattr(cursors, "advance", from_the_occurrence)
    monkeypatch.setattr(schedules, "advance", from_the_occurrence)
    assert fails_for_some_seed()


def test_retiring_before_the_cursor_is_stored_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = schedules._lower_task_open

    def at_once(picture: schedules._Picture, cursor: Cursor) -> schedules._Next | None:
        return schedules._Next.LOOK_AGAIN if right(picture, cursor) else None

    _replace_row(monkeypatch, right, at_once)
    assert fails_for_some_seed()


def test_overwriting_what_a_person_changed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "touched", lambda task: False)
    assert fails_for_some_seed()


def test_telling_a_closing_before_it_is_noted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tasks._untold

    def as_of_now(*arguments: object) -> Iterator[act.Telling]:
        task, status, told, now = arguments
        return right(task, status.model_copy(update={"closed_at": now}), told, now)  # type: ignore[attr-defined,arg-type]

    monkeypatch.setattr(tasks, "_untold", as_of_now)
    assert fails_for_some_seed()


def test_letting_a_task_go_before_the_cursor_knows_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_cursor_knows", lambda observed: True)
    assert fails_for_some_seed(first=160)


def test_reminders_of_closed_tasks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tasks._state

    def never_cancelled(*arguments: object) -> object:
        state = right(*arguments)  # type: ignore[arg-type]
        return ReminderState.PENDING if state is ReminderState.CANCELLED else state

    monkeypatch.setattr(tasks, "_state", never_cancelled)
    assert fails_for_some_seed()


def _replace_row(
    monkeypatch: pytest.MonkeyPatch, right: Callable[..., object], wrong: Callable[..., schedules._Next | None]
) -> None:
    rows = tuple(wrong if row is right else row for row in schedules.ROWS)
    assert rows != schedules.ROWS
    monkeypatch.setattr(schedules, "ROWS", rows)
