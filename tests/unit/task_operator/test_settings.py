import pytest

from runtime.settings import load
from task_operator.leader import Timing
from task_operator.settings import OperatorSettings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("TASKBELL_PORT", "8080")
    return monkeypatch


def test_the_lease_has_the_times_that_client_go_has(environment: pytest.MonkeyPatch) -> None:
    del environment
    assert load(OperatorSettings).timing == Timing(lease_duration=15, renew_deadline=10, retry_period=2)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        pytest.param("TASKBELL_LEASE_DURATION_SECONDS", "10", "longer than the renew deadline", id="two could lead"),
        pytest.param("TASKBELL_LEASE_RETRY_PERIOD_SECONDS", "9", "longer than 1.2 retry", id="no second attempt"),
        pytest.param("TASKBELL_LEASE_DURATION_SECONDS", "soon", "LEASE_DURATION_SECONDS cannot", id="not a number"),
        pytest.param("TASKBELL_SWEEP_MINUTES", "0", "TASKBELL_SWEEP_MINUTES cannot", id="a sweep without end"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    environment: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    environment.setenv(variable, value)
    with pytest.raises(SystemExit, match=complaint):
        load(OperatorSettings)
