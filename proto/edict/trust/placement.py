"""Which documents a cluster needs: from verified metadata alone, the same answer at the hub and at the agent."""

from __future__ import annotations

from edict.ids import ClusterName
from edict.policy.selectors import matches
from edict.trust.custom import ClusterCustom, PolicyCustom, WaiverCustom
from edict.trust.roles import cluster_path, policy_path_of
from edict.trust.state import Target, TrustState


def placed(state: TrustState, cluster: ClusterName) -> tuple[Target, ...]:
    """Return the cluster's own inventory document, every policy that is placed there, and their waivers, by path.

    A policy is placed where its own selector and the limits of its team both select the cluster; a waiver where its
    policy is and its own selector selects the cluster. Whether a waiver counts is a matter of time, and not asked here.

    A cluster that is not in the signed inventory has no labels to be selected by: the answer is empty.
    """
    own = state.documents.get(cluster_path(cluster))
    if own is None or not isinstance(own.custom, ClusterCustom):
        return ()
    labels = own.custom.labels
    policies: list[Target] = []
    waivers: list[tuple[str, Target]] = []
    for _, target in sorted(state.documents.items()):
        match target.custom:
            case PolicyCustom(selector):
                within = target.limits.clusters
                if matches(selector, labels) and (within is None or matches(within, labels)):
                    policies.append(target)
            case WaiverCustom(policy, selector):
                if matches(selector, labels):
                    waivers.append((policy_path_of(policy), target))
    here = {target.path for target in policies}
    return (own, *policies, *(target for path, target in waivers if path in here))
