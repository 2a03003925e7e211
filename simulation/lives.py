"""What the judge remembers of each Task and schedule, by their uids, and nobody in the world knows."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime

from taskbell.lifecycle.actions import Retirement
from taskbell.resources import OccurrenceRef, State, TaskScheduleSpec, TaskSpec

TAKEN_BACK = (Retirement.UNDONE, Retirement.CANCELLED, Retirement.RESCHEDULED)


@dataclass(slots=True)
class TaskLife:
    """What has become of one Task, by its uid."""

    name: str
    schedule: str | None
    occurrence: OccurrenceRef | None
    made_at: datetime
    changed_at: datetime
    spec: TaskSpec
    state: State = State.OPEN
    touched: bool = False
    reopened: bool = False
    status_lost: bool = False
    closed_by_user: int = 0
    replaced: int = 0
    ends: list[datetime] = field(default_factory=list[datetime])
    """Each closedAt that was noted, and the deletion: its successor lies after one of them."""
    deleted_at: datetime | None = None
    retired: str | None = None
    retired_at: datetime | None = None
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
    specs: list[tuple[datetime, TaskScheduleSpec]]
    """Each with the time since when it holds."""
    edited_at: datetime | None = None
    """When something changed that decides which occurrences get a Task, or when."""
    lost_at: datetime | None = None
    forgotten: set[int] = field(default_factory=set[int])
    """Sequences beyond all Tasks there were when the status was lost: nobody knows of them any more."""
    made: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict[int, list[str]](list))
    days: dict[date, str] = field(default_factory=dict[date, str])
    occurrences: dict[tuple[datetime, int], str] = field(default_factory=dict[tuple[datetime, int], str])

    @property
    def spec(self) -> TaskScheduleSpec:
        """The newest."""
        return self.specs[-1][1]

    def in_force(self, since: datetime) -> list[TaskScheduleSpec]:
        """What has held at any time from `since` on, newest first."""
        found: list[TaskScheduleSpec] = []
        for held_from, spec in reversed(self.specs):
            found.append(spec)
            if held_from <= since:
                break
        return found
