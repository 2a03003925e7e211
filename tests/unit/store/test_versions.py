from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from store.versions import TaskVersion, newest
from taskbell.events import TaskData
from taskbell.resources import Priority, State

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)
DATA = TaskData(
    title="Standup",
    description="",
    priority=Priority.MEDIUM,
    tags=(),
    due_at=None,
    time_zone="Etc/UTC",
    state=State.OPEN,
    completed=False,
    closed_at=None,
    reminders=(),
    occurrence=None,
    schedule_uid=None,
)


def version(uid: str = "first", generation: int = 1, **changes: Any) -> TaskVersion:
    known: dict[str, Any] = {"told": True, "created_at": NINE, "deleted_at": None, "name": "standup", **changes}
    return TaskVersion(namespace="default", uid=uid, generation=generation, user_id="demo", data=DATA, **known)


@pytest.mark.parametrize(
    ("stored", "later", "replaces"),
    [
        pytest.param(version(generation=1), version(generation=2), True, id="a higher generation"),
        pytest.param(version(generation=2), version(generation=1), False, id="a lower generation"),
        pytest.param(version(), version(), True, id="the same generation, told again"),
        pytest.param(version(told=False), version(), True, id="what the stream tells of the same generation"),
        pytest.param(version(), version(told=False), False, id="an API server's answer of the same generation"),
        pytest.param(version(), version(generation=2, told=False), True, id="an API server's answer that is newer"),
        pytest.param(version(generation=3), version(generation=2, deleted_at=NINE), True, id="a deletion, in any case"),
        pytest.param(version(deleted_at=NINE), version(generation=9), False, id="anything after a deletion"),
        pytest.param(version(), version("second", created_at=NINE + A_SECOND), True, id="one created later"),
        pytest.param(version(), version("second", created_at=NINE - A_SECOND), False, id="one created earlier"),
        pytest.param(
            version(deleted_at=NINE),
            version("second", created_at=NINE - A_SECOND),
            False,
            id="an older one, once deleted",
        ),
        pytest.param(version(), version("second"), True, id="another of the same second"),
        pytest.param(version(), version("second", deleted_at=NINE), False, id="a deleted one of the same second"),
    ],
)
def test_a_version_under_the_same_name_is_replaced_by(stored: TaskVersion, later: TaskVersion, replaces: bool) -> None:
    assert later.replaces(stored) is replaces


def test_a_history_ends_the_same_in_any_order() -> None:
    history = [
        version(),
        version(generation=2, told=False),
        version(generation=2),
        version(generation=3, deleted_at=NINE),
        version("second", created_at=NINE + A_SECOND),
    ]
    assert {tuple(newest(order)) for order in permutations(history)} == {(history[-1],)}


def test_a_batch_comes_down_to_one_version_a_name_in_the_order_of_the_names() -> None:
    batch = [version(name="b"), version(name="a"), version(name="b", generation=2)]
    assert [(kept.name, kept.generation) for kept in newest(batch)] == [("a", 1), ("b", 2)]
