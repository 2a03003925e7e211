"""Which occurrences get a Task where the calendar alone decides (`advance: OnSchedule`). Pure.

The cursor is the last occurrence decided, its phase always Closed: nothing at or before it is decided again, and
`sequence` counts decisions. An occurrence is decided `leadTime` before it is due: it gets a Task, or none.

    why it gets none                                                            decided
    its time passed while nobody could decide it, and `missed` wants others     in the next pass
    overlap Skip, and the one before is still open                              when it is due
    openLimit open Tasks leave no room                                          when it is due; until then it waits
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from taskbell.calendar import offsets
from taskbell.calendar.rule import SUB_DAILY, Cron
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.lifecycle.actions import Retirement
from taskbell.lifecycle.cursor import past_end, standing_at
from taskbell.lifecycle.task import retirement, touched
from taskbell.resources import (
    Cursor,
    MissedPolicy,
    Outcome,
    Overlap,
    Phase,
    State,
    Task,
    TaskSchedule,
    TaskScheduleSpec,
)

MISSED = timedelta(minutes=1)
"""An occurrence that is made no later than this is in time for `missed: Skip`."""

MOST_MISSED = 10
"""As many of the missed ones `missed: All` makes."""

MOST_DECISIONS = 200
"""In one pass; the next one follows at once."""

DEFAULT_OPEN_LIMIT = 10

_INSTANT = timedelta(microseconds=1)


@dataclass(slots=True)
class Decisions:
    """What one pass decides. `cursor` is where the schedule then stands, `wake_at` when the next decision falls."""

    cursor: Cursor | None
    made: list[Cursor] = field(default_factory=list[Cursor])
    retired: list[tuple[int, Retirement]] = field(default_factory=list[tuple[int, Retirement]])
    replaced: list[Task] = field(default_factory=list[Task])
    blocked: bool = False
    exhausted: bool = False
    wake_at: datetime | None = None


def decide(
    schedule: TaskSchedule, series: Series, calendar: str, tasks: Mapping[int, Task], now: datetime
) -> Decisions:
    """`tasks` are all that have the schedule as controller owner, by sequence. Raises Rejected."""
    deciding = _Deciding(schedule, series, calendar, tasks, now)
    deciding.run()
    return deciding.decisions


def lead_time(spec: TaskScheduleSpec) -> timedelta:
    """How long before it is due a Task appears."""
    if spec.lead_time is not None:
        return spec.lead_time
    before = (offsets.parse(each.before) for each in spec.task.reminders)
    spans = (timedelta(days=each.days, minutes=each.minutes) for each in before if not each.negative)
    return max(spans, default=timedelta())


def overlap(spec: TaskScheduleSpec) -> Overlap:
    if spec.overlap is not None:
        return spec.overlap
    rule = spec.recurrence.rule()
    within_a_day = rule.every_hour if isinstance(rule, Cron) else rule.frequency in SUB_DAILY
    return Overlap.SKIP if within_a_day else Overlap.ALLOW


class _Deciding:
    def __init__(
        self, schedule: TaskSchedule, series: Series, calendar: str, tasks: Mapping[int, Task], now: datetime
    ) -> None:
        self.spec = schedule.spec
        self.series = series
        self.calendar = calendar
        self.now = now
        self.passed = series.passed_by(now)
        self.created_at = series.passed_by(schedule.metadata.creation_timestamp)
        self.lead = lead_time(self.spec)
        self.overlap = overlap(self.spec)
        self.limit = self.spec.open_limit or DEFAULT_OPEN_LIMIT
        self.last_due: datetime | None = None
        self.known = {sequence: task for sequence, task in tasks.items() if not retirement(task)}
        self.open = {
            sequence: task
            for sequence, task in self.known.items()
            if task.spec.state is State.OPEN and not task.metadata.terminating
        }
        self._find_last()
        self.decisions = Decisions(self._stands_at(schedule.status.cursor))

    def run(self) -> None:
        self._follow_edit()
        self._follow_end()
        if self.spec.suspend:
            return
        self._pass_over_missed()
        for _ in range(MOST_DECISIONS):
            if not self._decide_next():
                return
        self.decisions.wake_at = self.now

    @property
    def cursor(self) -> Cursor | None:
        return self.decisions.cursor

    @property
    def sequence(self) -> int:
        return self.cursor.sequence if self.cursor else 0

    def _stands_at(self, stored: Cursor | None) -> Cursor | None:
        """A Task that exists was decided, whether the status knows it or not."""
        if stored is not None:
            ended = stored.outcome is Outcome.CANCELLED
            stored = stored.model_copy(
                update={
                    "phase": Phase.CLOSED,
                    "outcome": Outcome.CANCELLED if ended else None,
                    "closed_at": None,
                }
            )
        if not self.known or (stored and stored.sequence >= self.last):
            return stored
        occurrence = self.known[self.last].spec.occurrence
        if occurrence is None:
            raise ValueError("tasks holds occurrences only")
        return Cursor(
            sequence=self.last,
            local=occurrence.local,
            fold=occurrence.fold,
            at=occurrence.at,
            phase=Phase.CLOSED,
            calendar=stored.calendar if stored else "",
        )

    def _follow_edit(self) -> None:
        """Untouched Tasks ahead that the new calendar lacks go; from now on everything is decided by the new one."""
        if self.cursor is None or self.cursor.calendar == self.calendar:
            return
        # Of an all-day series today is still ahead, unless it has been decided and stays so.
        decided, today = self.cursor.at > self.passed, self.series.day(self.now)
        for sequence, task in list(self.open.items()):
            if _due(task) > self.now and not touched(task) and not self._occurs(task):
                decided = decided and self.series.day(_due(task)) != today
                self._retire(sequence, Retirement.RESCHEDULED)
        self._stand(self.sequence, self.now if decided else self.passed)

    def _follow_end(self) -> None:
        """What `endsAt` forbids goes while it lies ahead and nobody touched it, and comes again when that is lifted."""
        for sequence, task in list(self.open.items()):
            if past_end(self.spec, _due(task)) and _due(task) > self.now and not touched(task):
                self._retire(sequence, Retirement.CANCELLED)
        cursor, ends_at = self.cursor, self.spec.ends_at
        if cursor is None:
            return
        if ends_at is not None and cursor.at > ends_at:
            self._stand(cursor.sequence, ends_at, Outcome.CANCELLED)
        elif cursor.outcome is Outcome.CANCELLED and self._comes_again():
            self._stand(cursor.sequence, max(cursor.at, self.passed))

    def _comes_again(self) -> bool:
        """Whether what `endsAt` forbade is allowed by now. While it is not, the cursor stays where it is: moved on to
        the present by each pass, each status written would call for another pass."""
        coming = self._coming()
        return coming is None or not past_end(self.spec, coming.at)

    def _pass_over_missed(self) -> None:
        """Of those whose time has passed the ones that `missed` wants stay undecided."""
        until = min(self.now, self.spec.ends_at) if self.spec.ends_at else self.now
        since = self._since()
        number = self.series.count_between(since, until)
        if number == 0:
            return
        kept = self._kept(since, until)
        missed = number - kept
        if missed:
            last = self._nth_from_end(until, kept, since)
            self.decisions.cursor = standing_at(last, self.sequence + missed, Phase.CLOSED, self.calendar)

    def _kept(self, since: datetime, until: datetime) -> int:
        """How many of the newest in (`since`, `until`] are still to be made."""
        missed = self.spec.missed
        oldest = max(since, self.passed - missed.within)
        match missed.policy:
            case MissedPolicy.LATEST:
                return min(1, self.series.count_between(oldest, until))
            case MissedPolicy.ALL:
                return min(MOST_MISSED, self.series.count_between(oldest, until))
            case MissedPolicy.SKIP:
                return self.series.count_between(max(since, self.series.passed_by(self.now - MISSED - _INSTANT)), until)

    def _nth_from_end(self, until: datetime, kept: int, since: datetime) -> Occurrence:
        """The newest of (`since`, `until`] but for `kept` ones after it."""
        newest = self.series.last_until(until, since)
        for _ in range(kept):
            newest = self.series.last_until(newest.at - _INSTANT, since) if newest else None
        if newest is None:
            raise ValueError("there is one: they were counted")
        return newest

    def _decide_next(self) -> bool:
        """Whether an occurrence was decided."""
        coming = self._coming()
        if coming is None:
            self.decisions.exhausted = True
            return False
        if past_end(self.spec, coming.at):
            if self.cursor:
                self.decisions.cursor = self.cursor.model_copy(update={"outcome": Outcome.CANCELLED})
            self.decisions.exhausted = True
            return False
        if self._exists(coming):
            self.decisions.cursor = standing_at(coming, self.sequence, Phase.CLOSED, self.calendar)
            return True
        before = self._one_before()
        decided_at = coming.at - self.lead
        if self.overlap is not Overlap.ALLOW and self.last_due is not None:
            # An edit may put it before the one that was made last: that one's due time is none of its concern.
            decided_at = max(decided_at, coming.at if before else min(self.last_due, coming.at))
        if self.now < decided_at:
            self.decisions.wake_at = decided_at
            return False
        decided = standing_at(coming, self.sequence + 1, Phase.CLOSED, self.calendar)
        if before and self.overlap is Overlap.SKIP:
            self.decisions.cursor = decided
            return True
        room = len(self.open) + len(self.decisions.made) - bool(before and self.overlap is Overlap.REPLACE) < self.limit
        due_by = self.series.due_by(coming)
        if not room and self.now < due_by:
            self.decisions.blocked, self.decisions.wake_at = True, due_by
            return False
        self.decisions.cursor = decided
        if room:
            self._replace(before)
            self._make(decided)
        return True

    def _one_before(self) -> bool:
        """Whether the last one that got a Task is still open."""
        made = {each.sequence for each in self.decisions.made}
        return self.last in self.open or self.last in made

    def _replace(self, before: bool) -> None:
        if not before or self.overlap is not Overlap.REPLACE:
            return
        if self.last in self.open:
            self.decisions.replaced.append(self.open.pop(self.last))
        else:  # of several in one pass the last one counts
            self.decisions.made = [each for each in self.decisions.made if each.sequence != self.last]

    def _make(self, decided: Cursor) -> None:
        self.decisions.made.append(decided)
        self.last, self.last_due = decided.sequence, decided.at

    def _retire(self, sequence: int, reason: Retirement) -> None:
        self.decisions.retired.append((sequence, reason))
        del self.open[sequence]
        del self.known[sequence]
        self._find_last()

    def _find_last(self) -> None:
        """The newest that has a Task, and when it is due."""
        self.last = max(self.known, default=0)
        self.last_due = _due(self.known[self.last]) if self.known else None

    def _coming(self) -> Occurrence | None:
        cursor = self.cursor
        if cursor is None:
            return self.series.next_after(self._since())
        return self.series.next_after(cursor.at - _INSTANT, local=cursor.local, fold=cursor.fold)

    def _since(self) -> datetime:
        return self.cursor.at if self.cursor else self.created_at - _INSTANT

    def _stand(self, sequence: int, at: datetime, outcome: Outcome | None = None) -> None:
        """At no occurrence: all up to `at` are decided."""
        local = at.astimezone(self.series.zone).replace(tzinfo=None, fold=0, second=0, microsecond=0)
        self.decisions.cursor = Cursor(
            sequence=max(sequence, 1),
            local=local,
            at=at,
            phase=Phase.CLOSED,
            outcome=outcome,
            calendar=self.calendar,
        )

    def _exists(self, occurrence: Occurrence) -> bool:
        """Whether it has a Task already: the calendar was edited after that was made."""
        return any(
            task.spec.occurrence
            and (task.spec.occurrence.local, task.spec.occurrence.fold) == (occurrence.local, occurrence.fold)
            for task in self.known.values()
        )

    def _occurs(self, task: Task) -> bool:
        occurrence = task.spec.occurrence
        found = self.series.find(occurrence.local, occurrence.fold) if occurrence else None
        return found is not None and found.at == _due(task)


def _due(task: Task) -> datetime:
    """As the calendar had it; a person may have given it another due time."""
    if task.spec.occurrence is None:
        raise ValueError("tasks holds occurrences only")
    return task.spec.occurrence.at
