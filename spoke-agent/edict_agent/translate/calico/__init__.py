"""The ``calico`` dialect: ordered tiers and GlobalNetworkPolicies of ``projectcalico.org/v3``.

Read against Calico 3.31.0 (``libcalico-go/lib/validator/v3``, ``syncersv1/updateprocessors``, ``selector``).
"""

from edict_agent.translate.calico._target import Calico

__all__ = ["Calico"]
