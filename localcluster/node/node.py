"""A cluster with its node, for as long as the `with` block."""

import contextlib
import fcntl
import hashlib
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, Self

from localcluster import binaries, tools
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.node import cgroups, namespaces, requirements
from localcluster.node.containerd import Containerd
from localcluster.node.images import COREDNS_IMAGE, Images
from localcluster.node.kube_proxy import KubeProxy
from localcluster.node.kube_scheduler import KubeScheduler
from localcluster.node.kubelet import Kubelet
from localcluster.node.layout import DNS_ADDRESS, NAME, NETWORK, Layout
from localcluster.node.namespaces import Namespaces
from localcluster.part import Part
from localcluster.process import environment
from localcluster.progress import Report, silent

_BARE_PARTS = ("etcd", "apiserver", "controller-manager", "kafka", "postgres")
_DNS = Path(__file__).with_name("coredns.yaml")
_READY_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_HELM_SECONDS = 600.0


class Node:
    """Everything a `Cluster` has but Dapr's scheduler, and a node on which Pods run. Dapr comes by its chart.

    Raises `MissingPrerequisiteError` where there can be none, `LocalClusterError` when there is one already. Torn down
    it leaves nothing but the cache: binaries, image archives, and containerd's store with the images unpacked."""

    def __init__(self, directory: Path | None = None, *, report: Report = silent) -> None:
        cache = binaries.cache_directory()
        requirements.ensure(cache / "logs" / "node-packages.log", report)
        found = binaries.ensure(report, [*tools.ALL, *tools.NODE])
        self._claim = _only_one(cache / "node" / "lock")
        self.binaries = found
        self.images = Images(cache / "node" / "images", cache / "logs" / "node-images.log", report)
        self.cluster = Cluster(directory, bare_parts=_BARE_PARTS, network=NETWORK, report=report)
        self._report = report
        self._layout = Layout(self.cluster.data / "node", cache / "node" / "containerd")
        self._namespaces: Part[Namespaces] = self.cluster.add(Namespaces(self._layout))
        self._containerd: Part[Containerd] | None = None

    def start(self) -> None:
        """Returns when Pods can run and find each other by name. When something fails, all is torn down again."""
        begun = time.monotonic()
        try:
            self._start_namespaces()
            self.cluster.start()
            self._start_parts()
            self.load(self.images.of_programs(self.binaries))
            self._start_dns()
        except BaseException:
            self.stop()
            raise
        self._report(f"the node is ready after {time.monotonic() - begun:.1f} s")

    def stop(self) -> None:
        """Ends everything and removes every trace. A stopped node cannot be started again."""
        try:
            self._namespaces.kill()
            self.cluster.stop()
        finally:
            namespaces.disconnect()
            cgroups.remove()
            self._claim.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.stop()

    def load(self, images: Iterable[Path]) -> None:
        """Makes docker archives runnable; one that is in the store already is left as it is."""
        if self._containerd is None:
            raise LocalClusterError("the node is not started")
        for image in images:
            stamp = self._layout.store / "loaded" / _fingerprint(image)
            if not stamp.exists():
                self._containerd.service.load(image)
                stamp.parent.mkdir(exist_ok=True)
                stamp.touch()

    @property
    def administrator(self) -> dict[str, str]:
        """The environment in which kubectl and helm may do everything; what they keep goes with the cluster."""
        data = self.cluster.data
        folders = {f"HELM_{kind}_HOME": str(data / "helm") for kind in ("CACHE", "CONFIG", "DATA")}
        return environment(KUBECONFIG=str(self.cluster.kubeconfig_path), KUBECACHEDIR=str(data / "kubectl"), **folders)

    def helm(self, *arguments: str, seconds: float = _HELM_SECONDS) -> str:
        """What helm prints, as administrator. Raises `LocalClusterError` with what it complained of."""
        answer = subprocess.run(
            (self.binaries["helm"], *arguments),
            env=self.administrator,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        if answer.returncode != 0:
            raise LocalClusterError(f"helm {' '.join(arguments)}: {answer.stderr.strip()}")
        return answer.stdout

    def await_that(self, what: str, look: Callable[[], object], seconds: float = _READY_SECONDS) -> None:
        """Raises `LocalClusterError` when `look` finds nothing true within the time."""
        deadline = time.monotonic() + seconds
        while not look():
            if time.monotonic() > deadline:
                raise LocalClusterError(f"not so after {seconds:.0f} s: {what}; logs in {self.cluster.logs}")
            time.sleep(_LOOK_SECONDS)

    def _start_namespaces(self) -> None:
        cgroups.remove()  # what is left of a killed run
        cgroups.make()
        self._namespaces.start()
        namespaces.connect(namespaces.first_process(self._namespaces.pid))

    def _start_parts(self) -> None:
        first = namespaces.first_process(self._namespaces.pid)
        apiserver = self.cluster.apiserver.service
        programs = self.binaries
        kubeconfig = self.cluster.kubeconfig_path
        self._containerd = self.cluster.add(Containerd(self._layout, first, programs["bridge"].parent))
        parts: tuple[Part[Any], ...] = (
            self._containerd,
            self.cluster.add(
                KubeScheduler(programs["kube-scheduler"], self.cluster.ports.take(), apiserver, kubeconfig)
            ),
            self.cluster.add(Kubelet(programs["kubelet"], self._layout, first, apiserver)),
            self.cluster.add(KubeProxy(programs["kube-proxy"], self._layout, first, apiserver)),
        )
        for part in parts:
            part.start()
            self._report(f"{part.name} ready after {part.ready_after_seconds:.1f} s")

    def _start_dns(self) -> None:
        manifest = _DNS.read_text().replace("ADDRESS", DNS_ADDRESS).replace("IMAGE", COREDNS_IMAGE)
        self.cluster.kubectl("apply", "--filename", "-", stdin=manifest)
        ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
        self.await_that("the node is Ready", lambda: self._asked("get", "node", NAME, "--output", ready) == "True")
        available = ("get", "deployment", "coredns", "--namespace=kube-system", "--output")
        self.await_that(
            "CoreDNS is available", lambda: self._asked(*available, "jsonpath={.status.availableReplicas}") == "1"
        )

    def _asked(self, *arguments: str) -> str:
        with contextlib.suppress(LocalClusterError):
            return self.cluster.kubectl(*arguments).strip()
        return ""


def _only_one(lock: Path) -> IO[str]:
    """The kernel releases it however we end."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    claim = lock.open("w")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.close()
        raise LocalClusterError("there is a node on this machine already, and there can be one: end it first") from None
    return claim


def _fingerprint(image: Path) -> str:
    state = image.stat()
    return hashlib.sha256(f"{image} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()
