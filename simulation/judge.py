"""What has to hold, after every step and whenever the world is at rest. It knows what nobody in the world knows.

    at each write    one open occurrence at most (those a user reopened aside); none made twice, on a day that has had
                     one, out of sequence, or at a time the calendar does not give; what a person changed is neither
                     amended nor taken back; nothing goes untold; no finalizer outlives its bound
    at each event    per Task: created first, nothing after deleted, generations rise, a closing is told once
    at each publish  no reminder sets out for a Task that the operator has noted as closed
    in fair weather  reminders are told within seconds, and none expires
    at rest          every plan is empty, but for a look at a later time; every series stands at its one open Task, or
                     at its end; the stream knows the state of every Task; what is armed is what will ring; nothing
                     waits to be deleted

A reader of the stream removes duplicates by id, and so does the judge: what is told twice under one id comes to once.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulation.faults import Fault, holds_up
from simulation.network import Process
from simulation.script import SETTLING_SECONDS, Strike
from task_operator.cache import Key
from taskbell.errors import Rejected
from taskbell.events import Reason, Topic
from taskbell.lifecycle import cursor as cursors
from taskbell.lifecycle import schedule as schedules
from taskbell.lifecycle import task as tasks
from taskbell.lifecycle.actions import LookAgain, Retirement
from taskbell.lifecycle.conditions import STALLED
from taskbell.lifecycle.schedule import ObservedSchedule
from taskbell.lifecycle.task import UNTOLD_FINALIZER, ObservedTask, retirement
from taskbell.naming import AMENDED_ANNOTATION
from taskbell.resources import (
    Cursor,
    Missed,
    OccurrenceRef,
    Outcome,
    Phase,
    ReminderState,
    Resource,
    State,
    Task,
    TaskSchedule,
    TaskScheduleSpec,
)

if TYPE_CHECKING:
    from simulation.world import World

TAKEN_BACK = (Retirement.UNDONE, Retirement.CANCELLED)
IN_TIME = timedelta(seconds=5)
"""From a reminder's instant to its acceptance, in fair weather."""
ON_ITS_WAY = timedelta(seconds=30)
"""From the moment a pass reads the clock to the arrival of its writes, in fair weather."""
ROUGH = timedelta(hours=3)
"""The same when the operator may be held up, or its clock be another."""
HELD_UP = timedelta(minutes=6)
"""Beyond a finalizer's bound: the longest back-off."""


@dataclass(slots=True)
class TaskLife:
    """What has become of one Task, by its uid."""

    name: str
    schedule: str | None
    occurrence: OccurrenceRef | None
    made_at: datetime
    changed_at: datetime
    state: State = State.OPEN
    touched: bool = False
    reopened: bool = False
    status_lost: bool = False
    closed_by_user: int = 0
    ends: list[datetime] = field(default_factory=list[datetime])
    """Each closedAt that was noted, and the deletion: its successor lies after one of them."""
    deleted_at: datetime | None = None
    retired: str | None = None
    gone: bool = False
    # What a reader of the stream knows.
    created_told: bool = False
    deleted_told: bool = False
    told_state: State | None = None
    told_generation: int = 0
    closings_told: int = 0


@dataclass(slots=True)
class ScheduleLife:
    """What has become of one schedule, by its uid."""

    created_at: datetime
    specs: list[TaskScheduleSpec]
    edited_at: datetime | None = None
    forgotten: set[int] = field(default_factory=set[int])
    """Sequences beyond all Tasks there were when the status was lost: nobody knows of them any more."""
    made: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict[int, list[str]](list))
    days: dict[date, str] = field(default_factory=dict[date, str])


class Judge:
    """Calls `world.wrong` with a sentence."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._tasks: dict[str, TaskLife] = {}
        self._schedules: dict[str, ScheduleLife] = {}
        self._told: dict[str, tuple[str, str]] = {}
        self._reminded: set[tuple[str, str]] = set()
        self._begins, self._ends = _storms(world)
        self._held_up_until = world.now()

    def struck(self, fault: Fault) -> None:
        """A fault happens now."""
        if holds_up(fault):
            over = self._world.now() + timedelta(seconds=fault.seconds)
            self._held_up_until = max(self._held_up_until, over)

    # At each write.

    def written(self, who: str, old: Resource | None, new: Resource | None) -> None:
        """`old` became `new`; None: there was none, there is none any more."""
        if isinstance(old or new, Task):
            self._task_written(who, old, new)  # type: ignore[arg-type]
        else:
            self._schedule_written(who, old, new)  # type: ignore[arg-type]

    def _schedule_written(self, who: str, old: TaskSchedule | None, new: TaskSchedule | None) -> None:
        if new is None:
            return
        uid = new.metadata.uid
        if old is None:
            self._schedules[uid] = ScheduleLife(new.metadata.creation_timestamp, [new.spec])
            return
        life = self._schedules[uid]
        if old.spec is not new.spec:
            life.specs.append(new.spec)
            same_dates = cursors.calendar_of(old.spec) == cursors.calendar_of(new.spec)
            same_limits = (old.spec.suspend, old.spec.ends_at) == (new.spec.suspend, new.spec.ends_at)
            if not (same_dates and same_limits):
                life.edited_at = self._world.now()
        if who == "loss":
            self._forget(uid)
        before, after = old.status.cursor, new.status.cursor
        if before != after and after is not None:
            if self._world.telling:
                self._world.tell(who, f"{new.metadata.name} stands at", _short(after), new.status.reopened or "")
            if after.sequence > max(life.made, default=0) + 1:
                self._world.wrong(f"{new.metadata.name} advances to {after.sequence}, past one that was never made")

    def _forget(self, schedule_uid: str) -> None:
        """There is no cursor: it will be found again by the Tasks there are."""
        life, children = self._schedules[schedule_uid], self._world.api.children(schedule_uid)
        there = [task.spec.occurrence.sequence for task in children if task.spec.occurrence]
        life.forgotten |= {sequence for sequence in life.made if sequence > max(there, default=0)}

    def _task_written(self, who: str, old: Task | None, new: Task | None) -> None:
        if new is None:
            self._task_went(old)  # type: ignore[arg-type]
        elif old is None:
            self._task_made(who, new)
        else:
            self._task_changed(who, old, new)

    def _task_made(self, who: str, task: Task) -> None:
        world, owner, occurrence = self._world, task.metadata.controller, task.spec.occurrence
        now = world.now()
        life = TaskLife(task.metadata.name, owner.uid if owner else None, occurrence, now, now)
        self._tasks[task.metadata.uid] = life
        if owner is None or occurrence is None:
            return
        world.count("occurrences")
        if world.telling:
            world.tell(who, f"creates {life.name} for {occurrence.local:%Y-%m-%d %H:%M}")
        schedule = self._schedules[owner.uid]
        self._judge_sequence(schedule, life, occurrence)
        self._judge_calendar(schedule, life, occurrence)
        schedule.made[occurrence.sequence].append(task.metadata.uid)
        self._judge_day(schedule, task.metadata.uid, life)
        self._judge_open(owner.uid)

    def _judge_sequence(self, schedule: ScheduleLife, life: TaskLife, occurrence: OccurrenceRef) -> None:
        for uid in schedule.made.get(occurrence.sequence, ()):
            if self._tasks[uid].retired not in TAKEN_BACK and occurrence.sequence not in schedule.forgotten:
                self._world.wrong(f"{life.name} is made twice")
        if occurrence.sequence > max(schedule.made, default=0) + 1:
            self._world.wrong(f"{life.name} is made, and its predecessor never was")

    def _judge_open(self, schedule_uid: str) -> None:
        forgotten = self._schedules[schedule_uid].forgotten
        open_ones = [
            task.metadata.name
            for task in self._world.api.children(schedule_uid)
            if _counts_as_open(task)
            and not self._tasks[task.metadata.uid].reopened
            # What was made once more because its status was lost is open beside what an old event knows of.
            and not (task.spec.occurrence and task.spec.occurrence.sequence in forgotten)
        ]
        if len(open_ones) > 1:
            self._world.wrong(f"open at once: {', '.join(open_ones)}")

    def _judge_day(self, schedule: ScheduleLife, uid: str, life: TaskLife) -> None:
        if life.occurrence is None:
            return
        day = life.occurrence.local.date()
        other = schedule.days.get(day)
        if other and other != uid:
            there = self._tasks[other]
            same = there.occurrence is not None and there.occurrence.local.date() == day
            known = there.occurrence is not None and there.occurrence.sequence not in schedule.forgotten
            if same and known and there.retired not in TAKEN_BACK:
                self._world.wrong(f"{day} occurs twice: as {there.name} and as {life.name}")
        schedule.days[day] = uid

    def _judge_calendar(self, schedule: ScheduleLife, life: TaskLife, occurrence: OccurrenceRef) -> None:
        world = self._world
        predecessors = [
            each
            for uid in schedule.made.get(occurrence.sequence - 1, ())
            if (each := self._tasks[uid]).retired not in TAKEN_BACK
        ]
        if not any(_yields(spec, occurrence) for spec in reversed(schedule.specs)):
            world.wrong(f"{life.name} is made for {occurrence.local}, which no calendar of its schedule has")
        for before in predecessors:
            if before.ends and occurrence.at <= min(before.ends):
                world.wrong(f"{life.name} lies before the closing of its predecessor, {min(before.ends)}")
        self._judge_newest(schedule.specs[-1], life, occurrence)
        began = max((each.made_at for each in predecessors), default=schedule.created_at)
        if schedule.edited_at is not None and schedule.edited_at >= began:
            return
        expected = set(self._expected(schedule, occurrence.sequence, predecessors))
        if expected and occurrence.at not in expected:
            times = ", ".join(str(each) for each in sorted(expected))
            world.wrong(f"{life.name} is made for {occurrence.at}, and the calendar says {times}")

    def _judge_newest(self, spec: TaskScheduleSpec, life: TaskLife, occurrence: OccurrenceRef) -> None:
        """Of several that have passed only the latest is made."""
        try:
            newer = spec.series().next_after(occurrence.at, local=occurrence.local)
        except Rejected:
            return
        if newer and newer.at <= self._world.operator_clock() - self._late() and not cursors.past_end(spec, newer.at):
            self._world.wrong(f"{life.name} is made for {occurrence.at} although a newer one, {newer.at}, has passed")

    def _late(self) -> timedelta:
        """A write may arrive this long after its pass read the clock."""
        return ON_ITS_WAY if self._fair_since(self._world.now() - ON_ITS_WAY) else ROUGH

    def _expected(self, schedule: ScheduleLife, sequence: int, predecessors: list[TaskLife]) -> Iterator[datetime]:
        """The instants the calendar gives for this successor, after each closing its predecessor has had."""
        series = schedule.specs[-1].series()
        starts: list[tuple[datetime, datetime | None]] = []
        if sequence == 1:
            starts.append((schedule.created_at - timedelta(microseconds=1), None))
        for before in predecessors:
            local = before.occurrence.local if before.occurrence else None
            starts += [(closed_at, local) for closed_at in before.ends]
        late = self._late()
        now = self._world.operator_clock()
        for closed_at, local in starts:
            following = series.next_after(closed_at, local=local)
            while following is not None:
                yield following.at
                # What has passed gives way to the latest that has passed, or to the first ahead.
                if following.at > now:
                    break
                newest = series.next_after(following.at, local=following.local)
                if newest is None or newest.at > now:
                    if following.at <= now - Missed().within + late and newest is not None:
                        yield newest.at
                    break
                if following.at <= now - late - Missed().within:
                    following = series.next_after(now - late - Missed().within, local=following.local)
                else:
                    following = newest

    def _task_changed(self, who: str, old: Task, new: Task) -> None:
        life = self._tasks[new.metadata.uid]
        if old.spec is not new.spec:
            life.changed_at = self._world.now()
            if who == "user":
                self._changed_by_user(life, old, new)
            else:
                self._amended(life, old, new)
        if new.metadata.terminating and not old.metadata.terminating:
            life.deleted_at = new.metadata.deletion_timestamp
            life.ends.append(life.deleted_at or self._world.now())
        reason = retirement(new)
        if reason != life.retired:
            life.retired = reason
            self._world.tell(who, f"retires {life.name}: {reason}")
            if life.touched and reason in TAKEN_BACK:
                self._world.wrong(f"{life.name} was changed by a person and is taken back")
        if old.status is not new.status:
            self._noted(who, life, old, new)

    def _changed_by_user(self, life: TaskLife, old: Task, new: Task) -> None:
        life.touched = True
        if old.spec.state is not new.spec.state:
            life.state = new.spec.state
            if new.spec.state is State.OPEN:
                life.reopened = True
            else:
                life.closed_by_user += 1

    def _amended(self, life: TaskLife, old: Task, task: Task) -> None:
        if life.touched:
            self._world.wrong(f"{life.name} was changed by a person and is amended")
        if task.metadata.annotations.get(AMENDED_ANNOTATION) != str(task.metadata.generation):
            self._world.wrong(f"{life.name} is amended, and its mark names another generation")
        due_at = task.spec.due_at
        if due_at and due_at != old.spec.due_at and due_at <= self._world.operator_clock() - self._late():
            self._world.wrong(f"{life.name} is moved into the past, to {due_at}")
        moved = task.spec.occurrence
        self._world.tell("operator", f"amends {life.name}", f"{moved.local:%Y-%m-%d %H:%M}" if moved else "")
        life.occurrence = moved
        if life.schedule:
            self._judge_day(self._schedules[life.schedule], task.metadata.uid, life)

    def _noted(self, who: str, life: TaskLife, old: Task, new: Task) -> None:
        if who == "loss":
            life.status_lost = True
            return
        if new.status.phase is not State.OPEN and new.status.closed_at and new.status.closed_at != old.status.closed_at:
            if new.status.closed_at in life.ends and not life.status_lost:
                self._world.wrong(f"{life.name} is closed twice under one closedAt, {new.status.closed_at}")
            life.ends.append(new.status.closed_at)
            self._world.tell(who, f"notes {life.name} as {new.status.phase} at {new.status.closed_at}")
        self._judge_expiry(life, old, new)

    def _judge_expiry(self, life: TaskLife, old: Task, new: Task) -> None:
        known = {each.id: each.state for each in old.status.reminders}
        for each in new.status.reminders:
            if each.state is not ReminderState.EXPIRED or known.get(each.id) is ReminderState.EXPIRED:
                continue
            live = max(each.remind_at, life.made_at, life.changed_at)
            superseded = any(each.remind_at < other.remind_at <= self._world.now() for other in new.status.reminders)
            late = live - max(each.remind_at, new.spec.due_at or each.remind_at) >= timedelta(hours=1)
            if not superseded and not late and life.made_at <= each.remind_at and self._fair_since(live):
                self._world.wrong(f"{life.name}: reminder {each.id} expires in fair weather")

    def _task_went(self, task: Task) -> None:
        life = self._tasks[task.metadata.uid]
        life.gone = True
        self._world.tell("API server", f"{life.name} is gone")
        deleted_at = life.deleted_at
        if life.schedule and (schedule := self._schedule(life.schedule)) and schedule.status.cursor is None:
            self._forget(life.schedule)
        if deleted_at is None:
            return  # it had no finalizer: nobody can be blamed
        bound = deleted_at + UNTOLD_FINALIZER
        free_since = max(bound, self._held_up_until)
        if self._world.now() > free_since + HELD_UP:
            self._world.wrong(f"{life.name} was held for {self._world.now() - deleted_at}")
        held_out = self._world.operator_clock() >= bound
        went_with_its_schedule = life.schedule is not None and self._schedule_goes(life.schedule)
        history = life.retired == Retirement.HISTORY
        if not (life.deleted_told or held_out or history or (went_with_its_schedule and not _was_open(task))):
            self._world.wrong(f"{life.name} went, and nobody was told")
        if history and life.told_state is not task.spec.state:
            self._world.wrong(f"{life.name} went as {task.spec.state}, and the stream says {life.told_state}")

    def _schedule_goes(self, uid: str) -> bool:
        found = self._schedule(uid)
        return found is None or found.metadata.terminating

    def _schedule(self, uid: str) -> TaskSchedule | None:
        return next((each for each in self._world.api.all(TaskSchedule) if each.metadata.uid == uid), None)

    # At each event.

    def setting_out(self, process: Process, topic: str, events: Sequence[dict[str, Any]]) -> None:
        """The operator hands a batch to its sidecar."""
        if topic != Topic.REMINDERS or process.dead:
            return
        cache = self._world.operator.machinery.cache
        for event in events:
            data = event["data"]
            known = cache.get(Key(Task, data["namespace"], data["task_id"]))
            phase = known.status.phase if isinstance(known, Task) else State.OPEN
            if known and known.metadata.uid == data["task_uid"] and phase is not State.OPEN:
                self._world.wrong(f"{data['task_id']} is noted as {phase}, and {event['id']} is sent")

    def accepted(self, topic: str, event: dict[str, Any]) -> None:
        """The broker has it for good."""
        world, data, event_id = self._world, event["data"], event["id"]
        world.count("events")
        world.tell("broker", f"accepts {event_id}")
        if topic == Topic.SCHEDULE_EVENTS:
            return
        if topic == Topic.TASK_EVENTS:
            said = (data["event_type"], data["task_data"]["state"])
            before = self._told.setdefault(event_id, said)
            if before is not said:
                world.count("events told again")
                if before != said and data["event_type"] == "completed":
                    world.wrong(f"{event_id} says {said}, and said {before}")
                return
            self._judge_told(self._tasks[data["task_uid"]], event_id, data)
        elif event_id not in self._told:
            self._told[event_id] = ("reminder", "")
            self._reminded.add((data["task_uid"], data["reminder_id"]))
            world.count("reminders")
            self._judge_punctuality(self._tasks[data["task_uid"]], event_id, datetime.fromisoformat(data["remind_at"]))

    def _judge_told(self, life: TaskLife, event_id: str, data: dict[str, Any]) -> None:
        wrong, kind = self._world.wrong, data["event_type"]
        if not life.created_told and kind != "created":
            wrong(f"{event_id} is the first that is told of {life.name}")
        if life.deleted_told:
            wrong(f"{event_id} is told after {life.name} was deleted")
        if data["generation"] < life.told_generation:
            wrong(f"{event_id} speaks of generation {data['generation']}, and {life.told_generation} was told")
        if kind == "deleted" and data["reason"] in {Reason.UNDONE, Reason.CANCELLED} and life.retired is None:
            wrong(f"{event_id} says {data['reason']}, and nobody took it back")
        life.created_told = life.created_told or kind == "created"
        life.deleted_told = kind == "deleted"
        life.told_generation = data["generation"]
        if kind != "deleted":
            life.told_state = State(data["task_data"]["state"])
        if kind == "completed" or data["change"] == "skipped":
            life.closings_told += 1
            if life.closings_told > life.closed_by_user and not life.status_lost:
                wrong(f"{event_id}: {life.name} is told as closed more often than it was")

    def _judge_punctuality(self, life: TaskLife, event_id: str, remind_at: datetime) -> None:
        due = max(remind_at, life.made_at, life.changed_at)
        if self._world.now() > due + IN_TIME and self._fair_since(due) and not life.status_lost:
            self._world.wrong(f"{event_id} is told {self._world.now() - due} late in fair weather")

    # At rest.

    def unrest(self) -> list[str]:
        """What does not hold although nothing has gone wrong for a while."""
        world, wrong = self._world, list[str]()
        if not world.operator.alive:
            return ["the operator is down"]
        if not world.consumer.idle():
            wrong.append("the consumer has events to handle")
        for key, obj in world.api.objects.items():
            plan = self.plan(key)
            if any(not isinstance(action, LookAgain) for action in plan):
                wrong.append(f"{key} is not at rest: {plan}")
            elif obj.metadata.terminating:
                wrong.append(f"{key} does not go")
            if isinstance(obj, Task):
                wrong += self._unrest_of_task(obj)
            elif isinstance(obj, TaskSchedule):
                wrong += self._unrest_of_schedule(obj)
        return wrong

    def plan(self, key: Key) -> Sequence[object]:
        """What the operator would still do, given what it remembers."""
        machinery, obj, now = self._world.operator.machinery, self._world.api.objects[key], self._world.operator_clock()
        receipts = machinery.publisher.receipts(obj.metadata.uid)
        if isinstance(obj, TaskSchedule):
            children = tuple(self._world.api.children(obj.metadata.uid))
            return schedules.plan(ObservedSchedule(obj, children, receipts, broker_away=False), now)
        if isinstance(obj, Task):
            owner = obj.metadata.controller
            schedule = self._world.api.find(TaskSchedule, owner.name) if owner else None
            if schedule and owner and schedule.metadata.uid != owner.uid:
                schedule = None
            alarm = machinery.alarms.armed(obj.metadata.uid)
            return tasks.plan(ObservedTask(obj, schedule, receipts, alarm, broker_away=False), now)
        return ()

    def _unrest_of_task(self, task: Task) -> Iterator[str]:
        life, now = self._tasks[task.metadata.uid], self._world.now()
        name, ahead = task.metadata.name, list[datetime]()
        for each in task.status.reminders:
            if each.state is ReminderState.PENDING and each.remind_at <= now:
                yield f"{name}: reminder {each.id} is due, and nobody sends it"
            elif each.state is ReminderState.PENDING:
                ahead.append(each.remind_at)
            if each.state is ReminderState.PUBLISHED and (task.metadata.uid, each.id) not in self._reminded:
                yield f"{name}: reminder {each.id} is noted as sent, and never was"
        scheduler = self._world.scheduler
        armed = scheduler.jobs.get(task.metadata.uid)
        if ahead and armed != min(ahead) and task.metadata.uid not in scheduler.lost:
            yield f"{name} is to ring at {min(ahead)}, and its job is set to {armed}"
        if life.told_state is not task.spec.state:
            yield f"{name} is {task.spec.state}, and the stream says {life.told_state}"

    def _unrest_of_schedule(self, schedule: TaskSchedule) -> Iterator[str]:
        name, status, cursor = schedule.metadata.name, schedule.status, schedule.status.cursor
        if cursor is not None:
            yield from self._never_came_again(schedule, cursor.sequence)
        if any(each.type == STALLED for each in status.conditions):
            return  # it waits for an edit, and does nothing
        open_ones = [
            task.spec.occurrence.sequence
            for task in self._world.api.children(schedule.metadata.uid)
            if task.spec.occurrence and _counts_as_open(task) and task.spec.occurrence.sequence not in status.reopened
        ]
        if len(open_ones) > 1:
            yield f"{name} has several open tasks: {open_ones}"
        if cursor is None:
            yield from _no_cursor(schedule)
        elif cursor.phase is Phase.OPEN and open_ones != [cursor.sequence]:
            yield f"{name} stands at {_short(cursor)}, and open are {open_ones}"
        elif cursor.phase is Phase.PENDING and not schedule.spec.suspend:
            yield f"{name} waits for {_short(cursor)}, and nobody makes it"
        elif _can_advance(schedule, cursor):
            yield f"{name} stands at {_short(cursor)}, and nobody advances it"

    def _never_came_again(self, schedule: TaskSchedule, standing_at: int) -> Iterator[str]:
        for sequence, uids in self._schedules[schedule.metadata.uid].made.items():
            if sequence < standing_at and all(self._tasks[uid].retired in TAKEN_BACK for uid in uids):
                yield f"occurrence {sequence} of {schedule.metadata.name} was taken back and never came again"

    def _fair_since(self, moment: datetime) -> bool:
        """Whether nothing has gone wrong from `moment` on."""
        begin = self._world.script.begin
        since, now = (moment - begin).total_seconds(), self._world.elapsed()
        number = bisect_right(self._begins, now)
        return number == 0 or self._ends[number - 1] < since


def _storms(world: "World") -> tuple[list[float], list[float]]:
    """When faults begin, and until when each of them, or one before it, may still be felt."""
    begins, ends = list[float](), list[float]()
    for step in world.script.steps:
        if isinstance(step, Strike):
            begins.append(step.at)
            ends.append(max(step.at + step.act.seconds + SETTLING_SECONDS, ends[-1] if ends else 0.0))
    return begins, ends


def _yields(spec: TaskScheduleSpec, occurrence: OccurrenceRef) -> bool:
    try:
        series = spec.series()
    except Rejected:
        return False
    found = series.find(occurrence.local, occurrence.fold)
    return found is not None and found.at == occurrence.at


def _no_cursor(schedule: TaskSchedule) -> Iterator[str]:
    try:
        first = schedule.spec.series().next_after(schedule.metadata.creation_timestamp)
    except Rejected:
        return
    if first is not None:
        yield f"{schedule.metadata.name} has no cursor"


def _can_advance(schedule: TaskSchedule, cursor: Cursor) -> bool:
    if cursor.phase is not Phase.CLOSED or cursor.outcome is Outcome.CANCELLED or cursor.closed_at is None:
        return False
    return cursors.advance(schedule, cursor, cursor.closed_at) is not None


def _counts_as_open(task: Task) -> bool:
    return task.spec.state is State.OPEN and not task.metadata.terminating and not retirement(task)


def _was_open(task: Task) -> bool:
    return task.spec.state is State.OPEN


def _short(cursor: Cursor) -> str:
    return f"{cursor.sequence} ({cursor.local:%Y-%m-%d %H:%M}, {cursor.phase} {cursor.outcome or ''})".replace(
        " )", ")"
    )
