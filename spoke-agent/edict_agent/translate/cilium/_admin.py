"""Admin policies: allows and denies that turn on no default deny."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edict.policy.fidelity import RuleFidelity
from edict.policy.model import Action
from edict.policy.rules import Direction
from edict.policy.space import Box, joined
from edict.policy.space.labels import Labels
from edict.policy.space.peers import Peer
from edict.policy.space.protocols import Spoken
from edict_agent.translate.cilium._fqdn import check_domain_rules, has_domain_names, is_dns_rule
from edict_agent.translate.cilium._names import render_policy
from edict_agent.translate.cilium._order import remainder
from edict_agent.translate.cilium._peers import peer_groups
from edict_agent.translate.cilium._ports import protocol_groups
from edict_agent.translate.cilium._selectors import subject_selector
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.standing import Matching, Standing
from edict_agent.translate.target import Outcome

_NO_DEFAULT_DENY = {"ingress": False, "egress": False}
_SECTIONS = {
    (Direction.INGRESS, Action.ACCEPT): "ingress",
    (Direction.INGRESS, Action.DENY): "ingressDeny",
    (Direction.EGRESS, Action.ACCEPT): "egress",
    (Direction.EGRESS, Action.DENY): "egressDeny",
}


def translate_admin(policy: PlacedPolicy, own: Standing, before: Iterable[Standing], facts: Facts) -> Outcome:
    """Translate a policy of the Admin tier to one object.

    Args:
        policy: the policy.
        own: its rules with what they match.
        before: the kept policies of the tier that stand before it and share a pod with it, in their order.
        facts: what is known of the cluster.
    """
    earlier = [rule for one in before for rule in one.rules]
    told: list[RuleFidelity] = []
    sections: dict[Labels, dict[str, list[Body]]] = {}
    for rule in own.rules:
        leeway = Leeway(rule.rule.action)
        try:
            for subject, bodies in _render(rule, own, earlier, facts, leeway):
                section = _SECTIONS[rule.rule.direction, rule.rule.action]
                sections.setdefault(subject, {}).setdefault(section, []).extend(bodies)
            told.append(leeway.fidelity(rule.rule.place))
        except InexactError as error:
            told.append(unsupported(rule.rule.place, error))
        earlier.append(rule)
    return Outcome(rules=tuple(told), objects=_objects(policy, sections, facts))


def _render(
    rule: Matching, own: Standing, earlier: Sequence[Matching], facts: Facts, leeway: Leeway
) -> list[tuple[Labels, list[Body]]]:
    """Return for each subject the Cilium rules that the rule becomes; none for a Pass."""
    if rule.rule.action is Action.PASS:
        return []
    if rule.rule.rule.http:
        raise InexactError(Reason.HTTP, "HTTP cannot be matched in Cilium yet", "match the port instead")
    if rule.rule.rule.log:
        raise InexactError(Reason.LOG, "a single rule cannot be logged in Cilium", "remove log; Hubble sees all")
    if has_domain_names(rule.rule):
        check_domain_rules([one.rule for one in own.rules], rule.rule, facts)
    proxied = is_dns_rule(rule.rule) and any(has_domain_names(one.rule) for one in own.rules)
    found = []
    for (subject, spoken), peers in _grouped(remainder(rule, earlier, leeway)).items():
        groups = peer_groups(peers, rule.rule, facts, leeway)
        protocols = protocol_groups(spoken, facts, leeway, dns=proxied)
        found.append((subject, [group | protocol for group in groups for protocol in protocols]))
    if rule.boxes and leeway.taken is not None and not any(bodies for _, bodies in found):
        raise leeway.taken
    return found


def _grouped(boxes: Sequence[Box]) -> dict[tuple[Labels, Spoken], list[Peer]]:
    groups: dict[tuple[Labels, Spoken], list[Peer]] = {}
    for box in joined(boxes):
        groups.setdefault((box.subject, box.spoken), []).append(box.peer)
    return groups


def _objects(
    policy: PlacedPolicy, sections: dict[Labels, dict[str, list[Body]]], facts: Facts
) -> tuple[RenderedObject, ...]:
    specs = [
        {"endpointSelector": subject_selector(subject, facts), "enableDefaultDeny": dict(_NO_DEFAULT_DENY)} | kept
        for subject, bodies in sections.items()
        if (kept := {name: rules for name, rules in bodies.items() if rules})
    ]
    return (render_policy(policy, specs),) if specs else ()
