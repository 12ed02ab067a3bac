"""Which dialect a cluster speaks: the pure part, from what discovery and the plugin's configuration say."""

from __future__ import annotations

from collections.abc import Mapping

from edict.errors import AgentError
from edict_agent.translate.codes import Reason
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts
from edict_agent.translate.tiers import why_not

CILIUM_GROUP = "cilium.io"
CALICO_GROUP = "projectcalico.org"
CALICO_STORAGE_GROUP = "crd.projectcalico.org"
NETWORKING_GROUP = "networking.k8s.io"


def choose_dialect(
    api_groups: frozenset[str],
    cilium_config: Mapping[str, str] | None,
    *,
    cilium_version: str = "",
    cluster_network_policy: bool = False,
) -> Dialect:
    """Return the dialect: that of the plugin, else the most expressive upstream one that is served.

    Args:
        api_groups: names of the API groups that the cluster serves.
        cilium_config: the data of Cilium's ConfigMap; None when there is none. It tells a running Cilium from
            definitions that an uninstalled one left behind.
        cilium_version: the version of the running Cilium; empty when unknown.
        cluster_network_policy: whether ClusterNetworkPolicies of ``policy.networking.k8s.io/v1alpha2`` are served.

    Raises:
        AgentError: EDICT0501; the cluster does not even serve NetworkPolicies.
    """
    if CILIUM_GROUP in api_groups and cilium_config is not None:
        known = Facts(plugin_version=cilium_version, options=cilium_config)
        return Dialect.CILIUM_TIERS if cluster_network_policy and why_not(known) is None else Dialect.CILIUM
    if CALICO_GROUP in api_groups:
        return Dialect.CALICO
    if cluster_network_policy:
        return Dialect.CLUSTER_NETWORK_POLICY
    if NETWORKING_GROUP in api_groups:
        return Dialect.NETWORK_POLICY
    raise AgentError(
        Reason.NO_PLUGIN,
        "the cluster serves no kind of network policy that Edict can translate to",
        remedy=advice(api_groups, Dialect.NETWORK_POLICY) or f"serve {NETWORKING_GROUP}/v1",
    )


def advice(api_groups: frozenset[str], dialect: Dialect) -> str:
    """Return what would let the cluster say more than it does with an upstream dialect; empty when nothing is known."""
    if dialect not in {Dialect.CLUSTER_NETWORK_POLICY, Dialect.NETWORK_POLICY}:
        return ""
    if CILIUM_GROUP in api_groups:
        return "let the agent read the ConfigMap cilium-config, or finish installing Cilium"
    if CALICO_STORAGE_GROUP in api_groups:
        return "install Calico's API server, so that projectcalico.org/v3 is served"
    if dialect is Dialect.NETWORK_POLICY:
        return "install Cilium, Calico with its API server, or a plugin that serves ClusterNetworkPolicies"
    return ""
