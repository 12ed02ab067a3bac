"""How Calico reads the objects that we render, as far as they go: tiers in order, first match.

A model of ours, written from ``felix/calc`` and ``libcalico-go``; the engine itself has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.rules import Direction
from edict_agent.translate import RenderedObject
from tests.property.world import Place, Spoken, within

_PROTOCOLS = {"ICMP": "icmp4", "ICMPv6": "icmp6"}
_BINARY = re.compile(r"(?P<key>\S+) (?P<operator>==|!=|in|not in) (?P<values>.+)")


def allowed(
    objects: Iterable[RenderedObject],
    direction: Direction,
    subject: Place,
    other: Place,
    spoken: Spoken,
    *,
    application: bool | None,
) -> bool:
    """Return the verdict on a connection of the subject; the application tier stands between ours."""
    policies = [one.body["spec"] for one in objects if one.kind == "GlobalNetworkPolicy"]
    for tier in ("edict-admin", "edict-baseline"):
        verdict = _tier(
            sorted((spec for spec in policies if spec["tier"] == tier), key=lambda spec: spec["order"]),
            direction,
            subject,
            other,
            spoken,
        )
        if verdict is not None:
            return verdict
        if tier == "edict-admin" and application is not None:
            return application
    return True


def _tier(
    policies: list[dict[str, Any]], direction: Direction, subject: Place, other: Place, spoken: Spoken
) -> bool | None:
    for spec in policies:
        if str(direction).capitalize() not in spec["types"] or not _selected(spec, subject):
            continue
        for rule in spec[direction]:
            if rule["action"] != "Log" and _matches(rule, direction, other, spoken):
                return None if rule["action"] == "Pass" else rule["action"] == "Allow"
    return None


def _matches(rule: dict[str, Any], direction: Direction, other: Place, spoken: Spoken) -> bool:
    peer = rule["source" if direction is Direction.INGRESS else "destination"]
    return _peer(peer, other) and _protocol(rule, other, spoken)


def _peer(peer: dict[str, Any], other: Place) -> bool:
    selected = _selected(peer, other) if "selector" in peer or "namespaceSelector" in peer else True
    inside = "nets" not in peer or within(other.address, peer["nets"])
    return selected and inside and not within(other.address, peer.get("notNets", []))


def _protocol(rule: dict[str, Any], other: Place, spoken: Spoken) -> bool:
    if rule.get("ipVersion", other.version) != other.version:
        return False
    protocol = rule.get("protocol")
    if protocol is None:
        return True
    if _PROTOCOLS.get(protocol, protocol.lower()) != spoken.name:
        return False
    if "icmp" in rule and rule["icmp"]["type"] != spoken.number:
        return False
    ports = rule["destination"].get("ports")
    return ports is None or any(_port(port, spoken.number) for port in ports)


def _port(port: int | str, number: int) -> bool:
    first, _, last = str(port).partition(":")
    return int(first) <= number <= int(last or first)


def _selected(entity: dict[str, Any], place: Place) -> bool:
    if place.namespace is None or place.pod is None:
        labels = {}  # a network set or a host endpoint: the selector must say that it wants pods
    else:
        labels = dict(place.pod) | {
            "projectcalico.org/orchestrator": "k8s",
            "projectcalico.org/namespace": place.namespace[NAMESPACE_NAME],
        }
    return _all(entity.get("selector", ""), labels) and _all(entity.get("namespaceSelector", ""), place.namespace or {})


def _all(selector: str, labels: dict[str, str]) -> bool:
    return all(_term(term, labels) for term in selector.split(" && ") if term)


def _term(term: str, labels: dict[str, str]) -> bool:
    if term.startswith("!"):
        return not _term(term[1:], labels)
    if term.startswith("has("):
        return term[4:-1] in labels
    found = _BINARY.fullmatch(term)
    assert found is not None, term
    value, values = labels.get(found["key"]), re.findall(r"'([^']*)'", found["values"])
    return (value in values) is (found["operator"] in {"==", "in"})
