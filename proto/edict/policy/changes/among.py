"""Finds the rules that may meet a region without asking each, by the labels of both ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from edict.policy.changes.deciders import Decider
from edict.policy.changes.regions import Kind, Region
from edict.policy.space.labels import Key

_Asked = tuple[str, Key]
"""A label of the subject or of the other end."""


class Among:
    """Rules of a tier in their order. A set of their regions is a number with a bit for each."""

    def __init__(self, deciders: Sequence[Decider]) -> None:
        self.deciders = deciders
        placed = [(index, region) for index, decider in enumerate(deciders) for region in decider.regions]
        self._owners = [index for index, _ in placed]
        self._every = (1 << len(placed)) - 1
        self._of_kind = dict.fromkeys(Kind, 0)
        self._asking: dict[_Asked, int] = defaultdict(int)
        self._with: dict[tuple[_Asked, str], int] = defaultdict(int)
        for number, (_, region) in enumerate(placed):
            bit = 1 << number
            for kind in region.kinds:
                self._of_kind[kind] |= bit
            for asked, values in _listed(region):
                self._asking[asked] |= bit
                for value in values:
                    self._with[asked, value] |= bit

    def near(self, regions: Iterable[Region]) -> list[int]:
        """Return the places of all rules that may meet a region, in their order, and of some that do not."""
        bits = 0
        for region in regions:
            bits |= self._meeting(region)
        return sorted({self._owners[number] for number, bit in enumerate(f"{bits:b}"[::-1]) if bit == "1"})

    def near_rules(self, regions: Iterable[Region]) -> list[Decider]:
        """Return the rules that may meet a region."""
        return [self.deciders[index] for index in self.near(regions)]

    def _meeting(self, region: Region) -> int:
        bits = 0
        for kind in region.kinds:
            bits |= self._of_kind[kind]
        for asked, values in _listed(region):
            asking = self._asking.get(asked, 0)
            if not asking:
                continue
            same = self._every ^ asking
            for value in values:
                same |= self._with.get((asked, value), 0)
            bits &= same
        return bits


def _listed(region: Region) -> Iterator[tuple[_Asked, frozenset[str]]]:
    """Yield the labels of which the values are listed: two regions that list no value in common do not meet."""
    for end, labels in (("subject", region.subject), ("other", region.labels)):
        for key, values in labels.terms.items():
            if not values.others and not values.absent:
                yield (end, key), values.listed
