"""The next one counted from when the last was closed (`advance: AfterCompletion`).

Days and longer: the local date of the closing plus the interval, at the start's wall clock. Hours and minutes: exactly
so long after the closing, and known by the minute in which that is. `count` counts occurrences ever made; `until` is
compared with the new due time.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from taskbell.calendar import zones
from taskbell.calendar.rule import SUB_DAILY, Frequency, MonthEnd, Policies, Rule, invalid
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence

_ALLOWED = Rule(Frequency.DAILY)


def refuse(rule: Rule, start: datetime | date) -> None:
    """Raises Rejected(InvalidRule) for a rule that has more than frequency, interval and an end, and for hours or
    minutes after the completion of an all-day task."""
    bare = replace(
        rule, frequency=_ALLOWED.frequency, interval=1, count=None, until=None, until_at=None, week_start="Mon"
    )
    if bare != _ALLOWED:
        raise invalid(
            "recurrence cannot stand with advance AfterCompletion: that one counts an interval from the completion and "
            "chooses no days or times; keep frequency, interval, count or until"
        )
    if rule.frequency in SUB_DAILY and not isinstance(start, datetime):
        raise invalid(
            f"recurrence cannot be {rule.frequency} in an all-day series, whose start is a date: give start a time"
        )


def next_after(
    zone_name: str, start: datetime | date, rule: Rule, month_end: MonthEnd, *, closed_at: datetime, sequence: int
) -> Occurrence | None:
    """The occurrence that follows number `sequence` (1 is the first), closed at the aware instant `closed_at`.

    None when `rule` ends before it. A month that lacks the day has its last one (Clamp), or is passed over (Skip).
    Its `local` may be one that has been before. Raises Rejected: InvalidRule as `refuse` does, UnknownTimeZone."""
    refuse(rule, start)
    if rule.count is not None and sequence >= rule.count:
        return None
    interval = replace(rule, count=None, until=None, until_at=None)
    step = _exact if rule.frequency in SUB_DAILY else _dated
    found = step(zone_name, start, interval, month_end, closed_at)
    if found is None or (rule.until and found.local > rule.until) or (rule.until_at and found.at > rule.until_at):
        return None
    return found


def _exact(
    zone_name: str, _start: datetime | date, rule: Rule, _month_end: MonthEnd, closed_at: datetime
) -> Occurrence | None:
    minutes = rule.interval * (60 if rule.frequency is Frequency.HOURLY else 1)
    at = closed_at + timedelta(minutes=minutes)
    shown = at.astimezone(zones.zone(zone_name))
    # It is known by a wall clock's time, which has minutes; it is due at the exact instant.
    local = shown.replace(second=0, microsecond=0, tzinfo=None, fold=0)
    return Occurrence(local, shown.fold, at.astimezone(UTC))


def _dated(
    zone_name: str, start: datetime | date, rule: Rule, month_end: MonthEnd, closed_at: datetime
) -> Occurrence | None:
    """The second occurrence of the same rule, begun on the day of the closing."""
    closed_on = closed_at.astimezone(zones.zone(zone_name)).date()
    anchor = datetime.combine(closed_on, start.time()) if isinstance(start, datetime) else closed_on
    begun = Series(zone_name, anchor, rule, Policies(month_end=month_end))
    return begun.next_after(closed_at, local=begun.start)
