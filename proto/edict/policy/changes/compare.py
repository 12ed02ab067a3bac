"""Which connections change their verdict between two sets of policies.

A connection that the two sets decide by different rules meets at least one rule that is in one set only, or that
moved: were both deciding rules kept, in order, each would have to stand before the other. So only rules that were not
kept are looked at, each against the other set whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from edict.policy.changes.among import Among
from edict.policy.changes.deciders import Decider, Placed, deciders, last_of
from edict.policy.changes.joining import joined
from edict.policy.changes.outcomes import Change, Outcome, Ruling
from edict.policy.changes.regions import Region
from edict.policy.changes.splitting import Effort, TooManyRegionsError, left_by, overlaps, split
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.model import Action, Tier
from edict.policy.rules import Direction
from edict.policy.space import Ground

MAX_COMPARISONS = 300_000
"""As much as is computed for a direction, in comparisons of two regions; of what is left it is said what may change."""


@dataclass(frozen=True)
class _Side:
    """One of the two sets in one direction; of both together so much is computed."""

    admin: Among
    baseline: Among
    effort: Effort

    def of(self, tier: Tier) -> Among:
        return self.admin if tier is Tier.ADMIN else self.baseline

    def split(self, regions: list[Region], tier: Tier, ground: Ground) -> Iterator[tuple[Decider, list[Region]]]:
        return split(regions, self.of(tier).near_rules(regions), ground, self.effort)


@dataclass(frozen=True)
class _Pair:
    """Connections that two rules decide with different effects; not certain when earlier rules are not taken away."""

    old: Decider
    new: Decider
    regions: list[Region]
    is_certain: bool


def compare(
    old: Sequence[Placed],
    new: Sequence[Placed],
    ground: Ground = Ground(),  # noqa: B008 - frozen
    agent_namespace: str = DEFAULT_AGENT_NAMESPACE,
) -> list[Change]:
    """Return every change of a verdict, ingress first, in a stable order.

    Args:
        old: policies that are in force before; they have been validated.
        new: those after.
        ground: which addresses pods and nodes have; what is not known may be any.
        agent_namespace: whose egress the built-in policy accepts.
    """
    found: dict[tuple[Direction, Ruling, Ruling, bool], list[Region]] = {}
    for direction in Direction:
        effort = Effort(MAX_COMPARISONS)
        sides = []
        for one in (old, new):
            admin, baseline = (
                Among([*deciders(one, tier, direction, ground, agent_namespace), last_of(tier)]) for tier in Tier
            )
            sides.append(_Side(admin, baseline, effort))
        for change in (*_admin(sides[0], sides[1], ground), *_baseline(sides[0], sides[1], ground)):
            was, becomes, is_certain, regions = change
            for region in regions:
                key = (direction, was, becomes, is_certain and region.is_certain)
                found.setdefault(key, []).append(region)
    return [
        Change(direction, was, becomes, is_certain, tuple(joined(regions)))
        for (direction, was, becomes, is_certain), regions in found.items()
    ]


def _admin(old: _Side, new: _Side, ground: Ground) -> Iterator[tuple[Ruling, Ruling, bool, list[Region]]]:
    """Yield what Admin rules change; where one leaves the tier, by what Baseline says then."""
    for pair in _differing(old, new, Tier.ADMIN, ground):
        for was, regions in _ruled(pair.old, old, pair.regions, ground):
            for becomes, parts in _ruled(pair.new, new, regions, ground):
                yield was, becomes, pair.is_certain, parts


def _ruled(
    decider: Decider, side: _Side, regions: list[Region], ground: Ground
) -> Iterator[tuple[Ruling, list[Region]]]:
    if decider.action is not Action.PASS:
        yield Ruling(Outcome(decider.action.value), decider.ref), regions
        return
    try:
        parts = list(side.split(regions, Tier.BASELINE, ground))
    except TooManyRegionsError:
        yield Ruling(Outcome.LOCAL, None, decider.ref), regions
        return
    for below, part in parts:
        yield _left_to(below, decider), part


def _left_to(below: Decider, passed: Decider) -> Ruling:
    outcome = Outcome.LOCAL_DENY if below.action is Action.DENY else Outcome.LOCAL_ACCEPT
    return Ruling(outcome, below.ref, passed.ref)


def _baseline(old: _Side, new: _Side, ground: Ground) -> Iterator[tuple[Ruling, Ruling, bool, list[Region]]]:
    """Yield what Baseline rules change of connections that both sets leave to it."""
    nothing = last_of(Tier.ADMIN)
    for pair in _differing(old, new, Tier.BASELINE, ground):
        try:
            parts = [
                (before, after, part)
                for before, some in _passed(pair.regions, old, ground)
                for after, part in _passed(some, new, ground)
            ]
        except TooManyRegionsError:
            yield _left_to(pair.old, nothing), _left_to(pair.new, nothing), False, pair.regions
            continue
        for before, after, part in parts:
            yield _left_to(pair.old, before), _left_to(pair.new, after), pair.is_certain, part


def _passed(regions: list[Region], side: _Side, ground: Ground) -> Iterator[tuple[Decider, list[Region]]]:
    return ((rule, part) for rule, part in side.split(regions, Tier.ADMIN, ground) if rule.action is Action.PASS)


def _differing(old: _Side, new: _Side, tier: Tier, ground: Ground) -> Iterator[_Pair]:
    befores, afters = old.of(tier).deciders, new.of(tier).deciders
    kept = _kept(befores, afters)
    for rule, other, regions, is_certain in _of_changed(old, new, kept, tier, ground):
        yield _Pair(rule, other, regions, is_certain)
    known = {id(befores[index]) for index in kept}
    turned = {after: before for before, after in kept.items()}
    for rule, other, regions, is_certain in _of_changed(new, old, turned, tier, ground):
        if other.ref is None or id(other) in known:  # the others were found from their own side
            yield _Pair(other, rule, regions, is_certain)


def _of_changed(
    mine: _Side, theirs: _Side, kept: Mapping[int, int], tier: Tier, ground: Ground
) -> Iterator[tuple[Decider, Decider, list[Region], bool]]:
    """Yield what rules of one set that were not kept decide otherwise than the other set does."""
    own = mine.of(tier)
    for index, rule in enumerate(own.deciders):
        if index in kept:
            continue
        is_certain = True
        earlier = [own.deciders[at] for at in own.near(rule.regions) if at < index]
        try:
            left = left_by(rule.regions, earlier, ground, mine.effort)
            found = list(theirs.split(left, tier, ground))
        except TooManyRegionsError:
            decided = {after for before, after in kept.items() if before < index}  # what they match is not this rule's
            near = [at for at in theirs.of(tier).near(rule.regions) if at not in decided]
            found, is_certain = list(overlaps(rule, [theirs.of(tier).deciders[at] for at in near], ground)), False
        for other, regions in found:
            if _effect(rule, tier) is not _effect(other, tier):
                yield rule, other, regions, is_certain


def _kept(old: Sequence[Decider], new: Sequence[Decider]) -> dict[int, int]:
    """Return the positions of rules with the same content in both, in order; the last two always are."""
    before, after = ([one.content for one in side[:-1]] for side in (old, new))
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    found = {block.a + step: block.b + step for block in blocks for step in range(block.size)}
    return found | {len(old) - 1: len(new) - 1}


def _effect(rule: Decider, tier: Tier) -> Action:
    return Action.ACCEPT if tier is Tier.BASELINE and rule.action is Action.PASS else rule.action
