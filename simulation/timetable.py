"""What has to hold where the calendar alone decides (`advance: OnSchedule`), whoever closes what.

at each Task         the calendar has it, and it had none before; not sooner than `leadTime` before it is due, and
                     in fair weather no later; room under `openLimit`; with Skip and Replace the one before is no
                     longer open; of what was missed no more than `missed` wants
at each decision     what gets no Task has a reason: missed, skipped, or no room
at rest              whatever was to be decided by now is decided
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulation.lives import TAKEN_BACK, ScheduleLife, TaskLife
from taskbell.calendar.timelines import Occurrence
from taskbell.errors import Rejected
from taskbell.lifecycle import cursor as cursors
from taskbell.lifecycle import on_schedule
from taskbell.resources import Advance, Cursor, MissedPolicy, OccurrenceRef, Overlap, State, TaskScheduleSpec

IN_TIME = timedelta(seconds=10)
"""From the moment at which something is to be decided to the arrival of its Task, in fair weather."""
MOST_MISSED = {MissedPolicy.LATEST: 1, MissedPolicy.SKIP: 0, MissedPolicy.ALL: on_schedule.MOST_MISSED}


def holds(schedule: ScheduleLife, since: datetime) -> bool:
    """Whether nothing else has been said from `since` on."""
    return all(spec.advance is Advance.ON_SCHEDULE for spec in schedule.in_force(since))


def never_held(schedule: ScheduleLife) -> bool:
    return all(spec.advance is not Advance.ON_SCHEDULE for _, spec in schedule.specs)


@dataclass(frozen=True, slots=True)
class Timetable:
    """One schedule at one moment. `clock` is the operator's; a write may arrive `late` after its pass read that;
    `fair_since` says whether nothing has gone wrong from a moment on."""

    schedule: ScheduleLife
    tasks: Mapping[str, TaskLife]
    now: datetime
    clock: datetime
    late: timedelta
    fair_since: Callable[[datetime], bool]

    def made(self, uid: str, life: TaskLife, occurrence: OccurrenceRef) -> Iterator[str]:
        """Why the Task `uid` should not have been made now."""
        specs = self._specs()
        if not any(yields(spec, occurrence) for spec in specs):
            yield f"{life.name} is made for {occurrence.local}, which its calendar does not have"
        yield from self._made_before(life, occurrence)
        lead = max(on_schedule.lead_time(spec) for spec in specs)
        early = occurrence.at - lead - self.clock
        if early > (timedelta() if self.fair_since(self.now) else self.late):
            yield f"{life.name} appears {early} too early: it is due at {occurrence.at}"
        yield from self._made_late(life, occurrence)
        others = [each for each in self._open() if not each.reopened]
        limit = max(spec.open_limit or on_schedule.DEFAULT_OPEN_LIMIT for spec in specs)
        if len(others) >= limit:
            yield f"{life.name} is made, and {len(others)} are open already, of {limit}"
        previous = self._one_before(occurrence.sequence)
        alone = all(on_schedule.overlap(spec) is not Overlap.ALLOW for spec in specs)
        if alone and previous in others:
            yield f"{life.name} is made, and {previous.name if previous else ''} is still open"
        yield from self._made_in_a_burst(life, occurrence)

    def _made_before(self, life: TaskLife, occurrence: OccurrenceRef) -> Iterator[str]:
        known = self.schedule.occurrences.get((occurrence.local, occurrence.fold))
        if known is None:
            return
        other = self.tasks[known]
        edited = max(self.schedule.edited_at or other.made_at, self.schedule.lost_at or other.made_at)
        if other.retired in TAKEN_BACK or edited > other.made_at:
            return  # what is gone again by then is nothing that an edit, or a loss, could find
        yield f"{occurrence.local} occurs twice: as {other.name} and as {life.name}"

    def _made_late(self, life: TaskLife, occurrence: OccurrenceRef) -> Iterator[str]:
        spec = self.schedule.spec
        decided_at = occurrence.at - on_schedule.lead_time(spec)
        if on_schedule.overlap(spec) is not Overlap.ALLOW:
            decided_at = occurrence.at
        due = max(decided_at, self.schedule.created_at, self._last_change())
        if self.now > due + IN_TIME and self.fair_since(due):
            yield f"{life.name} appears {self.now - due} late in fair weather"

    def _made_in_a_burst(self, life: TaskLife, occurrence: OccurrenceRef) -> Iterator[str]:
        if occurrence.at > self.clock - on_schedule.MISSED - self.late:
            return
        specs = self._specs()
        oldest = max(spec.missed.within for spec in specs)
        if occurrence.at <= self.clock - oldest - self.late:
            yield f"{life.name} is made for {occurrence.at}, which is missed for longer than {oldest}"
        most = max(MOST_MISSED[spec.missed.policy] for spec in specs)
        others = (self.tasks[uid] for uids in self.schedule.made.values() for uid in uids)
        burst = [
            each
            for each in others
            if each.made_at > self.now - timedelta(minutes=1) and each.occurrence and each.occurrence.at <= self.clock
        ]
        if len(burst) >= most:
            yield f"{life.name} is made for {occurrence.at} beside {len(burst)} others: {most} of the missed are wanted"

    def moved(self, name: str, before: Cursor | None, after: Cursor) -> Iterator[str]:
        """What got no Task between the two places of the cursor, and has no reason for that."""
        if before is None or before.calendar != after.calendar or not self._steady_since(before.at):
            return
        spec = self.schedule.spec
        for occurrence in spec.series().between(before.at, after.at):
            if (occurrence.local, 1 if occurrence.fold else 0) in self.schedule.occurrences:
                continue
            if not self._has_reason(spec, occurrence):
                yield f"{name} goes past {occurrence.local}, which gets no task, and nothing stands in its way"

    def _has_reason(self, spec: TaskScheduleSpec, occurrence: Occurrence) -> bool:
        if not self._steady_since(occurrence.at - on_schedule.lead_time(spec) - IN_TIME):
            return True  # it was missed, or decided by what was said before
        open_then = [
            each
            for each in self._known()
            if each.made_at <= self.now and (_is_open(each) or any(end > occurrence.at - IN_TIME for end in each.ends))
        ]
        alone = on_schedule.overlap(spec) is Overlap.SKIP
        return len(open_then) >= (1 if alone else spec.open_limit or on_schedule.DEFAULT_OPEN_LIMIT)

    def undecided(self, name: str, cursor: Cursor | None) -> Iterator[str]:
        """What should be decided by now, and is not."""
        spec = self.schedule.spec
        if spec.suspend:
            return
        try:
            series = spec.series()
        except Rejected:
            return
        if cursor is None:
            coming = series.next_after(self.schedule.created_at - timedelta(microseconds=1))
        else:
            coming = series.next_after(
                cursor.at - timedelta(microseconds=1), local=cursor.local, fold=1 if cursor.fold else 0
            )
        if coming is None or cursors.past_end(spec, coming.at):
            return
        waits = on_schedule.overlap(spec) is not Overlap.ALLOW or self._is_full(spec)
        decided_at = coming.at if waits else coming.at - on_schedule.lead_time(spec)
        if decided_at <= self.clock - IN_TIME:
            yield f"{name} should have decided about {coming.local} at {decided_at}"

    def _is_full(self, spec: TaskScheduleSpec) -> bool:
        return len(list(self._open())) >= (spec.open_limit or on_schedule.DEFAULT_OPEN_LIMIT)

    def _specs(self) -> list[TaskScheduleSpec]:
        """Those that the pass may have seen."""
        return self.schedule.in_force(self.now - self.late)

    def _steady_since(self, moment: datetime) -> bool:
        changed = max(self.schedule.created_at, self.schedule.edited_at or moment, self.schedule.lost_at or moment)
        return changed <= moment and self.fair_since(moment)

    def _last_change(self) -> datetime:
        """When the last thing happened that may make room, or change the timetable."""
        edited = [each for each in (self.schedule.edited_at, self.schedule.lost_at) if each]
        ends = [each.ends[-1] for each in self._known() if each.ends]
        changes = [each.changed_at for each in self._known()]
        return max((self.schedule.created_at, *edited, *ends, *changes))

    def _known(self) -> Iterator[TaskLife]:
        """Newest first, as far back as it can matter."""
        for sequence in sorted(self.schedule.made, reverse=True)[:200]:
            yield from (self.tasks[uid] for uid in self.schedule.made[sequence])

    def _open(self) -> Iterator[TaskLife]:
        return (each for each in self._known() if _is_open(each))

    def _one_before(self, sequence: int) -> TaskLife | None:
        return next((each for each in self._known() if each.occurrence and each.occurrence.sequence < sequence), None)


def _is_open(life: TaskLife) -> bool:
    return life.state is State.OPEN and life.deleted_at is None and life.retired is None and not life.gone


def yields(spec: TaskScheduleSpec, occurrence: OccurrenceRef) -> bool:
    """Whether its calendar has the occurrence at just this instant."""
    try:
        found = spec.series().find(occurrence.local, occurrence.fold)
    except Rejected:
        return False
    return found is not None and found.at == occurrence.at
