"""What was asked, compared with what there is. Pure; an empty answer means that all is well."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.dapr import TIMEOUT_SECONDS
from taskbell.naming import SCHEDULE_UID_LABEL
from tests.chaos.findings import Findings, Projected
from tests.chaos.history import AskedSchedule, AskedTask, History
from tests.chaos.tools import JSON

SEEN = timedelta(seconds=60)
"""By then everybody has seen a closing, whatever was broken: the longest fault and what follows from it."""

AUDITED = ("task-events", "schedule-events")

TAKEN_BACK = ("Undone", "Cancelled", "Rescheduled")


@dataclass(frozen=True, slots=True)
class Violation:
    """`kind` is lost, doubled, stuck or wrong."""

    kind: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"


def judge(history: History, found: Findings, now: datetime) -> list[Violation]:
    return list(_Court(history, found, now).violations())


@dataclass(frozen=True, slots=True)
class _Told:
    """What the events of one object say: each id once, in their order."""

    events: list[JSON]

    def of_type(self, event_type: str) -> list[JSON]:
        return [event for event in self.events if event["data"]["event_type"] == event_type]

    @property
    def deletion(self) -> JSON | None:
        return next(iter(self.of_type("deleted")), None)

    @property
    def taken_back(self) -> bool:
        return self.deletion is not None and self.deletion["data"]["reason"] in TAKEN_BACK

    @property
    def last(self) -> JSON:
        """Its data."""
        data: JSON = self.events[-1]["data"]
        return data


class _Court:
    def __init__(self, history: History, found: Findings, now: datetime) -> None:
        self._history = history
        self._found = found
        self._now = now
        self._tasks = {task["metadata"]["uid"]: task for task in found.tasks}
        self._schedules = {schedule["metadata"]["uid"]: schedule for schedule in found.schedules}
        self._told = {
            **_by_object(found.events["task-events"], "task_uid"),
            **_by_object(found.events["schedule-events"], "schedule_uid"),
        }
        self._asked = {task.uid: task for task in history.tasks if task.uid}
        self._deliveries = {each.event_id: each for each in found.deliveries}

    def violations(self) -> Iterator[Violation]:
        for task in self._history.tasks:
            if not task.schedule_uid:
                yield from self._task(task)
            if task.uid in self._told:
                yield from self._closings(task, self._told[task.uid])
        for schedule in self._history.schedules:
            yield from self._schedule(schedule)
        for uid, told in self._told.items():
            yield from self._stream(uid, told)
        yield from self._reminders()
        yield from self._ledger()
        yield from self._projection()
        yield from self._rest()

    def _task(self, asked: AskedTask) -> Iterator[Violation]:
        """One that stands alone."""
        creations = {
            uid: told
            for uid, told in self._told.items()
            if "task_uid" in told.last and told.events[0]["data"]["task_data"]["title"] in (asked.title, asked.name)
        }
        uids = {asked.uid} if asked.uid else set(creations)
        if len(uids | set(creations)) > 1:
            yield Violation("doubled", f"Task {asked.title} was asked for once and is there {len(creations)} times")
        if not uids:
            if asked.certain:
                yield Violation("lost", f"Task {asked.title}: nothing is told of it")
            return
        uid = next(iter(uids))
        stored = self._tasks.get(uid)
        if asked.deletion:
            if stored is not None:
                yield Violation("stuck", f"Task {asked.name} was deleted and is still there")
        elif stored is None:
            yield Violation("lost", f"Task {asked.title} has gone, and nobody deleted it")
        else:
            yield from _same(stored, asked)
        yield from self._reminder(asked, uid)

    def _reminder(self, asked: AskedTask, uid: str) -> Iterator[Violation]:
        """One reminder each; only what was asked before or after it for certain decides."""
        remind_at = asked.remind_at
        if remind_at is None or uid not in self._told:
            return
        sent = [each for each in self._found.deliveries if each.task_uid == uid and each.state == "sent"]
        closings = [each.begun for each in asked.states] + ([asked.deletion] if asked.deletion else [])
        created_at = datetime.fromisoformat(self._told[uid].events[0]["data"]["created_at"])
        kept = not closings or min(closings) > remind_at + SEEN
        if kept and created_at + timedelta(seconds=1) < remind_at and not sent and self._now > remind_at + SEEN:
            yield Violation("lost", f"Task {asked.title}: its reminder at {remind_at} was never sent")
        if len(sent) > 1:
            yield Violation("doubled", f"Task {asked.title}: its reminder was sent {len(sent)} times")
        closed = asked.states[0].answered if len(asked.states) == 1 else asked.deletion
        if closed and closed + SEEN < remind_at and sent:
            yield Violation("wrong", f"Task {asked.title} was closed at {closed}, its reminder sent for {remind_at}")

    def _closings(self, asked: AskedTask, told: _Told) -> Iterator[Violation]:
        completions = [each for each in asked.states if each.state == "Completed"]
        events = told.of_type("completed")
        if len(events) > len(completions):
            yield Violation("doubled", f"{asked.name} was completed {len(completions)} times, told {len(events)} times")
        if asked.state == "Completed" and not events:
            yield Violation("lost", f"{asked.name} was completed, which is not told")

    def _schedule(self, asked: AskedSchedule) -> Iterator[Violation]:
        occurrences = self._occurrences(asked)
        for sequence, uids in occurrences.items():
            if len(uids) > 1:
                yield Violation("doubled", f"occurrence {sequence} of {asked.name} is there {len(uids)} times: {uids}")
        stored = self._schedules.get(asked.uid)
        if asked.deleted:
            if stored is not None:
                yield Violation("stuck", f"TaskSchedule {asked.name} was deleted and is still there")
            if asked.uid in self._told and self._told[asked.uid].deletion is None:
                yield Violation("lost", f"TaskSchedule {asked.name} was deleted, which is not told")
            left = [task["metadata"]["name"] for task in self._found.tasks if _schedule_uid(task) == asked.uid]
            if left:
                yield Violation("stuck", f"TaskSchedule {asked.name} was deleted, and {left} are still there")
            return
        if stored is None:
            yield Violation("lost", f"TaskSchedule {asked.name} has gone, and nobody deleted it")
            return
        yield from self._series(asked, stored, occurrences)

    def _series(self, asked: AskedSchedule, stored: JSON, occurrences: dict[int, list[str]]) -> Iterator[Violation]:
        status = stored.get("status", {})
        cursor = status.get("cursor")
        if cursor is None or status.get("observedGeneration") != stored["metadata"]["generation"]:
            yield Violation("stuck", f"TaskSchedule {asked.name}: its newest generation was not looked at")
            return
        if cursor["phase"] != "Open":
            yield Violation("stuck", f"TaskSchedule {asked.name} has no open Task: {cursor}")
        last = cursor["sequence"]
        if missing := sorted(set(range(1, last + 1)) - set(occurrences)):
            yield Violation("lost", f"TaskSchedule {asked.name} is at {last}, and {missing} were never made")
        if ahead := sorted(sequence for sequence in occurrences if sequence > last):
            yield Violation("wrong", f"TaskSchedule {asked.name} is at {last}, and {ahead} are there")
        reopened = set(status.get("reopened", []))
        for sequence in range(1, last):
            for uid in occurrences.get(sequence, []):
                known = self._asked.get(uid)
                if known is None or (known.state == "Open" and known.deletion is None and sequence not in reopened):
                    yield Violation("wrong", f"{asked.name} left occurrence {sequence} behind, which nobody closed")
        for task in self._found.tasks:
            if _schedule_uid(task) != asked.uid or task["spec"]["state"] != "Open":
                continue
            sequence = task["spec"]["occurrence"]["sequence"]
            if sequence != last and sequence not in reopened:
                yield Violation("doubled", f"{asked.name} is at {last}, and {sequence} is open too")
            known = self._asked.get(task["metadata"]["uid"])
            if known is not None and known.touched:
                yield from _same(task, known)
            elif task["spec"]["title"] != asked.title:
                yield Violation("stuck", f"{task['metadata']['name']} has not the title of its template, {asked.title}")

    def _occurrences(self, asked: AskedSchedule) -> dict[int, list[str]]:
        """Sequence to uids, without those that were taken back."""
        found: dict[int, list[str]] = defaultdict(list)
        for uid, told in self._told.items():
            if told.last.get("task_data", {}).get("schedule_uid") == asked.uid and not told.taken_back:
                found[told.last["task_data"]["occurrence"]["sequence"]].append(uid)
        return found

    def _stream(self, uid: str, told: _Told) -> Iterator[Violation]:
        """Every object's story begins with its creation, once, and ends with its deletion, or with how it is now."""
        name = told.last.get("task_id") or told.last.get("schedule_id")
        timely = list(_in_time(told.events))
        kinds = [event["data"]["event_type"] for event in timely]
        for once in ("created", "deleted"):
            if kinds.count(once) > 1:
                yield Violation("doubled", f"{name}: {once} is told {kinds.count(once)} times")
        if kinds[0] != "created":
            yield Violation("wrong", f"{name}: the first that is told is {kinds[0]}")
        if "deleted" in kinds[:-1]:
            yield Violation("wrong", f"{name}: after its deletion {kinds[kinds.index('deleted') + 1 :]} are told")
        generations = list(map(_generation, timely))
        if generations != sorted(generations):
            yield Violation("wrong", f"{name}: generations are told in the order {generations}")
        stored = self._tasks.get(uid) or self._schedules.get(uid)
        newest = max(map(_generation, told.events))
        if stored is not None and "deleted" not in kinds and newest != stored["metadata"]["generation"]:
            yield Violation("lost", f"{name}: generation {stored['metadata']['generation']} is not told")

    def _reminders(self) -> Iterator[Violation]:
        """Each that is told is delivered or withdrawn, once; each that is noted as told is."""
        told = {event["id"]: event for event in self._found.events["reminders"]}
        for event_id, event in told.items():
            delivery = self._deliveries.get(event_id)
            if delivery is None:
                yield Violation("lost", f"reminder {event_id} of {event['data']['task_id']} was never looked at")
            elif delivery.state == "pending":
                yield Violation("stuck", f"reminder {event_id} is still to be delivered")
            elif delivery.inbox != (delivery.state == "sent"):
                yield Violation(
                    "doubled", f"reminder {event_id} is {delivery.state}, {delivery.inbox} times in an inbox"
                )
        for uid, task in self._tasks.items():
            for reminder in task.get("status", {}).get("reminders", []):
                event_id = f"{uid}:{reminder['id']}:{reminder['remindAt']}"
                name = f"{task['metadata']['name']}, {reminder['id']}"
                if reminder["state"] == "Published" and event_id not in told:
                    yield Violation("lost", f"reminder {name} is noted as told and is not")
                overdue = datetime.fromisoformat(reminder["remindAt"]) + SEEN < self._now
                if reminder["state"] == "Pending" and overdue:
                    yield Violation("stuck", f"reminder {name} was due at {reminder['remindAt']}")

    def _ledger(self) -> Iterator[Violation]:
        told = {event["id"] for topic in AUDITED for event in self._found.events[topic]}
        if missing := sorted(told - set(self._found.audit))[:5]:
            yield Violation("lost", f"the audit lacks {missing}")
        if invented := sorted(set(self._found.audit) - told)[:5]:
            yield Violation("wrong", f"the audit has {invented}, which was never told")
        if self._found.dead_letters:
            yield Violation("stuck", f"{self._found.dead_letters} dead letters")

    def _projection(self) -> Iterator[Violation]:
        yield from _projected(self._tasks, self._found.projected_tasks)
        yield from _projected(self._schedules, self._found.projected_schedules)

    def _rest(self) -> Iterator[Violation]:
        for each in (*self._found.tasks, *self._found.schedules):
            name = f"{each['kind']} {each['metadata']['name']}"
            if "deletionTimestamp" in each["metadata"]:
                yield Violation("stuck", f"{name} is being deleted since {each['metadata']['deletionTimestamp']}")
            for condition in each.get("status", {}).get("conditions", []):
                if condition["type"] == "Stalled" and condition["status"] == "True":
                    yield Violation("stuck", f"{name}: {condition['reason']}: {condition['message']}")


def _in_time(events: Sequence[JSON]) -> Iterator[JSON]:
    """Without edits whose sender had given them up, and that landed all the same behind a newer one."""
    for position, event in enumerate(events):
        newer = [other["sent"] for other in events[:position] if _generation(other) > _generation(event)]
        given_up = datetime.fromisoformat(event["time"]) + timedelta(seconds=TIMEOUT_SECONDS)
        if event["data"]["event_type"] != "updated" or not newer or min(newer) < given_up:
            yield event


def _generation(event: JSON) -> int:
    generation: int = event["data"]["generation"]
    return generation


def _by_object(events: Sequence[JSON], uid: str) -> dict[str, _Told]:
    found: dict[str, dict[str, JSON]] = defaultdict(dict)
    for event in events:
        found[event["data"][uid]].setdefault(event["id"], event)
    return {uid: _Told(list(each.values())) for uid, each in found.items()}


def _same(stored: JSON, asked: AskedTask) -> Iterator[Violation]:
    spec, name = stored["spec"], stored["metadata"]["name"]
    if spec["state"] != asked.state:
        yield Violation("lost", f"Task {name} is {spec['state']}, {asked.state} was asked for")
    if asked.edited and spec["title"] != asked.title:
        yield Violation("lost", f"Task {name} is called {spec['title']}, {asked.title} was asked for")


def _projected(stored: dict[str, JSON], rows: Sequence[Projected]) -> Iterator[Violation]:
    by_uid = {row.uid: row for row in rows}
    if len(by_uid) != len(rows):
        yield Violation("doubled", f"rows of {[uid for uid, n in Counter(row.uid for row in rows).items() if n > 1]}")
    for uid, each in stored.items():
        name = f"{each['kind']} {each['metadata']['name']}"
        row = by_uid.get(uid)
        if row is None or row.deleted:
            yield Violation("lost", f"{name} cannot be read from the projection")
        elif row.generation != each["metadata"]["generation"]:
            yield Violation(
                "stuck", f"{name} is read in generation {row.generation}, it has {each['metadata']['generation']}"
            )
        elif row.state and (row.state, row.title) != (each["spec"]["state"], each["spec"]["title"]):
            yield Violation("wrong", f"{name} is read as {row}")
    for row in rows:
        if row.uid not in stored and not row.deleted and row.state in ("", "Open"):
            yield Violation("stuck", f"{row} can be read and is gone")


def _schedule_uid(task: JSON) -> str:
    uid: str = task["metadata"].get("labels", {}).get(SCHEDULE_UID_LABEL, "")
    return uid
