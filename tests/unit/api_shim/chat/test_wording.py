import pytest

from api_shim.chat import zones
from api_shim.chat.wording import offset_text


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
