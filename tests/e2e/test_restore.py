"""A backup by kubectl, everything lost, and `python -m task_operator restore`."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT
from tests.e2e.people import JSON, Person, World, eventually, instant, now

pytestmark = pytest.mark.timeout(120)


def restore(world: World, file: Path) -> str:
    answer = subprocess.run(
        [sys.executable, "-m", "task_operator", "restore", file],
        env={"PATH": os.environ["PATH"], "KUBECONFIG": str(world.cluster.kubeconfig_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def short(task: JSON) -> tuple[int, str, str]:
    return task["spec"]["occurrence"]["sequence"], task["spec"]["state"], task["spec"]["dueAt"]


def test_from_a_backup_everything_comes_back_once(world: World, person: Person, tmp_path: Path) -> None:
    person.apply_schedule("standup", title="Team standup", reminders=[{"before": "PT15M"}])
    first = person.open_task("standup")
    person.complete(first)
    person.open_task("standup", after=first)
    person.apply_task("milk", dueAt=instant(now() + timedelta(hours=5)), reminders=[{"before": "PT1H"}])
    before = eventually(
        lambda: [short(task) for task in person.tasks("standup")] if len(person.reminders()) == 2 else None
    )
    names = [
        person.named("standup"),
        person.named("milk"),
        *(task["metadata"]["name"] for task in person.tasks("standup")),
    ]
    uids = {task["metadata"]["uid"] for task in person.tasks("standup")}
    backup = tmp_path / "backup.yaml"
    backup.write_text(
        world.cluster.kubectl(
            *("get", f"taskschedule/{names[0]}", *(f"task/{name}" for name in names[1:]), "--output=yaml")
        )
    )
    person.delete("taskschedule", names[0])
    person.delete("task", names[1])
    eventually(lambda: not [name for name in names[1:] if person.task(name)], what="all is gone")

    printed = restore(world, backup)

    assert f"schedule default/{names[0]}: has its 2 tasks, and is resumed" in printed
    second = person.open_task("standup")
    assert [short(task) for task in person.tasks("standup")] == before
    assert not uids & {task["metadata"]["uid"] for task in person.tasks("standup")}
    assert len(eventually(person.reminders)) == 2
    person.complete(second)
    third = person.open_task("standup", after=second)
    assert third["spec"]["occurrence"]["sequence"] == 3
    completed = [entry["object_id"] for entry in person.audit() if entry["event_type"] == "completed"]
    assert completed == [first["metadata"]["name"], second["metadata"]["name"]]


def test_a_file_that_is_no_backup_is_refused_with_the_reason(world: World, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: y}\n")
    with pytest.raises(AssertionError, match=r"restore: Secret y/x: its apiVersion is v1, not taskbell\.dev/v1alpha1"):
        restore(world, file)
