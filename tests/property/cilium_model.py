"""How Cilium reads the objects that we render, as far as they go: deny beats allow, then default deny.

A model of ours, written from ``pkg/policy``; the engine itself has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.rules import Direction
from edict_agent.translate import RenderedObject
from tests.property.world import Place, Spoken, within

NAMESPACE = "k8s:io.kubernetes.pod.namespace"


def allowed(
    objects: Iterable[RenderedObject],
    direction: Direction,
    subject: Place,
    other: Place,
    spoken: Spoken,
    *,
    application: bool | None,
) -> bool:
    """Return the verdict on a connection of the subject."""
    mine = [one.body["spec"] for one in objects if selects(one.body["spec"]["endpointSelector"], subject)]
    word = "from" if direction is Direction.INGRESS else "to"
    if any(_matches(rule, word, other, spoken) for spec in mine for rule in spec.get(f"{direction}Deny", [])):
        return False
    isolated = application is not None or any(
        spec["enableDefaultDeny"][direction] for spec in mine if direction in spec or f"{direction}Deny" in spec
    )
    if not isolated or application:
        return True
    return any(_matches(rule, word, other, spoken) for spec in mine for rule in spec.get(direction, []))


def selects(selector: dict[str, Any], place: Place) -> bool:
    """Tell whether an endpoint selector matches: an address outside has no label, so NotIn matches it."""
    labels = _identity(place)
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for one in selector.get("matchExpressions", []):
        value = labels.get(one["key"])
        holds = {
            "In": value in one.get("values", []),
            "NotIn": value not in one.get("values", []),
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not holds[one["operator"]]:
            return False
    return True


def _identity(place: Place) -> dict[str, str]:
    if place.namespace is None or place.pod is None:
        return {}
    labels = {f"k8s:{key}": value for key, value in place.pod.items()}
    labels |= {f"k8s:io.cilium.k8s.namespace.labels.{key}": value for key, value in place.namespace.items()}
    return labels | {NAMESPACE: place.namespace[NAMESPACE_NAME], "k8s:io.cilium.k8s.policy.cluster": "default"}


def _matches(rule: dict[str, Any], word: str, other: Place, spoken: Spoken) -> bool:
    peers = [key for key in rule if key.startswith(word) and key != "toPorts"]
    if not peers:
        return False  # an empty rule only turns on default deny
    return _peer(rule, word, other) and _protocol(rule, other, spoken)


def _peer(rule: dict[str, Any], word: str, other: Place) -> bool:
    if any(selects(one, other) for one in rule.get(f"{word}Endpoints", [])):
        return True
    entities = set(rule.get(f"{word}Entities", []))
    outside = other.pod is None and not other.is_node
    if "all" in entities or ("world" in entities and outside) or ("remote-node" in entities and other.is_node):
        return True
    return outside and any(
        within(other.address, [one["cidr"]]) and not within(other.address, one.get("except", []))
        for one in rule.get(f"{word}CIDRSet", [])
    )


def _protocol(rule: dict[str, Any], other: Place, spoken: Spoken) -> bool:
    if "toPorts" not in rule and "icmps" not in rule:
        return True
    for group in rule.get("toPorts", []):
        for port in group["ports"]:
            first = int(port["port"])
            last = port.get("endPort", first)
            if port["protocol"] == spoken.name.upper() and (first == 0 or first <= spoken.number <= last):
                return True
    return any(
        field["family"] == f"IPv{other.version}" and spoken == Spoken(f"icmp{other.version}", field["type"])
        for group in rule.get("icmps", [])
        for field in group["fields"]
    )
