"""Deny beats Accept in Cilium, wherever it stands: which rules mean the same without their order.

Of two rules that can match one connection the earlier one decides. A later Accept under an earlier Deny is what
Cilium does anyway. A later Deny under an earlier Accept or Pass, and a later Accept under an earlier Pass, are
not: they must not match what the earlier one matched, and that takes subtraction. It is the later rule that is
refused. A Pass itself needs nothing: what it passes is what no later rule of the tier may match.
"""

from __future__ import annotations

from collections.abc import Iterable

from edict.policy.model import Action
from edict.policy.rules import PlacedRule
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.overlap import rules_may_meet

_BROKEN_BY = {
    Action.DENY: frozenset({Action.ACCEPT, Action.PASS}),
    Action.ACCEPT: frozenset({Action.PASS}),
    Action.PASS: frozenset[Action](),
}


def check_order(rule: PlacedRule, earlier: Iterable[tuple[str, PlacedRule]], facts: Facts) -> None:
    """Check a rule against those before it; each comes with the id of its policy.

    Raises:
        InexactError: an earlier rule decides part of what this one would match, and Cilium would not let it.
    """
    for policy, other in earlier:
        if other.action in _BROKEN_BY[rule.action] and rules_may_meet(rule, other, facts):
            raise InexactError(
                Reason.ORDER,
                f"{policy} {other.place} says {other.action} before it to what it may match, and in Cilium "
                f"{_wins(rule)}",
                "make the two disjoint: narrow the subject, the peers or the ports of one",
            )


def _wins(rule: PlacedRule) -> str:
    return "a Deny wins wherever it stands" if rule.action is Action.DENY else "nothing passes over an Accept"
