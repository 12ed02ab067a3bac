"""Baseline policies: plain Cilium has no such tier, but it has default deny, which stands behind every allow.

Only a policy that denies a whole direction is that. A Baseline Accept as an allow would open what a NetworkPolicy
isolated, and a Baseline Deny as a deny would beat what a NetworkPolicy allows.
"""

from __future__ import annotations

from edict.policy.fidelity import RuleFidelity
from edict.policy.model import Action
from edict.policy.rules import Direction
from edict_agent.translate.cilium._names import render_policy
from edict_agent.translate.cilium._selectors import subject_selector
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.standing import Matching, Standing
from edict_agent.translate.target import Outcome

_REMEDY = "deny the whole direction in Baseline, and write the exceptions as Admin Accepts"


def translate_baseline(policy: PlacedPolicy, own: Standing, facts: Facts) -> Outcome:
    """Translate a policy of the Baseline tier to default deny; policies before it can only be the same."""
    told: list[RuleFidelity] = []
    for rule in own.rules:
        try:
            _check(rule, own)
        except InexactError as error:
            told.append(unsupported(rule.rule.place, error))
    if told or not own.rules:
        return Outcome(rules=tuple(told), objects=())
    directions = frozenset(rule.rule.direction for rule in own.rules)
    return Outcome(rules=(), objects=(default_deny(policy, own, directions, facts),))


def default_deny(policy: PlacedPolicy, own: Standing, directions: frozenset[Direction], facts: Facts) -> RenderedObject:
    """Return the object that denies whole directions wherever nothing allows."""
    body: Body = {
        "endpointSelector": subject_selector(own.subject, facts),
        "enableDefaultDeny": {str(direction): direction in directions for direction in Direction},
    }
    body |= {str(direction): [{}] for direction in Direction if direction in directions}
    return render_policy(policy, [body])


def _check(rule: Matching, own: Standing) -> None:
    if rule.rule.rule.log:
        raise InexactError(Reason.LOG, "a single rule cannot be logged in Cilium", "remove log; Hubble sees all")
    if rule.rule.action is not Action.DENY:
        raise InexactError(
            Reason.BASELINE,
            f"a Baseline {rule.rule.action} would open in Cilium what a NetworkPolicy isolated",
            _REMEDY,
        )
    if not rule.is_everything:
        raise InexactError(
            Reason.BASELINE,
            "a Baseline Deny of part of a direction would beat in Cilium what a NetworkPolicy allows",
            f"{_REMEDY}: networks 0.0.0.0/0 and ::/0 without protocols",
        )
    if sum(other.rule.direction is rule.rule.direction for other in own.rules) > 1:
        raise InexactError(
            Reason.BASELINE, "a Baseline direction in Cilium can hold one Deny of everything alone", _REMEDY
        )
