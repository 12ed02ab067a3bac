"""Admin policies as allows.

An allow of a whole direction opens it whatever else stands. An allow of a part isolates its pods besides, which
changes nothing only where the Baseline that stands denies them the whole direction.
"""

from __future__ import annotations

from collections.abc import Iterable

from edict.policy.model import Action
from edict.policy.space.labels import Labels
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.local._peers import allow, refuse_extras
from edict_agent.translate.plan import Body
from edict_agent.translate.standing import Matching


def admin_allow(
    rule: Matching, earlier: Iterable[Matching], isolated: Iterable[Labels], facts: Facts, leeway: Leeway
) -> Body | None:
    """Return the allow of an Admin rule, or None for a Pass, which needs none.

    Args:
        rule: the rule.
        earlier: the Admin rules before it that may meet it.
        isolated: the pods that a Baseline of the plan denies the whole of the rule's direction.
        facts: what is known about the cluster.
        leeway: what is done where a part of the rule cannot be said.

    Raises:
        InexactError: the rule cannot be said exactly.
    """
    written = rule.rule
    refuse_extras(written)
    if written.action is Action.DENY:
        raise InexactError(
            Reason.ALLOWS_ONLY,
            "a NetworkPolicy cannot deny above others",
            "deny the whole direction in Baseline, or use a plugin that knows ClusterNetworkPolicies",
        )
    if written.action is Action.PASS:
        return None
    _check_order(rule, earlier)
    if not rule.is_everything and not any(rule.subject <= pods for pods in isolated):
        raise InexactError(
            Reason.ISOLATES,
            f"a NetworkPolicy that allows a part of {written.direction} denies the rest of it, and no Baseline "
            "that stands denies these pods all of it",
            f"deny the whole of {written.direction} to a subject that holds this one in Baseline, or accept all of it",
        )
    return allow(written, facts, leeway)


def _check_order(rule: Matching, earlier: Iterable[Matching]) -> None:
    for other in earlier:
        if other.rule.action is Action.PASS and other.meets(rule):
            raise InexactError(
                Reason.ORDER,
                f"{other.policy} {other.rule.place} says Pass before it to what it may match, and nothing passes over "
                "an allow",
                "make the two disjoint: narrow the subject, the peers or the ports of one",
            )
