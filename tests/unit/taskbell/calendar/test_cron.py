"""Cron as crontab(5) means it; `tests.calendar_oracle` compares generated expressions with brute force."""

from datetime import UTC, datetime

import pytest

from taskbell.calendar import cron, rfc5545
from taskbell.calendar.rule import Fold, Gap, Policies
from taskbell.calendar.series import Series
from taskbell.errors import Rejected

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ACCEPTED = [
    pytest.param("0 9 * * *", "2026-01-01T09:00 2026-01-02T09:00", id="every day"),
    pytest.param("*/20 8-9 * * *", "2026-01-01T08:00 2026-01-01T08:20 2026-01-01T08:40 2026-01-01T09:00", id="steps"),
    pytest.param(
        "10-30/10 9 * * *", "2026-01-01T09:10 2026-01-01T09:20 2026-01-01T09:30 2026-01-02T09:10", id="ranges"
    ),
    pytest.param("0 9 * * 0", "2026-01-04T09:00 2026-01-11T09:00", id="0 is Sunday"),
    pytest.param("0 9 * * 7", "2026-01-04T09:00 2026-01-11T09:00", id="7 is Sunday"),
    pytest.param(
        "0 9 * * Fri-Sun", "2026-01-02T09:00 2026-01-03T09:00 2026-01-04T09:00", id="names, over the week's end"
    ),
    pytest.param("0 9 1 JAN,mar *", "2026-01-01T09:00 2026-03-01T09:00 2027-01-01T09:00", id="names of months"),
    pytest.param("0 0 13 * Fri", "2026-01-02T00:00 2026-01-09T00:00 2026-01-13T00:00", id="either day will do"),
    pytest.param(
        "0 0 */2 * Fri", "2026-01-09T00:00 2026-01-23T00:00 2026-02-13T00:00", id="a star with a step is a star"
    ),
    pytest.param("0 0 13 * *", "2026-01-13T00:00 2026-02-13T00:00", id="the 13th alone"),
    pytest.param("0 0 29 2 *", "2028-02-29T00:00 2032-02-29T00:00", id="leap days"),
    pytest.param("0 0 29 2 1", "2026-02-02T00:00 2026-02-09T00:00", id="leap days or Mondays in February"),
    pytest.param("  @daily ", "2026-01-02T00:00", id="@daily"),
    pytest.param("@WEEKLY", "2026-01-04T00:00 2026-01-11T00:00", id="@weekly"),
    pytest.param("@monthly", "2026-02-01T00:00", id="@monthly"),
    pytest.param("@yearly", "2027-01-01T00:00", id="@yearly"),
    pytest.param("@annually", "2027-01-01T00:00", id="@annually"),
    pytest.param("@midnight", "2026-01-02T00:00", id="@midnight"),
    pytest.param("@hourly", "2026-01-01T01:00 2026-01-01T02:00", id="@hourly"),
]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(("text", "wanted"), ACCEPTED)
def test_when_it_occurs(text: str, wanted: str) -> None:
    mine = Series("Etc/UTC", local("2026-01-01T00:30"), cron.parse(text))
    times = wanted.split()
    assert [f"{each.local:%Y-%m-%dT%H:%M}" for each in mine.upcoming(LONG_AGO, len(times))] == times


REFUSED = [
    pytest.param("0 9 * *", "InvalidRule", "has 4 fields", id="four fields"),
    pytest.param("0 0 9 * * *", "InvalidRule", "has 6 fields", id="seconds"),
    pytest.param("", "InvalidRule", "has 0 fields", id="nothing"),
    pytest.param("60 9 * * *", "InvalidRule", "from 0 to 59", id="minute 60"),
    pytest.param("0 24 * * *", "InvalidRule", "from 0 to 23", id="hour 24"),
    pytest.param("0 9 0 * *", "InvalidRule", "from 1 to 31", id="day 0"),
    pytest.param("0 9 * 13 *", "InvalidRule", "from 1 to 12, or jan", id="month 13"),
    pytest.param("0 9 * * 8", "InvalidRule", "from 0 to 7, or mon", id="weekday 8"),
    pytest.param("0 9 * * Funday", "InvalidRule", "'Funday'", id="no weekday"),
    pytest.param("0 9 * * mon-", "InvalidRule", "write *, a number", id="half a range"),
    pytest.param("0 9,,10 * * *", "InvalidRule", "write *, a number", id="a list with a hole"),
    pytest.param("0 17-9 * * *", "InvalidRule", "runs backwards", id="a range backwards"),
    pytest.param("*/0 * * * *", "InvalidRule", "from 1 on", id="step 0"),
    pytest.param("*/x * * * *", "InvalidRule", "from 1 on", id="a step that is no number"),
    pytest.param("5/15 * * * *", "InvalidRule", "5-59/15", id="a step without a range"),
    pytest.param("-1 * * * *", "InvalidRule", "write *, a number", id="a negative minute"),
    pytest.param("\u0663 * * * *", "InvalidRule", "from 0 to 59", id="Arabic digits"),
    pytest.param("@fortnightly", "InvalidRule", "@daily", id="no macro"),
    pytest.param("@reboot", "UnsupportedPart", "no machine that starts", id="@reboot"),
    pytest.param("0 9 ? * *", "UnsupportedPart", "write * in its place", id="Quartz's ?"),
    pytest.param("0 9 L * *", "UnsupportedPart", "BYMONTHDAY=-1", id="the last day"),
    pytest.param("0 9 * * 5L", "UnsupportedPart", "BYDAY=-1FR", id="the last Friday"),
    pytest.param("0 9 15W * *", "UnsupportedPart", "BYSETPOS=-1", id="the nearest weekday"),
    pytest.param("0 9 * * 2#2", "UnsupportedPart", "BYDAY=2TU", id="the second Tuesday"),
]


@pytest.mark.parametrize(("text", "reason", "part_of_sentence"), REFUSED)
def test_what_is_refused_says_what_to_write(text: str, reason: str, part_of_sentence: str) -> None:
    with pytest.raises(Rejected) as refusal:
        cron.parse(text)
    assert refusal.value.reason == reason
    assert refusal.value.message.startswith("recurrence.cron has ")
    assert part_of_sentence in refusal.value.message


def test_the_30th_of_february_never_occurs() -> None:
    with pytest.raises(Rejected) as refusal:
        Series("Etc/UTC", local("2026-01-01T00:00"), cron.parse("0 0 30 2 *"))
    assert refusal.value.reason == "NeverOccurs"


@pytest.mark.parametrize("text", ["0 9 * * 1-5", "*/15 * * * *", "0 */6 1 * *", "30 8 1,15 6 *", "0 0 * * *"])
def test_one_that_needs_both_days_is_a_rule_of_rfc_5545(text: str) -> None:
    rule = cron.as_rule(cron.parse(text))
    assert rule is not None
    start, zone = local("2026-03-20T00:30"), "Europe/Berlin"
    mine = Series(zone, start, cron.parse(text))
    written = Series(zone, start, rfc5545.parse(rfc5545.render(rule, mine.zone)))
    assert mine.upcoming(LONG_AGO, 800) == written.upcoming(LONG_AGO, 800)


def test_one_that_needs_either_day_is_none() -> None:
    assert cron.as_rule(cron.parse("0 0 13 * Fri")) is None


CLOCKS = [
    pytest.param("30 2 * * *", Policies(), "00:30Z", id="the end of summer time fires once by default"),
    pytest.param("30 2 * * *", Policies(fold=Fold.BOTH), "00:30Z 01:30Z", id="or twice, if asked"),
    pytest.param("0 * * * *", Policies(), "00:00Z 01:00Z", id="every hour runs through both"),
]


@pytest.mark.parametrize(("text", "policies", "wanted"), CLOCKS)
def test_where_the_clocks_go_back(text: str, policies: Policies, wanted: str) -> None:
    mine = Series("Europe/Berlin", local("2026-01-01T00:00"), cron.parse(text), policies)
    night = mine.between(datetime(2026, 10, 24, 23, 59, tzinfo=UTC), datetime(2026, 10, 25, 1, 59, tzinfo=UTC))
    assert " ".join(f"{each.at:%H:%MZ}" for each in night) == wanted


def test_where_the_clocks_go_forward() -> None:
    start, begin = local("2026-01-01T00:00"), datetime(2026, 3, 28, 12, tzinfo=UTC)
    later = Series("Europe/Berlin", start, cron.parse("30 2 * * *")).upcoming(begin, 1)[0]
    assert (later.local, later.at.hour) == (local("2026-03-29T02:30"), 1)
    assert later.note == "the clocks are put forward: 02:30 does not exist, so it is at 03:30"
    skipping = Series("Europe/Berlin", start, cron.parse("30 2 * * *"), Policies(gap=Gap.SKIP)).upcoming(begin, 1)[0]
    assert skipping.local == local("2026-03-30T02:30")
