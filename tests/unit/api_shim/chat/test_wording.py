from datetime import datetime
from typing import Any

import pytest

from api_shim.chat import zones
from api_shim.chat.wording import offset_text, ordinal, recurrence_text
from taskbell.calendar.series import Frequency, Rule

START = datetime(2026, 11, 23, 17, 0)  # noqa: DTZ001 wall-clock time, a Monday


@pytest.mark.parametrize(
    ("frequency", "fields", "words"),
    [
        (Frequency.DAILY, {}, "Every day at 17:00"),
        (Frequency.DAILY, {"interval": 3, "count": 5}, "Every 3 days at 17:00, 5 times"),
        (Frequency.DAILY, {"weekdays": ("Mon",), "months": (1, 2)}, "Every day on Monday in January and February at 17:00"),
        (Frequency.WEEKLY, {}, "Every Monday at 17:00"),
        (Frequency.WEEKLY, {"weekdays": ("Fri", "Mon")}, "Every Monday and Friday at 17:00"),
        (Frequency.WEEKLY, {"weekdays": ("Mon", "Tue", "Wed", "Thu", "Fri")}, "Every weekday at 17:00"),
        (Frequency.WEEKLY, {"weekdays": ("Tue",), "interval": 2}, "Every 2 weeks on Tuesday at 17:00"),
        (Frequency.MONTHLY, {}, "Every month on the 23rd at 17:00"),
        (Frequency.MONTHLY, {"month_days": (1, -1)}, "Every month on the 1st and last day at 17:00"),
        (Frequency.MONTHLY, {"month_days": (-2,)}, "Every month on the 2nd to last day at 17:00"),
        (Frequency.MONTHLY, {"weekdays": ("-1Fri",)}, "Every last Friday of the month at 17:00"),
        (Frequency.MONTHLY, {"weekdays": ("1Mon",), "interval": 2}, "Every first Monday of every 2 months at 17:00"),
        (Frequency.MONTHLY, {"weekdays": ("-3Sun",)}, "Every 3rd to last Sunday of the month at 17:00"),
        (Frequency.YEARLY, {}, "Every year on 23 November at 17:00"),
        (Frequency.YEARLY, {"month_days": (24,), "months": (12,), "until": datetime(2030, 1, 1)},  # noqa: DTZ001
         "Every year on 24 December at 17:00 until 1 January 2030"),
        (Frequency.MONTHLY, {"weekdays": ("2Tue",), "months": (3,)}, "Every second Tuesday of the month in March at 17:00"),
        (Frequency.MONTHLY, {"weekdays": ("Fri",), "month_days": (13,)},
         "Every Friday that is the 13th of the month at 17:00"),
    ],
)  # fmt: skip
def test_a_recurrence_in_words(frequency: Frequency, fields: dict[str, Any], words: str) -> None:
    assert recurrence_text(Rule(frequency, **fields), START, "Europe/Berlin") == f"{words}, Europe/Berlin"


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("PT15M", "15 minutes before"),
        ("PT1H30M", "1 hour and 30 minutes before"),
        ("P1D", "1 day before"),
        ("-PT1H", "1 hour after"),
        ("PT0M", "when it is due"),
    ],
)
def test_an_offset_in_words(before: str, words: str) -> None:
    assert offset_text(before) == words


def test_ordinals() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 22, 31)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "31st",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin.", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("UTC", "Etc/UTC"),
        ("Atlantis", None),
        ("", None),
        ("../../etc/passwd", None),
    ],
)
def test_zones_by_what_people_call_them(said: str, zone: str | None) -> None:
    assert zones.named(said) == zone
