"""The nodes' addresses and pod networks."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

import httpx2

from edict_agent.kube import Kube, is_transient
from edict_agent.kube.resources import NODE

_ADDRESSES = frozenset({"InternalIP", "ExternalIP"})


@dataclass(frozen=True, slots=True)
class Nodes:
    """What the nodes say; None is unknown (the list could not be read), empty is known to be none."""

    addresses: tuple[str, ...] | None
    pod_cidrs: tuple[str, ...] | None


async def read_nodes(kube: Kube) -> Nodes:
    """Read every node; unknown when the agent may not."""
    try:
        nodes, _ = await kube.list(NODE)
    except httpx2.HTTPStatusError as error:
        if is_transient(error):
            raise
        return Nodes(None, None)
    hosts = {host for node in nodes for host in _hosts(node)}
    cidrs = {str(cidr) for node in nodes for cidr in (node.get("spec") or {}).get("podCIDRs") or ()}
    return Nodes(tuple(sorted(hosts)), tuple(sorted(cidrs)))


def _hosts(node: dict[str, Any]) -> list[str]:
    found = []
    for each in (node.get("status") or {}).get("addresses") or ():
        if each.get("type") in _ADDRESSES:
            address = ipaddress.ip_address(each["address"])
            found.append(f"{address}/{address.max_prefixlen}")
    return found
