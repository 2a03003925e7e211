from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from api_shim.web import moments
from api_shim.web.moments import Clock

NOON_IN_BERLIN = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)  # a Sunday
BERLIN = Clock(NOON_IN_BERLIN, ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(seconds=30), "now"),
        (timedelta(seconds=-59), "now"),
        (timedelta(minutes=1), "in 1 min"),
        (timedelta(minutes=-59), "59 min ago"),
        (timedelta(hours=3, minutes=40), "in 3 h"),
        (timedelta(hours=11, minutes=59), "in 11 h"),
        (timedelta(hours=-12), "12 h ago"),
        (timedelta(hours=13), "tomorrow"),
        (timedelta(hours=-13), "yesterday"),
        (timedelta(hours=35), "tomorrow"),
        (timedelta(hours=37), "in 2 days"),
        (timedelta(days=-12), "12 days ago"),
    ],
)
def test_relative(distance: timedelta, words: str) -> None:
    assert BERLIN.relative(NOON_IN_BERLIN + distance) == words


def test_the_day_changes_at_the_readers_midnight() -> None:
    just_after = datetime(2026, 11, 23, 0, 5, tzinfo=ZoneInfo("Europe/Berlin"))
    late = Clock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert late.relative(just_after) == "tomorrow"
    assert Clock(late.now, ZoneInfo("America/New_York")).relative(just_after) == "in 14 h"


@pytest.mark.parametrize(
    ("at", "words"),
    [("2026-11-23T08:00:00Z", "Mon 23 Nov, 09:00"), ("2027-01-01T22:59:00Z", "Fri 1 Jan 2027, 23:59")],
)
def test_exact(at: str, words: str) -> None:
    assert BERLIN.exact(datetime.fromisoformat(at)) == words


def test_a_time_is_bare_on_the_day_it_belongs_to() -> None:
    at = datetime.fromisoformat("2026-11-23T08:00:00Z")
    assert BERLIN.time(at - timedelta(minutes=15), near=at) == "08:45"
    assert BERLIN.time(at - timedelta(days=1), near=at) == "Sun 22 Nov, 09:00"


@pytest.mark.parametrize(
    ("reminder_id", "words"),
    [
        ("PT15M", "15 min before"),
        ("PT1H30M", "1 h 30 min before"),
        ("P1D", "1 day before"),
        ("P7D", "7 days before"),
        ("-PT1H", "1 h after"),
        ("PT0M", "at the due time"),
        ("at-2026-11-23T07:00:00Z", ""),
    ],
)
def test_before(reminder_id: str, words: str) -> None:
    assert moments.before(reminder_id) == words


@pytest.mark.parametrize(
    ("local", "at"),
    [
        pytest.param("2026-11-23T09:00", "2026-11-23T08:00:00+00:00", id="an ordinary day"),
        pytest.param("2026-03-29T02:30", "2026-03-29T01:30:00+00:00", id="does not exist: the offset before the gap"),
        pytest.param("2026-10-25T02:30", "2026-10-25T00:30:00+00:00", id="exists twice: the first"),
    ],
)
def test_instant(local: str, at: str) -> None:
    assert moments.instant(datetime.fromisoformat(local), BERLIN.zone).isoformat() == at
