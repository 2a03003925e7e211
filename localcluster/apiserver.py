"""kube-apiserver: the real one, with RBAC, and kubeconfigs for whoever is to call it.

The flags follow sigs.k8s.io/controller-runtime, pkg/internal/testing/controlplane.
"""

import base64
import json
import ssl
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import certificates, probes
from localcluster.certificates import Authority, KeyPair
from localcluster.etcd import Etcd
from localcluster.network import ON_LOOPBACK, Network
from localcluster.ports import LOOPBACK
from localcluster.process import Command, environment

# Protobuf, as kubectl and helm ask for it: the JSON document is ready earlier.
_OPENAPI_ACCEPT = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf, */*;q=0.1"

_WITHOUT_KUBELET = (
    "--authorization-mode=RBAC",
    "--endpoint-reconciler-type=none",
    # Nobody gives Pods a token, and the plugin would refuse Pods in a young namespace.
    "--disable-admission-plugins=ServiceAccount",
)


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Its data is in etcd; `credentials` holds its keys, which outlive a wipe, so that kubeconfigs do too."""

    binary: Path
    credentials: Path
    port: int
    etcd: Etcd
    network: Network = ON_LOOPBACK
    serving_authority: Authority = field(default_factory=lambda: Authority("taskbell-local-serving"))
    client_authority: Authority = field(default_factory=lambda: Authority("taskbell-local-clients"))
    name: str = "apiserver"
    data: None = None
    awaited: str = "/readyz and /openapi/v2"

    @property
    def url(self) -> str:
        return f"https://{self.network.address}:{self.port}"

    @property
    def serving_certificate_authority(self) -> Path:
        return self.credentials / "serving-ca.crt"

    @property
    def token_key(self) -> Path:
        """The private key of service account tokens."""
        return self.credentials / "tokens.key"

    def kubeconfig(self, user: str, groups: Iterable[str] = ()) -> str:
        """A kubeconfig (JSON, which is YAML) for a user in these groups, by a client certificate that is valid for a
        year.

        It may do what RBAC allows that user; the group `system:masters` may do everything."""
        pair = self.client_authority.client(user, groups)
        cluster = {"server": self.url, "certificate-authority-data": _base64(self.serving_authority.certificate)}
        identity = {"client-certificate-data": _base64(pair.public), "client-key-data": _base64(pair.private)}
        context = {"cluster": "local", "user": user, "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "users": [{"name": user, "user": identity}],
            "contexts": [{"name": "local", "context": context}],
            "current-context": "local",
        }
        return json.dumps(config, indent=2)

    def kubeconfig_for_service_account(self, namespace: str, name: str) -> str:
        """A kubeconfig with which the bearer is that service account, as far as RBAC can tell.

        It holds a client certificate with the user and groups that a token of that account would stand for, not a
        token: so it survives any restart, and needs neither the account to exist nor the API server to run."""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return self.kubeconfig(f"system:serviceaccount:{namespace}:{name}", groups)

    def prepare(self, abandon: threading.Event) -> None:
        if self.serving_certificate_authority.exists():
            return
        self.credentials.mkdir(mode=0o700, parents=True)
        dns_names = (
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        )
        names = ("localhost", LOOPBACK, self.network.address, *dns_names, self.network.api_service)
        self._write("apiserver", self.serving_authority.server(*names))  # found through --cert-dir
        self._write("tokens", certificates.signing_key())
        self._write("admin", self.client_authority.client("admin", ["system:masters"]))
        self._write("kubelet-client", self.client_authority.client("kube-apiserver-kubelet-client", ["system:masters"]))
        (self.credentials / "client-ca.crt").write_bytes(self.client_authority.certificate)
        # Last: its presence says that all of them are there.
        self.serving_certificate_authority.write_bytes(self.serving_authority.certificate)

    def command(self) -> Command:
        return Command(
            argv=(
                str(self.binary),
                f"--etcd-servers={self.etcd.url}",
                f"--cert-dir={self.credentials}",
                f"--client-ca-file={self.credentials / 'client-ca.crt'}",
                f"--bind-address={self.network.address}",
                f"--secure-port={self.port}",
                f"--advertise-address={self.network.address}",
                f"--service-cluster-ip-range={self.network.services}",
                *(self._with_kubelet() if self.network.has_node else _WITHOUT_KUBELET),
                f"--service-account-issuer={self.url}/",
                f"--service-account-key-file={self.credentials / 'tokens.crt'}",
                f"--service-account-signing-key-file={self.token_key}",
                "--shutdown-delay-duration=0s",
                # Without it the end waits up to 60 s for open watches; with it, 2 s.
                "--shutdown-send-retry-after=true",
                "--profiling=false",
            ),
            environment=environment(),
        )

    def _with_kubelet(self) -> tuple[str, ...]:
        return (
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-certificate-authority={self.serving_certificate_authority}",
            f"--kubelet-client-certificate={self.credentials / 'kubelet-client.crt'}",
            f"--kubelet-client-key={self.credentials / 'kubelet-client.key'}",
        )

    def check(self) -> None:
        tls, address = self._admin_tls(), self.network.address
        # Not /healthz: only /readyz waits for RBAC's bootstrap roles and for the CRDs.
        probes.expect(self.port, "/readyz", tls=tls, address=address)
        probes.expect(self.port, "/openapi/v2", tls=tls, headers={"Accept": _OPENAPI_ACCEPT}, address=address)

    def _admin_tls(self) -> ssl.SSLContext:
        tls = ssl.create_default_context(cafile=self.serving_certificate_authority)
        tls.load_cert_chain(self.credentials / "admin.crt", self.credentials / "admin.key")
        return tls

    def _write(self, name: str, pair: KeyPair) -> None:
        (self.credentials / f"{name}.crt").write_bytes(pair.public)
        private = self.credentials / f"{name}.key"
        private.touch(mode=0o600)
        private.write_bytes(pair.private)


def _base64(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
