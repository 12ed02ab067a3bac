"""ClusterNetworkPolicies, and how the way out stands above them.

The way out has priority 0, which documents may have, too. Of two rules of one priority in Cilium a Deny wins. So what a
document of priority 0 says of egress does not select the agent's namespace: there the way out decides anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edict.policy.lockout import WAY_OUT_NAME, WAY_OUT_TEAM, agent_subject
from edict.policy.model import Tier
from edict.policy.rules import Direction
from edict.policy.space import subject_labels
from edict.policy.space.labels import Labels
from edict.policy.space.peers import Outside, Pods, Remote
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.objects import render
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.tiers._rules import peers_bodies
from edict_agent.translate.tiers._selectors import subject_body
from edict_agent.translate.upstream import API_VERSION, HIGHEST, KIND, MAX_ITEMS


def way_out_object(agent_namespace: str, facts: Facts) -> RenderedObject:
    """Return the part of the way out that must stand above the others: all that they can deny."""
    rule = {"name": "way-out", "action": "Accept", "to": list(peers_bodies([Pods(), Remote(), Outside()], facts))}
    subject = subject_body(subject_labels(agent_subject(agent_namespace)), facts)
    spec: Body = {"tier": str(Tier.ADMIN), "priority": HIGHEST, "subject": subject, "egress": [rule]}
    return render(API_VERSION, KIND, f"edict.{WAY_OUT_TEAM}.{WAY_OUT_NAME}", spec)


def admin_objects(
    policy: PlacedPolicy,
    subject: Labels,
    rules: Mapping[Direction, Sequence[Body]],
    agent_namespace: str,
    facts: Facts,
) -> tuple[RenderedObject, ...]:
    """Return the objects of an Admin policy: none without rules, two where its egress must leave the way out alone.

    Raises:
        InexactError: a direction has more rules than an object may hold.
    """
    spec = policy.document.spec.policy
    if spec.priority != HIGHEST or not rules.get(Direction.EGRESS):
        return upstream_objects(policy, {subject: rules}, facts)
    agent = subject_labels(agent_subject(agent_namespace))
    if not subject.meets(agent):
        return upstream_objects(policy, {subject: rules}, facts)
    by_subject: dict[Labels, Mapping[Direction, Sequence[Body]]] = {
        subject: {direction: some for direction, some in rules.items() if direction is not Direction.EGRESS}
    }
    for narrowed in subject - agent:
        by_subject[narrowed] = {Direction.EGRESS: rules[Direction.EGRESS]}
    return upstream_objects(policy, by_subject, facts)


def upstream_objects(
    policy: PlacedPolicy, by_subject: Mapping[Labels, Mapping[Direction, Sequence[Body]]], facts: Facts
) -> tuple[RenderedObject, ...]:
    """Return an object for each subject that rules are about, the first by the plain name of the policy.

    Raises:
        InexactError: a label that Cilium does not know, or more rules than an object may hold.
    """
    objects: list[RenderedObject] = []
    for subject, rules in by_subject.items():
        said = {str(direction): list(rules[direction]) for direction in Direction if rules.get(direction)}
        for direction, some in said.items():
            if len(some) > MAX_ITEMS:
                raise InexactError(
                    Reason.TOO_LARGE,
                    f"{direction} becomes more than {MAX_ITEMS} rules in a ClusterNetworkPolicy",
                    "split the policy, or except fewer and larger networks",
                )
        if said:
            objects.append(_object(policy, subject_body(subject, facts), said, len(objects)))
    return tuple(objects)


def _object(policy: PlacedPolicy, subject: Body, rules: Body, index: int) -> RenderedObject:
    spec = policy.document.spec.policy
    body = {"tier": str(spec.tier), "priority": spec.priority, "subject": subject} | rules
    suffix = f".{index + 1}" if index else ""
    return render(API_VERSION, KIND, f"edict.{policy.team}.{policy.name}{suffix}", body, policy=policy)
