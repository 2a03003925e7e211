"""Zones come from the pinned package, and a change of their rules neither doubles nor loses a day."""

import struct
import tomllib
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

from taskbell.calendar import zones
from taskbell.calendar.rule import Frequency, Rule
from taskbell.calendar.series import Series
from taskbell.errors import Rejected

ROOT = Path(__file__).parents[4]
DAILY = Rule(Frequency.DAILY)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_version_is_the_pinned_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"tzdata=={zones.version()}" in project["dependencies"]


def test_images_and_make_know_no_other_zones_than_the_package() -> None:
    assert zoneinfo.TZPATH == ()
    assert " PYTHONTZPATH= " in (ROOT / "Dockerfile").read_text()
    assert "export PYTHONTZPATH :=\n" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../etc/passwd", "", "a" * 300, "Europe"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as refusal:
        zones.zone(name)
    assert refusal.value.reason == "UnknownTimeZone"


def transitions(name: str) -> list[int]:
    """The instants, seconds since 1970, at which a zone's file says that an offset changes (RFC 8536, version 2)."""
    data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    first = struct.unpack(">6l", data[20:44])
    begin = 44 + first[3] * 5 + first[4] * 6 + first[5] + first[2] * 8 + first[1] + first[0]
    _, _, _, times, _, _ = struct.unpack(">6l", data[begin + 20 : begin + 44])
    begin += 44
    moments = struct.unpack(f">{times}q", data[begin : begin + 8 * times])
    kinds = data[begin + 8 * times : begin + 9 * times]
    types = data[begin + 9 * times :]
    offsets = [struct.unpack(">l", types[6 * kind : 6 * kind + 4])[0] for kind in kinds]
    changes = zip(moments, pairwise([None, *offsets]), strict=True)
    return [at for at, (one, other) in changes if one != other and at >= 0]


def test_no_zone_moves_its_clocks_twice_within_six_days() -> None:
    """`zones.moving` looks at five days at a time; the nearest are Boa Vista's two Sundays of October 2000."""
    names = resources.files("tzdata").joinpath("zones").read_text().split()
    near = {
        name
        for name in names
        for one, other in pairwise(transitions(name))
        if timedelta(seconds=other - one) < timedelta(days=6)
    }
    assert not near


@pytest.mark.parametrize(
    "name", ["Australia/Lord_Howe", "Pacific/Apia", "America/Boa_Vista", "Asia/Gaza", "Africa/Casablanca"]
)
def test_the_moving_days_of_a_year_are_those_that_are_not_regular(name: str) -> None:
    zone = zones.zone(name)
    for year in (1987, 2000, 2011, 2026, 2040):
        days = [datetime(year, 1, 1) + timedelta(days=n) for n in range(365)]  # noqa: DTZ001
        moving = zones.moving(zone, year)
        assert [day for day in days if moving >> day.timetuple().tm_yday & 1] == [
            day for day in days if not zones.regular(zone, day.toordinal())
        ]


def test_after_2100_the_kind_of_year_decides() -> None:
    """No file names single moves after 2087; then years that are as long and begin on the same weekday are alike."""
    names = resources.files("tzdata").joinpath("zones").read_text().split()
    latest = max(at for name in names for at in transitions(name))
    assert datetime.fromtimestamp(latest, UTC).year < 2088
    for name in ("Europe/Berlin", "Asia/Gaza", "America/Santiago", "Antarctica/Troll"):
        zone = zones.zone(name)
        for year in (2099, 2100, 2400, 9998):
            days = [date(year, 1, 1).toordinal() + number for number in range(365)]
            moving = [day for number, day in enumerate(days, 1) if zones.moving(zone, year) >> number & 1]
            assert moving == [day for day in days if not zones.regular(zone, day)]


PASSES = [
    pytest.param("Europe/Berlin", date(2026, 3, 29), [("23:00", "01:00"), ("01:00", "22:00")], id="an hour less"),
    pytest.param("Europe/Berlin", date(2026, 10, 25), [("22:00", "01:00"), ("01:00", "23:00")], id="an hour more"),
    pytest.param("America/Sao_Paulo", date(2018, 11, 4), [("03:00", "02:00")], id="no midnight"),
    pytest.param("America/St_Johns", date(2010, 11, 6), [("02:30", "02:30"), ("02:31", "03:30")], id="twice"),
    pytest.param("Pacific/Apia", date(2011, 12, 30), [], id="a day left out"),
]


@pytest.mark.parametrize(("name", "day", "spans"), PASSES)
def test_while_the_clocks_show_a_date(name: str, day: date, spans: list[tuple[str, str]]) -> None:
    """St. John's went from 00:01 back to 23:01 of the day before."""
    found = zones.passes(zones.zone(name), day.year, day.timetuple().tm_yday)
    shown = [tuple(f"{second % 86_400 // 3600:02}:{second % 3600 // 60:02}" for second in span) for span in found]
    assert shown == spans


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Monrovia"])
def test_the_minutes_that_are_bent(name: str) -> None:
    zone = zones.zone(name)
    for year in (1972, 2026):
        for number in (each for each in range(1, 366) if zones.moving(zone, year) >> each & 1):
            midnight = datetime(year, 1, 1) + timedelta(days=number - 1)  # noqa: DTZ001
            minutes = [each for each in range(1440) if zones.shift(zone, midnight + timedelta(minutes=each))]
            begin, end = zones.bent_minutes(zone, year, number, 0)
            assert list(range(begin, end)) == minutes


CHANGES = [
    # Mexico ended summer time in October 2022: older files have 09:00 on 3 April 2023 at 14:00Z.
    pytest.param("America/Mexico_City", "2023-04-03", "14:00Z", "15:00Z", id="Mexico 2022"),
    # Almaty went from +06 to +05 on 1 March 2024: older files have 09:00 on 4 March at 03:00Z.
    pytest.param("Asia/Almaty", "2024-03-04", "03:00Z", "04:00Z", id="Almaty 2024"),
]


@pytest.mark.parametrize(("zone", "day", "before", "now"), CHANGES)
@pytest.mark.parametrize("closed_after", [timedelta(minutes=-30), timedelta(minutes=30), timedelta(hours=3)])
def test_a_change_of_zone_rules_makes_no_day_twice_and_loses_none(
    zone: str, day: str, before: str, now: str, closed_after: timedelta
) -> None:
    """A task made by older rules, closed after an upgrade: its instant has moved, and it is still that day's."""
    mine = Series(zone, local("2022-01-01T09:00"), DAILY)
    noted = instant(f"{day}T{before}")
    assert mine.place(local(f"{day}T09:00")).at == instant(f"{day}T{now}") != noted
    following = mine.next_after(noted + closed_after, local=local(f"{day}T09:00"))
    assert following is not None
    assert following.local == local(f"{day}T09:00") + timedelta(days=1)


@pytest.mark.parametrize(("zone", "day", "_before", "_now"), CHANGES)
def test_every_day_around_a_change_has_one_occurrence(zone: str, day: str, _before: str, _now: str) -> None:
    first = date.fromisoformat(day) - timedelta(days=200)
    mine = Series(zone, datetime(first.year, first.month, first.day, 0, 30), DAILY)  # noqa: DTZ001
    found = mine.upcoming(instant("2020-01-01T00:00Z"), 400)
    assert [each.local.date() for each in found] == [first + timedelta(days=n) for n in range(400)]
    assert all(timedelta(hours=22) < other.at - one.at < timedelta(hours=26) for one, other in pairwise(found))
