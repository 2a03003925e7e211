"""A backup brought back: every occurrence under its number, nothing told twice, nothing made twice."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml

from task_operator import restore
from task_operator.restore import Backup, BadBackup, read
from task_operator.testing import NAMESPACE, World
from taskbell import naming
from taskbell.events import Topic
from taskbell.lifecycle.testing import MONDAY_SEVEN, one_off, schedule
from taskbell.resources import Phase, State, Task, TaskSchedule, instant_text

STANDUP = schedule(task={"title": "Team standup", "reminders": [{"before": "PT15M"}]})
MILK = one_off(dueAt=instant_text(MONDAY_SEVEN + timedelta(hours=4)), reminders=[{"before": "PT30M"}])
A_DAY = 24 * 3600.0


@pytest.fixture
async def backup(world: World) -> Backup:
    """Of a daily standup whose first two were completed, and a task of nobody's; then everything is lost, but not the
    operator."""
    created = await world.schedule(STANDUP)
    await world.task(MILK)
    world.start()
    await world.passes()
    for sequence in (1, 2):
        name = naming.task_name(created.metadata.name, created.metadata.uid, sequence)
        world.api.edit(Task, name, {"spec": {"state": "Completed"}})
        await world.passes(seconds=A_DAY)
    saved = backup_of(world)
    for kind in (TaskSchedule, Task):
        for each in world.api.all(kind):
            world.api.edit(kind, each.metadata.name, {"metadata": {"finalizers": []}})
            world.api.remove(kind, each.metadata.name)
    await world.passes()
    world.broker.topics.clear()
    return saved


def backup_of(world: World) -> Backup:
    names = [(kind, each.metadata.name) for kind in (TaskSchedule, Task) for each in world.api.all(kind)]
    return read(yaml.safe_dump({"kind": "List", "items": [world.api.body(kind, name) for kind, name in names]}))


def occurrences(world: World) -> dict[int, Task]:
    return {task.spec.occurrence.sequence: task for task in world.api.all(Task) if task.spec.occurrence}


async def test_everything_is_as_it_was_and_goes_on(world: World, backup: Backup) -> None:
    lines: list[str] = []
    await restore.restore(world.api, backup, lines.append)
    await world.passes(seconds=A_DAY)

    (standup,) = world.api.all(TaskSchedule)
    cursor = standup.status.cursor
    assert cursor is not None
    assert (cursor.sequence, cursor.phase, standup.spec.suspend) == (3, Phase.OPEN, False)
    assert naming.ADOPT_ANNOTATION not in standup.metadata.annotations
    found = occurrences(world)
    assert {sequence: task.spec.state for sequence, task in found.items()} == {
        1: State.COMPLETED, 2: State.COMPLETED, 3: State.OPEN,
    }  # fmt: skip
    owners = [task.metadata.controller for task in found.values()]
    assert [owner.uid for owner in owners if owner] == [standup.metadata.uid] * 3
    assert found[1].status.closed_at == MONDAY_SEVEN + timedelta(seconds=1)
    assert lines[-1] == "schedule default/standup: has its 3 tasks, and is resumed"

    world.api.edit(Task, found[3].metadata.name, {"spec": {"state": "Completed"}})
    await world.passes(seconds=A_DAY)
    assert max(occurrences(world)) == 4


async def test_what_was_over_is_not_told_again_and_no_old_reminder_comes(world: World, backup: Backup) -> None:
    await restore.restore(world.api, backup, unheard)
    await world.passes()
    told = [event["data"] for event in world.broker.topics[Topic.TASK_EVENTS]]
    assert sorted((each["event_type"], each["task_data"]["title"]) for each in told) == [
        ("created", "Buy milk"),
        ("created", "Team standup"),
    ]
    assert world.broker.topics[Topic.REMINDERS] == []


async def test_wherever_it_breaks_off_the_same_command_goes_on(world: World, backup: Backup) -> None:
    broken_off = 0
    while await fails_after(world, backup, calls=broken_off % 12):
        broken_off += 1
    assert broken_off > 6
    await world.passes(seconds=A_DAY)
    assert sorted(occurrences(world)) == [1, 2, 3]
    assert len(world.api.all(Task)) == 4
    assert not world.api.all(TaskSchedule)[0].spec.suspend


async def test_what_exists_is_left_alone(world: World, backup: Backup) -> None:
    await world.schedule(schedule(task={"title": "Another"}))
    await world.task(one_off(title="Another"))
    lines: list[str] = []
    await restore.restore(world.api, backup, lines.append)
    await world.passes()
    assert lines[0] == "schedule default/standup: exists, and is left alone"
    assert [line for line in lines if "left out" in line] == [
        f"task default/{task.name}: left out, its schedule was not restored" for task in backup.tasks if task.owned
    ]
    assert world.api.all(TaskSchedule)[0].spec.task.title == "Another"
    assert "task default/buy-milk: exists, and is left alone" in lines


async def test_without_an_operator_it_says_so(world: World, backup: Backup) -> None:
    await world.die()
    with pytest.raises(TimeoutError, match="3 of its tasks are not taken in after 60 s: does the operator run"):
        await restore.restore(world.api, backup, unheard)


def body(kind: str = "TaskSchedule", **changes: Any) -> dict[str, Any]:
    spec = STANDUP.spec.wire() if kind == "TaskSchedule" else MILK.spec.wire()
    made = {"apiVersion": "taskbell.dev/v1alpha1", "kind": kind, "metadata": {"name": "x", "namespace": NAMESPACE}}
    return {**made, "spec": spec, **changes}


def test_what_was_on_its_way_out_is_left_out() -> None:
    dying = body(metadata={"name": "x", "deletionTimestamp": "2026-11-23T07:00:00Z"})
    retired = body("Task", metadata={"name": "y", "annotations": {naming.RETIRED_ANNOTATION: "History"}})
    assert read(yaml.safe_dump_all([dying, retired])) == Backup()


def test_marks_of_the_object_that_was_are_left_out_and_a_persons_are_kept() -> None:
    annotations = {naming.ACTOR_ANNOTATION: "3 ada", "example.com/mine": "kept"}
    labels = {naming.USER_LABEL: "old", "team": "a"}
    metadata = {"name": "x", "annotations": annotations, "labels": labels, "uid": "old"}
    (saved,) = read(yaml.safe_dump(body(metadata=metadata))).schedules
    assert (saved.annotations, saved.labels) == ({"example.com/mine": "kept"}, {"team": "a"})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("{", "is no YAML", id="no YAML"),
        pytest.param("hello", "holds 'hello' where an object should be", id="a text"),
        pytest.param(
            yaml.safe_dump(body(apiVersion="v1")), "TaskSchedule default/x: its apiVersion is v1", id="another version"
        ),
        pytest.param(yaml.safe_dump(body(kind="Job")), "Job is neither TaskSchedule nor Task", id="another kind"),
        pytest.param(
            yaml.safe_dump(body(spec={**STANDUP.spec.wire(), "start": "9"})),
            "default/x: spec.start: ",
            id="a bad spec",
        ),
    ],
)
def test_a_bad_file_is_refused_before_anything_is_written(text: str, complaint: str) -> None:
    with pytest.raises(BadBackup, match=complaint):
        read(text)


async def fails_after(world: World, backup: Backup, calls: int) -> bool:
    world.api.before = breaking_off(calls)
    try:
        await restore.restore(world.api, backup, unheard)
    except ConnectionResetError:
        return True
    finally:
        world.api.before = nothing
        await world.passes()
    return False


def breaking_off(calls: int) -> Callable[[str, str], None]:
    """Nothing is the matter for so many calls, of the command or of the operator; then every one fails."""
    left = iter(range(calls))

    def before(verb: str, _: str) -> None:
        if next(left, None) is None:
            raise ConnectionResetError(verb)

    return before


def unheard(_line: str) -> None:
    pass


def nothing(_verb: str, _name: str) -> None:
    pass
