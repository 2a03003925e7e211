"""What an answer costs, in steps, which are the same on every machine; `make calendar-costs` hunts for time."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from taskbell.calendar import cron, rfc5545
from taskbell.calendar.expansion import MOST_STEPS, MOST_STEPS_TO_MAKE, Steps
from taskbell.calendar.rule import Fold, Gap, Policies
from taskbell.calendar.series import Series
from taskbell.errors import Rejected
from tests.calendar_costs import absurd

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, 9, 0)  # noqa: DTZ001  (wall clock)
TODAY = datetime(2026, 11, 25, 9, 0)  # noqa: DTZ001
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Meter:
    spent = 0

    def of(self, work: Callable[[], object]) -> int:
        before = self.spent
        work()
        return self.spent - before


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    meter, take = Meter(), Steps.take

    def measured(steps: Steps, number: int = 1) -> None:
        meter.spent += number
        take(steps, number)

    monkeypatch.setattr(Steps, "take", measured)
    return meter


def asked(mine: Series) -> None:
    """As a pass of the operator asks, and a page."""
    mine.next_after(NOW)
    mine.upcoming(NOW, 10)
    mine.last_until(NOW)
    mine.count_between(NOW - 31 * DAY, NOW)


MEANT = [
    pytest.param("FREQ=MINUTELY", 10, 100, id="every minute"),
    pytest.param("FREQ=MINUTELY;BYHOUR=9,17", 10, 100, id="every minute of two hours"),
    pytest.param("FREQ=MINUTELY;INTERVAL=7;BYHOUR=9", 10, 100, id="every seventh minute, of one hour"),
    pytest.param("FREQ=HOURLY;INTERVAL=7;BYDAY=MO,WE,FR", 10, 200, id="every seventh hour of three days a week"),
    pytest.param("FREQ=HOURLY;INTERVAL=3;BYMONTHDAY=-1;COUNT=10000", 2000, 200, id="ten thousand hours of last days"),
    pytest.param("FREQ=DAILY;COUNT=10000", 600, 100, id="ten thousand days"),
    pytest.param("FREQ=WEEKLY;BYDAY=MO,FR;COUNT=10000", 500, 100, id="ten thousand Mondays and Fridays"),
    pytest.param("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=10000", 3000, 100, id="ten thousand months"),
    pytest.param("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", 10, 200, id="leap days"),
    pytest.param("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", 60, 700, id="leap days that are Mondays"),
    pytest.param("0 0 29 2 1", 60, 100, id="cron's leap days"),
    pytest.param("*/5 9-17 * * Mon-Fri", 10, 100, id="cron's office hours"),
]


@pytest.mark.parametrize(("text", "to_make", "to_ask"), MEANT)
@pytest.mark.parametrize("bent", [Policies(), Policies(gap=Gap.SKIP, fold=Fold.BOTH)], ids=["", "bent"])
def test_what_a_person_means_costs_little_from_any_start(
    text: str, to_make: int, to_ask: int, bent: Policies, meter: Meter
) -> None:
    rule = rfc5545.parse(text) if "=" in text else cron.parse(text)
    made: list[Series] = []
    assert meter.of(lambda: made.append(Series("America/St_Johns", LONG_AGO, rule, bent))) <= to_make
    assert meter.of(lambda: asked(made[0])) <= to_ask


def test_hundreds_of_dates_beside_a_rule_that_is_told_apart_by_instants_cost_no_search(meter: Meter) -> None:
    dates = tuple(TODAY + number * HOUR for number in range(366))
    rule = rfc5545.parse("FREQ=HOURLY;INTERVAL=3374;BYHOUR=14,16,23;BYYEARDAY=1")
    made: list[Series] = []
    assert meter.of(lambda: made.append(Series("Etc/UTC", TODAY, rule, Policies(excluded=dates, added=dates)))) < 4000
    assert meter.of(lambda: made[0].count_between(NOW, NOW + 366 * DAY)) < 50


def test_a_desert_costs_the_same_every_time(meter: Meter) -> None:
    """It is remembered, so that it takes no time; an answer must not depend on what was asked before."""
    rule = rfc5545.parse("FREQ=HOURLY;INTERVAL=1461;BYMONTH=1,5,11;BYMONTHDAY=2,14;BYDAY=TU,TH,FR;BYMINUTE=53")
    mine = Series("Etc/UTC", datetime(2020, 7, 19, 19, 7), rule)  # noqa: DTZ001
    costs = [meter.of(lambda: mine.next_after(NOW)) for _ in range(3)]
    assert costs[0] == costs[1] == costs[2] > 1000


@pytest.mark.parametrize("seed", range(40))
def test_what_is_accepted_answers_within_its_budget(seed: int, meter: Meter) -> None:
    case, made = absurd(seed), list[Series]()

    def make() -> None:
        with suppress(Rejected):
            made.append(case.series())

    assert meter.of(make) <= MOST_STEPS_TO_MAKE + 100
    assert all(meter.of(partial(asked, mine)) <= 3 * MOST_STEPS for mine in made)
