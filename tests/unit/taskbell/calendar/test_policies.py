"""What is added, excluded and overridden; all-day series; ends; what is counted, found and noted."""

from datetime import UTC, date, datetime, timedelta

import pytest

from taskbell.calendar import completion, cron, expansion, rfc5545
from taskbell.calendar.rule import Cron, Fold, Frequency, Gap, MonthEnd, Override, Policies, Rule
from taskbell.calendar.series import Series
from taskbell.errors import Rejected

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
DAILY, WEEKLY = Rule(Frequency.DAILY), Rule(Frequency.WEEKLY)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


MONDAY = local("2026-11-23T09:00")


def days(mine: Series, number: int = 6) -> str:
    return " ".join(f"{each.local:%d}" for each in mine.upcoming(LONG_AGO, number))


def refused(start: datetime | date, rule: Rule, policies: Policies) -> str:
    with pytest.raises(Rejected) as refusal:
        Series(BERLIN, start, rule, policies)
    return f"{refusal.value.reason}: {refusal.value.message}"


# Added and excluded

DATES = [
    pytest.param(
        Policies(excluded=(local("2026-11-24T09:00"),)), "23 25 26 27 28 29", id="an excluded date is left out"
    ),
    pytest.param(Policies(excluded=(local("2026-11-24T10:00"),)), "23 24 25 26 27 28", id="one that never was is not"),
    pytest.param(
        Policies(added=(local("2026-11-24T10:00"),)), "23 24 24 25 26 27", id="an added date comes in between"
    ),
    pytest.param(
        Policies(added=(local("2026-11-24T09:00"),)), "23 24 25 26 27 28", id="what occurs anyway occurs once"
    ),
    pytest.param(
        Policies(added=(local("2026-11-20T09:00"),)), "20 23 24 25 26 27", id="an added date may precede start"
    ),
    pytest.param(
        Policies(added=(local("2026-11-24T10:00"),), excluded=(local("2026-11-24T10:00"),)),
        "23 24 25 26 27 28",
        id="exclusions beat additions",
    ),
]


@pytest.mark.parametrize(("policies", "wanted"), DATES)
def test_dates_added_and_excluded(policies: Policies, wanted: str) -> None:
    assert days(Series(BERLIN, MONDAY, DAILY, policies)) == wanted


def test_a_count_counts_before_exclusions() -> None:
    three = Rule(Frequency.DAILY, count=3)
    assert days(Series(BERLIN, MONDAY, three, Policies(excluded=(local("2026-11-24T09:00"),)))) == "23 25"


def test_exclusions_only_remove() -> None:
    excluded = tuple(MONDAY + timedelta(days=n) for n in (1, 5, 9, 400))
    plain, mine = Series(BERLIN, MONDAY, DAILY), Series(BERLIN, MONDAY, DAILY, Policies(excluded=excluded))
    window = instant("2026-01-01T00:00Z"), instant("2028-01-01T00:00Z")
    left = [each for each in plain.between(*window) if each.local not in excluded]
    assert list(mine.between(*window)) == left
    assert mine.count_between(*window) == len(left)


def test_an_hourly_series_excludes_by_the_instant() -> None:
    """02:00 does not exist that night; at its instant the clocks show 03:00."""
    hourly = Policies(excluded=(local("2026-03-29T02:00"),))
    mine = Series(BERLIN, local("2026-03-29T00:00"), Rule(Frequency.HOURLY), hourly)
    assert [each.local.hour for each in mine.upcoming(LONG_AGO, 4)] == [0, 1, 4, 5]


def test_when_nothing_is_left_it_is_refused() -> None:
    twice = Rule(Frequency.DAILY, count=2)
    excluded = (MONDAY, MONDAY + timedelta(days=1))
    assert refused(MONDAY, twice, Policies(excluded=excluded)).startswith(
        "EverythingExcluded: excludedDates leave nothing"
    )
    added = Policies(excluded=excluded, added=(local("2026-12-24T18:00"),))
    assert days(Series(BERLIN, MONDAY, twice, added)) == "24"


def test_nothing_occurs_after_the_end_whatever_its_source() -> None:
    policies = Policies(added=(local("2026-12-24T18:00"),), ends_at=instant("2026-11-25T08:00Z"))
    mine = Series(BERLIN, MONDAY, DAILY, policies)
    assert days(mine) == "23 24 25"
    assert mine.find(local("2026-12-24T18:00")) is None
    latest = mine.last_until(instant("2027-01-01T00:00Z"))
    assert latest
    assert latest.local == local("2026-11-25T09:00")
    assert mine.count_between(LONG_AGO, instant("2027-01-01T00:00Z")) == 3


def test_added_times_that_do_not_exist_or_exist_twice_follow_the_policies() -> None:
    """The gap's is left out, the fold's comes twice."""
    dates = local("2026-03-29T02:30"), local("2026-10-25T02:30")
    policies = Policies(gap=Gap.SKIP, fold=Fold.BOTH, added=dates)
    mine = Series(BERLIN, local("2026-01-01T09:00"), Rule(Frequency.YEARLY), policies)
    assert [(each.local.month, each.fold) for each in mine.upcoming(LONG_AGO, 4)] == [(1, 0), (10, 0), (10, 1), (1, 0)]


# Overrides


def test_an_override_skips_moves_or_leaves_the_date_alone() -> None:
    overrides = (
        Override(local("2026-11-24T09:00"), skipped=True),
        Override(local("2026-11-25T09:00"), moved_to=local("2026-11-25T14:30")),
        Override(local("2026-11-26T09:00")),
    )
    mine = Series(BERLIN, MONDAY, DAILY, Policies(overrides=overrides))
    assert days(mine) == "23 25 26 27 28 29"
    moved = mine.find(local("2026-11-25T09:00"))
    assert moved is not None
    assert moved.at == instant("2026-11-25T13:30Z")
    assert mine.noted(moved).note == "moved from 2026-11-25T09:00 to 2026-11-25T14:30"
    assert mine.find(local("2026-11-24T09:00")) is None
    assert mine.unmatched == ()
    following = mine.next_after(instant("2026-11-25T08:30Z"), local=local("2026-11-25T09:00"))
    assert following
    assert following.local == local("2026-11-26T09:00")
    assert mine.last_until(instant("2026-11-25T13:00Z")) == mine.find(local("2026-11-23T09:00"))


def test_an_override_of_nothing_is_reported() -> None:
    nothing = Override(local("2026-11-24T10:00"), skipped=True), Override(local("2020-01-01T09:00"), moved_to=MONDAY)
    mine = Series(BERLIN, MONDAY, DAILY, Policies(overrides=nothing))
    assert mine.unmatched == nothing
    assert days(mine) == "23 24 25 26 27 28"


TOO_FAR = [
    pytest.param("2026-11-25T09:00", id="onto its neighbour"),
    pytest.param("2026-11-26T09:00", id="past it"),
    pytest.param("2026-11-23T08:00", id="before the one before"),
]


@pytest.mark.parametrize("place", TOO_FAR)
def test_an_occurrence_stays_between_its_neighbours(place: str) -> None:
    moved = Override(local("2026-11-24T09:00"), moved_to=local(place))
    assert refused(MONDAY, DAILY, Policies(overrides=(moved,))).startswith("MovedTooFar: overrides move")


def test_two_moved_ones_do_not_pass_each_other() -> None:
    one = Override(local("2026-11-24T09:00"), moved_to=local("2026-11-25T08:00"))
    other = Override(local("2026-11-25T09:00"), moved_to=local("2026-11-24T10:00"))
    assert refused(MONDAY, DAILY, Policies(overrides=(one, other))).startswith("MovedTooFar")


# All-day series


def test_an_all_day_series_has_midnights_and_month_ends() -> None:
    mine = Series(BERLIN, date(2026, 1, 31), Rule(Frequency.MONTHLY), Policies(month_end=MonthEnd.CLAMP))
    assert mine.all_day
    found = mine.upcoming(LONG_AGO, 3)
    assert [each.local for each in found] == [local(f"2026-{day}T00:00") for day in ("01-31", "02-28", "03-31")]
    assert found[1].note == "the day asked for does not exist, so it is on 2026-02-28, the last one before it"
    assert mine.next_after(instant("2026-03-30T22:00Z")) != found[2], "a day that has begun is not ahead"


NOT_ALL_DAY = [
    pytest.param(Rule(Frequency.HOURLY), Policies(), "times of the day", id="hourly"),
    pytest.param(Rule(Frequency.DAILY, hours=(9,)), Policies(), "times of the day", id="hours"),
    pytest.param(
        Rule(Frequency.DAILY, until_at=instant("2027-01-01T00:00Z")), Policies(), "UNTIL=20301231", id="until"
    ),
    pytest.param(DAILY, Policies(gap=Gap.SKIP), "dst concerns", id="dst"),
    pytest.param(DAILY, Policies(excluded=(MONDAY,)), "to be dates too", id="an excluded time"),
    pytest.param(
        DAILY, Policies(overrides=(Override(local("2026-11-24T00:00"), moved_to=MONDAY),)), "to be dates", id="moved"
    ),
]


@pytest.mark.parametrize(("rule", "policies", "part_of_sentence"), NOT_ALL_DAY)
def test_an_all_day_series_has_no_times(rule: Rule, policies: Policies, part_of_sentence: str) -> None:
    said = refused(date(2026, 11, 23), rule, policies)
    assert said.startswith("InvalidRule: recurrence cannot be that of an all-day series")
    assert part_of_sentence in said


def test_cron_is_not_all_day() -> None:
    with pytest.raises(Rejected, match="times of the day"):
        Series(BERLIN, date(2026, 11, 23), cron.parse("@daily"))


# After completion


def after_completion(rule: Rule, closed_at: str, sequence: int = 1, month_end: MonthEnd = MonthEnd.SKIP) -> str | None:
    start, closed = local("2026-01-31T09:00"), instant(closed_at)
    found = completion.next_after(BERLIN, start, rule, month_end, closed_at=closed, sequence=sequence)
    return f"{found.local:%Y-%m-%dT%H:%M:%S}" if found else None


COMPLETED = [
    pytest.param(Rule(Frequency.DAILY, 3), "2026-02-10T22:30Z", "2026-02-13T09:00:00", id="days, at the start's hour"),
    pytest.param(Rule(Frequency.DAILY), "2026-02-10T23:30Z", "2026-02-12T09:00:00", id="counted from the local date"),
    pytest.param(Rule(Frequency.WEEKLY, 2), "2026-02-10T08:00Z", "2026-02-24T09:00:00", id="weeks"),
    pytest.param(Rule(Frequency.MONTHLY), "2026-03-31T08:00Z", "2026-05-31T09:00:00", id="a month without the day"),
    pytest.param(Rule(Frequency.YEARLY), "2028-02-29T08:00Z", "2032-02-29T09:00:00", id="a leap day"),
    pytest.param(Rule(Frequency.HOURLY, 6), "2026-03-29T00:10:20Z", "2026-03-29T08:10:00", id="hours are exact"),
    pytest.param(Rule(Frequency.MINUTELY, 90), "2026-02-10T08:00Z", "2026-02-10T10:30:00", id="minutes are exact"),
    pytest.param(Rule(Frequency.DAILY, count=3), "2026-02-10T08:00Z", "2026-02-11T09:00:00", id="not yet the last"),
    pytest.param(
        Rule(Frequency.DAILY, until=local("2026-02-11T09:00")), "2026-02-10T08:00Z", "2026-02-11T09:00:00", id="until"
    ),
    pytest.param(Rule(Frequency.DAILY, until=local("2026-02-11T08:59")), "2026-02-10T08:00Z", None, id="past until"),
    pytest.param(
        Rule(Frequency.DAILY, until_at=instant("2026-02-11T07:59Z")), "2026-02-10T08:00Z", None, id="past the instant"
    ),
]


@pytest.mark.parametrize(("rule", "closed_at", "wanted"), COMPLETED)
def test_after_completion(rule: Rule, closed_at: str, wanted: str | None) -> None:
    assert after_completion(rule, closed_at) == wanted


def test_hours_after_completion_are_exact_and_known_by_the_minute() -> None:
    start, closed_at = local("2026-01-31T09:00"), instant("2026-03-29T00:10:20.5Z")
    found = completion.next_after(
        BERLIN, start, Rule(Frequency.HOURLY, 6), MonthEnd.SKIP, closed_at=closed_at, sequence=1
    )
    assert found is not None
    assert (found.local, found.at) == (local("2026-03-29T08:10"), instant("2026-03-29T06:10:20.5Z"))


def test_after_completion_a_count_counts_sequences_and_a_month_end_can_be_clamped() -> None:
    assert after_completion(Rule(Frequency.DAILY, count=3), "2026-02-10T08:00Z", sequence=3) is None
    monthly = Rule(Frequency.MONTHLY)
    assert after_completion(monthly, "2026-03-31T08:00Z", month_end=MonthEnd.CLAMP) == "2026-04-30T09:00:00"


@pytest.mark.parametrize("rule", [Rule(Frequency.WEEKLY, weekdays=("Mon",)), Rule(Frequency.DAILY, hours=(9,))])
def test_after_completion_chooses_no_days(rule: Rule) -> None:
    with pytest.raises(Rejected, match="keep frequency, interval, count or until"):
        after_completion(rule, "2026-02-10T08:00Z")


def test_hours_after_completion_need_a_time() -> None:
    with pytest.raises(Rejected, match="give start a time"):
        completion.refuse(Rule(Frequency.HOURLY), date(2026, 1, 1))


# Bounds, and RFC 5545's text

COSTLY = [
    pytest.param("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "NeverOccurs", id="the 30th of February"),
    pytest.param("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "NeverOccurs", id="every seventh day is a Monday"),
    pytest.param("FREQ=HOURLY;INTERVAL=168;BYDAY=SA", "NeverOccurs", id="every 168th hour is a Monday"),
    pytest.param("FREQ=HOURLY;INTERVAL=168;BYDAY=TU", "NeverOccurs", id="every 168th hour is a Monday still"),
    pytest.param("FREQ=HOURLY;INTERVAL=28;BYDAY=FR", "NeverOccurs", id="every 28th hour leaves out Fridays"),
    pytest.param("FREQ=MINUTELY;BYDAY=MO;BYSETPOS=2", "NeverOccurs", id="the second moment of a minute"),
    pytest.param("FREQ=HOURLY;INTERVAL=2;BYHOUR=8", "NeverOccurs", id="odd hours only"),
    pytest.param("FREQ=MINUTELY;INTERVAL=1440;BYHOUR=8", "NeverOccurs", id="always at 09:00"),
]


@pytest.mark.parametrize(("text", "reason"), COSTLY)
def test_what_cannot_be_answered_is_refused_by_counted_steps(text: str, reason: str) -> None:
    with pytest.raises(Rejected) as refusal:
        Series(NEW_YORK, MONDAY, rfc5545.parse(text))
    assert refusal.value.reason == reason


def test_steps_of_more_than_a_year_end_with_the_calendar() -> None:
    """One step past its last day is a date that there is not."""
    rule = rfc5545.parse("FREQ=HOURLY;INTERVAL=9801;BYMONTH=1,2,3;BYDAY=MO,TU")
    mine = Series("Etc/UTC", MONDAY, rule)
    late = mine.between(instant("9900-01-01T00:00Z"), instant("9998-12-30T00:00Z"))
    assert mine.next_after(late[-1].at) is None
    assert mine.last_until(instant("9998-12-30T00:00Z")) == late[-1]


GAPS_ALONE = [
    pytest.param(BERLIN, "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;BYHOUR=2;BYMINUTE=0,30", id="every year"),
    pytest.param(BERLIN, "FREQ=YEARLY;INTERVAL=3;BYMONTH=3;BYDAY=-1SU;BYHOUR=2;BYMINUTE=0,30", id="every third year"),
    pytest.param(NEW_YORK, "FREQ=DAILY;BYMONTH=3;BYDAY=SU;BYMONTHDAY=8,9,10,11,12,13,14;BYHOUR=2", id="by its days"),
    pytest.param(NEW_YORK, "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU;BYHOUR=2;COUNT=3", id="three of them"),
]


@pytest.mark.parametrize(("zone", "text"), GAPS_ALONE)
def test_what_asks_for_gaps_alone_never_occurs_where_gaps_are_left_out(zone: str, text: str) -> None:
    rule = rfc5545.parse(text)
    with pytest.raises(Rejected) as refusal:
        Series(zone, MONDAY, rule, Policies(gap=Gap.SKIP))
    assert refusal.value.reason == "NeverOccurs"
    assert "do not exist" in refusal.value.message
    assert Series(zone, MONDAY, rule).next_after(instant("2027-01-01T00:00Z")), "where they are put later it does"


def test_gaps_of_some_years_leave_the_others() -> None:
    """The 28th of March is a last Sunday in 2027, and in no other year before 2032."""
    mine = Series(BERLIN, MONDAY, rfc5545.parse("FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=28;BYHOUR=2"), Policies(gap=Gap.SKIP))
    assert [each.local.year for each in mine.upcoming(instant("2026-12-01T00:00Z"), 3)] == [2028, 2029, 2030]


def test_a_query_has_a_budget() -> None:
    steps = expansion.Steps(2)
    steps.take(2)
    with pytest.raises(Rejected, match="too costly"):
        steps.take()


@pytest.mark.parametrize("moment", ["0001-01-05T00:00+00:00", "9999-12-31T23:00+00:00"])
def test_the_ends_of_the_calendar_are_no_errors(moment: str) -> None:
    at = datetime.fromisoformat(moment)
    mine = Series(NEW_YORK, MONDAY, DAILY)
    assert (mine.next_after(at) is None) == (at.year == 9999)
    assert (mine.last_until(at) is None) == (at.year == 1)
    assert mine.count_between(at, at) == 0


def test_an_rrule_can_be_said_again() -> None:
    days = "BYMONTH=1,2;BYDAY=2TU,-1FR;BYHOUR=9;BYMINUTE=30"
    text = f"FREQ=YEARLY;INTERVAL=2;UNTIL=20301231T090000Z;{days};BYSETPOS=1;WKST=SU"
    mine = Series(BERLIN, MONDAY, rfc5545.parse(text))
    assert isinstance(mine.rule, Rule)
    assert rfc5545.render(mine.rule, mine.zone) == text


def test_a_local_end_is_said_as_its_instant() -> None:
    rule = rfc5545.parse("FREQ=DAILY;UNTIL=20301231")
    assert rule.until == local("2030-12-31T23:59")
    zone = Series(BERLIN, MONDAY, rule).zone
    assert rfc5545.render(rule, zone) == "FREQ=DAILY;UNTIL=20301231T225900Z"


ON_THE_31ST = Rule(Frequency.MONTHLY, month_days=(31,))
UNSAID = [
    pytest.param(DAILY, Policies(), None, id="plain"),
    pytest.param(DAILY, Policies(month_end=MonthEnd.CLAMP), None, id="a month's end that never matters"),
    pytest.param(ON_THE_31ST, Policies(month_end=MonthEnd.CLAMP), "SKIP=BACKWARD", id="monthEnd"),
    pytest.param(DAILY, Policies(excluded=(MONDAY,)), "EXDATE", id="excludedDates"),
    pytest.param(DAILY, Policies(added=(MONDAY + timedelta(hours=1),)), "RDATE", id="additionalDates"),
    pytest.param(DAILY, Policies(overrides=(Override(MONDAY, skipped=True),)), "RECURRENCE-ID", id="overrides"),
    pytest.param(DAILY, Policies(gap=Gap.SKIP), "dst.gap", id="gap"),
    pytest.param(DAILY, Policies(fold=Fold.BOTH), "dst.fold", id="fold"),
    pytest.param(cron.parse("0 9 13 * Fri"), Policies(), "one of two days", id="cron of either day"),
    pytest.param(
        Rule(Frequency.DAILY, count=3), Policies(ends_at=instant("2030-01-01T00:00Z")), "COUNT and UNTIL", id="two ends"
    ),
]


@pytest.mark.parametrize(("rule", "policies", "why"), UNSAID)
def test_why_an_rrule_cannot_say_it(rule: Rule | Cron, policies: Policies, why: str | None) -> None:
    written = rfc5545.written(Series(BERLIN, MONDAY, rule, policies))
    assert (written.rrule is None) is (why is not None)
    assert (why or "") in (written.why_not or "")
