"""Deny beats Accept in Cilium, wherever it stands: what of a rule is left once earlier rules have decided theirs.

Of two rules that can match one connection the earlier one decides. A later Accept under an earlier Deny is what
Cilium does anyway. A later Deny under an earlier Accept or Pass, and a later Accept under an earlier Pass, must not
match what the earlier one matched: it is subtracted. A Pass itself needs nothing.
Requests cannot be subtracted.

Where a Deny is widened it may take from earlier rules of its own policy alone: the author of another has not asked for
it, and is told that those are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from edict.policy.model import Action
from edict.policy.space import Box, TooManyBoxesError, UnknowableError, difference
from edict.policy.space.protocols import TYPES, Spoken
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.standing import Matching

_BROKEN_BY = {
    Action.DENY: frozenset({Action.ACCEPT, Action.PASS}),
    Action.ACCEPT: frozenset({Action.PASS}),
    Action.PASS: frozenset[Action](),
}


def loses(earlier: Action, later: Action) -> bool:
    """Tell whether in Cilium a rule loses to a later one, by their actions."""
    return earlier in _BROKEN_BY[later]


def remainder(rule: Matching, earlier: Iterable[Matching], leeway: Leeway) -> Sequence[Box]:
    """Return disjoint boxes of what a rule matches and no earlier rule that would lose to it.

    Raises:
        InexactError: EDICT0520; what is left cannot be said, and the rule can be neither widened nor narrowed; or an
            earlier rule accepts requests, and a wider Deny would take all of them from it.
    """
    left: Sequence[Box] = rule.boxes
    winning_over = _BROKEN_BY[rule.rule.action]
    for other in earlier:
        if other.rule.action in winning_over and other.meets(rule):
            left = _without(rule, left, other, leeway)
    return left


def check_widened(rule: Matching, left: Iterable[Box], earlier: Iterable[Matching], leeway: Leeway) -> None:
    """Refuse a Deny of more ICMP than is written, where that may be what an earlier rule of another policy decides.

    Raises:
        InexactError: why it was widened.
    """
    if leeway.taken is None or rule.rule.action is not Action.DENY:
        return
    wide = [replace(box, spoken=_any_icmp(box.spoken)) for box in left]
    for other in earlier:
        if other.policy == rule.policy or other.rule.direction is not rule.rule.direction:
            continue
        if other.rule.action in _BROKEN_BY[Action.DENY] and any(
            box.meets(its, rule.ground) for box in wide for its in other.boxes
        ):
            raise leeway.taken


def _any_icmp(spoken: Spoken) -> Spoken:
    return Spoken(icmp4=TYPES if spoken.icmp4 else spoken.icmp4, icmp6=TYPES if spoken.icmp6 else spoken.icmp6)


def requests_stand_before(other: Matching) -> InexactError:
    """Return why a Deny that meets an earlier Accept of requests cannot be said."""
    return InexactError(
        Reason.ORDER,
        f"{other.policy} {other.rule.place} accepts some requests before it, and Cilium cannot deny the others alone",
        "deny the whole direction in Baseline instead, which NetworkPolicies may lift, or accept the port alone",
    )


def _without(rule: Matching, left: Sequence[Box], other: Matching, leeway: Leeway) -> Sequence[Box]:
    if other.rule.rule.http:
        raise requests_stand_before(other)
    try:
        return difference(left, other.boxes, rule.ground)
    except TooManyBoxesError:
        why = "what is left would be too many rules to read"
    except UnknowableError:
        why = "nobody knows what is left: an address may be a pod's, a name's or a node's, a port's name any port"
    error = InexactError(
        Reason.ORDER,
        f"{other.policy} {other.rule.place} says {other.rule.action} before it to what it may match, {_wins(rule)}, "
        f"and {why}",
        "make the two disjoint: narrow the subject, the peers or the ports of one",
    )
    if rule.rule.action is Action.DENY:
        if other.policy != rule.policy:
            raise error  # whoever may be stricter may be so with a policy of its own
        leeway.widen(error)
        return left
    leeway.narrow(error)
    return [box for box in left if not any(box.meets(its, rule.ground) for its in other.boxes)]


def _wins(rule: Matching) -> str:
    if rule.rule.action is Action.DENY:
        return "in Cilium a Deny wins wherever it stands"
    return "in Cilium nothing passes over an Accept"
