"""What makes a cluster a Cilium cluster, as far as policy goes: CRDs, the agent's DaemonSet, ``cilium-config``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.env._build import ensure_parts
from tests.env._crds import install_crds
from tests.env._kubeapi import KubeApi, Manifest

_DEFAULTS = Path(__file__).with_name("cilium_config.yaml")
_LABELS = {"k8s-app": "cilium"}


def _daemon_set() -> Manifest:
    """Return Cilium's DaemonSet reduced to what tells its version; nothing here would run its Pods."""
    image = "quay.io/cilium/cilium:v1.20.2"
    labels = _LABELS | {"app.kubernetes.io/part-of": "cilium", "app.kubernetes.io/name": "cilium-agent"}
    pod = {
        "metadata": {"labels": labels},
        "spec": {"hostNetwork": True, "containers": [{"name": "cilium-agent", "image": image}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "cilium", "namespace": "kube-system", "labels": labels},
        "spec": {"selector": {"matchLabels": _LABELS}, "template": pod},
    }


def furnish(api: KubeApi, overrides: Mapping[str, str]) -> None:
    """Install Cilium's CRDs, its DaemonSet object, and its default configuration with `overrides` laid over it."""
    crds = ensure_parts(["cilium-crds"])["cilium-crds"]
    install_crds(api, sorted(crds.glob("*.yaml")), subject="Cilium's CRDs")
    api.apply(_daemon_set())
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "cilium-config", "namespace": "kube-system"},
            "data": yaml.safe_load(_DEFAULTS.read_text()) | dict(overrides),
        }
    )
