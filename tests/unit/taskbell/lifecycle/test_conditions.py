"""The transition time moves with the status, and with nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from taskbell.lifecycle.conditions import READY, STALLED, Claim, renewed, since

THEN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NOW = THEN + timedelta(hours=1)
STORED = renewed((), {READY: Claim(True, "Scheduled", "")}, 1, THEN)

CASES = [
    pytest.param(Claim(True, "Scheduled", ""), THEN, id="nothing has changed"),
    pytest.param(Claim(True, "Suspended", "spec.suspend is true"), THEN, id="another reason, the same status"),
    pytest.param(Claim(False, "NeverOccurs", ""), NOW, id="another status"),
]


@pytest.mark.parametrize(("claim", "transition"), CASES)
def test_the_transition_time(claim: Claim, transition: datetime) -> None:
    (condition,) = renewed(STORED, {READY: claim}, 2, NOW)
    assert condition.last_transition_time == transition
    assert (condition.reason, condition.observed_generation) == (claim.reason, 2)


def test_a_type_without_a_claim_is_not_shown() -> None:
    assert [each.type for each in renewed(STORED, {STALLED: Claim(True, "x", "")}, 1, NOW)] == [STALLED]


def test_since_when_a_status_holds() -> None:
    assert since(STORED, READY) == THEN
    assert since(STORED, STALLED) is None
