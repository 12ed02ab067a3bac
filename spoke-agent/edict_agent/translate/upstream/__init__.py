"""The ``cluster-network-policy`` dialect: our policies are upstream's, so that most of them stand as they are written.

Read against network-policy-api v0.2.0 (``apis/v1alpha2``, ``config/crd``). What is rendered here is also what other
dialects hand to a plugin that reads ClusterNetworkPolicies: :func:`upstream_subject`, :func:`upstream_rule` and
:func:`upstream_objects` take a :class:`Style` that says what the reader is like.
"""

from edict_agent.translate.upstream._objects import upstream_objects, way_out_object
from edict_agent.translate.upstream._rules import upstream_rule
from edict_agent.translate.upstream._selectors import Style, upstream_subject
from edict_agent.translate.upstream._target import Upstream

__all__ = ["Style", "Upstream", "upstream_objects", "upstream_rule", "upstream_subject", "way_out_object"]
