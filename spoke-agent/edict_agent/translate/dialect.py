"""The targets of translation."""

from __future__ import annotations

import enum

from edict.policy.model import Tier


class Dialect(enum.StrEnum):
    """A kind of objects that a network plugin understands."""

    CILIUM_TIERS = "cilium-tiers"
    CILIUM = "cilium"
    CALICO = "calico"
    CLUSTER_NETWORK_POLICY = "cluster-network-policy"
    NETWORK_POLICY = "network-policy"

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers in the order in which they are judged.

        A NetworkPolicy that allows also isolates, so what an Admin Accept becomes hangs on the Baseline that stands.
        """
        if self is Dialect.NETWORK_POLICY:
            return (Tier.BASELINE, Tier.ADMIN)
        return (Tier.ADMIN, Tier.BASELINE)
