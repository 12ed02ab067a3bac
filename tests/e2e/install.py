"""Gives a cluster what the agent's Helm chart gives it, but for the Deployment: nothing here could run a Pod."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.env import Cluster, ensure_parts
from tests.env.clients import dynamic_client, server_side_apply

CHART = Path(__file__).parents[2] / "deploy" / "charts" / "edict-agent"
NAMESPACE = "edict-system"
RIGHTS = {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


def rendered(kind: str, *settings: str) -> list[dict[str, Any]]:
    """Render the agent's chart for a kind of cluster with the real helm."""
    helm = ensure_parts(["helm"])["helm"]
    argv: list[str] = [str(helm), "template", "edict-agent", str(CHART), "--namespace", NAMESPACE]
    for setting in ("cluster=test", f"dialect={kind}", *settings):
        argv += ["--set", setting]
    text = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout
    return [document for document in yaml.safe_load_all(text) if document]


def install_agent(cluster: Cluster) -> None:
    """Create the namespace, the ServiceAccount `edict-agent` and its rights."""
    api = dynamic_client(cluster.kubeconfig)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    objects = [namespace, *(item for item in rendered(cluster.kind) if item["kind"] in RIGHTS)]
    for item in objects:
        server_side_apply(api, item, manager="helm")
