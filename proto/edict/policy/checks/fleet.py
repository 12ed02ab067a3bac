"""On which clusters a policy is placed: by the signed inventory, or where that is empty by what placements ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edict.policy.checks.index import Dimension, Tokens, traits_of_labels
from edict.policy.documents import ManagedCluster, Placement
from edict.policy.model import LabelSelector, Operator
from edict.policy.space.labels import Labels, nodes_of

_FEW = 16
"""As many clusters of a placement as an index is told one by one."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters of one fleet: of its inventory, a bit for each; or by their labels, where nobody knows the fleet."""

    bits: int = 0
    labels: Labels | None = None

    def __bool__(self) -> bool:
        return bool(self.bits) if self.labels is None else bool(self.labels)

    def __and__(self, other: Clusters) -> Clusters:
        if self.labels is None or other.labels is None:
            return Clusters(self.bits & other.bits)
        return Clusters(labels=self.labels & other.labels)

    def __le__(self, other: Clusters) -> bool:
        if self.labels is None or other.labels is None:
            return not self.bits & ~other.bits
        return self.labels <= other.labels

    def traits(self) -> dict[Dimension, Tokens]:
        """Return what an index may tell them by."""
        if self.labels is not None:
            return dict(traits_of_labels("cluster", self.labels))
        return {("cluster",): frozenset(_ones(self.bits))} if self.bits.bit_count() <= _FEW else {}


class Fleet:
    """The inventory, prepared for one question: which clusters has a placement."""

    def __init__(self, clusters: Sequence[ManagedCluster]) -> None:
        """Take the signed inventory; empty is a fleet that nobody knows."""
        self.inventory = sorted(clusters, key=lambda cluster: cluster.name)
        self._every = (1 << len(self.inventory)) - 1
        self._with: dict[tuple[str, str], int] = defaultdict(int)
        self._having: dict[str, int] = defaultdict(int)
        self._cilium = 0
        for index, cluster in enumerate(self.inventory):
            for key, value in cluster.metadata.labels.items():
                self._with[key, value] |= 1 << index
                self._having[key] |= 1 << index
            if cluster.spec.plugin == "cilium":
                self._cilium |= 1 << index

    def clusters(self, placement: Placement) -> Clusters:
        """Return the clusters of a placement."""
        if not self.inventory:
            return Clusters(labels=nodes_of(placement.cluster_selector))
        return Clusters(self._bits(placement.cluster_selector))

    def names(self, clusters: Clusters) -> list[str]:
        """Return the names of clusters, sorted; where nobody knows them, one by what it must have."""
        if clusters.labels is not None:
            return [_described(clusters.labels)]
        return [str(self.inventory[index].name) for index in _ones(clusters.bits)]

    def may_run_cilium(self, clusters: Clusters) -> bool:
        """Tell whether one of the clusters is to run Cilium, or nobody knows."""
        return clusters.labels is not None or bool(clusters.bits & self._cilium)

    def _bits(self, selector: LabelSelector) -> int:
        found = self._every
        for pair in selector.match_labels.items():
            found &= self._with.get(pair, 0)
        for requirement in selector.match_expressions:
            having = self._having.get(requirement.key, 0)
            listed = 0
            for value in requirement.values:
                listed |= self._with.get((requirement.key, value), 0)
            match requirement.operator:
                case Operator.IN:
                    found &= listed
                case Operator.NOT_IN:
                    found &= ~listed
                case Operator.EXISTS:
                    found &= having
                case Operator.DOES_NOT_EXIST:
                    found &= ~having
        return found


def _ones(bits: int) -> Iterator[int]:
    return (index for index in range(bits.bit_length()) if bits >> index & 1)


def _described(labels: Labels) -> str:
    """Return the fewest labels that a cluster must have to be one of these."""
    must = [
        f"{key.name}={min(values.listed)}" if not values.others else f"a label {key.name}"
        for key, values in sorted(labels.terms.items())
        if not values.absent
    ]
    return f"a cluster with {', '.join(must)}" if must else "every cluster"
