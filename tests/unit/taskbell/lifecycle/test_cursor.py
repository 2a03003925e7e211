"""The one successor of an occurrence, whoever computes it."""

from datetime import UTC, datetime, timedelta

import pytest

from taskbell.lifecycle.cursor import advance, calendar_of, closed_cursor
from taskbell.lifecycle.testing import cursor, schedule, standing_at
from taskbell.resources import Cursor, OccurrenceRef, Outcome, Phase, TaskSchedule

MONDAY_NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MONDAY_EARLY = MONDAY_NINE - timedelta(minutes=30)
THURSDAY_TEN = MONDAY_NINE + timedelta(days=3, hours=1)

DAILY = schedule()
FIRST = cursor(DAILY)
EVERY = schedule(missed={"policy": "All"})
LATER = schedule(start="2026-11-23T18:00")

ADVANCES = [
    pytest.param(DAILY, FIRST, MONDAY_EARLY, "2 Tue 09:00", id="closed early: the next after the occurrence"),
    pytest.param(DAILY, FIRST, MONDAY_NINE, "2 Tue 09:00", id="closed on time"),
    pytest.param(DAILY, FIRST, THURSDAY_TEN, "2 Fri 09:00", id="closed late: the next lies in the future"),
    pytest.param(EVERY, FIRST, THURSDAY_TEN, "2 Tue 09:00", id="missed: All: the next after the occurrence alone"),
    pytest.param(
        schedule(advance="AfterCompletion", recurrence={"frequency": "Daily", "interval": 3}),
        FIRST,
        THURSDAY_TEN,
        "2 Sun 09:00",
        id="AfterCompletion: three days after it was closed, at the start's time",
    ),
    pytest.param(
        schedule(advance="AfterCompletion", recurrence={"frequency": "Hourly", "interval": 5}),
        FIRST,
        THURSDAY_TEN,
        "2 Thu 15:00",
        id="AfterCompletion: five hours after it was closed",
    ),
    pytest.param(
        schedule(advance="AfterCompletion", recurrence={"frequency": "Hourly", "interval": 5}),
        FIRST,
        THURSDAY_TEN + timedelta(seconds=33, microseconds=5),
        "2 Thu 15:00",
        id="AfterCompletion: five hours after it was closed in the middle of a minute",
    ),
    pytest.param(
        schedule(advance="AfterCompletion", recurrence={"frequency": "Daily", "count": 1}),
        FIRST,
        MONDAY_NINE,
        None,
        id="AfterCompletion: as many as count says",
    ),
    pytest.param(
        schedule(overrides=[{"occurrence": "2026-11-24T09:00", "skip": True}]),
        FIRST,
        MONDAY_NINE,
        "2 Wed 09:00",
        id="one that an override skips is passed over",
    ),
    pytest.param(LATER, FIRST, MONDAY_NINE, "2 Tue 18:00", id="after an edit the same day never occurs twice"),
    pytest.param(LATER, FIRST, THURSDAY_TEN, "2 Thu 18:00", id="after an edit another day's may come at once"),
    pytest.param(schedule(endsAt="2026-11-24T08:00:00Z"), FIRST, MONDAY_NINE, "2 Tue 09:00", id="endsAt is inclusive"),
    pytest.param(schedule(endsAt="2026-11-24T07:59:59Z"), FIRST, MONDAY_NINE, None, id="nothing after endsAt"),
    pytest.param(
        schedule(recurrence={"frequency": "Daily", "until": "2026-11-23T09:00"}),
        FIRST,
        MONDAY_NINE,
        None,
        id="exhausted",
    ),
]


@pytest.mark.parametrize(("of", "at", "closed_at", "expected"), ADVANCES)
def test_advance(of: TaskSchedule, at: Cursor, closed_at: datetime, expected: str | None) -> None:
    found = advance(of, at, closed_at)
    assert (f"{found.sequence} {found.local:%a %H:%M}" if found else None) == expected
    if found:
        assert (found.phase, found.calendar, found.closed_at) == (Phase.PENDING, calendar_of(of.spec), None)


HASH = [
    pytest.param(schedule(start="2026-11-23T10:00"), True, id="the start"),
    pytest.param(schedule(timeZone="Etc/UTC"), True, id="the zone"),
    pytest.param(schedule(recurrence={"frequency": "Weekly"}), True, id="the recurrence"),
    pytest.param(schedule(endsAt="2026-12-24T10:00:00Z"), False, id="not endsAt"),
    pytest.param(schedule(suspend=True), False, id="not suspend"),
    pytest.param(schedule(missed={"policy": "All"}), False, id="not what becomes of missed ones"),
    pytest.param(schedule(task={"title": "Sit-down"}), False, id="not the template"),
    pytest.param(schedule(overrides=[{"occurrence": "2026-11-24T09:00", "skip": True}]), True, id="an override's skip"),
    pytest.param(
        schedule(overrides=[{"occurrence": "2026-11-24T09:00", "moveTo": "2026-11-24T12:00"}]), True, id="its move"
    ),
    pytest.param(
        schedule(overrides=[{"occurrence": "2026-11-24T09:00", "task": {"title": "x"}}]), False, id="not its template"
    ),
    pytest.param(schedule(advance="AfterCompletion"), True, id="how it goes on"),
]


@pytest.mark.parametrize(("other", "differs"), HASH)
def test_what_decides_dates(other: TaskSchedule, differs: bool) -> None:
    assert (calendar_of(other.spec) != calendar_of(DAILY.spec)) is differs


def ref(at: Cursor) -> OccurrenceRef:
    return OccurrenceRef(schedule="standup", sequence=at.sequence, local=at.local, fold=at.fold, at=at.at)


SECOND = cursor(DAILY, 2)
CANCELLED = cursor(DAILY, phase=Phase.CLOSED, outcome=Outcome.CANCELLED)
KNOWN = calendar_of(DAILY.spec)

CLOSED = [
    pytest.param(standing_at(DAILY, FIRST), FIRST, KNOWN, id="the cursor stands at it"),
    pytest.param(standing_at(DAILY, FIRST), SECOND, "", id="the cursor lags behind: its calendar is unknown"),
    pytest.param(standing_at(DAILY, None), FIRST, "", id="there is no cursor: its calendar is unknown"),
    pytest.param(
        standing_at(DAILY, FIRST), cursor(DAILY, 1, days=2), "", id="it was moved and not noted: calendar unknown"
    ),
    pytest.param(standing_at(DAILY, SECOND), FIRST, None, id="the cursor stands further on"),
    pytest.param(standing_at(DAILY, CANCELLED), FIRST, None, id="it was cancelled"),
]


@pytest.mark.parametrize(("of", "occurrence", "calendar"), CLOSED)
def test_where_an_event_says_to_advance_from(of: TaskSchedule, occurrence: Cursor, calendar: str | None) -> None:
    found = closed_cursor(of, ref(occurrence))
    assert (found.calendar if found else None) == calendar
    if found:
        assert (found.sequence, found.local, found.phase) == (occurrence.sequence, occurrence.local, Phase.CLOSED)


def test_an_unknown_calendar_costs_no_occurrence() -> None:
    unknown = FIRST.model_copy(update={"calendar": ""})
    assert advance(DAILY, unknown, MONDAY_NINE) == advance(DAILY, FIRST, MONDAY_NINE)
