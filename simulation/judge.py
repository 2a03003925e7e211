"""What has to hold, after every step and whenever the world is at rest. It knows what nobody in the world knows.

    at each write    of a schedule that waits for its Task one open occurrence at most (those a user reopened aside);
                     none made twice, on a day that has had one, out of sequence, or at a time the calendar does not
                     give; none while suspended or after the end; what a person changed is neither amended nor taken
                     back; nothing goes untold, or before its time; no finalizer outlives its bound
    at each request  of several operators only the one that leads acts
    at each event    per Task: created first, nothing after deleted, generations rise, a closing is told once
    at each publish  no reminder sets out for a Task that the operator has noted as closed, nor when it is too late
    in fair weather  reminders are told within seconds, at their distance from what is due, and none expires
    at rest          every plan is empty, but for a look at a later time; every series stands at its one open Task, or
                     at its end; what nobody touched is as the template and its override have it; the stream knows the
                     state of every Task; what is armed is what will ring; nothing waits to be deleted

`timetable` has the laws of schedules that wait for nobody, `reminders` those of reminders and snoozes. A reader of the
stream removes duplicates by id, and so does the judge: what is told twice under one id comes to once.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulation import reminders, timetable
from simulation.dapr import TIMEOUT_SECONDS
from simulation.faults import Fault, holds_up
from simulation.lives import TAKEN_BACK, ScheduleLife, TaskLife
from simulation.network import Process
from simulation.script import SETTLING_SECONDS, Strike
from task_operator.cache import Key
from taskbell.calendar import completion
from taskbell.calendar.rule import SUB_DAILY
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.errors import Rejected
from taskbell.events import Topic
from taskbell.lifecycle import cursor as cursors
from taskbell.lifecycle import on_schedule
from taskbell.lifecycle import schedule as schedules
from taskbell.lifecycle import task as tasks
from taskbell.lifecycle.actions import LookAgain, Retirement, WriteStatus
from taskbell.lifecycle.conditions import STALLED
from taskbell.lifecycle.schedule import ObservedSchedule
from taskbell.lifecycle.task import UNTOLD_FINALIZER, ObservedTask, retirement
from taskbell.naming import AMENDED_ANNOTATION
from taskbell.resources import (
    SNOOZE,
    Advance,
    Cursor,
    LateReminders,
    Missed,
    MissedPolicy,
    OccurrenceRef,
    Outcome,
    Overlap,
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

IN_TIME = timedelta(seconds=5)
"""From a reminder's instant to its acceptance, in fair weather."""
ON_ITS_WAY = timedelta(seconds=30)
"""From the moment a pass reads the clock to the arrival of its writes, in fair weather."""
GIVEN_UP = timedelta(seconds=TIMEOUT_SECONDS)
"""After which the sender of a batch takes it for lost."""
ROUGH = timedelta(hours=3)
"""The same when the operator may be held up, or its clock be another."""
HELD_UP = timedelta(minutes=6)
"""Beyond a finalizer's bound: the longest back-off."""


class Judge:
    """Calls `world.wrong` with a sentence."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._tasks: dict[str, TaskLife] = {}
        self._schedules: dict[str, ScheduleLife] = {}
        self._names: dict[str, str] = {}
        """Of schedules, by uid."""
        self._told: dict[str, tuple[str, str]] = {}
        self._set_out: dict[str, datetime] = {}
        """When each event was last handed to a sidecar."""
        self._reminded: set[tuple[str, str, datetime]] = set()
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
            self._names[uid] = new.metadata.name
            self._schedules[uid] = ScheduleLife(new.metadata.creation_timestamp, [(self._world.now(), new.spec)])
            return
        life = self._schedules[uid]
        if old.spec is not new.spec:
            life.specs.append((self._world.now(), new.spec))
            if _decisive(old.spec) != _decisive(new.spec):
                life.edited_at = self._world.now()
        if who == "loss":
            life.lost_at = self._world.now()
            self._forget(uid)
        before, after = old.status.cursor, new.status.cursor
        if before != after and after is not None:
            if self._world.telling:
                self._world.tell(who, f"{new.metadata.name} stands at", _short(after), new.status.reopened or "")
            if timetable.holds(life, self._world.now() - ROUGH):
                for sentence in self._timetable(life).moved(new.metadata.name, before, after):
                    self._world.wrong(sentence)
            elif timetable.never_held(life) and after.sequence > max(life.made, default=0) + 1:
                self._world.wrong(f"{new.metadata.name} advances to {after.sequence}, past one that was never made")

    def _timetable(self, life: ScheduleLife) -> timetable.Timetable:
        world = self._world
        return timetable.Timetable(
            life, self._tasks, world.now(), world.operator_clock(), self._late(), self._fair_since
        )

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
        life = TaskLife(task.metadata.name, owner.uid if owner else None, occurrence, now, now, task.spec)
        self._tasks[task.metadata.uid] = life
        if owner is None or occurrence is None:
            return
        world.count("occurrences")
        if world.telling:
            world.tell(who, f"creates {life.name} for {occurrence.local:%Y-%m-%d %H:%M}")
        schedule = self._schedules[owner.uid]
        self._judge_limits(schedule, life, occurrence)
        self._judge_sequence(schedule, life, occurrence)
        if timetable.holds(schedule, now - ROUGH):
            for sentence in self._timetable(schedule).made(task.metadata.uid, life, occurrence):
                world.wrong(sentence)
        elif timetable.never_held(schedule):
            self._judge_calendar(schedule, life, occurrence)
        schedule.made[occurrence.sequence].append(task.metadata.uid)
        schedule.occurrences[occurrence.local, occurrence.fold] = task.metadata.uid
        if timetable.never_held(schedule):
            self._judge_day(schedule, task.metadata.uid, life)
            self._judge_open(owner.uid)

    def _judge_limits(self, schedule: ScheduleLife, life: TaskLife, occurrence: OccurrenceRef) -> None:
        """Nothing is made while the schedule is suspended, nor after it ends."""
        specs = schedule.in_force(self._world.now() - self._late())
        if all(spec.suspend for spec in specs):
            self._world.wrong(f"{life.name} is made, and its schedule is suspended")
        if all(cursors.past_end(spec, occurrence.at) for spec in specs):
            self._world.wrong(f"{life.name} is made for {occurrence.at}, after its schedule has ended")

    def _judge_sequence(self, schedule: ScheduleLife, life: TaskLife, occurrence: OccurrenceRef) -> None:
        for uid in schedule.made.get(occurrence.sequence, ()):
            if self._tasks[uid].retired not in TAKEN_BACK and occurrence.sequence not in schedule.forgotten:
                self._world.wrong(f"{life.name} is made twice")
        if timetable.never_held(schedule) and occurrence.sequence > max(schedule.made, default=0) + 1:
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
        if life.occurrence is None or any(
            each.advance is Advance.AFTER_COMPLETION or not _at_most_daily(each) for _, each in schedule.specs
        ):
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
        counted = schedule.spec.advance is Advance.AFTER_COMPLETION and occurrence.sequence > 1
        if not counted and not any(timetable.yields(spec, occurrence) for _, spec in reversed(schedule.specs)):
            world.wrong(f"{life.name} is made for {occurrence.local}, which no calendar of its schedule has")
        policies = {spec.missed.policy for spec in schedule.in_force(world.now() - self._late())}
        for before in predecessors if MissedPolicy.ALL not in policies else ():
            if before.ends and occurrence.at <= min(before.ends):
                world.wrong(f"{life.name} lies before the closing of its predecessor, {min(before.ends)}")
        if not counted and policies == {MissedPolicy.LATEST}:
            self._judge_newest(schedule.spec, life, occurrence)
        began = max((each.made_at for each in predecessors), default=schedule.created_at)
        if schedule.edited_at is not None and schedule.edited_at >= began:
            return
        if counted:
            expected = set(_after_completion(schedule.spec, occurrence.sequence, predecessors))
        else:
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
        series, missed = schedule.spec.series(), schedule.spec.missed
        starts: list[tuple[datetime, datetime | None]] = []
        if sequence == 1:
            starts.append((schedule.created_at - timedelta(microseconds=1), None))
        for before in predecessors:
            local = before.occurrence.local if before.occurrence else None
            for closed_at in before.ends:
                after = min(closed_at, before.occurrence.at) if before.occurrence else closed_at
                starts.append((after if missed.policy is MissedPolicy.ALL else closed_at, local))
        now = self._world.operator_clock()
        for after, local in starts:
            following = series.next_after(after, local=local)
            if following is not None:
                yield following.at
            if following is not None and following.at <= now:
                yield from self._instead(series, missed, following, now)

    def _instead(self, series: Series, missed: Missed, passed: Occurrence, now: datetime) -> Iterator[datetime]:
        """What may be made in the place of one that has passed, whenever in the last while the pass looked."""
        late, since, until = self._late(), passed.at, now
        match missed.policy:
            case MissedPolicy.LATEST:
                since = max(since, now - late - missed.within)
                newest = series.last_until(now - late, since)
                since = newest.at - timedelta(microseconds=1) if newest else since
            case MissedPolicy.SKIP:
                since = max(since, now - late)
            case MissedPolicy.ALL:
                since, until = max(since, now - late - missed.within), now - missed.within
        yield from (each.at for each in series.between(since, until))
        first = series.next_after(max(since, until))
        if first is not None:
            yield first.at

    def _task_changed(self, who: str, old: Task, new: Task) -> None:
        life = self._tasks[new.metadata.uid]
        if old.spec is not new.spec:
            life.changed_at, life.spec = self._world.now(), new.spec
            if who == "user":
                self._changed_by_user(life, old, new)
            elif new.spec.state is not old.spec.state:
                self._replaced(life)
            else:
                self._amended(life, old, new)
        if new.metadata.terminating and not old.metadata.terminating:
            life.deleted_at = new.metadata.deletion_timestamp
            life.ends.append(life.deleted_at or self._world.now())
        reason = retirement(new)
        if reason != life.retired:
            life.retired, life.retired_at = reason, self._world.now()
            if reason == Retirement.HISTORY and reminders.goes_too_soon(new, self._world.operator_clock()):
                self._world.wrong(f"{life.name} goes before its time: it is to be kept for {new.spec.retain_for}")
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

    def _replaced(self, life: TaskLife) -> None:
        life.state = State.SKIPPED
        life.replaced += 1
        self._world.tell("operator", f"skips {life.name}: its successor takes its place")
        schedule = self._schedules.get(life.schedule or "")
        specs = schedule.in_force(self._world.now() - self._late()) if schedule else []
        if not any(on_schedule.overlap(spec) is Overlap.REPLACE for spec in specs):
            self._world.wrong(f"{life.name} is skipped by the operator, and nothing replaces it")

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
        if life.schedule and timetable.never_held(self._schedules[life.schedule]):
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
            policy = new.spec.reminder_policy
            newer = any(each.remind_at < other.remind_at <= self._world.now() for other in new.status.reminders)
            superseded = newer and policy.late is LateReminders.LATEST
            late = live >= reminders.latest(new.spec, each.remind_at)
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
        for event in events:
            self._set_out[event["id"]] = self._world.now()
        if topic != Topic.REMINDERS or process.dead:
            return
        cache = next(each for each in self._world.operators if each.process is process).machinery.cache
        for event in events:
            data = event["data"]
            known = cache.get(Key(Task, data["namespace"], data["task_id"]))
            phase = known.status.phase if isinstance(known, Task) else State.OPEN
            if not isinstance(known, Task) or known.metadata.uid != data["task_uid"]:
                continue
            if phase is not State.OPEN:
                self._world.wrong(f"{self._named(event['id'])} is sent, and it is noted as {phase}")
            fair = self._fair_since(self._tasks[data["task_uid"]].changed_at)
            late = self._world.operator_clock() - reminders.latest(
                known.spec, datetime.fromisoformat(data["remind_at"])
            )
            if data["reminder_id"] != SNOOZE and late > (IN_TIME if fair else ROUGH):
                self._world.wrong(f"{self._named(event['id'])} is sent {late} after it was worth it")

    def accepted(self, topic: str, event: dict[str, Any]) -> None:
        """The broker has it for good."""
        world, data, event_id = self._world, event["data"], event["id"]
        world.count("events")
        told = self._named(event_id) if world.telling else ""
        world.tell("broker", f"accepts {told}")
        if topic == Topic.SCHEDULE_EVENTS:
            return
        if topic == Topic.TASK_EVENTS:
            said = (data["event_type"], data["task_data"]["state"])
            before = self._told.setdefault(event_id, said)
            if before is not said:
                world.count("events told again")
                if before != said and data["event_type"] == "completed":
                    world.wrong(f"{self._named(event_id)} says {said}, and said {before}")
                return
            self._judge_told(self._tasks[data["task_uid"]], event_id, data)
        elif event_id not in self._told:
            self._told[event_id] = ("reminder", "")
            life, remind_at = self._tasks[data["task_uid"]], datetime.fromisoformat(data["remind_at"])
            self._reminded.add((data["task_uid"], data["reminder_id"], remind_at))
            world.count("reminders")
            self._judge_punctuality(life, event_id, remind_at)
            steady = self._fair_since(world.now() - IN_TIME) and not life.status_lost
            for sentence in reminders.told(life, data, known_for=world.now() - life.changed_at):
                if steady:
                    world.wrong(sentence)

    def _judge_told(self, life: TaskLife, event_id: str, data: dict[str, Any]) -> None:
        wrong, kind, told = self._world.wrong, data["event_type"], self._named(event_id)
        if not life.created_told and kind != "created":
            wrong(f"{told} is the first that is told of {life.name}")
        if life.deleted_told:
            wrong(f"{told} is told after {life.name} was deleted")
        if data["generation"] < life.told_generation:
            # What comes of a request after its sender gave it up cannot be called back: readers go by the generation.
            if self._world.now() - self._set_out[event_id] >= GIVEN_UP:
                return
            wrong(f"{told} speaks of generation {data['generation']}, and {life.told_generation} was told")
        if kind == "deleted" and data["reason"] in TAKEN_BACK and life.retired is None:
            wrong(f"{told} says {data['reason']}, and nobody took it back")
        life.created_told = life.created_told or kind == "created"
        life.deleted_told = kind == "deleted"
        life.told_generation = data["generation"]
        if kind != "deleted":
            life.told_state = State(data["task_data"]["state"])
        if kind == "completed" or data["change"] == "skipped":
            life.closings_told += 1
            if life.closings_told > life.closed_by_user + life.replaced and not life.status_lost:
                wrong(f"{told}: it is told as closed more often than it was")

    def _judge_punctuality(self, life: TaskLife, event_id: str, remind_at: datetime) -> None:
        due = max(remind_at, life.made_at, life.changed_at)
        if self._world.now() > due + IN_TIME and self._fair_since(due) and not life.status_lost:
            self._world.wrong(f"{self._named(event_id)} is told {self._world.now() - due} late in fair weather")

    def _named(self, event_id: str) -> str:
        """An event in words: of what, and which."""
        uid, _, detail = event_id.partition(":")
        name = self._tasks[uid].name if uid in self._tasks else self._names.get(uid, uid)
        return f"{name}'s event {detail}"

    # At rest.

    def unrest(self) -> list[str]:
        """What does not hold although nothing has gone wrong for a while."""
        world, wrong = self._world, list[str]()
        if not world.operator.serves:
            return ["no operator is at work"]
        if not world.consumer.idle():
            wrong.append("the consumer has events to handle")
        for key, obj in world.api.objects.items():
            left = [_in_words(obj, action) for action in self.plan(key) if not isinstance(action, LookAgain)]
            if left:
                wrong.append(f"{key} is not at rest: the operator would still {', then '.join(left)}")
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
            alarm = machinery.alarms.armed(obj.metadata.uid)
            return schedules.plan(ObservedSchedule(obj, children, receipts, broker_away=False, alarm=alarm), now)
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
            told = (task.metadata.uid, each.id, each.remind_at) in self._reminded
            if each.state is ReminderState.PUBLISHED and not told:
                yield f"{name}: reminder {each.id} is noted as sent, and never was"
        yield from reminders.unnoted(task, now, closed=life.closed_by_user + life.replaced > 0 or life.status_lost)
        yield from reminders.kept_too_long(task, now)
        scheduler = self._world.scheduler
        armed = scheduler.jobs.get(task.metadata.uid)
        if ahead and armed != min(ahead) and task.metadata.uid not in scheduler.lost:
            yield f"{name} is to ring at {min(ahead)}, and its job is set to {armed}"
        if life.told_state is not task.spec.state:
            yield f"{name} is {task.spec.state}, and the stream says {life.told_state}"

    def _unrest_of_schedule(self, schedule: TaskSchedule) -> Iterator[str]:
        name, status, cursor = schedule.metadata.name, schedule.status, schedule.status.cursor
        yield from self._unrest_of_template(schedule)
        if cursor is not None and timetable.never_held(self._schedules[schedule.metadata.uid]):
            yield from self._never_came_again(schedule, cursor.sequence)
        if any(each.type == STALLED for each in status.conditions):
            return  # it waits for an edit, and does nothing
        if schedule.spec.advance is Advance.ON_SCHEDULE:
            yield from self._unrest_of_timetable(schedule)
            return
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

    def _unrest_of_timetable(self, schedule: TaskSchedule) -> Iterator[str]:
        alarm = self._world.operator.machinery.alarms.armed(schedule.metadata.uid)
        armed = self._world.scheduler.jobs.get(schedule.metadata.uid)
        if alarm is not None and armed != alarm and schedule.metadata.uid not in self._world.scheduler.lost:
            yield f"{schedule.metadata.name} is to ring at {alarm}, and its job is set to {armed}"
        life = self._schedules[schedule.metadata.uid]
        yield from self._timetable(life).undecided(schedule.metadata.name, schedule.status.cursor)
        for task in self._world.api.children(schedule.metadata.uid):
            occurrence, untouched = task.spec.occurrence, not self._tasks[task.metadata.uid].touched
            if occurrence is None or not untouched or not _counts_as_open(task) or occurrence.at <= self._world.now():
                continue
            if not timetable.yields(schedule.spec, occurrence) or cursors.past_end(schedule.spec, occurrence.at):
                yield f"{task.metadata.name} is open for {occurrence.local}, which its calendar does not have any more"

    def _unrest_of_template(self, schedule: TaskSchedule) -> Iterator[str]:
        """What nobody touched is as the template, and what overrides say of that occurrence, have it."""
        for task in self._world.api.children(schedule.metadata.uid):
            occurrence = task.spec.occurrence
            if occurrence is None or not _counts_as_open(task) or self._tasks[task.metadata.uid].touched:
                continue
            cursor = schedule.status.cursor
            if cursor is None or (
                schedule.spec.advance is not Advance.ON_SCHEDULE and cursor.sequence != occurrence.sequence
            ):
                continue
            changes = next((each.task for each in schedule.spec.overrides if each.occurrence == occurrence.local), None)
            title = (changes and changes.title) or schedule.spec.task.title
            before = changes.reminders if changes and changes.reminders is not None else schedule.spec.task.reminders
            if task.spec.title != title or [r.before for r in task.spec.reminders] != [r.before for r in before]:
                yield f"{task.metadata.name} is called {task.spec.title}, and its schedule says {title}"

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


def _decisive(spec: TaskScheduleSpec) -> tuple[object, ...]:
    """What decides which occurrences get a Task, and when."""
    timing = (spec.lead_time, spec.overlap, spec.open_limit, spec.task.reminders, spec.missed)
    return (cursors.calendar_of(spec), spec.suspend, spec.ends_at, *timing)


def _at_most_daily(spec: TaskScheduleSpec) -> bool:
    return spec.recurrence.frequency not in SUB_DAILY and spec.recurrence.cron is None


def _after_completion(spec: TaskScheduleSpec, sequence: int, predecessors: list[TaskLife]) -> Iterator[datetime]:
    """The instants that lie an interval after each closing."""
    month_end = spec.recurrence.policies().month_end
    for closed_at in (end for before in predecessors for end in before.ends):
        found = completion.next_after(
            spec.time_zone, spec.start, spec.interval_rule(), month_end, closed_at=closed_at, sequence=sequence - 1
        )
        if found:
            yield found.at


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


def _in_words(obj: Resource, action: object) -> str:
    if not isinstance(action, WriteStatus):
        return re.sub(r"(?<!^)(?=[A-Z])", " ", type(action).__name__).lower()
    old, new = dict(obj.status), dict(action.status)  # type: ignore[attr-defined]
    changes = (f"{name} {old[name]} → {new[name]}" for name in new if new[name] != old[name])
    return f"write its status ({'; '.join(changes)})"


def _counts_as_open(task: Task) -> bool:
    return task.spec.state is State.OPEN and not task.metadata.terminating and not retirement(task)


def _was_open(task: Task) -> bool:
    return task.spec.state is State.OPEN


def _short(cursor: Cursor) -> str:
    return f"{cursor.sequence} ({cursor.local:%Y-%m-%d %H:%M}, {cursor.phase} {cursor.outcome or ''})".replace(
        " )", ")"
    )
