"""Baseline policies as isolation.

Behind Baseline everything is open. So a Baseline Accept or Pass says nothing by itself; it only keeps what it matches
from a later Deny, which can then not be the isolation of whole pods.
"""

from __future__ import annotations

from collections.abc import Iterable

from edict.policy.model import Action
from edict.policy.rules import PlacedRule
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.local._peers import covers_direction, refuse_extras
from edict_agent.translate.overlap import rules_may_meet

_REMEDY = "deny the whole direction in Baseline, and write the exceptions as Admin Accepts"


def check_baseline(rule: PlacedRule, earlier: Iterable[tuple[str, PlacedRule]], facts: Facts) -> None:
    """Check a Baseline rule against those before it; each comes with the id of its policy.

    Raises:
        InexactError: it is no isolation.
    """
    refuse_extras(rule)
    if rule.action is not Action.DENY:
        return
    if not covers_direction(rule):
        raise InexactError(
            Reason.ALLOWS_ONLY,
            "a NetworkPolicy cannot deny a part of a direction",
            f"{_REMEDY}: networks 0.0.0.0/0 and ::/0 without protocols",
        )
    for policy, other in earlier:
        if other.action is not Action.DENY and rules_may_meet(rule, other, facts):
            raise InexactError(
                Reason.ORDER,
                f"{policy} {other.place} says {other.action} before it to what it may match, and NetworkPolicies have "
                "no order",
                _REMEDY,
            )
