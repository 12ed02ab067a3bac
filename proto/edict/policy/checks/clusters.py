"""Peers in other clusters that name none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import UNSET

from edict.errors import DocumentError
from edict.policy._shape import nearest
from edict.policy.checks.fleet import Fleet
from edict.policy.checks.found import Finding, PolicySource
from edict.policy.codes import Code
from edict.policy.documents import ManagedCluster
from edict.policy.model import ClusterPeer, PolicySpec
from edict.policy.rules import Direction, rules_of


def cluster_peers(
    policies: Sequence[PolicySource], clusters: Iterable[ManagedCluster]
) -> Iterator[Finding | DocumentError]:
    """Yield what is wrong with the names of ``clusters`` peers; nothing while the inventory is empty.

    A name that is not in the inventory is an error, EDICT0144: the peer would match nothing, or whatever cluster of
    the mesh took the name. A peer that names only the one cluster that its policy is for is a warning, EDICT0145:
    it means pods of other clusters.

    Args:
        policies: every policy of the release.
        clusters: the signed inventory.
    """
    fleet = Fleet(list(clusters))
    known = {str(cluster.name) for cluster in fleet.inventory}
    if not known:
        return
    for source in policies:
        for path, peer in _peers(source.document.spec.policy):
            for index, name in enumerate(peer.names):
                if name not in known:
                    yield _unknown(source.where(f"spec.policy.{path}.names[{index}]"), name, known)
            own = fleet.names(fleet.clusters(source.document.spec.placement))
            if [*peer.names] == own:
                yield Finding(
                    f"EDICT{Code.OWN_CLUSTER:04d}",
                    source.where(f"spec.policy.{path}.names"),
                    f"the policy is for {own[0]} alone, and the peer means pods of other clusters: it matches nothing",
                    "use a pods peer for pods of the cluster itself",
                )


def _peers(spec: PolicySpec) -> Iterator[tuple[str, ClusterPeer]]:
    for rule in rules_of(spec):
        word = "to" if rule.direction is Direction.EGRESS else "from"
        for index, peer in enumerate(rule.peers):
            if peer.clusters is not UNSET:
                yield f"{rule.place}.{word}[{index}].clusters", peer.clusters


def _unknown(where: str, name: str, known: set[str]) -> DocumentError:
    close = nearest(name, sorted(known))
    remedy = f"write {close}" if close else "compare it with `edict get clusters`, or add the cluster first"
    return DocumentError(
        Code.NO_SUCH_CLUSTER, f"no cluster of the inventory is named {name}", where=where, remedy=remedy
    )
