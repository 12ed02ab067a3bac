"""Admin policies: allows and denies that turn on no default deny."""

from __future__ import annotations

from collections.abc import Sequence

from edict.policy.fidelity import RuleFidelity
from edict.policy.lockout import agent_subject
from edict.policy.model import Action, Tier
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict_agent.translate.cilium._fqdn import check_domain_rules, is_dns_rule
from edict_agent.translate.cilium._names import render_policy
from edict_agent.translate.cilium._order import check_order
from edict_agent.translate.cilium._peers import has_domain_names, peer_groups
from edict_agent.translate.cilium._ports import protocol_groups
from edict_agent.translate.cilium._selectors import subject_selector
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.overlap import subjects_may_meet
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.target import Outcome

_NO_DEFAULT_DENY = {"ingress": False, "egress": False}
_SECTIONS = {
    (Direction.INGRESS, Action.ACCEPT): "ingress",
    (Direction.INGRESS, Action.DENY): "ingressDeny",
    (Direction.EGRESS, Action.ACCEPT): "egress",
    (Direction.EGRESS, Action.DENY): "egressDeny",
}


def translate_admin(
    policy: PlacedPolicy, earlier: Sequence[PlacedPolicy], facts: Facts, agent_namespace: str
) -> Outcome:
    """Translate a policy of the Admin tier.

    It becomes one object, and a second one with the suffix ``egress-deny`` where an egress Deny must leave out the
    agent's namespace: the built-in Accept stands above it, and Cilium would not let it.
    """
    rules = tuple(rules_of(policy.document.spec.policy))
    before = [
        (other.id, rule)
        for other in earlier
        if other.document.spec.policy.tier is Tier.ADMIN
        for rule in rules_of(other.document.spec.policy)
    ]
    proxy_dns = any(has_domain_names(rule) for rule in rules)
    told: list[RuleFidelity] = []
    sections: dict[str, list[Body]] = {}
    for rule in rules:
        try:
            check_order(rule, before, facts)
            rendered = _render(rule, rules, facts, proxy_dns=proxy_dns)
            if rule.action is not Action.PASS:
                sections.setdefault(_SECTIONS[rule.direction, rule.action], []).extend(rendered)
        except InexactError as error:
            told.append(unsupported(rule.place, error))
        before.append((policy.id, rule))
    objects = () if told else _objects(policy, sections, facts, agent_namespace)
    return Outcome(rules=tuple(told), objects=objects)


def _render(rule: PlacedRule, rules: Sequence[PlacedRule], facts: Facts, *, proxy_dns: bool) -> list[Body]:
    if rule.rule.http:
        raise InexactError(Reason.HTTP, "HTTP cannot be matched in Cilium yet", "match the port instead")
    if rule.rule.log:
        raise InexactError(Reason.LOG, "a single rule cannot be logged in Cilium", "remove log; Hubble sees all")
    if has_domain_names(rule):
        check_domain_rules(rules, rule, facts)
    protocols = protocol_groups(rule.protocols, facts, dns=proxy_dns and is_dns_rule(rule))
    return [peers | protocol for peers in peer_groups(rule, facts) for protocol in protocols]


def _objects(
    policy: PlacedPolicy, sections: dict[str, list[Body]], facts: Facts, agent_namespace: str
) -> tuple[RenderedObject, ...]:
    subject = policy.document.spec.policy.subject
    own = {name: rules for name, rules in sections.items() if rules}
    objects = []
    denied = {}
    if subjects_may_meet(subject, agent_subject(agent_namespace)):
        denied = {name: own.pop(name) for name in ("egressDeny",) if name in own}
    if own:
        objects.append(_object(policy, subject_selector(subject, facts), own))
    if denied:
        selector = subject_selector(subject, facts, without_namespace=agent_namespace)
        objects.append(_object(policy, selector, denied, suffix="egress-deny"))
    return tuple(objects)


def _object(policy: PlacedPolicy, selector: Body, sections: Body, suffix: str = "") -> RenderedObject:
    spec = {"endpointSelector": selector, "enableDefaultDeny": dict(_NO_DEFAULT_DENY)} | sections
    return render_policy(policy, spec, suffix)
