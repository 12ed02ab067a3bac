"""Calico's facts: IPPools say where pods are, ClusterInformation the version."""

from __future__ import annotations

import httpx2

from edict_agent.detect.nodes import Nodes
from edict_agent.kube import Kube, is_transient
from edict_agent.kube.resources import CLUSTER_INFORMATION, IP_POOL
from edict_agent.translate.facts import Facts


async def read_facts(kube: Kube, nodes: Nodes) -> Facts:
    """Return the facts of a Calico cluster."""
    pools = await _pools(kube)
    masquerades = pools is None or any(pool.get("natOutgoing") for pool in pools)
    return Facts(
        plugin="calico",
        plugin_version=await _version(kube),
        pod_cidrs=None if pools is None else tuple(sorted(str(pool["cidr"]) for pool in pools)),
        node_cidrs=nodes.addresses,
        options={"natOutgoing": "true" if masquerades else "false"},
    )


async def _pools(kube: Kube) -> list[dict[str, object]] | None:
    try:
        pools, _ = await kube.list(IP_POOL)
    except httpx2.HTTPStatusError as error:
        if is_transient(error):
            raise
        return None
    return [dict(pool.get("spec") or {}) for pool in pools]


async def _version(kube: Kube) -> str:
    try:
        information = await kube.get(CLUSTER_INFORMATION, "default")
    except httpx2.HTTPStatusError as error:
        if is_transient(error):
            raise
        return ""
    return str(((information or {}).get("spec") or {}).get("calicoVersion", "")).removeprefix("v")
