"""What goes wrong. A fault is a value that happens to a world, says so in a sentence, and is over after `seconds`.

A new fault is one class and one line in `FAULTS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Literal, Protocol

from simulation.dapr import Misrings
from taskbell.resources import Task, TaskSchedule

if TYPE_CHECKING:
    from simulation.world import World

Side = Literal["API server", "broker", "scheduler"]


class Fault(Protocol):
    """Frozen."""

    @property
    def seconds(self) -> float: ...

    def happen(self, world: "World") -> str: ...


@dataclass(frozen=True, slots=True)
class OperatorDies:
    """At its effect number `effects` from now on (0: the next), before it or after it and before its answer."""

    effects: int
    before: bool
    down: float

    @property
    def seconds(self) -> float:
        return self.down + 60

    def happen(self, world: "World") -> str:
        world.kill_operator_at(self.effects, before=self.before, down=self.down)
        when = "just before" if self.before else "right after"
        name, number = world.operator.name, self.effects + 1
        return f"{name} dies {when} effect number {number} from now, and is down for {self.down:.1f} s"


@dataclass(frozen=True, slots=True)
class OperatorIsKilled:
    down: float

    @property
    def seconds(self) -> float:
        return self.down

    def happen(self, world: "World") -> str:
        operator = world.operator
        operator.stop(self.down)
        return f"{operator.name} is killed, and down for {self.down:.1f} s"


@dataclass(frozen=True, slots=True)
class OperatorIsStopped:
    """SIGSTOP, and SIGCONT after `seconds`. Where another replica waits, that one takes over if it takes long."""

    seconds: float

    def happen(self, world: "World") -> str:
        world.operator.pause(self.seconds)
        return f"{world.operator.name} is stopped for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Away:
    """Refuses connections."""

    side: Side
    seconds: float

    def happen(self, world: "World") -> str:
        world.networks[self.side].weather.down = world.elapsed() + self.seconds
        return f"the {self.side} is away for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Hangs:
    """Answers nothing; what was asked may have happened all the same."""

    side: Side
    seconds: float

    def happen(self, world: "World") -> str:
        world.networks[self.side].weather.hangs = world.elapsed() + self.seconds
        return f"the {self.side} answers nothing for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Slow:
    side: Side
    slowest: float
    seconds: float

    def happen(self, world: "World") -> str:
        weather = world.networks[self.side].weather
        weather.slow, weather.slowest = world.elapsed() + self.seconds, self.slowest
        return f"the {self.side} takes up to {self.slowest:.1f} s each way, for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Lossy:
    """Requests and answers get lost: done, and an error all the same."""

    side: Side
    loss: float
    seconds: float

    def happen(self, world: "World") -> str:
        weather = world.networks[self.side].weather
        weather.lossy, weather.loss = world.elapsed() + self.seconds, self.loss
        return f"the {self.side} loses {self.loss:.0%} of requests and of answers, for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class BrokerRefusesSome:
    seconds: float

    def happen(self, world: "World") -> str:
        world.broker.refusing_until = world.elapsed() + self.seconds
        return f"the broker refuses some events of each batch for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class WatchLags:
    kind: type[Task] | type[TaskSchedule]
    lag: float
    seconds: float

    def happen(self, world: "World") -> str:
        world.lag_watch(self.kind, self.lag, self.seconds)
        return f"the watch of {self.kind.plural} lags by {self.lag:.1f} s, for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class WatchBreaks:
    """`gone`: 410, everything is listed again."""

    gone: bool
    seconds: float

    def happen(self, world: "World") -> str:
        world.break_watch(self.seconds, gone=self.gone)
        after = "then everything is listed again (410 Gone)" if self.gone else "then they go on where they were"
        return f"the watches break off for {self.seconds:.1f} s, {after}"


@dataclass(frozen=True, slots=True)
class JobsAreLost:
    @property
    def seconds(self) -> float:
        return 0.0

    def happen(self, world: "World") -> str:
        return f"the scheduler loses all of its {world.scheduler.wipe()} jobs"


@dataclass(frozen=True, slots=True)
class Misring:
    """Rings come late, twice or never."""

    ways: tuple[str, ...]
    seconds: float

    def happen(self, world: "World") -> str:
        world.scheduler.misrings = Misrings(world.elapsed() + self.seconds, self.ways)
        return f"jobs ring {' or '.join(self.ways)} for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class RingsAreForeign:
    """Somebody calls the operator's callback with names of his own, and with all that are known."""

    @property
    def seconds(self) -> float:
        return 0.0

    def happen(self, world: "World") -> str:
        for name in ("nobody", *world.scheduler.jobs):
            world.ring(name)
        return "every job rings at once, and one that nobody knows"


@dataclass(frozen=True, slots=True)
class ConsumerIsKilled:
    seconds: float

    def happen(self, world: "World") -> str:
        world.consumer.stop(self.seconds)
        return f"the recurring consumer is killed, and down for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class ConsumerLags:
    lag: float
    seconds: float

    def happen(self, world: "World") -> str:
        world.consumer.lag = self.lag
        world.after(self.seconds, lambda: setattr(world.consumer, "lag", 0.0))
        return f"the recurring consumer lags by {self.lag:.1f} s, for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class EventsComeAgain:
    events: int

    @property
    def seconds(self) -> float:
        return 0.0

    def happen(self, world: "World") -> str:
        world.consumer.rewind(self.events)
        return f"the last {self.events} events of each partition are delivered again"


@dataclass(frozen=True, slots=True)
class ClockJumps:
    """The operator's, by so many seconds; set right again after `seconds`."""

    by: float
    seconds: float

    def happen(self, world: "World") -> str:
        world.set_clock(timedelta(seconds=self.by))
        world.after(self.seconds, lambda: world.set_clock(timedelta()))
        return f"the operator's clock jumps by {self.by:+.0f} s, for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class StatusIsLost:
    kind: type[Task] | type[TaskSchedule]
    schedule: int

    @property
    def seconds(self) -> float:
        return 0.0

    def happen(self, world: "World") -> str:
        found = world.schedule(self.schedule) if self.kind is TaskSchedule else world.open_task(self.schedule)
        if found is None:
            return "no status is lost"
        world.api.wipe_status("loss", self.kind, found.metadata.name)
        return f"the status of {found.metadata.name} is lost"


@dataclass(frozen=True, slots=True)
class CollectorLags:
    lag: float
    seconds: float

    def happen(self, world: "World") -> str:
        world.api.collector_lag = self.lag
        world.after(self.seconds, lambda: setattr(world.api, "collector_lag", 0.0))
        return f"the garbage collector takes {self.lag:.1f} s, for {self.seconds:.1f} s"


def holds_up(fault: Fault) -> bool:
    """Whether it delays passes of the operator, and not only what waits outside."""
    if isinstance(fault, Away | Hangs | Slow | Lossy):
        return fault.side == "API server"
    return isinstance(fault, OperatorDies | OperatorIsKilled | OperatorIsStopped | WatchLags | WatchBreaks | ClockJumps)


def _while(random: Random) -> float:
    """Seconds, from the blink of an eye to two hours."""
    return 10 ** random.uniform(-1, 3.85)


def _side(random: Random) -> Side:
    sides: tuple[Side, ...] = ("API server", "API server", "broker", "broker", "scheduler")
    return random.choice(sides)


def _kind(random: Random) -> type[Task] | type[TaskSchedule]:
    return random.choice((Task, TaskSchedule))


def death(random: Random) -> OperatorDies:
    return OperatorDies(random.randrange(8), random.random() < 0.5, 10 ** random.uniform(-1, 3.5))


FAULTS: tuple[tuple[int, Callable[[Random, int], Fault]], ...] = (
    (2, lambda random, _: death(random)),
    (2, lambda random, _: OperatorIsKilled(_while(random))),
    (3, lambda random, _: OperatorIsStopped(random.choice((2.0, 8.0, 12.0, 16.0, 30.0, 90.0, 1000.0)))),
    (2, lambda random, _: Away(_side(random), _while(random))),
    (2, lambda random, _: Hangs(_side(random), _while(random))),
    (5, lambda random, _: Slow(_side(random), random.choice((0.1, 1.0, 8.0)), _while(random))),
    (5, lambda random, _: Lossy(_side(random), random.choice((0.1, 0.5)), _while(random))),
    (1, lambda random, _: BrokerRefusesSome(_while(random))),
    (4, lambda random, _: WatchLags(_kind(random), random.choice((0.1, 1.0, 20.0)), _while(random))),
    (2, lambda random, _: WatchBreaks(random.random() < 0.5, 10 ** random.uniform(-1, 2))),
    (1, lambda _random, _: JobsAreLost()),
    (2, lambda random, _: Misring(random.choice((("late",), ("twice",), ("never",))), 10 ** random.uniform(3, 4.5))),
    (1, lambda _random, _: RingsAreForeign()),
    (2, lambda random, _: ConsumerIsKilled(_while(random))),
    (2, lambda random, _: ConsumerLags(random.choice((0.5, 5.0, 30.0)), _while(random))),
    (2, lambda random, _: EventsComeAgain(random.choice((1, 5, 30)))),
    (2, lambda random, _: ClockJumps(random.choice((-600.0, -30.0, 30.0, 600.0)), _while(random))),
    (2, lambda random, number: StatusIsLost(_kind(random), number)),
    (1, lambda random, _: CollectorLags(random.choice((1.0, 60.0)), _while(random))),
)
"""With their weights."""


def any_fault(random: Random, number: int) -> Fault:
    (make,) = random.choices([make for _, make in FAULTS], [weight for weight, _ in FAULTS])
    return make(random, number)
