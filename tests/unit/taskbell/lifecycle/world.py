"""A seeded world in memory that drives the production plans the way the operator and the recurring consumer do.

The store behaves like the API server: a change of the spec bumps `generation`, a status write does not, DELETE of an
object with a finalizer only marks it (and bumps `generation`), guarded writes conflict. Around it: an operator with a
cache that lags, that may die before any action and forget everything it remembers; a publisher that hangs, loses
receipts and repeats itself; a recurring consumer that lags, repeats and is overtaken; users who do everything; a clock
that jumps. After the noise comes the quiet, in which a pass runs only for what was enqueued or has a wake-up, and then
everything has to hold. `World(seed).run()` answers with what does not; `story` tells how it came about.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from taskbell import naming
from taskbell.errors import Rejected
from taskbell.events import Event, EventType, Reason, ReminderEvent, TaskEvent, Topic
from taskbell.lifecycle import actions as act
from taskbell.lifecycle import conditions, testing
from taskbell.lifecycle import cursor as cursors
from taskbell.lifecycle import schedule as schedules
from taskbell.lifecycle import task as tasks
from taskbell.lifecycle.actions import Receipts, Retirement, Telling
from taskbell.resources import (
    OccurrenceRef,
    OwnerReference,
    Reminder,
    ReminderState,
    State,
    Task,
    TaskSchedule,
    TaskScheduleSpec,
    TaskSpec,
)

Object = Task | TaskSchedule

STANDUP = "standup"
CREATED_ON = (
    datetime(2026, 3, 27, 6, 0, tzinfo=UTC),  # before summer time begins in Berlin
    datetime(2026, 10, 23, 6, 0, tzinfo=UTC),  # before it ends there
    datetime(2026, 10, 2, 20, 0, tzinfo=UTC),  # before it begins, by half an hour, on Lord Howe Island
)
DAILY: dict[str, Any] = {"frequency": "Daily"}
RECURRENCES: tuple[dict[str, Any], ...] = (
    DAILY,
    DAILY,
    {"frequency": "Daily", "interval": 2},
    {"frequency": "Weekly", "weekdays": ["Mon", "Wed", "Fri"]},
    {"frequency": "Weekly"},
    {"frequency": "Daily", "count": 5},
    {"frequency": "Daily", "until": "2026-11-01T12:00"},
    {"frequency": "Daily", "months": [2], "monthDays": [30]},  # can never occur
)
REMINDERS: tuple[tuple[str, ...], ...] = ((), ("PT1H",), ("P1D", "PT15M"), ("-PT30M", "PT2H", "PT1H"))
TAKEN_BACK = {Retirement.UNDONE, Retirement.CANCELLED}


class Conflict(Exception):
    """Somebody else was faster, or what was asked for is not there."""


class Crash(Exception):
    """The operator's process is gone."""


class Store:
    """What the API server does with objects; `changed` are the watch events."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.gone: list[Object] = []
        self.changed: list[str] = []
        self._version = 0

    def add(self, obj: Object) -> None:
        if obj.metadata.name in self.objects:
            raise Conflict
        self._put(obj)

    def update(self, name: str, version: str | None = None, *, meta: Any = None, **changes: Any) -> Object:
        """Merge `meta`, `spec`, `status` into the stored object, guarded where `version` is given."""
        stored = self._guarded(name, version)
        metadata = stored.metadata.model_copy(update=meta or {})
        if "spec" in changes and changes["spec"] != stored.spec:
            metadata = metadata.model_copy(update={"generation": metadata.generation + 1})
        wanted = stored.model_copy(update={"metadata": metadata, **changes})
        if wanted == stored:
            return stored
        if metadata.terminating and not metadata.finalizers:
            self._remove(wanted)
            return wanted
        return self._put(wanted)

    def delete(self, name: str, now: datetime, version: str | None = None) -> None:
        stored = self._guarded(name, version)
        metadata = stored.metadata
        if not metadata.finalizers:
            self._remove(stored)
        elif not metadata.terminating:
            marked = {"deletion_timestamp": now.replace(microsecond=0), "generation": metadata.generation + 1}
            self._put(stored.model_copy(update={"metadata": metadata.model_copy(update=marked)}))

    def _guarded(self, name: str, version: str | None) -> Object:
        stored = self.objects.get(name)
        if stored is None or (version is not None and stored.metadata.resource_version != version):
            raise Conflict
        return stored

    def _put(self, obj: Object) -> Object:
        self._version += 1
        metadata = obj.metadata.model_copy(update={"resource_version": str(self._version)})
        stored = obj.model_copy(update={"metadata": metadata})
        self.objects[metadata.name] = stored
        self.changed.append(metadata.name)
        return stored

    def _remove(self, obj: Object) -> None:
        del self.objects[obj.metadata.name]
        self.gone.append(obj)
        self.changed.append(obj.metadata.name)


class Publisher:
    """Takes what is to be told, remembers what was accepted; `log` is the broker's."""

    def __init__(self, log: list[Event]) -> None:
        self.log = log
        self.offers: dict[str, tuple[Telling, ...]] = {}
        self.in_flight: dict[str, Telling] = {}
        self.receipts: dict[str, Receipts] = {}

    def seen(self, uid: str) -> Receipts:
        return self.receipts.get(uid, testing.NO_RECEIPTS)

    def take(self, uid: str) -> None:
        """On its way to the broker: at most one event of an uid, which cannot be taken back."""
        self.in_flight[uid] = self.offers[uid][0]

    def land(self, uid: str, *, receipt: bool) -> None:
        """Accepted; without a receipt it will be sent again."""
        telling = self.in_flight.pop(uid)
        self.log.append(telling.event)
        if not receipt:
            return
        known = self.seen(uid)
        self.receipts[uid] = Receipts(telling.told or known.told, known.event_ids | {telling.event.id})
        rest = tuple(each for each in self.offers.pop(uid, ()) if each.event.id != telling.event.id)
        if rest:
            self.offers[uid] = rest

    def forget(self, uid: str, written: Receipts) -> None:
        """The status holds it now."""
        known = self.seen(uid)
        told = None if known.told == written.told else known.told
        self.receipts[uid] = Receipts(told, known.event_ids - written.event_ids)


class World:
    """One life of a schedule and two one-off tasks."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311  (a reproducible choice, no secret)
        self.now = self.random.choice(CREATED_ON)
        self.store = Store()
        self.log: list[Event] = []
        self.violations: list[str] = []
        self.story: list[str] = []
        self.hung = self.away = self.quiet = False
        self.crashing = 0.0
        self.deliver_from = 0
        self.uids = 0
        self.depth = 0
        self.busy: set[str] = set()
        # What the world remembers, to judge by: nobody in it knows this.
        self.made: dict[int, list[str]] = defaultdict(list)
        self.closings: dict[str, list[tuple[State, datetime]]] = defaultdict(list)
        self.deleted_by_user: dict[str, datetime] = {}
        self.touched: set[str] = set()
        self.retired: dict[str, tuple[str, State]] = {}
        self.let_go: set[str] = set()
        self._start_operator()
        self._begin()

    def run(self, steps: int = 110) -> list[str]:
        for _ in range(steps):
            self._noise()
        self._calm()
        self._check()
        return self.violations

    # The noise.

    def _noise(self) -> None:
        pick = self.random.random
        self.now += self.random.choice((0, 0, 0, 1, 1, 5, 20, 120, 600, 1440, 5000)) * timedelta(minutes=1)
        self.crashing = self.random.choice((0, 0, 0.03, 0.15))
        if pick() < 0.06:
            self.hung = not self.hung
            self._tell("broker", "hangs" if self.hung else "is back")
        self.away = self.hung and (self.away or pick() < 0.3)
        try:
            self._anything(pick())
        except Crash:
            self._die()

    def _anything(self, dice: float) -> None:
        self.now += timedelta(milliseconds=1)
        if dice < 0.25:
            self._user()
        elif dice < 0.75:
            self._work(self.random.randint(1, 6))
        elif dice < 0.87:
            self._pump()
        else:
            self._deliver()

    def _tell(self, *words: object) -> None:
        self.story.append(f"{self.now:%a %d %H:%M:%S.%f} " + " ".join(str(word) for word in words))

    def _wrong(self, sentence: str) -> None:
        self._tell("WRONG:", sentence)
        self.violations.append(sentence)

    def _begin(self) -> None:
        wire = {
            "userId": "ada",
            "task": {"title": "Stand-up", "reminders": [{"before": each} for each in self.random.choice(REMINDERS)]},
            "timeZone": self.random.choice(("Europe/Berlin", "Australia/Lord_Howe", "Etc/UTC")),
            "start": f"{self.now:%Y-%m-%d}T{self.random.choice(('09:00', '02:30', '23:15'))}",
            "recurrence": self.random.choice(RECURRENCES[:4]),
            "historyLimit": self.random.choice((1, 2, 3)),
        }
        self.store.add(
            TaskSchedule(metadata=self._metadata(STANDUP, finalizers=()), spec=TaskScheduleSpec.model_validate(wire))
        )
        for number in (1, 2):
            due_at = self.now + self.random.choice((10, 100, 3000)) * timedelta(minutes=1)
            at = due_at - self.random.choice((-5, 30, 2000)) * timedelta(minutes=1)
            milk: dict[str, Any] = {
                "userId": "ada",
                "title": "Milk",
                "dueAt": due_at,
                "reminders": [*({"before": each} for each in self.random.choice(REMINDERS)), {"at": at}],
            }
            metadata = self._metadata(f"milk-{number}", finalizers=())
            self.store.add(Task(metadata=metadata, spec=TaskSpec.model_validate(milk)))

    def _metadata(self, name: str, **changes: Any) -> Any:
        self.uids += 1
        return testing.metadata(name, f"{self.uids:05d}", **{"creation_timestamp": self.now, **changes})

    # The users.

    def _user(self) -> None:
        try:
            if self.random.random() < 0.3 and STANDUP in self.store.objects:
                self._change_schedule()
            else:
                self._change_task()
        except Conflict:
            self._tell("user: too late")

    def _schedule(self) -> TaskSchedule | None:
        return cast("TaskSchedule | None", self.store.objects.get(STANDUP))

    def _tasks(self) -> list[Task]:
        return [each for each in self.store.objects.values() if isinstance(each, Task)]

    def _change_schedule(self, **fixed: Any) -> None:
        stored = self._schedule()
        if stored is None or stored.metadata.terminating:
            return
        wire = stored.spec.wire()
        pick = self.random.choice
        changes: dict[str, Callable[[], dict[str, Any]]] = {
            "suspend": lambda: {"suspend": True},
            "resume": lambda: {"suspend": False},
            "end": lambda: {"endsAt": self.now + pick((-60, 0, 600, 3000)) * timedelta(minutes=1)},
            "go on": lambda: {"endsAt": None},
            "recurrence": lambda: {"recurrence": pick(RECURRENCES)},
            "time": lambda: {"start": wire["start"][:11] + pick(("09:00", "02:30", "23:15", "07:45"))},
            "title": lambda: {"task": {**wire["task"], "title": pick(("Stand-up", "Sit-down", "Retrospective"))}},
            "reminders": lambda: {
                "task": {**wire["task"], "reminders": [{"before": each} for each in pick(REMINDERS)]}
            },
        }
        what = pick(sorted(changes)) if not fixed else "calm"
        wire |= fixed or changes[what]()
        self._tell("user: schedule", what, {key: wire.get(key) for key in ("start", "recurrence", "endsAt", "suspend")})
        self.store.update(STANDUP, spec=TaskScheduleSpec.model_validate(wire))

    def _change_task(self) -> None:
        # Of what is being deleted people see nothing any more.
        alive = [each for each in self._tasks() if not each.metadata.terminating]
        if not alive:
            return
        task = self.random.choice(alive)
        what = self.random.choice(("close", "close", "close", "reopen", "edit", "postpone", "remind", "delete"))
        name, uid = task.metadata.name, task.metadata.uid
        if what == "delete":
            self._tell("user: delete", name)
            self.deleted_by_user.setdefault(uid, self.now)
            self.store.delete(name, self.now)
            return
        changes = self._task_edit(task, what)
        if changes:
            self._tell("user:", what, name, changes)
            self._edit(task, **changes)

    def _edit(self, task: Task, **changes: Any) -> None:
        spec = task.spec.model_copy(update=changes)
        if spec != task.spec:
            self.touched.add(task.metadata.uid)
            self.store.update(task.metadata.name, spec=spec)

    def _task_edit(self, task: Task, what: str) -> dict[str, Any]:
        pick = self.random.choice
        if what == "close" and task.spec.state is State.OPEN:
            claims = (None, None, self.now, self.now - timedelta(hours=5), self.now + timedelta(minutes=3))
            claimed = pick(claims) or task.spec.completed_at  # kubectl leaves the old claim where it is
            return {"state": pick((State.COMPLETED, State.COMPLETED, State.SKIPPED)), "completed_at": claimed}
        if what == "close":
            return {"state": pick((State.COMPLETED, State.SKIPPED))}
        if what == "reopen":
            return {"state": State.OPEN}
        if what == "edit":
            return {"title": pick(("Milk", "Bread", "Something else"))}
        if what == "postpone" and task.spec.due_at:
            return {"due_at": task.spec.due_at + pick((-60, 60, 1440)) * timedelta(minutes=1)}
        if what == "remind":
            return {"reminders": tuple(Reminder(before=each) for each in pick(REMINDERS))}
        return {}

    # The operator.

    def _start_operator(self) -> None:
        self.publisher = Publisher(self.log)
        self.cache = dict(self.store.objects)
        self.store.changed.clear()
        self.queue: set[str] = set(self.cache)
        self.alarms: dict[str, datetime] = {}
        self.look_again: dict[str, datetime] = {}

    def _work(self, passes: int) -> None:
        """Some watch events arrive, some keys are looked at."""
        for _ in range(passes):
            self._watch()
            self._ring()
            ready = sorted(self.queue - self.busy)
            if not ready:
                return
            name = self.random.choice(ready)
            self.queue.discard(name)
            self._pass(name)

    def _die(self) -> None:
        """What was on its way to the broker may still arrive; all that was remembered is gone."""
        self._tell("operator: DIES")
        for uid in sorted(self.publisher.in_flight):
            if self.random.random() < 0.5:
                self.publisher.land(uid, receipt=False)
        self._start_operator()

    def _watch(self) -> None:
        """Watch events keep their order; how many have arrived is a matter of luck."""
        arrived = len(self.store.changed) if self.quiet else self.random.randint(0, len(self.store.changed))
        for name in self.store.changed[:arrived]:
            self._refresh(name)
        del self.store.changed[:arrived]

    def _refresh(self, name: str) -> None:
        known = self.cache.pop(name, None)
        stored = self.store.objects.get(name)
        if stored is not None:
            self.cache[name] = stored
        self._enqueue(name, stored or known)

    def _enqueue(self, name: str, obj: Object | None) -> None:
        """A Task concerns its schedule, and a schedule's cursor its Tasks."""
        self.queue.add(name)
        if isinstance(obj, TaskSchedule):
            self.queue |= {each.metadata.name for each in self._children(obj) if each.metadata.terminating}
        elif obj is not None and obj.spec.occurrence:
            self.queue.add(STANDUP)

    def _ring(self) -> None:
        for name, at in sorted(self.look_again.items()):
            if at <= self.now:
                del self.look_again[name]
                self.queue.add(name)
        rung = {uid for uid, at in self.alarms.items() if at <= self.now}
        for uid in rung:
            del self.alarms[uid]
        self.queue |= {name for name, obj in self.cache.items() if obj.metadata.uid in rung}

    def _pass(self, name: str) -> None:
        seen = self.cache.get(name)
        if seen is None:
            return
        self.now += timedelta(milliseconds=1)
        self.busy.add(name)
        now, uid = self.now, seen.metadata.uid
        receipts = self.publisher.seen(uid)
        try:
            plan = self._plan(seen, receipts, now)
            for action in plan:
                self._may_die(name, action)
                self._meanwhile()
                if isinstance(action, act.WriteStatus) and not self.quiet and self.random.random() < 0.25:
                    self.queue.add(name)  # the low lane: later, for all that has happened by then
                    break
                self._apply(seen, action, now, receipts)
            if not any(isinstance(action, act.Publish) for action in plan):
                self.publisher.offers.pop(uid, None)  # what was to be told is told, or not true any more
        except Conflict:
            self._refresh(name)
            for task in self._children(seen):
                self._refresh(task.metadata.name)
        finally:
            self.busy.discard(name)

    def _plan(self, seen: Object, receipts: Receipts, now: datetime) -> tuple[act.Action, ...]:
        if isinstance(seen, TaskSchedule):
            return schedules.plan(
                schedules.ObservedSchedule(seen, tuple(self._children(seen)), receipts, broker_away=self.away), now
            )
        owner = cast("TaskSchedule | None", self.cache.get(STANDUP)) if seen.spec.occurrence else None
        alarm = self.alarms.get(seen.metadata.uid)
        return tasks.plan(tasks.ObservedTask(seen, owner, receipts, alarm, broker_away=self.away), now)

    def _children(self, seen: Object) -> list[Task]:
        if not isinstance(seen, TaskSchedule):
            return []
        return [each for each in self.cache.values() if isinstance(each, Task) and each.spec.occurrence]

    def _may_die(self, name: str, action: act.Action) -> None:
        if self.random.random() < self.crashing:
            self._tell("operator: about to", type(action).__name__, name)
            raise Crash

    def _meanwhile(self) -> None:
        """Other workers, users and consumers do not wait for us."""
        if self.quiet or self.depth or self.random.random() > 0.12:
            return
        self.depth += 1
        try:
            self._anything(self.random.random())
        finally:
            self.depth -= 1

    def _apply(self, seen: Object, action: act.Action, now: datetime, receipts: Receipts) -> None:  # noqa: PLR0912  (the table of actions)
        name, metadata = seen.metadata.name, seen.metadata
        match action:
            case act.AddFinalizer():
                self._own(name, metadata.resource_version, meta={"finalizers": (naming.FINALIZER,)})
            case act.RemoveFinalizer():
                if now >= (metadata.deletion_timestamp or now) + tasks.UNTOLD_FINALIZER:
                    self.let_go.add(metadata.uid)
                self._tell("operator: lets go", name)
                self._own(name, metadata.resource_version, meta={"finalizers": ()})
            case act.CreateTask():
                self._create(cast("TaskSchedule", seen), action, now)
            case act.AmendTask():
                self._amend(action.task, action.spec, now)
            case act.RetireTask():
                self._retire(action.task, action.reason)
            case act.DeleteTask():
                self.store.delete(name, now, metadata.resource_version)
                self._refresh(name)
            case act.Publish():
                self._offer(name, metadata.uid, action)
            case act.Arm():
                self.alarms[metadata.uid] = action.at
            case act.Disarm():
                self.alarms.pop(metadata.uid, None)
            case act.LookAgain():
                self.look_again[name] = action.at
            case act.CountFallback():
                pass
            case act.WriteStatus():
                self._write_status(seen, action, receipts)

    def _own(self, name: str, version: str, **changes: Any) -> Object:
        """A write of the operator; its answer is in the cache at once."""
        answer = self.store.update(name, version, **changes)
        self._refresh(name)
        return answer

    def _create(self, schedule: TaskSchedule, action: act.CreateTask, now: datetime) -> None:
        existing = self.store.objects.get(action.name)
        if existing is not None:
            if existing.metadata.terminating or tasks.retirement(cast("Task", existing)):
                self.look_again[STANDUP] = now + timedelta(seconds=1)
                raise Conflict
            return
        self._judge_creation(schedule, action, now)
        owner = OwnerReference(kind="TaskSchedule", name=STANDUP, uid=schedule.metadata.uid, controller=True)
        metadata = self._metadata(action.name, owner_references=(owner,))
        self.store.add(Task(metadata=metadata, spec=action.spec))
        self.made[_sequence(action.spec)].append(metadata.uid)
        self._tell("operator: creates", action.name, "uid", metadata.uid, _place(action.spec))
        self._refresh(action.name)

    def _amend(self, task: Task, spec: TaskSpec, now: datetime) -> None:
        metadata = task.metadata
        mark = {**metadata.annotations, naming.AMENDED_ANNOTATION: str(metadata.generation + 1)}
        self._own(metadata.name, metadata.resource_version, meta={"annotations": mark}, spec=spec)
        self._tell("operator: amends", metadata.name, _place(spec))
        if metadata.uid in self.touched:
            self._wrong(f"{metadata.name} was changed by a person and is amended")
        if spec.due_at != task.spec.due_at and spec.due_at and spec.due_at <= now:
            self._wrong(f"{metadata.name} is moved into the past")

    def _retire(self, task: Task, reason: Retirement) -> None:
        metadata = task.metadata
        meta: dict[str, Any] = {"annotations": {**metadata.annotations, naming.RETIRED_ANNOTATION: reason.value}}
        if reason is Retirement.HISTORY:
            meta["finalizers"] = ()
        self._own(metadata.name, metadata.resource_version, meta=meta)
        self._tell("operator: retires", metadata.name, reason)
        self.retired[metadata.uid] = (reason.value, task.spec.state)
        if metadata.uid in self.touched and reason is not Retirement.HISTORY:
            self._wrong(f"{metadata.name} was changed by a person and is taken back")

    def _offer(self, name: str, uid: str, action: act.Publish) -> None:
        self.publisher.offers[uid] = action.tellings
        stored = self.store.objects.get(name)
        for telling in action.tellings:
            closed = isinstance(stored, Task) and stored.status.phase is not State.OPEN
            if telling.event.topic is Topic.REMINDERS and closed:
                self._wrong(f"{name} was seen closed, and its reminder {telling.event.id} is offered")

    def _write_status(self, seen: Object, action: act.WriteStatus, receipts: Receipts) -> None:
        name, uid = seen.metadata.name, seen.metadata.uid
        self._own(name, seen.metadata.resource_version, status=action.status)
        self.publisher.forget(uid, receipts)
        if isinstance(seen, TaskSchedule):
            self._tell(
                "operator: cursor", _short(cast("Any", action.status).cursor), cast("Any", action.status).reopened
            )
            return
        status = cast("Any", action.status)
        if status.phase is not seen.status.phase:
            self._tell("operator: notes", name, status.phase, status.closed_at)
            if status.phase is not State.OPEN:
                if (status.phase, status.closed_at) in self.closings[uid]:
                    self._wrong(f"{name} is closed twice under one closedAt")
                self.closings[uid].append((status.phase, status.closed_at))

    # The publisher and the recurring consumer.

    def _pump(self) -> None:
        """Of what is on its way some arrives, of what waits some sets out; a broker that hangs takes nothing."""
        if self.hung:
            return
        for uid in sorted(self.publisher.in_flight):
            if self.quiet or self.random.random() < 0.7:
                event = self.publisher.in_flight[uid].event
                self._tell("broker: accepts", event.id)
                self.publisher.land(uid, receipt=self.quiet or self.random.random() < 0.85)
                self.queue.add(event.data.task_id if isinstance(event.data, TaskEvent | ReminderEvent) else STANDUP)
        for uid in sorted(set(self.publisher.offers) - set(self.publisher.in_flight)):
            if self.quiet or self.random.random() < 0.8:
                self.publisher.take(uid)

    def _deliver(self) -> None:
        """The next event, or once more one that was handled long ago."""
        if self.log and not self.quiet and self.random.random() < 0.15:
            self._consume(self.random.choice(self.log[: self.deliver_from + 1]))
        elif self.deliver_from < len(self.log) and self._consume(self.log[self.deliver_from]):
            self.deliver_from += 1

    def _consume(self, event: Event) -> bool:
        """As DESIGN section 7 has the recurring consumer; False: deliver it again."""
        data, schedule = event.data, self._schedule()
        if not isinstance(data, TaskEvent) or data.task_data.occurrence is None or schedule is None:
            return True
        by_user = data.event_type is EventType.DELETED and data.reason is Reason.USER
        closed = data.task_data.state is not State.OPEN and data.event_type is not EventType.DELETED
        if not closed and not by_user:
            return True
        task = cast("Task | None", self.store.objects.get(data.task_id))
        if task is not None and (task.metadata.uid != data.task_uid or _is_open(task)):
            return True
        self._meanwhile()
        try:
            place = cursors.closed_cursor(schedule, OccurrenceRef(**dict(data.task_data.occurrence)))
            successor = place and cursors.advance(schedule, place, data.task_data.closed_at or data.timestamp)
            if successor:
                status = schedule.status.model_copy(update={"cursor": successor})
                self.store.update(STANDUP, schedule.metadata.resource_version, status=status)
                self._tell("consumer:", event.id, "→ cursor", _short(successor))
        except Rejected:
            return True
        except Conflict:
            return False
        return True

    # The quiet.

    def _calm(self) -> None:
        self.quiet, self.hung, self.away, self.crashing = True, False, False, 0.0
        self._tell("--- quiet")
        dice = self.random.random()
        self.ending = "deleted" if dice < 0.12 else "as it is" if dice < 0.3 else "going on"
        self._settle()
        if self.ending == "deleted":
            self._delete_schedule()
        if self.ending != "going on":
            return
        self._change_schedule(suspend=False, endsAt=None, recurrence=DAILY)
        self._settle()
        for _ in range(3):
            for task in self._current():
                self._tell("user: completes", task.metadata.name)
                self._edit(task, state=State.COMPLETED)
            self._settle()
            self._expect_one_open()
            self.now += timedelta(hours=self.random.choice((1, 30)))
            self._settle()

    def _delete_schedule(self) -> None:
        if STANDUP not in self.store.objects:
            return
        foreground = self.random.random() < 0.5
        children = [each for each in self._tasks() if each.spec.occurrence]
        self._tell("user: delete", STANDUP, "foreground" if foreground else "background")
        self.store.delete(STANDUP, self.now)
        if not foreground:
            self._settle()
        for task in children:
            if task.metadata.name in self.store.objects:
                self.store.delete(task.metadata.name, self.now)
        self._settle()

    def _settle(self) -> None:
        """Passes run only for what was enqueued or rings; time moves from one wake-up to the next."""
        horizon = self.now + timedelta(hours=3)
        for _ in range(400):
            self.now += timedelta(milliseconds=1)
            self._work(100)
            self._pump()
            self._deliver()
            publisher = self.publisher
            waiting = publisher.offers or publisher.in_flight or self.store.changed
            if self.queue or waiting or self.deliver_from < len(self.log):
                continue
            ahead = [at for at in (*self.look_again.values(), *self.alarms.values()) if at <= horizon]
            if not ahead:
                return
            self.now = max(self.now, min(ahead))
        self._wrong(f"it does not come to rest: queue {self.queue}, offers {list(self.publisher.offers)}")

    # What has to hold.

    def _judge_creation(self, schedule: TaskSchedule, action: act.CreateTask, now: datetime) -> None:
        spec = action.spec
        occurrence = spec.occurrence
        if occurrence is None or spec.due_at is None:
            self._wrong(f"{action.name} is no occurrence")
            return
        newer = schedule.spec.series().next_after(occurrence.at, local=occurrence.local)
        if newer and newer.at <= now and not cursors.past_end(schedule.spec, newer.at):
            self._wrong(f"{action.name} is made although a newer occurrence, {newer.local}, has passed")
        for uid in self.made.get(occurrence.sequence - 1, []):
            ends = [at for _, at in self.closings[uid]]
            ends += [self.deleted_by_user[uid]] if uid in self.deleted_by_user else []
            if ends and occurrence.at <= min(ends):
                self._wrong(f"{action.name} lies before the closing of its predecessor, {min(ends)}")
        for uid in self.made.get(occurrence.sequence, []):
            if self.retired.get(uid, ("",))[0] not in TAKEN_BACK:
                self._wrong(f"{action.name} is made twice")

    def _current(self) -> list[Task]:
        schedule = self._schedule()
        reopened = schedule.status.reopened if schedule else ()
        return [
            each
            for each in self._tasks()
            if each.spec.occurrence
            and _is_open(each)
            and not tasks.retirement(each)
            and each.spec.occurrence.sequence not in reopened
        ]

    def _expect_one_open(self) -> None:
        names = [each.metadata.name for each in self._current()]
        if len(names) != 1:
            self._wrong(f"open at once: {names}")

    def _check(self) -> None:
        self._check_series()
        self._check_rest()
        told = self._told()
        for obj in (*self.store.objects.values(), *self.store.gone):
            if isinstance(obj, Task):
                self._check_stream(obj, told.get(obj.metadata.uid, []))
        self._check_reminders()

    def _everything(self) -> Iterator[Task]:
        yield from self._tasks()
        yield from (each for each in self.store.gone if isinstance(each, Task))

    def _check_series(self) -> None:
        schedule = self._schedule()
        stalled = schedule and any(each.type == conditions.STALLED for each in schedule.status.conditions)
        if len(self._current()) > 1 and not stalled:  # a stalled schedule waits for an edit, and does nothing
            self._wrong(f"open at once: {[each.metadata.name for each in self._current()]}")
        if sorted(self.made) != list(range(1, len(self.made) + 1)):
            self._wrong(f"gaps in the sequence: {sorted(self.made)}")
        days: dict[Any, set[str]] = defaultdict(set)
        for task in self._everything():
            taken_back = self.retired.get(task.metadata.uid, ("",))[0] in TAKEN_BACK
            if task.spec.occurrence and not taken_back:
                days[task.spec.occurrence.local.date()].add(task.metadata.uid)
        for day, uids in days.items():
            if len(uids) > 1:
                self._wrong(f"{day} occurs more than once: {sorted(uids)}")
        cursor = schedule.status.cursor if schedule else None
        for sequence, uids_made in self.made.items():
            lost = all(self.retired.get(uid, ("",))[0] in TAKEN_BACK for uid in uids_made)
            if cursor and sequence < cursor.sequence and lost:
                self._wrong(f"occurrence {sequence} was taken back and never came again")

    def _check_rest(self) -> None:
        for name, obj in self.store.objects.items():
            uid = obj.metadata.uid
            plan = self._plan(obj, self.publisher.seen(uid), self.now)
            if not all(isinstance(action, act.LookAgain) for action in plan):
                self._wrong(f"{name} is not at rest: {plan}")
            waits = isinstance(obj, Task) and obj.spec.occurrence and self._beyond_cursor(obj.spec.occurrence.sequence)
            if obj.metadata.terminating and not waits:
                self._wrong(f"{name} does not go")
            if isinstance(obj, Task):
                due = [
                    each
                    for each in obj.status.reminders
                    if each.state is ReminderState.PENDING and each.remind_at <= self.now
                ]
                if due:
                    self._wrong(f"{name}: a reminder is due and nobody sends it: {due}")
        if self.ending == "deleted" and [each for each in self._tasks() if each.spec.occurrence]:
            self._wrong("the schedule is gone and its tasks are not")

    def _beyond_cursor(self, sequence: int) -> bool:
        schedule = self._schedule()
        return bool(schedule and schedule.status.cursor and schedule.status.cursor.sequence < sequence)

    def _told(self) -> dict[str, list[TaskEvent]]:
        """What a reader that removes duplicates by id knows of each Task."""
        told: dict[str, list[TaskEvent]] = defaultdict(list)
        seen: set[str] = set()
        for event in self.log:
            if event.id not in seen and isinstance(event.data, TaskEvent):
                told[event.key].append(event.data)
            seen.add(event.id)
        return told

    def _check_stream(self, task: Task, told: list[TaskEvent]) -> None:
        name, uid = f"{task.metadata.name} ({task.metadata.uid})", task.metadata.uid
        alive = task.metadata.name in self.store.objects and self.store.objects[task.metadata.name].metadata.uid == uid
        if uid in self.let_go:
            return  # held for as long as we hold anything, while nothing was accepted
        if not told or told[0].event_type is not EventType.CREATED:
            if not (
                not alive
                and not task.metadata.finalizers
                and not told
                and uid not in self.retired
                and self._never_ours(task)
            ):
                self._wrong(f"{name}: the first event is {told[:1]}")
            return
        kinds = [each.event_type for each in told]
        if EventType.DELETED in kinds[:-1]:
            self._wrong(f"{name}: something is told after deleted: {kinds}")
        if (generations := [each.generation for each in told]) != sorted(generations):
            self._wrong(f"{name}: told out of order: {generations}")
        history = self.retired.get(uid, ("", State.OPEN)) if not alive else None
        states = [each.task_data.state for each in told if each.event_type is not EventType.DELETED]
        if alive and not task.metadata.terminating and states[-1] is not task.spec.state:
            self._wrong(f"{name} is {task.spec.state}, and the stream says {states[-1]}")
        if history and history[0] == Retirement.HISTORY:
            if states[-1] is not history[1]:
                self._wrong(f"{name} went as {history[1]}, and the stream says {states[-1]}")
        elif not alive and EventType.DELETED not in kinds:
            orphan = bool(task.spec.occurrence) and self.ending == "deleted" and task.spec.state is not State.OPEN
            if not orphan:
                self._wrong(f"{name} went, and nobody was told")

    def _never_ours(self, task: Task) -> bool:
        """Deleted by its user before the operator put its finalizer on."""
        return task.spec.occurrence is None and task.metadata.uid in self.deleted_by_user

    def _check_reminders(self) -> None:
        sent = {event.id for event in self.log if event.topic is Topic.REMINDERS}
        for task in self._everything():
            for each in task.status.reminders:
                event_id = f"{task.metadata.uid}:{each.id}:"
                said = any(known.startswith(event_id) for known in sent)
                if each.state is ReminderState.PUBLISHED and not said:
                    self._wrong(f"{task.metadata.name}: reminder {each.id} is noted as sent and never was")


def _is_open(task: Task) -> bool:
    return task.spec.state is State.OPEN and not task.metadata.terminating


def _sequence(spec: TaskSpec) -> int:
    return spec.occurrence.sequence if spec.occurrence else 0


def _place(spec: TaskSpec) -> str:
    return f"@{spec.occurrence.local:%d.%m. %H:%M}" if spec.occurrence else ""


def _short(cursor: Any) -> str:
    return f"{cursor.sequence}@{cursor.local:%d.%m. %H:%M} {cursor.phase} {cursor.outcome or ''}" if cursor else "none"
