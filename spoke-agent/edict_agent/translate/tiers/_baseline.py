"""Baseline policies: Denies less what earlier Accepts and Passes match; what denies all of a direction is default deny.

Nothing else becomes an object. Who is isolated is denied all the rest by default deny, which stands behind Baseline;
for all others what no Deny matches is open. All rules are Denies, so that their order does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from edict.policy.fidelity import RuleFidelity
from edict.policy.model import Action, Tier
from edict.policy.rules import Direction
from edict.policy.space import Box, joined
from edict.policy.space.labels import Labels
from edict_agent.translate.cilium import check_rule, default_deny, remainder, requests_stand_before
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body, PlacedPolicy
from edict_agent.translate.standing import Matching, Standing
from edict_agent.translate.target import Outcome, refused
from edict_agent.translate.tiers._objects import upstream_objects
from edict_agent.translate.tiers._place import is_sayable, pieces
from edict_agent.translate.tiers._rules import upstream_rules
from edict_agent.translate.upstream import fitting


def translate_baseline(policy: PlacedPolicy, own: Standing, before: Sequence[Standing], facts: Facts) -> Outcome:
    """Translate a policy of the Baseline tier.

    Args:
        policy: the policy.
        own: its rules with what they match.
        before: the kept policies that stand before it and share a pod with it, in their order.
        facts: what is known of the cluster.
    """
    earlier = [rule for one in before if one.spec.tier is own.spec.tier for rule in one.rules]
    requests = [rule for one in before if one.spec.tier is Tier.ADMIN for rule in one.rules if rule.rule.rule.http]
    told: list[RuleFidelity] = []
    denied: set[Direction] = set()
    by_subject: dict[Labels, dict[Direction, list[Body]]] = {}
    for rule in own.rules:
        leeway = Leeway(rule.rule.action)
        try:
            check_rule(rule, own, facts)
            left = () if rule.rule.action is not Action.DENY else remainder(rule, earlier, leeway)
            if rule.is_everything and tuple(left) == rule.boxes:
                denied.add(rule.rule.direction)
                left = ()
            _check_requests(rule, left, requests)
            for subject, boxes in _front(rule, left).items():
                there = by_subject.setdefault(subject, {}).setdefault(rule.rule.direction, [])
                there += fitting(upstream_rules(rule, boxes, facts, leeway), there)
            told.append(leeway.fidelity(rule.rule.place))
        except InexactError as error:
            told.append(unsupported(rule.rule.place, error))
        earlier.append(rule)
    try:
        objects = upstream_objects(policy, by_subject, facts)
    except InexactError as error:
        return refused(own, error)
    if denied:
        objects += (default_deny(policy, own, frozenset(denied), facts),)
    return Outcome(rules=tuple(told), objects=objects)


def _check_requests(rule: Matching, left: Sequence[Box], requests: Sequence[Matching]) -> None:
    """Refuse to deny what Admin accepts some requests of: default deny has the others, no other Deny comes in time."""
    for other in requests:
        if other.rule.direction is rule.rule.direction and any(
            box.meets(its, rule.ground) for box in left for its in other.boxes
        ):
            raise requests_stand_before(other)


def _front(rule: Matching, left: Sequence[Box]) -> dict[Labels, list[Box]]:
    found: dict[Labels, list[Box]] = {}
    for box in joined(left):
        for piece in pieces(box):
            if not is_sayable(piece, rule.rule.direction):
                raise InexactError(
                    Reason.BASELINE,
                    "Cilium's Baseline tier has pods, and at egress networks off the pods, by TCP, UDP and SCTP or by "
                    "every protocol, and more is left to deny",
                    "deny those, or the whole direction with the exceptions as Admin Accepts",
                )
            found.setdefault(piece.subject, []).append(piece)
    return found
