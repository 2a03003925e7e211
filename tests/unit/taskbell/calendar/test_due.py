"""When a day begins and is over, where clocks move at midnight too."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from taskbell.calendar import due, offsets, wording
from taskbell.calendar.due import Due
from taskbell.calendar.rule import Frequency, MonthEnd, Override, Policies, Rule
from taskbell.calendar.series import Series
from taskbell.errors import Rejected

TICK = timedelta(microseconds=1)
MONDAY = date(2026, 11, 23)

DAYS = [
    pytest.param("Europe/Berlin", MONDAY, "2026-11-22T23:00", "2026-11-23T23:00", id="a day of 24 hours"),
    pytest.param("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00", "2026-03-29T22:00", id="a day of 23 hours"),
    pytest.param("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00", "2026-03-29T21:00", id="without a midnight"),
    pytest.param("America/Havana", date(2025, 11, 2), "2025-11-02T04:00", "2025-11-03T05:00", id="with two midnights"),
    pytest.param("Australia/Lord_Howe", date(2026, 4, 5), "2026-04-04T13:00", "2026-04-05T13:30", id="half an hour"),
    pytest.param("Pacific/Apia", date(2011, 12, 29), "2011-12-29T10:00", "2011-12-30T10:00", id="before a lost day"),
]


@pytest.mark.parametrize(("zone", "day", "begins", "ends"), DAYS)
def test_a_day(zone: str, day: date, begins: str, ends: str) -> None:
    since, until = (datetime.fromisoformat(f"{text}+00:00") for text in (begins, ends))
    assert due.on(day, ZoneInfo(zone)) == Due(since, until - TICK)


@pytest.mark.parametrize("hours", [0, 12, 23])
def test_until_its_day_is_over_nothing_of_it_has_passed(hours: int) -> None:
    series = Series("Europe/Berlin", MONDAY, Rule(Frequency.DAILY))
    (first,) = series.between(datetime(2026, 11, 22, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
    moment = first.at + timedelta(hours=hours)
    assert series.passed_by(moment) < first.at <= moment <= series.due_by(first)
    assert series.passed_by(series.due_by(first) + TICK) == series.due_by(first)


def test_what_is_due_at_an_instant_has_passed_with_it() -> None:
    at = datetime(2026, 11, 23, 8, tzinfo=UTC)
    series = Series("Europe/Berlin", datetime(2026, 11, 23, 9), Rule(Frequency.DAILY))  # noqa: DTZ001  (wall clock)
    assert series.passed_by(at) == at == due.on(MONDAY, ZoneInfo("Etc/UTC")).at + timedelta(hours=8)
    assert due.of(at, None, "Europe/Berlin") == Due(at, at)


def test_what_is_due_at_no_time() -> None:
    assert due.of(None, None, "Europe/Berlin") is None


def test_a_reader_who_does_not_know_the_zone_takes_utc() -> None:
    assert due.of(None, MONDAY, "Mars/Olympus") == due.on(MONDAY, ZoneInfo("Etc/UTC"))


REMINDERS = [
    pytest.param("PT0M", "2026-03-29T07:00", id="at nine"),
    pytest.param("P1D", "2026-03-28T08:00", id="the day before at nine, before the clocks move"),
    pytest.param("PT24H", "2026-03-28T07:00", id="exactly 24 hours before"),
    pytest.param("-P1D", "2026-03-30T07:00", id="the day after"),
]


@pytest.mark.parametrize(("before", "expected"), REMINDERS)
def test_days_are_nominal_from_the_reminder_time(before: str, expected: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    nine = datetime.combine(date(2026, 3, 29), time(9), berlin)
    assert offsets.parse(before).before(nine, berlin) == datetime.fromisoformat(f"{expected}+00:00")


def test_a_reminder_time_that_the_clocks_skip_on_the_day_exists_the_day_before() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    skipped = datetime.combine(date(2026, 3, 29), time(2, 30), berlin)
    assert offsets.parse("PT0M").before(skipped, berlin) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert offsets.parse("P1D").before(skipped, berlin) == datetime(2026, 3, 28, 1, 30, tzinfo=UTC)


def test_the_end_of_what_follows_a_completion_is_a_date_too() -> None:
    until = datetime(2026, 12, 31)  # noqa: DTZ001  (wall clock)
    words = wording.after_completion("Europe/Berlin", MONDAY, Rule(Frequency.DAILY, 3, until=until), MonthEnd.SKIP)
    assert words == "Every 3 days after completion, until 31 December 2026, Europe/Berlin"


def test_an_override_past_a_neighbour_is_refused_by_dates() -> None:
    far = Override(datetime(2026, 11, 24), moved_to=datetime(2026, 11, 26))  # noqa: DTZ001  (wall clock)
    with pytest.raises(Rejected, match="of 2026-11-24 to 2026-11-26, and its neighbour is that of 2026-11-25:"):
        Series("Europe/Berlin", MONDAY, Rule(Frequency.DAILY), Policies(overrides=(far,)))


def test_notes_speak_of_dates_and_of_no_clock() -> None:
    moved = Override(datetime(2026, 3, 30), moved_to=datetime(2026, 3, 31))  # noqa: DTZ001  (wall clock)
    series = Series("Asia/Beirut", date(2026, 3, 29), Rule(Frequency.DAILY, interval=3, count=2), Policies())
    weekly = Series("Asia/Beirut", date(2026, 3, 23), Rule(Frequency.WEEKLY), Policies(overrides=(moved,)))
    (no_midnight,) = series.upcoming(datetime(2026, 3, 28, tzinfo=UTC), 1)
    (other_day,) = weekly.upcoming(datetime(2026, 3, 29, tzinfo=UTC), 1)
    assert no_midnight.note is None
    assert other_day.note == "moved from 2026-03-30 to 2026-03-31"
    assert [series.name(no_midnight.local), weekly.name(other_day.local)] == [date(2026, 3, 29), date(2026, 3, 30)]
