"""What people publish arrives: upstream's own YAML, a deny of everything and its undo."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from demo.objects import managed
from tests.e2e.federation import Federation
from tests.env.clients import dynamic_client

pytestmark = pytest.mark.parts

UPSTREAM = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata:
  name: cluster-wide-deny-example
spec:
  tier: Admin
  priority: 10
  subject:
    namespaces:
      matchLabels:
        kubernetes.io/metadata.name: sensitive-ns
  ingress:
    - action: Deny
      name: select-all-deny-all
      from:
        - namespaces: {}
"""
"""From the network-policy-api's own examples (v1alpha2)."""

DENY_EVERYTHING = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {name: deny-everything}
spec:
  placement: {clusterSelector: {}}
  policy:
    tier: Admin
    priority: 0
    subject: {namespaces: {}}
    egress:
      - {action: Deny, to: [{networks: [0.0.0.0/0, "::/0"]}]}
    ingress:
      - {action: Deny, from: [{networks: [0.0.0.0/0, "::/0"]}]}
"""


def policies_on(federation: Federation, cluster: str) -> set[str]:
    """Return the policies that have objects on a cluster."""
    running = federation.clusters[cluster]
    found = managed(dynamic_client(running.kubeconfig), running.kind).values()
    labels = {item["metadata"]["labels"]["federation.edict.dev/policy"] for item in found}
    return {label.replace(".", "/") for label in labels} - {"edict/built-in"}


def test_an_upstream_policy_is_published_unchanged(empty: Federation, tmp_path: Path) -> None:
    document = {
        "apiVersion": "federation.edict.dev/v1alpha1",
        "kind": "FederatedNetworkPolicy",
        "metadata": {"name": "pasted"},
        "spec": {"placement": {"clusterSelector": {}}, "policy": yaml.safe_load(UPSTREAM)["spec"]},
    }
    pasted = tmp_path / "pasted.yaml"
    pasted.write_text(yaml.safe_dump(document))
    bare = tmp_path / "bare.yaml"
    bare.write_text(UPSTREAM.replace("priority: 10", "priority: 11"))
    empty.sign(pasted)
    empty.edict("sign", "--team", "platform", "--placement", "all", "-f", str(bare))
    empty.await_release(empty.publish())
    expected = {"platform/pasted", "platform/cluster-wide-deny-example"}
    assert policies_on(empty, "one") == expected
    assert policies_on(empty, "two") == expected


def test_a_deny_of_everything_and_its_undo_both_arrive(empty: Federation, tmp_path: Path) -> None:
    file = tmp_path / "deny-everything.yaml"
    file.write_text(DENY_EVERYTHING)
    status = empty.await_release(empty.sign_and_publish(file))
    assert {name: row["state"] for name, row in status.items()} == {"one": "Compliant", "two": "Compliant"}
    assert policies_on(empty, "one") == policies_on(empty, "two") == {"platform/deny-everything"}
    empty.await_release(empty.remove_and_publish("platform/deny-everything"))
    assert policies_on(empty, "one") == policies_on(empty, "two") == set()
