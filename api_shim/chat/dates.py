"""What a text says of time, and what is left of it: "call Ann tomorrow at 5pm, 1 hour before" → "call Ann", tomorrow,
17:00, PT1H.

Phrases are found by regular expressions without nested repetition, kind by kind, each leaving a gap (a line break,
which no normalized text has) in its place. A date word counts only where it can be one: "watch Black Friday deals" and
"Monday's meeting" have no date. Everything is wall-clock time; the caller knows the zone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from re import Match, Pattern

from taskbell.calendar import offsets
from taskbell.calendar.rule import Frequency, Rule

MORNING, AFTERNOON, EVENING = time(9), time(15), time(19)
"""What "in the morning" and its like mean where no hour is named; what was understood is always said."""
USUAL = MORNING
"""For a day without a time."""

GAP = "\n"
_FURTHEST = timedelta(days=366 * 50)


class Unclear(Exception):
    """The text means nothing, or more than one thing; the sentence says how to say it."""


@dataclass(slots=True)
class Reading:
    """`day`, `clock`: the wall-clock date and time named. `shift`: an exact time from now. `rule`: how it repeats,
    without end; `until` and `count` end it, `since` begins it. `before`: reminders, as ISO 8601 durations."""

    rest: str
    day: date | None = None
    clock: time | None = None
    shift: timedelta | None = None
    rule: Rule | None = None
    since: date | None = None
    until: date | None = None
    count: int | None = None
    before: tuple[str, ...] = ()
    _ampm: str = field(default="", repr=False)

    @property
    def timed(self) -> bool:
        """Whether it says when."""
        return self.rule is not None or self.once

    @property
    def once(self) -> bool:
        return self.day is not None or self.clock is not None or self.shift is not None


def read(text: str, now: datetime) -> Reading:
    """`now` is naive local. Raises Unclear."""
    reading = Reading(text)
    _refuse(text)
    for take in (_take_reminders, _take_rule, _take_bounds, _take_shift, _take_day, _take_clock):
        take(reading, now)
    reading.rest = tidy(reading.rest)
    return reading


def moment(reading: Reading, now: datetime) -> datetime:
    """The naive local time of what happens once. Raises Unclear for one that has passed."""
    if reading.shift is not None:
        return now + reading.shift
    clock = reading.clock or USUAL
    if reading.day is None:
        today = datetime.combine(now.date(), clock)
        return today if today > now else today + timedelta(days=1)
    at = datetime.combine(reading.day, clock)
    if at <= now:
        if reading.clock is None and reading.day == now.date():
            raise Unclear("At what time today? For example: today at 17:00.")
        raise Unclear(f"{at:%d %B %Y, %H:%M} has passed. Name a time to come, for example: tomorrow at 9.")
    return at


def tidy(text: str) -> str:
    """Without gaps, and without the little words that led to them."""
    previous = None
    while text != previous:
        previous = text
        text = _DANGLING.sub(" ", text.replace(GAP, " \n "))
        text = re.sub(r"[ ]*\n[\s]*", "\n", text).strip(" ,;:.\n-–")
    return re.sub(r"\s+", " ", text).strip()


_DANGLING = re.compile(
    r"(?:^|[\s,]+)(?:on|at|by|from|in|for|and|with|until|due|starting|every|then|,)(?=\s*\n)|(?<=\n)\s*(?:and|,)(?=\s)",
    re.IGNORECASE,
)

_WORDS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty-five": 45, "sixty": 60,
    "ninety": 90, "a couple of": 2,
}  # fmt: skip
_ORDINALS = {
    "first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "fifth": 5, "5th": 5,
    "last": -1, "second to last": -2, "second last": -2,
}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WORKDAYS = _DAYS[:5]

_N = rf"(?:\d{{1,4}}|{'|'.join(sorted(_WORDS, key=len, reverse=True))})"
_NTH = rf"(?:{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})"
_NUM = r"(?:\d{1,2}(?:st|nd|rd|th))"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_ANY_WEEKDAY = rf"(?:{_WEEKDAY}|mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
AND = r"(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s*&\s*|\s*/\s*)"
_EVERY = r"\b(?:every|each)"
_UNIT = r"(?:minutes?|mins?|hours?|hrs?|days?|weeks?|[mhd])\b"
OFFSET = rf"(?:half\s+an\s+hour|{_N}\s*{_UNIT})"
_END = r"(?=\s*(?:$|[\n,.;!?)]))"
_NOT_WORD = r"(?![\w'’-])"


def _compiled(pattern: str) -> Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_REFUSALS = tuple(
    (_compiled(pattern), sentence)
    for pattern, sentence in (
        (rf"{_EVERY}\s+(?:{_N}\s+)?(?:hours?|minutes?)\b|\b(?:hourly)\b", ("I can repeat things by days, weeks, months "
         "or years, not by hours or minutes. For example: every day at 9.")),
        (r"\bafter (?:completion|completing|it is done|it's done|i(?:'ve| have)? (?:did|done|completed?))\b",
         "I cannot count from the completion yet. I can repeat by the calendar, for example: every 3 days at 9."),
        (r"\b(?:work(?:ing)?|business)[ -]?day of (?:the|each|every) month\b", ("I do not know the workdays of a month. "
         "I can do the last day, or the last Friday, of every month.")),
        (rf"{_EVERY}\b.*\b(?:except|excluding|but not)\b", ("I cannot leave days out of a repetition in words. Name the "
         "days instead, for example: every Monday, Tuesday and Thursday at 9.")),
    )
)  # fmt: skip


def _refuse(text: str) -> None:
    for pattern, sentence in _REFUSALS:
        if pattern.search(text):
            raise Unclear(sentence)


def _take(reading: Reading, pattern: Pattern[str]) -> Match[str] | None:
    """The first match, which leaves a gap."""
    match = pattern.search(reading.rest)
    if match:
        reading.rest = f"{reading.rest[: match.start()]}{GAP}{reading.rest[match.end() :]}"
    return match


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _WORDS[" ".join(text.casefold().split())]


# Reminders

_LEAD = r"(?:[,;]?\s*(?:\band\s+)?(?:\bwith\s+)?(?:\b(?:an?|the|my)\s+)?\b(?:remind(?:ers?)?|alerts?)(?:\s+me)?(?:\s+of)?\s+)?"
_FOLLOWS = rf"(?:it|that|each|every|on|at|by|today|tomorrow|tonight|next|in|and|until|starting|from|due|with|for|to|{_WEEKDAY})"
_REMINDERS = _compiled(
    rf"{_LEAD}(?P<list>(?<!\bin\s)\b{OFFSET}(?:{AND}{OFFSET}){{0,5}})\s+"
    rf"(?:before(?:\s?hand)?|earlier|in\s+advance|ahead|prior)(?:\s+(?:it|that|it\s+is\s+due|it's\s+due))?"
    rf"(?=\s*(?:$|[\n,.;!?#])|\s+{_FOLLOWS}\b)"
)
_OFFSET_PARTS = _compiled(r"half\s+an\s+hour|(?P<n>" + _N + r")\s*(?P<unit>[a-z]+)")
_ON_TIME = _compiled(
    r"[,;]?\s*(?:\band\s+)?(?:\bwith\s+)?(?:\b(?:an?|the)\s+)?\bremind(?:er)?(?:\s+me)?\s+(?:when\s+(?:it\s+is|it's)\s+due|"
    r"on\s+time|at\s+the\s+due\s+time)"
)


def _take_reminders(reading: Reading, _now: datetime) -> None:
    found: list[str] = []
    for _ in range(3):
        if match := _take(reading, _REMINDERS):
            found += offsets_in(match["list"])
    if _take(reading, _ON_TIME):
        found.append("PT0M")
    reading.before = tuple(dict.fromkeys(found))


def offsets_in(text: str) -> list[str]:
    """ "1 day and 15 min" → P1D, PT15M. Raises Unclear."""
    return [_offset(match) for match in _OFFSET_PARTS.finditer(text)]


def _offset(match: Match[str]) -> str:
    if match["n"] is None:
        return "PT30M"
    number, unit = _number(match["n"]), match["unit"].casefold()[0]
    texts = {"m": f"PT{number}M", "h": f"PT{number}H", "d": f"P{number}D", "w": f"P{number}W"}
    try:
        return str(offsets.parse(texts[unit]))
    except ValueError as error:
        raise Unclear(f"{match[0]} is too long before: name at most 999 weeks.") from error


# Recurrence


def _weekdays(text: str) -> tuple[str, ...]:
    found = {match[0][:3].title() for match in re.finditer(_ANY_WEEKDAY, text, re.IGNORECASE)}
    return tuple(day for day in _DAYS if day in found)


def _nth_weekday(match: Match[str]) -> Rule:
    nths = [_ORDINALS[" ".join(nth.casefold().split())] for nth in re.findall(_NTH, match["nth"], re.IGNORECASE)]
    days = tuple(f"{nth}{day}" for nth in nths for day in _weekdays(match["days"]))
    return Rule(Frequency.MONTHLY, interval=_interval(match), weekdays=days)


def _month_days(match: Match[str]) -> Rule:
    text = match["numbers"]
    last = (-1,) if re.search(r"last|end", text, re.IGNORECASE) else ()
    words = tuple(
        _ORDINALS[word.casefold()] for word in re.findall(r"first|second|third|fourth|fifth", text, re.IGNORECASE)
    )
    days = (*(int(number) for number in re.findall(r"\d+", text)), *words)
    if not all(1 <= day <= 31 for day in days):
        raise Unclear(f"{match[0].strip()}: a month has the days 1 to 31.")
    return Rule(Frequency.MONTHLY, interval=_interval(match), month_days=(*sorted(set(days)), *last))


def _interval(match: Match[str]) -> int:
    groups = match.groupdict()
    text = groups.get("n")
    if groups.get("other"):
        return 2
    if not text:
        return 1
    text = " ".join(text.casefold().split())
    number = _ORDINALS.get(text) or _number(text)
    if not 1 <= number <= 1000:
        raise Unclear(f"{match[0].strip()}: I can repeat every 1 to 1000 days, weeks, months or years.")
    return number


def _every_unit(match: Match[str]) -> Rule:
    frequency = {"d": Frequency.DAILY, "w": Frequency.WEEKLY, "m": Frequency.MONTHLY, "y": Frequency.YEARLY}
    unit = match["unit"].casefold()
    if unit.startswith("quarter"):
        return Rule(Frequency.MONTHLY, interval=3 * _interval(match))
    days = _weekdays(match["days"]) if match.groupdict().get("days") else ()
    return Rule(frequency[unit[0]], interval=_interval(match), weekdays=days)


_ADVERBS = {
    "daily": Rule(Frequency.DAILY),
    "weekly": Rule(Frequency.WEEKLY),
    "biweekly": Rule(Frequency.WEEKLY, interval=2),
    "fortnightly": Rule(Frequency.WEEKLY, interval=2),
    "monthly": Rule(Frequency.MONTHLY),
    "quarterly": Rule(Frequency.MONTHLY, interval=3),
    "yearly": Rule(Frequency.YEARLY),
    "annually": Rule(Frequency.YEARLY),
}


def _adverb(match: Match[str]) -> Rule:
    rule = _ADVERBS[match["adverb"].casefold()]
    days = match.groupdict().get("days")
    return Rule(rule.frequency, rule.interval, _weekdays(days)) if days else rule


def _yearly(match: Match[str]) -> Rule:
    day = int(re.findall(r"\d+", match["date"])[0])
    month = _month(next(iter(re.findall(_MONTH, match["date"], re.IGNORECASE))))
    if not 1 <= day <= 31:
        raise Unclear(f"{match['date'].strip()} is no date of the calendar.")
    return Rule(Frequency.YEARLY, month_days=(day,), months=(month,))


def _month(text: str) -> int:
    return _MONTHS.index(text[:3].casefold()) + 1


_PLURAL = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days"
_EVERY_MONTH = rf"(?:{_EVERY}\s+(?:(?P<other>other)\s+|(?P<n>{_N}|second|third)\s+)?months?|\bmonthly)"
_DAYS_OF = rf"(?P<numbers>(?:{_NUM}|last\s+day|first\s+day|end|last)(?:{AND}(?:the\s+)?(?:{_NUM}|last\s+day|last))*)"
_DATE_OF_YEAR = (
    rf"(?P<date>(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b)"
)
_ON = r"\s+(?:on\s+)?(?:the\s+)?"
_RULE_FORMS: tuple[tuple[str, Callable[[Match[str]], Rule]], ...] = (
    ((rf"{_EVERY}\s+(?P<nth>{_NTH}(?:{AND}{_NTH})?)\s+(?P<days>{_ANY_WEEKDAY})\s+(?:of|in)\s+(?:the|a|each|every)\s+"
     r"month\b"), _nth_weekday),
    ((rf"(?:\bon\s+)?\b(?:the\s+)?(?P<nth>{_NTH}(?:{AND}{_NTH})?)\s+(?P<days>{_ANY_WEEKDAY})\s+(?:of|in)\s+"
     rf"(?:each|every)\s+(?:(?P<n>{_N})\s+)?months?\b"), _nth_weekday),
    (rf"{_EVERY_MONTH}{_ON}(?P<nth>{_NTH}(?:{AND}{_NTH})?)\s+(?P<days>{_ANY_WEEKDAY})\b", _nth_weekday),
    (rf"{_EVERY_MONTH}{_ON}{_DAYS_OF}{_NOT_WORD}", _month_days),
    (rf"{_EVERY}\s+{_DAYS_OF}(?:\s+(?:day\s+)?(?:of|in)\s+(?:the|a|each|every)\s+month\b|(?=\s+at\b){_NOT_WORD})",
     _month_days),
    ((rf"(?:\b(?:on|at)\s+)?\b(?:the\s+)?{_DAYS_OF}\s+(?:day\s+)?(?:of|in)\s+(?:each|every)\s+(?:(?P<n>{_N})\s+)?"
     r"months?\b"), _month_days),
    (rf"(?:{_EVERY}\s+year|\byearly|\bannually)\s+(?:on\s+)?{_DATE_OF_YEAR}", _yearly),
    (rf"{_EVERY}\s+{_DATE_OF_YEAR}", _yearly),
    (rf"(?:\bon\s+)?{_DATE_OF_YEAR}\s+(?:{_EVERY}\s+year|of\s+every\s+year)\b", _yearly),
    ((rf"{_EVERY}\s+(?:(?P<other>other)|(?P<n>second|2nd|third|3rd|fourth|4th))\s+(?P<days>{_ANY_WEEKDAY})(?P<unit>"
     rf"){_NOT_WORD}"), lambda match: Rule(Frequency.WEEKLY, _interval(match), _weekdays(match["days"]))),
    ((rf"{_EVERY}\s+(?:(?P<other>other)\s+|(?P<n>{_N}|second|third)\s+)?(?P<unit>weeks?)\s+on\s+(?P<days>"
     rf"{_ANY_WEEKDAY}(?:{AND}{_ANY_WEEKDAY})*){_NOT_WORD}"), _every_unit),
    ((rf"{_EVERY}\s+(?:(?P<other>other)\s+|(?P<n>{_N}|second|third)\s+)?(?P<unit>days?|weeks?|months?|years?|"
     rf"quarters?){_NOT_WORD}|\beveryday\b(?P<u>)"), lambda match: _every_unit(match) if match["unit"] else
     Rule(Frequency.DAILY)),
    ((rf"\b(?P<adverb>weekly|biweekly|fortnightly)\s+on\s+(?P<days>{_ANY_WEEKDAY}(?:{AND}{_ANY_WEEKDAY})*)"
     rf"{_NOT_WORD}"), _adverb),
    (rf"(?:{_EVERY}|\bon)\s+(?:week|work|business|working)[ -]?days?\b", lambda _: Rule(Frequency.WEEKLY,
     weekdays=_WORKDAYS)),
    (rf"(?:{_EVERY}\s+weekend|\bon\s+weekends)\b", lambda _: Rule(Frequency.WEEKLY, weekdays=("Sat", "Sun"))),
    (rf"{_EVERY}\s+(?P<days>{_ANY_WEEKDAY}(?:{AND}{_ANY_WEEKDAY})*){_NOT_WORD}", lambda match:
     Rule(Frequency.WEEKLY, weekdays=_weekdays(match["days"]))),
    (rf"(?:\bon\s+)?\b(?P<days>{_PLURAL}(?:{AND}{_PLURAL})*){_NOT_WORD}", lambda match: Rule(Frequency.WEEKLY,
     weekdays=_weekdays(match["days"]))),
    (rf"{_EVERY}(?=\s+(?:morning|afternoon|evening|night)\b)", lambda _: Rule(Frequency.DAILY)),
    ((rf"(?:\b(?:with\s+)?(?:recurrence|repeat(?:s|ing)?)\s+)?\b(?P<adverb>{'|'.join(_ADVERBS)})"
     rf"(?=\s*(?:$|[\n,.;!?)])|\s+(?:at|on|in\s+the|from|until|starting|with|for|\d))"), _adverb),
)  # fmt: skip
_RULES = tuple((_compiled(pattern), rule) for pattern, rule in _RULE_FORMS)


def _take_rule(reading: Reading, _now: datetime) -> None:
    for pattern, rule in _RULES:
        if match := _take(reading, pattern):
            reading.rule = rule(match)
            return


# Dates


def _weekday_date(match: Match[str], now: datetime) -> date:
    """The next such day after today; "next" is the one in the calendar week after this one."""
    today, wanted = now.date(), _DAYS.index(match["weekday"][:3].title())
    if (match["which"] or "").casefold() == "next":
        monday = today - timedelta(days=today.weekday())
        return monday + timedelta(days=7 + wanted)
    return today + timedelta(days=(wanted - today.weekday()) % 7 or 7)


def _day_and_month(match: Match[str], now: datetime) -> date:
    day, month = int(match["day"]), _month(match["month"])
    if match["year"]:
        return _date(int(match["year"]), month, day, match[0])
    this = _date(now.year if (month, day) != (2, 29) else 2028, month, day, match[0])
    if (month, day) == (2, 29):
        return next(date(year, 2, 29) for year in range(now.year, now.year + 9) if _leap(year) and
                    date(year, 2, 29) >= now.date())  # fmt: skip
    return this if this >= now.date() else this.replace(year=now.year + 1)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _day_of_month(match: Match[str], now: datetime) -> date:
    day = int(match["day"])
    if not 1 <= day <= 31:
        raise Unclear(f"{match[0].strip()}: a month has the days 1 to 31.")
    first = now.date().replace(day=1)
    for _ in range(13):
        if day <= _last_day(first).day and first.replace(day=day) >= now.date():
            return first.replace(day=day)
        first = _last_day(first) + timedelta(days=1)
    raise Unclear(f"{match[0].strip()} is no date of the calendar.")


def _last_day(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _iso(match: Match[str], _now: datetime) -> date:
    return _date(int(match["year"]), int(match["month"]), int(match["day"]), match[0])


def _slashed(match: Match[str], now: datetime) -> date:
    first, second = int(match["first"]), int(match["second"])
    if first <= 12 and second <= 12 and first != second:
        raise Unclear(f"{match[0].strip()} could be two dates. Write the month as a word, for example 3 April.")
    day, month = (first, second) if second <= 12 else (second, first)
    year = int(match["year"]) if match["year"] else now.year
    found = _date(year, month, day, match[0])
    return found if match["year"] or found >= now.date() else _date(year + 1, month, day, match[0])


def _date(year: int, month: int, day: int, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise Unclear(f"{text.strip()} is no date of the calendar.") from error


def _in_units(match: Match[str], now: datetime) -> date:
    number, unit = _number(match["n"]), match["unit"].casefold()[0]
    today = now.date()
    if unit in "dw":
        shift = timedelta(days=number * (7 if unit == "w" else 1))
        _within(shift, match[0])
        return today + shift
    months = number * (12 if unit == "y" else 1)
    _within(timedelta(days=31 * months), match[0])
    year, month = divmod(12 * today.year + today.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    return first.replace(day=min(today.day, _last_day(first).day))


def _within(shift: timedelta, text: str) -> None:
    if shift > _FURTHEST:
        raise Unclear(f"{text.strip()} is too far away: name a time within 50 years.")


def _fixed(days: int) -> Callable[[Match[str], datetime], date]:
    return lambda _match, now: now.date() + timedelta(days=days)


def _weekend(match: Match[str], now: datetime) -> date:
    today = now.date()
    saturday = today + timedelta(days=(5 - today.weekday()) % 7)
    return saturday + timedelta(days=7) if (match["which"] or "").casefold() == "next" else saturday


def _next_monday(_match: Match[str], now: datetime) -> date:
    return now.date() + timedelta(days=7 - now.weekday())


_YEAR = r"(?:,?\s+(?P<year>20\d\d)\b)?"
_LED = r"(?:\b(?:due\s+on|due\s+by|due|on|by|for|from|to|until|till|through|before|starting\s+on|starting)\s+)"
_WHERE = r"(?=\s*(?:$|[\n,.;!?)]|\d{1,2}(?::|\.\d\d|\s*[ap]\.?m))|\s+(?:at|with|around|and|until|morning|afternoon|evening|night)\b)"
_DATES: tuple[tuple[str, bool, Callable[[Match[str], datetime], date]], ...] = (
    (r"(?:the\s+)?day\s+after\s+tomorrow", True, _fixed(2)),
    (r"(?:today|tonight|this(?=\s+(?:morning|afternoon|evening)))", True, _fixed(0)),
    (r"(?:tomorrow|tmrw?|tomorow|tommorow)", True, _fixed(1)),
    (r"(?P<which>this|next|coming)\s+weekend", True, _weekend),
    (r"(?:the\s+)?end\s+of\s+(?:the|this)\s+month", True, lambda _, now: _last_day(now.date())),
    (r"(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)", True, _iso),
    (r"in\s+(?P<n>" + _N + r")\s+(?P<unit>days?|weeks?|months?|years?)(?:'s?\s+time)?", True, _in_units),
    (r"(?:the\s+)?(?P<which>this|next|coming)\s+(?P<weekday>" + _ANY_WEEKDAY + ")", True, _weekday_date),
    (r"(?:the\s+)?(?P<day>\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>" + _MONTH + ")" + _YEAR, False,
     _day_and_month),
    (r"(?P<month>" + _MONTH + r")\s+(?:the\s+)?(?P<day>\d{1,2})(?:st|nd|rd|th)?" + _YEAR, False, _day_and_month),
    (r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?:/(?P<year>20\d\d))?", False, _slashed),
    (r"(?P<which>)(?P<weekday>" + _WEEKDAY + ")", False, _weekday_date),
    (r"(?:the\s+)?(?P<day>\d{1,2})(?:st|nd|rd|th)", False, _day_of_month),
    (r"next\s+week", False, _next_monday),
)  # fmt: skip
_SHORT_WEEKDAY = rf"(?P<which>)(?P<weekday>{_ANY_WEEKDAY})"
Found = tuple[Pattern[str], Callable[[Match[str], datetime], date]]


def _places(lead: str) -> Iterator[Found]:
    """`lead` and a date: what follows it decides nothing."""
    for phrase, _, resolve in _DATES:
        yield _compiled(rf"{lead}{phrase}{_NOT_WORD}"), resolve
    yield _compiled(rf"{lead}{_SHORT_WEEKDAY}{_NOT_WORD}"), _weekday_date


def _free() -> Iterator[Found]:
    """A date where it can be one by what stands around it."""
    for phrase, strong, resolve in _DATES:
        yield _compiled(rf"{_LED}?\b{phrase}{_NOT_WORD}" if strong else rf"\b{phrase}{_NOT_WORD}{_WHERE}"), resolve
        if not strong:
            yield _compiled(rf"^{phrase}{_NOT_WORD}"), resolve
    yield _compiled(rf"^{_SHORT_WEEKDAY}{_WHERE}"), _weekday_date


_LED_DATES, _FREE_DATES = tuple(_places(_LED)), tuple(_free())
_UNTIL = tuple(_places(r"\b(?:until|till|til|through)\s+(?:on\s+)?"))
_SINCE = tuple(_places(r"\b(?:starting|from|beginning|as\s+of)\s+(?:on\s+|from\s+)?"))
_TIMES = _compiled(rf"\b(?:for\s+|just\s+|only\s+)?(?P<n>{_N})\s+times\b")
_FOR = _compiled(rf"\bfor\s+(?:the\s+next\s+)?(?P<n>{_N})\s+(?P<unit>days?|weeks?|months?|years?)\b")
_UNTIL_WHAT = _compiled(rf"\b(?:until|till|through)\s+(?P<what>{_MONTH}|next\s+\w+)(?!\s*\d)")


def _found(reading: Reading, patterns: tuple[Found, ...], now: datetime) -> date | None:
    for pattern, resolve in patterns:
        if match := _take(reading, pattern):
            found = resolve(match, now)
            if found < now.date():
                raise Unclear(f"{match[0].strip()} has passed. Name a day to come, for example: tomorrow.")
            return found
    return None


def _take_bounds(reading: Reading, now: datetime) -> None:
    if reading.rule is None:
        return
    reading.until = _found(reading, _UNTIL, now)
    if reading.until is None and (match := _UNTIL_WHAT.search(reading.rest)):
        raise Unclear(f"Until which day? {match['what'].title()} has several: say for example until 30 June.")
    if match := _take(reading, _TIMES):
        reading.count = _number(match["n"])
        if reading.count < 1:
            raise Unclear("How many times? Name a number from 1 on.")
    if reading.until is None and reading.count is None and (match := _take(reading, _FOR)):
        reading.until = _in_units(match, now)
    if reading.until is not None and reading.count is not None:
        raise Unclear("Either until a day or a number of times: which of the two shall end it?")
    reading.since = _found(reading, _SINCE, now)


_SHIFT = _compiled(rf"\bin\s+(?P<half>half\s+an\s+hour|(?P<n>{_N})\s*(?P<unit>minutes?|mins?|hours?|hrs?|h|m)\b)")


def _take_shift(reading: Reading, _now: datetime) -> None:
    if reading.rule is None and (match := _take(reading, _SHIFT)):
        minutes = 30 if match["n"] is None else _number(match["n"])
        hours = match["unit"] is not None and match["unit"].casefold().startswith("h")
        reading.shift = timedelta(minutes=minutes * (60 if hours else 1))


def _take_day(reading: Reading, now: datetime) -> None:
    if reading.shift is not None:
        return
    tonight = re.search(r"\btonight\b", reading.rest, re.IGNORECASE)
    found = _found(reading, _LED_DATES, now) or _found(reading, _FREE_DATES, now)
    if reading.rule is None:
        reading.day = found
    elif found is not None:
        reading.since = reading.since or found
    if tonight and found is not None:
        reading.rest += f"{GAP}in the evening"


# Times of day

_SPOKEN = r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d\d))?\s*(?P<ampm>[ap]\.?m\.?)?(?:\s*o'?clock)?"
_AT = r"\b(?:at|by|around|before|@)\s*(?:about\s+)?"
_CLOCK_END = r"(?=\s*(?:$|[\n,;!?)]|\.(?:\s|$))|\s+(?:to|and|with|for|in|on|every|each|until|remind)\b)"
_CLOCKS = (
    _compiled(r"(?:\b(?:at|by|around)\s+|@\s*)?\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?\s*(?P<ampm>[ap]\.?m\b\.?)"),
    _compiled(r"(?:\b(?:at|by|around)\s+|@\s*)?\b(?P<hour>\d{1,2}):(?P<minute>\d\d)(?P<ampm>)(?![\d:])"),
    _compiled(rf"(?:\b(?:at|by|around)\s+|@\s*)(?P<hour>\d{{1,2}})(?:\s*o['’]?clock|h)?(?P<minute>)(?P<ampm>){_CLOCK_END}"),
    _compiled(r"\b(?P<hour>\d{1,2})\s*o['’]?clock\b(?P<minute>)(?P<ampm>)"),
    _compiled(r"(?<=\n)\s*(?:at\s+|@\s*)(?P<hour>\d{1,2})\b(?P<minute>)(?P<ampm>)"),  # right after a date
)  # fmt: skip
_QUARTERS = _compiled(
    rf"(?:\bat\s+)?\b(?P<part>half\s+past|(?:a\s+)?quarter\s+past|(?:a\s+)?quarter\s+to)\s+(?P<hour>{_N})\b"
)
_NAMED = _compiled(r"(?:\b(?:at|by|around)\s+)?\b(?P<name>noon|midday|midnight)\b")
_PART = _compiled(
    r"(?:(?:\b(?:in\s+the|this|at)\s+)?\b(?P<ending>morning|afternoon|evening|night)s?(?![\w'’-])"
    + _END
    + r"|(?<=\n)\s*(?:in\s+the\s+)?(?P<following>morning|afternoon|evening|night)s?(?![\w'’-]))"
)
_PART_ALONE = {"morning": MORNING, "afternoon": AFTERNOON, "evening": EVENING, "night": time(21)}


def _take_clock(reading: Reading, _now: datetime) -> None:
    if reading.shift is not None:
        return
    part = _take(reading, _PART) if reading.timed else None
    clock = _clock(reading)
    if clock and not part:
        part = _take(reading, _PART)
    if part:
        name = (part["ending"] or part["following"]).casefold()
        clock = _in_part(clock, name) if clock else (_PART_ALONE[name], True)
    if clock:
        reading.clock = _settled(*clock)


Clock = tuple[time, bool]
"""A time, and whether it is said beyond doubt which half of the day it is in."""


def _clock(reading: Reading) -> Clock | None:
    if match := _take(reading, _NAMED):
        return (time(0) if match["name"].casefold() == "midnight" else time(12)), True
    if match := _take(reading, _QUARTERS):
        return _quarter(match)
    for pattern in _CLOCKS:
        if match := _take(reading, pattern):
            return _spoken(match)
    return None


def _quarter(match: Match[str]) -> Clock:
    part = match["part"].casefold()
    minutes = 60 * _number(match["hour"]) + (30 if "half" in part else 15 if "past" in part else -15)
    if not 0 <= minutes < 24 * 60:
        raise Unclear(f"{match[0].strip()} is no time of day.")
    return time(*divmod(minutes, 60)), minutes >= 13 * 60


def _spoken(match: Match[str]) -> Clock:
    hour, minute, ampm = int(match["hour"]), int(match["minute"] or 0), (match["ampm"] or "")[:1].casefold()
    if hour > (12 if ampm else 23) or minute > 59 or (ampm and hour == 0):
        raise Unclear(f"{match[0].strip()} is no time of day. Write for example 17:00 or 5pm.")
    if ampm:
        return time(hour % 12 + (12 if ampm == "p" else 0), minute), True
    return time(hour, minute), bool(match["minute"]) or hour == 0 or hour > 12


def _in_part(clock: Clock, part: str) -> Clock:
    at, sure = clock
    late = part != "morning" and (at.hour >= 5 or part in {"afternoon", "evening"})
    return (at.replace(hour=at.hour + 12) if late and at.hour < 12 and not (sure and at.hour > 12) else at), True


def _settled(at: time, sure: bool) -> time:
    """An hour without am, pm or minutes: 1 to 6 are in the afternoon, 7 to 12 as they are."""
    return at if sure or not 1 <= at.hour <= 6 else at.replace(hour=at.hour + 12)
