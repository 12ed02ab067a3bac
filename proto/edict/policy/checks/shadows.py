"""Rules that can never match: whatever they match is decided above them, on every cluster that has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import TypeAlias

from edict.policy.checks.fleet import Fleet
from edict.policy.checks.found import Finding, PolicySource, some
from edict.policy.checks.index import Index
from edict.policy.checks.placed import UNKNOWN, Ranked, ranked, traits
from edict.policy.checks.way_out import is_outward_deny
from edict.policy.codes import Code
from edict.policy.documents import (
    FederatedNetworkPolicy,
    FederatedNetworkPolicySpec,
    ManagedCluster,
    ObjectMeta,
    Placement,
)
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE, WAY_OUT_ID, WAY_OUT_NAME, WAY_OUT_TEAM, way_out
from edict.policy.model import API_VERSION, Action, LabelSelector, Tier
from edict.policy.rules import Direction
from edict.policy.space import MAX_BOXES, Box, uncovered

_Placed: TypeAlias = tuple[Ranked, Box]
_LOOKS = 4 * MAX_BOXES
"""As many pieces of one rule as are looked at; a rule in more pieces is taken for one that matches."""


def shadowed_rules(
    policies: Sequence[PolicySource],
    clusters: Iterable[ManagedCluster],
    agent_namespace: str = DEFAULT_AGENT_NAMESPACE,
) -> Iterator[Finding]:
    """Yield a warning, EDICT0142, for each rule that can never match.

    What stands above a rule: rules of its tier with a lower priority or before it in its policy, whatever they do; for
    a Baseline rule also Admin's Accepts and Denies that no Admin Pass may come before; and the agent's way out. A
    policy counts where it is enforced, on at least the clusters of the rule, and without http. What cannot be said to
    be covered, such as pods by a network, is not; so a rule that is told of never matches, and a rule may never match
    without being told of.

    Args:
        policies: every policy of the release.
        clusters: the signed inventory; while it is empty, placements are compared by what they select.
        agent_namespace: whose egress the built-in policy accepts.
    """
    fleet = Fleet(list(clusters))
    rules = list(ranked([_built_in(agent_namespace), *policies], fleet))
    above = _Above(rules)
    for rule in rules:
        if not rule.boxes:
            yield _finding(rule, "its own selectors or networks leave nothing", "correct them, or remove the rule")
            continue
        by = above.covering(rule)
        if by:
            yield from _told(rule, by, agent_namespace)


def _told(rule: Ranked, by: Sequence[Ranked], agent_namespace: str) -> Iterator[Finding]:
    ids = {one.source.id for one in by}
    if ids == {WAY_OUT_ID}:
        if not is_outward_deny(rule.rule):  # of which denies_way_out tells
            why = f"the egress of {agent_namespace} is accepted before it"
            yield _finding(rule, why, f"remove the rule, or leave {agent_namespace} out of the subject")
        return
    names = some([one.id for one in by], "rules")
    others = tuple(sorted(ids - {rule.source.id, WAY_OUT_ID}))
    yield _finding(rule, f"all that it matches is decided before it by {names}", "remove it, or move it up", others)


def _finding(rule: Ranked, why: str, remedy: str, others: tuple[str, ...] = ()) -> Finding:
    where = rule.source.where(f"spec.policy.{rule.rule.place}")
    what = f"the {rule.action} can never match: {why}"
    return Finding(f"EDICT{Code.SHADOWED:04d}", where, what, remedy, others)


class _Above:
    """What stands above each rule."""

    def __init__(self, rules: Sequence[Ranked]) -> None:
        self._deciding = _indexed(rule for rule in rules if rule.is_enforced and not rule.rule.rule.http)
        self._passing = _indexed(rule for rule in rules if rule.action is Action.PASS)

    def covering(self, rule: Ranked) -> list[Ranked] | None:
        """Return rules that decide all that a rule matches, in their order; None where they may not."""
        found: dict[int, Ranked] = {}
        for box in rule.boxes:
            by = self._covering(rule, box)
            if by is None:
                return None
            found |= {id(one): one for one in by}
        return sorted(found.values(), key=_rank)

    def _covering(self, rule: Ranked, box: Box) -> list[Ranked] | None:
        pieces, found = [box], list[Ranked]()
        for _ in range(_LOOKS):
            if not pieces:
                return found
            piece = pieces.pop()
            before = self._before(rule, piece)
            alone = next((one for one, its in before if not uncovered([piece], [its], UNKNOWN)), None)
            if alone is not None:
                found.append(alone)
                continue
            left = [piece]
            for one, its in before:
                rest = uncovered(left, [its], UNKNOWN)
                if rest != left:
                    found.append(one)
                left = rest
            if left == [piece] or len(left) + len(pieces) > MAX_BOXES:
                return None
            pieces += left
        return None

    def _before(self, rule: Ranked, box: Box) -> list[_Placed]:
        """Return what may cover a box of a rule, or all of it but a bounded part, by precedence."""
        asked = traits(box, rule)
        near = self._deciding[rule.tier, rule.rule.direction].around(asked)
        found = [(one, its) for one, its in near if one.is_before(rule)]
        if rule.tier is Tier.BASELINE:
            found += self._admin(rule, box)
        return sorted(
            ((one, its) for one, its in found if rule.clusters <= one.clusters and box.meets(its, UNKNOWN)),
            key=lambda placed: _rank(placed[0]),
        )

    def _admin(self, rule: Ranked, box: Box) -> list[_Placed]:
        """Return Admin's Accepts and Denies that stand above every Pass of the box."""
        asked, key = traits(box, rule), (Tier.ADMIN, rule.rule.direction)
        passes = [
            one
            for one, its in self._passing[key].meeting(asked)
            if one.clusters & rule.clusters and box.meets(its, UNKNOWN)
        ]
        first = min((one.priority for one in passes), default=None)
        lowest = [one for one in passes if one.priority == first]
        return [
            (one, its)
            for one, its in self._deciding[key].around(asked)
            if one.action is not Action.PASS
            and (first is None or one.priority <= first)
            and all(one.is_before(other) for other in lowest)
        ]


def _indexed(rules: Iterable[Ranked]) -> dict[tuple[Tier, Direction], Index[_Placed]]:
    groups: dict[tuple[Tier, Direction], list[Ranked]] = defaultdict(list)
    for rule in rules:
        groups[rule.tier, rule.rule.direction].append(rule)
    return {
        key: Index([(traits(box, one), (one, box)) for one in groups[key] for box in one.boxes])
        for key in product(Tier, Direction)
    }


def _rank(rule: Ranked) -> tuple[bool, int, int, int]:
    return (rule.tier is Tier.BASELINE, rule.priority, rule.number, rule.rule.index)


def _built_in(agent_namespace: str) -> PolicySource:
    spec = FederatedNetworkPolicySpec(
        placement=Placement(cluster_selector=LabelSelector()), policy=way_out(agent_namespace)
    )
    document = FederatedNetworkPolicy(api_version=API_VERSION, metadata=ObjectMeta(name=WAY_OUT_NAME), spec=spec)
    return PolicySource(WAY_OUT_TEAM, document)
