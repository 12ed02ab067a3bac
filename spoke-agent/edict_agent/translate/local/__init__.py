"""The ``network-policy`` dialect: NetworkPolicies in each namespace, where the cluster has nothing better.

They only allow, have no order, and are the application tier itself: all that select a pod are added up, and what none
of them allows is denied. What can be said exactly is little: in Baseline, to deny a whole direction (isolation without
allows; others may allow more, as they may above a Baseline); in Admin, to accept a whole direction, or to accept a part
of it for pods that a Baseline denies it anyway, for an allow isolates the pods that it selects.
"""

from edict_agent.translate.local._target import LocalPolicies

__all__ = ["LocalPolicies"]
