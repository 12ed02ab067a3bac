"""Policies written as short as they can be, placed on one cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from edict.ids import Digest
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.model import OnInexact
from edict.policy.parse import load_one
from edict_agent.translate import Dialect, Facts, PlacedPolicy, Plan, PolicyPlan, RenderedObject, translate

EXAMPLES = Path(__file__).parents[3] / "examples"
AGENT = "edict-system"
NAME = "kubernetes.io/metadata.name"
DIGEST = Digest("ab" * 32)

FACTS = Facts(
    plugin="cilium",
    plugin_version="1.20.2",
    pod_cidrs=("10.244.0.0/16", "fd00:10:244::/56"),
    node_cidrs=("172.18.0.0/16", "fc00:f853:ccd::/64"),
    options={"enable-k8s-cluster-network-policy": "true"},
    cluster_name="default",
    egress_peers=("namespaces", "pods", "networks"),
    namespaces={
        name: {NAME: name} | labels
        for name, labels in {
            "a": {"team": "a"},
            "b": {"team": "b"},
            "default": {},
            "kube-system": {},
            AGENT: {"pod-security.kubernetes.io/enforce": "restricted"},
        }.items()
    },
)
EVERYTHING = {"networks": ["0.0.0.0/0", "::/0"]}
EVERYBODY: dict[str, Any] = {"namespaces": {}}


def namespace(*names: str) -> dict[str, Any]:
    """Return a selector of namespaces by name."""
    return {"matchExpressions": [{"key": NAME, "operator": "In", "values": list(names)}]}


def others(*names: str) -> dict[str, Any]:
    """Return a selector of all namespaces but these."""
    return {"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": list(names)}]}


def tcp(number: int) -> dict[str, Any]:
    """Return one TCP port."""
    return {"tcp": {"destinationPort": {"number": number}}}


def udp(number: int) -> dict[str, Any]:
    """Return one UDP port."""
    return {"udp": {"destinationPort": {"number": number}}}


def rule(action: str, *peers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a rule; its peers stand under ``from`` or ``to`` once a policy takes it."""
    return {"action": action, "peers": list(peers), **more}


def policy(
    name: str = "one",
    *,
    tier: str = "Admin",
    priority: int = 10,
    subject: dict[str, Any] | None = None,
    ingress: tuple[dict[str, Any], ...] = (),
    egress: tuple[dict[str, Any], ...] = (),
    mode: str = "Enforce",
) -> PlacedPolicy:
    """Return a validated, placed policy of team ``platform``."""
    spec: dict[str, Any] = {"tier": tier, "priority": priority, "subject": subject or EVERYBODY}
    for direction, word, rules in (("ingress", "from", ingress), ("egress", "to", egress)):
        if rules:
            spec[direction] = [
                {key: value for key, value in one.items() if key != "peers"} | {word: one["peers"]} for one in rules
            ]
    document = {
        "apiVersion": "federation.edict.dev/v1alpha1",
        "kind": "FederatedNetworkPolicy",
        "metadata": {"name": name},
        "spec": {"placement": {"clusterSelector": {}}, "mode": mode, "policy": spec},
    }
    return placed(json.dumps(document), name)


def lenient(one: PlacedPolicy) -> PlacedPolicy:
    """Return a policy that may be stricter than it is written."""
    spec_ = replace(one.document.spec, on_inexact=OnInexact.STRICTER)
    return replace(one, document=replace(one.document, spec=spec_))


def placed(text: str, name: str) -> PlacedPolicy:
    """Return the placed policy of a document."""
    parsed = load_one(text, f"{name}.yaml")
    assert isinstance(parsed, FederatedNetworkPolicy)
    return PlacedPolicy(team="platform", name=parsed.metadata.name, digest=DIGEST, document=parsed)


def examples() -> list[PlacedPolicy]:
    """Return the policies of the examples."""
    return [placed(file.read_text(), file.stem) for file in sorted(EXAMPLES.glob("*.yaml"))]


def plan(dialect: Dialect, *policies: PlacedPolicy, facts: Facts = FACTS) -> Plan:
    """Translate policies."""
    return translate(dialect, policies, facts, AGENT)


def outcome(dialect: Dialect, *policies: PlacedPolicy, facts: Facts = FACTS) -> PolicyPlan:
    """Return what becomes of the last of the policies."""
    wanted = policies[-1].id
    return next(one for one in plan(dialect, *policies, facts=facts).policies if one.policy == wanted)


def objects(dialect: Dialect, *policies: PlacedPolicy, facts: Facts = FACTS) -> list[RenderedObject]:
    """Return the objects of the last of the policies."""
    wanted = policies[-1].id
    return [one for one in plan(dialect, *policies, facts=facts).objects if one.policy == wanted]


def spec(dialect: Dialect, *policies: PlacedPolicy, facts: Facts = FACTS) -> Any:
    """Return the ``spec`` of the only object of the last of the policies."""
    found = objects(dialect, *policies, facts=facts)
    assert len(found) == 1
    return found[0].body["spec"]
