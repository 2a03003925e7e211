"""A sentence → what its author wants. Pure; a table of forms, tried in order, the first that fits decides.

What is no form but says when it should happen is a task to add ("dentist Friday at 10"); anything else is `Unknown`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from re import Match

from api_shim.chat import dates
from api_shim.chat.dates import Reading, Unclear, read
from taskbell.calendar import offsets
from taskbell.resources import Priority

LONGEST_MESSAGE = 500
"""Characters. A sentence, not a letter; keeps every expression's work small."""


@dataclass(frozen=True, slots=True)
class Add:
    title: str
    when: Reading
    before: tuple[str, ...]
    tags: tuple[str, ...] = ()
    priority: Priority = Priority.MEDIUM


@dataclass(frozen=True, slots=True)
class ListTasks:
    """`first` to `last`, both days inclusive; None is without bound. `overdue`: only what is past."""

    label: str
    first: date | None = None
    last: date | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class ListSchedules:
    pass


@dataclass(frozen=True, slots=True)
class ListReminders:
    pass


@dataclass(frozen=True, slots=True)
class Complete:
    title: str


@dataclass(frozen=True, slots=True)
class Reopen:
    title: str


@dataclass(frozen=True, slots=True)
class Skip:
    title: str


@dataclass(frozen=True, slots=True)
class Delete:
    title: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Cancel all future occurrences."""

    title: str


@dataclass(frozen=True, slots=True)
class Resume:
    title: str


@dataclass(frozen=True, slots=True)
class Pause:
    title: str


@dataclass(frozen=True, slots=True)
class Move:
    """To a time, or by a distance later."""

    title: str
    when: Reading
    later: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    title: str
    new: str


@dataclass(frozen=True, slots=True)
class Remind:
    """Instead of the reminders there are; none for ()."""

    title: str
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetZone:
    place: str


@dataclass(frozen=True, slots=True)
class Undo:
    pass


@dataclass(frozen=True, slots=True)
class Help:
    pass


@dataclass(frozen=True, slots=True)
class NeverMind:
    pass


@dataclass(frozen=True, slots=True)
class Unsaid:
    """It cannot be carried out as it is said; the sentence says why."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Unknown:
    pass


Intent = (
    Add | ListTasks | ListSchedules | ListReminders | Complete | Reopen | Skip | Delete | Stop | Resume | Pause | Move
    | Rename | Remind | SetZone | Undo | Help | NeverMind | Unsaid | Unknown
)  # fmt: skip


def understand(message: str, now: datetime) -> Intent:
    """`now` is naive local. Any text has an answer."""
    text = normalized(message)
    try:
        for pattern, intent in _FORMS:
            if match := pattern.fullmatch(text):
                found = intent(match, now)
                if found is not None:
                    return found
        return _added(text, now, asked=False)
    except Unclear as unclear:
        return Unsaid(str(unclear))


def normalized(message: str) -> str:
    text = message.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    return " ".join(text.split())[:LONGEST_MESSAGE]


# Adding

_QUOTED = re.compile(r'"([^"]{1,200})"')
_TAG = re.compile(r"(?<!\S)#([\w-]{1,50})")
_PRIORITY = re.compile(r"(?<!\S)!(high|medium|low)\b", re.IGNORECASE)
_LEAVE = re.compile(r"^(?:to|that i (?:should|must|have to)|about)\s+", re.IGNORECASE)


def _added(text: str, now: datetime, *, asked: bool, reminding: bool = False) -> Intent:
    """`asked`: it was said that something is to be added. Without that, only what says when is a task."""
    tags, priority = tuple(_TAG.findall(text)), _PRIORITY.search(text)
    plain = _PRIORITY.sub(" ", _TAG.sub(" ", text))
    quoted = _QUOTED.search(plain)
    when = read(_QUOTED.sub(dates.GAP, plain, count=1) if quoted else plain, now)
    title = quoted[1].strip() if quoted else _LEAVE.sub("", when.rest.rstrip("?!. ")).strip()
    if not asked and not when.timed:
        return Unknown()
    if not title:
        return Unsaid("What should I call it? For example: add buy milk tomorrow at 17:00.") if asked else Unknown()
    if len(title) > 200:
        return Unsaid("That title is longer than 200 characters: shorten it.")
    before = when.before or (("PT0M",) if reminding and when.timed else ())
    if before and not when.timed:
        return Unsaid("When is it due? A reminder needs that, for example: tomorrow at 17:00, 1 hour before.")
    return Add(title, when, before, tags, Priority(priority[1].title()) if priority else Priority.MEDIUM)


def _add(match: Match[str], now: datetime) -> Intent:
    return _added(match["rest"], now, asked=True)


def _remind_me(match: Match[str], now: datetime) -> Intent:
    return _added(match["rest"], now, asked=True, reminding=True)


# Listing

_ASKED = r"(?:what(?:'s|\s+is|\s+are|\s+do\s+i\s+have|\s+have\s+i\s+got|\s+must\s+i\s+do)?|show(?:\s+me)?|list|tell\s+me|which)"


def _list(match: Match[str], now: datetime) -> Intent | None:
    said = match["what"].casefold()
    if re.search(r"\breminders?\b", said):
        return ListReminders()
    if re.search(r"\b(?:schedules?|recurring|repeat(?:s|ing)?|series)\b", said):
        return ListSchedules()
    today = now.date()
    monday = today - timedelta(days=today.weekday())
    for pattern, label, first, last in (
        (r"\boverdue\b|\blate\b", "overdue", None, None),
        (r"\bthis\s+week\b", "due this week", today, monday + timedelta(days=6)),
        (r"\bnext\s+week\b", "due next week", monday + timedelta(days=7), monday + timedelta(days=13)),
        (r"\bthis\s+month\b", "due this month", today, (today.replace(day=28) + timedelta(days=4)).replace(day=1)
         - timedelta(days=1)),
    ):  # fmt: skip
        if re.search(pattern, said):
            return ListTasks(label, first, last, overdue=label == "overdue")
    when = read(said, now)
    if when.day is not None:
        last = when.day + timedelta(days=1) if "weekend" in said else when.day
        return ListTasks(f"due on {when.day:%A} {when.day.day} {when.day:%B}", when.day, last)
    return ListTasks("open") if _ABOUT_TASKS.search(said) else None


_ABOUT_TASKS = re.compile(
    r"\b(?:tasks?|todos?|to-dos?|everything|all|list|open|pending|due|on|next|do|agenda|plate|up)\b|^$", re.IGNORECASE
)

# Changing


def _moved(match: Match[str], now: datetime) -> Intent:
    said = match["when"].strip()
    when = read(f"at {said}" if said.isdigit() else said, now)
    if not when.timed or when.rest:
        raise Unclear(f"I do not understand when “{match['when']}” is. For example: move the dentist to Friday at 10.")
    return Move(_thing(match), when)


def _postponed(match: Match[str], _now: datetime) -> Intent:
    (offset, *more) = dates.offsets_in(match["distance"])
    if more:
        raise Unclear("By how much? Name one distance, for example: by 2 days.")
    parsed = offsets.parse(offset)
    return Move(_thing(match), Reading(""), later=timedelta(days=parsed.days, minutes=parsed.minutes))


def _reminded(match: Match[str], _now: datetime) -> Intent:
    return Remind(_thing(match), tuple(dict.fromkeys(dates.offsets_in(match["list"]))))


def _renamed(match: Match[str], _now: datetime) -> Intent:
    new = match["new"].strip().strip('"').strip()
    return Rename(_thing(match), new) if 0 < len(new) <= 200 else Unsaid("A title has 1 to 200 characters.")


def _thing(match: Match[str]) -> str:
    return match["x"].strip().strip('"').strip()


def _about(kind: Callable[[str], Intent]) -> Callable[[Match[str], datetime], Intent]:
    return lambda match, _now: kind(_thing(match))


def _completed(match: Match[str], now: datetime) -> Intent | None:
    """ "finish the report tomorrow at 5" is a plan, not a deed."""
    return None if read(_thing(match), now).timed else Complete(_thing(match))


_X = r"(?P<x>.{1,300}?)"
_OFFSETS = rf"(?P<list>{dates.OFFSET}(?:{dates.AND}{dates.OFFSET}){{0,5}})"
_POLITE = (
    r"(?:(?:ok|okay|hey|hi|hello|please|now|and|then)[, ]+)?(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?|please\s+|"
    r"i\s+(?:want|would\s+like|need)\s+you\s+to\s+|i'd\s+like\s+you\s+to\s+)?"
)
_CLOSE = r"(?:[, ]+(?:please|thanks|thank\s+you))?\s*[.!?]*"

_SENTENCES: tuple[tuple[str, Callable[[Match[str], datetime], Intent | None]], ...] = (
    (r"help(?:\s+me)?|what\s+can\s+you\s+do|what\s+can\s+i\s+say|hi|hello|hey|good\s+(?:morning|evening)|\?+",
     lambda _m, _n: Help()),
    (r"undo(?:\s+(?:that|it|this|the\s+last(?:\s+\w+)?))?|take\s+(?:that|it)\s+back|revert(?:\s+that)?",
     lambda _m, _n: Undo()),
    (r"never\s?mind|forget\s+(?:it|that)|cancel(?:\s+that)?|no|nope|stop|none(?:\s+of\s+(?:them|these))?|neither",
     lambda _m, _n: NeverMind()),
    ((r"(?:i\s+am|i'm|we\s+are|we're)\s+(?:now\s+)?(?:in|at)\s+(?P<place>[\w/+ -]{2,60})|(?:set\s+|use\s+|change\s+)?"
     r"(?:my\s+|the\s+)?time\s?zone(?:\s+is|\s+to|:)?\s+(?P<zone>[\w/+ -]{2,60})"),
     lambda m, _n: SetZone((m["place"] or m["zone"]).strip())),
    (rf"remind\s+me\s+{_OFFSETS}\s+before\s+(?!on\b|that\b|it\b){_X}", _reminded),
    (rf"(?:add|set|give)\s+(?:a\s+)?reminders?\s+(?:of\s+|to\s+)?{_OFFSETS}\s+(?:before|(?:for|to))\s+{_X}", _reminded),
    (rf"(?:change|set|move)\s+the\s+reminders?\s+(?:of|for)\s+{_X}\s+to\s+{_OFFSETS}(?:\s+before)?", _reminded),
    (rf"(?:no\s+(?:more\s+)?|remove\s+(?:the\s+|all\s+)?|delete\s+the\s+)reminders?\s+(?:of|for|from)\s+{_X}",
     lambda m, _n: Remind(_thing(m), ())),
    (r"(?:please\s+)?remind\s+me\s+(?P<rest>.+)", _remind_me),
    (rf"{_ASKED}\s+reminders?(?P<what>.*)|(?P<w>my\s+)?reminders", lambda _m, _n: ListReminders()),
    (rf"{_ASKED}\b(?P<what>.*)", _list),
    (r"(?:my\s+|all\s+(?:my\s+)?|open\s+)?(?P<what>tasks|todos|to-dos|agenda|schedules|overdue(?:\s+tasks)?)", _list),
    (r"(?:am\s+i\s+free|do\s+i\s+have\s+anything|anything)\b(?P<what>.*)", _list),
    ((rf"(?:reopen|uncomplete|un-complete|untick)\s+{_X}|mark\s+(?P<y>.+?)\s+(?:as\s+)?(?:not\s+done|undone|open)|"
     rf"(?P<z>.+?)\s+is(?:n't|\s+not)\s+(?:done|finished)(?:\s+yet)?|i\s+have(?:n't|\s+not)\s+(?:done|finished)\s+"
     r"(?P<v>.+)"), lambda m, _n: Reopen((m["x"] or m["y"] or m["z"] or m["v"]).strip().strip('"'))),
    (rf"(?:i've|i\s+have|i|we've|we)\s+(?:just\s+|already\s+)?(?:done|did|finished|completed?)\s+(?:with\s+)?{_X}",
     _about(Complete)),
    (rf"(?:i'm\s+|i\s+am\s+)?(?:done|finished)\s+(?:with\s+)?{_X}", _about(Complete)),
    (rf"(?:mark|set|tick|check)\s+{_X}\s+(?:off|(?:as\s+|to\s+)?(?:done|completed?|finished))", _about(Complete)),
    (rf"(?:complete|finish|tick\s+off|check\s+off|tick)\s+{_X}", _completed),
    (rf"{_X}\s+(?:is|are|has\s+been)\s+(?:done|finished|completed?)|(?P<y>.+?):\s*done", lambda m, _n:
     Complete((m["x"] or m["y"]).strip().strip('"'))),
    ((rf"(?:stop|end|cancel|quit)\s+(?:all\s+(?:the\s+)?)?(?:future|further|remaining)(?:\s+(?:occurrences?|tasks?|ones?))?"
     rf"(?:\s+(?:of|for))?\s+{_X}"), _about(Stop)),
    (rf"(?:stop|end|cancel|quit)\s+{_X}\s+(?:for\s+good|for\s*ever|permanently|altogether|series)", _about(Stop)),
    (rf"(?:stop|end|quit)\s+{_X}|no\s+more\s+(?P<y>.+)", lambda m, _n: Stop((m["x"] or m["y"]).strip().strip('"'))),
    (rf"(?:pause|suspend)\s+{_X}", _about(Pause)),
    (rf"(?:resume|restart|unpause|continue|go\s+on\s+with)\s+{_X}|start\s+(?P<y>.+?)\s+again", lambda m, _n:
     Resume((m["x"] or m["y"]).strip().strip('"'))),
    (rf"skip\s+{_X}(?:\s+(?:this|today|this\s+time|once))?", _about(Skip)),
    (rf"(?:delete|remove|drop|cancel|get\s+rid\s+of|throw\s+away)\s+(?:the\s+task\s+)?{_X}", _about(Delete)),
    (rf"rename\s+{_X}\s+(?:to|into|as)\s+(?P<new>.+?)|change\s+the\s+(?:title|name)\s+of\s+(?P<y>.+?)\s+to\s+(?P<n>.+?)",
     lambda m, n: _renamed(m, n) if m["x"] else Rename(m["y"].strip().strip('"'), m["n"].strip().strip('"'))),
    (rf"(?:postpone|delay|push(?:\s+back)?|move|shift)\s+{_X}\s+(?:back\s+)?by\s+(?P<distance>{dates.OFFSET})",
     _postponed),
    ((rf"(?:move|reschedule|postpone|push|shift|change|set|make|delay|put\s+off)\s+{_X}\s+(?:back\s+)?(?:to|until|till|for)"
     r"\s+(?P<when>(?:(?!\s(?:to|until|till|for)\s).)+)"), _moved),
    (rf"(?:make|repeat)\s+{_X}\s+(?P<when>(?:(?:repeat|recur)\s+)?(?:every|each|daily|weekly|monthly|yearly)\b.*)", _moved),
    ((r"(?:add|create|make|new|schedule|set\s+up|plan|put)\s+(?:me\s+)?(?:an?\s+|the\s+)?(?:new\s+|recurring\s+)?"
     r"(?:(?:task|todo|to-do|item|reminder|schedule)\b:?\s*)?(?:called\s+|named\s+|to\s+|for\s+)?(?P<rest>.+)"), _add),
    (r"(?:todo|to-do|task|note):?\s+(?P<rest>.+)", _add),
    (r"i\s+(?:(?:need|have|want|ought)\s+to|must|should)\s+(?P<rest>.+)|don't\s+(?:let\s+me\s+)?forget\s+(?:to\s+)?(?P<r>.+)",
     lambda m, n: _added(m["rest"] or m["r"], n, asked=True)),
)  # fmt: skip
_FORMS = tuple((re.compile(f"{_POLITE}(?:{form}){_CLOSE}", re.IGNORECASE), intent) for form, intent in _SENTENCES)
