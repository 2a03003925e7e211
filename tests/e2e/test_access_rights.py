"""RBAC: every service may do what its chart's role says, and nothing else. Asked as `kubectl auth can-i` asks."""

from itertools import product
from pathlib import Path

import pytest
import yaml

from localcluster.errors import LocalClusterError
from localcluster.stack import DATABASE_SECRET, SYSTEM_NAMESPACE, USER_NAMESPACE
from tests.e2e.people import JSON, World

GROUP = "taskbell.dev"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
OURS = (
    "taskschedules",
    "tasks",
    "taskschedules/status",
    "tasks/status",
    "taskschedules/finalizers",
    "tasks/finalizers",
)
THEIRS = (
    ("", "secrets"),
    ("", "configmaps"),
    ("", "pods"),
    ("", "pods/exec"),
    ("", "events"),
    ("events.k8s.io", "events"),
    ("", "namespaces"),
    ("", "serviceaccounts/token"),
    ("coordination.k8s.io", "leases"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
)

ALLOWED = {
    "operator": {
        "taskschedules": {"get", "list", "watch", "patch"},
        "tasks": {"get", "list", "watch", "create", "patch", "delete"},
        "taskschedules/status": {"update", "patch"},
        "tasks/status": {"update", "patch"},
    },
    "api-shim": {
        "taskschedules": {"get", "create", "patch", "delete"},
        "tasks": {"get", "create", "patch", "delete"},
    },
    "recurring": {"taskschedules": {"get"}, "tasks": {"get"}, "taskschedules/status": {"update"}},
    "notification": {"tasks": {"get"}},
    "audit": {},
    "projection": {},
}
"""Written down twice, here and in the chart: whoever widens a role meets this test."""

BESIDE = {
    "operator": {
        ("create", "events.k8s.io", "events"),
        ("patch", "events.k8s.io", "events"),
        ("get", "", "namespaces"),
    }
}
"""What a service may do with others' kinds, in every namespace."""

LEASES = ("coordination.k8s.io", "leases")

Attempt = tuple[str, str, str]
"""Verb, API group, resource with its subresource."""

ATTEMPTS: tuple[Attempt, ...] = (
    *((verb, GROUP, resource) for verb, resource in product((*VERBS, "*"), (*OURS, "*"))),
    *((verb, group, resource) for verb, (group, resource) in product((*VERBS, "*"), THEIRS)),
    ("impersonate", "", "users"),
    ("impersonate", "", "serviceaccounts"),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("*", "*", "*"),
)


@pytest.mark.parametrize("service", ALLOWED)
@pytest.mark.parametrize("namespace", [USER_NAMESPACE, SYSTEM_NAMESPACE])
def test_a_service_may_do_exactly_this(service: str, namespace: str, world: World, tmp_path: Path) -> None:
    expected = {(verb, GROUP, resource) for resource, verbs in ALLOWED[service].items() for verb in verbs}
    expected |= BESIDE.get(service, set())
    if (service, namespace) == ("operator", SYSTEM_NAMESPACE):
        expected.add(("create", *LEASES))  # get and update only of its own, see below
    assert expected <= set(ATTEMPTS)

    assert allowed(world, kubeconfig(world, service, tmp_path), namespace) == expected


def test_nobody_may_anything_only_because_it_is_a_service_account_of_ours(world: World, tmp_path: Path) -> None:
    assert allowed(world, kubeconfig(world, "default", tmp_path), USER_NAMESPACE) == set()


@pytest.mark.parametrize("verb", ["get", "update"])
def test_the_operator_reads_and_writes_its_own_lease_alone(verb: str, world: World, tmp_path: Path) -> None:
    as_operator = ("--kubeconfig", str(kubeconfig(world, "operator", tmp_path)), f"--namespace={SYSTEM_NAMESPACE}")
    may = ("auth", "can-i", "--quiet", verb)
    world.cluster.kubectl(*as_operator, *may, "leases.coordination.k8s.io/taskbell-operator")
    with pytest.raises(LocalClusterError):  # kubectl ends with 1 when the answer is no
        world.cluster.kubectl(*as_operator, *may, "leases.coordination.k8s.io/another")


@pytest.mark.parametrize("service", ALLOWED)
def test_the_one_secret_is_for_the_sidecar_of_the_state_store(service: str, world: World, tmp_path: Path) -> None:
    as_service = ("--kubeconfig", str(kubeconfig(world, service, tmp_path)), f"--namespace={SYSTEM_NAMESPACE}")
    look = ("get", "secret", DATABASE_SECRET, "--output=name")
    if service == "api-shim":
        assert world.cluster.kubectl(*as_service, *look)
    else:
        with pytest.raises(LocalClusterError, match="Forbidden"):
            world.cluster.kubectl(*as_service, *look)


@pytest.mark.parametrize("kind", ["secrets", "pods"])
def test_a_refusal_is_a_real_one(kind: str, world: World, tmp_path: Path) -> None:
    with pytest.raises(LocalClusterError, match=r"Forbidden.*taskbell-operator"):
        world.cluster.kubectl("--kubeconfig", str(kubeconfig(world, "operator", tmp_path)), "get", kind)


def kubeconfig(world: World, service: str, folder: Path) -> Path:
    path = folder / "kubeconfig"
    path.write_text(world.cluster.kubeconfig_for_service_account(SYSTEM_NAMESPACE, f"taskbell-{service}"))
    return path


def allowed(world: World, kubeconfig: Path, namespace: str) -> set[Attempt]:
    """Those of the attempts that the bearer may make: what `auth can-i` asks, all of them by one kubectl."""
    reviews = yaml.safe_dump_all([review(*attempt, namespace) for attempt in ATTEMPTS])
    arguments = ("create", "--filename", "-", "--output=jsonpath={.status.allowed}{'\\n'}", "--validate=false")
    answers = world.cluster.kubectl("--kubeconfig", str(kubeconfig), *arguments, stdin=reviews).split()
    return {attempt for attempt, answer in zip(ATTEMPTS, answers, strict=True) if answer == "true"}


def review(verb: str, group: str, resource: str, namespace: str) -> JSON:
    resource, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {**attributes, **({"subresource": subresource} if subresource else {})}},
    }
