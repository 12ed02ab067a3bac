"""ClusterNetworkPolicies, and how the way out stands above them.

Upstream has no priority above 0, which documents may have too, and leaves open which of two equals decides. So the way
out has priority 0, and what a document of priority 0 says of egress becomes an object of its own that does not select
the agent's namespace. There the way out decides every connection of egress anyway, so that nothing is lost; and no
two objects of one priority are left that could match one connection and say different things.
"""

from __future__ import annotations

from collections.abc import Mapping

from edict.policy.lockout import EVERY_NETWORK, WAY_OUT_NAME, WAY_OUT_TEAM, agent_subject
from edict.policy.model import Tier
from edict.policy.rules import Direction
from edict.policy.space import subject_labels
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.objects import render
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.upstream._peers import MAX_ITEMS
from edict_agent.translate.upstream._selectors import upstream_subject

API_VERSION = "policy.networking.k8s.io/v1alpha2"
KIND = "ClusterNetworkPolicy"
HIGHEST = 0
"""Upstream's smallest priority, which decides first."""
EGRESS_SUFFIX = "egress"


def way_out_object(agent_namespace: str) -> RenderedObject:
    """Return the way out: every connection that a pod of the agent's namespace begins is accepted."""
    spec: Body = {
        "tier": str(Tier.ADMIN),
        "priority": HIGHEST,
        "subject": upstream_subject(agent_subject(agent_namespace)),
        "egress": [{"name": "way-out", "action": "Accept", "to": [{"networks": list(EVERY_NETWORK)}]}],
    }
    return render(API_VERSION, KIND, f"edict.{WAY_OUT_TEAM}.{WAY_OUT_NAME}", spec)


def upstream_objects(
    policy: PlacedPolicy, rules: Mapping[Direction, list[Body]], agent_namespace: str
) -> tuple[RenderedObject, ...]:
    """Return the objects of a policy: none without rules, two where its egress must leave the way out alone.

    Args:
        policy: gives tier, priority, subject and name.
        rules: by direction, what :func:`upstream_rule` made of its rules, in their order.
        agent_namespace: whose egress stays open.

    Raises:
        InexactError: a direction has more rules than an object may hold.
    """
    spec = policy.document.spec.policy
    for direction, some in rules.items():
        if len(some) > MAX_ITEMS:
            raise InexactError(
                Reason.TOO_LARGE,
                f"{direction} becomes more than {MAX_ITEMS} rules in a ClusterNetworkPolicy",
                "split the policy, or except fewer and larger networks",
            )
    own = {direction: some for direction, some in rules.items() if some}
    apart: dict[Direction, list[Body]] = {}
    if _ties_with_the_way_out(policy, agent_namespace) and Direction.EGRESS in own:
        apart = {Direction.EGRESS: own.pop(Direction.EGRESS)}
    objects = []
    if own:
        objects.append(_object(policy, upstream_subject(spec.subject), own))
    if apart:
        subject = upstream_subject(spec.subject, without_namespace=agent_namespace)
        objects.append(_object(policy, subject, apart, suffix=f".{EGRESS_SUFFIX}"))
    return tuple(objects)


def _ties_with_the_way_out(policy: PlacedPolicy, agent_namespace: str) -> bool:
    spec = policy.document.spec.policy
    return (
        spec.tier is Tier.ADMIN
        and spec.priority == HIGHEST
        and subject_labels(spec.subject).meets(subject_labels(agent_subject(agent_namespace)))
    )


def _object(
    policy: PlacedPolicy, subject: Body, rules: Mapping[Direction, list[Body]], suffix: str = ""
) -> RenderedObject:
    spec = policy.document.spec.policy
    body: Body = {"tier": str(spec.tier), "priority": spec.priority, "subject": subject}
    body |= {str(direction): rules[direction] for direction in Direction if direction in rules}
    return render(API_VERSION, KIND, f"edict.{policy.team}.{policy.name}{suffix}", body, policy=policy)
