"""The chart, rendered for every environment, is what the API server takes: strictly, and with Dapr's own kinds."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import binaries, dapr_resources, tools
from localcluster.process import environment
from localcluster.progress import silent
from tests.e2e.people import World

CHART = Path(__file__).parents[2] / "charts" / "taskbell"
ENVIRONMENTS = ("kind", "minikube", "doks", "aks", "gke")
GIVEN = ("--set=database.url=postgresql://host/name", "--set=ingress.host=taskbell.example.com")
UNKNOWN_HERE = {"Kafka", "KafkaNodePool", "KafkaTopic"}
"""Kinds of operators that are not here."""

pytestmark = pytest.mark.timeout(600)


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = binaries.ensure(silent, [tools.HELM])["helm"]
    return subprocess.run([program, *arguments], env=environment(), capture_output=True, text=True, check=False)


def rendered(*arguments: str) -> list[dict[str, Any]]:
    answer = helm("template", "taskbell", str(CHART), "--namespace=taskbell", *arguments)
    assert answer.returncode == 0, answer.stderr
    return [each for each in yaml.safe_load_all(answer.stdout) if each]


def values_of(name: str) -> str:
    return f"--values={CHART / f'values-{name}.yaml'}"


@pytest.fixture(scope="module")
def with_dapr(world: World) -> World:
    """Dapr's kinds are known to the API server."""
    definitions = binaries.ensure(silent, [tools.DAPR_CLUSTER])["dapr-chart"] / "crds"
    world.cluster.load_crds(definitions)
    return world


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_passes_lint_and_the_api_server(name: str, with_dapr: World) -> None:
    linted = helm("lint", "--strict", str(CHART), values_of(name), *GIVEN)
    assert linted.returncode == 0, linted.stdout

    objects = [each for each in rendered(values_of(name), *GIVEN) if each["kind"] not in UNKNOWN_HERE]

    with_dapr.cluster.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--filename=-"),
        stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}),
    )


@pytest.mark.parametrize("name", ["doks", "aks", "gke"])
def test_in_a_cloud_the_api_is_public_by_tls_from_cert_manager(name: str) -> None:
    (ingress,) = [each for each in rendered(values_of(name), *GIVEN) if each["kind"] == "Ingress"]
    assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt"
    assert ingress["spec"]["tls"] == [{"hosts": ["taskbell.example.com"], "secretName": "taskbell-tls"}]


def test_with_strimzi_every_topic_is_declared_and_its_kafka_is_the_broker() -> None:
    objects = rendered(values_of("doks"), *GIVEN)
    topics = {each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == "KafkaTopic"}
    assert topics["task-events"]["config"]["retention.ms"] == -1
    assert topics["reminders"]["config"]["retention.ms"] == 24 * 60 * 60 * 1000
    assert topics["reminders"]["replicas"] == 3
    deployments = [each for each in objects if each["kind"] == "Deployment"]
    assert len(deployments) == 6
    for each in deployments:
        annotations = each["spec"]["template"]["metadata"]["annotations"]
        assert annotations["dapr.io/env"] == "KAFKA_BROKERS=taskbell-kafka-bootstrap.taskbell.svc:9092"


def test_sasl_for_a_hosted_kafka_goes_over_the_components_metadata() -> None:
    sasl = [
        {"name": "authType", "value": "password"},
        {"name": "saslPassword", "secretKeyRef": {"name": "kafka", "key": "password"}},
    ]
    given = ("--set=kafka.brokers=kafka:9092", f"--set-json=kafka.metadata={json.dumps(sasl)}", *GIVEN)
    component = next(each for each in rendered(*given) if each["metadata"]["name"] == "kafka-pubsub")
    metadata = component["spec"]["metadata"]
    assert [each for each in metadata if each["name"] in {"authType", "saslPassword"}] == sasl
    assert {"brokers", "initialOffset"} <= {each["name"] for each in metadata}


def test_with_redis_the_chart_makes_the_same_choice_as_the_local_cluster(tmp_path: Path) -> None:
    password = {"name": "redisPassword", "secretKeyRef": {"name": "redis", "key": "password"}}
    given = (
        *("--set=dapr.pubsub=redis-pubsub", "--set=redis.host=redis:6379"),
        *(f"--set-json=redis.metadata={json.dumps([password])}", *GIVEN),
    )
    dapr_resources.render(CHART.parents[1] / "dapr", tmp_path / "dapr", "redis-pubsub")
    local = [yaml.safe_load(path.read_text()) for path in (tmp_path / "dapr" / "resources").iterdir()]
    local_specs = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in local}
    local_specs["Component", "redis-pubsub"]["metadata"].append(password)

    objects = rendered(*given)

    specs = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in objects if "dapr" in each["apiVersion"]}
    del specs["Configuration", "taskbell"]
    assert specs == local_specs
    environments = {
        each["spec"]["template"]["metadata"]["annotations"]["dapr.io/env"]
        for each in objects
        if each["kind"] == "Deployment"
    }
    assert environments == {"REDIS_HOST=redis:6379"}


def test_a_second_operator_stands_by_and_no_update_leaves_a_gap() -> None:
    (operator,) = [
        each
        for each in rendered(values_of("kind"), *GIVEN)
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", "taskbell-operator")
    ]
    assert operator["spec"]["replicas"] == 2
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert operator["spec"]["strategy"] == rolling
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    assert {"name": "TASKBELL_LEASE_NAMESPACE", "value": "taskbell"} in container["env"]


def test_secrets_of_ones_own_are_used_and_none_is_made() -> None:
    given = (
        *("--set=kafka.brokers=kafka:9092", "--set=auth.existingSecret=a", "--set=database.existingSecret=b"),
        *("--set=dapr.existingApiTokenSecret=c", "--set=dapr.existingAppTokenSecret=d"),
    )
    objects = rendered(*given)
    assert [each["metadata"]["name"] for each in objects if each["kind"] == "Secret"] == []
    (migrations,) = [each for each in objects if each["metadata"]["name"] == "taskbell-migrations"]
    (variable,) = migrations["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "b", "key": "url"}


def test_the_definitions_stay_when_the_release_goes() -> None:
    definitions = [each for each in rendered(values_of("kind"), *GIVEN) if each["kind"] == "CustomResourceDefinition"]
    assert len(definitions) == 2
    assert {each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in definitions} == {"keep"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(GIVEN, "kafka.brokers is not set", id="no brokers"),
        pytest.param((*GIVEN, "--set=dapr.pubsub=redis-pubsub"), "redis.host is not set", id="no redis"),
        pytest.param((*GIVEN, "--set=dapr.pubsub=nats-pubsub"), "/dapr/pubsub", id="a broker there is none for"),
        pytest.param(("--set=kafka.brokers=k:1",), "database.url is not set", id="no database"),
        pytest.param((*GIVEN, "--set=kafka.brokerz=k:1"), "brokerz", id="a misspelt value"),
        pytest.param((*GIVEN, "--set=logLevel=LOUD"), "/logLevel", id="a value that is none of those possible"),
        pytest.param(
            ("--set=kafka.brokers=k:1", "--set=database.url=postgresql://h/d", "--set=ingress.enabled=true"),
            "ingress.host is not set",
            id="an Ingress without a host",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named(arguments: tuple[str, ...], complaint: str) -> None:
    answer = helm("template", "taskbell", str(CHART), *arguments)
    assert answer.returncode != 0
    assert complaint in answer.stderr
