"""The ``cilium`` dialect: CiliumClusterwideNetworkPolicies, where any Deny beats every Accept.

Read against Cilium 1.20.2 (``pkg/policy``, ``pkg/k8s/apis/cilium.io/utils``, ``pkg/labelsfilter``,
``pkg/fqdn/matchpattern``). Without subtraction a policy is exact when its order does not matter; the rest is
refused.
"""

from edict_agent.translate.cilium._target import Cilium

__all__ = ["Cilium"]
