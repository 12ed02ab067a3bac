"""The ``cilium-tiers`` dialect: ClusterNetworkPolicies as Cilium reads them, and what they cannot say beside them.

Read against Cilium 1.20.2 (``pkg/k8s/cluster_network_policy.go``, ``pkg/policy``). A ClusterNetworkPolicy keeps order
there, and knows pods and, at egress, networks outside the cluster. What else an Admin rule matches (nodes, ICMP, the
outside as a source, domain names) is *late*: it goes to a CiliumClusterwideNetworkPolicy, which stands behind every
ClusterNetworkPolicy and where a Deny wins. So a later rule that says something else to what a late one matches must be
late, too, and less of what earlier late ones decide. What is *front* needs none of this.

A Baseline Accept would reopen what a NetworkPolicy isolated, for default deny stands behind Baseline. There only Denies
become objects, less what earlier Accepts and Passes match: who is isolated stays so, and all others are open anyway.
"""

from edict_agent.translate.tiers._cluster import why_not
from edict_agent.translate.tiers._target import CiliumTiers

__all__ = ["CiliumTiers", "why_not"]
