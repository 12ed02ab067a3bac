"""One real kube-apiserver on 127.0.0.1, with RBAC, ServiceAccount tokens, aggregation, and its own certificates."""

from __future__ import annotations

import ssl
from pathlib import Path

from tests.env._build import ensure_parts
from tests.env._certificates import Authority, new_key, private_pem, public_pem
from tests.env._etcd import Etcd
from tests.env._kubeapi import KubeApi
from tests.env._process import Process
from tests.env._wait import await_ready, free_ports, with_second_try

NODE_ADDRESS = "172.18.0.2"
"""The address that the API server advertises as its own in the ``kubernetes`` EndpointSlice. Nothing listens there
(everything is bound to 127.0.0.1); a loopback address would be refused, and an agent reads this as a cluster fact."""
SERVICE_CIDR = "10.96.0.0/16"
"""Addresses of Services; the API server's own is 10.96.0.1."""
_HOSTS = (
    "localhost",
    "127.0.0.1",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
_ISSUER = "https://kubernetes.default.svc.cluster.local"


class KubeApiserver:
    """The process and its keys. Data lives in etcd below ``/<name>``, so several clusters can share one etcd."""

    def __init__(self, etcd: Etcd, directory: Path, name: str) -> None:
        """Make the keys and certificates in ``directory/pki``; `launch` starts the process."""
        self._etcd = etcd
        self._directory = directory
        self._name = name
        self._process: Process | None = None
        self.port = 0
        pki = directory / "pki"
        self.authority = Authority(pki, "kubernetes-ca")
        self.admin = self.authority.issue("kubernetes-admin", organization="system:masters")
        self._serving = self.authority.issue("kube-apiserver", hosts=_HOSTS)
        front = Authority(pki, "front-proxy-ca")
        self.front_proxy_ca = front.ca_file
        self._front_client = front.issue("front-proxy-client")
        self._sa_key, self._sa_public = pki / "service-account.key", pki / "service-account.pub"
        key = new_key()
        self._sa_key.touch(mode=0o600)
        self._sa_key.write_bytes(private_pem(key))
        self._sa_public.write_bytes(public_pem(key))

    @property
    def server(self) -> str:
        """Return the URL."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None
        return self._process.pid

    def client(self, server: str | None = None) -> KubeApi:
        """Return a caller with all rights, for this server or another that trusts the same authority."""
        context = ssl.create_default_context(cafile=str(self.authority.ca_file))
        context.load_cert_chain(self.admin.cert, self.admin.key)
        return KubeApi(server or self.server, context)

    def launch(self) -> None:
        """Start on a free port and return when ready; raise EnvError."""

        def attempt() -> None:
            self.port = free_ports(1)[0]
            self.relaunch()

        with_second_try(attempt)

    def relaunch(self) -> None:
        """Start, or kill and start again, on the same port; return when ready; raise EnvError."""
        self.kill()
        binary = ensure_parts(["kube-apiserver"])["kube-apiserver"]
        log = self._directory / "kube-apiserver.log"
        self._process = Process.start([binary, *self._flags()], log=log)
        try:
            await_ready(self._process, self.client().ready, subject=f"kube-apiserver of {self._name}")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL it. This is how it is stopped as well: all it knows is in etcd."""
        if self._process:
            self._process.kill()

    def _flags(self) -> list[str]:
        flags = {
            "etcd-servers": self._etcd.endpoint,
            "etcd-prefix": f"/{self._name}",
            "bind-address": "127.0.0.1",
            "advertise-address": NODE_ADDRESS,
            "secure-port": self.port,
            "cert-dir": self._directory / "pki",
            "tls-cert-file": self._serving.cert,
            "tls-private-key-file": self._serving.key,
            "client-ca-file": self.authority.ca_file,
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": SERVICE_CIDR,
            "service-account-issuer": _ISSUER,
            "service-account-signing-key-file": self._sa_key,
            "service-account-key-file": self._sa_public,
            "requestheader-client-ca-file": self.front_proxy_ca,
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "proxy-client-cert-file": self._front_client.cert,
            "proxy-client-key-file": self._front_client.key,
            # There is no controller that gives each namespace its "default" ServiceAccount; without this no Pod
            # could be created.
            "disable-admission-plugins": "ServiceAccount",
        }
        return [f"--{name}={value}" for name, value in flags.items()]
