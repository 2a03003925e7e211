from typing import Any

import pytest

from api_shim.web.wording import recurrence


def spec(**rule: Any) -> dict[str, Any]:
    start = rule.pop("start", "2026-11-24T09:00")  # a Tuesday
    return {"userId": "demo", "task": {"title": "x"}, "timeZone": "Europe/Berlin", "start": start, "recurrence": rule}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"frequency": "Daily"}, "Every day at 09:00"),
        ({"frequency": "Daily", "interval": 3}, "Every 3 days at 09:00"),
        ({"frequency": "Daily", "months": [12, 1]}, "Every day in December and January at 09:00"),
        ({"frequency": "Weekly"}, "Every Tuesday at 09:00"),
        ({"frequency": "Weekly", "weekdays": ["Fri", "Mon"]}, "Every Monday and Friday at 09:00"),
        ({"frequency": "Weekly", "weekdays": ["Fri", "Thu", "Wed", "Tue", "Mon"]}, "Every weekday at 09:00"),
        ({"frequency": "Weekly", "interval": 2}, "Every 2 weeks on Tuesday at 09:00"),
        ({"frequency": "Monthly"}, "Every month on the 24th at 09:00"),
        ({"frequency": "Monthly", "monthDays": [1, 15, -1]}, "Every month on the 1st, 15th and last day at 09:00"),
        ({"frequency": "Monthly", "weekdays": ["2Tue", "-1Fri"]},
         "Every month on the last Friday and the 2nd Tuesday at 09:00"),
        ({"frequency": "Monthly", "interval": 3, "start": "2026-10-31T18:30"},
         "Every 3 months on the 31st at 18:30"),
        ({"frequency": "Yearly"}, "Every year on 24 November at 09:00"),
        ({"frequency": "Yearly", "months": [3], "weekdays": ["-1Sun"]},
         "Every year on the last Sunday in March at 09:00"),
        ({"frequency": "Yearly", "months": [3, 9]}, "Every year on the 24th in March and September at 09:00"),
        ({"frequency": "Daily", "count": 10}, "Every day at 09:00, 10 times"),
        ({"frequency": "Daily", "until": "2026-12-24T09:00"}, "Every day at 09:00, until 24 December 2026"),
    ],
)  # fmt: skip
def test_words(rule: dict[str, Any], words: str) -> None:
    assert recurrence(spec(**rule), "Europe/Berlin") == words


def test_another_zone_than_the_readers_is_named() -> None:
    assert recurrence(spec(frequency="Daily"), "Asia/Tokyo") == "Every day at 09:00 Europe/Berlin"


def test_what_a_newer_version_wrote_recurs() -> None:
    assert recurrence(spec(rrule="FREQ=DAILY"), "Europe/Berlin") == "Recurs"
