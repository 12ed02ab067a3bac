"""Admin policies as allows.

An allow of a whole direction opens it whatever else stands. An allow of a part isolates its pods besides, which
changes nothing only where the Baseline that stands denies them the whole direction.
"""

from __future__ import annotations

from collections.abc import Iterable

from edict.policy.model import Action, NamespacedPod
from edict.policy.rules import PlacedRule
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.local._peers import allow, covers_direction, refuse_extras
from edict_agent.translate.local._selectors import inside, pods_of
from edict_agent.translate.overlap import rules_may_meet
from edict_agent.translate.plan import Body


def admin_allow(
    rule: PlacedRule, earlier: Iterable[tuple[str, PlacedRule]], isolated: Iterable[NamespacedPod], facts: Facts
) -> Body | None:
    """Return the allow of an Admin rule, or None for a Pass, which needs none.

    Args:
        rule: the rule.
        earlier: the Admin rules before it, each with the id of its policy.
        isolated: the pods that a Baseline of the plan denies the whole of the rule's direction.
        facts: what is known about the cluster.

    Raises:
        InexactError: the rule cannot be said exactly.
    """
    refuse_extras(rule)
    if rule.action is Action.DENY:
        raise InexactError(
            Reason.ALLOWS_ONLY,
            "a NetworkPolicy cannot deny above others",
            "deny the whole direction in Baseline, or use a plugin that knows ClusterNetworkPolicies",
        )
    if rule.action is Action.PASS:
        return None
    _check_order(rule, earlier, facts)
    if not covers_direction(rule):
        subject = pods_of(rule.subject)
        if not any(inside(subject, pods) for pods in isolated):
            raise InexactError(
                Reason.ISOLATES,
                f"a NetworkPolicy that allows a part of {rule.direction} denies the rest of it, and no Baseline that "
                "stands denies these pods all of it",
                f"deny the whole of {rule.direction} to a subject that holds this one in Baseline, or accept all of it",
            )
    return allow(rule, facts)


def _check_order(rule: PlacedRule, earlier: Iterable[tuple[str, PlacedRule]], facts: Facts) -> None:
    for policy, other in earlier:
        if other.action is Action.PASS and rules_may_meet(rule, other, facts):
            raise InexactError(
                Reason.ORDER,
                f"{policy} {other.place} says Pass before it to what it may match, and nothing passes over an allow",
                "make the two disjoint: narrow the subject, the peers or the ports of one",
            )
