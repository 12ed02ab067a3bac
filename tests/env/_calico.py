"""What makes a cluster a Calico cluster: CRDs, Calico's own API server behind the aggregation layer, its defaults."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.env._apiserver import KubeApiserver
from tests.env._build import ensure_parts
from tests.env._crds import install_crds
from tests.env._kubeapi import KubeApi, Manifest
from tests.env._process import Process
from tests.env._wait import await_ready, await_true, free_ports, with_second_try

VERSION = "v3.31.0"
POD_CIDR = "10.244.0.0/16"
_NAMESPACE = "calico-apiserver"
_HOSTS = ("localhost", "127.0.0.1", "calico-api", f"calico-api.{_NAMESPACE}.svc")
_APPLIED = ("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding")
"""The kinds of Calico's manifests/apiserver.yaml that concern us; the rest would run it as a Pod."""


def _object(version: str, kind: str, name: str, spec: dict[str, Any], namespace: str = "") -> Manifest:
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}


class CalicoApiserver:
    """Calico's API server, run under its own ServiceAccount with the rights that Calico's manifest gives it."""

    def __init__(self, kube: KubeApiserver, directory: Path, kubeconfig_for: Callable[[str, str], Path]) -> None:
        """Describe it; `launch` starts it. `kubeconfig_for` makes a kubeconfig for (namespace, ServiceAccount)."""
        self._kube = kube
        self._directory = directory
        self._kubeconfig_for = kubeconfig_for
        self._process: Process | None = None
        self._port = 0

    def launch(self) -> None:
        """Install CRDs and rights, start, register the aggregated API, and set Calico's defaults; raise EnvError."""
        parts = ensure_parts(["calico-manifests", "calico-apiserver"])
        api = self._kube.client()
        install_crds(api, [parts["calico-manifests"] / "crds.yaml"], subject="Calico's CRDs")
        text = (parts["calico-manifests"] / "apiserver.yaml").read_text()
        for manifest in yaml.safe_load_all(text):
            if manifest and manifest["kind"] in _APPLIED:
                api.apply({key: value for key, value in manifest.items() if value is not None})
        self._await_trust(api)
        with_second_try(lambda: self._start(parts["calico-apiserver"]))
        self._register(api)
        _set_defaults(api)

    def kill(self) -> None:
        """SIGKILL it; its data is in the cluster's CRDs."""
        if self._process:
            self._process.kill()

    def await_served(self) -> None:
        """Return when the API server serves ``projectcalico.org/v3``; raise EnvError after 30 s."""
        api = self._kube.client()

        def served() -> bool:
            service = api.get("/apis/apiregistration.k8s.io/v1/apiservices/v3.projectcalico.org") or {}
            conditions = (service.get("status") or {}).get("conditions") or []
            available = any(each["type"] == "Available" and each["status"] == "True" for each in conditions)
            return available and api.ready("/apis/projectcalico.org/v3")

        await_true(served, subject="Calico's API server", what="APIService Available", timeout=30)

    def _await_trust(self, api: KubeApi) -> None:
        """Wait until the API server has published the authority of the certificate it will show to Calico's.

        In a folder that is used again the ConfigMap holds an older one first, and whoever starts with that refuses
        the API server, which then asks again only after up to half a minute.
        """
        authority = self._kube.front_proxy_ca.read_text().strip()

        def published() -> bool:
            trust = api.get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication") or {}
            return authority in trust.get("data", {}).get("requestheader-client-ca-file", "")

        await_true(published, subject="kube-apiserver", what="its front-proxy authority", timeout=30)

    def _start(self, binary: Path) -> None:
        self._port = free_ports(1)[0]
        kubeconfig = self._kubeconfig_for(_NAMESPACE, "calico-apiserver")
        serving = self._kube.authority.issue("calico-apiserver", hosts=_HOSTS)
        flags = {
            "bind-address": "127.0.0.1",
            "secure-port": self._port,
            "cert-dir": self._directory / "pki",
            "tls-cert-file": serving.cert,
            "tls-private-key-file": serving.key,
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
        }
        environment = dict(os.environ) | {"DATASTORE_TYPE": "kubernetes", "KUBECONFIG": str(kubeconfig)}
        log = self._directory / "calico-apiserver.log"
        self._process = Process.start([binary, *(f"--{k}={v}" for k, v in flags.items())], log=log, env=environment)
        own = self._kube.client(f"https://127.0.0.1:{self._port}")
        try:
            await_ready(self._process, own.ready, subject="Calico's API server")
        except BaseException:
            self.kill()
            raise

    def _register(self, api: KubeApi) -> None:
        service = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": self._port}]}
        api.apply(_object("v1", "Service", "calico-api", service, _NAMESPACE))
        spec = {
            "group": "projectcalico.org",
            "version": "v3",
            "groupPriorityMinimum": 1500,
            "versionPriority": 200,
            "service": {"name": "calico-api", "namespace": _NAMESPACE, "port": self._port},
            "caBundle": base64.b64encode(self._kube.authority.ca_file.read_bytes()).decode(),
        }
        api.apply(_object("apiregistration.k8s.io/v1", "APIService", "v3.projectcalico.org", spec))
        self.await_served()


def _set_defaults(api: KubeApi) -> None:
    """Create what calico/node and the operator would: the version, the pod network, Felix's defaults.

    The three built-in tiers are made by Calico's API server itself when it starts.
    """
    info = {"calicoVersion": VERSION, "clusterType": "k8s,kdd,bgp", "datastoreReady": True}
    api.apply(_object("crd.projectcalico.org/v1", "ClusterInformation", "default", info))
    pool = {
        "cidr": POD_CIDR,
        "blockSize": 26,
        "vxlanMode": "Always",
        "ipipMode": "Never",
        "natOutgoing": True,
    }
    api.apply(_object("projectcalico.org/v3", "IPPool", "default-ipv4-ippool", pool | {"nodeSelector": "all()"}))
    felix = {"logSeverityScreen": "Info", "reportingInterval": "0s"}
    api.apply(_object("projectcalico.org/v3", "FelixConfiguration", "default", felix))
