"""Reads the cluster: which dialect it speaks, and the facts that translation needs.

Imports kube, translate and the reflector.
"""

from edict_agent.detect.cluster import Detected, detect
from edict_agent.detect.namespaces import NamespaceWatch

__all__ = ["Detected", "NamespaceWatch", "detect"]
