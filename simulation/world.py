"""One life: everything wired together, the script's steps in their time, the habits of users, the judge beside it."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import structlog

from runtime.apiserver import AlreadyExists, ApiError, Unreachable
from simulation import loop, shortcuts
from simulation.apiserver import NAMESPACE, ApiServer, Propagation
from simulation.dapr import TIMEOUT_SECONDS, Broker, Scheduler, unavailable
from simulation.faults import Side, holds_up
from simulation.gestures import DAY_SECONDS, ONE_OFF, Gesture
from simulation.judge import Judge
from simulation.kafka import RecurringConsumer
from simulation.leases import LeaseServer, LeaseTime
from simulation.network import Network, Process
from simulation.people import Habits
from simulation.processes import Election, Operator
from simulation.script import Move, Script, Step, Strike
from taskbell.events import Topic
from taskbell.lifecycle.task import retirement
from taskbell.resources import Model, Resource, State, Task, TaskSchedule, TaskScheduleSpec, TaskSpec

API_TIMEOUT_SECONDS = 10.0
"""As `runtime.apiserver.ApiServer` has it."""
AFTER_TROUBLE_SECONDS = 120.0
"""After it is over: longer than a lease lasts, with all pauses."""


@dataclass(slots=True)
class Outcome:
    """What came of a life. `counts`: occurrences, events, rings, and each kind of gesture and fault."""

    seed: int
    violations: list[str] = field(default_factory=list[str])
    counts: Counter[str] = field(default_factory=Counter[str])
    story: list[str] = field(default_factory=list[str])
    last: float = 0.0
    """When it ended, seconds since the beginning."""


class Over(Exception):
    """Something does not hold: there is no need to go on."""


def live(script: Script, *, tell: bool = False) -> Outcome:
    """Runs it until its end or the first violation. `tell`: with the story, which takes time."""
    outcome = Outcome(script.seed)
    worlds: list[World] = []

    async def life() -> None:
        worlds.append(World(script, outcome, tell=tell))
        with shortcuts.patient(worlds[0].lease_time):
            await worlds[0].run()

    with _heard(outcome), shortcuts.taken():
        try:
            loop.run(life)
        except Over:
            pass
        except (loop.Stuck, AssertionError, RuntimeError) as error:
            outcome.violations.append(f"the world breaks down: {error!r}")
    outcome.last = worlds[0].elapsed()
    return outcome


@contextmanager
def _heard(outcome: Outcome) -> Generator[None]:
    """Nothing is logged; what the production code logs as an error is a violation."""
    before = structlog.get_config()

    def report(_logger: Any, _method: str, line: Any) -> Any:
        error = line.get("exc_info")
        outcome.violations.append(f"an error is logged: {line['event']}, {line.get('key', '')} {_of(error)}")
        raise structlog.DropEvent

    structlog.configure(
        processors=[report],
        wrapper_class=structlog.make_filtering_bound_logger("error"),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _of(exc_info: Any) -> str:
    error = sys.exc_info()[1] if exc_info is True else exc_info
    return repr(error) if error else ""


class World:
    """Belongs to one virtual loop."""

    def __init__(self, script: Script, outcome: Outcome, *, tell: bool) -> None:
        self.script = script
        self.outcome = outcome
        self.telling = tell
        self._loop = asyncio.get_running_loop()
        self._skew = timedelta()
        self._one_offs = 0
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._loop.set_exception_handler(self._raised)
        self.judge = Judge(self)
        self.habits = Habits(self)
        random = Random(f"{script.seed}:network")
        self.networks: dict[Side, Network] = {
            "API server": Network(random, API_TIMEOUT_SECONDS, Unreachable),
            "broker": Network(random, TIMEOUT_SECONDS, unavailable),
            "scheduler": Network(random, TIMEOUT_SECONDS, unavailable),
        }
        self.api = ApiServer(self.now, self._written)
        self.broker = Broker(random, self._accepted)
        self.scheduler = Scheduler(random, self._seconds, self.ring)
        self.consumer = RecurringConsumer(random, self.api, self.networks["API server"], self.wrong)
        self.lease_time = LeaseTime(_restless(script))
        self._elections = Election(LeaseServer(), self.lease_time, random)
        self.operators: list[Operator] = []
        for name in ("operator A", "operator B")[: script.replicas] if script.replicas > 1 else ("operator",):
            self.operators.append(self._replica(name))

    def _replica(self, name: str) -> Operator:
        return Operator(
            name=name,
            election=self._elections if self.script.replicas > 1 else None,
            acts=self._acts,
            server=self.api,
            to_server=self.networks["API server"],
            broker=(self.broker, self.networks["broker"]),
            scheduler=(self.scheduler, self.networks["scheduler"]),
            clock=self.operator_clock,
            setting_out=self.judge.setting_out,
            trouble=self.wrong,
            happened=partial(self.tell, "replicas"),
        )

    @property
    def operator(self) -> Operator:
        """The one that leads, or else may lead next."""
        return next((each for each in self.operators if each.leads), self.operators[0])

    async def run(self) -> None:
        """Raises Over at the first violation."""
        for number in range(len(self.script.openings)):
            if number not in self.script.absent:
                self.add_schedule(number)
        for step in self.script.steps:
            self._loop.call_at(step.at, self._take, step)
        for at in self.script.rests:
            self._loop.call_at(at, self._rest, 3)
        self._loop.call_at(self.script.rests[-1] + 600, self._end)
        await self._over

    # What the others ask for.

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._loop.time()

    def now(self) -> datetime:
        """The true time."""
        return self.script.begin + timedelta(seconds=self._loop.time())

    def operator_clock(self) -> datetime:
        return self.now() + self._skew

    def tell(self, who: str, *words: object) -> None:
        """One line of the story."""
        if self.telling:
            self.outcome.story.append(f"{self.now():%Y-%m-%d %H:%M:%S.%f} {who}: {' '.join(map(str, words))}")

    def wrong(self, sentence: str) -> None:
        """Something does not hold."""
        self.tell("WRONG", sentence)
        self.outcome.violations.append(sentence)
        if not self._over.done():
            self._over.set_exception(Over(sentence))

    def count(self, what: str) -> None:
        self.outcome.counts[what] += 1

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        self._loop.call_later(seconds, act)

    # What gestures ask for.

    def name(self, number: int) -> str:
        """Of the schedule with this number."""
        return f"routine-{number}"

    def schedule(self, number: int) -> TaskSchedule | None:
        """As people see it: not while it is being deleted."""
        found = self.api.find(TaskSchedule, self.name(number))
        return None if found is None or found.metadata.terminating else found

    def open_task(self, number: int) -> Task | None:
        """The newest open one."""
        found = [task for task in self._tasks(number) if task.spec.state is State.OPEN]
        return found[-1] if found else None

    def closed_tasks(self, number: int) -> list[Task]:
        """Oldest first."""
        return [task for task in self._tasks(number) if task.spec.state is not State.OPEN]

    def edit(self, kind: type[Resource], obj: Resource, changes: dict[str, Any]) -> None:
        self.api.edit("user", kind, obj.metadata.name, changes)

    def remove(self, kind: type[Resource], obj: Resource, propagation: Propagation = Propagation.BACKGROUND) -> None:
        self.api.remove("user", kind, obj.metadata.name, propagation)

    def add_schedule(self, number: int) -> bool:
        """Whether its name was free."""
        spec = TaskScheduleSpec.model_validate(self.script.openings[number])
        return self._add(TaskSchedule, self.name(number), spec)

    def add_one_off(self, spec: dict[str, Any]) -> str:
        """Its name."""
        self._one_offs += 1
        name = f"errand-{self._one_offs}"
        self._add(Task, name, TaskSpec.model_validate(spec))
        return name

    def later(self, days: float, gesture: Gesture, sentence: str) -> str:
        """`gesture` will follow in so many days; `sentence` as it was."""
        self._loop.call_later(days * DAY_SECONDS, self._gesture, gesture)
        return sentence

    # What faults ask for.

    def kill_operator_at(self, effects: int, *, before: bool, down: float) -> None:
        operator, process = self.operator, self.operator.process
        if process.dead:
            return
        operator.down_seconds = down
        process.fuse = (effects, before)
        self.after(60, lambda: setattr(process, "fuse", None))

    def lag_watch(self, kind: type[Resource], lag: float, seconds: float) -> None:
        for stream in (stream for operator in self.operators for stream in operator.streams):
            if stream.kind is kind:
                stream.lag = lag
                self.after(seconds, partial(setattr, stream, "lag", 0.0))

    def break_watch(self, seconds: float, *, gone: bool) -> None:
        for operator in self.operators:
            for stream in operator.streams:
                stream.broken_until = self.elapsed() + seconds
            if gone:
                self.after(seconds, partial(self._relist, operator, operator.process))

    def set_clock(self, skew: timedelta) -> None:
        """The operator's timers do not notice; a minute later at the latest its heap looks again."""
        self._skew = skew
        for operator in self.operators:
            self._loop.call_later(60.0, partial(self._look_at_the_clock, operator))

    def ring(self, uid: str) -> bool:
        """Whoever leads gets Dapr's callbacks; whether somebody answered."""
        return any(operator.rang(uid) for operator in self.operators)

    # Wiring.

    def _tasks(self, number: int) -> list[Task]:
        if number == ONE_OFF:
            found = [task for task in self.api.all(Task) if task.spec.occurrence is None]
        else:
            schedule = self.schedule(number)
            found = self.api.children(schedule.metadata.uid) if schedule else []
        return [task for task in found if not task.metadata.terminating and not retirement(task)]

    def _add(self, kind: type[Resource], name: str, spec: Model) -> bool:
        try:
            self.api.create("user", kind, NAMESPACE, {"name": name}, spec)
        except AlreadyExists:
            return False
        return True

    def _seconds(self, at: datetime) -> float:
        return (at - self.script.begin).total_seconds()

    def _relist(self, operator: Operator, process: Process) -> None:
        if not process.dead:
            operator.relist()

    def _look_at_the_clock(self, operator: Operator) -> None:
        shortcuts.look_at_the_clock(operator.machinery.wakeups)

    def _acts(self, operator: Operator) -> None:
        for other in self.operators:
            if other is not operator and other.leads:
                self.wrong(f"{operator.name} acts, and {other.name} leads")

    def _written(self, who: str, old: Resource | None, new: Resource | None) -> None:
        self.judge.written(who, old, new)
        if old is None and isinstance(new, Task) and self.script.habits:
            self.habits.made(new)

    def _accepted(self, topic: str, event: dict[str, Any]) -> None:
        self.judge.accepted(topic, event)
        if topic == Topic.TASK_EVENTS:
            self.consumer.append(event)

    def _take(self, step: Step) -> None:
        match step:
            case Move(act=gesture):
                self._gesture(gesture)
            case Strike(act=fault):
                self.count(f"fault: {type(fault).__name__}")
                self.judge.struck(fault)
                self.tell("fault", fault.happen(self))

    def _gesture(self, gesture: Gesture) -> None:
        try:
            sentence = gesture.happen(self)
        except ApiError as error:
            sentence = f"is refused: {error}"
        if sentence:
            self.count(f"gesture: {type(gesture).__name__}")
            self.tell("user", sentence)

    def _rest(self, attempts: int) -> None:
        unrest = self.judge.unrest()
        if unrest and attempts > 1:  # somebody may have done something at this very moment
            self._loop.call_later(61.0, self._rest, attempts - 1)
        for sentence in unrest if attempts == 1 else ():
            self.wrong(sentence)
        if not unrest:
            self.tell("judge", "all is at rest")

    def _raised(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.wrong(f"{context['message']}: {context.get('exception')!r}")

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)


def _restless(script: Script) -> list[tuple[float, float]]:
    """When the Lease may change hands: at the beginning, and while the API server or an operator is in trouble."""
    strikes = (step for step in script.steps if isinstance(step, Strike) and holds_up(step.act))
    troubles = ((step.at - 1.0, step.at + step.act.seconds + AFTER_TROUBLE_SECONDS) for step in strikes)
    return [(0.0, AFTER_TROUBLE_SECONDS), *troubles]
