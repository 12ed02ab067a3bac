"""Every rule of a release with its boxes, its clusters and its rank, as checks compare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from edict.policy.checks.fleet import Clusters, Fleet
from edict.policy.checks.found import PolicySource
from edict.policy.checks.index import Dimension, Tokens, traits_of
from edict.policy.model import Action, Mode, Tier
from edict.policy.rules import PlacedRule, rules_of
from edict.policy.space import Box, Ground, boxes_of

UNKNOWN = Ground()
"""Nobody at publish knows which addresses pods and nodes have, on any cluster."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """One rule of one policy on its clusters; ``number`` is that of the policy among all that are looked at."""

    source: PolicySource
    number: int
    clusters: Clusters
    rule: PlacedRule

    @property
    def id(self) -> str:
        """``team/name ingress[i]``."""
        return f"{self.source.id} {self.rule.place}"

    @property
    def priority(self) -> int:
        """The priority of its policy."""
        return self.source.document.spec.policy.priority

    @property
    def tier(self) -> Tier:
        """The tier of its policy."""
        return self.source.document.spec.policy.tier

    @property
    def is_enforced(self) -> bool:
        """Whether it has any effect."""
        return self.source.document.spec.mode is Mode.ENFORCE

    @property
    def action(self) -> Action:
        """What it does."""
        return self.rule.action

    @cached_property
    def boxes(self) -> list[Box]:
        """What it matches; http narrows it further."""
        return boxes_of(self.rule.subject, self.rule.peers, self.rule.protocols, UNKNOWN)

    def is_before(self, other: Ranked) -> bool:
        """Tell whether it is certainly asked before a rule of its own tier and direction."""
        if self.number == other.number:
            return self.rule.index < other.rule.index
        return self.priority < other.priority


def ranked(policies: Iterable[PolicySource], fleet: Fleet) -> Iterator[Ranked]:
    """Yield the rules of the policies that some cluster has."""
    for number, source in enumerate(policies):
        clusters = fleet.clusters(source.document.spec.placement)
        if clusters:
            for rule in rules_of(source.document.spec.policy):
                yield Ranked(source, number, clusters, rule)


def traits(box: Box, of: Ranked) -> dict[Dimension, Tokens]:
    """Return what a box of a rule is indexed by."""
    return traits_of(box) | of.clusters.traits()
