"""What real agents sign is proven from a file, with the heads that the clusters' owners read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CoreV1Api

from tests.e2e.federation import NAMESPACE, Federation
from tests.env._wait import await_true
from tests.env.clients import api_client

pytestmark = pytest.mark.parts
DENY = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {name: deny-metadata}
spec:
  placement: {clusterSelector: {}}
  policy:
    tier: Admin
    priority: PRIORITY
    subject: {namespaces: {}}
    egress:
      - {action: Deny, to: [{networks: [169.254.169.254/32]}]}
"""


def head(federation: Federation, cluster: str) -> str:
    """Return the head of a cluster's receipts as its owner reads it, once the hub has that receipt."""
    core = CoreV1Api(api_client(federation.clusters[cluster].kubeconfig))
    status = core.read_namespaced_config_map("edict-agent-status", NAMESPACE).data or {}
    found = status["receipt-head"]
    newest = int(found.split(":")[0])
    await_true(
        lambda: federation.status()[cluster]["sequence"] >= newest,
        subject=cluster,
        what=f"receipt {newest} at the hub",
        timeout=30,
    )
    return f"{cluster}={found}"


def test_the_evidence_of_real_agents_holds(empty: Federation, tmp_path: Path) -> None:
    for priority in (10, 11):
        document = tmp_path / "deny.yaml"
        document.write_text(DENY.replace("PRIORITY", str(priority)))
        empty.await_release(empty.sign_and_publish(document))
    heads = [part for name in empty.clusters for part in ("--head", head(empty, name))]
    out = tmp_path / "evidence.jsonl"
    empty.json("audit", "export", "--out", str(out))
    root = empty.workspace / "metadata" / "1.root.json"
    verify = ("audit", "verify", str(out), "--root", str(root), *heads, "-o", "json")
    report: dict[str, Any] = json.loads(empty.edict(*verify, workspace=False).stdout)
    assert report["findings"] == []
    assert all(row["verified"] == row["receipts"] > 1 for row in report["clusters"])
    assert {row["cluster"] for row in report["clusters"]} == set(empty.clusters)
