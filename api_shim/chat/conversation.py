"""From an intent to what is done, asked or said; and what is said when it is done. Pure.

A question that was asked remembers the sentence it is about. Its answer adds what was missing, and the sentence is
understood anew, at the moment it was said: nothing half understood is stored.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from api_shim.answers import TaskAnswer
from api_shim.chat import dates, grammar, matching, wording, zones
from api_shim.chat.dates import Reading, Unclear
from api_shim.chat.grammar import Intent
from api_shim.chat.matching import Thing
from api_shim.chat.records import Call, Option, Question
from api_shim.tools import DescribedSchedule, ReminderList, ScheduleList, TaskList, Upcoming
from taskbell.calendar.rule import Frequency, Rule
from taskbell.calendar.series import Series
from taskbell.calendar.zones import midnight
from taskbell.resources import DATE_PATTERN, SNOOZE, State, instant_text, local_text

MOST_UNDO = 10
_MOST_LISTED = 20
_MOST_OPTIONS = 9

EXAMPLES = """I can add, list, complete, move, rename, skip, delete and stop tasks. For example:
- remind me to submit the report tomorrow at 5pm, 1 hour before
- team standup every weekday at 9:00 with a reminder 15 minutes before
- every last Friday of the month at 17:00 send invoices
- what's on today?
- I've done the standup
- move the dentist to Friday at 10
- delete buy milk
- stop the standup for good
- undo"""
NOT_UNDERSTOOD = f"I did not understand that. {EXAMPLES}"
ASK_ZONE = "Which time zone are you in? For example Europe/Berlin."


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence, when it was said, and what answers have added: the thing meant, and whether its whole series is."""

    message: str
    said_at: datetime
    chosen: str | None = None
    whole: bool | None = None


@dataclass(frozen=True, slots=True)
class Say:
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    question: Question


@dataclass(frozen=True, slots=True)
class Do:
    """A tool call; `before` is the thing as it was; `note` is added to what is said."""

    call: Call
    before: Thing | None = None
    note: str = ""
    undoing: bool = False


Step = Say | Ask | Do


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when: `now` is aware UTC."""

    now: datetime
    zone: ZoneInfo

    @property
    def local(self) -> datetime:
        return self.now.astimezone(self.zone).replace(tzinfo=None)

    def instant(self, local: datetime) -> datetime:
        """A local time that does not exist takes the offset before the gap (RFC 5545 3.3.5)."""
        return local.replace(tzinfo=self.zone, fold=0).astimezone(UTC)

    def words(self, at: date) -> str:
        """An instant, or a date."""
        if isinstance(at, datetime):
            return wording.moment_text(at, self.zone, self.now)
        return wording.day_text(at, self.zone, self.now)

    def due(self, task: TaskAnswer) -> str:
        """Nothing for a task that is due at no time."""
        at = task.due_at or task.due_on
        return self.words(at) if at else ""


# Answers to questions


def answered(question: Question, text: str) -> Heard | None:
    """The sentence the question is about, with what `text` adds; None when that is no answer to it."""
    plain = grammar.normalized(text).casefold().strip(" .!?")
    if question.about == "which":
        ref = _picked(question.options, plain)
        return None if ref is None else Heard(question.message, question.said_at, chosen=ref)
    if question.about == "scope":
        whole = _whole(plain)
        return None if whole is None else Heard(question.message, question.said_at, question.chosen, whole)
    return None


def zone_in(text: str) -> str | None:
    """The zone a sentence names, be it bare."""
    intent = grammar.understand(text, datetime(2026, 1, 1))  # noqa: DTZ001 naive local, and no date matters here
    return zones.named(intent.place if isinstance(intent, grammar.SetZone) else grammar.normalized(text))


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def _picked(options: Sequence[Option], plain: str) -> str | None:
    if len(options) == 1 and re.fullmatch(r"y|yes(?: please)?|yep|yeah|ok|okay|sure|right|correct|that one", plain):
        return options[0].ref
    said = re.sub(r"^(?:the|number|no\.?|option|#)\s*|\s+one$", "", plain)
    if said.isdigit() and 1 <= int(said) <= len(options):
        return options[int(said) - 1].ref
    if said == "last":
        return options[-1].ref
    if said in _ORDINALS and _ORDINALS.index(said) < len(options):
        return options[_ORDINALS.index(said)].ref
    fitting = [
        option for option in options if set(said.split()) <= set(re.findall(r"[\w':-]+", option.label.casefold()))
    ]
    return fitting[0].ref if said and len(fitting) == 1 else None


def _whole(plain: str) -> bool | None:
    if (
        re.fullmatch(r"(?:just |only )?(?:this|that|the next|the)?\s*(?:one|time|occurrence|once)?(?: only)?", plain)
        and plain
    ):
        return False
    if re.fullmatch(
        r"(?:(?:the|it|them|whole|entire) )*(?:all|all of (?:it|them)|series|every(?:thing| one)?|both|whole)", plain
    ):
        return True
    return None


# Deciding


@dataclass(frozen=True, slots=True)
class Known:
    """`among` is what is open, `closed` what was closed, the latest first; `undo` is the conversation's."""

    among: Sequence[Thing] = ()
    closed: Sequence[TaskAnswer] = ()
    undo: Sequence[Call] = ()


def decide(heard: Heard, setting: Setting, known: Known) -> Step:
    """Raises nothing."""
    then = Setting(heard.said_at, setting.zone)
    try:
        return _decide(grammar.understand(heard.message, then.local), heard, then, known)
    except Unclear as unclear:
        return Say(str(unclear))


def _decide(intent: Intent, heard: Heard, setting: Setting, known: Known) -> Step:
    match intent:
        case grammar.Help():
            return Say(EXAMPLES)
        case grammar.Unknown():
            return Say(NOT_UNDERSTOOD)
        case grammar.Unsaid(sentence=sentence):
            return Say(sentence)
        case grammar.NeverMind():
            return Say("All right, I leave everything as it is.")
        case grammar.SetZone(place=place):
            return _zone_said(place)
        case grammar.Undo():
            return Do(known.undo[-1], undoing=True) if known.undo else Say("There is nothing here that I could undo.")
        case grammar.Add():
            return _add(intent, setting)
        case grammar.ListTasks():
            return _list(intent, setting)
        case grammar.ListSchedules():
            return Do(Call(tool="list_schedules", arguments={}))
        case grammar.ListReminders():
            return Do(Call(tool="list_reminders", arguments={}))
        case grammar.Reopen(title=title):
            past = [Thing(task.title, task) for task in known.closed]
            return _with_thing(title, heard, past, setting, lambda thing: _of_task("undo_complete", thing), latest=True)
        case _:
            wanted = _repeating(known.among) if isinstance(intent, _ONLY_SCHEDULES) else known.among
            pick = [thing for thing in wanted if thing.task or not isinstance(intent, _ONLY_TASKS)]
            return _with_thing(intent.title, heard, pick, setting, lambda thing: _change(intent, thing, heard, setting))


_ONLY_TASKS = (grammar.Complete, grammar.Skip)
_ONLY_SCHEDULES = (grammar.Stop, grammar.Pause, grammar.Resume)
Change = (
    grammar.Complete | grammar.Skip | grammar.Delete | grammar.Stop | grammar.Pause | grammar.Resume | grammar.Move
    | grammar.Rename | grammar.Remind
)  # fmt: skip


def _repeating(among: Sequence[Thing]) -> list[Thing]:
    """Each schedule once, whatever it has open."""
    return list(
        {
            thing.schedule.id: Thing(thing.schedule.title, None, thing.schedule) for thing in among if thing.schedule
        }.values()
    )


def _with_thing(
    said: str,
    heard: Heard,
    among: Sequence[Thing],
    setting: Setting,
    act: Callable[[Thing], Step],
    *,
    latest: bool = False,
) -> Step:
    if heard.chosen is not None:
        chosen = next((thing for thing in among if thing.ref == heard.chosen), None)
        return act(chosen) if chosen else Say("That one is no longer there.")
    found = matching.find(said, among)
    if not found.things:
        return Say(f"I find nothing called “{said}”. Ask “show my tasks” to see what there is.")
    if found.sure and (len(found.things) == 1 or latest):
        return act(found.things[0])
    return Ask(_which(said, heard, found, setting))


def _which(said: str, heard: Heard, found: matching.Match, setting: Setting) -> Question:
    shown = found.things[:_MOST_OPTIONS]
    options = tuple(Option(ref=thing.ref, label=_label(thing, setting)) for thing in shown)
    lines = "\n".join(f"{number}. {option.label}" for number, option in enumerate(options, 1))
    more = (
        f"\nThere are {len(found.things) - len(shown)} more: use more words of the title."
        if len(found.things) > len(shown)
        else ""
    )
    if found.sure:
        text = f"Several fit “{said}”. Which one?\n{lines}{more}"
    elif len(shown) == 1:
        text = f"I find nothing called “{said}”. Did you mean {options[0].label}? Say yes or no."
    else:
        text = f"I find nothing called “{said}”. Did you mean one of these?\n{lines}"
    return Question(about="which", message=heard.message, said_at=heard.said_at, text=text, options=options)


def _label(thing: Thing, setting: Setting) -> str:
    if thing.task and thing.task.due:
        return f"“{thing.title}”, due {setting.due(thing.task)}"
    if thing.schedule:
        return f"“{thing.title}”, {_recurrence(thing.schedule)}"
    return f"“{thing.title}”, without due time"


def _zone_said(place: str) -> Step:
    zone = zones.named(place)
    if zone is None:
        return Say(f"I know no time zone “{place}”. Use a name such as Europe/Berlin or America/New_York.")
    return Say(f"All right, your time zone is {zone}.")


# Adding and listing


def _add(intent: grammar.Add, setting: Setting) -> Step:
    when = intent.when
    common: dict[str, JsonValue] = {
        "title": intent.title,
        "time_zone": setting.zone.key,
        "reminders": [{"before": before} for before in intent.before],
        "tags": list(intent.tags),
        "priority": intent.priority.value,
    }
    if when.rule is not None:
        recurrence, start = _recurring(when, setting)
        arguments: dict[str, JsonValue] = {**common, "start": local_text(start), "recurrence": recurrence}
        return Do(Call(tool="add_schedule", arguments=arguments), note=_no_time(when))
    if not when.once:
        return Do(Call(tool="add_task", arguments=common), note=_no_repeat(intent.title))
    arguments = {**common, "due_at": instant_text(_once(when, setting))}
    return Do(Call(tool="add_task", arguments=arguments), note=_no_time(when) + _no_repeat(intent.title))


def _no_time(when: Reading) -> str:
    return "" if when.clock or when.shift else f" You named no time, so I took {dates.USUAL:%H:%M}."


def _no_repeat(title: str) -> str:
    if re.search(r"\b(?:daily|weekly|monthly|yearly|every|each)\b", title, re.IGNORECASE):
        return " It does not repeat; say for example “every day” if it should."
    return ""


def _once(when: Reading, setting: Setting) -> datetime:
    if when.shift is not None:
        return (setting.now + when.shift + timedelta(seconds=59)).replace(second=0, microsecond=0)
    return setting.instant(dates.moment(when, setting.local))


def _recurring(when: Reading, setting: Setting) -> tuple[dict[str, JsonValue], datetime]:
    """The recurrence as the tools take it, and its first local time: the first that still lies ahead."""
    rule = when.rule
    if rule is None:
        raise Unclear("How often? For example: every Monday at 9.")
    clock = when.clock or dates.USUAL
    start = _first(rule, datetime.combine(when.since or setting.local.date(), clock), setting)
    recurrence: dict[str, JsonValue] = {"frequency": rule.frequency.value, "interval": rule.interval}
    recurrence |= {
        name: list(values)
        for name, values in (("weekdays", rule.weekdays), ("month_days", rule.month_days), ("months", rule.months))
        if values
    }
    if when.until is not None:
        until = datetime.combine(when.until, time(23, 59))
        if until < start:
            raise Unclear(f"Its first time would be {wording.date_text(start)}, after its end. Name a later end.")
        recurrence["until"] = local_text(until)
    if when.count is not None:
        recurrence["count"] = when.count
    return recurrence, start


def _first(rule: Rule, earliest: datetime, setting: Setting) -> datetime:
    """Where an interval counts from: the first date of the rule without it."""
    if rule.frequency in {Frequency.MONTHLY, Frequency.YEARLY} and not rule.weekdays and not rule.month_days:
        return earliest if setting.instant(earliest) > setting.now else earliest + timedelta(days=1)
    plain = Series(setting.zone.key, earliest, Rule(rule.frequency, 1, rule.weekdays, rule.month_days, rule.months))
    found = plain.next_after(setting.now, local=earliest - timedelta(minutes=1))
    if found is None:
        raise Unclear("That never happens: name another day.")
    return found.local


def _list(intent: grammar.ListTasks, setting: Setting) -> Step:
    arguments: dict[str, JsonValue] = {"limit": 200}
    if intent.first is not None:
        arguments["due_from"] = instant_text(setting.instant(datetime.combine(intent.first, time())))
    if intent.last is not None:
        end = datetime.combine(intent.last + timedelta(days=1), time())
        arguments["due_before"] = instant_text(setting.instant(end))
    if intent.overdue:
        arguments["due_before"] = instant_text(setting.now)
    return Do(Call(tool="list_tasks", arguments=arguments), note=intent.label)


# Changing


def _change(intent: Change, thing: Thing, heard: Heard, setting: Setting) -> Step:
    match intent:
        case grammar.Complete():
            return _of_task("complete_task", thing)
        case grammar.Skip():
            return _of_task("skip_task", thing)
        case grammar.Delete():
            return _delete(intent, thing, heard, setting)
        case grammar.Stop():
            return _of_schedule("cancel_future", thing)
        case grammar.Pause():
            return _of_schedule("update_schedule", thing, suspend=True)
        case grammar.Resume():
            return _resume(thing)
        case grammar.Move():
            return _move(intent, thing, heard, setting)
        case grammar.Rename(new=new):
            return _of_either(thing, title=new)
        case grammar.Remind(before=before):
            return _of_either(thing, reminders=[{"before": each} for each in before])
        case _:
            assert_never(intent)


def _of_task(tool: str, thing: Thing, **fields: JsonValue) -> Step:
    if thing.task is None:
        return Say(f"“{thing.title}” has no open task just now.")
    return Do(Call(tool=tool, arguments={"task_id": thing.task.id, **fields}), thing)


def _of_schedule(tool: str, thing: Thing, **fields: JsonValue) -> Step:
    if thing.schedule is None:
        return Say(f"“{thing.title}” does not repeat. To be rid of it say: delete {thing.title}.")
    return Do(Call(tool=tool, arguments={"schedule_id": thing.schedule.id, **fields}), thing)


def _of_either(thing: Thing, **fields: JsonValue) -> Step:
    """What belongs to the whole series, where there is one."""
    if thing.schedule is not None:
        return _of_schedule("update_schedule", thing, **fields)
    if fields.get("reminders") and thing.task and thing.task.due is None:
        return Say(f"“{thing.title}” has no due time to remind you before. Move it to a time first.")
    return _of_task("update_task", thing, **fields)


def _resume(thing: Thing) -> Step:
    if thing.schedule is None:
        return _of_schedule("update_schedule", thing)
    if thing.schedule.suspend:
        return _of_schedule("update_schedule", thing, suspend=False)
    if thing.schedule.ends_at is not None:
        return _of_schedule("undo_cancel_future", thing)
    return Say(f"“{thing.title}” goes on already: {_recurrence(thing.schedule)}.")


def _delete(intent: grammar.Delete, thing: Thing, heard: Heard, setting: Setting) -> Step:
    if thing.schedule is None:
        return _of_task("delete_task", thing)
    whole = heard.whole if heard.whole is not None else (True if re.search(r"\bseries$", intent.title) else None)
    if thing.task is None or whole:
        return _of_schedule("delete_schedule", thing)
    if whole is None:
        return Ask(_scope(thing, heard, "Shall I skip only the one due {due}, or delete the whole series?", setting))
    return _of_task("skip_task", thing)


def _scope(thing: Thing, heard: Heard, text: str, setting: Setting) -> Question:
    due = (setting.due(thing.task) if thing.task else "") or "now"
    asked = f"“{thing.title}” repeats. {text.format(due=due)} Say “this one” or “all”."
    return Question(about="scope", message=heard.message, said_at=heard.said_at, text=asked, chosen=thing.ref)


def _move(intent: grammar.Move, thing: Thing, heard: Heard, setting: Setting) -> Step:
    when, only = intent.when, " Only this one moves, the series stays as it is." if thing.schedule else ""
    if when.rule is not None:
        return _move_series(when, thing, setting)
    clock_only = when.clock is not None and when.day is None and intent.later is None
    if thing.schedule is not None and (clock_only or thing.task is None):
        if not clock_only:
            return Say(f"“{thing.title}” has no open task to move. Say for example: move it to every Friday at 10.")
        if thing.task is not None and heard.whole is None:
            return Ask(_scope(thing, heard, "Shall I move only the one due {due}, or the whole series?", setting))
        if thing.task is None or heard.whole:
            start = datetime.combine(midnight(thing.schedule.start), when.clock or dates.USUAL)
            return _of_schedule("update_schedule", thing, start=local_text(start))
    step = _of_task("update_task", thing, **_moved_to(intent, thing, setting))
    return Do(step.call, step.before, only) if isinstance(step, Do) else step


def _move_series(when: Reading, thing: Thing, setting: Setting) -> Step:
    if thing.schedule is None:
        return Say(
            f"“{thing.title}” is a single task. Add what repeats anew, for example: {thing.title} every Monday at 9."
        )
    all_day = when.clock is None and not isinstance(thing.schedule.start, datetime)
    clock = when.clock or midnight(thing.schedule.start).time()
    anew = Reading("", rule=when.rule, clock=clock, since=when.since, until=when.until, count=when.count)
    # The rule is about the schedule's own wall clock, wherever its owner is now.
    recurrence, start = _recurring(anew, Setting(setting.now, ZoneInfo(thing.schedule.time_zone)))
    first = local_text(start.date() if all_day else start)
    return _of_schedule("update_schedule", thing, start=first, recurrence=recurrence)


def _moved_to(intent: grammar.Move, thing: Thing, setting: Setting) -> dict[str, JsonValue]:
    """What is due on a date stays so until a time is named."""
    when, due_on = intent.when, thing.task.due_on if thing.task else None
    if due_on is None or when.clock is not None or when.shift is not None:
        return {"due_at": instant_text(_moved_to_time(intent, thing, setting))}
    if intent.later is None:
        return {"due_on": local_text(when.day or setting.local.date())}
    if intent.later != timedelta(days=intent.later.days):
        raise Unclear(f"“{thing.title}” is due all day. Move it by days, or to a time: move it to tomorrow at 9.")
    return {"due_on": local_text(due_on + intent.later)}


def _moved_to_time(intent: grammar.Move, thing: Thing, setting: Setting) -> datetime:
    when, due_at = intent.when, thing.task.due_at if thing.task else None
    if intent.later is not None:
        if due_at is None:
            raise Unclear(f"“{thing.title}” has no due time to move by. Say for example: move it to tomorrow at 9.")
        days = timedelta(days=intent.later.days)
        local = due_at.astimezone(setting.zone).replace(tzinfo=None) + days
        return setting.instant(local) + (intent.later - days)
    if when.shift is not None or due_at is None:
        return _once(when, setting)
    local = due_at.astimezone(setting.zone)
    day = when.day or max(local.date(), setting.local.date())
    return _once(Reading("", day=day, clock=when.clock or local.time().replace(second=0, microsecond=0)), setting)


# What is said when it is done


def said(do: Do, result: dict[str, JsonValue], setting: Setting) -> str:
    tool, title = do.call.tool, do.before.title if do.before else ""
    match tool:
        case "list_tasks":
            return _tasks(TaskList.model_validate(result), do.note, setting)
        case "list_schedules":
            return _schedules(ScheduleList.model_validate(result), setting)
        case "list_reminders":
            return _reminders(ReminderList.model_validate(result), setting)
        case "delete_task" | "delete_schedule":
            what = f"“{title}”" if title else "it"
            return (
                f"Taken back: {what} is gone again." if do.undoing else f"Deleted {what}. Say “undo” to have it back."
            )
        case "add_schedule" | "update_schedule" | "cancel_future" | "undo_cancel_future":
            return _schedule_said(do, DescribedSchedule.model_validate(result), setting)
        case _:
            return _task_said(do, TaskAnswer.model_validate(result), setting)


def _task_said(do: Do, task: TaskAnswer, setting: Setting) -> str:
    title = f"“{task.title}”"
    zone = f" ({setting.zone.key})" if task.due_at else ""
    due = f", due {setting.due(task)}{zone}" if task.due else ", without due time"
    if do.undoing:
        return f"Taken back: {title} is {task.state.lower()}{due}.{_will_remind(task, setting)}"
    match do.call.tool:
        case "add_task":
            return f"Added {title}{due}.{_will_remind(task, setting)}{do.note}"
        case "complete_task":
            return f"Done: {title}{due}.{_next(do, task, setting)}"
        case "skip_task":
            return f"Skipped {title}{due}.{_next(do, task, setting)}"
        case "undo_complete":
            return f"{title} is open again{due}."
        case _:
            return f"Changed {title}{due}.{_will_remind(task, setting)}{do.note}"


def _next(do: Do, task: TaskAnswer, setting: Setting) -> str:
    schedule, occurrence = do.before.schedule if do.before else None, task.occurrence
    if schedule is None or occurrence is None:
        return ""
    following = next((each for each in schedule.upcoming if each.at > occurrence.at), None)
    return f" Next: {_occurs(following, setting)}." if following else ""


def _occurs(upcoming: Upcoming, setting: Setting) -> str:
    all_day = re.fullmatch(DATE_PATTERN, upcoming.local)
    return setting.words(date.fromisoformat(upcoming.local) if all_day else upcoming.at)


def _will_remind(task: TaskAnswer, setting: Setting) -> str:
    pending = [reminder for reminder in task.reminders if reminder.state == "Pending"]
    late = [reminder for reminder in task.reminders if reminder.state != "Pending"]
    words = ""
    if pending and task.state == State.OPEN:
        when = [f"{_offset(each.before)} ({setting.words(each.remind_at)})" for each in pending]
        words = f" I will remind you {wording.joined(when)}."
    if late:
        words += f" The time for the reminder {wording.joined([_offset(each.before) for each in late])} has passed."
    return words


def _offset(before: str | None) -> str:
    return wording.offset_text(before) if before else "at the time you set"


def _schedule_said(do: Do, schedule: DescribedSchedule, setting: Setting) -> str:
    title, upcoming = f"“{schedule.title}”", _upcoming(schedule, setting)
    if do.call.tool == "cancel_future":
        return f"Stopped {title}: nothing of it comes any more. Say “undo” or “resume {schedule.title}” to go on."
    if schedule.suspend:
        return f"Paused {title}. Say “resume {schedule.title}” to go on."
    verb = "Taken back:" if do.undoing else _VERBS.get(do.call.tool, "Changed")
    return f"{verb} {title}: {_recurrence(schedule)}. {upcoming}{_reminded(schedule)}{do.note}"


_VERBS = {"add_schedule": "Added", "undo_cancel_future": "Going on with"}


def _upcoming(schedule: DescribedSchedule, setting: Setting) -> str:
    if not schedule.upcoming:
        return "Nothing of it is to come."
    return f"Next: {'; '.join(_occurs(each, setting) for each in schedule.upcoming)}."


def _reminded(schedule: DescribedSchedule) -> str:
    offsets = [wording.offset_text(reminder.before) for reminder in schedule.reminders]
    return f" I will remind you {wording.joined(offsets)}." if offsets else ""


def _tasks(found: TaskList, label: str, setting: Setting) -> str:
    if not found.items:
        return f"You have no tasks {label}." if label != "open" else "You have no open tasks."
    number = len(found.items) if found.complete else f"more than {len(found.items)}"
    lines = [_listed(task, setting) for task in found.items]
    noun = "task" if number == 1 else "tasks"
    kind = f"open {noun}" if label == "open" else f"{noun} {label}"
    return _lines(f"You have {number} {kind}:", lines)


def _listed(task: TaskAnswer, setting: Setting) -> str:
    due = f", due {setting.due(task)}" if task.due else ""
    return f"{task.title}{due}{', overdue' if task.due and task.due.by < setting.now else ''}"


def _schedules(found: ScheduleList, setting: Setting) -> str:
    if not found.items:
        return "Nothing repeats yet. For example: team standup every weekday at 9."
    return _lines(
        "This repeats:", [f"{each.title}: {_recurrence(each)}. {_upcoming(each, setting)}" for each in found.items]
    )


def _reminders(found: ReminderList, setting: Setting) -> str:
    if not found.items:
        return "No reminders are to come."
    return _lines("Reminders to come:", [f"{each.title}: {setting.words(each.remind_at)}" for each in found.items])


def _lines(head: str, lines: Sequence[str]) -> str:
    more = [f"and {len(lines) - _MOST_LISTED} more"] if len(lines) > _MOST_LISTED else []
    return "\n".join([head, *(f"- {line}" for line in [*lines[:_MOST_LISTED], *more])])


def _recurrence(schedule: DescribedSchedule) -> str:
    words = schedule.recurrence_text or "its recurrence never occurs"
    return words[:1].lower() + words[1:]


# Undo


def remembered(do: Do, result: dict[str, JsonValue], undo: tuple[Call, ...]) -> tuple[Call, ...]:
    """What can be taken back after `do`."""
    if not do.undoing:
        back = inverse(do, result)
        return (*undo, back)[-MOST_UNDO:] if back else undo
    return tuple(_renamed(call, do.call.restores, result.get("id")) for call in undo[:-1])


def _renamed(call: Call, old: str | None, new: JsonValue) -> Call:
    """What was made anew has a new id, also for what was done to it before."""
    if old is None:
        return call
    arguments = {
        name: new if value == old and name.endswith("_id") else value for name, value in call.arguments.items()
    }
    return call.model_copy(update={"arguments": arguments})


def inverse(do: Do, result: dict[str, JsonValue]) -> Call | None:
    """What takes it back; None for what changed nothing."""
    match do.call.tool:
        case "add_task":
            return Call(tool="delete_task", arguments={"task_id": result["id"]})
        case "add_schedule":
            return Call(tool="delete_schedule", arguments={"schedule_id": result["id"]})
        case "complete_task" | "skip_task":
            return Call(tool="undo_complete", arguments=do.call.arguments)
        case _ if do.before is None:
            return None
        case "undo_complete":
            closed = "complete_task" if do.before.task and do.before.task.state == State.COMPLETED else "skip_task"
            return Call(tool=closed, arguments=do.call.arguments)
        case "update_task" | "delete_task":
            return _restored(do, "task", _task_fields(do.before.task))
        case _:
            return _restored(do, "schedule", _schedule_fields(do.before.schedule))


def _restored(do: Do, noun: str, fields: dict[str, JsonValue]) -> Call:
    if do.call.tool.startswith("delete_"):
        return Call(tool=f"add_{noun}", arguments=fields, restores=str(do.call.arguments[f"{noun}_id"]))
    changed = set(do.call.arguments) if do.call.tool.startswith("update_") else {"ends_at"}
    if changed & _TIMES:
        changed |= _TIMES
    kept = {name: value for name, value in fields.items() if name in changed}
    return Call(tool=f"update_{noun}", arguments={f"{noun}_id": do.call.arguments[f"{noun}_id"], **kept})


_TIMES = {"due_at", "due_on", "start", "reminder_time"}
"""A change of one of these may have cleared others."""
_TASK_FIELDS = {"title", "description", "priority", "tags", "due_at", "due_on", "time_zone", "reminder_time"}
_SCHEDULE_FIELDS = {
    "title", "description", "priority", "tags", "reminders", "reminder_time", "time_zone", "start", "recurrence",
    "ends_at", "suspend", "history_limit",
}  # fmt: skip


def _task_fields(task: TaskAnswer | None) -> dict[str, JsonValue]:
    if task is None:
        return {}
    reminders: list[JsonValue] = [
        {"at": instant_text(each.at)} if each.at else {"before": each.before}
        for each in task.reminders
        if each.id != SNOOZE
    ]
    return {**task.model_dump(mode="json", include=_TASK_FIELDS), "reminders": reminders}


def _schedule_fields(schedule: DescribedSchedule | None) -> dict[str, JsonValue]:
    return schedule.model_dump(mode="json", include=_SCHEDULE_FIELDS) if schedule else {}
