"""Rules that can never match: whatever they match is decided above them, on every cluster that has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from typing import TypeAlias

from msgspec import UNSET

from edict.policy.checks.fleet import Fleet
from edict.policy.checks.found import Finding, PolicySource, some
from edict.policy.checks.index import Index, names_around, names_of
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
from edict.policy.ports import port_interval
from edict.policy.rules import Direction
from edict.policy.space import MAX_BOXES, Box, uncovered

_Placed: TypeAlias = tuple[Ranked, Box]
_LOOKS = 4 * MAX_BOXES
"""As many pieces of one rule as are looked at; a rule in more pieces is taken for one that matches."""
_DNS = 53
_NEAR = 256
"""As many rules as are looked at for one piece, those that ask for least first."""


def shadowed_rules(
    policies: Sequence[PolicySource],
    clusters: Iterable[ManagedCluster],
    agent_namespace: str = DEFAULT_AGENT_NAMESPACE,
) -> Iterator[Finding]:
    """Yield a warning, EDICT0142, for each rule that can never match.

    What stands above a rule: rules of its tier with a lower priority or before it in its policy, whatever they do; for
    a Baseline rule also Admin's Accepts and Denies that no Admin Pass may come before; and the agent's way out. A
    policy counts where it is enforced, on at least the clusters of the rule, and without http. An Accept of DNS that
    another Accept covers is not told of where its policy has domain names, which need it there. What cannot be said to
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
        if by and not (_opens_dns(rule) and all(one.action is Action.ACCEPT for one in by)):
            yield from _told(rule, by, agent_namespace)


def _opens_dns(rule: Ranked) -> bool:
    """Tell whether an Accept of DNS stands beside domain names, which Cilium learns only where their own policy has it.

    Such a rule is no mistake where another policy accepts the same: without it the names could not be translated.
    """
    named = any(peer.domain_names is not UNSET for one in rule.source.document.spec.policy.egress for peer in one.to)
    asked = [one.udp for one in rule.rule.protocols if one.udp is not UNSET]
    return named and rule.action is Action.ACCEPT and any(port_interval(match) == (_DNS, _DNS) for match in asked)


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
        passing = [rule for rule in rules if rule.action is Action.PASS]
        self._passing = _indexed(passing)
        self._passes = {
            direction: _lowest([one for one in passing if (one.tier, one.rule.direction) == (Tier.ADMIN, direction)])
            for direction in Direction
        }

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
            alone = next((one for one, its in before if _holds(its, piece)), None)
            if alone is not None:
                found.append(alone)
                continue
            left = [piece]
            for one, its in before:
                rest = uncovered(left, [its], UNKNOWN)
                if rest != left:
                    found.append(one)
                left = rest
                if len(left) + len(pieces) > MAX_BOXES:
                    return None
            if left == [piece]:
                return None
            pieces += left
        return None

    def _before(self, rule: Ranked, box: Box) -> list[_Placed]:
        """Return what may cover a box of a rule, or all of it but a bounded part, by precedence."""
        asked = traits(box, rule) | names_around(box)
        near = islice(self._deciding[rule.tier, rule.rule.direction].around(asked), _NEAR)
        found = [(one, its) for one, its in near if one.is_before(rule)]
        if rule.tier is Tier.BASELINE:
            found += self._admin(rule, box)
        return sorted(
            ((one, its) for one, its in found if rule.clusters <= one.clusters),
            key=lambda placed: _rank(placed[0]),
        )

    def _admin(self, rule: Ranked, box: Box) -> list[_Placed]:
        """Return Admin's Accepts and Denies that stand above every Pass of the box."""
        direction = rule.rule.direction
        around = islice(self._deciding[Tier.ADMIN, direction].around(traits(box, rule) | names_around(box)), _NEAR)
        decided = [(one, its) for one, its in around if one.action is not Action.PASS]
        passed = self._first_passes(rule, box) if decided else []
        return [(one, its) for one, its in decided if all(one.is_before(other) for other in passed)]

    def _first_passes(self, rule: Ranked, box: Box) -> list[Ranked]:
        """Return the Admin Passes of the lowest priority that meet a box; of too many, those of the lowest at all."""
        direction = rule.rule.direction
        near = list(islice(self._passing[Tier.ADMIN, direction].meeting(traits(box, rule)), _NEAR + 1))
        if len(near) > _NEAR:
            return self._passes[direction]
        met = [one for one, its in near if one.clusters & rule.clusters and box.meets(its, UNKNOWN)]
        return _lowest(met)


def _lowest(rules: Sequence[Ranked]) -> list[Ranked]:
    first = min((rule.priority for rule in rules), default=None)
    return [rule for rule in rules if rule.priority == first]


def _holds(box: Box, piece: Box) -> bool:
    return piece.subject <= box.subject and not uncovered([piece], [box], UNKNOWN)


def _indexed(rules: Iterable[Ranked]) -> dict[tuple[Tier, Direction], Index[_Placed]]:
    groups: dict[tuple[Tier, Direction], list[Ranked]] = defaultdict(list)
    for rule in rules:
        groups[rule.tier, rule.rule.direction].append(rule)
    return {
        key: Index([(traits(box, one) | names_of(box), (one, box)) for one in groups[key] for box in one.boxes])
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
