"""The habits of users: sooner or later what is due is closed, by most in time, by some late, by some by deleting it."""

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from runtime.apiserver import NotFound
from simulation.apiserver import Propagation
from simulation.gestures import DAY_SECONDS
from taskbell.lifecycle.task import retirement
from taskbell.resources import State, Task

if TYPE_CHECKING:
    from simulation.world import World

ACTS = ("Completed",) * 7 + ("Skipped", "delete", "Completed")
HOURS = (-3.0, -0.5, -0.01, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 9.0, 14.0, 26.0, 75.0)
"""After the due time."""
LONGEST_DAYS = 14.0


class Habits:
    """Each Task's fate is its own, so that a life with fewer steps is otherwise the same."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._made = Counter[str]()

    def made(self, task: Task) -> None:
        """Its user will see to it."""
        world = self._world
        occurrence = task.spec.occurrence
        what = f"{occurrence.schedule}/{occurrence.sequence}" if occurrence else task.metadata.name
        self._made[what] += 1
        random = Random(f"{world.script.seed}:{what}:{self._made[what]}")
        due_in = (task.spec.due_at - world.now()).total_seconds() if task.spec.due_at else 0.0
        delay = due_in + random.choice(HOURS) * 3600 * random.uniform(0.9, 1.1)
        world.after(min(max(delay, 30.0), LONGEST_DAYS * DAY_SECONDS), lambda: self._see_to(task, random))

    def _see_to(self, made: Task, random: Random) -> None:
        world = self._world
        task = world.api.find(Task, made.metadata.name)
        if task is None or task.metadata.uid != made.metadata.uid or task.metadata.terminating or retirement(task):
            return
        # Whoever takes back what was done finds it open once more.
        world.after(random.uniform(0.1, 3.0) * DAY_SECONDS, lambda: self._see_to(made, random))
        if task.spec.state is not State.OPEN:
            return
        act = random.choice(ACTS)
        world.count("habits")
        world.tell("user", f"sees to {task.metadata.name}: {act}")
        try:
            if act == "delete":
                world.remove(Task, task, Propagation.BACKGROUND)
            else:
                world.edit(Task, task, {"spec": {"state": act}})
        except NotFound:
            pass
