"""Detection as a whole: discovery, then the plugin's own configuration, then the nodes."""

from __future__ import annotations

from dataclasses import dataclass

import httpx2

from edict.errors import AgentError
from edict_agent.detect import calico, cilium
from edict_agent.detect.nodes import read_nodes
from edict_agent.kube import Kube, as_agent_error
from edict_agent.translate.detect import choose_dialect
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts


@dataclass(frozen=True, slots=True)
class Detected:
    """What the cluster is. ``dialect`` is None, with the reason, when Edict cannot drive its plugin."""

    dialect: Dialect | None
    facts: Facts
    problem: AgentError | None = None


async def detect(kube: Kube) -> Detected:
    """Read dialect and facts.

    Raises:
        AgentError: EDICT0550 or EDICT0551 when the cluster cannot be read.
    """
    try:
        groups = await _api_groups(kube)
        config = await cilium.read_config(kube) if "cilium.io" in groups else None
        try:
            dialect = choose_dialect(groups, config)
        except AgentError as problem:
            return Detected(None, Facts(), problem)
        nodes = await read_nodes(kube)
        if dialect is Dialect.CILIUM:
            return Detected(dialect, await cilium.read_facts(kube, config or {}, nodes))
        return Detected(dialect, await calico.read_facts(kube, nodes))
    except httpx2.HTTPError as error:
        raise as_agent_error(error, "detection") from None


async def _api_groups(kube: Kube) -> frozenset[str]:
    found = await kube.raw("/apis") or {}
    return frozenset(str(group["name"]) for group in found.get("groups") or [])
