from collections.abc import Iterator

import pytest

from task_operator.farewell import PATIENCE_SECONDS, Body, farewell
from taskbell.naming import FINALIZER

OTHER = "example.com/other"


def body(name: str, *finalizers: str) -> Body:
    return {"metadata": {"name": name, "finalizers": list(finalizers)}}


class MemoryCluster:
    """`ending` looks pass before the operator's Pod has gone; the first change of an object named stale conflicts."""

    def __init__(self, ending: int = 0, **objects: list[Body]) -> None:
        self.ending = ending
        self.scaled = False
        self.all = objects
        self.stale = {"stale"}

    def scale_to_zero(self, deployment: str) -> None:
        self.scaled = True

    def pods(self, selector: str) -> int:
        self.ending -= self.scaled
        return int(self.ending >= 0)

    def objects(self, plural: str) -> Iterator[Body]:
        yield from self.all.get(plural, [])

    def set_finalizers(self, plural: str, body: Body, finalizers: list[str]) -> bool:
        if body["metadata"]["name"] in self.stale:
            self.stale.clear()
            return False
        body["metadata"]["finalizers"] = finalizers
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def say_farewell(cluster: MemoryCluster) -> int:
    clock = Clock()
    return farewell(cluster, "taskbell-operator", "component=operator", clock, clock.pause)


def test_our_finalizer_goes_from_every_object_and_others_stay() -> None:
    cluster = MemoryCluster(tasks=[body("a", FINALIZER), body("b", OTHER, FINALIZER)], taskschedules=[body("c", OTHER)])
    assert say_farewell(cluster) == 2
    assert [each["metadata"]["finalizers"] for each in cluster.all["tasks"]] == [[], [OTHER]]
    assert cluster.all["taskschedules"][0]["metadata"]["finalizers"] == [OTHER]


def test_what_changed_meanwhile_is_looked_at_again() -> None:
    cluster = MemoryCluster(tasks=[body("stale", FINALIZER)])
    assert say_farewell(cluster) == 1


def test_it_waits_until_the_operator_has_gone() -> None:
    cluster = MemoryCluster(ending=3, tasks=[body("a", FINALIZER)])
    assert say_farewell(cluster) == 1
    assert cluster.ending < 0


def test_an_operator_that_does_not_end_is_an_error_and_nothing_is_touched() -> None:
    cluster = MemoryCluster(ending=10**6, tasks=[body("a", FINALIZER)])
    with pytest.raises(TimeoutError, match=f"still there after {PATIENCE_SECONDS:.0f} s"):
        say_farewell(cluster)
    assert cluster.all["tasks"][0]["metadata"]["finalizers"] == [FINALIZER]
