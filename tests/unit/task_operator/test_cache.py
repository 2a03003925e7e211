import pytest

from task_operator import cache as caches
from task_operator.cache import Cache, Key, Unreadable, key_of
from taskbell.lifecycle.testing import cursor, metadata, occurrence, one_off, schedule
from taskbell.resources import Task, TaskSchedule

STANDUP = schedule()


def with_metadata(task: Task, **changes: object) -> Task:
    return task.model_copy(update={"metadata": task.metadata.model_copy(update=changes)})


def at_version(version: int, uid: str = "task-milk") -> Task:
    return with_metadata(one_off(), resource_version=str(version), uid=uid)


def occurrence_at(version: int, sequence: int = 1) -> Task:
    return with_metadata(occurrence(STANDUP, cursor(STANDUP, sequence)), resource_version=str(version))


MILK = key_of(at_version(1))


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
    assert cache.schedules() == (STANDUP,)
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
    assert cache.schedules() == ()
    assert (dict(cache._children), cache._keys) == ({}, {})


def test_a_schedule_made_anew_under_its_name_does_not_inherit_the_old_ones_tasks() -> None:
    cache = Cache()
    cache.put(STANDUP)
    cache.put(occurrence_at(2))
    anew = STANDUP.model_copy(update={"metadata": metadata("standup", "uid-of-the-new-one", resource_version="9")})
    cache.put(anew)
    assert cache.schedules() == (anew,)
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
    assert cache.owner_of(task.metadata) == schedule_too_new
    assert cache.schedule_of(task) is None
    assert cache.schedules() == ()


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
