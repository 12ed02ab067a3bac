"""Looks at the clusters with the official Kubernetes client: what landed is read by a client that did not write it."""

from __future__ import annotations

import time
from typing import Any

KINDS = {
    "cilium": (("cilium.io/v2", "CiliumClusterwideNetworkPolicy"),),
    "calico": (
        ("projectcalico.org/v3", "Tier"),
        ("projectcalico.org/v3", "GlobalNetworkPolicy"),
        ("projectcalico.org/v3", "GlobalNetworkSet"),
    ),
}
OURS = "app.kubernetes.io/managed-by=edict"


def managed(api: Any, kind: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return every object that carries our label, by kind and name."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for version, name in KINDS[kind]:
        resource = api.resources.get(api_version=version, kind=name)
        for item in resource.get(label_selector=OURS).items:
            found[name, item.metadata.name] = item.to_dict()
    return found


def objects_of(api: Any, kind: str, policy: str) -> list[dict[str, Any]]:
    """Return the managed objects of one policy (``team/name``), by name."""
    label = policy.replace("/", ".")
    items = managed(api, kind).values()
    found = [item for item in items if item["metadata"]["labels"]["federation.edict.dev/policy"] == label]
    return sorted(found, key=lambda item: str(item["metadata"]["name"]))


def delete_and_await_return(api: Any, version: str, kind: str, name: str) -> float:
    """Delete one object and wait until it is there again under another uid; returns the seconds that took."""
    resource = api.resources.get(api_version=version, kind=kind)
    before = resource.get(name=name).metadata.uid
    started = time.monotonic()
    resource.delete(name=name)
    for event in resource.watch(field_selector=f"metadata.name={name}", timeout=30):
        if event["object"].metadata.uid != before and event["type"] != "DELETED":
            return time.monotonic() - started
    raise TimeoutError(f"{kind} {name} did not come back within 30 s")
