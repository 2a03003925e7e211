"""One run: everything up, people and faults side by side, then calm, then the judge."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from localcluster.cluster import Cluster
from localcluster.progress import Report
from localcluster.stack import Stack
from tests.chaos.faults import Faults
from tests.chaos.findings import Findings, look
from tests.chaos.history import History
from tests.chaos.judge import Violation, judge
from tests.chaos.residents import Resident
from tests.chaos.tools import Kubectl
from tests.e2e.people import Person, World

RESIDENTS = 4
SETTLED_SECONDS = 240.0
"""Reminders are up to 40 s ahead, Kafka sessions last 10 s, a killed scheduler leads after 23 s."""
_PROGRESS_SECONDS = 10.0
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    history: History
    faults: Counter[str]
    found: Findings
    settled_after: float
    """Seconds from the last fault."""
    violations: Sequence[Violation]

    def sentences(self) -> list[str]:
        events = {topic: len({event["id"] for event in lying}) for topic, lying in self.found.events.items()}
        lateness = sorted(event["data"]["late_by"] for event in self.found.events["reminders"]) or [0]
        sent = sum(delivery.inbox for delivery in self.found.deliveries)
        kinds = Counter(violation.kind for violation in self.violations)
        return [
            _counted("faults", self.faults),
            _counted("operations", self.history.operations),
            _counted("events", Counter(events)),
            f"reminders sent: {sent}; lateness {statistics.median(lateness):.0f} s (median), {lateness[-1]} s (worst)",
            f"calm {self.settled_after:.0f} s after the last fault",
            *map(str, self.violations),
            f"{kinds['lost']} lost, {kinds['doubled']} doubled, {kinds['stuck']} stuck, {kinds['wrong']} wrong",
        ]


def run(folder: Path, root: Path, minutes: float, seed: int, report: Report) -> Verdict:
    """Logs stay in `folder`."""
    report(f"chaos of {minutes:g} minutes, seed {seed}")
    with Cluster(folder, crds=root / "crds") as cluster:
        stack = Stack(cluster, root)
        stack.start()
        stack.add_standby()
        report("everything is up")
        return _live(World(cluster, stack), minutes, seed, report)


def _live(world: World, minutes: float, seed: int, report: Report) -> Verdict:
    end, kubeconfig = threading.Event(), world.cluster.kubeconfig_path
    faults = Faults(world.cluster, seed)
    with ExitStack() as context:
        people = [context.enter_context(Person.of(world, f"resident-{number}")) for number in range(RESIDENTS)]
        residents = [
            Resident(person, kubeconfig, seed * RESIDENTS + number, end) for number, person in enumerate(people)
        ]
        pool = context.enter_context(ThreadPoolExecutor(RESIDENTS))
        context.enter_context(faults.under_way())
        context.callback(end.set)
        until = time.monotonic() + minutes * 60
        working = [pool.submit(resident.work, until) for resident in residents]
        while time.monotonic() < until and all(work.running() for work in working):
            time.sleep(min(_PROGRESS_SECONDS, max(until - time.monotonic(), 0)))
            done = sum(resident.history.operations.total() for resident in residents)
            broken = ", ".join(f"{name} ({fault})" for name, fault in sorted(faults.now.items())) or "nothing"
            report(f"{until - time.monotonic():4.0f} s left: {done} operations; broken now: {broken}")
        faults.calm()
        for work in working:
            work.result()
        history = History.together(resident.history for resident in residents)
        return _settled(world.cluster, history, faults, Kubectl(kubeconfig, end))


def _settled(cluster: Cluster, history: History, faults: Faults, kubectl: Kubectl) -> Verdict:
    begun = time.monotonic()
    while True:
        found = look(cluster, kubectl)
        violations = judge(history, found, datetime.now(UTC))
        waited = time.monotonic() - begun
        if not violations or waited > SETTLED_SECONDS:
            return Verdict(history, faults.counts, found, waited, violations)
        time.sleep(_LOOK_SECONDS)


def _counted(what: str, counts: Counter[str]) -> str:
    each = ", ".join(f"{name} {number}" for name, number in counts.most_common())
    return f"{what}: {counts.total()} ({each})"
