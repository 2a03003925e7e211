from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from taskbell.calendar.difference import Difference, difference, sentences
from taskbell.calendar.rule import Frequency, MonthEnd, Policies, Rule
from taskbell.calendar.series import Series
from taskbell.errors import Rejected

SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)
A_WEEK = timedelta(days=7)


def series(frequency: Frequency = Frequency.DAILY, at: str = "2026-11-23T09:00", **changes: Any) -> Series:
    policies = changes.pop("policies", Policies())
    zone = changes.pop("zone", "Europe/Berlin")
    return Series(zone, datetime.fromisoformat(at), Rule(frequency, **changes), policies)


def short(found: Difference) -> tuple[str, str, str]:
    added, removed = (
        " ".join(f"{each.local:%a%H}" for each in each_kind) for each_kind in (found.added, found.removed)
    )
    return added, removed, " ".join(f"{each.old.local:%a%H}-{each.new.local:%H}" for each in found.moved)


WORKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")
DIFFERENCES = [
    pytest.param(series(), series(), ("", "", ""), id="the same"),
    pytest.param(series(), series(weekdays=WORKDAYS), ("", "Sat09 Sun09", ""), id="fewer days"),
    pytest.param(series(weekdays=WORKDAYS), series(), ("Sat09 Sun09", "", ""), id="more days"),
    pytest.param(
        series(weekdays=("Mon", "Tue")), series(weekdays=("Mon", "Tue"), hours=(17,)), ("", "", "Mon09-17 Tue09-17"),
        id="another time of the same days",
    ),
    pytest.param(
        series(weekdays=("Mon",)), series(weekdays=("Mon",), hours=(9, 17)), ("Mon17", "", ""), id="one more a day",
    ),
    pytest.param(
        series(weekdays=("Mon",)), series(weekdays=("Tue",)), ("Tue09", "Mon09", ""), id="another day is another one",
    ),
    pytest.param(
        series(weekdays=("Mon",)), series(weekdays=("Mon",), zone="Asia/Tokyo"), ("", "", "Mon09-09"),
        id="another zone: the same clock, another instant",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), DIFFERENCES)
def test_what_an_edit_changes(old: Series, new: Series, expected: tuple[str, str, str]) -> None:
    assert short(difference(old, new, SUNDAY, horizon=A_WEEK + timedelta(hours=20))) == expected


def test_it_says_how_far_it_has_looked() -> None:
    found = difference(series(Frequency.MINUTELY), series(), SUNDAY, most=10)
    assert found.until == SUNDAY + timedelta(days=1, hours=8, minutes=9)
    assert len(found.removed) == 9
    assert found.added == ()


def test_dates_that_are_bent_have_their_notes() -> None:
    old = series(Frequency.MONTHLY, month_days=(28,), at="2027-01-28T09:00")
    new = series(Frequency.MONTHLY, month_days=(31,), at="2027-01-31T09:00", policies=Policies(MonthEnd.CLAMP))
    found = difference(old, new, datetime(2027, 2, 1, tzinfo=UTC), horizon=timedelta(days=60))
    assert [f"{each.local:%d %b}" for each in found.bent] == ["28 Feb"]
    assert sentences(found)[0] == "Added: Wed 31 Mar 2027, 09:00."
    assert sentences(found)[-1].startswith("Bent: Sun 28 Feb 2027, 09:00 (")


def test_it_is_said_in_english() -> None:
    found = difference(series(), series(weekdays=("Mon",), hours=(17,)), SUNDAY, horizon=2 * A_WEEK)
    gone, moved = sentences(found)
    assert gone.startswith("No longer: Tue 24 Nov 2026, 09:00, Wed 25 Nov 2026, 09:00, ")
    assert gone.endswith(" and 6 more.")
    assert moved == "Moved: Mon 23 Nov 2026, 09:00 to 17:00, Mon 30 Nov 2026, 09:00 to 17:00."
    assert sentences(difference(series(), series(), SUNDAY)) == ()


def all_day(**changes: Any) -> Series:
    return Series("Europe/Berlin", date(2026, 11, 23), Rule(Frequency.DAILY, **changes))


def test_days_are_said_without_times() -> None:
    monday_at_noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    found = difference(all_day(), all_day(weekdays=WORKDAYS), monday_at_noon, horizon=A_WEEK)
    assert sentences(found) == ("No longer: Sat 28 Nov 2026, Sun 29 Nov 2026.",)
    dropped = difference(all_day(), all_day(weekdays=("Sun",)), monday_at_noon, horizon=timedelta(hours=1))
    assert sentences(dropped) == ("No longer: Mon 23 Nov 2026.",), "today is not over"


def test_a_series_becomes_one_of_days() -> None:
    found = difference(series(), all_day(), SUNDAY, horizon=timedelta(hours=36))
    assert sentences(found) == ("Moved: Mon 23 Nov 2026, 09:00 to all day.",)
    back = difference(all_day(), series(), SUNDAY, horizon=timedelta(hours=36))
    assert sentences(back) == ("Moved: Mon 23 Nov 2026 to 09:00.",)


@given(
    st.sampled_from(list(Frequency)), st.integers(1, 9), st.sets(st.sampled_from(WORKDAYS)),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  it gets its zone
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_nothing_differs_from_itself(frequency: Frequency, interval: int, weekdays: set[str], now: datetime) -> None:
    try:
        mine = series(frequency, interval=interval, weekdays=tuple(sorted(weekdays)))
    except Rejected:
        reject()  # every seventh day from a Monday is no Tuesday
    assert difference(mine, mine, now).empty
