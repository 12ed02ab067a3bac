"""Cilium's facts: its ConfigMap says the options, its DaemonSet's image the version."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx2

from edict_agent.detect.nodes import Nodes
from edict_agent.kube import Kube, Live, Resource, is_transient
from edict_agent.kube.resources import CONFIG_MAP, DAEMON_SET
from edict_agent.translate.facts import Facts

NAMESPACE = "kube-system"
_POOLS = ("cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr")
_TAG = re.compile(r":v?(\d+\.\d+\.\d+[^@]*)")


async def read_config(kube: Kube) -> Mapping[str, str] | None:
    """Return the data of ``cilium-config``, or None when there is none or it may not be read."""
    config = await _read(kube, CONFIG_MAP, "cilium-config")
    return None if config is None else dict(config.get("data") or {})


async def read_version(kube: Kube) -> str:
    """Return the version of the running Cilium, empty when it cannot be told."""
    daemon_set = await _read(kube, DAEMON_SET, "cilium")
    if daemon_set is None:
        return ""
    containers = daemon_set["spec"]["template"]["spec"]["containers"]
    images = [each["image"] for each in containers if each["name"] == "cilium-agent"]
    found = _TAG.search(images[0].rpartition("/")[2]) if images else None
    return found[1] if found else ""


def facts_of(config: Mapping[str, str], version: str, nodes: Nodes) -> Facts:
    """Return the facts of a Cilium cluster."""
    return Facts(
        plugin="cilium",
        plugin_version=version,
        pod_cidrs=_pod_cidrs(config, nodes),
        node_cidrs=nodes.addresses,
        options=dict(sorted(config.items())),
        cluster_name=config.get("cluster-name", ""),
    )


def _pod_cidrs(config: Mapping[str, str], nodes: Nodes) -> tuple[str, ...] | None:
    """Return the pod networks; unknown in a mesh, whose other clusters have networks that nobody here can list."""
    if config.get("cluster-id", "0") != "0" and config.get("clustermesh-config", ""):
        return None
    listed = [part for key in _POOLS for part in re.split(r"[,\s]+", config.get(key, "")) if part]
    match config.get("ipam", "cluster-pool"):
        case "cluster-pool" if listed:
            return tuple(sorted(listed))
        case "kubernetes" if nodes.pod_cidrs is not None:
            return nodes.pod_cidrs
        case _:
            return None


async def _read(kube: Kube, resource: Resource, name: str) -> Live | None:
    try:
        return await kube.get(resource, name, NAMESPACE)
    except httpx2.HTTPStatusError as error:
        if is_transient(error):
            raise
        return None
