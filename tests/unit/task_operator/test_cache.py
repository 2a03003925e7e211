import pytest

from task_operator import cache as caches
from task_operator.cache import Cache, Key, Unreadable, key_of
from taskbell.lifecycle.testing import cursor, metadata, occurrence, one_off, schedule
from taskbell.resources import Phase, Reminder, Resource, Task, TaskSchedule, TaskScheduleSpec

STANDUP = schedule()


def with_metadata(task: Task, **changes: object) -> Task:
    return task.model_copy(update={"metadata": task.metadata.model_copy(update=changes)})


def at_version(version: int, uid: str = "task-milk") -> Task:
    return with_metadata(one_off(), resource_version=str(version), uid=uid)


def occurrence_at(version: int, sequence: int = 1) -> Task:
    return with_metadata(occurrence(STANDUP, cursor(STANDUP, sequence)), resource_version=str(version))


MILK = key_of(at_version(1))


@pytest.fixture(autouse=True, params=[pytest.param(1, id="all but one packed"), pytest.param(1000, id="none packed")])
def in_use(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Nobody can tell whether an object was packed meanwhile."""
    monkeypatch.setattr(caches, "IN_USE", request.param)
    return int(request.param)


@pytest.mark.parametrize(
    ("known", "seen", "kept"),
    [
        pytest.param(9, 10, "10", id="a newer version replaces an older one, as numbers go"),
        pytest.param(10, 9, "10", id="an older version never replaces a newer one"),
        pytest.param(7, 7, "7", id="the same version is no news"),
    ],
)
def test_versions(known: int, seen: int, kept: str) -> None:
    cache = Cache()
    cache.put(at_version(known))
    assert cache.put(at_version(seen)) is (seen > known)
    found = cache.get(MILK)
    assert found is not None
    assert found.metadata.resource_version == kept


def test_another_object_under_the_same_name_replaces_the_old_one() -> None:
    cache = Cache()
    cache.put(at_version(5, uid="old"))
    assert cache.put(at_version(6, uid="new"))
    assert not cache.put(at_version(7, uid="old")), "the old one is not coming back"
    found = cache.get(MILK)
    assert found is not None
    assert found.metadata.uid == "new"


def test_an_object_is_dropped_by_its_own_uid_only() -> None:
    cache = Cache()
    cache.put(at_version(5, uid="new"))
    assert not cache.drop(MILK, "old")
    assert cache.get(MILK) is not None
    assert cache.drop(MILK, "new")
    assert cache.get(MILK) is None
    assert not cache.drop(MILK, "new")


def test_a_late_answer_does_not_bring_a_deleted_object_back() -> None:
    cache = Cache()
    cache.put(at_version(5))
    cache.bury("task-milk")
    cache.drop(MILK, "task-milk")
    assert not cache.put(at_version(6))
    assert cache.known() == ()


def test_deletions_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "REMEMBERED_DELETIONS", 3)
    cache = Cache()
    for number in range(10):
        cache.put(at_version(number + 1, uid=f"uid-{number}"))
        cache.bury(f"uid-{number}")
        cache.drop(MILK, f"uid-{number}")
    assert len(cache._gone) == 3
    assert not cache.put(at_version(20, uid="uid-9"))


def test_a_schedule_finds_its_tasks_and_a_task_its_schedule() -> None:
    cache, task = Cache(), occurrence_at(2)
    assert cache.tasks_of(STANDUP.metadata.uid) == ()
    assert cache.schedule_of(task) is None
    cache.put(STANDUP)
    cache.put(task)
    cache.put(at_version(3))
    assert cache.tasks_of(STANDUP.metadata.uid) == (task,)
    assert cache.schedule_of(task) == STANDUP
    assert cache.schedule_of(at_version(3)) is None
    assert cache.owner_of(task.metadata) == key_of(STANDUP)
    assert len(cache.known()) == 3


def test_an_owner_that_does_not_control_the_task_is_not_its_schedule() -> None:
    cache, task = Cache(), occurrence_at(2)
    cache.put(STANDUP)
    loose = tuple(owner.model_copy(update={"controller": False}) for owner in task.metadata.owner_references)
    cache.put(with_metadata(task, owner_references=loose))
    assert cache.tasks_of(STANDUP.metadata.uid) == ()


def test_a_task_that_changes_its_owner_leaves_the_old_one() -> None:
    cache, task = Cache(), occurrence_at(2)
    cache.put(task)
    cache.put(with_metadata(task, owner_references=(), resource_version="3"))
    assert cache.tasks_of(STANDUP.metadata.uid) == ()
    assert not cache._children


def test_dropping_everything_leaves_no_index_behind() -> None:
    cache = Cache()
    everything = (STANDUP, occurrence_at(2), occurrence_at(3, sequence=2), at_version(4))
    for resource in everything:
        cache.put(resource)
    for resource in everything:
        assert cache.drop(key_of(resource), resource.metadata.uid)
    assert cache.known() == ()
    assert not cache._in_use
    assert (dict(cache._children), cache._keys) == ({}, {})


def test_a_schedule_made_anew_under_its_name_does_not_inherit_the_old_ones_tasks() -> None:
    cache = Cache()
    cache.put(STANDUP)
    cache.put(occurrence_at(2))
    anew = STANDUP.model_copy(update={"metadata": metadata("standup", "uid-of-the-new-one", resource_version="9")})
    cache.put(anew)
    assert cache.get(key_of(anew)) == anew
    assert cache.tasks_of("uid-of-the-new-one") == ()
    assert cache.schedule_of(occurrence_at(2)) is None


def test_a_key_reads_like_kubectl() -> None:
    assert str(Key(TaskSchedule, "default", "standup")) == "TaskSchedule default/standup"


def too_new(of: Task) -> Unreadable:
    return Unreadable(Task, of.metadata, (), "spec.more: not known")


def test_what_became_too_new_takes_the_place_of_what_was_read_and_back() -> None:
    cache = Cache()
    cache.put(STANDUP)
    cache.put(occurrence_at(2))
    assert cache.put(too_new(occurrence_at(3)))
    assert cache.tasks_of(STANDUP.metadata.uid) == ()
    assert cache.unreadable_of(STANDUP.metadata.uid) == too_new(occurrence_at(3))
    assert cache.put(occurrence_at(4))
    assert cache.unreadable_of(STANDUP.metadata.uid) is None
    assert cache.tasks_of(STANDUP.metadata.uid) == (occurrence_at(4),)


def test_a_schedule_too_new_is_still_its_tasks_owner_but_cannot_be_asked() -> None:
    cache = Cache()
    schedule_too_new = Unreadable(TaskSchedule, STANDUP.metadata, (), "spec.more: not known")
    cache.put(schedule_too_new)
    task = occurrence_at(2)
    assert cache.owner_of(task.metadata) == key_of(STANDUP)
    assert cache.schedule_of(task) is None


def test_the_uids_of_a_kind_everywhere_or_in_one_namespace() -> None:
    cache = Cache()
    cache.put(STANDUP)
    cache.put(occurrence_at(2))
    key = key_of(STANDUP)
    assert cache.uids(TaskSchedule, None) == {key: STANDUP.metadata.uid}
    assert cache.uids(TaskSchedule, key.namespace) == {key: STANDUP.metadata.uid}
    assert cache.uids(TaskSchedule, "elsewhere") == {}


def test_an_object_is_found_by_its_uid_until_another_has_its_name() -> None:
    cache = Cache()
    cache.put(STANDUP)
    assert cache.key_of_uid(STANDUP.metadata.uid) == key_of(STANDUP)
    cache.drop(key_of(STANDUP), STANDUP.metadata.uid)
    assert cache.key_of_uid(STANDUP.metadata.uid) is None


def test_of_many_objects_only_those_used_lately_are_kept_whole(in_use: int) -> None:
    cache = Cache()
    everything = (STANDUP, *(occurrence_at(number, sequence=number) for number in range(2, 6)))
    for resource in everything:
        cache.put(resource)
    assert [cache.get(key_of(resource)) for resource in everything] == [*everything]
    whole = [entry for entry in cache._entries.values() if entry.whole]
    assert len(whole) == min(in_use, len(everything))


def test_what_is_asked_of_many_objects_is_known_without_looking_at_each() -> None:
    cache = Cache()
    closed = cursor(STANDUP, phase=Phase.CLOSED)
    cache.put(STANDUP.model_copy(update={"status": STANDUP.status.model_copy(update={"cursor": closed})}))
    going = with_metadata(occurrence_at(7), deletion_timestamp=STANDUP.metadata.creation_timestamp)
    cache.put(going)
    cache.put(at_version(8))
    assert cache.closed_schedules() == (key_of(STANDUP),)
    assert cache.terminating_tasks_of(STANDUP.metadata.uid) == (key_of(going),)
    assert (cache.version_of(MILK), cache.uid_of(MILK), cache.user_of(MILK)) == (8, "task-milk", one_off().spec.user_id)
    nothing = Key(Task, "default", "nothing")
    assert (cache.version_of(nothing), cache.uid_of(nothing), cache.user_of(nothing)) == (None, None, "")


def test_what_is_too_new_is_kept_as_it_is_however_many_come() -> None:
    cache = Cache()
    cache.put(too_new(occurrence_at(3)))
    cache.put(STANDUP)
    cache.put(at_version(4))
    assert cache.get(key_of(occurrence_at(3))) == too_new(occurrence_at(3))
    assert cache.unreadable_of(STANDUP.metadata.uid) == too_new(occurrence_at(3))


EVERYTHING = {
    "userId": "ann",
    "task": {
        "title": "Standup",
        "description": "Bring coffee",
        "priority": "High",
        "tags": ["team"],
        "reminders": [{"before": "P1D"}, {"before": "-PT90M"}],
        "reminderPolicy": {"late": "All", "within": "PT90M"},
    },
    "timeZone": "Australia/Lord_Howe",
    "start": "2026-11-23T09:00",
    "recurrence": {
        "frequency": "Monthly",
        "interval": 2,
        "weekdays": ["2Tue", "-1Fri"],
        "monthDays": [1, -1],
        "months": [1, 12],
        "until": "2030-01-01T00:00",
        "additionalDates": ["2026-12-01T09:00"],
        "excludedDates": ["2027-01-01T09:00"],
        "monthEnd": "Clamp",
        "dst": {"gap": "Skip", "fold": "Both"},
    },
    "advance": "OnSchedule",
    "leadTime": "PT2H",
    "overlap": "Replace",
    "openLimit": 3,
    "overrides": [{"occurrence": "2026-12-01T09:00", "moveTo": "2026-12-01T10:00", "task": {"title": "Late"}}],
    "missed": {"policy": "All", "within": "P2D"},
    "endsAt": "2029-01-01T00:00:00.5Z",
    "suspend": True,
    "historyLimit": 7,
}


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param(
            STANDUP.model_copy(update={"spec": TaskScheduleSpec.model_validate(EVERYTHING)}), id="every field"
        ),
        pytest.param(
            STANDUP.model_copy(
                update={
                    "spec": TaskScheduleSpec.model_validate(
                        EVERYTHING | {"recurrence": {"rrule": "FREQ=DAILY;COUNT=3"}, "overrides": []}
                    )
                }
            ),
            id="an rrule",
        ),
        pytest.param(one_off(reminders=(Reminder(at=STANDUP.metadata.creation_timestamp),)), id="an instant"),
    ],
)
def test_what_was_packed_comes_back_as_it_was(resource: Resource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "IN_USE", 0)
    cache = Cache()
    cache.put(resource)
    assert [entry.whole for entry in cache._entries.values()] == [None]
    assert cache.get(key_of(resource)) == resource
