"""What a cluster without a plugin that we know serves: ClusterNetworkPolicies, of which channel, and its namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2

from edict.errors import AgentError
from edict_agent.codes import Code
from edict_agent.detect.namespaces import read_namespaces
from edict_agent.detect.nodes import Nodes
from edict_agent.kube import Kube, is_transient
from edict_agent.kube.resources import CLUSTER_NETWORK_POLICY, NETWORK_POLICY
from edict_agent.reconcile.compare import SELECTOR
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts

_KINDS = {
    Dialect.CILIUM_TIERS: CLUSTER_NETWORK_POLICY,
    Dialect.CLUSTER_NETWORK_POLICY: CLUSTER_NETWORK_POLICY,
    Dialect.NETWORK_POLICY: NETWORK_POLICY,
}
GROUP = CLUSTER_NETWORK_POLICY.group
_PATH = f"/apis/{CLUSTER_NETWORK_POLICY.api_version}"
_SCHEMAS = f"/openapi/v3{_PATH}"
_EGRESS_PEER = ("properties", "spec", "properties", "egress", "items", "properties", "to", "items", "properties")


async def serves_cluster_network_policies(kube: Kube, groups: frozenset[str]) -> bool:
    """Tell whether the version that we render is served; the group alone may be that of older kinds."""
    if GROUP not in groups:
        return False
    found = await kube.raw(_PATH) or {}
    return any(each.get("name") == CLUSTER_NETWORK_POLICY.plural for each in found.get("resources") or ())


async def not_permitted(kube: Kube, dialect: Dialect, advised: str) -> AgentError | None:
    """Return why a dialect that nobody chose cannot be used: the agent was installed for another one."""
    kind = _KINDS.get(dialect)
    if kind is None:
        return None
    try:
        await kube.list(kind, labels=SELECTOR)
    except httpx2.HTTPStatusError as error:
        if is_transient(error):
            raise
        return AgentError(
            Code.FORBIDDEN,
            f"nothing better than {dialect} was found, and the agent may not use it",
            where=kind.plural,
            remedy=", or ".join(filter(None, (advised, f"install the agent with dialect={dialect}"))),
        )
    return None


async def read_facts(kube: Kube, dialect: Dialect, nodes: Nodes) -> Facts:
    """Return what is known without a plugin: where pods are is not, whatever the nodes say of it."""
    if dialect is Dialect.CLUSTER_NETWORK_POLICY:
        return Facts(node_cidrs=nodes.addresses, egress_peers=await _egress_peers(kube))
    return Facts(node_cidrs=nodes.addresses, namespaces=await read_namespaces(kube))


async def _egress_peers(kube: Kube) -> tuple[str, ...] | None:
    """Return the fields of an egress peer from the published schema, which anybody may read; None when not there."""
    found = await kube.raw(_SCHEMAS) or {}
    for schema in ((found.get("components") or {}).get("schemas") or {}).values():
        kinds = schema.get("x-kubernetes-group-version-kind") or ()
        if any(kind.get("kind") == CLUSTER_NETWORK_POLICY.kind for kind in kinds):
            return _fields(schema)
    return None


def _fields(schema: Mapping[str, Any]) -> tuple[str, ...] | None:
    here: Any = schema
    for step in _EGRESS_PEER:
        here = here.get(step) if isinstance(here, Mapping) else None
    return tuple(sorted(here)) if here else None
