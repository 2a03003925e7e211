"""Reminder offsets: one canonical text each, nominal in days, exact below."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskbell.calendar import offsets
from taskbell.errors import Rejected

BERLIN = ZoneInfo("Europe/Berlin")
AFTER_SPRING = datetime(2026, 3, 29, 10, 0, tzinfo=UTC)
"""Noon on the day on which summer time begins."""

CANONICAL = [
    pytest.param("PT15M", "PT15M", id="minutes"),
    pytest.param("PT90M", "PT1H30M", id="minutes become hours"),
    pytest.param("PT60M", "PT1H", id="sixty minutes are an hour"),
    pytest.param("PT24H", "PT24H", id="hours never become days"),
    pytest.param("P1W", "P7D", id="weeks are days"),
    pytest.param("P1DT2H", "P1DT2H", id="days and hours"),
    pytest.param("P01D", "P1D", id="leading zeros"),
    pytest.param("-PT1H", "-PT1H", id="after it is due"),
    pytest.param("-PT0M", "PT0M", id="nothing has no sign"),
    pytest.param("P0D", "PT0M", id="no days are nothing"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_the_canonical_text(text: str, canonical: str) -> None:
    assert str(offsets.parse(text)) == canonical
    assert str(offsets.parse(canonical)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "1D",
        "P1M",
        "P1Y",
        "PT1S",
        "P1W2D",
        "PT1H1D",
        "P1DT",
        "--P1D",
        "P10000D",
        "PT1H60M",
        "PT15M ",
        "pt15m",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        offsets.parse(text)


BEFORE = [
    pytest.param("P1D", datetime(2026, 3, 28, 11, 0, tzinfo=UTC), id="a day keeps the wall clock"),
    pytest.param("PT24H", datetime(2026, 3, 28, 10, 0, tzinfo=UTC), id="24 hours do not"),
    pytest.param("P1DT1H", datetime(2026, 3, 28, 10, 0, tzinfo=UTC), id="first the days, then the hours"),
    pytest.param("-P1D", datetime(2026, 3, 30, 10, 0, tzinfo=UTC), id="a day after"),
    pytest.param("-PT15M", datetime(2026, 3, 29, 10, 15, tzinfo=UTC), id="minutes after"),
    pytest.param("PT0M", AFTER_SPRING, id="at the due time itself"),
]


@pytest.mark.parametrize(("text", "at"), BEFORE)
def test_the_instant(text: str, at: datetime) -> None:
    assert offsets.parse(text).before(AFTER_SPRING, BERLIN) == at


@settings(derandomize=True, database=None)
@given(st.integers(0, 999), st.integers(0, 9999), st.booleans())
def test_any_offset_survives_its_text(days: int, minutes: int, negative: bool) -> None:
    offset = offsets.Offset(days, minutes, negative and bool(days or minutes))
    assert offsets.parse(str(offset)) == offset
    assert re.fullmatch(offsets.PATTERN, str(offset))


@settings(derandomize=True)
@given(st.from_regex(offsets.PATTERN.removesuffix("$") + r"\Z", alphabet=st.characters(codec="ascii")))
def test_the_canonical_text_of_whatever_is_accepted_is_accepted(text: str) -> None:
    assert re.match(offsets.PATTERN, str(offsets.parse(text)))


def test_a_reminder_before_the_year_one_is_refused() -> None:
    with pytest.raises(Rejected, match="outside the years"):
        offsets.parse("P9999D").before(datetime(20, 1, 1, tzinfo=UTC), BERLIN)
