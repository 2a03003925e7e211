import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskbell.calendar import spans


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("PT0M", timedelta()),
        ("PT90M", timedelta(minutes=90)),
        ("PT1H30M", timedelta(minutes=90)),
        ("PT36H", timedelta(hours=36)),
        ("P30D", timedelta(days=30)),
    ],
)
def test_a_span_is_read(text: str, span: timedelta) -> None:
    assert spans.parse(text) == span


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "1H", "-PT1H", "P1W", "P1M", "PT1H60M", "P1DT1H", "P1000D", "pt1h", "PT100H"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration such as"):
        spans.parse(text)


@given(st.from_regex(re.compile(spans.PATTERN, re.ASCII), fullmatch=True))
def test_its_text_is_read_as_the_same_span(text: str) -> None:
    span = spans.parse(text)
    assert spans.parse(spans.text(span)) == span
