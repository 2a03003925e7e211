"""What comes next: RFC 5545's own examples, the hard zones, and properties for any rule."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from taskbell.calendar import zones
from taskbell.calendar.rule import SUB_DAILY, Frequency, Rule
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.errors import Rejected

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
BERLIN, LORD_HOWE, APIA = "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


PLACES = [
    pytest.param(BERLIN, "2026-03-29T02:30", "2026-03-29T01:30Z", id="Berlin: a gap takes the offset before it"),
    pytest.param(BERLIN, "2026-10-25T02:30", "2026-10-25T00:30Z", id="Berlin: of two equal times the first"),
    pytest.param(LORD_HOWE, "2026-10-04T02:15", "2026-10-03T15:45Z", id="Lord Howe: a gap of half an hour"),
    pytest.param(LORD_HOWE, "2026-04-05T01:45", "2026-04-04T14:45Z", id="Lord Howe: a fold of half an hour"),
    pytest.param(APIA, "2011-12-30T12:00", "2011-12-30T22:00Z", id="Apia: a day that never was"),
]


@pytest.mark.parametrize(("zone_name", "wall", "at"), PLACES)
def test_where_the_clocks_move(zone_name: str, wall: str, at: str) -> None:
    place = Series(zone_name, local(wall), Rule(Frequency.DAILY)).place(local(wall))
    assert place == Occurrence(local(wall), 0, instant(at))


@pytest.mark.parametrize("zone_name", [BERLIN, LORD_HOWE])
@pytest.mark.parametrize("wall", ["02:15", "01:45", "02:30"])
def test_every_day_of_the_year_has_exactly_one_occurrence(zone_name: str, wall: str) -> None:
    mine = Series(zone_name, local(f"2026-01-01T{wall}"), Rule(Frequency.DAILY))
    year = mine.upcoming(LONG_AGO, 365)
    assert [each.local.date() for each in year] == [local("2026-01-01").date() + timedelta(days=n) for n in range(365)]
    assert [each.at for each in year] == sorted({each.at for each in year})


IMPOSSIBLE = [
    pytest.param("Europe/Nowhere", Rule(Frequency.DAILY), "UnknownTimeZone", id="a zone nobody knows"),
    pytest.param("../etc/passwd", Rule(Frequency.DAILY), "UnknownTimeZone", id="a path is no zone"),
    pytest.param("", Rule(Frequency.DAILY), "UnknownTimeZone", id="nothing is no zone"),
    pytest.param(
        BERLIN, Rule(Frequency.MONTHLY, month_days=(30, 31), months=(2,)), "NeverOccurs", id="the 30th of February"
    ),
    pytest.param(
        BERLIN, Rule(Frequency.YEARLY, month_days=(-31,), months=(4, 6)), "NeverOccurs", id="31 days before its end"
    ),
    pytest.param(BERLIN, Rule(Frequency.DAILY, 7, ("Mon",)), "NeverOccurs", id="every seventh day is a Thursday"),
    pytest.param(
        BERLIN, Rule(Frequency.MONTHLY, weekdays=("5Mon",), month_days=(1,)), "NeverOccurs", id="a fifth Monday the 1st"
    ),
    pytest.param(BERLIN, Rule(Frequency.MONTHLY, 12, months=(2,)), "NeverOccurs", id="every twelfth month is January"),
    pytest.param(
        BERLIN, Rule(Frequency.DAILY, 7, ("Mon",), count=3), "NeverOccurs", id="a count does not make it occur"
    ),
]


@pytest.mark.parametrize(("zone_name", "rule", "reason"), IMPOSSIBLE)
def test_what_can_never_occur_is_refused(zone_name: str, rule: Rule, reason: str) -> None:
    with pytest.raises(Rejected) as refusal:
        Series(zone_name, local("2026-01-01T09:00"), rule)
    assert refusal.value.reason == reason


def test_an_exhausted_rule_has_no_next() -> None:
    mine = Series(BERLIN, local("2026-01-01T09:00"), Rule(Frequency.DAILY, count=3))
    assert mine.next_after(instant("2026-01-03T08:00Z")) is None
    assert mine.next_after(instant("2026-01-03T07:59Z")) is not None


def test_after_a_local_time_nothing_of_it_comes_again() -> None:
    mine = Series(BERLIN, local("2026-01-01T09:00"), Rule(Frequency.DAILY))
    found = mine.next_after(LONG_AGO, local=local("2026-05-05T09:00"))
    assert found is not None
    assert found.local == local("2026-05-06T09:00")


UNTIL = [
    pytest.param("2026-01-10T07:59Z", "2026-01-01T00:00Z", "2026-01-09T09:00", id="the newest that has passed"),
    pytest.param("2026-01-10T08:00Z", "2026-01-01T00:00Z", "2026-01-10T09:00", id="its own instant has passed"),
    pytest.param("2026-01-10T09:00Z", "2026-01-10T08:00Z", None, id="since is exclusive"),
]


@pytest.mark.parametrize(("moment", "since", "wall"), UNTIL)
def test_the_last_one_in_a_window(moment: str, since: str, wall: str | None) -> None:
    mine = Series(BERLIN, local("2026-01-01T09:00"), Rule(Frequency.DAILY))
    found = mine.last_until(instant(moment), instant(since))
    assert (found.local if found else None) == (local(wall) if wall else None)


# Properties of any rule.

DAYS_AND_LONGER = tuple(each for each in Frequency if each not in SUB_DAILY)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NUMBERED = tuple(f"{number}{day}" for number in (1, 2, -1) for day in WEEKDAYS)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    frequency = draw(st.sampled_from(DAYS_AND_LONGER))
    numbered = frequency in {Frequency.MONTHLY, Frequency.YEARLY}
    weekdays = draw(st.lists(st.sampled_from(WEEKDAYS + NUMBERED * numbered), max_size=3, unique=True))
    days = [] if frequency is Frequency.WEEKLY or weekdays else draw(st.lists(st.integers(-28, 28), max_size=2))
    return Rule(
        frequency,
        interval=draw(st.sampled_from((1, 2, 3, 5))),
        weekdays=tuple(weekdays),
        month_days=tuple(each for each in days if each),
        months=tuple(draw(st.lists(st.integers(1, 12), max_size=3, unique=True))) if numbered else (),
    )


STARTS = st.datetimes(local("1995-01-01"), local("2030-12-28")).map(lambda at: at.replace(second=0, microsecond=0))
ZONES = st.sampled_from((BERLIN, LORD_HOWE, APIA, "Etc/UTC", "America/New_York"))
AHEAD = st.integers(0, 12_000).map(lambda days: timedelta(days=days))
FEW = settings(max_examples=25, deadline=None, derandomize=True, database=None)


@FEW
@given(rules(), STARTS, AHEAD)
def test_a_far_past_start_jumps_to_what_counting_would_have_reached(
    rule: Rule, start: datetime, ahead: timedelta
) -> None:
    mine = _possible(BERLIN, start, rule)
    moment = (start + ahead).replace(tzinfo=UTC)
    jumped = mine.upcoming(moment, 3)
    counting = Series(BERLIN, start, Rule(**{**_fields(rule), "count": 10_000_000}))  # with a count nothing is jumped
    assert jumped == counting.upcoming(moment, 3)


def _possible(zone_name: str, start: datetime, rule: Rule) -> Series:
    try:
        return Series(zone_name, start, rule)
    except Rejected:
        reject()


def _fields(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in Rule.__slots__}


@FEW
@given(ZONES, rules(), STARTS, AHEAD)
def test_the_next_lies_ahead_and_none_before_it(zone_name: str, rule: Rule, start: datetime, ahead: timedelta) -> None:
    mine = _possible(zone_name, start, rule)
    moment = (start + ahead).replace(tzinfo=UTC)
    found = mine.upcoming(moment, 5)
    assert all(each.at > moment and each.local >= start for each in found)
    assert [each.local for each in found] == sorted({each.local for each in found})
    for earlier, later in itertools.pairwise(found):
        assert mine.next_after(earlier.at, local=earlier.local) == later


@FEW
@given(ZONES, rules(), STARTS, st.integers(0, 100), st.integers(0, 100))
def test_a_window_cut_in_two_yields_the_same(zone_name: str, rule: Rule, start: datetime, one: int, other: int) -> None:
    mine = _possible(zone_name, start, rule)
    begin = start.replace(tzinfo=UTC) - timedelta(days=2)
    cut = begin + timedelta(days=min(one, other))
    end = begin + timedelta(days=max(one, other))
    assert _window(mine, begin, cut) + _window(mine, cut, end) == _window(mine, begin, end)


def _window(mine: Series, after: datetime, until: datetime) -> list[Occurrence]:
    return list(mine.between(after, until))


@FEW
@given(rules(), STARTS, st.integers(1, 20))
def test_a_count_only_ends_the_series(rule: Rule, start: datetime, count: int) -> None:
    endless = _possible(BERLIN, start, rule).upcoming(LONG_AGO, count)
    counted = Series(BERLIN, start, Rule(**{**_fields(rule), "count": count})).upcoming(LONG_AGO, count + 1)
    assert counted == endless


def test_a_zone_is_found_by_its_name() -> None:
    assert zones.zone(BERLIN).key == BERLIN
