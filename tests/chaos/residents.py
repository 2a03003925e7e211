"""People at work: each does one thing after another, at random, on things of their own."""

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from taskbell.naming import SCHEDULE_UID_LABEL
from tests.chaos.history import Asked, AskedSchedule, AskedTask, History
from tests.chaos.tools import JSON, Kubectl, Shim
from tests.e2e.people import Person, instant, tomorrow_at_nine

MOST_SCHEDULES = 6
REMINDED = timedelta(minutes=15)
"""From a reminder to the due time."""


class Resident:
    """One person, one thread. What they asked is in `history`."""

    def __init__(self, person: Person, kubeconfig: Path, seed: int, end: threading.Event) -> None:
        self.history = History()
        self._user = person.user
        self._kubectl = Kubectl(kubeconfig, end)
        self._shim = Shim(person.api, end)
        self._random = random.Random(seed)
        self._number = 0

    def work(self, until: float) -> None:
        """Until this moment of `time.monotonic()`; leaves nothing suspended."""
        habits: dict[Callable[[], str | None], float] = {
            self._create_schedule: 1,
            self._create_task: 3,
            self._create_task_through_the_api: 1,
            self._complete_occurrence: 6,
            self._complete_task: 1.5,
            self._reopen: 1.5,
            self._edit_task: 2,
            self._delete_task: 1,
            self._edit_schedule: 0.7,
            self._suspend_or_resume: 0.7,
            self._delete_schedule: 0.2,
        }
        while time.monotonic() < until:
            (habit,) = self._random.choices(list(habits), list(habits.values()))
            if done := habit():
                self.history.operations[done] += 1
            time.sleep(self._random.uniform(0.1, 0.6))
        for schedule in self._schedules():
            if schedule.suspended:
                self._change_schedule(schedule, {"suspend": False})
                schedule.suspended = False

    # Each habit answers what was done; None if there was nothing to do it to.

    def _create_schedule(self) -> str | None:
        if len(self._schedules()) >= MOST_SCHEDULES:
            return None
        asked = AskedSchedule(self._name("habit"), title=self._name("Title"))
        often = self._random.random() < 0.5
        start = f"{datetime.now(UTC):%Y-%m-%dT%H:%M}" if often else tomorrow_at_nine()
        spec = {
            "userId": self._user,
            "start": start,
            "recurrence": {"frequency": "Minutely" if often else "Daily"},
            "task": {"title": asked.title, "reminders": [{"before": "PT0M" if often else "PT15M"}]},
        }
        asked.uid = self._kubectl.create("taskschedules", asked.name, spec)["metadata"]["uid"]
        self.history.schedules.append(asked)
        return "create a schedule"

    def _create_task(self) -> str:
        name = self._name("task")
        remind_at = self._soon()
        spec = {
            "userId": self._user,
            "title": name,
            "dueAt": instant(remind_at + REMINDED),
            "reminders": [{"before": "PT15M"}],
        }
        made = self._kubectl.create("tasks", name, spec)
        self.history.tasks.append(AskedTask(name, name, made["metadata"]["uid"], remind_at=remind_at))
        return "create a task"

    def _create_task_through_the_api(self) -> str:
        remind_at = self._soon()
        title = self._name("api")
        body = {"title": title, "due_at": instant(remind_at + REMINDED), "reminders": [{"before": "PT15M"}]}
        made = self._shim.once("POST", "/tasks", body)
        asked = AskedTask("", title, remind_at=remind_at, certain=made is not None)
        if made is not None:
            asked.name, asked.uid = made["id"], made["uid"]
        self.history.tasks.append(asked)
        return "create a task through the API"

    def _complete_occurrence(self) -> str | None:
        seen = self._an_occurrence("Open")
        return "complete an occurrence" if seen and self._ask_state(seen, "Completed") else None

    def _complete_task(self) -> str | None:
        seen = self._a_task("Open")
        return "complete a task" if seen and self._ask_state(seen, "Completed") else None

    def _reopen(self) -> str | None:
        seen = self._an_occurrence("Completed") if self._random.random() < 0.7 else self._a_task("Completed")
        return "reopen a task" if seen and self._ask_state(seen, "Open") else None

    def _edit_task(self) -> str | None:
        seen = self._an_occurrence("Open") if self._random.random() < 0.5 else self._a_task("Open")
        if seen is None:
            return None
        title = self._name("Edited")
        uid = self._change(seen, {"title": title})
        if uid is None:
            return None
        asked = self._asked(seen, uid)
        asked.title, asked.edited = title, True
        return "edit a task"

    def _delete_task(self) -> str | None:
        seen = self._an_occurrence("Open") if self._random.random() < 0.4 else self._a_task("Open")
        if seen is None:
            return None
        begun = datetime.now(UTC)
        if not self._kubectl.delete("tasks", seen):
            return None
        self._asked(seen, seen["metadata"]["uid"]).deletion = begun
        return "delete a task"

    def _edit_schedule(self) -> str | None:
        schedule = self._a_schedule()
        if schedule is None:
            return None
        title = self._name("Title")
        self._change_schedule(schedule, {"task": {"title": title}})
        schedule.title = title
        return "edit a schedule"

    def _suspend_or_resume(self) -> str | None:
        schedule = self._a_schedule()
        if schedule is None:
            return None
        self._change_schedule(schedule, {"suspend": not schedule.suspended})
        schedule.suspended = not schedule.suspended
        return "suspend a schedule" if schedule.suspended else "resume a schedule"

    def _delete_schedule(self) -> str | None:
        schedule = self._a_schedule()
        if schedule is None:
            return None
        self._kubectl.delete("taskschedules", {"metadata": {"name": schedule.name, "uid": schedule.uid}})
        schedule.deleted = True
        return "delete a schedule"

    def _ask_state(self, seen: JSON, state: str) -> bool:
        begun = datetime.now(UTC)
        uid = self._change(seen, {"state": state})
        if uid is None:
            return False
        self._asked(seen, uid).states.append(Asked(state, begun, datetime.now(UTC)))
        return True

    def _change(self, seen: JSON, spec: JSON) -> str | None:
        """By one of the two ways. The uid of what was changed: through the API it is whatever has the name by then."""
        if self._random.random() < 0.5:
            changed = self._kubectl.change("tasks", seen, spec)
            return changed["metadata"]["uid"] if changed else None
        answer = self._shim.change(f"/tasks/{seen['metadata']['name']}", spec)
        return answer["uid"] if answer else None

    def _change_schedule(self, schedule: AskedSchedule, spec: JSON) -> None:
        seen = self._kubectl.get("taskschedules", schedule.name)
        if seen is None or self._kubectl.change("taskschedules", seen, spec) is None:
            raise AssertionError(f"TaskSchedule {schedule.name} is gone, and nobody deleted it")

    def _asked(self, seen: JSON, uid: str) -> AskedTask:
        known = next((each for each in self.history.tasks if each.uid == uid), None)
        if known is None:
            occurrence = seen["spec"]["occurrence"]
            schedule = next(each for each in self.history.schedules if each.name == occurrence["schedule"])
            known = AskedTask(seen["metadata"]["name"], seen["spec"]["title"], uid, schedule.uid)
            self.history.tasks.append(known)
        return known

    def _a_task(self, state: str) -> JSON | None:
        mine = [
            each
            for each in self.history.tasks
            if each.uid and not each.schedule_uid and not each.deletion and each.state == state
        ]
        return self._kubectl.get("tasks", self._random.choice(mine).name) if mine else None

    def _an_occurrence(self, state: str) -> JSON | None:
        """As it is by now; the newest where there are several."""
        schedule = self._a_schedule()
        if schedule is None:
            return None
        tasks = [
            each
            for each in self._kubectl.list("tasks", f"{SCHEDULE_UID_LABEL}={schedule.uid}")
            if each["spec"]["state"] == state and "deletionTimestamp" not in each["metadata"]
        ]
        return max(tasks, key=lambda each: int(each["spec"]["occurrence"]["sequence"]), default=None)

    def _a_schedule(self) -> AskedSchedule | None:
        there = self._schedules()
        return self._random.choice(there) if there else None

    def _schedules(self) -> list[AskedSchedule]:
        return [each for each in self.history.schedules if not each.deleted]

    def _soon(self) -> datetime:
        moment = datetime.now(UTC) + timedelta(seconds=self._random.uniform(5, 40))
        return moment.replace(microsecond=0)

    def _name(self, what: str) -> str:
        self._number += 1
        return f"{what}-{self._user}-{self._number}"
