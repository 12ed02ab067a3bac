"""Checks across policies, made before a release is published. They find what an author most likely did not mean.

An agent has no need of them: it orders by precedence, and the built-in Accept stands above every document. Each takes
every policy of a release with the signed inventory, and costs about as much for each policy as the fleet grows.
"""

from edict.policy.checks.cilium import unseen_labels
from edict.policy.checks.clusters import cluster_peers
from edict.policy.checks.found import Finding, PolicySource
from edict.policy.checks.shadows import shadowed_rules
from edict.policy.checks.ties import priority_ties
from edict.policy.checks.way_out import denies_way_out

__all__ = [
    "Finding",
    "PolicySource",
    "cluster_peers",
    "denies_way_out",
    "priority_ties",
    "shadowed_rules",
    "unseen_labels",
]
