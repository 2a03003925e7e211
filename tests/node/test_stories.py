"""US-P5-01 to 04 and the life of an installation, through real Pods with injected sidecars."""

import json
from datetime import timedelta

import pytest

from localcluster.node.installation import DEPLOYMENTS, NAMESPACE, Installation
from tests.e2e.people import JSON, Person, World, eventually, instant, now
from tests.e2e.scenarios import Scenarios

pytestmark = pytest.mark.timeout(600)

SETTLED = 120
"""Seconds: a Kafka session lasts 10 s, a Dapr scheduler finds its leader again after some 25."""


def test_every_pod_has_an_injected_sidecar_and_keeps_to_the_restricted_profile(installation: Installation) -> None:
    pods = {pod["metadata"]["labels"].get("app.kubernetes.io/component"): pod for pod in installation.pods()}
    assert {f"taskbell-{component}" for component in pods} == set(DEPLOYMENTS)
    for component, pod in pods.items():
        assert {container["name"] for container in pod["spec"]["containers"]} == {component, "daprd"}
        assert all(status["ready"] for status in pod["status"]["containerStatuses"])


class TestScenarios(Scenarios):
    pass


def test_the_story_that_every_cluster_is_told_comes_true(installation: Installation) -> None:
    assert installation.tell_the_story().count("ok: ") == 3


def test_every_pod_restarted_in_the_middle_of_the_story_and_the_reminder_arrives_once(
    installation: Installation, world: World, person: Person
) -> None:
    person.apply_schedule("standup")
    first = person.open_task("standup", within=SETTLED)
    remind_at = now() + timedelta(seconds=15)
    person.apply_task("report", dueAt=instant(remind_at + timedelta(minutes=15)), reminders=[{"before": "PT15M"}])
    person.complete(first)

    installation.delete_every_pod()

    second = person.open_task("standup", after=first, within=SETTLED)
    (entry,) = eventually(lambda: arrived(person), SETTLED, what="the reminder in the inbox")
    assert entry["task_id"] == person.named("report")
    # One more full turn shows that everything works again, and that nothing of the old one comes late.
    person.complete(second)
    person.open_task("standup", after=second, within=SETTLED)
    assert [task["spec"]["occurrence"]["sequence"] for task in person.tasks("standup")] == [1, 2, 3]
    assert len(person.inbox()) == 1
    assert person.deliveries() == [("sent", True)]


def test_every_service_logs_json_lines(installation: Installation) -> None:
    for deployment in DEPLOYMENTS:
        lines = installation.logs(deployment, deployment.removeprefix("taskbell-")).splitlines()
        assert lines, deployment
        assert all({"service", "level", "time", "message"} <= json.loads(line).keys() for line in lines), deployment


def test_nobody_can_reach_a_callback_without_the_sidecars_token(installation: Installation) -> None:
    url = "http://taskbell-operator/job/x"
    code = f"import urllib.request as u; u.urlopen(u.Request({url!r}, method='POST'))"
    with pytest.raises(Exception, match="401"):
        installation.cluster.kubectl(
            *("exec", "deployment/taskbell-audit", f"--namespace={NAMESPACE}", "--container=audit"),
            *("--", "python3", "-c", code),
        )


def test_an_upgrade_keeps_the_generated_secrets_and_passes_helm_test(installation: Installation) -> None:
    before = installation.jwt_secret
    assert "Succeeded" in installation.deploy()
    assert installation.jwt_secret == before


def test_after_helm_uninstall_only_definitions_and_peoples_objects_are_left_and_can_be_deleted(
    installation: Installation, person: Person
) -> None:
    """The last one: it takes the installation away."""
    cluster = installation.cluster
    person.apply_schedule("standup")
    person.open_task("standup", within=SETTLED)

    installation.uninstall()

    kinds = "all,secrets,configmaps,serviceaccounts,roles,rolebindings,ingresses"

    def left() -> list[str]:
        return sorted(cluster.kubectl("get", kinds, f"--namespace={NAMESPACE}", "--output=name").split())

    # Pods may take their grace period.
    eventually(lambda: left() == ["configmap/kube-root-ca.crt", "serviceaccount/default"], 60, what=f"gone: {left()}")
    cluster_wide = cluster.kubectl("get", "clusterroles,clusterrolebindings", "--output=name").split()
    assert [name for name in cluster_wide if "taskbell" in name] == []
    dapr = "components.dapr.io,subscriptions.dapr.io,configurations.dapr.io,resiliencies.dapr.io"
    assert cluster.kubectl("get", dapr, f"--namespace={NAMESPACE}", "--output=name").split() == []
    assert len(cluster.kubectl("get", "crds", "--output=name").split("taskbell.dev")) == 3
    assert person.schedule("standup")

    # With nobody there to take a finalizer off, each can be deleted all the same.
    cluster.kubectl("delete", "taskschedules,tasks", "--all", "--all-namespaces", "--timeout=60s")
    eventually(lambda: not cluster.kubectl("get", "taskschedules,tasks", "--all-namespaces", "--output=name").split())


def arrived(person: Person) -> list[JSON] | None:
    answer = person.api.get("/inbox")
    return answer.json()["items"] if answer.status_code == 200 else None
