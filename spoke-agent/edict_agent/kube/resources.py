"""The kinds that the agent touches, by API group, version and plural."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind as the API server serves it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        """Return ``group/version``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the URL path of the collection, or of one object."""
        parts = ["", "apis" if self.group else "api", *([self.group] if self.group else []), self.version]
        if namespace:
            parts += ["namespaces", namespace]
        return "/".join([*parts, self.plural, *([name] if name else [])])


SECRET = Resource("", "v1", "Secret", "secrets", namespaced=True)
CONFIG_MAP = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)
NAMESPACE = Resource("", "v1", "Namespace", "namespaces")
NODE = Resource("", "v1", "Node", "nodes")
DAEMON_SET = Resource("apps", "v1", "DaemonSet", "daemonsets", namespaced=True)
LEASE = Resource("coordination.k8s.io", "v1", "Lease", "leases", namespaced=True)

CILIUM_POLICY = Resource("cilium.io", "v2", "CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies")
TIER = Resource("projectcalico.org", "v3", "Tier", "tiers")
GLOBAL_NETWORK_POLICY = Resource("projectcalico.org", "v3", "GlobalNetworkPolicy", "globalnetworkpolicies")
GLOBAL_NETWORK_SET = Resource("projectcalico.org", "v3", "GlobalNetworkSet", "globalnetworksets")
IP_POOL = Resource("projectcalico.org", "v3", "IPPool", "ippools")
CLUSTER_NETWORK_POLICY = Resource(
    "policy.networking.k8s.io", "v1alpha2", "ClusterNetworkPolicy", "clusternetworkpolicies"
)
NETWORK_POLICY = Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", namespaced=True)
CLUSTER_INFORMATION = Resource("projectcalico.org", "v3", "ClusterInformation", "clusterinformations")
