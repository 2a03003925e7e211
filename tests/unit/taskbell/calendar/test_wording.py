"""Recurrences in words: what people read, and that it is the whole truth."""

from datetime import UTC, datetime
from typing import Any

import pytest

from taskbell.calendar import rfc5545, wording
from taskbell.calendar.rule import Frequency
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.errors import Rejected
from taskbell.resources import Recurrence

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY_NINE = datetime.fromisoformat("2026-11-23T09:00")


def words(recurrence: dict[str, Any] | str, start: datetime = MONDAY_NINE, zone: str = "Europe/Berlin") -> str:
    rule = rfc5545.parse(recurrence) if isinstance(recurrence, str) else Recurrence(**recurrence).rule()
    return wording.describe(Series(zone, start, rule)).removesuffix(", Europe/Berlin")


FIELDS = [
    ({"frequency": "Daily"}, "Every day at 09:00"),
    ({"frequency": "Daily", "interval": 3}, "Every 3 days at 09:00"),
    ({"frequency": "Daily", "count": 1}, "Every day at 09:00, once"),
    ({"frequency": "Daily", "weekdays": ["Fri", "Mon"]}, "Every Monday and Friday at 09:00"),
    ({"frequency": "Weekly"}, "Every Monday at 09:00"),
    ({"frequency": "Weekly", "weekdays": ["Fri", "Mon"]}, "Every Monday and Friday at 09:00"),
    ({"frequency": "Weekly", "weekdays": ["Mon", "Tue", "Wed", "Thu", "Fri"]}, "Every weekday at 09:00"),
    (
        {"frequency": "Weekly", "interval": 2, "weekdays": ["Tue"], "count": 10},
        "Every 2 weeks on Tuesday at 09:00, 10 times",
    ),
    ({"frequency": "Monthly"}, "Every month on the 23rd at 09:00"),
    ({"frequency": "Monthly", "month_days": [1, -1]}, "Every month on the 1st and the last day at 09:00"),
    ({"frequency": "Monthly", "weekdays": ["-1Fri"]}, "Every last Friday of the month at 09:00"),
    (
        {"frequency": "Monthly", "interval": 2, "weekdays": ["2Tue"]},
        "Every 2 months on the second Tuesday of the month at 09:00",
    ),
    (
        {"frequency": "Monthly", "weekdays": ["Wed", "1Mon"]},
        "Every month on every Wednesday and the first Monday of the month at 09:00",
    ),
    ({"frequency": "Yearly"}, "Every 23 November at 09:00"),
    (
        {"frequency": "Yearly", "months": [6, 7], "month_days": [1, 15]},
        "Every 1 June, 15 June, 1 July and 15 July at 09:00",
    ),
    ({"frequency": "Yearly", "interval": 4}, "Every 4 years on the 23rd of November at 09:00"),
    (
        {"frequency": "Yearly", "months": [3, 10], "weekdays": ["-1Sun"]},
        "Every last Sunday of March and October at 09:00",
    ),
    (
        {"frequency": "Yearly", "months": [2], "month_days": [29], "until": "2032-03-01T23:59"},
        "Every 29 February at 09:00, until 1 March 2032",
    ),
    ({"frequency": "Daily", "until": "2026-12-24T08:00"}, "Every day at 09:00, until 24 December 2026 at 08:00"),
]


@pytest.mark.parametrize(("recurrence", "sentence"), [pytest.param(*each, id=each[1]) for each in FIELDS])
def test_fields_in_words(recurrence: dict[str, Any], sentence: str) -> None:
    assert words(recurrence) == sentence


RULES = [
    ("FREQ=DAILY;INTERVAL=3;BYDAY=MO,FR", "Every 3 days when it is a Monday or Friday at 09:00"),
    ("FREQ=DAILY;BYMONTH=1", "Every day in January at 09:00"),
    ("FREQ=DAILY;BYHOUR=9,17;BYMINUTE=30", "Every day at 09:30 and 17:30"),
    ("FREQ=DAILY;BYHOUR=9,17;BYSETPOS=-1", "Every day at 17:00"),
    ("FREQ=DAILY;BYHOUR=9,10,11,14;BYMINUTE=0,20", "Every day at 0 and 20 minutes past the hours 9 to 11 and 14"),
    (
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
        "Every 2 weeks on Tuesday and Sunday (weeks begin on Sunday) at 09:00",
    ),
    (
        "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1",
        "Every week on the last of these: Monday, Wednesday and Friday, at 09:00",
    ),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "Every month on the last weekday at 09:00"),
    ("FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3", "Every month on the third Tuesday, Wednesday or Thursday at 09:00"),
    (
        "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1",
        "Every month on the last of these: the 28th to the 31st, at 09:00",
    ),
    ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "Every Friday the 13th at 09:00"),
    (
        "FREQ=MONTHLY;BYMONTHDAY=-3,11,12,22",
        "Every month on the 11th, the 12th, the 22nd and the third to last day at 09:00",
    ),
    ("FREQ=YEARLY;BYDAY=20MO", "Every 20th Monday of the year at 09:00"),
    (
        "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,-1",
        "Every 3 years on day 1, day 100 and the last day of the year at 09:00",
    ),
    ("FREQ=YEARLY;BYMONTHDAY=13", "Every month on the 13th at 09:00"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "Every year on the last day of February at 09:00"),
    (
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "Every 4 years on the 2nd to the 8th of November when it is a Tuesday at 09:00",
    ),
    ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20270301T080000Z", "Every Tuesday at 09:00, until 1 March 2027"),
    ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20270301T000000Z", "Every Tuesday at 09:00, until 1 March 2027 at 01:00"),
]


@pytest.mark.parametrize(("text", "sentence"), [pytest.param(*each, id=each[0]) for each in RULES])
def test_rules_in_words(text: str, sentence: str) -> None:
    assert words(text) == sentence


def test_the_zone_is_always_said() -> None:
    assert words("FREQ=DAILY", zone="Asia/Tokyo") == "Every day at 09:00, Asia/Tokyo"


def test_a_sentence_has_an_end() -> None:
    days = ",".join(f"{number}{day}" for number in range(1, 54, 2) for day in ("MO", "TU", "WE", "TH"))
    sentence = words(f"FREQ=YEARLY;BYDAY={days}")
    assert len(sentence) == wording.LONGEST
    assert sentence.endswith("…")


# Few values each, so that many pairs read alike.
DAYS = {
    "MINUTELY": ("", ";BYDAY=MO", ";BYMONTHDAY=1", ";BYMINUTE=0,20"),
    "HOURLY": ("", ";BYDAY=MO", ";BYMONTHDAY=1;BYDAY=MO", ";BYYEARDAY=1", ";BYMINUTE=0,20"),
    "DAILY": ("", ";BYDAY=MO", ";BYDAY=MO,TU", ";BYMONTHDAY=1", ";BYMONTHDAY=1;BYDAY=MO"),
    "WEEKLY": ("", ";BYDAY=MO", ";BYDAY=TU,MO", ";BYDAY=MO,SU;WKST=SU", ";BYDAY=MO,SU"),
    "MONTHLY": ("", ";BYDAY=MO", ";BYDAY=MO,TU", ";BYDAY=1MO", ";BYMONTHDAY=1", ";BYMONTHDAY=1;BYDAY=MO"),
    "YEARLY": ("", ";BYDAY=MO", ";BYDAY=1MO", ";BYMONTHDAY=1", ";BYYEARDAY=1", ";BYMONTHDAY=1;BYDAY=MO"),
}
TEXTS = [
    f"FREQ={frequency}{days}{months}{positions}{times}{interval}"
    for frequency in Frequency.__members__
    for days in DAYS[frequency]
    for months in ("", ";BYMONTH=1", ";BYMONTH=1,2")
    for times in ("", ";BYHOUR=9,17")
    for positions in (("", ";BYSETPOS=1", ";BYSETPOS=-1") if days or months or times else ("",))
    for interval in ("", ";INTERVAL=2")
]


@pytest.mark.parametrize("start", [MONDAY_NINE, datetime.fromisoformat("2027-01-02T09:00")])
def test_rules_that_read_alike_occur_alike(start: datetime) -> None:
    seen: dict[str, tuple[str, tuple[Occurrence, ...]]] = {}
    alike = 0
    for text in TEXTS:
        try:
            series = Series("Etc/UTC", start, rfc5545.parse(text))
        except Rejected:
            continue
        occurrences = series.upcoming(LONG_AGO, 12)
        other, theirs = seen.setdefault(wording.describe(series), (text, occurrences))
        assert occurrences == theirs, f"{text} and {other} are both {wording.describe(series)!r}"
        alike += other != text
    assert alike > 50
