"""Policies and clusters for checks across them, in few words."""

from __future__ import annotations

import yaml

from edict.policy.checks import PolicySource
from edict.policy.documents import FederatedNetworkPolicy, ManagedCluster
from edict.policy.parse import parse_all, parse_document
from tests.unit.policy.documents import CLUSTER

NAME = "kubernetes.io/metadata.name"


def source(text: str, team: str = "platform") -> PolicySource:
    """Return a policy that was read from ``f.yaml``."""
    parsed = parse_all(text, "f.yaml")[0]
    assert isinstance(parsed.document, FederatedNetworkPolicy)
    return PolicySource(team=team, document=parsed.document, origin=parsed.origin)


def made(
    name: str, rules: str, *, priority: int = 10, subject: str = "{}", on: str = "{}", **more: str
) -> PolicySource:
    """Return a policy ``t/<name>``, Admin but for what ``more`` says of its ``tier`` and ``mode``.

    Args:
        name: the policy's.
        rules: ``egress: […]``, ``ingress: […]``.
        priority: of it.
        subject: a namespace selector.
        on: a cluster selector.
        more: ``tier``, ``mode``.
    """
    policy = {
        "tier": more.get("tier", "Admin"),
        "priority": priority,
        "subject": {"namespaces": yaml.safe_load(subject)},
        **yaml.safe_load(rules),
    }
    document = {
        "apiVersion": "federation.edict.dev/v1alpha1",
        "kind": "FederatedNetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "placement": {"clusterSelector": yaml.safe_load(on)},
            "mode": more.get("mode", "Enforce"),
            "policy": policy,
        },
    }
    return source(yaml.safe_dump(document, sort_keys=False), "t")


def cluster(name: str, env: str = "prod", plugin: str = "cilium") -> ManagedCluster:
    """Return a cluster with the label ``env``."""
    text = CLUSTER.replace("berlin-1", name).replace("prod", env).replace("plugin: cilium", f"plugin: {plugin}")
    document = parse_document(text, "c.yaml")
    assert isinstance(document, ManagedCluster)
    return document


def prod(env: str = "prod") -> str:
    """Return a cluster selector."""
    return f"{{matchLabels: {{env: {env}}}}}"


INVENTORY = [cluster("one"), cluster("two", "test", plugin="calico")]
