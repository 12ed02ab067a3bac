"""The ``cluster-network-policy`` dialect: our policies are upstream's, so that most of them stand as they are written.

Read against network-policy-api v0.2.0 (``apis/v1alpha2``, ``config/crd``). What the definition says, and what every
dialect of ClusterNetworkPolicies shares, are the other names.
"""

from edict_agent.translate.upstream._objects import API_VERSION, HIGHEST, KIND
from edict_agent.translate.upstream._peers import MAX_ITEMS, in_batches
from edict_agent.translate.upstream._rules import fitting
from edict_agent.translate.upstream._target import Upstream

__all__ = ["API_VERSION", "HIGHEST", "KIND", "MAX_ITEMS", "Upstream", "fitting", "in_batches"]
