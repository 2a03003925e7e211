"""What is still to be done for one TaskSchedule. Pure.

Where the calendar alone decides (`advance: OnSchedule`), `on_schedule` says what is made. For one that waits for its
Task (`OnCompletion`, `AfterCompletion`) `ROWS` is the table of DESIGN section 4: the first row that fits changes
the picture, and the table is read again from the top, until a row says that the pass is over or none fits. The status,
last of all, notes what came of it.
A schedule's Tasks are those that name it as controller owner, are not retired and not terminating; their order is
their sequence, never time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum

from taskbell import events, naming
from taskbell.calendar import zones
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.errors import Rejected
from taskbell.events import Change, EventType, Reason
from taskbell.lifecycle import conditions, on_schedule
from taskbell.lifecycle.actions import (
    Action,
    AddFinalizer,
    AdoptTask,
    AmendTask,
    Arm,
    CloseTask,
    CountFallback,
    CreateTask,
    Disarm,
    LookAgain,
    Publish,
    Receipts,
    RemoveFinalizer,
    Retirement,
    RetireTask,
    Telling,
    WriteStatus,
)
from taskbell.lifecycle.conditions import Claim
from taskbell.lifecycle.cursor import advance, calendar_behind, calendar_of, past_end, standing_at, successor
from taskbell.lifecycle.task import DELETED, held_at_most_until, retirement, touched
from taskbell.resources import (
    Advance,
    Cursor,
    MissedPolicy,
    NextOccurrence,
    OccurrenceRef,
    Outcome,
    Phase,
    PublishedSchedule,
    Reminder,
    State,
    Task,
    TaskSchedule,
    TaskScheduleSpec,
    TaskScheduleStatus,
    TaskSpec,
    local_text,
)

GRACE = timedelta(seconds=15)
"""How long the recurring consumer has for advancing a closed cursor before the operator does it."""

MISSED = timedelta(minutes=1)
"""An occurrence that is made no later than this is in time for `missed: Skip`."""

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ObservedSchedule:
    """One look at the world: the schedule, all Tasks that name it as controller owner, and what was told of it.

    `orphans` are occurrences that name it and have no controller owner; `alarm` is when its alarm rings.
    `namespace_ends`: a schedule that is being deleted goes with its whole namespace."""

    schedule: TaskSchedule
    tasks: tuple[Task, ...]
    receipts: Receipts
    broker_away: bool
    orphans: tuple[Task, ...] = ()
    alarm: datetime | None = None
    namespace_ends: bool = False


def plan(observed: ObservedSchedule, now: datetime) -> tuple[Action, ...]:
    """The actions still missing; () when all is well."""
    metadata = observed.schedule.metadata
    if naming.FINALIZER not in metadata.finalizers:
        return () if metadata.terminating else (AddFinalizer(),)
    if metadata.terminating:
        return tuple(_depart(observed, now))
    if metadata.annotations.get(naming.ADOPT_ANNOTATION) == "true" and observed.schedule.status.cursor is None:
        return tuple(_adopt(observed, now))
    try:
        picture = _Picture.of(observed, now)
        if picture.waits_for_nobody:
            _decide(picture)
        else:
            _stand_at_highest(picture)
            _stand_at_first(picture)
            _read_table(picture, ROWS)
        return tuple(_conclude(observed, picture))
    except Rejected as refusal:
        return stalled(observed, refusal, now)


def stalled(observed: ObservedSchedule, refusal: Rejected, now: datetime) -> tuple[Action, ...]:
    """Only an edit of the spec helps: say so, and create nothing. What has become of the Tasks is still noted."""
    picture = _Picture.of(observed, now)
    _stand_at_highest(picture)
    _read_table(picture, NOTING)
    claim = Claim(True, refusal.reason, refusal.message)
    claims = {conditions.READY: Claim(False, refusal.reason, refusal.message), conditions.STALLED: claim}
    stored, generation = observed.schedule.status, observed.schedule.metadata.generation
    status = stored.model_copy(
        update={
            "observed_generation": generation,
            "conditions": conditions.renewed(stored.conditions, claims, generation, now),
            "summary": None,
            "next_occurrences": (),
            "published": _told(observed),
            "cursor": picture.cursor,
        }
    )
    return tuple(_report(observed, status, now))


def _adopt(observed: ObservedSchedule, now: datetime) -> Iterator[Action]:
    """Restored Tasks come in; where it stands is found out when all are there, and the mark is taken off."""
    schedule = observed.schedule
    for task in observed.orphans:
        if task.spec.user_id == schedule.spec.user_id and not task.metadata.terminating:
            yield AdoptTask(task)
    stored, generation = schedule.status, schedule.metadata.generation
    claim = Claim(False, "Adopting", f"{naming.ADOPT_ANNOTATION} is true: restored tasks come in, none is created")
    status = stored.model_copy(
        update={
            "observed_generation": generation,
            "conditions": conditions.renewed(stored.conditions, {conditions.READY: claim}, generation, now),
            "published": _told(observed),
        }
    )
    yield from _report(observed, status, now)


def occurrence_spec(schedule: TaskSchedule, cursor: Cursor, recurrence_text: str | None) -> TaskSpec:
    """The Task of the occurrence `cursor` stands at, as the template has it; `recurrence_text` is a copy like these."""
    spec, template = schedule.spec, schedule.spec.task
    override = spec.override(cursor.local)
    if override and override.task:
        template = override.task.on(template)
    day = due_on(spec, cursor)
    return TaskSpec(
        user_id=spec.user_id,
        title=template.title,
        description=template.description,
        priority=template.priority,
        tags=template.tags,
        due_at=None if day else cursor.at,
        due_on=day,
        time_zone=spec.time_zone,
        reminders=tuple(Reminder(before=reminder.before) for reminder in template.reminders),
        reminder_time=template.reminder_time,
        reminder_policy=template.reminder_policy,
        occurrence=OccurrenceRef(
            schedule=schedule.metadata.name,
            sequence=cursor.sequence,
            local=cursor.local,
            fold=cursor.fold,
            at=cursor.at,
            recurrence_text=recurrence_text,
        ),
    )


def due_on(spec: TaskScheduleSpec, cursor: Cursor) -> date | None:
    """The local date of an all-day occurrence, wherever it was moved to. Raises Rejected."""
    return cursor.at.astimezone(zones.zone(spec.time_zone)).date() if spec.all_day else None


class _Next(Enum):
    LOOK_AGAIN = "the picture has changed: read the table from the top"
    DONE = "nothing more in this pass"


@dataclass(slots=True)
class _Picture:
    """The schedule's Tasks and cursor as they stand once the actions so far have been applied."""

    schedule: TaskSchedule
    calendar: str
    made: dict[int, Task]
    own: dict[int, Task]
    """Those of `made` that are there to stay."""
    open: set[int]
    cursor: Cursor | None
    reopened: set[int]
    now: datetime
    broker_away: bool
    actions: list[Action] = field(default_factory=list)
    exhausted: bool = False
    fell_back: bool = False
    blocked: bool = False
    wake_at: datetime | None = None

    @classmethod
    def of(cls, observed: ObservedSchedule, now: datetime) -> "_Picture":
        schedule = observed.schedule
        made = {task.spec.occurrence.sequence: task for task in observed.tasks if task.spec.occurrence}
        own = {each: task for each, task in made.items() if not task.metadata.terminating and not retirement(task)}
        return cls(
            schedule=schedule,
            calendar=calendar_of(schedule.spec),
            made=made,
            own=own,
            open={sequence for sequence, task in own.items() if task.spec.state is State.OPEN},
            cursor=schedule.status.cursor,
            reopened=set(schedule.status.reopened),
            now=now,
            broker_away=observed.broker_away,
        )

    @property
    def series(self) -> Series:
        """Raises Rejected."""
        return self.schedule.spec.series()

    @property
    def passed(self) -> datetime:
        """What occurs up to this instant has passed by now. Raises Rejected."""
        return self.series.passed_by(self.now)

    @property
    def words(self) -> str:
        """Raises Rejected."""
        return self.schedule.spec.words()

    @property
    def waits_for_nobody(self) -> bool:
        return self.schedule.spec.advance is Advance.ON_SCHEDULE

    @property
    def counts_from_completion(self) -> bool:
        return self.schedule.spec.advance is Advance.AFTER_COMPLETION

    def at_task(self, sequence: int) -> None:
        """The cursor stands at the existing Task `sequence`, which says which occurrence it is."""
        occurrence = self.made[sequence].spec.occurrence
        if occurrence is None:
            raise ValueError("made holds occurrences only")
        self.cursor = Cursor(
            sequence=sequence,
            local=occurrence.local,
            fold=occurrence.fold,
            at=occurrence.at,
            phase=Phase.OPEN,
            calendar=calendar_behind(occurrence, self.cursor),
        )

    def close(self, cursor: Cursor, outcome: Outcome, closed_at: datetime) -> None:
        self.cursor = cursor.model_copy(update={"phase": Phase.CLOSED, "outcome": outcome, "closed_at": closed_at})

    def retire(self, sequence: int, reason: Retirement) -> None:
        self.actions.append(RetireTask(self.made.pop(sequence), reason))
        del self.own[sequence]
        self.open.discard(sequence)

    def untouched(self, sequence: int) -> Task | None:
        """The open Task `sequence` if no person has changed it."""
        task = self.own.get(sequence)
        return task if task and sequence in self.open and not touched(task) else None

    def ahead(self, cursor: Cursor) -> Cursor | None:
        """`cursor` at the calendar's first occurrence on or after its local day and after now."""
        midnight = cursor.local.replace(hour=0, minute=0)
        occurrence = self.series.next_after(self.passed, local=midnight - timedelta(minutes=1), fold=1)
        return cursor.moved(occurrence).model_copy(update={"calendar": self.calendar}) if occurrence else None


Row = Callable[[_Picture, Cursor], _Next | None]


def _decide(picture: _Picture) -> None:
    schedule, now = picture.schedule, picture.now
    decided = on_schedule.decide(schedule, picture.series, picture.calendar, picture.made, now)
    for sequence, reason in decided.retired:
        picture.retire(sequence, reason)
    picture.actions += [CloseTask(task) for task in decided.replaced]
    text = picture.words
    # If this process ends among these, before the status, the next pass finds the Tasks by their numbers: what has one
    # was decided.
    for cursor in decided.made:
        name = naming.task_name(schedule.metadata.name, schedule.metadata.uid, cursor.sequence)
        picture.actions.append(CreateTask(name, occurrence_spec(schedule, cursor, text)))
    for task in tuple(picture.own.values()):
        if task.spec.occurrence and picture.untouched(task.spec.occurrence.sequence):
            _amend(picture, task, _place_of(task), task.spec.occurrence.recurrence_text)
    picture.cursor, picture.exhausted = decided.cursor, decided.exhausted
    picture.blocked, picture.wake_at = decided.blocked, decided.wake_at


def _place_of(task: Task) -> Cursor:
    occurrence = task.spec.occurrence
    if occurrence is None:
        raise ValueError("only of an occurrence")
    return Cursor(
        sequence=occurrence.sequence,
        local=occurrence.local,
        fold=occurrence.fold,
        at=occurrence.at,
        phase=Phase.OPEN,
    )


def _stand_at_highest(picture: _Picture) -> None:
    """No cursor but Tasks: the status was lost."""
    kept = [sequence for sequence, task in picture.made.items() if not retirement(task)]
    if picture.cursor is None and kept:
        picture.at_task(max(kept))


def _stand_at_first(picture: _Picture) -> None:
    """Neither a cursor nor Tasks: the first occurrence not before the creation."""
    if picture.cursor is not None:
        return
    series = picture.series
    first = series.next_after(series.passed_by(picture.schedule.metadata.creation_timestamp - _INSTANT))
    picture.exhausted = first is None
    if first:
        picture.cursor = standing_at(first, 1, Phase.PENDING, picture.calendar)


def _read_table(picture: _Picture, rows: tuple[Row, ...]) -> None:
    # A row that fits brings the cursor nearer to rest; the bound only keeps a mistake in the table from hanging us.
    for _ in range(32):
        cursor = picture.cursor
        found = (verdict for row in rows if cursor and (verdict := row(picture, cursor)))
        if next(found, _Next.DONE) is _Next.DONE:
            return
    raise RuntimeError("the table of the schedule's lifecycle does not come to rest")


def _was_decided_by_the_calendar(picture: _Picture, cursor: Cursor) -> _Next | None:
    """`advance` was OnSchedule: it stands at its highest Task, or goes on from where it was."""
    if cursor.phase is not Phase.CLOSED or cursor.closed_at is not None:
        return None
    if cursor.outcome is Outcome.CANCELLED or not picture.own:
        picture.close(cursor, cursor.outcome or Outcome.SKIPPED, picture.now)
    else:
        picture.at_task(max(picture.own))
    return _Next.LOOK_AGAIN


def _pending_task_exists(picture: _Picture, cursor: Cursor) -> _Next | None:
    """A pass broke off between the creation and the status."""
    task = picture.made.get(cursor.sequence)
    if cursor.phase is not Phase.PENDING or task is None:
        return None
    if retirement(task):
        return _Next.DONE  # its name is free again once it is gone, which enqueues the schedule
    picture.at_task(cursor.sequence)
    return _Next.LOOK_AGAIN


def _task_says_otherwise(picture: _Picture, cursor: Cursor) -> _Next | None:
    """A Task was moved and the status does not know it yet; where it was moved counts even if it is being deleted."""
    task = picture.made.get(cursor.sequence)
    occurrence = task.spec.occurrence if task and not retirement(task) else None
    if cursor.phase is not Phase.OPEN or occurrence is None:
        return None
    if (occurrence.local, occurrence.fold, occurrence.at) == (cursor.local, cursor.fold, cursor.at):
        return None
    picture.at_task(cursor.sequence)
    return _Next.LOOK_AGAIN


def _higher_tasks_exist(picture: _Picture, cursor: Cursor) -> _Next | None:
    """The highest Task is where the schedule stands, unless a lower one is open; one that is being deleted waits for
    the cursor to know it."""
    higher = [each for each, task in picture.made.items() if each > cursor.sequence and not retirement(task)]
    if not higher or {each for each in picture.open if each < max(higher)} - picture.reopened:
        return None
    picture.at_task(max(higher))
    return _Next.LOOK_AGAIN


def _taking_back_broke_off(picture: _Picture, cursor: Cursor) -> _Next | None:
    """The cursor's Task is open again and has successors: those nobody touched go."""
    higher = sorted((sequence for sequence in picture.own if sequence > cursor.sequence), reverse=True)
    if not higher or cursor.sequence not in picture.open:
        return None
    for sequence in higher:
        if picture.untouched(sequence):
            picture.retire(sequence, Retirement.UNDONE)
        else:
            picture.reopened |= {each for each in picture.open if each < sequence}
            picture.at_task(sequence)
            break
    return _Next.LOOK_AGAIN


def _lower_task_open(picture: _Picture, cursor: Cursor) -> _Next | None:
    """Somebody reopened a Task below the cursor: its untouched successor is taken back, or a condition names it."""
    lower = {sequence for sequence in picture.open if sequence < cursor.sequence}
    if not lower - picture.reopened:
        return None
    sequence, successor = max(lower), picture.made.get(cursor.sequence)
    alone = lower == {sequence} and cursor.sequence == sequence + 1 and not picture.reopened & lower
    never_made = cursor.phase is Phase.PENDING and (successor is None or retirement(successor) is not None)
    if alone and (never_made or picture.untouched(cursor.sequence)):
        picture.at_task(sequence)
        return _Next.DONE  # first the status: only then is the successor retired, by the row above
    picture.reopened |= lower
    return _Next.LOOK_AGAIN


def _ended(picture: _Picture, cursor: Cursor) -> _Next | None:
    """`endsAt` lies before the cursor's occurrence: what is neither due nor touched is cancelled."""
    if not past_end(picture.schedule.spec, cursor.at) or cursor.phase is Phase.CLOSED:
        return None
    if cursor.phase is Phase.OPEN:
        if not picture.untouched(cursor.sequence) or cursor.at <= picture.now:
            return None
        picture.retire(cursor.sequence, Retirement.CANCELLED)
    picture.close(cursor, Outcome.CANCELLED, picture.now)
    return _Next.LOOK_AGAIN


def _end_lifted(picture: _Picture, cursor: Cursor) -> _Next | None:
    """A cancelled occurrence comes back, or the first one that still lies ahead."""
    if cursor.outcome is not Outcome.CANCELLED or past_end(picture.schedule.spec, cursor.at):
        return None
    same = cursor.at > picture.now and cursor.calendar == picture.calendar
    revived = cursor if same else picture.ahead(cursor)
    if revived is None or past_end(picture.schedule.spec, revived.at):
        return None
    picture.cursor = revived.model_copy(update={"phase": Phase.PENDING, "outcome": None, "closed_at": None})
    return _Next.LOOK_AGAIN


def _calendar_changed(picture: _Picture, cursor: Cursor) -> _Next | None:
    """The occurrence moves with an edit while it lies ahead and nobody touched it; what is due or touched stays."""
    if cursor.calendar == picture.calendar or cursor.at <= picture.now or cursor.phase is Phase.CLOSED:
        return None
    task = picture.untouched(cursor.sequence)
    if cursor.phase is Phase.OPEN and task is None:
        return None
    if picture.counts_from_completion and cursor.sequence > 1:
        picture.cursor = cursor.model_copy(update={"calendar": picture.calendar})  # the edit is for those that follow
        return _Next.LOOK_AGAIN
    moved = picture.ahead(cursor)
    if moved is None or past_end(picture.schedule.spec, moved.at):
        if task:
            picture.retire(cursor.sequence, Retirement.CANCELLED)
        # It keeps the old calendar's mark: only an occurrence of another calendar can revive it.
        picture.close(cursor, Outcome.CANCELLED, picture.now)
        return _Next.LOOK_AGAIN
    if task:
        _amend(picture, task, moved, picture.words)
    picture.cursor = moved
    return _Next.LOOK_AGAIN


def _template_changed(picture: _Picture, cursor: Cursor) -> _Next | None:
    task = picture.untouched(cursor.sequence)
    if cursor.phase is not Phase.OPEN or task is None:
        return None
    # It keeps its words: else a new version that says the same rule otherwise would amend every open Task.
    said = task.spec.occurrence.recurrence_text if task.spec.occurrence else None
    return _Next.LOOK_AGAIN if _amend(picture, task, cursor, said) else None


def _amend(picture: _Picture, task: Task, cursor: Cursor, recurrence_text: str | None) -> bool:
    spec = occurrence_spec(picture.schedule, cursor, recurrence_text)
    if spec == task.spec:
        return False
    picture.actions.append(AmendTask(task, spec))
    amended = task.model_copy(update={"spec": spec})
    picture.made[cursor.sequence] = picture.own[cursor.sequence] = amended
    return True


def _suspended(picture: _Picture, cursor: Cursor) -> _Next | None:
    """Nothing is created; what is open stays and still reminds."""
    return _Next.DONE if picture.schedule.spec.suspend and cursor.phase is Phase.PENDING else None


def _pending_was_missed(picture: _Picture, cursor: Cursor) -> _Next | None:
    """Its time has passed while nobody could create it: `missed` says which one is made instead."""
    if cursor.phase is not Phase.PENDING or picture.counts_from_completion or cursor.at > picture.passed:
        return None
    missed = picture.schedule.spec.missed
    oldest = picture.passed - missed.within
    match missed.policy:
        case MissedPolicy.ALL if cursor.at > oldest:
            return None
        case MissedPolicy.ALL:
            chosen = picture.series.next_after(oldest)
        case MissedPolicy.SKIP if picture.now <= cursor.at + MISSED:
            return None
        case MissedPolicy.SKIP:
            chosen = picture.series.next_after(picture.passed)
        case MissedPolicy.LATEST:
            passed = _latest_passed(picture, max(oldest, cursor.at - _INSTANT))
            if passed is None and cursor.at > oldest:
                return None  # an edit has taken it out of the calendar after it was due: today's is not swallowed
            chosen = passed or picture.series.next_after(picture.passed)
    if chosen is None:  # never made, so an edit of the calendar can bring it back under its number
        picture.close(cursor, Outcome.CANCELLED, picture.now)
        return _Next.LOOK_AGAIN
    if chosen.at == cursor.at:
        return None
    picture.cursor = cursor.moved(chosen).model_copy(update={"calendar": picture.calendar})
    return _Next.LOOK_AGAIN


def _latest_passed(picture: _Picture, since: datetime) -> Occurrence | None:
    ends_at = picture.schedule.spec.ends_at
    return picture.series.last_until(min(picture.now, ends_at) if ends_at else picture.now, since)


def _create(picture: _Picture, cursor: Cursor) -> _Next | None:
    """Nothing else ever creates."""
    if cursor.phase is not Phase.PENDING:
        return None
    metadata = picture.schedule.metadata
    name = naming.task_name(metadata.name, metadata.uid, cursor.sequence)
    # If this process ends right here, after creating and before the status, the next pass finds the Task by its
    # name and only notes it (_pending_task_exists).
    spec = occurrence_spec(picture.schedule, cursor, picture.words)
    picture.actions.append(CreateTask(name, spec))
    picture.cursor = cursor.model_copy(update={"phase": Phase.OPEN})
    return _Next.DONE


def _task_closed_or_gone(picture: _Picture, cursor: Cursor) -> _Next | None:
    if cursor.phase is not Phase.OPEN:
        return None
    task = picture.own.get(cursor.sequence)
    if task is None:
        gone = picture.made.get(cursor.sequence)
        cancelled = gone is not None and retirement(gone) == Retirement.CANCELLED
        deleted_at = (gone.metadata.deletion_timestamp if gone else None) or picture.now
        picture.close(cursor, Outcome.CANCELLED if cancelled else Outcome.DELETED, deleted_at)
        return _Next.LOOK_AGAIN
    noted = task.status.phase is task.spec.state
    if task.spec.state is State.OPEN or not noted or task.status.closed_at is None:
        return None  # a closing counts once the Task's own pass has noted when it was
    picture.close(cursor, Outcome(task.spec.state.value), task.status.closed_at)
    return _Next.LOOK_AGAIN


def _closed(picture: _Picture, cursor: Cursor) -> _Next | None:
    """The recurring consumer advances it; after the grace, or while no event can reach it, the operator does."""
    if cursor.phase is not Phase.CLOSED or cursor.outcome is Outcome.CANCELLED or cursor.closed_at is None:
        return None
    successor = advance(picture.schedule, cursor, cursor.closed_at)
    if successor is None:
        picture.exhausted = True
        return _Next.DONE
    if picture.now < cursor.closed_at + GRACE and not picture.broker_away:
        picture.actions.append(LookAgain(cursor.closed_at + GRACE))
        return _Next.DONE
    picture.fell_back = True
    picture.cursor = successor
    return _Next.LOOK_AGAIN


ROWS: tuple[Row, ...] = (
    _was_decided_by_the_calendar,
    _pending_task_exists,
    _task_says_otherwise,
    _higher_tasks_exist,
    _taking_back_broke_off,
    _lower_task_open,
    _ended,
    _end_lifted,
    _calendar_changed,
    _template_changed,
    _suspended,
    _pending_was_missed,
    _create,
    _task_closed_or_gone,
    _closed,
)

NOTING: tuple[Row, ...] = (
    _pending_task_exists,
    _task_says_otherwise,
    _higher_tasks_exist,
    _task_closed_or_gone,
)
"""The rows that only note what has become of the Tasks: no calendar is asked."""


def _conclude(observed: ObservedSchedule, picture: _Picture) -> Iterator[Action]:
    yield from picture.actions
    if picture.fell_back:
        yield CountFallback()
    yield from _history(picture)
    yield from _wake(observed, picture)
    yield from _report(observed, _status(picture, _told(observed)), picture.now)


def _wake(observed: ObservedSchedule, picture: _Picture) -> Iterator[Action]:
    at = picture.wake_at
    if at is not None and at <= picture.now:
        yield LookAgain(at)
    elif at is None and observed.alarm is not None:
        yield Disarm()
    elif at is not None and at != observed.alarm:
        yield Arm(at)


def _report(observed: ObservedSchedule, status: TaskScheduleStatus, now: datetime) -> Iterator[Action]:
    if tellings := tuple(_untold(observed.schedule, status.cursor, _told(observed), now)):
        yield Publish(tellings)
    if status != observed.schedule.status:
        yield WriteStatus(status)


def _history(picture: _Picture) -> Iterator[Action]:
    """Closed Tasks beyond `historyLimit`, oldest first, once the stream knows how they ended."""
    stored = picture.schedule.status.cursor
    closed = sorted(
        sequence
        for sequence in picture.own
        if sequence not in picture.open and stored is not None and sequence < stored.sequence
    )
    for sequence in closed[: -picture.schedule.spec.history_limit]:
        task = picture.made[sequence]
        told = task.status.published
        if told and (told.state, told.closed_at) == (task.spec.state, task.status.closed_at):
            yield RetireTask(task, Retirement.HISTORY)


def _status(picture: _Picture, told: PublishedSchedule | None) -> TaskScheduleStatus:
    schedule, cursor = picture.schedule, picture.cursor
    generation = schedule.metadata.generation
    reopened = {each for each in picture.reopened & picture.open if cursor and each < cursor.sequence}
    claims = _claims(picture, reopened)
    return TaskScheduleStatus(
        observed_generation=generation,
        conditions=conditions.renewed(schedule.status.conditions, claims, generation, picture.now),
        summary=picture.words,
        next_occurrences=_next_occurrences(picture),
        reopened=tuple(sorted(reopened)),
        published=told,
        cursor=cursor.model_copy(update={"on": due_on(schedule.spec, cursor)}) if cursor else None,
    )


def _claims(picture: _Picture, reopened: set[int]) -> dict[str, Claim]:
    metadata = picture.schedule.metadata
    cancelled = picture.cursor is not None and picture.cursor.outcome is Outcome.CANCELLED
    ended = (picture.exhausted or cancelled) and _ends_early(picture)
    claims = {conditions.READY: Claim(True, "Scheduled", "")}
    if picture.schedule.spec.suspend:
        claims[conditions.READY] = Claim(True, "Suspended", "spec.suspend is true: nothing is created")
    if ended:
        claims[conditions.COMPLETE] = Claim(True, "Cancelled", "nothing occurs after spec.endsAt")
    elif picture.exhausted or cancelled:
        claims[conditions.COMPLETE] = Claim(True, "Exhausted", "the recurrence has no further occurrence")
    if unmatched := picture.series.unmatched:
        times = ", ".join(local_text(picture.series.name(each.occurrence)) for each in unmatched)
        message = f"overrides name what the recurrence does not yield: {times}"
        claims[conditions.NO_SUCH_OCCURRENCE] = Claim(True, "NoSuchOccurrence", message[:1024])
    if picture.blocked:
        limit = picture.schedule.spec.open_limit or on_schedule.DEFAULT_OPEN_LIMIT
        claims[conditions.BLOCKED] = Claim(True, "OpenLimit", f"{limit} tasks are open, as many as openLimit allows")
    if reopened:
        names = ", ".join(naming.task_name(metadata.name, metadata.uid, each) for each in sorted(reopened))
        message = f"open again below the cursor: {names}; closing them changes nothing in the series"
        claims[conditions.REOPENED] = Claim(True, "ReopenedBelowCursor", message[:1024])
    return claims


def _ends_early(picture: _Picture) -> bool:
    """Whether it is `endsAt`, not the recurrence, that leaves no further occurrence."""
    cursor, spec = picture.cursor, picture.schedule.spec
    if cursor is None or spec.ends_at is None:
        return False
    if picture.waits_for_nobody:
        return cursor.outcome is Outcome.CANCELLED
    return past_end(spec, cursor.at) or successor(spec, cursor, cursor.closed_at or cursor.at) is not None


def _next_occurrences(picture: _Picture) -> tuple[NextOccurrence, ...]:
    if picture.cursor is None or picture.exhausted or picture.counts_from_completion:
        return ()
    cursor = picture.cursor
    # A gap can put two local times at one instant: the second of them follows the first.
    found = picture.series.upcoming(cursor.at - _INSTANT, 3, local=cursor.local, fold=cursor.fold)
    return tuple(
        NextOccurrence(local=picture.series.name(each.local), at=each.at, note=each.note)
        for each in found
        if not past_end(picture.schedule.spec, each.at)
    )


def _told(observed: ObservedSchedule) -> PublishedSchedule | None:
    told = observed.receipts.told
    return told if isinstance(told, PublishedSchedule) else observed.schedule.status.published


def _untold(
    schedule: TaskSchedule, cursor: Cursor | None, told: PublishedSchedule | None, now: datetime
) -> Iterator[Telling]:
    generation = schedule.metadata.generation
    yield from _created(schedule, cursor, told)
    if generation > (told.generation if told else 1):
        update = events.schedule_event(
            schedule, cursor, EventType.UPDATED, detail=f"updated:{generation}", at=now, change=Change.EDITED
        )
        yield Telling(update, PublishedSchedule(generation=generation))


def _created(schedule: TaskSchedule, cursor: Cursor | None, told: PublishedSchedule | None) -> Iterator[Telling]:
    if told is None:
        at = schedule.metadata.creation_timestamp
        event = events.schedule_event(schedule, cursor, EventType.CREATED, detail="created", at=at)
        yield Telling(event, PublishedSchedule(generation=1))


def _depart(observed: ObservedSchedule, now: datetime) -> Iterator[Action]:
    """Told and let go; nothing is created or advanced any more, so that a foreground deletion ends."""
    schedule = observed.schedule
    deleted_at = schedule.metadata.deletion_timestamp or now
    held_until = held_at_most_until(schedule.metadata, now, namespace_ends=observed.namespace_ends)
    tellings = list(_created(schedule, None, _told(observed)))
    reason = Reason.NAMESPACE_DELETED if observed.namespace_ends else Reason.USER
    farewell = events.schedule_event(schedule, None, EventType.DELETED, detail=DELETED, at=deleted_at, reason=reason)
    if farewell.id not in observed.receipts.event_ids:
        tellings.append(Telling(farewell, None))
    if tellings:
        yield Publish(tuple(tellings))
    if observed.alarm is not None:
        yield Disarm()
    if tellings and now < held_until:
        yield LookAgain(held_until)
    else:
        yield RemoveFinalizer(untold=bool(tellings))
