"""One test cluster: a real kube-apiserver dressed as Cilium, Calico or another. No nodes, no controllers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.env import _cilium
from tests.env._apiserver import KubeApiserver
from tests.env._build import ensure_parts
from tests.env._calico import CalicoApiserver
from tests.env._crds import install_crds
from tests.env._etcd import Etcd
from tests.env._kinds import Channel, Kind, parts_for
from tests.env._kubeconfig import ClientCertificate, Token, write_kubeconfig


class Cluster:
    """A running cluster. Made by `Cluster.start`; a context manager that stops it (but not its etcd)."""

    def __init__(self, kind: Kind, etcd: Etcd, directory: Path, name: str) -> None:
        """Describe a cluster; use `start`."""
        self.kind: Kind = kind
        self.name = name
        self.directory = directory.absolute() / name
        self._kube = KubeApiserver(etcd, self.directory, name)
        self._calico = CalicoApiserver(self._kube, self.directory, self.kubeconfig_for) if kind == "calico" else None

    @classmethod
    def start(
        cls,
        kind: Kind,
        etcd: Etcd,
        directory: Path,
        *,
        name: str,
        cnp_crd: bool | Channel = False,
        cilium_config: Mapping[str, str] | None = None,
    ) -> Cluster:
        """Start a cluster whose files live in ``directory/name``; return it when all its APIs are served.

        Missing parts are built first. `cnp_crd` installs the ClusterNetworkPolicy CRD (True: the standard channel,
        as Cilium's guide does); the kind `upstream` always has it.
        `cilium_config` overrides keys of the ``cilium-config`` ConfigMap. Safe to call from several threads.
        Raises EnvError.
        """
        cnp_crd = cnp_crd or kind == "upstream"
        ensure_parts(parts_for(kind, cnp_crd=cnp_crd))
        cluster = cls(kind, etcd, directory, name)
        try:
            cluster._kube.launch()
            cluster._furnish(cilium_config or {}, cnp_crd=cnp_crd)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @property
    def server(self) -> str:
        """Return the URL of the API server, ``https://127.0.0.1:PORT``."""
        return self._kube.server

    @property
    def ca_file(self) -> Path:
        """Return the certificate of the authority that the API server's own certificate is from."""
        return self._kube.authority.ca_file

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig (group ``system:masters``)."""
        return self.directory / "admin.kubeconfig"

    @property
    def pid(self) -> int:
        """Return the process id of the running kube-apiserver."""
        return self._kube.pid

    def service_account_token(self, namespace: str, name: str, hours: int = 8) -> str:
        """Return a real token (TokenRequest) of an existing ServiceAccount; raise EnvError if there is none."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        spec = {"spec": {"expirationSeconds": hours * 3600}}
        answer = self._kube.client().create(path, json.dumps(spec).encode())
        return str(answer["status"]["token"])

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """Return a kubeconfig that acts as the ServiceAccount, under its own RBAC.

        The namespace and the ServiceAccount are made if they do not exist; rights are the caller's to give.
        """
        api = self._kube.client()
        meta = {"name": service_account, "namespace": namespace}
        api.create("/api/v1/namespaces", json.dumps({"metadata": {"name": namespace}}).encode())
        api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", json.dumps({"metadata": meta}).encode())
        return write_kubeconfig(
            self.directory / f"{namespace}.{service_account}.kubeconfig",
            cluster=self.name,
            server=self.server,
            ca_file=self.ca_file,
            user=Token(self.service_account_token(namespace, service_account)),
        )

    def kill_apiserver(self) -> None:
        """SIGKILL the kube-apiserver; what it stored stays in etcd."""
        self._kube.kill()

    def restart_apiserver(self) -> None:
        """Start the kube-apiserver again on its port, keys and data; return when all its APIs are served."""
        self._kube.relaunch()
        if self._calico:
            self._calico.await_served()

    def stop(self) -> None:
        """End the cluster's processes; its files and its data in etcd stay."""
        if self._calico:
            self._calico.kill()
        self._kube.kill()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _furnish(self, cilium_config: Mapping[str, str], *, cnp_crd: bool | Channel) -> None:
        user = ClientCertificate(self._kube.admin)
        write_kubeconfig(self.kubeconfig, cluster=self.name, server=self.server, ca_file=self.ca_file, user=user)
        api = self._kube.client()
        for namespace in ("default", "kube-system"):  # the API server makes them too, a moment later
            api.create("/api/v1/namespaces", json.dumps({"metadata": {"name": namespace}}).encode())
        if cnp_crd:
            crds = ensure_parts(["cluster-network-policy-crds"])["cluster-network-policy-crds"]
            channel = "standard" if cnp_crd is True else cnp_crd
            install_crds(api, (crds / channel).glob("*.yaml"), subject="the ClusterNetworkPolicy CRD")
        if self.kind == "cilium":
            _cilium.furnish(api, cilium_config)
        if self._calico:
            self._calico.launch()
