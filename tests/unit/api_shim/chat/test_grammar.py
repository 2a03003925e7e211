"""What sentences mean. The clock stands at a Wednesday noon."""

import time as clocks
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_shim.chat import dates, grammar
from api_shim.chat.grammar import (
    Add,
    Complete,
    Delete,
    Help,
    Intent,
    ListReminders,
    ListSchedules,
    ListTasks,
    Move,
    NeverMind,
    Pause,
    Remind,
    Rename,
    Reopen,
    Resume,
    SetZone,
    Skip,
    Stop,
    Undo,
    Unknown,
    Unsaid,
    understand,
)  # fmt: skip
from taskbell.calendar.rule import SUB_DAILY, Frequency, Rule
from taskbell.resources import Priority

NOW = datetime(2026, 11, 25, 12, 0)  # noqa: DTZ001 wall-clock time
TOMORROW, FRIDAY, MONDAY = date(2026, 11, 26), date(2026, 11, 27), date(2026, 11, 30)
WORKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


def rule(frequency: Frequency, interval: int = 1, **fields: Any) -> Rule:
    return Rule(frequency, interval, **fields)


DAILY, WEEKLY, MONTHLY, YEARLY = (rule(frequency) for frequency in Frequency if frequency not in SUB_DAILY)

ONCE = [
    ("remind me to submit the report tomorrow at 5pm, 1 hour before", "submit the report", TOMORROW, time(17), ("PT1H",)),
    ("remind me to call mum at 4pm", "call mum", None, time(16), ("PT0M",)),
    ("remind me at 4pm to call Ann", "call Ann", None, time(16), ("PT0M",)),
    ("Please remind me to stretch tonight at 8.", "stretch", NOW.date(), time(20), ("PT0M",)),
    ("dentist Friday at 10", "dentist", FRIDAY, time(10), ()),
    ("add buy milk", "buy milk", None, None, ()),
    ("add buy milk tomorrow", "buy milk", TOMORROW, None, ()),
    ("add a task: buy milk by Friday", "buy milk", FRIDAY, None, ()),
    ('create a task "read every day 1984" tomorrow', "read every day 1984", TOMORROW, None, ()),
    ("I need to call the bank on Monday at 9:30", "call the bank", MONDAY, time(9, 30), ()),
    ("don't forget to water the plants tomorrow", "water the plants", TOMORROW, None, ()),
    ("lunch with Ann at noon on Sunday", "lunch with Ann", date(2026, 11, 29), time(12), ()),
    ("can you please add call Bob on Monday at 3pm?", "call Bob", MONDAY, time(15), ()),
    ("meet Bob at 10 Downing Street on Friday", "meet Bob at 10 Downing Street", FRIDAY, None, ()),
    ("add watch Black Friday deals", "watch Black Friday deals", None, None, ()),
    ("prepare for Monday's meeting tomorrow", "prepare for Monday's meeting", TOMORROW, None, ()),
    ("add buy 2 may flowers", "buy 2 may flowers", None, None, ()),
    ("call May on the 3rd", "call May", date(2026, 12, 3), None, ()),
    ("tax return on 31 March 2027 with reminders 1 week and 1 day before", "tax return", date(2027, 3, 31), None,
     ("P7D", "P1D")),
    ("party 24 December at 19:00", "party", date(2026, 12, 24), time(19), ()),
    ("party on December 24th at 7pm", "party", date(2026, 12, 24), time(19), ()),
    ("pay the bill on 2026-12-01 at 8:15", "pay the bill", date(2026, 12, 1), time(8, 15), ()),
    ("flight on 24/12 at 6:45 am", "flight", date(2026, 12, 24), time(6, 45), ()),
    ("yoga next Tuesday evening at 7", "yoga", date(2026, 12, 1), time(19), ()),
    ("tea tomorrow at half past 5", "tea", TOMORROW, time(17, 30), ()),
    ("tea tomorrow at quarter to 4", "tea", TOMORROW, time(15, 45), ()),
    ("call Ann at 5", "call Ann", None, time(17), ()),
    ("call Ann at 8 in the evening", "call Ann", None, time(20), ()),
    ("run tomorrow morning", "run", TOMORROW, time(9), ()),
    ("review the day after tomorrow at 14:00, remind me half an hour before", "review", FRIDAY, time(14), ("PT30M",)),
    ("renew passport in 3 weeks", "renew passport", date(2026, 12, 16), None, ()),
    ("clean up this weekend", "clean up", date(2026, 11, 28), None, ()),
    ("close the books at the end of the month", "close the books", date(2026, 11, 30), None, ()),
    ("finish the report tomorrow at 5", "finish the report", TOMORROW, time(17), ()),
    ("leap day on 29 February at noon", "leap day", date(2028, 2, 29), time(12), ()),
    ("buy gifts on 20 December 2 days before Christmas", "buy gifts 2 days before Christmas", date(2026, 12, 20), None, ()),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "title", "day", "clock", "before"), ONCE, ids=[each[0] for each in ONCE])
def test_a_task_of_its_own(
    sentence: str, title: str, day: date | None, clock: time | None, before: tuple[str, ...]
) -> None:
    found = understand(sentence, NOW)
    assert isinstance(found, Add), found
    assert (found.title, found.when.day, found.when.clock, found.before) == (title, day, clock, before)
    assert found.when.rule is None


REPEATING = [
    ("team standup every weekday at 9:00 with a reminder 15 minutes before", "team standup",
     rule(Frequency.WEEKLY, weekdays=WORKDAYS), time(9)),
    ("every last Friday of the month at 17:00 send invoices", "send invoices",
     rule(Frequency.MONTHLY, weekdays=("-1Fri",)), time(17)),
    ("report on the first Monday of every month at 9", "report", rule(Frequency.MONTHLY, weekdays=("1Mon",)), time(9)),
    ("meetup on the first and third Tuesday of every month at 18:00", "meetup",
     rule(Frequency.MONTHLY, weekdays=("1Tue", "3Tue")), time(18)),
    ('create a task "Team standup" with recurrence daily', "Team standup", DAILY, None),
    ("stretch every morning", "stretch", DAILY, time(9)),
    ("every morning at 7 stretch", "stretch", DAILY, time(7)),
    ("add meditate every day at 6:30am", "meditate", DAILY, time(6, 30)),
    ("water plants every 3 days", "water plants", rule(Frequency.DAILY, 3), None),
    ("water plants every other day at 8", "water plants", rule(Frequency.DAILY, 2), time(8)),
    ("gym on Mondays and Thursdays at 6:30pm", "gym", rule(Frequency.WEEKLY, weekdays=("Mon", "Thu")), time(18, 30)),
    ("gym every mon, wed and fri at 18:00", "gym", rule(Frequency.WEEKLY, weekdays=("Mon", "Wed", "Fri")), time(18)),
    ("beers every other Friday at 5pm", "beers", rule(Frequency.WEEKLY, 2, weekdays=("Fri",)), time(17)),
    ("beers every second Friday at 5pm", "beers", rule(Frequency.WEEKLY, 2, weekdays=("Fri",)), time(17)),
    ("every 2 weeks on Tuesday at 8 take out bins", "take out bins", rule(Frequency.WEEKLY, 2, weekdays=("Tue",)), time(8)),
    ("weekly on Sunday at 20:00 call home", "call home", rule(Frequency.WEEKLY, weekdays=("Sun",)), time(20)),
    ("brunch every weekend at 11", "brunch", rule(Frequency.WEEKLY, weekdays=("Sat", "Sun")), time(11)),
    ("review every Monday morning", "review", rule(Frequency.WEEKLY, weekdays=("Mon",)), time(9)),
    ("pay rent on the 1st of every month", "pay rent", rule(Frequency.MONTHLY, month_days=(1,)), None),
    ("pay rent every month on the 1st and 15th at noon", "pay rent", rule(Frequency.MONTHLY, month_days=(1, 15)), time(12)),
    ("close books on the last day of every month at 16:00", "close books", rule(Frequency.MONTHLY, month_days=(-1,)),
     time(16)),
    ("close books every last day of the month", "close books", rule(Frequency.MONTHLY, month_days=(-1,)), None),
    ("backup monthly at 3am", "backup", MONTHLY, time(3)),
    ("tax every quarter", "tax", rule(Frequency.MONTHLY, 3), None),
    ("mum's birthday every year on 24 December", "mum's birthday", rule(Frequency.YEARLY, month_days=(24,), months=(12,)),
     None),
    ("every March 1st at 10:00 service the car", "service the car", rule(Frequency.YEARLY, month_days=(1,), months=(3,)),
     time(10)),
    ("insurance yearly at 9", "insurance", YEARLY, time(9)),
    ("clean weekly", "clean", WEEKLY, None),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "title", "repeats", "clock"), REPEATING, ids=[each[0] for each in REPEATING])
def test_a_repeating_task(sentence: str, title: str, repeats: Rule, clock: time | None) -> None:
    found = understand(sentence, NOW)
    assert isinstance(found, Add), found
    assert (found.title, found.when.rule, found.when.clock) == (title, repeats, clock)


def test_how_a_repetition_begins_and_ends() -> None:
    until = understand("gym every Monday at 6pm starting next Monday until 30 June", NOW)
    assert isinstance(until, Add)
    assert (until.title, until.when.since, until.when.until) == ("gym", MONDAY, date(2027, 6, 30))
    times = understand("take pills every day at 8 for 10 times, 15 minutes before", NOW)
    assert isinstance(times, Add)
    assert (times.title, times.when.count, times.before) == ("take pills", 10, ("PT15M",))
    weeks = understand("physio every Tuesday at 10 for 6 weeks", NOW)
    assert isinstance(weeks, Add)
    assert (weeks.title, weeks.when.until) == ("physio", date(2027, 1, 6))


def test_a_time_from_now_is_exact() -> None:
    found = understand("remind me to call Ann in 15 minutes, 15 minutes before", NOW)
    assert isinstance(found, Add)
    assert (found.title, found.when.shift, found.before) == ("call Ann", timedelta(minutes=15), ("PT15M",))


def test_tags_and_priority() -> None:
    found = understand("add buy milk tomorrow #home #shop !high", NOW)
    assert isinstance(found, Add)
    assert (found.title, found.tags, found.priority) == ("buy milk", ("home", "shop"), Priority.HIGH)


ABOUT_THINGS: list[tuple[str, Intent]] = [
    ("I've done the standup", Complete("the standup")),
    ("I finished the report", Complete("the report")),
    ("done with the report", Complete("the report")),
    ("mark the report as done", Complete("the report")),
    ("the report is done!", Complete("the report")),
    ("complete buy milk", Complete("buy milk")),
    ("check off buy milk please", Complete("buy milk")),
    ("reopen the report", Reopen("the report")),
    ("the report is not done", Reopen("the report")),
    ("skip yoga", Skip("yoga")),
    ("delete buy milk", Delete("buy milk")),
    ("cancel the dentist", Delete("the dentist")),
    ("please remove buy milk", Delete("buy milk")),
    ("stop the standup for good", Stop("the standup")),
    ("cancel all future occurrences of the standup", Stop("the standup")),
    ("stop the gym series", Stop("the gym")),
    ("no more standup", Stop("standup")),
    ("pause yoga", Pause("yoga")),
    ("resume yoga", Resume("yoga")),
    ("rename buy milk to buy oat milk", Rename("buy milk", "buy oat milk")),
    ("remind me 30 minutes before the dentist", Remind("the dentist", ("PT30M",))),
    ("add a reminder 1 day and 2 hours before the dentist", Remind("the dentist", ("P1D", "PT2H"))),
    ("no more reminders for the dentist", Remind("the dentist", ())),
    ("undo", Undo()),
    ("take that back", Undo()),
    ("never mind", NeverMind()),
    ("help", Help()),
    ("what can you do?", Help()),
    ("I'm in Berlin", SetZone("Berlin")),
    ("my time zone is America/New_York", SetZone("America/New_York")),
    ("what reminders do I have?", ListReminders()),
    ("show my schedules", ListSchedules()),
    ("what's on today?", ListTasks("due on Wednesday 25 November", NOW.date(), NOW.date())),
    ("what do I have tomorrow", ListTasks("due on Thursday 26 November", TOMORROW, TOMORROW)),
    ("what is due this week?", ListTasks("due this week", NOW.date(), date(2026, 11, 29))),
    ("what's next week?", ListTasks("due next week", MONDAY, date(2026, 12, 6))),
    ("what's overdue?", ListTasks("overdue", overdue=True)),
    ("show my tasks", ListTasks("open")),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "meaning"), ABOUT_THINGS, ids=[each[0] for each in ABOUT_THINGS])
def test_what_is_said_about_things(sentence: str, meaning: Intent) -> None:
    assert understand(sentence, NOW) == meaning


@pytest.mark.parametrize(
    ("sentence", "title", "day", "clock"),
    [
        ("move the dentist to Friday at 10", "the dentist", FRIDAY, time(10)),
        ("move standup to 10", "standup", None, time(10)),
        ("reschedule the report for tomorrow at noon", "the report", TOMORROW, time(12)),
        ("postpone the report until Monday", "the report", MONDAY, None),
        ("move lunch with Ann to Paris to tomorrow at noon", "lunch with Ann to Paris", TOMORROW, time(12)),
    ],
)
def test_moving_to_a_time(sentence: str, title: str, day: date | None, clock: time | None) -> None:
    found = understand(sentence, NOW)
    assert isinstance(found, Move), found
    assert (found.title, found.when.day, found.when.clock) == (title, day, clock)


def test_moving_by_a_distance_and_to_another_recurrence() -> None:
    later = understand("postpone the report by 2 days", NOW)
    assert isinstance(later, Move)
    assert (later.title, later.later) == ("the report", timedelta(days=2))
    anew = understand("make the standup every day at 10", NOW)
    assert isinstance(anew, Move)
    assert (anew.title, anew.when.rule, anew.when.clock) == ("the standup", DAILY, time(10))


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("meeting 3/4", "3/4 could be two dates"),
        ("every hour drink water", "not by hours"),
        ("water plants every 3 days after completion", "cannot count from the completion"),
        ("report on the last working day of the month", "workdays"),
        ("standup every weekday except Friday at 9", "cannot leave days out"),
        ("gym every Monday until June", "Until which day?"),
        ("gym every day until 30 June for 10 times", "which of the two"),
        ("dentist on 31 February at 9", "no date of the calendar"),
        ("dentist on 2026-01-01", "has passed"),
        ("call at 25:00", "no time of day"),
        ("rent every month on the 40th", "1 to 31"),
        ("move the dentist to the moon", "I do not understand when"),
        ("remind me to buy milk 1 hour before", "When is it due?"),
        ("add tomorrow", "What should I call it?"),
        ("add call Ann tomorrow at 9, 9999 weeks before", "too long before"),
        ("gym every 5000 days", "every 1 to 1000"),
        ("call Ann in 9000 years", "too far away"),
    ],
)
def test_what_is_unclear_is_asked_with_an_example(sentence: str, said: str) -> None:
    found = understand(sentence, NOW)
    assert isinstance(found, Unsaid), found
    assert said in found.sentence


@pytest.mark.parametrize(
    "sentence", ["buy milk", "asdf qwer", "tomorrow", "the standup", "add", "42", "!!!", "ok then"]
)
def test_what_says_neither_what_to_do_nor_when_is_not_understood(sentence: str) -> None:
    assert understand(sentence, NOW) == Unknown()


PIECES = st.sampled_from(
    [
        "every",
        "each",
        "other",
        "second",
        "last",
        "first",
        "friday",
        "mondays",
        "month",
        "week",
        "day",
        "of",
        "the",
        "on",
        "at",
        "in",
        "by",
        "5",
        "17:00",
        "5pm",
        "3rd",
        "31st",
        "2/3",
        "before",
        "after",
        "until",
        "for",
        "times",
        "tomorrow",
        "today",
        "next",
        "remind",
        "me",
        "move",
        "to",
        "delete",
        "stop",
        "done",
        "I've",
        "what's",
        '"',
        "#",
        "!",
        "'",
        ",",
        ".",
        "-",
        "hour",
        "minutes",
        "and",
        "with",
        "a",
        "an",
        "reminder",
        "half",
        "past",
        "noon",
        "morning",
        "daily",
        "weekly",
        "2026-02-30",
        "february",
        "quarter",
        "not",
        "is",
        "every",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=600), st.lists(PIECES, max_size=80).map(" ".join)))
def test_any_text_is_answered_within_bounded_time(text: str) -> None:
    begun = clocks.process_time()
    assert understand(text, NOW) is not None
    assert clocks.process_time() - begun < 1


@pytest.mark.parametrize(
    "piece", ["1 hour ", "1 hour and ", "every ", "move to to ", "3rd and ", "a", "mon,", "is done ", "\n"]
)
def test_no_repetition_makes_it_slow(piece: str) -> None:
    begun = clocks.process_time()
    understand(piece * 500, NOW)
    assert clocks.process_time() - begun < 1


@settings(max_examples=200, deadline=None)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)), st.sampled_from([each[0] for each in ONCE]))  # noqa: DTZ001
def test_what_happens_once_lies_ahead_or_is_refused(now: datetime, sentence: str) -> None:
    found = understand(sentence, now)
    assert isinstance(found, (Add, Unsaid))
    if isinstance(found, Add) and found.when.once:
        with suppress(dates.Unclear):
            assert dates.moment(found.when, now) > now


def test_a_letter_is_cut_to_a_sentence() -> None:
    assert len(grammar.normalized("word " * 1000)) == grammar.LONGEST_MESSAGE
