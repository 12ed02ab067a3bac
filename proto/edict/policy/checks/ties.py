"""Policies of one tier and one priority of which a plugin may take either first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from edict.errors import DocumentError
from edict.policy.checks.fleet import Fleet
from edict.policy.checks.found import PolicySource, some
from edict.policy.checks.index import Index
from edict.policy.checks.placed import UNKNOWN, Ranked, ranked, traits
from edict.policy.codes import Code
from edict.policy.documents import ManagedCluster
from edict.policy.model import Action
from edict.policy.space import Box, Ground, boxes_of
from edict.policy.space.addresses import Addresses

_APART = Ground(pods=Addresses(), nodes=Addresses())
"""No pod and no node has an address that a network could hold."""


def priority_ties(policies: Sequence[PolicySource], clusters: Iterable[ManagedCluster]) -> list[DocumentError]:
    """Return an error for each policy that ties with another: their verdict would depend on the plugin.

    Two policies tie when they have one tier and one priority, some cluster has both, and rules of one direction with
    different actions may match one connection. Which addresses pods have is not known; where a network meets pods or
    nodes, they may.

    Args:
        policies: every policy of the release; of those of one id the first is looked at.
        clusters: the signed inventory; while it is empty, policies meet that a cluster could have both of.

    Returns:
        EDICT0140 at the priority of the later policy by id, naming one with which it ties.
    """
    fleet = Fleet(list(clusters))
    first: dict[str, PolicySource] = {}
    for source in policies:
        first.setdefault(source.id, source)
    groups: dict[tuple[object, ...], list[Ranked]] = defaultdict(list)
    for one in ranked((first[key] for key in sorted(first)), fleet):
        groups[one.source.document.spec.policy.tier, one.priority, one.rule.direction].append(one)
    found: dict[int, tuple[Ranked, Ranked]] = {}
    for group in groups.values():
        for mine, its in _pairs(group, found):
            found[mine.number] = (mine, its)
    return [_error(*found[number], fleet) for number in sorted(found)]


def _pairs(group: Sequence[Ranked], found: dict[int, tuple[Ranked, Ranked]]) -> Iterator[tuple[Ranked, Ranked]]:
    """Yield for each policy of one tier, priority and direction a rule with an earlier policy's that it ties with."""
    if len({one.number for one in group}) == 1 or len({one.action for one in group}) == 1:
        return
    indexes = {
        action: Index([(traits(box, one), (one, box)) for one in group if one.action is action for box in one.boxes])
        for action in Action
    }
    for mine in group:
        if mine.number not in found:
            its = _tied(mine, [index for action, index in indexes.items() if action is not mine.action])
            if its is not None:
                yield mine, its


def _tied(mine: Ranked, indexes: Iterable[Index[tuple[Ranked, Box]]]) -> Ranked | None:
    for index in indexes:
        for box in mine.boxes:
            for its, other in index.meeting(traits(box, mine)):
                if its.number < mine.number and its.clusters & mine.clusters and box.meets(other, UNKNOWN):
                    return its
    return None


def _error(mine: Ranked, its: Ranked, fleet: Fleet) -> DocumentError:
    shared = some(fleet.names(its.clusters & mine.clusters), "clusters")
    spec = mine.source.document.spec.policy
    unknown = "" if _meet(mine, its, _APART) else ", since nobody knows here which addresses pods and nodes have"
    rules = f"{its.rule.place} ({its.action}) and {mine.rule.place} ({mine.action})"
    return DocumentError(
        Code.PRIORITY_TIE,
        f"{its.source.id} and {mine.source.id} are both {spec.tier} with priority {spec.priority} on {shared}: "
        f"their {rules} may match one connection{unknown}",
        where=mine.source.where("spec.policy.priority"),
        remedy="give one of them another priority, or place them on different clusters",
    )


def _meet(one: Ranked, other: Ranked, ground: Ground) -> bool:
    mine, its = (boxes_of(each.rule.subject, each.rule.peers, each.rule.protocols, ground) for each in (one, other))
    return any(box.meets(against, ground) for box in mine for against in its)
