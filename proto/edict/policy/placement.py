"""Is a policy for a cluster: judged from signed data alone, so that a hub cannot relabel a cluster."""

from __future__ import annotations

from collections.abc import Mapping

from edict.policy.documents import Placement
from edict.policy.selectors import matches


def selects(placement: Placement, labels: Mapping[str, str]) -> bool:
    """Tell whether a placement selects a cluster by its labels in the signed inventory."""
    return matches(placement.cluster_selector, labels)
