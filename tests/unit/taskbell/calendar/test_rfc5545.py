"""RRULE texts: RFC 5545's own examples, what is refused, and a day-by-day oracle that shares no code with dateutil."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, islice, product
from typing import TypeVar

import pytest
from dateutil import rrule
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from taskbell.calendar import rfc5545
from taskbell.calendar.rule import SUB_DAILY, WEEKDAYS, Frequency, Rule
from taskbell.calendar.series import Series
from taskbell.errors import Rejected

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
FEW = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


REFUSED = [
    pytest.param("", "InvalidRule", "every part is a name and a value", id="nothing"),
    pytest.param("every day", "InvalidRule", "every part is a name and a value", id="a sentence"),
    pytest.param("FREQ=DAILY;", "InvalidRule", "every part is a name and a value", id="a part with nothing in it"),
    pytest.param("FREQ=DAILY;BYDAY=", "InvalidRule", "every part is a name and a value", id="a part without value"),
    pytest.param("RRULE:FREQ=DAILY", "InvalidRule", "unknown part 'RRULE:FREQ'", id="the property's name"),
    pytest.param("FREQ=DAILY;BYDAYS=MO", "InvalidRule", "unknown part 'BYDAYS'", id="an unknown part"),
    pytest.param("FREQ=DAILY;X-MINE=1", "InvalidRule", "unknown part 'X-MINE'", id="a private part"),
    pytest.param("FREQ=DAILY;BYDAY=MO;BYDAY=TU", "InvalidRule", "BYDAY twice", id="a part twice"),
    pytest.param("BYDAY=MO", "InvalidRule", "has no FREQ", id="no FREQ"),
    pytest.param("FREQ=FORTNIGHTLY", "InvalidRule", "has FREQ=FORTNIGHTLY", id="no frequency"),
    pytest.param("FREQ=SECONDLY", "UnsupportedPart", "FREQ=SECONDLY", id="every second"),
    pytest.param("FREQ=DAILY;BYSECOND=0", "UnsupportedPart", "whole minute", id="BYSECOND"),
    pytest.param("FREQ=YEARLY;BYWEEKNO=20", "UnsupportedPart", "BYWEEKNO", id="BYWEEKNO"),
    pytest.param("FREQ=YEARLY;BYEASTER=0", "UnsupportedPart", "BYEASTER", id="dateutil's BYEASTER"),
    pytest.param("FREQ=MONTHLY;SKIP=BACKWARD", "UnsupportedPart", "SKIP", id="RFC 7529"),
    pytest.param("FREQ=DAILY;INTERVAL=0", "InvalidRule", "INTERVAL=0", id="INTERVAL=0 (dateutil hangs)"),
    pytest.param("FREQ=DAILY;INTERVAL=-1", "InvalidRule", "INTERVAL=-1", id="a negative interval"),
    pytest.param("FREQ=DAILY;INTERVAL=10001", "InvalidRule", "from 1 to 10000", id="too long an interval"),
    pytest.param("FREQ=DAILY;INTERVAL=1_0", "InvalidRule", "whole number", id="Python's own digits"),
    pytest.param("FREQ=DAILY;INTERVAL=\u0663", "InvalidRule", "whole number", id="Arabic digits"),
    pytest.param("FREQ=DAILY;COUNT=0", "InvalidRule", "COUNT=0", id="never at all"),
    pytest.param("FREQ=DAILY;COUNT=10001", "InvalidRule", "to 10000", id="too many"),
    pytest.param("FREQ=DAILY;COUNT=2;UNTIL=20300101T000000Z", "InvalidRule", "exclude each other", id="two ends"),
    pytest.param("FREQ=DAILY;UNTIL=20300101T000000", "InvalidRule", "instant in UTC", id="UNTIL is local"),
    pytest.param("FREQ=DAILY;UNTIL=20300230T000000Z", "InvalidRule", "no date", id="UNTIL is no date"),
    pytest.param("FREQ=DAILY;UNTIL=00010101T000000Z", "InvalidRule", "instant in UTC", id="UNTIL in the year 1"),
    pytest.param("FREQ=WEEKLY;BYMONTHDAY=1", "InvalidRule", "forbids with FREQ=WEEKLY", id="days of the month weekly"),
    pytest.param("FREQ=MONTHLY;BYYEARDAY=1", "InvalidRule", "forbids with FREQ=MONTHLY", id="days of the year monthly"),
    pytest.param("FREQ=WEEKLY;BYDAY=2MO", "InvalidRule", "need FREQ=MONTHLY", id="numbered days weekly"),
    pytest.param("FREQ=MONTHLY;BYDAY=6MO", "InvalidRule", "no month has a sixth", id="a sixth Monday"),
    pytest.param("FREQ=YEARLY;BYMONTH=5;BYDAY=-6MO", "InvalidRule", "no month has a sixth", id="a sixth from the end"),
    pytest.param("FREQ=YEARLY;BYDAY=54MO", "InvalidRule", "from 1 to 53", id="a 54th Monday"),
    pytest.param("FREQ=WEEKLY;BYDAY=MON", "InvalidRule", "'MON' in BYDAY", id="MON"),
    pytest.param("FREQ=MONTHLY;BYDAY=0MO", "InvalidRule", "from 1 to 53", id="a Monday number 0"),
    pytest.param("FREQ=MONTHLY;BYMONTHDAY=0", "InvalidRule", "from 1 to 31", id="day 0"),
    pytest.param("FREQ=YEARLY;BYYEARDAY=367", "InvalidRule", "from 1 to 366", id="day 367"),
    pytest.param("FREQ=YEARLY;BYMONTH=13", "InvalidRule", "from 1 to 12", id="month 13"),
    pytest.param("FREQ=YEARLY;BYMONTH=-1", "InvalidRule", "from 1 to 12", id="month -1"),
    pytest.param("FREQ=DAILY;BYHOUR=24", "InvalidRule", "from 0 to 23", id="hour 24"),
    pytest.param("FREQ=DAILY;BYMINUTE=60", "InvalidRule", "from 0 to 59", id="minute 60"),
    pytest.param("FREQ=DAILY;BYHOUR=9,", "InvalidRule", "BYHOUR=", id="a list with a hole"),
    pytest.param("FREQ=MONTHLY;BYSETPOS=1", "InvalidRule", "BYSETPOS alone", id="BYSETPOS of nothing"),
    pytest.param("FREQ=WEEKLY;BYDAY=MO;WKST=1", "InvalidRule", "WKST=1", id="no day"),
]


@pytest.mark.parametrize(("text", "reason", "part_of_sentence"), REFUSED)
def test_what_is_no_rule_or_not_supported_is_refused_with_a_reason(
    text: str, reason: str, part_of_sentence: str
) -> None:
    with pytest.raises(Rejected) as refusal:
        rfc5545.parse(text)
    assert refusal.value.reason == reason
    assert refusal.value.message.startswith("recurrence.rrule has ")
    assert part_of_sentence in refusal.value.message


ALIKE = [
    pytest.param("BYDAY=+1MO,-1FR,1MO;FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY=1MO,-1FR", id="order, signs and repetitions"),
    pytest.param("freq=weekly;byday=mo,fr", "FREQ=WEEKLY;BYDAY=FR,MO", id="case (RFC 5545 section 2)"),
    pytest.param("FREQ=DAILY;INTERVAL=1;WKST=MO", "FREQ=DAILY", id="what holds anyway"),
    pytest.param("FREQ=DAILY;BYHOUR=09,8", "FREQ=DAILY;BYHOUR=8,9", id="leading zeros"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_one_rule_written_in_two_ways_is_one_rule(one: str, other: str) -> None:
    assert rfc5545.parse(one) == rfc5545.parse(other)


def upcoming(text: str, start: str, number: int, zone: str = "Europe/Berlin") -> list[str]:
    found = Series(zone, local(start), rfc5545.parse(text)).upcoming(LONG_AGO, number)
    return [each.local.isoformat(timespec="minutes") for each in found]


def test_plain_and_numbered_days_mixed_are_both_meant() -> None:
    """dateutil 4.0 finds no date at all for it."""
    assert upcoming("FREQ=MONTHLY;BYDAY=WE,1MO", "2026-12-01T09:00", 6) == [
        "2026-12-02T09:00", "2026-12-07T09:00", "2026-12-09T09:00", "2026-12-16T09:00", "2026-12-23T09:00",
        "2026-12-30T09:00",
    ]  # fmt: skip


def test_a_series_that_starts_amid_a_week_chooses_from_that_whole_week() -> None:
    """The first of Monday, Wednesday and Friday is Monday; Wednesday the 25th, when it starts, is none."""
    first_of_week = "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1"
    assert upcoming(first_of_week, "2026-11-25T09:00", 2) == ["2026-11-30T09:00", "2026-12-07T09:00"]


def test_the_start_is_no_occurrence_of_its_own_and_hours_before_it_that_day_are_left_out() -> None:
    assert upcoming("FREQ=DAILY;BYHOUR=8,12,18", "2026-11-25T10:00", 3) == [
        "2026-11-25T12:00", "2026-11-25T18:00", "2026-11-26T08:00",
    ]  # fmt: skip


UNTIL = [
    pytest.param("20261025T003000Z", ["2026-10-24T02:30", "2026-10-25T02:30"], id="its instant is the end: it counts"),
    pytest.param("20261025T002959Z", ["2026-10-24T02:30"], id="a second earlier it does not"),
]


@pytest.mark.parametrize(("until", "wanted"), UNTIL)
def test_until_is_an_instant_even_where_the_clocks_go_back(until: str, wanted: list[str]) -> None:
    assert upcoming(f"FREQ=DAILY;UNTIL={until}", "2026-10-24T02:30", 5) == wanted


# Any rule, against a walk through every day

STARTS = st.datetimes(local("2019-01-01"), local("2027-12-28")).map(lambda at: at.replace(second=0, microsecond=0))
T = TypeVar("T", int, str)


def some(of: st.SearchStrategy[T], at_most: int = 3) -> st.SearchStrategy[list[T]]:
    return st.lists(of, max_size=at_most, unique=True)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Rules that RFC 5545 allows, as `parse` would give them."""
    frequency = draw(st.sampled_from([each for each in Frequency if each not in SUB_DAILY]))
    in_months = frequency in {Frequency.MONTHLY, Frequency.YEARLY}
    months = tuple(draw(some(st.integers(1, 12)))) if draw(st.booleans()) else ()
    numbers = (1, 2, 3, 4, -1, -2) if frequency is Frequency.MONTHLY or months else (1, 20, 52, -1, -30)
    numbered = [f"{number}{day}" for number in numbers for day in WEEKDAYS] * in_months
    weekdays = draw(some(st.sampled_from([*WEEKDAYS, *numbered])))
    signed = st.integers(-31, 31).filter(bool)
    year_signed = st.sampled_from((1, 60, 100, 365, 366, -1, -100, -366))
    month_days = () if frequency is Frequency.WEEKLY or draw(st.booleans()) else tuple(draw(some(signed, 12)))
    year_days = tuple(draw(some(year_signed))) if frequency is Frequency.YEARLY else ()
    hours = tuple(sorted(draw(some(st.integers(0, 23)))))
    minutes = tuple(sorted(draw(some(st.integers(0, 59)))))
    chooses = bool(weekdays or month_days or year_days or months or hours or minutes)
    positions = draw(some(st.sampled_from((1, 2, 3, -1, -2, -4)))) if chooses and draw(st.booleans()) else ()
    return Rule(
        frequency,
        interval=draw(st.sampled_from((1, 1, 2, 3, 7))),
        weekdays=tuple(weekdays),
        month_days=month_days,
        months=months,
        year_days=year_days,
        hours=hours,
        minutes=minutes,
        positions=tuple(positions),
        week_start=draw(st.sampled_from(("Mon", "Sun", "Wed"))),
    )


@FEW
@given(rules(), STARTS, st.integers(0, 1500))
def test_any_rule_occurs_as_a_walk_through_every_day_finds(rule: Rule, start: datetime, ahead: int) -> None:
    try:
        mine = Series("Etc/UTC", start, rule)
    except Rejected:
        assert not list(walk(rule, start, years=40))
        return
    moment = (start + timedelta(days=ahead)).replace(tzinfo=UTC)
    found = [each.local for each in mine.upcoming(moment, 4) if each.local.year < start.year + 12]
    walked = islice((each for each in walk(rule, start, years=12) if each.replace(tzinfo=UTC) > moment), 4)
    assert found == list(walked)


@FEW
@given(rules(), STARTS, st.integers(1, 15))
def test_a_count_only_ends_it(rule: Rule, start: datetime, count: int) -> None:
    fields = {name: getattr(rule, name) for name in Rule.__slots__}
    try:
        counted = Series("Etc/UTC", start, Rule(**{**fields, "count": count})).upcoming(LONG_AGO, count + 1)
    except Rejected:
        return
    assert len(counted) <= count
    assert counted == Series("Etc/UTC", start, rule).upcoming(LONG_AGO, count)[: len(counted)]


@FEW
@given(rules(), STARTS)
def test_a_rule_written_and_read_occurs_alike(rule: Rule, start: datetime) -> None:
    try:
        mine = Series("Europe/Berlin", start, rule)
    except Rejected:
        return
    read = Series("Europe/Berlin", start, rfc5545.parse(rfc5545.render(rule, mine.zone)))
    assert read.upcoming(LONG_AGO, 5) == mine.upcoming(LONG_AGO, 5)


@FEW
@given(rules(), STARTS)
def test_dateutil_is_of_the_same_opinion(rule: Rule, start: datetime) -> None:
    """But for plain and numbered weekdays mixed, of which it takes only what is both, and for BYSETPOS in the week of
    the start, of which it sees no day before it."""
    assume(len({len(text) > 3 for text in rule.weekdays}) < 2)
    assume(not rule.positions or rule.frequency is not Frequency.WEEKLY)
    try:
        mine = Series("Etc/UTC", start, rule)
    except Rejected:
        return
    theirs = rrule.rrulestr(rfc5545.render(rule, mine.zone), dtstart=start)
    assert [each.local for each in mine.upcoming(LONG_AGO, 4)] == list(islice(theirs, 4))


def walk(rule: Rule, start: datetime, years: int) -> Iterator[datetime]:
    """RFC 5545 3.3.10, period by period and day by day; up to the end of the last of `years` years."""
    first, week_start = date(start.year, 1, 1), WEEKDAYS.index(rule.week_start)
    monday = start.date() - timedelta(days=(start.weekday() - week_start) % 7)

    def period(day: date) -> int:
        match rule.frequency:
            case Frequency.DAILY:
                return (day - start.date()).days
            case Frequency.WEEKLY:
                return (day - monday).days // 7
            case Frequency.MONTHLY:
                return 12 * (day.year - start.year) + day.month - start.month
            case _:
                return day.year - start.year

    days = (first + timedelta(days=n - 7) for n in range(366 * years))
    hours, minutes = rule.hours or (start.hour,), rule.minutes or (start.minute,)
    for number, group in groupby(days, period):
        if number < 0 or number % rule.interval or not (chosen := [day for day in group if fits(rule, start, day)]):
            continue
        times = [time(hour, minute) for hour, minute in product(hours, minutes)]
        moments = [datetime.combine(day, each) for day in chosen for each in times]
        if rule.positions:
            indices = {p - 1 if p > 0 else len(moments) + p for p in rule.positions}
            moments = [each for index, each in enumerate(moments) if index in indices]
        yield from (each for each in moments if each >= start and each.year < start.year + years)


def fits(rule: Rule, start: datetime, day: date) -> bool:
    weekdays, month_days, months = rule.weekdays, rule.month_days, rule.months
    if not weekdays and not month_days and not rule.year_days:
        match rule.frequency:
            case Frequency.WEEKLY:
                weekdays = (WEEKDAYS[start.weekday()],)
            case Frequency.MONTHLY:
                month_days = (start.day,)
            case Frequency.YEARLY:
                month_days, months = (start.day,), months or (start.month,)
    in_a_month = rule.frequency is Frequency.MONTHLY or bool(rule.months)
    month_first = day.replace(day=1)
    month_last = (month_first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    year_first, year_last = date(day.year, 1, 1), date(day.year, 12, 31)
    begin, end = (month_first, month_last) if in_a_month else (year_first, year_last)

    def named(text: str) -> bool:
        if WEEKDAYS[day.weekday()] != text[-3:]:
            return False
        number = int(text[:-3] or 0)
        return number in {0, (day - begin).days // 7 + 1, -((end - day).days // 7) - 1}

    return (
        (not months or day.month in months)
        and (not weekdays or any(map(named, weekdays)))
        and (not month_days or bool({day.day, day.day - month_last.day - 1} & set(month_days)))
        and (
            not rule.year_days or bool({(day - year_first).days + 1, (day - year_last).days - 1} & set(rule.year_days))
        )
    )
