"""Every row of the published vectors: what is accepted is compared, what is refused or differs says why."""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from taskbell.calendar import completion, offsets, rfc5545
from taskbell.calendar.rule import Fold, Gap, MonthEnd, Policies, Rule
from taskbell.calendar.series import Series
from taskbell.errors import Rejected
from taskbell.resources import LocalTime

Row = dict[str, Any]
VECTORS: dict[str, list[Row]] = json.loads((Path(__file__).parent / "vectors" / "recurrence.json").read_text())
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

MONTH_ENDS = {"skip": MonthEnd.SKIP, "clamp": MonthEnd.CLAMP}
GAPS = {"shift-pre-gap-offset": Gap.LATER, "skip": Gap.SKIP}
FOLDS = {"first": Fold.FIRST, "both": Fold.BOTH}
OURS: dict[str, dict[str, Any]] = {
    "month_end": MONTH_ENDS,
    "gap": GAPS,
    "fold": FOLDS,
    "hourly": {"elapsed-time": None},
}
"""Policy → its values that we have."""


def named(kind: str) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in VECTORS[kind]]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def plain(text: str) -> str:
    """Without what RFC 7529 adds: SKIP is our monthEnd, and GREGORIAN the only calendar."""
    return ";".join(part for part in text.split(";") if not part.startswith(("RSCALE=", "SKIP=")))


def foreign(row: Row) -> set[str]:
    return {value for name, value in row.get("policy", {}).items() if value not in OURS.get(name, {})}


def policies(row: Row) -> Policies:
    policy = row.get("policy", {})
    return Policies(
        month_end=MONTH_ENDS[policy.get("month_end", "skip")],
        gap=GAPS[policy.get("gap", "shift-pre-gap-offset")],
        fold=FOLDS[policy.get("fold", "first")],
        added=tuple(map(local, row.get("rdate", ()))),
        excluded=tuple(map(local, row.get("exdate", ()))),
    )


@pytest.mark.parametrize("row", named("vectors"))
def test_vectors(row: Row) -> None:
    if "BYWEEKNO" in row["rrule"]:
        with pytest.raises(Rejected) as refusal:
            rfc5545.parse(row["rrule"])
        assert refusal.value.reason == "UnsupportedPart"
        return
    rule = rfc5545.parse(plain(row["rrule"]))
    if foreign(row):
        differs_in_what_is_not_ours(row, rule)
        return
    mine = Series(row.get("tzid", "Etc/UTC"), local(row["dtstart"]), rule, policies(row))
    wanted = len(row["expected"])
    found = mine.upcoming(LONG_AGO, wanted + 1)
    if "expected_utc" in row:
        assert [each.at for each in found[:wanted]] == [instant(text) for text in row["expected_utc"]]
    else:
        assert [each.local for each in found[:wanted]] == [local(text) for text in row["expected"]]
    assert row["truncated"] or len(found) == wanted


def differs_in_what_is_not_ours(row: Row, rule: Rule) -> None:
    """`roll-forward`, `next-valid`, `wall-clock`: there is no such value to ask for, and what we have differs."""
    [unknown] = foreign(row)
    assert unknown in {"roll-forward", "next-valid", "wall-clock"}
    assert unknown not in {each.lower() for values in (MonthEnd, Gap, Fold) for each in values}
    for month_end in MonthEnd:
        mine = Series(row.get("tzid", "Etc/UTC"), local(row["dtstart"]), rule, Policies(month_end=month_end))
        shown = [each.at.astimezone(mine.zone).replace(tzinfo=None) for each in mine.upcoming(LONG_AGO, 12)]
        assert shown[: len(row["expected"])] != [local(text) for text in row["expected"]]


@pytest.mark.parametrize("row", named("invalid"))
def test_invalid(row: Row) -> None:
    """DTSTART is not text here: a start with a zone and a Z is refused where it is read (`taskbell.resources`)."""
    name, _, value = row["dtstart"].partition(":")
    if row["name"] == "tzid-with-Z":
        with pytest.raises(ValidationError, match="minutes and no offset"):
            TypeAdapter(LocalTime).validate_python("1997-09-02T09:00Z")
        return
    if row["name"] == "exclude-all-dos":
        everything_excluded_is_refused_fast()
        return
    zone = name.partition("TZID=")[2] or "Etc/UTC"
    start = datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
    with pytest.raises(Rejected) as refusal:
        Series(zone, start, rfc5545.parse(row["rrule"], floating=name == "DTSTART" and not value.endswith("Z")))
    assert refusal.value.reason in {"InvalidRule", "UnsupportedPart", "NeverOccurs", "UnknownTimeZone"}


def everything_excluded_is_refused_fast() -> None:
    """Rules that exclude (EXRULE) went with RFC 5545; dates that do are at most 366."""
    start = local("1970-01-01T01:00")
    minutes = tuple(start + timedelta(minutes=n) for n in range(366))
    with pytest.raises(Rejected) as refusal:
        Series("Etc/UTC", start, rfc5545.parse("FREQ=MINUTELY;COUNT=366"), Policies(excluded=minutes))
    assert refusal.value.reason == "EverythingExcluded"


def advanced(row: Row) -> list[datetime]:
    """The due times that follow, each occurrence closed at its own time or when the row says."""
    due, rule = local(row["due"]), rfc5545.parse(row["rrule"])
    month_end = MonthEnd.SKIP if row["policy"].get("month_end") == "skip" else MonthEnd.CLAMP
    completed = [local(text).replace(tzinfo=UTC) for text in row.get("completed_at", ())]
    found = []
    for number in range(max(1, row["completions"])):
        closed_at = completed[number] if completed else due.replace(tzinfo=UTC)
        if row["policy"].get("mode") == "after-completion":
            start = local(row["due"])
            following = completion.next_after("Etc/UTC", start, rule, month_end, closed_at=closed_at, sequence=1)
        else:
            series = Series("Etc/UTC", local(row["due"]), rule, Policies(month_end=month_end))
            following = series.next_after(closed_at, local=due)
        if following is None:
            break
        due = following.local
        found.append(due)
    return found


@pytest.mark.parametrize("row", named("completion_driven"))
def test_completion_driven(row: Row) -> None:
    expected = [local(text) for text in row["expected_due"]]
    wrong = any("BUG" in value or "DRIFTS" in value for value in row["policy"].values())
    if wrong and row["name"] != "vikunja-absolute-reminder-desync":
        assert advanced(row) != expected
        assert ANCHORED[row["name"]] == [each.date().isoformat() for each in advanced(row)]
    else:
        assert advanced(row) == expected


ANCHORED = {
    "unanchored-drifts": ["2027-02-28", "2027-08-30", "2028-02-29"],
    "vikunja-jan31-overflow": ["2026-02-28", "2026-03-31", "2026-04-30"],
    "vikunja-aug31-overflow": ["2026-09-30", "2026-10-31", "2026-11-30"],
    "taskwarrior-31-slip": ["2015-02-28", "2015-03-31", "2015-04-30"],
}
"""Where another program drifts or overflows: what is right, anchored to the rule."""


def test_a_series_completed_late_reminds_before_its_new_due_time() -> None:
    """vikunja-absolute-reminder-desync: the due time is right there, the reminder must not be moved on its own."""
    due = instant("2026-01-03T17:00:00Z")
    assert offsets.parse("PT1H").before(due, ZoneInfo("Etc/UTC")) == instant("2026-01-03T16:00:00Z")


@pytest.mark.parametrize("row", named("reminder_offsets"))
def test_reminder_offsets(row: Row) -> None:
    """TRIGGER counts from the due time, `before` back from it: the sign is the other one."""
    before = row["offset"].removeprefix("-") if row["offset"].startswith("-") else f"-{row['offset']}"
    zone = ZoneInfo(row["tzid"])
    assert Series(row["tzid"], local(row["due"]), rfc5545.parse("FREQ=DAILY")).place(local(row["due"])).at == instant(
        row["due_utc"]
    )
    reminded = offsets.parse(before).before(instant(row["due_utc"]), zone)
    assert reminded == instant(row["expected_utc"])
    assert f"{reminded.astimezone(zone):%Y-%m-%dT%H:%M:%S%z}" == row["expected_local"]


def test_an_all_day_series_occurs_on_dates() -> None:
    mine = Series("America/Sao_Paulo", date(2018, 11, 3), rfc5545.parse("FREQ=DAILY;UNTIL=20181105"))
    found = mine.upcoming(LONG_AGO, 5)
    assert [each.local for each in found] == [datetime.combine(date(2018, 11, day), time()) for day in (3, 4, 5)]
    # The fourth begins at 01:00: its midnight does not exist.
    assert [each.at for each in found] == [
        instant("2018-11-03T03:00:00Z"), instant("2018-11-04T03:00:00Z"), instant("2018-11-05T02:00:00Z"),
    ]  # fmt: skip
