"""Any part is killed, frozen, or (the Dapr scheduler) wiped, some at the same time; what ends by itself is started
again, as the kubelet would."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localcluster.cluster import Cluster
from localcluster.errors import PartFailedError
from localcluster.part import Part, Service

AT_A_TIME = 2
LONGEST_SECONDS = 20.0
"""Longer than the operator's lease."""
_QUIET_SECONDS = (1.0, 6.0)
_DOWN_SECONDS = (0.0, 8.0)
_FROZEN_SECONDS = (0.5, LONGEST_SECONDS)
_WIPED = ("scheduler",)
"""What may lose its data: everything else holds something that exists only there."""
_START_SECONDS = 180.0
_LOOK_SECONDS = 0.5


class Faults:
    """Strikes while `under_way`, until `calm`."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.now: dict[str, str] = {}
        """What is broken at the moment, by the name of the part."""
        self._cluster = cluster
        self._seed = seed
        self._calm = threading.Event()
        self._end = threading.Event()
        self._choice = threading.Lock()
        self._failed: list[BaseException] = []
        self._strikers = [threading.Thread(target=self._watched(self._strike, number)) for number in range(AT_A_TIME)]
        self._reviver = threading.Thread(target=self._watched(self._revive))

    @contextmanager
    def under_way(self) -> Iterator[None]:
        for thread in (*self._strikers, self._reviver):
            thread.start()
        try:
            yield
        finally:
            self._calm.set()
            self._end.set()
            for thread in (*self._strikers, self._reviver):
                thread.join()

    def calm(self) -> None:
        """No faults any more; returns when everything is up. Raises what went wrong with starting a part again."""
        self._calm.set()
        for thread in self._strikers:
            thread.join()
        if self._failed:
            raise self._failed[0]

    def _watched(self, work: Callable[..., None], *arguments: int) -> Callable[[], None]:
        def run() -> None:
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001 raised again by `calm`
                self._failed.append(error)

        return run

    def _strike(self, number: int) -> None:
        chance = random.Random(self._seed * AT_A_TIME + number)
        while not self._calm.wait(chance.uniform(*_QUIET_SECONDS)):
            fault = chance.choice(("kill -9", "kill -9", "SIGSTOP", "SIGSTOP", "wipe"))
            names = _WIPED if fault == "wipe" else tuple(self._cluster.parts)
            with self._choice:
                free = [name for name in names if name not in self.now and self._cluster.part(name).running]
                if not free:
                    continue
                name = chance.choice(free)
                self.now[name] = fault
            self.counts[f"{fault} {name}"] += 1
            self._break(self._cluster.part(name), fault, chance)
            with self._choice:
                del self.now[name]

    def _break(self, part: Part[Service], fault: str, chance: random.Random) -> None:
        if fault == "SIGSTOP":
            part.pause()
            self._calm.wait(chance.uniform(*_FROZEN_SECONDS))
            part.resume()
            return
        part.kill()
        if fault == "wipe":
            part.wipe()
        self._calm.wait(chance.uniform(*_DOWN_SECONDS))
        self._start(part)

    def _revive(self) -> None:
        while not self._end.wait(_LOOK_SECONDS):
            with self._choice:
                ended = [
                    part for name, part in self._cluster.parts.items() if name not in self.now and not part.running
                ]
                for part in ended:
                    self.now[part.name] = "ended by itself"
            for part in ended:
                self.counts[f"ended by itself: {part.name}"] += 1
                self._start(part)
                with self._choice:
                    del self.now[part.name]

    def _start(self, part: Part[Service]) -> None:
        """Over and over: what it needs may be away too."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                part.start()
            except PartFailedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_SECONDS)
            else:
                return
