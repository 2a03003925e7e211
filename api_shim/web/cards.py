"""What a card shows, and in which groups cards stand."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from api_shim.web import moments
from api_shim.web.moments import Clock
from store.reading import Card
from taskbell.events import TaskData
from taskbell.resources import ReminderState, State

NEXT_UP = 5
"""Cards that Today shows of what comes after it."""

_REMINDER_WORDS = {
    ReminderState.PENDING.value: "to come",
    ReminderState.PUBLISHED.value: "sent",
    ReminderState.EXPIRED.value: "too late to send",
    ReminderState.CANCELLED.value: "cancelled",
}


@dataclass(frozen=True, slots=True)
class ReminderView:
    """`before` is empty for a reminder at an instant; `state` is in words."""

    before: str
    remind_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class CardView:
    """`recurrence` is empty for a task of its own. `schedule_id` is set while its series can be ended."""

    id: str
    uid: str
    data: TaskData
    overdue: bool
    recurrence: str
    reminders: tuple[ReminderView, ...]
    schedule_id: str | None

    @property
    def closed(self) -> bool:
        return self.data.state is not State.OPEN

    @property
    def skipped(self) -> bool:
        return self.data.state is State.SKIPPED


@dataclass(frozen=True, slots=True)
class Group:
    heading: str
    cards: tuple[CardView, ...]


def card(seen: Card, clock: Clock) -> CardView:
    data, spec = seen.task.data, seen.schedule.spec if seen.schedule else None
    is_open = data.state is State.OPEN
    return CardView(
        id=seen.task.name,
        uid=seen.task.uid,
        data=data,
        overdue=is_open and data.due is not None and clock.passed(data.due.by),
        recurrence=_recurrence(data, clock),
        reminders=tuple(_reminders(seen)),
        schedule_id=data.occurrence.schedule if spec and data.occurrence and not spec.get("endsAt") else None,
    )


def all_groups(cards: Iterable[Card], clock: Clock) -> tuple[Group, ...]:
    """Cards in the order of their due times, under the day they are due."""
    views = [card(each, clock) for each in cards]
    return tuple(Group(name, tuple(each)) for name, each in groupby(views, lambda view: _heading(view, clock)))


def today_groups(cards: Sequence[Card], clock: Clock) -> tuple[Group, ...]:
    """What is overdue and what is due today, then a few that follow."""
    groups = all_groups(cards, clock)
    pressing = tuple(group for group in groups if group.heading in {"Overdue", "Today"})
    following = [view for group in groups[len(pressing) :] for view in group.cards][:NEXT_UP]
    return (*pressing, Group("Coming up", tuple(following))) if following else pressing


def _recurrence(data: TaskData, clock: Clock) -> str:
    """The zone is named where it is not the reader's. An occurrence from before there were words `Recurs`."""
    if data.occurrence is None:
        return ""
    return (data.recurrence_text or "Recurs").removesuffix(f", {clock.zone.key}")


def _heading(view: CardView, clock: Clock) -> str:
    due = view.data.due
    if due is None:
        return "No due time"
    if view.overdue:
        return "Overdue"
    match clock.days_ahead(due.by):
        case 0:
            return "Today"
        case 1:
            return "Tomorrow"
        case days:
            return "Next seven days" if days <= 7 else "Later"


def _reminders(seen: Card) -> Iterator[ReminderView]:
    for reminder in sorted(seen.task.data.reminders, key=lambda each: each.remind_at):
        state = seen.reminder_states.get(reminder.id, reminder.state.value)
        words = _REMINDER_WORDS.get(state, state.lower())
        yield ReminderView(moments.before(reminder.id), reminder.remind_at, words)
