"""Which documents a cluster needs: from verified metadata alone, the same answer at the hub and at the agent."""

from __future__ import annotations

from edict.ids import ClusterName
from edict.policy.selectors import matches
from edict.trust.custom import ClusterCustom, PolicyCustom
from edict.trust.roles import cluster_path
from edict.trust.state import Target, TrustState


def placed(state: TrustState, cluster: ClusterName) -> tuple[Target, ...]:
    """Return the cluster's own inventory document and every policy that is placed there, by path.

    A policy is placed where its own selector and the limits of its team both select the cluster.

    A cluster that is not in the signed inventory has no labels to be selected by: the answer is empty.
    """
    own = state.documents.get(cluster_path(cluster))
    if own is None or not isinstance(own.custom, ClusterCustom):
        return ()
    labels = own.custom.labels
    policies = (
        target
        for _, target in sorted(state.documents.items())
        if isinstance(target.custom, PolicyCustom)
        and matches(target.custom.cluster_selector, labels)
        and (target.limits.clusters is None or matches(target.limits.clusters, labels))
    )
    return (own, *policies)
