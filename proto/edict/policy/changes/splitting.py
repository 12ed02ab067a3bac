"""Which rules decide parts of regions, with an end to what is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edict.policy.changes.deciders import Decider
from edict.policy.changes.regions import Region
from edict.policy.model import Action
from edict.policy.space import Ground

MAX_REGIONS = 512
"""As many regions as one rule may leave or be split into, before it is only said what may be."""
_CUT = 16
"""What taking one region out of another costs, in comparisons of two that do not meet."""
MAX_NAMED = 16
"""As many rules as are named that a rule may take connections from or give them to."""


class TooManyRegionsError(Exception):
    """More than :data:`MAX_REGIONS`, or more than may be computed."""


@dataclass
class Effort:
    """What may still be computed, in comparisons of two regions; the same input spends the same on every machine."""

    left: int

    def spend(self, comparisons: int) -> None:
        """Take some away.

        Raises:
            TooManyRegionsError: there is not as much left.
        """
        self.left -= comparisons
        if self.left < 0:
            raise TooManyRegionsError


def left_by(regions: Iterable[Region], earlier: Iterable[Decider], ground: Ground, effort: Effort) -> list[Region]:
    """Return disjoint regions that together are the given ones without what earlier rules decide.

    Raises:
        TooManyRegionsError: there would be too many.
    """
    left: list[Region] = []
    for region in regions:
        left += _without([region], left, ground, effort)
    for decider in earlier:
        left = _without(left, decider.regions, ground, effort)
    return left


def split(
    regions: Sequence[Region], among: Iterable[Decider], ground: Ground, effort: Effort
) -> Iterator[tuple[Decider, list[Region]]]:
    """Yield the rules that decide parts of disjoint regions, with those parts; the last rule takes what is left.

    Raises:
        TooManyRegionsError: there would be too many.
    """
    left = list(regions)
    for decider in among:
        taken: list[Region] = []
        for own in decider.regions:
            met = [(one, one.both(own, ground)) for one in left]
            effort.spend(len(met) + _CUT * sum(both is not None for _, both in met))
            taken += [both for _, both in met if both is not None]
            left = [piece for one, both in met for piece in ([one] if both is None else one.minus(own, ground))]
            if len(left) + len(taken) > MAX_REGIONS:
                raise TooManyRegionsError
        if taken:
            yield decider, taken
        if not left:
            return


def _without(regions: list[Region], others: Iterable[Region], ground: Ground, effort: Effort) -> list[Region]:
    for other in others:
        cut = [region.minus(other, ground) for region in regions]
        effort.spend(len(cut) + _CUT * sum(pieces != [one] for one, pieces in zip(regions, cut, strict=True)))
        regions = [piece for pieces in cut for piece in pieces]
        if len(regions) > MAX_REGIONS:
            raise TooManyRegionsError
    return regions


def overlaps(rule: Decider, theirs: Sequence[Decider], ground: Ground) -> Iterator[tuple[Decider, list[Region]]]:
    """Yield the rules that a rule meets, or where they are many what they do."""
    if len(theirs) > MAX_NAMED:
        for action in Action:
            if any(other.action is action for other in theirs):
                yield Decider(None, action, rule.regions, b""), list(rule.regions)
        return
    for other in theirs:
        met = [one.both(its, ground) for one in rule.regions for its in other.regions]
        regions = [region for region in met if region is not None]
        if regions:
            yield other, regions
