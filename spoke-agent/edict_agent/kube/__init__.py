"""The way to the cluster's API server: one client, the resources we use, and its errors as ours.

Imported by detect, store, reconcile and the lease. Everything is a plain object as JSON has it: the agent handles
kinds that no library has types for, and a type that a library has would drop the fields it does not know.
"""

from edict_agent.kube.client import Kube, KubeClient, Live, connect
from edict_agent.kube.errors import Gone, as_agent_error, is_conflict, is_not_found, is_transient
from edict_agent.kube.resources import Resource

__all__ = [
    "Gone",
    "Kube",
    "KubeClient",
    "Live",
    "Resource",
    "as_agent_error",
    "connect",
    "is_conflict",
    "is_not_found",
    "is_transient",
]
