"""A recurrence in words, with its next dates, or the reason why it is refused: for people and for bug reports.

    python -m taskbell.calendar "FREQ=MONTHLY;BYDAY=-1FR" --start 2026-11-23T17:00 --zone Europe/Berlin

One request is read alike from options and from a line of `--batch`, and answered alike. Exit codes: 0 accepted (of a
batch: every line has its answer), 1 refused, 2 a request that is none.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from taskbell.calendar import completion, cron, rfc5545, wording, zones
from taskbell.calendar.rule import INVALID_RULE, Cron, Fold, Gap, MonthEnd, Policies, Rule, invalid
from taskbell.calendar.series import Series
from taskbell.calendar.timelines import Occurrence
from taskbell.errors import Rejected
from taskbell.resources import Recurrence

INVALID_REQUEST = "InvalidRequest"
"""A key or option that there is not, that is missing, or whose value is none of its kind."""

MOST_OCCURRENCES = 1000
MOST_DATES = 366
"""Added or excluded, as in a manifest."""
FOR_PEOPLE, FOR_PROGRAMS = 8, 20
"""Occurrences shown where no count is given."""
MOST_CHARACTERS = 100_000
"""Of a batch's line: twice 366 dates fit well."""

_BEGINNING = datetime(1, 1, 3, tzinfo=UTC)
_A_RULE = (
    "write an RRULE (FREQ=WEEKLY;BYDAY=MO), five fields of cron (30 9 * * Mon-Fri) or @daily and its like, "
    "or the fields of spec.recurrence as YAML ({frequency: Weekly, weekdays: [Mon]})"
)


class Advance(StrEnum):
    ON_COMPLETION = "OnCompletion"
    AFTER_COMPLETION = "AfterCompletion"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. Naive times are local; a `start` without time makes an all-day series. `after` is aware, None
    stands for the beginning; `closed_at`, aware, and `sequence` are what AfterCompletion counts from."""

    rule: Rule | Cron
    start: datetime | date
    zone: str
    policies: Policies
    after: datetime | None
    count: int | None
    closed_at: datetime | None
    sequence: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`why_no_rrule` says why `rrule` is None. With `ended`, nothing follows the last of `occurrences`."""

    wording: str
    rrule: str | None
    why_no_rrule: str | None
    occurrences: tuple[Occurrence, ...]
    ended: bool


def main(arguments: Sequence[str] | None = None) -> int:
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    batch, as_json = options.pop("batch"), options.pop("json")
    given = {key: value for key, value in options.items() if value is not None}
    try:
        if batch is not None:
            return _batch(batch, given)
        request = _request(given, _any_rule)
    except Rejected as refusal:
        if refusal.reason == INVALID_REQUEST:
            parser.error(refusal.message)
        return _refuse(refusal, as_json=as_json)
    try:
        answer = answered(request, FOR_PROGRAMS if as_json else FOR_PEOPLE)
    except Rejected as refusal:
        return _refuse(refusal, as_json=as_json)
    _say([json.dumps(_accepted(answer))] if as_json else _lines(answer, request))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m taskbell.calendar",
        description="Says a recurrence in words, and when it occurs next; or why it cannot be.",
        epilog="Exits with 0 if it is accepted, 1 if it is refused, 2 if the request is none.",
        allow_abbrev=False,
    )
    parser.add_argument("rule", nargs="?", metavar="RULE", help=_A_RULE)
    parser.add_argument("--start", metavar="LOCAL", help="first local time, 2026-11-23T09:00; a date: all-day")
    parser.add_argument("--zone", help="IANA time zone, for example Europe/Berlin (default: Etc/UTC)")
    parser.add_argument("--after", metavar="INSTANT", help="only what comes after 2026-11-23T08:00Z, or after now")
    parser.add_argument(
        "--count", type=int, metavar="N", help=f"so many occurrences (default: {FOR_PEOPLE}, in JSON {FOR_PROGRAMS})"
    )
    for option, meaning in (("--exclude", "do not occur"), ("--add", "occur too")):
        parser.add_argument(
            option, action="append", metavar="LOCAL[,LOCAL…]", help=f"local times that {meaning}; may be repeated"
        )
    parser.add_argument("--month-end", metavar="|".join(MonthEnd), help="a day that a month lacks (default: Skip)")
    parser.add_argument("--gap", metavar="|".join(Gap), help="a time that does not exist (default: Later)")
    parser.add_argument("--fold", metavar="|".join(Fold), help="a time that exists twice (default: First)")
    parser.add_argument(
        "--advance", metavar="|".join(Advance), help="AfterCompletion: the one that follows a completion at --closed-at"
    )
    parser.add_argument("--closed-at", metavar="INSTANT", help="when the occurrence before it was completed")
    parser.add_argument("--sequence", type=int, metavar="N", help="the number of that one (default: 1, the first)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--batch", metavar="FILE", help="one request a line as a JSON object, one answer a line; - reads stdin"
    )
    return parser


# Answers


def answered(request: Request, count: int = FOR_PROGRAMS) -> Answer:
    """Raises Rejected. `count` holds where the request names none."""
    if request.closed_at is not None:
        return _after_completion(request, request.closed_at)
    number = request.count or count
    series = Series(request.zone, request.start, request.rule, request.policies)
    found = series.upcoming(request.after or _BEGINNING, number + 1)
    written = rfc5545.written(series)
    return Answer(wording.describe(series), written.rrule, written.why_not, found[:number], ended=len(found) <= number)


def _after_completion(request: Request, closed_at: datetime) -> Answer:
    rule, month_end = request.rule, request.policies.month_end
    if isinstance(rule, Cron):
        raise invalid("recurrence.cron cannot stand with advance AfterCompletion: it has dates, not an interval")
    found = completion.next_after(
        request.zone, request.start, rule, month_end, closed_at=closed_at, sequence=request.sequence
    )
    return Answer(
        wording.after_completion(request.zone, request.start, rule, month_end),
        None,
        "RFC 5545 has fixed dates, and these follow from when the last one was completed",
        () if found is None else (found,),
        ended=found is None,
    )


def _accepted(answer: Answer) -> dict[str, Any]:
    occurrences = [
        {
            "local": each.local.isoformat(timespec="seconds"),
            "fold": each.fold,
            "at": each.at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z",
            "note": each.note,
        }
        for each in answer.occurrences
    ]
    return {"accepted": True, "wording": answer.wording, "rrule": answer.rrule, "occurrences": occurrences}


def _refused(refusal: Rejected) -> dict[str, Any]:
    return {"accepted": False, "reason": refusal.reason, "message": refusal.message}


def _refuse(refusal: Rejected, *, as_json: bool) -> int:
    if as_json:
        _say([json.dumps(_refused(refusal))])
    else:
        sys.stderr.write(f"{refusal.reason}: {refusal.message}\n")
    return 1


def _lines(answer: Answer, request: Request) -> Iterator[str]:
    yield answer.wording
    yield answer.rrule or f"no RRULE: {answer.why_no_rrule}"
    yield ""
    all_day = not isinstance(request.start, datetime)
    yield from (_line(each, request.zone, all_day=all_day) for each in answer.occurrences)
    if answer.ended:
        yield "  and no more" if answer.occurrences else "  no more of it"


def _line(occurrence: Occurrence, zone: str, *, all_day: bool) -> str:
    """The clock that a person sees: its weekday, time and abbreviation."""
    shown = occurrence.at.astimezone(zones.zone(zone))
    when = f"{occurrence.local:%a %d %b %Y}" if all_day else f"{shown:%a %d %b %Y  %H:%M} {shown:%Z}"
    return f"  {when}" + (f"   {occurrence.note}" if occurrence.note else "")


def _say(lines: Sequence[str] | Iterator[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


# A batch


def _batch(file: str, given: Mapping[str, Any]) -> int:
    if given:
        raise _wrong(f"--batch stands alone, or with --json: each of its lines has its own {', '.join(given)}")
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise _wrong(f"--batch {file!r} cannot be read: {error.strerror}") from error
    for line in content.removesuffix(b"\n").split(b"\n") if content else ():
        _say([json.dumps(answer_line(line))])
    return 0


def answer_line(line: bytes) -> dict[str, Any]:
    """One request as JSON → its answer, as it is written; nothing is raised for what is no request."""
    try:
        return _accepted(answered(_request(_from_json(line), _rrule_or_cron)))
    except Rejected as refusal:
        return _refused(refusal)


def _from_json(line: bytes) -> Mapping[str, Any]:
    if len(line) > MOST_CHARACTERS:
        raise _wrong(f"the line is longer than {MOST_CHARACTERS} characters")
    try:
        read = json.loads(line.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"the line is no JSON: {error}") from error
    if not isinstance(read, dict):
        raise _wrong('a line is an object, as in {"rule": "FREQ=DAILY", "start": "2026-11-23T09:00"}')
    return read


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("it has a key twice")
    return read


# Requests

_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=StrEnum)


def _request(given: Mapping[str, Any], rule_of: Callable[[Mapping[str, Any]], tuple[Rule | Cron, Policies]]) -> Request:
    """Raises Rejected: InvalidRequest, or what a rule is refused for."""
    if unknown := given.keys() - _KEYS:
        raise _wrong(f"there is no {_quoted(sorted(unknown))}: there are {', '.join(_KEYS)}")
    if given.get("start") is None:
        raise _wrong("start is missing: give the first local time, as in 2026-11-23T09:00, or a date")
    start = _read(given, "start", _start)
    advance = _choice(given, "advance", Advance) or Advance.ON_COMPLETION
    _refuse_unused(given, advance)
    rule, beside = rule_of(given)
    return Request(
        rule=rule,
        start=start,  # type: ignore[arg-type]
        zone=_read(given, "zone", _text) or "Etc/UTC",
        policies=_policies(given, beside),
        after=_read(given, "after", _instant),
        count=_read(given, "count", _whole(MOST_OCCURRENCES)),
        closed_at=_read(given, "closed_at", _recent),
        sequence=_read(given, "sequence", _whole(1_000_000)) or 1,
    )


_KEYS = (
    "rule", "cron", "start", "zone", "after", "count", "exclude", "add", "month_end", "gap", "fold", "advance",
    "closed_at", "sequence",
)  # fmt: skip
_ONLY_AFTER_COMPLETION = ("closed_at", "sequence")
_NOT_AFTER_COMPLETION = ("after", "count", "exclude", "add", "gap", "fold")


def _refuse_unused(given: Mapping[str, Any], advance: Advance) -> None:
    """A key that would change nothing is a mistake."""
    unused = _NOT_AFTER_COMPLETION if advance is Advance.AFTER_COMPLETION else _ONLY_AFTER_COMPLETION
    found = [key for key in unused if given.get(key) is not None]
    if found:
        raise _wrong(f"{_quoted(found)} has no meaning with advance {advance}")
    if advance is Advance.AFTER_COMPLETION and given.get("closed_at") is None:
        raise _wrong("closed_at is missing: say when the occurrence before was completed, as in 2026-11-23T08:00Z")


def _policies(given: Mapping[str, Any], beside: Policies) -> Policies:
    """What a request names, and what stands beside the rule in its YAML; each only once."""
    month_end, gap, fold = (
        _choice(given, "month_end", MonthEnd), _choice(given, "gap", Gap), _choice(given, "fold", Fold),
    )  # fmt: skip
    plain = Policies()
    twice = {
        "month_end": month_end and beside.month_end is not plain.month_end,
        "gap": gap and beside.gap is not plain.gap,
        "fold": fold and beside.fold is not plain.fold,
    }
    if found := [key for key, value in twice.items() if value]:
        raise _wrong(f"{_quoted(found)} is in the recurrence already: keep one")
    return replace(
        beside,
        month_end=month_end or beside.month_end,
        gap=gap or beside.gap,
        fold=fold or beside.fold,
        excluded=(*beside.excluded, *(_read(given, "exclude", _locals) or ())),
        added=(*beside.added, *(_read(given, "add", _locals) or ())),
    )


def _any_rule(given: Mapping[str, Any]) -> tuple[Rule | Cron, Policies]:
    """Of the command line, where one argument is any of the three."""
    text = given.get("rule")
    if text is None:
        raise _wrong(f"the rule is missing: {_A_RULE}")
    if re.match(r"\s*(RRULE:)?[A-Za-z-]+=", text):
        return rfc5545.parse(_bare(text)), Policies()
    if re.search(r":(\s|$)|^\s*\{", text):
        recurrence = _fields(text)
        return recurrence.rule(), recurrence.policies()
    if re.match(r"\s*[@*\d]", text) or len(text.split()) == 5:
        return cron.parse(text), Policies()
    raise invalid(f"{text!r} is no recurrence: {_A_RULE}")


def _rrule_or_cron(given: Mapping[str, Any]) -> tuple[Rule | Cron, Policies]:
    if (given.get("rule") is None) == (given.get("cron") is None):
        raise _wrong('a request has either rule, as in "FREQ=DAILY", or cron, as in "30 9 * * Mon-Fri"')
    if rule := _read(given, "rule", _text):
        return rfc5545.parse(_bare(rule)), Policies()
    return cron.parse(_read(given, "cron", _text) or ""), Policies()


def _bare(text: str) -> str:
    """Without the name that iCalendar puts before it."""
    return text.strip().removeprefix("RRULE:")


def _fields(text: str) -> Recurrence:
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise invalid(f"recurrence is no YAML (quote a value that begins with * or @): {said}") from error
    try:
        return Recurrence.model_validate(read)
    except ValidationError as error:
        wrong = (f"{'.'.join(('recurrence', *map(str, each['loc'])))}: {each['msg']}" for each in error.errors())
        raise Rejected(INVALID_RULE, "; ".join(wrong)) from error


# Values: each reader raises ValueError with what it wants, of a wrong type too


def _read(given: Mapping[str, Any], key: str, read: Callable[[Any], _Value]) -> _Value | None:
    value = given.get(key)
    if value is None:
        return None
    try:
        return read(value)
    except (ValueError, OverflowError) as error:
        shown = repr(value) if len(repr(value)) < 100 else f"{value!r:.100}…"
        raise _wrong(f"{key} {shown} is none: {error}") from error


def _choice(given: Mapping[str, Any], key: str, kind: type[_Choice]) -> _Choice | None:
    def read(value: Any) -> _Choice:
        found = next((each for each in kind if each == value), None)
        if found is None:
            raise ValueError(f"use {' or '.join(kind)}")
        return found

    return _read(given, key, read)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("it has to be a text that is not empty")
    return value


def _whole(most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not 1 <= value <= most:
            raise ValueError(f"use a whole number from 1 to {most}")
        return value

    return read


def _start(value: Any) -> datetime | date:
    text = _text(value)
    if re.fullmatch(r"\d{4}-?\d\d-?\d\d", text, re.ASCII):
        return _local(text).date()
    return _local(text)


def _local(value: Any) -> datetime:
    """A date stands for its midnight."""
    wanted = "write a local time without offset, as in 2026-11-23T09:00, or a date; years from 1970 to 2999"
    try:
        local = datetime.fromisoformat(_text(value))
    except ValueError as error:
        raise ValueError(wanted) from error
    if local.tzinfo is not None or local.microsecond or not 1970 <= local.year <= 2999:
        raise ValueError(wanted)
    return local


def _locals(value: Any) -> tuple[datetime, ...]:
    """Of a line a list; of options a list of texts with commas."""
    if not isinstance(value, list):
        raise ValueError('it has to be a list of local times, as in ["2026-12-24T09:00"]')  # noqa: TRY004
    texts = list(chain.from_iterable(_text(each).split(",") for each in value))
    if len(texts) > MOST_DATES:
        raise ValueError(f"there may be {MOST_DATES} dates")
    return tuple(map(_local, texts))


def _instant(value: Any) -> datetime:
    if value == "now":
        return datetime.now(UTC)
    wanted = "write an instant with its offset, as in 2026-11-23T08:00Z"
    try:
        at = datetime.fromisoformat(_text(value))
    except ValueError as error:
        raise ValueError(wanted) from error
    if at.tzinfo is None:
        raise ValueError(wanted)
    return at.astimezone(UTC)


def _recent(value: Any) -> datetime:
    at = _instant(value)
    if not 1970 <= at.year <= 2999:
        raise ValueError("it has to lie in the years 1970 to 2999")
    return at


def _quoted(keys: Sequence[str]) -> str:
    return ", ".join(map(repr, keys))


def _wrong(message: str) -> Rejected:
    return Rejected(INVALID_REQUEST, message)


if __name__ == "__main__":
    sys.exit(main())
