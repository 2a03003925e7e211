"""What a plan is made of. Each may be repeated; each write is guarded by what was observed."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from taskbell.events import Event
from taskbell.resources import PublishedSchedule, PublishedTask, Task, TaskScheduleStatus, TaskSpec, TaskStatus


class Retirement(StrEnum):
    """Why a schedule removes a Task of its own; the value of `taskbell.dev/retired`."""

    HISTORY = "History"
    UNDONE = "Undone"
    CANCELLED = "Cancelled"
    RESCHEDULED = "Rescheduled"


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Before the first event is told, so that nothing can vanish untold."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """The object may go; `untold`: before the stream was told, which is counted."""

    untold: bool = False


@dataclass(frozen=True, slots=True)
class CreateTask:
    """One occurrence of the observed schedule; one of that name that is ours is success."""

    name: str
    spec: TaskSpec


@dataclass(frozen=True, slots=True)
class AmendTask:
    """Bring an untouched Task to `spec`, and mark it as still untouched by a person."""

    task: Task
    spec: TaskSpec


@dataclass(frozen=True, slots=True)
class AdoptTask:
    """Make a restored Task without owner the observed schedule's."""

    task: Task


@dataclass(frozen=True, slots=True)
class RetireTask:
    """Mark a Task as taken away by us; from then on it counts as absent, and its own plan deletes it."""

    task: Task
    reason: Retirement


@dataclass(frozen=True, slots=True)
class CloseTask:
    """Skip an open Task whose place the next one takes."""

    task: Task


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """DELETE the observed Task, which is retired."""


@dataclass(frozen=True, slots=True)
class Telling:
    """An event, and what the stream knows of the object once it has been accepted (None: nothing new)."""

    event: Event
    told: PublishedTask | PublishedSchedule | None


@dataclass(frozen=True, slots=True)
class Publish:
    """All that the stream still has to be told about the object, in order. Replaces what waited before."""

    tellings: tuple[Telling, ...]


@dataclass(frozen=True, slots=True)
class Arm:
    """The object's one alarm clock shall ring at `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Disarm:
    """The object needs no alarm clock any more."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Look at the object again at `at`; no alarm clock outside us is worth it."""

    at: datetime


@dataclass(frozen=True, slots=True)
class CountFallback:
    """The operator moved the cursor because no consumer did."""


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Always last: a crash before this write only repeats the same effects under the same names."""

    status: TaskStatus | TaskScheduleStatus


Action = (
    AddFinalizer
    | RemoveFinalizer
    | CreateTask
    | AmendTask
    | AdoptTask
    | CloseTask
    | RetireTask
    | DeleteTask
    | Publish
    | Arm
    | Disarm
    | LookAgain
    | CountFallback
    | WriteStatus
)


@dataclass(frozen=True, slots=True)
class Receipts:
    """What the publisher remembers of one object since its status was last written: accepted counts as told."""

    told: PublishedTask | PublishedSchedule | None = None
    event_ids: frozenset[str] = field(default_factory=frozenset)
