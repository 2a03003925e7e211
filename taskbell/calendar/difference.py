"""What an edit of a recurrence means for its dates, before it is made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence

HORIZON = timedelta(days=366)
MOST = 100
"""Occurrences of either series that are looked at."""

_MOST_SAID = 5


@dataclass(frozen=True, slots=True)
class Move:
    """The same local day has it at another time."""

    old: Occurrence
    new: Occurrence


@dataclass(frozen=True, slots=True)
class Difference:
    """Occurrences after the edit that there were not, that there were, and that have moved within their local day, each
    in order; `bent` are those of the new series that a clock, a month's end or an override has bent, with their notes.

    `until` is how far both series were compared: nothing is said about what comes later. `was_all_day` and `all_day`:
    whether the old and the new one have dates without times."""

    added: tuple[Occurrence, ...]
    removed: tuple[Occurrence, ...]
    moved: tuple[Move, ...]
    bent: tuple[Occurrence, ...]
    until: datetime
    was_all_day: bool
    all_day: bool

    @property
    def empty(self) -> bool:
        return not (self.added or self.removed or self.moved)


def difference(
    old: Series, new: Series, now: datetime, *, horizon: timedelta = HORIZON, most: int = MOST
) -> Difference:
    """Compares what comes after the aware instant `now`, of all-day series from today on, for `horizon` or up to the
    `most`-th occurrence of either.

    An occurrence is the same where its local time, fold and instant are; local days are those of each series' own zone.
    Raises Rejected(TooCostly) as the queries of `Series` do."""
    before, after = (series.between(series.passed_by(now), now + horizon, at_most=most) for series in (old, new))
    until = min([now + horizon, *(found[-1].at for found in (before, after) if len(found) == most)])
    before, after = (tuple(each for each in found if each.at <= until) for found in (before, after))
    gone, come = _without(before, after), _without(after, before)
    moves = tuple(_moves(gone, come))
    stayed, arrived = {move.old for move in moves}, {move.new for move in moves}
    return Difference(
        added=tuple(each for each in come if each not in arrived),
        removed=tuple(each for each in gone if each not in stayed),
        moved=moves,
        bent=tuple(noted for noted in map(new.noted, after) if noted.note),
        until=until,
        was_all_day=old.all_day,
        all_day=new.all_day,
    )


def sentences(found: Difference) -> tuple[str, ...]:
    """In English, one for each kind of change; none for no change."""
    said = (
        _sentence("Added", [_time(each, found.all_day) for each in found.added]),
        _sentence("No longer", [_time(each, found.was_all_day) for each in found.removed]),
        _sentence("Moved", [_move(each, found) for each in found.moved]),
        _sentence(
            "Bent", [f"{_time(each, found.all_day)} ({each.note})" for each in found.bent] if not found.empty else []
        ),
    )
    return tuple(filter(None, said))


def _without(these: Sequence[Occurrence], those: Sequence[Occurrence]) -> list[Occurrence]:
    known = set(those)
    return [each for each in these if each not in known]


def _moves(gone: Sequence[Occurrence], come: Sequence[Occurrence]) -> Iterator[Move]:
    """One of a day that has gone for one of the same day that has come, in order."""
    coming: dict[date, list[Occurrence]] = {}
    for each in come:
        coming.setdefault(each.local.date(), []).append(each)
    for each in gone:
        if same_day := coming.get(each.local.date()):
            yield Move(each, same_day.pop(0))


def _sentence(what: str, times: Sequence[str]) -> str | None:
    if not times:
        return None
    more = f" and {len(times) - _MOST_SAID} more" if len(times) > _MOST_SAID else ""
    return f"{what}: {', '.join(times[:_MOST_SAID])}{more}."


def _move(move: Move, found: Difference) -> str:
    return f"{_time(move.old, found.was_all_day)} to {'all day' if found.all_day else f'{move.new.local:%H:%M}'}"


def _time(occurrence: Occurrence, all_day: bool) -> str:
    day = f"{occurrence.local:%a} {occurrence.local.day} {occurrence.local:%b %Y}"
    return day if all_day else f"{day}, {occurrence.local:%H:%M}"
