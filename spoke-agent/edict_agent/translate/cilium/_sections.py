"""The rules of one Admin policy as they stand in an object: by subject and section, without default deny."""

from __future__ import annotations

from collections.abc import Sequence

from edict.policy.model import Action
from edict.policy.rules import Direction
from edict.policy.space import Box, joined
from edict.policy.space.labels import Labels
from edict.policy.space.peers import Peer
from edict.policy.space.protocols import Spoken
from edict_agent.translate.cilium._fqdn import check_domain_rules, is_dns_rule
from edict_agent.translate.cilium._http import proxied
from edict_agent.translate.cilium._names import render_policy
from edict_agent.translate.cilium._order import check_widened, remainder
from edict_agent.translate.cilium._peers import peer_groups
from edict_agent.translate.cilium._ports import protocol_groups, request_groups
from edict_agent.translate.cilium._selectors import subject_selector
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.standing import Matching, Standing

_NO_DEFAULT_DENY = {"ingress": False, "egress": False}
_SECTIONS = {
    (Direction.INGRESS, Action.ACCEPT): "ingress",
    (Direction.INGRESS, Action.DENY): "ingressDeny",
    (Direction.EGRESS, Action.ACCEPT): "egress",
    (Direction.EGRESS, Action.DENY): "egressDeny",
}


def check_rule(rule: Matching, own: Standing, facts: Facts) -> None:
    """Refuse what Cilium cannot say of a rule whatever its peers are.

    Raises:
        InexactError: logging, or domain names that Cilium would never learn the addresses of.
    """
    if rule.rule.rule.log:
        raise InexactError(Reason.LOG, "a single rule cannot be logged in Cilium", "remove log; Hubble sees all")
    if rule.rule.has_domain_names:
        check_domain_rules([one.rule for one in own.rules], rule.rule, facts)


def is_proxied(rule: Matching, own: Standing) -> bool:
    """Tell whether a rule sends questions for names through Cilium's DNS proxy, because its policy has names."""
    return own.names and is_dns_rule(rule.rule)


class Sections:
    """What is gathered of a policy, rule by rule.

    Args:
        facts: what is known of the cluster.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._bodies: dict[Labels, dict[str, list[Body]]] = {}

    def add(self, rule: Matching, own: Standing, earlier: Sequence[Matching], leeway: Leeway) -> bool:
        """Take in a rule, less what earlier ones decide; tell whether anything of it is left to say.

        Raises:
            InexactError: the rule cannot be said exactly, and has no leeway for it.
        """
        if rule.rule.action is Action.PASS:
            return False
        section = _SECTIONS[rule.rule.direction, rule.rule.action]
        if rule.rule.rule.http:
            leeway.narrow(proxied())
        found: list[tuple[Labels, list[Body]]] = []
        left = remainder(rule, earlier, leeway)
        for (subject, spoken), peers in _grouped(left).items():
            groups = peer_groups(peers, rule.rule, self._facts, leeway)
            protocols = self._protocols(spoken, rule, own, leeway)
            found.append((subject, [group | protocol for group in groups for protocol in protocols]))
        check_widened(rule, left, earlier, leeway)
        for subject, bodies in found:
            self._bodies.setdefault(subject, {}).setdefault(section, []).extend(bodies)
        return any(bodies for _, bodies in found)

    def _protocols(self, spoken: Spoken, rule: Matching, own: Standing, leeway: Leeway) -> list[Body]:
        if rule.rule.rule.http:
            return request_groups(spoken, rule.rule.rule.http, self._facts)
        return protocol_groups(spoken, self._facts, leeway, dns=is_proxied(rule, own))

    def objects(self, policy: PlacedPolicy) -> tuple[RenderedObject, ...]:
        """Return the object of a policy; none where nothing was said."""
        specs = [
            {"endpointSelector": subject_selector(subject, self._facts), "enableDefaultDeny": dict(_NO_DEFAULT_DENY)}
            | kept
            for subject, bodies in self._bodies.items()
            if (kept := {name: rules for name, rules in bodies.items() if rules})
        ]
        return (render_policy(policy, specs),) if specs else ()


def _grouped(boxes: Sequence[Box]) -> dict[tuple[Labels, Spoken], list[Peer]]:
    groups: dict[tuple[Labels, Spoken], list[Peer]] = {}
    for box in joined(boxes):
        groups.setdefault((box.subject, box.spoken), []).append(box.peer)
    return groups
