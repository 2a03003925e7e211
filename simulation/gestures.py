"""What users do, with kubectl's semantics: unguarded merge patches and deletions, on whatever is there by then.

A gesture is a value that happens to a world, and says in a sentence what it did; None when there was nothing to do it
to. What stops a series (suspend, end, delete, a recurrence that cannot be) is taken back after `days`. A new gesture is
one class and one line in `GESTURES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from simulation.apiserver import Propagation
from taskbell.calendar.zones import midnight
from taskbell.resources import Advance, MissedPolicy, Overlap, State, Task, TaskSchedule, instant_text, local_text

if TYPE_CHECKING:
    from simulation.world import World

DAY_SECONDS = 86_400.0
ONE_OFF = -1
"""In place of a schedule's number: the newest task that belongs to no schedule."""

DAILY: dict[str, Any] = {"frequency": "Daily"}
RECURRENCES: tuple[dict[str, Any], ...] = (
    DAILY,
    DAILY,
    {"frequency": "Daily", "interval": 2},
    {"frequency": "Weekly", "weekdays": ["Mon", "Wed", "Fri"]},
    {"frequency": "Weekly", "weekdays": ["Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]},
    {"rrule": "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR"},
)
SPARSE: tuple[dict[str, Any], ...] = (
    {"frequency": "Weekly"},
    {"frequency": "Monthly", "monthDays": [31]},
    {"frequency": "Monthly", "weekdays": ["-1Fri"]},
    {"frequency": "Daily", "count": 5},
    {"frequency": "Daily", "until": "2027-11-01T12:00"},
    {"frequency": "Daily", "months": [2], "monthDays": [30]},  # can never occur
)
BARE: tuple[dict[str, Any], ...] = (
    DAILY,
    {"frequency": "Daily", "interval": 2},
    {"frequency": "Hourly", "interval": 10},
    {"frequency": "Weekly"},
)
"""What AfterCompletion can count by."""
OFTEN: tuple[dict[str, Any], ...] = ({"frequency": "Hourly", "interval": 7}, {"cron": "15 6-18/4 * * *"})
SPANS = ("PT1H", "PT6H", "P1D", "P2D")
LIMITS = (1, 2, 3)
RETENTIONS = ("PT2H", "P3D", "P30D")
REMINDERS: tuple[tuple[str, ...], ...] = (("PT1H",), ("PT15M",), (), ("P1D", "PT15M"), ("-PT30M", "PT2H", "PT1H"))
TIMES = ("09:00", "02:30", "23:15", "07:45", "00:30")
TITLES = ("Stand-up", "Sit-down", "Retrospective")


class Gesture(Protocol):
    """Frozen, and told by a sentence."""

    def happen(self, world: "World") -> str | None: ...


@dataclass(frozen=True, slots=True)
class Close:
    """`claim_minutes`: completedAt in the same patch, that long from now; None as kubectl does it."""

    schedule: int
    state: State = State.COMPLETED
    claim_minutes: float | None = None

    def happen(self, world: "World") -> str | None:
        task = world.open_task(self.schedule)
        if task is None:
            return None
        spec: dict[str, Any] = {"state": self.state.value}
        if self.claim_minutes is not None:
            spec["completedAt"] = instant_text(world.now() + timedelta(minutes=self.claim_minutes))
        world.edit(Task, task, {"spec": spec})
        claim = f", and claims {spec['completedAt']}" if self.claim_minutes is not None else ""
        return f"sets {task.metadata.name} to {self.state}{claim}"


@dataclass(frozen=True, slots=True)
class Reopen:
    """The newest closed Task of the schedule, or one before it."""

    schedule: int
    back: int = 0

    def happen(self, world: "World") -> str | None:
        closed = world.closed_tasks(self.schedule)
        if len(closed) <= self.back:
            return None
        task = closed[-1 - self.back]
        world.edit(Task, task, {"spec": {"state": State.OPEN.value}})
        return f"reopens {task.metadata.name}"


@dataclass(frozen=True, slots=True)
class DeleteTask:
    schedule: int

    def happen(self, world: "World") -> str | None:
        task = world.open_task(self.schedule)
        if task is None:
            return None
        world.remove(Task, task)
        return f"deletes {task.metadata.name}"


@dataclass(frozen=True, slots=True)
class DeleteClosedTask:
    schedule: int

    def happen(self, world: "World") -> str | None:
        closed = world.closed_tasks(self.schedule)
        if not closed:
            return None
        world.remove(Task, closed[-1])
        return f"deletes {closed[-1].metadata.name}, which is closed"


@dataclass(frozen=True, slots=True)
class EditTitle:
    schedule: int
    title: str

    def happen(self, world: "World") -> str | None:
        return _edit_task(world, self.schedule, {"title": self.title}, f"renames {{}} to {self.title}")


@dataclass(frozen=True, slots=True)
class Postpone:
    schedule: int
    minutes: int

    def happen(self, world: "World") -> str | None:
        task = world.open_task(self.schedule)
        if task is None or task.spec.due_at is None:
            return None
        due_at = instant_text(task.spec.due_at + timedelta(minutes=self.minutes))
        return _edit_task(world, self.schedule, {"dueAt": due_at}, f"moves {{}} to {due_at}")


@dataclass(frozen=True, slots=True)
class Remind:
    schedule: int
    before: tuple[str, ...]

    def happen(self, world: "World") -> str | None:
        reminders = [{"before": each} for each in self.before]
        return _edit_task(world, self.schedule, {"reminders": reminders}, f"gives {{}} the reminders {self.before}")


@dataclass(frozen=True, slots=True)
class AddOneOff:
    """A task of no schedule, due so many minutes from now, closed by its user in the end like any other."""

    minutes: int
    before: tuple[str, ...]
    late: str = "Latest"
    retain_for: str = "P30D"

    def happen(self, world: "World") -> str | None:
        name = world.add_one_off(
            {
                "userId": "ada",
                "title": "Milk",
                "dueAt": instant_text(world.now() + timedelta(minutes=self.minutes)),
                "reminders": [{"before": each} for each in self.before],
                "reminderPolicy": {"late": self.late},
                "retainFor": self.retain_for,
            }
        )
        return f"creates {name}, due in {self.minutes} min, with the reminders {self.before} ({self.late} of late ones)"


@dataclass(frozen=True, slots=True)
class Snooze:
    """Of the open Task, for so many minutes."""

    schedule: int
    minutes: int

    def happen(self, world: "World") -> str | None:
        until = instant_text((world.now() + timedelta(minutes=self.minutes)).replace(microsecond=0))
        return _edit_task(world, self.schedule, {"snoozedUntil": until}, f"snoozes {{}} until {until}")


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Takes a snooze back."""

    schedule: int

    def happen(self, world: "World") -> str | None:
        task = world.open_task(self.schedule)
        if task is None or task.spec.snoozed_until is None:
            return None
        return _edit_task(world, self.schedule, {"snoozedUntil": None}, "takes back the snooze of {}")


@dataclass(frozen=True, slots=True)
class RemindWhenLate:
    """How late reminders of the open Task are treated."""

    schedule: int
    late: str
    within: str

    def happen(self, world: "World") -> str | None:
        policy = {"late": self.late, "within": self.within}
        told = f"lets {{}} send {self.late} of its late reminders, within {self.within}"
        return _edit_task(world, self.schedule, {"reminderPolicy": policy}, told)


@dataclass(frozen=True, slots=True)
class OverrideOccurrence:
    """One of the next occurrences is skipped, or moved by `minutes`, or has other fields. Taken back after `days`."""

    schedule: int
    which: int
    skip: bool
    minutes: int
    title: str | None
    days: float

    def happen(self, world: "World") -> str | None:
        schedule = world.schedule(self.schedule)
        if schedule is None or len(schedule.status.next_occurrences) <= self.which:
            return None
        local = midnight(schedule.status.next_occurrences[self.which].local)  # a time: there are no all-day series
        change: dict[str, Any] = {"occurrence": local_text(local)}
        if self.title is not None:
            change["task"] = {"title": self.title, "reminders": [{"before": "PT45M"}]}
        elif schedule.spec.advance is Advance.AFTER_COMPLETION:
            return None  # it has no time of its own
        elif self.skip:
            change["skip"] = True
        else:
            change["moveTo"] = local_text(local + timedelta(minutes=self.minutes))
        told = f"lets {{}} treat {local:%Y-%m-%d %H:%M} in its own way: {change}"
        done = _override(world, self.schedule, local, change, told)
        return done and world.later(self.days, DropOverride(self.schedule, local), done)


@dataclass(frozen=True, slots=True)
class DropOverride:
    schedule: int
    local: datetime

    def happen(self, world: "World") -> str | None:
        told = f"lets {{}} treat {self.local:%Y-%m-%d %H:%M} like any other"
        return _override(world, self.schedule, self.local, None, told)


@dataclass(frozen=True, slots=True)
class ChangeMissed:
    schedule: int
    policy: str
    within: str

    def happen(self, world: "World") -> str | None:
        missed = {"policy": self.policy, "within": self.within}
        told = f"lets {{}} make {self.policy} of what was missed, within {self.within}"
        return _edit_schedule(world, self.schedule, {"missed": missed}, told)


@dataclass(frozen=True, slots=True)
class ChangeTiming:
    """Of what the calendar alone decides: leadTime, overlap and openLimit, None where they are to be left out."""

    schedule: int
    lead_time: str | None
    overlap: str | None
    open_limit: int | None

    def happen(self, world: "World") -> str | None:
        schedule = world.schedule(self.schedule)
        if schedule is None or schedule.spec.advance is not Advance.ON_SCHEDULE:
            return None
        changes = {"leadTime": self.lead_time, "overlap": self.overlap, "openLimit": self.open_limit}
        return _edit_schedule(world, self.schedule, changes, f"sets of {{}} {changes}")


@dataclass(frozen=True, slots=True)
class Suspend:
    schedule: int
    days: float

    def happen(self, world: "World") -> str | None:
        done = _edit_schedule(world, self.schedule, {"suspend": True}, "suspends {}")
        return done and world.later(self.days, Resume(self.schedule), done)


@dataclass(frozen=True, slots=True)
class Resume:
    schedule: int

    def happen(self, world: "World") -> str | None:
        return _edit_schedule(world, self.schedule, {"suspend": False}, "resumes {}")


@dataclass(frozen=True, slots=True)
class End:
    """Cancels all that would follow in so many minutes from now (endsAt)."""

    schedule: int
    minutes: float
    days: float

    def happen(self, world: "World") -> str | None:
        ends_at = instant_text(world.now() + timedelta(minutes=self.minutes))
        done = _edit_schedule(world, self.schedule, {"endsAt": ends_at}, f"ends {{}} at {ends_at}")
        return done and world.later(self.days, GoOn(self.schedule), done)


@dataclass(frozen=True, slots=True)
class GoOn:
    schedule: int

    def happen(self, world: "World") -> str | None:
        return _edit_schedule(world, self.schedule, {"endsAt": None}, "takes back the end of {}")


@dataclass(frozen=True, slots=True)
class ChangeRecurrence:
    """After `days` it recurs as it did at first."""

    schedule: int
    recurrence: dict[str, Any]
    days: float

    def happen(self, world: "World") -> str | None:
        done = _edit_recurrence(world, self.schedule, self.recurrence)
        return done and world.later(self.days, RecurAsAtFirst(self.schedule), done)


@dataclass(frozen=True, slots=True)
class RecurAsAtFirst:
    schedule: int

    def happen(self, world: "World") -> str | None:
        return _edit_recurrence(world, self.schedule, world.script.openings[self.schedule]["recurrence"])


@dataclass(frozen=True, slots=True)
class ChangeTime:
    schedule: int
    time: str

    def happen(self, world: "World") -> str | None:
        schedule = world.schedule(self.schedule)
        if schedule is None:
            return None
        start = f"{schedule.spec.start:%Y-%m-%d}T{self.time}"
        return _edit_schedule(world, self.schedule, {"start": start}, f"moves {{}} to {self.time}")


@dataclass(frozen=True, slots=True)
class ChangeTemplate:
    schedule: int
    title: str
    before: tuple[str, ...]

    def happen(self, world: "World") -> str | None:
        template = {"title": self.title, "reminders": [{"before": each} for each in self.before]}
        told = f"lets the tasks of {{}} be called {self.title}, with the reminders {self.before}"
        return _edit_schedule(world, self.schedule, {"task": template}, told)


@dataclass(frozen=True, slots=True)
class DeleteSchedule:
    """Another one of the same name is created after `days`."""

    schedule: int
    propagation: Propagation
    days: float

    def happen(self, world: "World") -> str | None:
        schedule = world.schedule(self.schedule)
        if schedule is None:
            return None
        world.remove(TaskSchedule, schedule, self.propagation)
        done = f"deletes {schedule.metadata.name} ({self.propagation})"
        return world.later(self.days, CreateSchedule(self.schedule), done)


@dataclass(frozen=True, slots=True)
class CreateSchedule:
    """As it was at first; a name that is still taken is tried again an hour later."""

    schedule: int

    def happen(self, world: "World") -> str | None:
        if world.add_schedule(self.schedule):
            return f"creates {world.name(self.schedule)}"
        return world.later(1 / 24, self, f"cannot create {world.name(self.schedule)} yet")


def _edit_task(world: "World", number: int, spec: dict[str, Any], sentence: str) -> str | None:
    task = world.open_task(number)
    if task is None:
        return None
    world.edit(Task, task, {"spec": spec})
    return sentence.replace("{}", task.metadata.name)


def _edit_schedule(world: "World", number: int, spec: dict[str, Any], sentence: str) -> str | None:
    schedule = world.schedule(number)
    if schedule is None:
        return None
    world.edit(TaskSchedule, schedule, {"spec": spec})
    return sentence.replace("{}", schedule.metadata.name)


def _edit_recurrence(world: "World", number: int, recurrence: dict[str, Any]) -> str | None:
    schedule = world.schedule(number)
    if schedule is None or (schedule.spec.advance is Advance.AFTER_COMPLETION and recurrence not in BARE):
        return None
    cleared = dict.fromkeys(schedule.spec.recurrence.wire())
    world.edit(TaskSchedule, schedule, {"spec": {"recurrence": cleared | recurrence}})
    return f"lets {schedule.metadata.name} recur by {recurrence}"


def _override(world: "World", number: int, local: datetime, change: dict[str, Any] | None, sentence: str) -> str | None:
    schedule = world.schedule(number)
    if schedule is None:
        return None
    others = [each.wire() for each in schedule.spec.overrides if each.occurrence != local]
    overrides = [*others, *([change] if change else [])][-20:]
    return _edit_schedule(world, number, {"overrides": overrides}, sentence)


Make = Callable[[Random, int], Gesture]
"""From chance and a schedule's number."""


def _days(random: Random) -> float:
    return random.choice((0.001, 0.02, 0.3, 1.5, 4.0, 9.0))


def _close(random: Random, number: int) -> Gesture:
    state = random.choice((State.COMPLETED, State.COMPLETED, State.SKIPPED))
    return Close(number, state, random.choice((None, None, None, 0.0, -300.0, 3.0)))


LATE = ("Latest", "All", "Skip")
POLICIES = tuple(each.value for each in MissedPolicy)


def _one_off(random: Random) -> AddOneOff:
    minutes, before = random.choice((1, 10, 100, 3000)), random.choice(REMINDERS)
    return AddOneOff(minutes, before, random.choice(LATE), random.choice(RETENTIONS))


def _override_of(random: Random, number: int) -> OverrideOccurrence:
    title = random.choice((None, None, *TITLES[1:]))
    minutes = random.choice((-45, 30, 150))
    return OverrideOccurrence(number, random.randrange(3), random.random() < 0.4, minutes, title, _days(random))


def _timing(random: Random) -> tuple[str | None, str | None, int | None]:
    overlap = random.choice((None, *(each.value for each in Overlap)))
    return random.choice((None, None, *SPANS)), overlap, random.choice((None, None, *LIMITS))


GESTURES: tuple[tuple[int, Make], ...] = (
    (9, _close),
    (6, lambda random, number: Reopen(number, random.choice((0, 0, 0, 1)))),
    (4, lambda _, number: DeleteTask(number)),
    (1, lambda _, number: DeleteClosedTask(number)),
    (2, lambda random, number: EditTitle(number, random.choice(TITLES))),
    (2, lambda random, number: Postpone(number, random.choice((-60, 60, 1440)))),
    (2, lambda random, number: Remind(number, random.choice(REMINDERS))),
    (2, lambda random, _: _one_off(random)),
    (2, lambda random, number: Snooze(number, random.choice((1, 10, 90, 4000)))),
    (1, lambda _, number: WakeUp(number)),
    (1, lambda random, number: RemindWhenLate(number, random.choice(LATE), random.choice(("PT1H", "PT10M", "P1D")))),
    (3, _override_of),
    (1, lambda random, number: ChangeMissed(number, random.choice(POLICIES), random.choice(("P7D", "P2D", "PT6H")))),
    (2, lambda random, number: ChangeTiming(number, *_timing(random))),
    (2, lambda random, number: Suspend(number, _days(random))),
    (2, lambda random, number: End(number, random.choice((-60.0, 0.0, 600.0, 3000.0)), _days(random))),
    (1, lambda random, number: ChangeRecurrence(number, random.choice(RECURRENCES + SPARSE), _days(random))),
    (3, lambda random, number: ChangeTime(number, random.choice(TIMES))),
    (2, lambda random, number: ChangeTemplate(number, random.choice(TITLES), random.choice(REMINDERS))),
    (1, lambda random, number: DeleteSchedule(number, random.choice(tuple(Propagation)), _days(random))),
)
"""With their weights."""


ON_TASKS = (Close, Reopen, DeleteTask, DeleteClosedTask, EditTitle, Postpone, Remind, Snooze, WakeUp, RemindWhenLate)


def any_gesture(random: Random, number: int) -> Gesture:
    """On the schedule `number`, or now and then on the newest one-off."""
    (make,) = random.choices([make for _, make in GESTURES], [weight for weight, _ in GESTURES])
    gesture = make(random, number)
    on_tasks = isinstance(gesture, ON_TASKS)
    return make(random, ONE_OFF) if on_tasks and random.random() < 0.15 else gesture


def opening(random: Random, begin: datetime) -> dict[str, Any]:
    """The spec of a schedule, as its user first writes it: dense, so that years have many occurrences."""
    (advance,) = random.choices(tuple(Advance), (55, 15, 30))
    spec: dict[str, Any] = {
        "userId": "ada",
        "task": {"title": "Stand-up", "reminders": [{"before": each} for each in random.choice(REMINDERS)]},
        "timeZone": random.choice(
            ("Europe/Berlin", "Australia/Lord_Howe", "Etc/UTC", "America/New_York", "Asia/Beirut", "Pacific/Apia")
        ),
        "start": f"{begin:%Y-%m-%d}T{random.choice(TIMES)}",
        "advance": advance.value,
        "recurrence": random.choice(RECURRENCES),
        "missed": {"policy": random.choice(("Latest", "Latest", *POLICIES))},
        "historyLimit": random.choice((1, 2, 3)),
    }
    if advance is Advance.AFTER_COMPLETION:
        spec["recurrence"] = random.choice(BARE)
    elif advance is Advance.ON_SCHEDULE:
        lead_time, overlap, open_limit = _timing(random)
        spec["recurrence"] = random.choice(RECURRENCES + OFTEN)
        spec |= {"leadTime": lead_time, "overlap": overlap, "openLimit": open_limit}
    return spec
