"""Detection as a whole: discovery, then the plugin's own configuration, then the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import httpx2

from edict.errors import AgentError
from edict_agent.detect import calico, cilium, upstream
from edict_agent.detect.nodes import Nodes, read_nodes
from edict_agent.kube import Kube, as_agent_error
from edict_agent.translate.detect import advice, choose_dialect
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts


@dataclass(frozen=True, slots=True)
class Detected:
    """What the cluster is.

    ``dialect`` is None, with the reason, when there is none that Edict can translate to; ``advice`` says what would
    let the cluster say more.
    """

    dialect: Dialect | None
    facts: Facts
    problem: AgentError | None = None
    advice: str = ""


async def detect(kube: Kube) -> Detected:
    """Read dialect and facts.

    Raises:
        AgentError: EDICT0550 or EDICT0551 when the cluster cannot be read.
    """
    try:
        groups = await _api_groups(kube)
        config = await cilium.read_config(kube) if "cilium.io" in groups else None
        version = "" if config is None else await cilium.read_version(kube)
        try:
            served = await upstream.serves_cluster_network_policies(kube, groups)
            dialect = choose_dialect(groups, config, cilium_version=version, cluster_network_policy=served)
        except AgentError as problem:
            return Detected(None, Facts(), problem)
        advised = advice(groups, dialect)
        if refusal := await upstream.not_permitted(kube, dialect, advised):
            if dialect is not Dialect.CILIUM_TIERS:
                return Detected(None, Facts(), refusal)
            dialect, advised = Dialect.CILIUM, refusal.remedy
        nodes = await read_nodes(kube)
        return Detected(dialect, await _facts(kube, dialect, config, version, nodes), advice=advised)
    except httpx2.HTTPError as error:
        raise as_agent_error(error, "detection") from None


async def _facts(kube: Kube, dialect: Dialect, config: Mapping[str, str] | None, version: str, nodes: Nodes) -> Facts:
    match dialect:
        case Dialect.CILIUM | Dialect.CILIUM_TIERS:
            return cilium.facts_of(config or {}, version, nodes)
        case Dialect.CALICO:
            return await calico.read_facts(kube, nodes)
        case Dialect.CLUSTER_NETWORK_POLICY | Dialect.NETWORK_POLICY:
            return await upstream.read_facts(kube, dialect, nodes)
        case _:
            assert_never(dialect)


async def _api_groups(kube: Kube) -> frozenset[str]:
    found = await kube.raw("/apis") or {}
    return frozenset(str(group["name"]) for group in found.get("groups") or [])
