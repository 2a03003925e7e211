import pytest

from api_shim.chat import zones
from api_shim.chat.wording import offset_text, ordinal


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
