"""Conditions, made only here. Messages hold no times; the transition time moves only with the status."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from taskbell.resources import Condition, ConditionStatus

READY = "Ready"
STALLED = "Stalled"
COMPLETE = "Complete"
REOPENED = "Reopened"
BLOCKED = "Blocked"
NO_SUCH_OCCURRENCE = "NoSuchOccurrence"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a condition says; a type without a claim is not shown."""

    holds: bool
    reason: str
    message: str


def renewed(
    stored: tuple[Condition, ...], claims: Mapping[str, Claim], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """`claims` as conditions, in their order, each with the time since which its status holds."""
    known = {condition.type: condition for condition in stored}
    return tuple(_condition(type_, claim, known.get(type_), generation, now) for type_, claim in claims.items())


def since(stored: tuple[Condition, ...], type_: str) -> datetime | None:
    """When the condition's status last changed."""
    return next((condition.last_transition_time for condition in stored if condition.type == type_), None)


def _condition(type_: str, claim: Claim, stored: Condition | None, generation: int, now: datetime) -> Condition:
    status = ConditionStatus.TRUE if claim.holds else ConditionStatus.FALSE
    unchanged = stored is not None and stored.status is status
    said = (claim.reason, claim.message, generation)
    if stored and unchanged and (stored.reason, stored.message, stored.observed_generation) == said:
        return stored
    return Condition(
        type=type_,
        status=status,
        reason=claim.reason,
        message=claim.message,
        last_transition_time=stored.last_transition_time if stored and unchanged else now,
        observed_generation=generation,
    )
