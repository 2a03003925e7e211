"""`python -m taskbell.calendar`, as people and programs call it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from taskbell.calendar.__main__ import answer_line, main

START = ("--start", "2026-11-23T17:00")
BERLIN = ("--zone", "Europe/Berlin")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        code = main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def answer(**request: Any) -> dict[str, Any]:
    return answer_line(json.dumps(request).encode())


def locals_of(said: dict[str, Any]) -> list[str]:
    return [each["local"] for each in said["occurrences"]]


def test_a_person_reads_words_rrule_and_dates(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "FREQ=MONTHLY;BYDAY=-1FR", *START, *BERLIN, "--count", "2")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "Every last Friday of the month at 17:00, Europe/Berlin",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "",
        "  Fri 27 Nov 2026  17:00 CET",
        "  Fri 25 Dec 2026  17:00 CET",
    ]


def test_a_program_reads_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "FREQ=DAILY", *START, *BERLIN, "--json", "--count", "1")
    assert code == 0
    assert json.loads(out) == {
        "accepted": True,
        "wording": "Every day at 17:00, Europe/Berlin",
        "rrule": "FREQ=DAILY",
        "occurrences": [{"local": "2026-11-23T17:00:00", "fold": 0, "at": "2026-11-23T16:00:00Z", "note": None}],
    }


RULES = [
    pytest.param("FREQ=WEEKLY;BYDAY=MO", id="an RRULE"),
    pytest.param("RRULE:FREQ=WEEKLY;BYDAY=MO", id="as iCalendar has it"),
    pytest.param("0 17 * * Mon", id="cron"),
    pytest.param("{frequency: Weekly, weekdays: [Mon]}", id="fields"),
    pytest.param("frequency: Weekly\nweekdays: [Mon]\n", id="fields as a block"),
]


@pytest.mark.parametrize("rule", RULES)
def test_every_form_is_understood(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, rule, *START, "--count", "1")
    assert (code, err) == (0, "")
    assert "  Mon 23 Nov 2026  17:00 UTC" in out.splitlines()


OPTIONS = [
    pytest.param(("--after", "2026-11-25T00:00Z"), "25 26", id="after"),
    pytest.param(("--exclude", "2026-11-24T17:00,2026-11-25T17:00"), "23 26", id="exclude"),
    pytest.param(("--exclude", "2026-11-23T17:00", "--exclude", "2026-11-24T17:00"), "25 26", id="exclude twice"),
    pytest.param(("--add", "2026-11-23T18:00"), "23 23", id="add"),
]


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_an_option_changes_the_dates(
    options: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "FREQ=DAILY", *START, "--json", "--count", "2", *options)
    assert " ".join(local[8:10] for local in locals_of(json.loads(out))) == expected


def test_what_follows_a_completion(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--advance", "AfterCompletion", "--closed-at", "2026-11-25T20:00Z")
    code, out, _ = run(capsys, "FREQ=DAILY;INTERVAL=3", *START, *BERLIN, *options)
    assert code == 0
    assert out.startswith("Every 3 days after completion at 17:00, Europe/Berlin\nno RRULE: ")
    assert "  Sat 28 Nov 2026  17:00 CET" in out


def test_a_series_of_days(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "FREQ=DAILY;COUNT=1", "--start", "2026-11-23", *BERLIN)
    assert out.splitlines()[3:] == ["  Mon 23 Nov 2026", "  and no more"]


REFUSED = [
    pytest.param("FREQ=DAILY;INTERVAL=0", "InvalidRule", id="interval 0"),
    pytest.param("FREQ=WEEKLY;BYWEEKNO=3", "UnsupportedPart", id="weeks"),
    pytest.param("0 0 30 2 *", "NeverOccurs", id="never"),
    pytest.param("{frequency: Weekly, weekdays: [2Mon]}", "InvalidRule", id="fields CEL would refuse"),
    pytest.param("{frequency: [}", "InvalidRule", id="no YAML"),
    pytest.param("{frequenzy: Weekly}", "InvalidRule", id="a field there is not"),
    pytest.param("every day", "InvalidRule", id="a sentence"),
]


@pytest.mark.parametrize(("rule", "reason"), REFUSED)
def test_a_refusal_has_its_reason(rule: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, rule, *START)
    assert (code, out) == (1, "")
    assert err.startswith((f"{reason}: recurrence", f"{reason}: {rule!r} is no recurrence"))
    code, out, _ = run(capsys, rule, *START, "--json")
    assert (code, json.loads(out)["accepted"], json.loads(out)["reason"]) == (1, False, reason)


USAGE = [
    pytest.param((), "start is missing", id="nothing"),
    pytest.param(START, "the rule is missing", id="no rule"),
    pytest.param(("FREQ=DAILY",), "start is missing", id="no start"),
    pytest.param(("FREQ=DAILY", "--start", "tomorrow"), "write a local time without offset", id="no time"),
    pytest.param(("FREQ=DAILY", "--start", "2026-11-23T17:00Z"), "without offset", id="a start with an offset"),
    pytest.param(("FREQ=DAILY", *START, "--after", "2026-11-23T17:00"), "with its offset", id="no instant"),
    pytest.param(("FREQ=DAILY", *START, "--count", "0"), "whole number from 1", id="a count of none"),
    pytest.param(("FREQ=DAILY", *START, "--gap", "Earlier"), "use Later or Skip", id="no policy"),
    pytest.param(("FREQ=DAILY", *START, "--closed-at", "2026-11-23T17:00Z"), "has no meaning", id="closed for nothing"),
    pytest.param(("FREQ=DAILY", *START, "--advance", "AfterCompletion"), "closed_at is missing", id="not closed"),
    pytest.param(
        ("{frequency: Monthly, monthEnd: Clamp}", *START, "--month-end", "Clamp"), "keep one", id="said twice"
    ),
    pytest.param(("--batch", "nowhere"), "cannot be read", id="no file"),
    pytest.param(("--batch", "-", *START), "stands alone", id="a batch with options"),
]


@pytest.mark.parametrize(("arguments", "complaint"), USAGE)
def test_a_call_that_is_none_says_what_it_lacks(
    arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert complaint in err


def test_a_batch_is_answered_line_by_line_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (
        b'{"rule": "FREQ=DAILY", "start": "2026-11-23T09:00", "zone": "Europe/Berlin", "count": 2}',
        b"not JSON",
        b'{"cron": "0 9 * * *", "start": "2026-11-23T09:00", "count": 1, "after": "2026-11-24T09:00Z"}',
        b'{"rule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "start": "2026-11-23T09:00"}',
    )
    file = tmp_path / "batch"
    file.write_bytes(b"\n".join(lines))
    code, out, _ = run(capsys, "--batch", str(file))
    first, second, third, fourth = map(json.loads, out.splitlines())
    assert code == 0
    assert locals_of(first) == ["2026-11-23T09:00:00", "2026-11-24T09:00:00"]
    assert (second["accepted"], second["reason"]) == (False, "InvalidRequest")
    assert locals_of(third) == ["2026-11-25T09:00:00"]
    assert fourth["reason"] == "NeverOccurs"

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\n".join(lines))))
    assert run(capsys, "--batch", "-")[1] == out
    file.write_bytes(b"")
    assert run(capsys, "--batch", str(file)) == (0, "", "")


BAD_LINES = [
    pytest.param(b"[]", "a line is an object", id="a list"),
    pytest.param(b'{"rule": "FREQ=DAILY", "rule": "x", "start": "2026-11-23"}', "a key twice", id="a key twice"),
    pytest.param(b"\xff", "is no JSON", id="no text"),
    pytest.param(b"[" * 100_000, "is no JSON", id="nested"),
    pytest.param(b" " * 100_001, "is longer than", id="long"),
    pytest.param(b'{"rule": "FREQ=DAILY", "start": "2026-11-23T09:00", "tz": "x"}', "there is no 'tz'", id="a key"),
    pytest.param(b'{"start": "2026-11-23T09:00"}', "either rule", id="neither"),
    pytest.param(b'{"rule": "FREQ=DAILY", "cron": "@daily", "start": "2026-11-23"}', "either rule", id="both"),
    pytest.param(b'{"rule": 7, "start": "2026-11-23"}', "has to be a text", id="a number"),
    pytest.param(b'{"rule": "FREQ=DAILY", "start": "2026-11-23", "exclude": "x"}', "has to be a list", id="no list"),
    pytest.param(b'{"rule": "FREQ=DAILY", "start": "2026-11-23", "count": true}', "whole number", id="a truth"),
]


COMPLETED = b'{"rule": "FREQ=DAILY", "start": "2026-11-23", "advance": "AfterCompletion", "closed_at": "%s"}'
BAD_LINES += [
    pytest.param(COMPLETED % at, "1970 to 2999", id=f"completed {at.decode()}")
    for at in (b"0001-01-01T00:00Z", b"9999-12-31T23:59Z")
]


@pytest.mark.parametrize(("line", "complaint"), BAD_LINES)
def test_a_bad_line_has_its_answer(line: bytes, complaint: str) -> None:
    said = answer_line(line)
    assert (said["accepted"], said["reason"]) == (False, "InvalidRequest")
    assert complaint in said["message"]


def test_every_key_of_a_line_counts() -> None:
    said = answer(
        rule="FREQ=MONTHLY;BYMONTHDAY=31", start="2027-01-31T02:30", zone="Europe/Berlin", after="2027-02-01T00:00Z",
        count=3, exclude=["2027-03-31T02:30"], add=["2027-03-28T02:30"], month_end="Clamp", gap="Later", fold="First",
    )  # fmt: skip
    assert locals_of(said) == ["2027-02-28T02:30:00", "2027-03-28T02:30:00", "2027-04-30T02:30:00"]
    assert [each["at"] for each in said["occurrences"]][1] == "2027-03-28T01:30:00Z"
    assert all(each["note"] for each in said["occurrences"])
    twice = answer(rule="FREQ=DAILY", start="2026-10-25T02:30", zone="Europe/Berlin", fold="Both", count=2)
    assert [(each["local"], each["fold"]) for each in twice["occurrences"]] == [
        ("2026-10-25T02:30:00", 0),
        ("2026-10-25T02:30:00", 1),
    ]
    left_out = answer(rule="FREQ=DAILY", start="2027-03-27T02:30", zone="Europe/Berlin", gap="Skip", count=2)
    assert locals_of(left_out) == ["2027-03-27T02:30:00", "2027-03-29T02:30:00"]
