"""What people asked for and were answered."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A state that was asked for: `begun` when the request set out, `answered` when it was known to be so."""

    state: str
    begun: datetime
    answered: datetime


@dataclass(slots=True)
class AskedTask:
    """One Task and all that its person asked of it. `remind_at`: the reminder of one that stands alone.

    `certain` False: the answer to its creation was lost, it may not exist."""

    name: str
    title: str
    uid: str = ""
    schedule_uid: str = ""
    remind_at: datetime | None = None
    certain: bool = True
    states: list[Asked] = field(default_factory=list[Asked])
    edited: bool = False
    deletion: datetime | None = None
    """When it set out."""

    @property
    def touched(self) -> bool:
        return self.edited or bool(self.states)

    @property
    def state(self) -> str:
        return self.states[-1].state if self.states else "Open"


@dataclass(slots=True)
class AskedSchedule:
    name: str
    title: str
    """Of the template."""
    uid: str = ""
    suspended: bool = False
    deleted: bool = False


@dataclass(slots=True)
class History:
    tasks: list[AskedTask] = field(default_factory=list[AskedTask])
    """Those that stand alone, and those occurrences of which anything was asked."""
    schedules: list[AskedSchedule] = field(default_factory=list[AskedSchedule])
    operations: Counter[str] = field(default_factory=Counter[str])

    @classmethod
    def together(cls, histories: Iterable["History"]) -> "History":
        whole = cls()
        for each in histories:
            whole.tasks += each.tasks
            whole.schedules += each.schedules
            whole.operations += each.operations
        return whole
