"""The order of the end, and who a kubeconfig says one is."""

import base64
import json
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from localcluster import cluster
from localcluster.apiserver import ApiServer
from localcluster.certificates import Authority
from localcluster.controller_manager import ControllerManager
from localcluster.etcd import Etcd
from localcluster.part import Part, Service
from localcluster.program import Program
from localcluster.sidecar import Sidecar, SidecarPorts

HERE = Path("/nowhere")
ETCD = Etcd(HERE, HERE, 1, 2)
APISERVER = ApiServer(HERE, HERE, 3, ETCD)
SIDECAR = Sidecar(HERE, HERE, "operator", 5, SidecarPorts(6, 7, 8, 9), "127.0.0.1:10", (HERE,))


def test_each_part_still_finds_what_it_needs_when_it_stops() -> None:
    services: list[Service] = [
        ETCD,
        APISERVER,
        ControllerManager(HERE, 4, APISERVER, HERE),
        SIDECAR,
        Program("operator", ("operator",), 5),
        Program("api", ("api",), 11),
    ]
    waves = cluster.stop_order([Part(service, HERE, threading.Event()) for service in services])
    assert [[part.name for part in wave] for wave in waves] == [
        ["operator", "api"],
        ["operator-sidecar"],
        ["controller-manager"],
        ["apiserver"],
        ["etcd"],
    ]


def subject(kubeconfig: str) -> tuple[str, set[str]]:
    """User and groups of a kubeconfig's client certificate."""
    pem = base64.b64decode(json.loads(kubeconfig)["users"][0]["user"]["client-certificate-data"])
    name = x509.load_pem_x509_certificate(pem).subject
    [user] = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(user.value), {str(group.value) for group in groups}


def test_a_kubeconfig_names_user_and_groups() -> None:
    assert subject(APISERVER.kubeconfig("ada", ["writers", "readers"])) == ("ada", {"writers", "readers"})


def test_a_service_accounts_kubeconfig_names_what_its_token_would() -> None:
    assert subject(APISERVER.kubeconfig_for_service_account("prod", "operator")) == (
        "system:serviceaccount:prod:operator",
        {"system:serviceaccounts", "system:serviceaccounts:prod", "system:authenticated"},
    )


def test_a_server_certificate_is_accepted_under_its_names_only(tmp_path: Path) -> None:
    authority = Authority("test")
    pair = authority.server("localhost", "127.0.0.1")
    certificate = x509.load_pem_x509_certificate(pair.public)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    ssl.create_default_context(cadata=authority.certificate.decode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
