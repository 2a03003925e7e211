"""A recurring series: which occurrence comes next, in local time and as an instant.

People know an occurrence by its nominal local time and fold (RFC 5545's RECURRENCE-ID); the instant is derived, so a
change of zone rules never makes the same day's occurrence twice. Occurrences come in the order of their instants.
Hourly and Minutely series, and cron expressions whose hour field begins with `*`, are told apart by the instant alone.

`count` counts what month ends, gaps and folds leave, before exclusions; exclusions beat additions; `ends_at` beats all.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from heapq import merge
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from taskbell.calendar import due, expansion, zones
from taskbell.calendar.expansion import MOST_STEPS_TO_MAKE, Steps
from taskbell.calendar.rule import (
    EVERYTHING_EXCLUDED,
    MOVED_TOO_FAR,
    SUB_DAILY,
    Cron,
    Fold,
    Gap,
    MonthEnd,
    Override,
    Policies,
    Rule,
    invalid,
    never,
)
from taskbell.calendar.timelines import LATEST, TICK, Key, Occurrence, Timeline, key, timeline
from taskbell.errors import Rejected

PLAIN = Policies()
_MINUTE = timedelta(minutes=1)
_EARLIEST = datetime(1, 1, 3, tzinfo=UTC)


class Series:
    """The occurrences of `rule` from `start` on in `zone_name`, as `policies` bend them.

    `start` is naive local; it occurs only if the rule yields it. A date makes an all-day series: each occurrence is
    known by a midnight and stands at the instant with which its day begins. Equal series share their work.

    Raises Rejected: UnknownTimeZone; NeverOccurs or EverythingExcluded for what has no occurrence at all; TooCostly;
    MovedTooFar for an override that would change the order; InvalidRule where an all-day series is given times.
    Every query raises Rejected(TooCostly) rather than look at more than `expansion.MOST_STEPS` years and dates."""

    def __init__(self, zone_name: str, start: datetime | date, rule: Rule | Cron, policies: Policies = PLAIN) -> None:
        self.zone = zones.zone(zone_name)
        self.all_day = not isinstance(start, datetime)
        self.start = zones.midnight(start)
        self.rule = rule
        self.policies = policies
        self._made = _make(self.zone, self.start, rule, policies, self.all_day)

    @property
    def unmatched(self) -> tuple[Override, ...]:
        """The overrides that name no occurrence (condition NoSuchOccurrence)."""
        return self._made.unmatched

    def next_after(self, moment: datetime, *, local: datetime | None = None, fold: int = 0) -> Occurrence | None:
        """The first occurrence strictly after the aware instant `moment` and, where `local` is given, strictly after
        the occurrence known by `local` and `fold` too, as the zone's rules place it today.

        None when the series is exhausted."""
        return next(self._after(moment, local, fold), None)

    def upcoming(
        self, moment: datetime, number: int, *, local: datetime | None = None, fold: int = 0
    ) -> tuple[Occurrence, ...]:
        """The first `number` occurrences after `moment` (and after `local`), in order, each with a note where a policy
        or an override bent it."""
        return tuple(map(self.noted, islice(self._after(moment, local, fold), number)))

    def between(self, since: datetime, until: datetime, at_most: int = 1000) -> tuple[Occurrence, ...]:
        """The occurrences in (`since`, `until`], aware instants, in order; the first `at_most` of them."""
        window = takewhile(lambda each: each.at <= until, self._after(since, None, 0))
        return tuple(islice(window, at_most))

    def last_until(self, moment: datetime, since: datetime | None = None) -> Occurrence | None:
        """The newest occurrence in (`since`, `moment`], aware instants; None when there is none."""
        latest = next(self._made.until(_clipped(moment), Steps()), None)
        return None if latest is None or (since is not None and latest.at <= since) else latest

    def count_between(self, since: datetime, until: datetime) -> int:
        """The number of occurrences in (`since`, `until`], aware instants: what was missed, for one."""
        since, until = _clipped(since), _clipped(until)
        return 0 if until <= since else self._made.number(since, until, Steps())

    def find(self, local: datetime, fold: int = 0) -> Occurrence | None:
        """The occurrence known by `local` and `fold`; None when the series has none, or an override skips it."""
        return self._made.find(local, fold)

    def place(self, local: datetime, fold: int = 0) -> Occurrence:
        """`local` as an occurrence, whether the rule yields it or not: the offset before a gap, of two equal wall times
        the first or, with `fold` 1, the second."""
        return Occurrence(local, fold, zones.place(self.zone, local, fold))

    def noted(self, occurrence: Occurrence) -> Occurrence:
        """`occurrence` with the reason why it is not just what the rule says; None where it is."""
        note = self._made.note(occurrence)
        return replace(occurrence, note=note) if note else occurrence

    def passed_by(self, moment: datetime) -> datetime:
        """The instant up to which all occurrences have passed at `moment`: itself or, since an occurrence of an all-day
        series has passed when its local day is over, the last one before the local day of `moment`."""
        return due.just_before_today(self.zone, moment) if self.all_day else moment

    def due_by(self, occurrence: Occurrence) -> datetime:
        """By when `occurrence` is to be done: its instant, or the last one of its local day."""
        return due.on(self.day(occurrence.at), self.zone).by if self.all_day else occurrence.at

    def day(self, at: datetime) -> date:
        """The local date of an aware instant."""
        return at.astimezone(self.zone).date()

    def name(self, local: datetime) -> datetime | date:
        """`local` as people write it: in an all-day series a date."""
        return local.date() if self.all_day else local

    def _after(self, moment: datetime, local: datetime | None, fold: int) -> Iterator[Occurrence]:
        moment = max(moment, _EARLIEST)
        if moment >= LATEST:
            return iter(())
        if local is None:
            return self._made.after(moment, Steps())
        known = self._made.key_of(local, fold)
        if known[0] <= moment:
            return self._made.after(moment, Steps())
        coming = self._made.after(known[0] - TICK, Steps())
        if self._made.base.by_instant:
            return (each for each in coming if each.at > known[0])
        return (each for each in coming if key(each) > known)


def _clipped(moment: datetime) -> datetime:
    return min(max(moment.astimezone(UTC), _EARLIEST), LATEST)


def _make(zone: ZoneInfo, start: datetime, rule: Rule | Cron, policies: Policies, all_day: bool) -> "_Made":
    made = _make_once(zone, start, rule, policies, all_day)
    if isinstance(made, _Made):
        return made
    raise Rejected(*made)


@lru_cache(maxsize=4096)
def _make_once(
    zone: ZoneInfo, start: datetime, rule: Rule | Cron, policies: Policies, all_day: bool
) -> "_Made | tuple[str, str]":
    """What is refused is remembered too, by reason and message: to find that out is what takes longest."""
    try:
        if all_day:
            _refuse_times(rule, policies)
        steps = Steps(MOST_STEPS_TO_MAKE)
        base = timeline(zone, start, rule, policies)
        if next(base.after(_EARLIEST, steps), None) is None:
            _refuse_never(zone, start, rule, policies, steps)
        if isinstance(rule, Rule) and rule.count is not None:
            base.end_with(rule.count, steps)
        made = _Made(zone, start, rule, policies, base, all_day=all_day)
        made.settle(steps)
    except Rejected as refusal:
        return refusal.reason, refusal.message
    return made


def _refuse_never(zone: ZoneInfo, start: datetime, rule: Rule | Cron, policies: Policies, steps: Steps) -> None:
    """A rule that has ended before it began does occur, as far as it goes: it is exhausted."""
    if isinstance(rule, Rule) and (rule.until is not None or rule.until_at is not None):
        endless = timeline(zone, start, replace(rule, until=None, until_at=None), policies)
        if next(endless.after(_EARLIEST, steps), None) is not None:
            return
    raise never("its interval and the clocks of its zone, from start on, leave out every date it has")


def _refuse_times(rule: Rule | Cron, policies: Policies) -> None:
    wrong = "recurrence cannot be that of an all-day series, whose start is a date: "
    if isinstance(rule, Cron) or rule.frequency in SUB_DAILY or rule.hours or rule.minutes:
        raise invalid(wrong + "it has times of the day; leave them out, or give start a time")
    if rule.until_at is not None:
        raise invalid(wrong + "its UNTIL is an instant; write a date, as in UNTIL=20301231")
    if policies.gap is not Gap.LATER or policies.fold is not Fold.FIRST:
        raise invalid(wrong + "dst concerns times of the day; leave it out")
    moved = (each.moved_to for each in policies.overrides if each.moved_to)
    names = (each.occurrence for each in policies.overrides)
    if any(local.time() != time() for local in (*policies.added, *policies.excluded, *names, *moved)):
        raise invalid(wrong + "its additional dates, excluded dates and overrides have to be dates too")


@dataclass(frozen=True, slots=True)
class _Extra:
    """An occurrence that the rule does not yield where it is: added, or moved."""

    occurrence: Occurrence
    moved_from: Occurrence | None = None


class _Made:
    """A timeline without what is excluded, and with what is added and moved; shared by equal series."""

    def __init__(
        self,
        zone: ZoneInfo,
        start: datetime,
        rule: Rule | Cron,
        policies: Policies,
        base: Timeline,
        *,
        all_day: bool,
    ) -> None:
        self.zone, self.start, self.rule, self.policies, self.base = zone, start, rule, policies, base
        self.all_day = all_day
        self.gone: frozenset[tuple[datetime, int]] = frozenset(self._excluded())
        self.unmatched: tuple[Override, ...] = ()
        self._keep(_Extra(each) for each in self._added())

    def settle(self, steps: Steps) -> None:
        """Refuses what has nothing left, and takes the overrides in."""
        if self.gone and self._empty(steps):
            raise Rejected(
                EVERYTHING_EXCLUDED,
                "excludedDates leave nothing of the recurrence: take some of them out, or let it end later",
            )
        if self.policies.overrides:
            self._override(self.policies.overrides, steps)

    # Queries

    def after(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]:
        kept = self._kept(self.base.after(moment, steps), steps)
        if self.extras:
            begin = bisect_right(self._instants, moment)
            kept = merge(kept, [each.occurrence for each in self.extras[begin:]], key=key)
        ends_at = self.policies.ends_at
        return kept if ends_at is None else takewhile(lambda each: each.at <= ends_at, kept)

    def until(self, moment: datetime, steps: Steps) -> Iterator[Occurrence]:
        if self.policies.ends_at is not None:
            moment = min(moment, self.policies.ends_at)
        kept = self._kept(self.base.until(moment, steps), steps)
        if self.extras:
            passed = self.extras[: bisect_right(self._instants, moment)]
            kept = merge(kept, [each.occurrence for each in reversed(passed)], key=key, reverse=True)
        return kept

    def number(self, since: datetime, until: datetime, steps: Steps) -> int:
        if self.policies.ends_at is not None:
            until = min(until, self.policies.ends_at)
        if until <= since:
            return 0
        added, taken = (_in_window(each, since, until) for each in (self._instants, self._taken))
        return self.base.number(since, until, steps) + added - taken

    @cached_property
    def _taken(self) -> Sequence[datetime]:
        """The instants of what the rule yields and does not occur, in order."""
        return sorted(each.at for each in (self.base.find(*known) for known in self.gone) if each)

    def find(self, local: datetime, fold: int) -> Occurrence | None:
        extra = self._extra(local, fold)
        found = extra.occurrence if extra else None
        if found is None and (local, fold) not in self.gone:
            found = self.base.find(local, fold)
        ends_at = self.policies.ends_at
        return None if found is None or (ends_at is not None and found.at > ends_at) else found

    def key_of(self, local: datetime, fold: int) -> Key:
        """Where the occurrence known by `local` and `fold` stands in the order, or would."""
        extra = self._extra(local, fold)
        at = extra.occurrence.at if extra else zones.place(self.zone, local, fold)
        return at, local, fold

    def _kept(self, found: Iterator[Occurrence], steps: Steps) -> Iterator[Occurrence]:
        if not self.gone:
            return found
        return (each for each in found if not self._is_gone(each, steps))

    def _is_gone(self, occurrence: Occurrence, steps: Steps) -> bool:
        if (occurrence.local, occurrence.fold) not in self.gone:
            return False
        steps.take()
        return True

    # What is added, taken out and moved

    def _empty(self, steps: Steps) -> bool:
        """Whether nothing is left of what the rule yields; an exhausted one had nothing to begin with."""
        begun = next(self.base.after(_EARLIEST, steps), None) is not None
        return begun and not self.extras and next(self._kept(self.base.after(_EARLIEST, steps), steps), None) is None

    def _excluded(self) -> Iterator[tuple[datetime, int]]:
        for local in self.policies.excluded:
            yield from self._known(local, 0)
            yield from self._known(local, 1)

    def _known(self, local: datetime, fold: int) -> Iterator[tuple[datetime, int]]:
        """By what the series knows it; where the instant alone counts, another local time may stand for it."""
        yield local, fold
        if self.base.by_instant and (first := self.base.at(zones.place(self.zone, local, fold))):
            yield first.local, first.fold

    def _added(self) -> Iterator[Occurrence]:
        for local in sorted(set(self.policies.added)):
            for fold in (0, 1) if self._twice(local) else (0,):
                at = zones.place(self.zone, local, fold)
                known = set(self._known(local, fold))
                there = any(self.base.find(*each) for each in known)
                if not there and not known & self.gone and not self._left_out(local):
                    yield Occurrence(local, fold, at)

    def _twice(self, local: datetime) -> bool:
        both = self.policies.fold is Fold.BOTH or self.base.by_instant
        return both and zones.shift(self.zone, local) < timedelta()

    def _left_out(self, local: datetime) -> bool:
        return self.policies.gap is Gap.SKIP and zones.shift(self.zone, local) > timedelta()

    def _keep(self, extras: Iterable[_Extra]) -> None:
        self.extras = tuple(sorted(extras, key=lambda each: key(each.occurrence)))
        self._instants = [each.occurrence.at for each in self.extras]
        self._by_name = {(each.occurrence.local, each.occurrence.fold): each for each in self.extras}

    def _extra(self, local: datetime, fold: int) -> _Extra | None:
        return self._by_name.get((local, fold))

    def _override(self, overrides: Sequence[Override], steps: Steps) -> None:
        """Takes overrides in; the neighbours of a moved one are those of the series without any."""
        found = {each: self.find(each.occurrence, each.fold) for each in overrides}
        self.unmatched = tuple(each for each in overrides if found[each] is None)
        moved = {
            (each.occurrence, each.fold): zones.place(self.zone, each.moved_to)
            for each in overrides
            if each.moved_to is not None and found[each] is not None
        }
        for each, occurrence in found.items():
            if each.moved_to is not None and occurrence is not None:
                self._refuse_passing(each.moved_to, occurrence, moved, steps)
        matched = [(each, occurrence) for each, occurrence in found.items() if occurrence is not None]
        taken = {(each.occurrence, each.fold) for each, _ in matched if each.skipped or each.moved_to is not None}
        kept = [each for each in self.extras if (each.occurrence.local, each.occurrence.fold) not in taken]
        places = [
            _Extra(replace(occurrence, at=moved[each.occurrence, each.fold]), moved_from=occurrence)
            for each, occurrence in matched
            if each.moved_to is not None and not each.skipped
        ]
        self.gone |= taken
        self._keep((*kept, *places))

    def _refuse_passing(
        self,
        moved_to: datetime,
        occurrence: Occurrence,
        moved: dict[tuple[datetime, int], datetime],
        steps: Steps,
    ) -> None:
        at = moved[occurrence.local, occurrence.fold]
        earlier = next((each for each in self.until(occurrence.at, steps) if key(each) < key(occurrence)), None)
        later = next((each for each in self.after(occurrence.at - TICK, steps) if key(each) > key(occurrence)), None)
        this = f"the occurrence of {self._text(occurrence.local)} to {self._text(moved_to)}"
        for neighbour, sign in ((earlier, 1), (later, -1)):
            if neighbour is None:
                continue
            places = (neighbour.at, moved.get((neighbour.local, neighbour.fold), neighbour.at))
            if any((at - place) * sign <= timedelta() for place in places):
                raise Rejected(
                    MOVED_TOO_FAR,
                    f"overrides move {this}, and its neighbour is that of {self._text(neighbour.local)}: move it to a "
                    "time between its neighbours",
                )

    # Notes

    def note(self, occurrence: Occurrence) -> str | None:
        extra = self._extra(occurrence.local, occurrence.fold)
        if extra and extra.moved_from is not None:
            shown = occurrence.at.astimezone(self.zone)
            return f"moved from {self._text(occurrence.local)} to {self._text(shown)}"
        notes = (self._clamped(occurrence) if extra is None else None, self._bent(occurrence))
        return "; ".join(filter(None, notes)) or None

    def _text(self, local: datetime) -> str:
        return local.strftime("%Y-%m-%d" if self.all_day else "%Y-%m-%dT%H:%M")

    def _bent(self, occurrence: Occurrence) -> str | None:
        shift = zones.shift(self.zone, occurrence.local)
        shown = occurrence.at.astimezone(self.zone).replace(tzinfo=None)
        if self.all_day and shown.date() == occurrence.local.date():
            return None
        if shift > timedelta() and shown != occurrence.local:
            day = "" if shown.date() == occurrence.local.date() else f" on {shown:%Y-%m-%d}"
            return (
                f"the clocks are put forward: {occurrence.local:%H:%M} does not exist, so it is at {shown:%H:%M}{day}"
            )
        if shift < timedelta():
            which = "second" if occurrence.fold else "first"
            return f"the clocks are put back: {occurrence.local:%H:%M} comes twice, this is the {which}"
        return None

    @cached_property
    def _unclamped(self) -> expansion.Dates:
        return expansion.dates_from(self.rule, self.start, MonthEnd.SKIP)

    def _clamped(self, occurrence: Occurrence) -> str | None:
        if self.policies.month_end is not MonthEnd.CLAMP:
            return None
        if expansion.has(self._unclamped, occurrence.local.toordinal()):
            return None
        return f"the day asked for does not exist, so it is on {occurrence.local:%Y-%m-%d}, the last one before it"


def _in_window(instants: Sequence[datetime], since: datetime, until: datetime) -> int:
    return bisect_right(instants, until) - bisect_right(instants, since)
