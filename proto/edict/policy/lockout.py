"""The built-in Accept above every document: the agent keeps its way to the hub, DNS and the API server.

It is deliberately coarse, all egress of the agent's own namespace, so that every dialect says it exactly and
without knowing addresses. The namespace is dedicated to the agent. It is part of the reference semantics and of
every plan, and no document stands above it.
"""

from __future__ import annotations

from edict.policy.model import (
    Action,
    EgressPeer,
    EgressRule,
    LabelSelector,
    LabelSelectorRequirement,
    Operator,
    PolicySpec,
    Subject,
    Tier,
)

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that Kubernetes itself puts on every namespace; nobody can change it."""
DEFAULT_AGENT_NAMESPACE = "edict-system"

WAY_OUT_TEAM = "edict"
WAY_OUT_NAME = "built-in"
WAY_OUT_ID = f"{WAY_OUT_TEAM}/{WAY_OUT_NAME}"
"""The id that plans, statuses and receipts give what belongs to no document; ``policy_id`` never returns it."""
WAY_OUT_PRIORITY = -1
"""Above every priority that a document may have."""

EVERY_NETWORK = ("0.0.0.0/0", "::/0")


def agent_subject(agent_namespace: str) -> Subject:
    """Return the pods of the agent's namespace."""
    requirement = LabelSelectorRequirement(key=NAMESPACE_NAME, operator=Operator.IN, values=(agent_namespace,))
    return Subject(namespaces=LabelSelector(match_expressions=(requirement,)))


def way_out(agent_namespace: str) -> PolicySpec:
    """Return the built-in policy as the reference semantics reads it: Admin, above priority 0."""
    rule = EgressRule(action=Action.ACCEPT, to=(EgressPeer(networks=EVERY_NETWORK),), name="way-out")
    return PolicySpec(
        tier=Tier.ADMIN,
        priority=WAY_OUT_PRIORITY,
        subject=agent_subject(agent_namespace),
        egress=(rule,),
    )
