"""The dialects as the engine tests see them: which engine answers for one, what is known of its cluster, its shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.world import World
from edict_agent.translate import Dialect, Facts
from tests.env._kinds import Channel, Kind

EGRESS_PEERS = ("namespaces", "pods", "nodes", "networks", "domainNames")
"""Those of ClusterNetworkPolicy's experimental channel."""

CILIUM = {"enable-sctp": "true", "cluster-id": "1"}
"""A cluster of a mesh that carries SCTP."""


@dataclass(frozen=True)
class Row:
    """One dialect.

    Attributes:
        dialect: what is translated to.
        part: the engine that judges its objects.
        kind: the cluster whose API server takes its objects.
        channel: of ClusterNetworkPolicy's definition, where it is served there.
        plugin: the plugin's name and version.
        options: the plugin's own configuration, for the translation and for the engine.
        exact: the least share of common Admin policies that must be exact.
        stricter: whether it says some rules stricter than they are, where it may.
        dropped: protocols that the plugin's data path drops before any policy, so that no verdict is asked about them.
    """

    dialect: Dialect
    part: str
    kind: Kind
    plugin: tuple[str, str]
    exact: float
    stricter: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    channel: Channel | None = None

    def facts(self, world: World, pods: tuple[str, ...] | None, nodes: tuple[str, ...] | None) -> Facts:
        """Return what is known of a cluster of this kind: all there is, but for the networks that are None."""
        return Facts(
            plugin=self.plugin[0],
            plugin_version=self.plugin[1],
            pod_cidrs=pods,
            node_cidrs=nodes,
            options=self.options,
            cluster_name="default",
            egress_peers=EGRESS_PEERS,
            namespaces={
                name: {**labels, NAMESPACE_NAME: name} for name, labels in world.namespaces.items() if "/" not in name
            },
        )


ROWS = (
    Row(
        Dialect.CILIUM_TIERS,
        part="cilium-engine",
        kind="cilium",
        channel="experimental",
        plugin=("cilium", "1.20.2"),
        exact=0.95,
        stricter=True,
        options={**CILIUM, "enable-k8s-cluster-network-policy": "true"},
        dropped=frozenset({"gre"}),
    ),
    Row(
        Dialect.CILIUM,
        part="cilium-engine",
        kind="cilium",
        plugin=("cilium", "1.20.2"),
        exact=0.80,
        stricter=True,
        options=CILIUM,
        dropped=frozenset({"gre"}),
    ),
    Row(
        Dialect.CALICO,
        part="calico-engine",
        kind="calico",
        plugin=("calico", "3.31.0"),
        exact=0.99,
        stricter=True,
    ),
    Row(
        Dialect.CLUSTER_NETWORK_POLICY,
        part="network-policies-engine",
        kind="upstream",
        channel="experimental",
        plugin=("kube-network-policies", "1.1.1"),
        exact=0.4,
        stricter=True,
    ),
    Row(
        Dialect.NETWORK_POLICY,
        part="network-policies-engine",
        kind="plain",
        plugin=("kube-network-policies", "1.1.1"),
        exact=0.0,
        stricter=True,
    ),
)
