"""Admin policies: the front of their rules in ClusterNetworkPolicies, what is late behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edict.policy.fidelity import RuleFidelity
from edict.policy.model import Action
from edict.policy.rules import Direction
from edict.policy.space import Box, uncovered
from edict_agent.translate.cilium import Sections, check_rule
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body, PlacedPolicy
from edict_agent.translate.standing import Matching, Standing
from edict_agent.translate.target import Outcome, refused
from edict_agent.translate.tiers._objects import admin_objects
from edict_agent.translate.tiers._place import Part, late_part, late_parts, place
from edict_agent.translate.tiers._rules import upstream_rules
from edict_agent.translate.upstream import fitting


def translate_admin(
    policy: PlacedPolicy, own: Standing, before: Sequence[Standing], facts: Facts, agent_namespace: str
) -> Outcome:
    """Translate a policy of the Admin tier to ClusterNetworkPolicies and an object for what is late of it.

    Args:
        policy: the policy.
        own: its rules with what they match.
        before: the way out, then the kept policies of the tier that stand before it and share a pod with it, in their
            order.
        facts: what is known of the cluster.
        agent_namespace: whose egress stays open.
    """
    late = [part for one in before for part in late_parts(one)]
    passes = [rule for one in before for rule in one.rules if rule.rule.action is Action.PASS]
    told: list[RuleFidelity] = []
    front: dict[Direction, list[Body]] = {}
    sections = Sections(facts)
    own_late: dict[str, tuple[Box, ...]] = {}
    for rule in own.rules:
        leeway = Leeway(rule.rule.action)
        placed = place(rule, own, late, facts)
        part = late_part(rule, own, placed.late)
        try:
            check_rule(rule, own, facts)
            if part.proxied:
                _check_proxy(rule, (*before[1:], replace(own, late=own_late)))
            there = front.setdefault(rule.rule.direction, [])
            rules = fitting(upstream_rules(rule, placed.front, facts, leeway), there)
            said = sections.add(
                part, own, [*passes, *(one for one in late if one.rule.action is not Action.PASS)], leeway
            )
            if leeway.taken is not None and not (rules or said):
                raise leeway.taken
            there += rules
            told.append(leeway.fidelity(rule.rule.place))
        except InexactError as error:
            told.append(unsupported(rule.rule.place, error))
        if placed.late:
            own_late[rule.rule.place] = placed.late
            late.append(part)
        if rule.rule.action is Action.PASS:
            passes.append(rule)
    try:
        objects = (*admin_objects(policy, own.subject, front, agent_namespace, facts), *sections.objects(policy))
    except InexactError as error:
        return refused(own, error)
    return Outcome(rules=tuple(told), objects=objects, late=own_late)


def _check_proxy(rule: Matching, policies: Sequence[Standing]) -> None:
    """Refuse a rule that should go through the DNS proxy, where the front of an Accept before it decides the same."""
    for one in policies:
        for other in one.rules:
            if other is rule:
                return
            if other.rule.action is not Action.ACCEPT or not other.meets(rule):
                continue
            front = tuple(uncovered(other.boxes, one.late.get(other.rule.place, ()), rule.ground))
            if Part(other.policy, other.rule, other.ground, other.subject, front).meets(rule):
                raise InexactError(
                    Reason.DOMAIN_NAMES,
                    f"{other.policy} {other.rule.place} accepts the questions for names before it, past Cilium's DNS "
                    "proxy",
                    "give the policy with domain names the smaller priority number, or accept DNS alone before it",
                )
