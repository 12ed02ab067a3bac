"""Baseline policies: plain Cilium has no such tier, but it has default deny, which stands behind every allow.

Only a policy that denies a whole direction is that. A Baseline Accept as an allow would open what a NetworkPolicy
isolated, and a Baseline Deny as a deny would beat what a NetworkPolicy allows.
"""

from __future__ import annotations

from edict.policy.fidelity import RuleFidelity
from edict.policy.model import Action
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict_agent.translate.cilium._names import render_policy
from edict_agent.translate.cilium._peers import covers_direction
from edict_agent.translate.cilium._selectors import subject_selector
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.plan import Body, PlacedPolicy
from edict_agent.translate.target import Outcome

_REMEDY = "deny the whole direction in Baseline, and write the exceptions as Admin Accepts"


def translate_baseline(policy: PlacedPolicy, facts: Facts) -> Outcome:
    """Translate a policy of the Baseline tier to default deny; policies before it can only be the same."""
    spec = policy.document.spec.policy
    rules = tuple(rules_of(spec))
    told: list[RuleFidelity] = []
    for rule in rules:
        try:
            _check(rule, rules, facts)
        except InexactError as error:
            told.append(unsupported(rule.place, error))
    if told or not rules:
        return Outcome(rules=tuple(told), objects=())
    directions = {rule.direction for rule in rules}
    body: Body = {
        "endpointSelector": subject_selector(spec.subject, facts),
        "enableDefaultDeny": {str(direction): direction in directions for direction in Direction},
    }
    body |= {str(direction): [{}] for direction in Direction if direction in directions}
    return Outcome(rules=(), objects=(render_policy(policy, body),))


def _check(rule: PlacedRule, rules: tuple[PlacedRule, ...], facts: Facts) -> None:
    if rule.rule.log:
        raise InexactError(Reason.LOG, "a single rule cannot be logged in Cilium", "remove log; Hubble sees all")
    if rule.action is not Action.DENY:
        raise InexactError(
            Reason.BASELINE,
            f"a Baseline {rule.action} would open in Cilium what a NetworkPolicy isolated",
            _REMEDY,
        )
    if rule.protocols or not covers_direction(rule, facts):
        raise InexactError(
            Reason.BASELINE,
            "a Baseline Deny of part of a direction would beat in Cilium what a NetworkPolicy allows",
            f"{_REMEDY}: networks 0.0.0.0/0 and ::/0 without protocols",
        )
    if sum(other.direction is rule.direction for other in rules) > 1:
        raise InexactError(
            Reason.BASELINE, "a Baseline direction in Cilium can hold one Deny of everything alone", _REMEDY
        )
