"""A small world, and what our language says of a connection in it: slow and plain.

A verdict is for one subject pod, one direction, one other end and one protocol.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from edict.policy.lockout import NAMESPACE_NAME, way_out
from edict.policy.model import (
    Action,
    EgressPeer,
    IngressPeer,
    LabelSelector,
    NamespacedPod,
    NetworkExcept,
    PolicySpec,
    Protocol,
    Subject,
    Tier,
)
from edict.policy.ports import port_interval
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict.policy.selectors import matches

AGENT = "edict-system"
POD_CIDRS = ("10.244.0.0/16", "fd00:1::/32")
NODE_CIDRS = ("172.18.0.0/16",)


@dataclass(frozen=True)
class Place:
    """A pod (it has labels), a node, or an address outside the cluster."""

    address: str
    namespace: dict[str, str] | None = None
    pod: dict[str, str] | None = None
    is_node: bool = False

    @property
    def version(self) -> int:
        """The IP version of its address."""
        return ipaddress.ip_address(self.address).version


@dataclass(frozen=True)
class Spoken:
    """A protocol with its destination port, or ICMP (``icmp4``, ``icmp6``) with its type."""

    name: str
    number: int = 0


LABELS: tuple[dict[str, str], ...] = ({}, {"a": "x"}, {"a": "y", "b": "x"}, {"a": "z"})
NAMESPACES = tuple(
    {NAMESPACE_NAME: name} | labels
    for name, labels in (("x", {}), ("x", {"a": "x"}), ("y", {"b": "y"}), (AGENT, {}), ("other", {"a": "y", "b": "x"}))
)
PODS = tuple(
    Place(address, namespace, dict(labels))
    for namespace in NAMESPACES
    for labels in LABELS
    for address in ("10.244.0.1", "10.244.9.9", "fd00:1::1")
)
NODES = (Place("172.18.0.5", is_node=True),)
OUTSIDE = tuple(
    Place(address) for address in ("203.0.113.7", "203.0.113.200", "8.8.8.8", "10.1.1.1", "fd00:2::1", "2001::1")
)
PLACES = PODS + NODES + OUTSIDE
SPOKEN = (
    *(Spoken("tcp", port) for port in (1, 52, 53, 55, 80, 65535)),
    Spoken("udp", 53),
    Spoken("udp", 80),
    Spoken("sctp", 80),
    Spoken("icmp4", 8),
    Spoken("icmp4", 3),
    Spoken("icmp6", 8),
    Spoken("gre"),
)


def speakable(one: Place, other: Place, spoken: Spoken) -> bool:
    """Tell whether two ends can speak a protocol: one IP version, and ICMP of that version."""
    return one.version == other.version and spoken.name not in {"icmp4", "icmp6"} - {f"icmp{one.version}"}


def selects(pods: NamespacedPod, place: Place) -> bool:
    """Tell whether a place is one of the pods."""
    if place.namespace is None or place.pod is None:
        return False
    return matches(pods.namespace_selector, place.namespace) and matches(pods.pod_selector, place.pod)


def pods_of(whom: Subject | IngressPeer | EgressPeer) -> NamespacedPod | None:
    """Return the pods that are meant, None when pods are not what is meant."""
    if whom.pods is not UNSET:
        return whom.pods
    if whom.namespaces is not UNSET:
        return NamespacedPod(pod_selector=LabelSelector(), namespace_selector=whom.namespaces)
    return None


def peer_matches(peer: IngressPeer | EgressPeer, place: Place) -> bool:
    """Tell whether a peer matches; kinds beside pods and networks match nothing of this world."""
    pods = pods_of(peer)
    if pods is not None:
        return selects(pods, place)
    if peer.networks is UNSET:
        return False
    for network in peer.networks:
        whole = network.cidr if isinstance(network, NetworkExcept) else network
        parts = network.except_ if isinstance(network, NetworkExcept) else ()
        if within(place.address, [whole]) and not within(place.address, parts):
            return True
    return False


def within(address: str, networks: Iterable[str]) -> bool:
    """Tell whether an address lies in one of the networks."""
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in networks)


def protocol_matches(protocol: Protocol, spoken: Spoken) -> bool:
    """Tell whether a protocol matches; some pod may call any port by the name that is asked for."""
    if protocol.icmp is not UNSET:
        return spoken.name == f"icmp{protocol.icmp.family[-1]}" and protocol.icmp.type in {UNSET, spoken.number}
    if spoken.name not in {"tcp", "udp", "sctp"}:
        return False
    if protocol.destination_named_port is not UNSET:
        return True
    match = getattr(protocol, spoken.name)
    if match is UNSET:
        return False
    first, last = port_interval(match)
    return bool(first <= spoken.number <= last)


def spoken_by(listed: Sequence[Protocol], spoken: Spoken) -> bool:
    """Tell whether a list of protocols matches; an empty one is every protocol."""
    return not listed or any(protocol_matches(protocol, spoken) for protocol in listed)


def rule_matches(rule: PlacedRule, subject: Place, other: Place, spoken: Spoken) -> bool:
    """Tell whether a rule matches a connection."""
    pods = pods_of(rule.subject)
    return (
        pods is not None
        and selects(pods, subject)
        and any(peer_matches(peer, other) for peer in rule.peers)
        and spoken_by(rule.protocols, spoken)
    )


def allowed(
    policies: Sequence[PolicySpec],
    direction: Direction,
    subject: Place,
    other: Place,
    spoken: Spoken,
    *,
    application: bool | None,
) -> bool:
    """Return the verdict.

    ``application`` is that of the cluster's own NetworkPolicies, None where none selects the subject.
    """
    for tier in Tier:
        ordered = sorted((one for one in (way_out(AGENT), *policies) if one.tier is tier), key=lambda one: one.priority)
        for rule in (rule for one in ordered for rule in rules_of(one) if rule.direction is direction):
            if rule_matches(rule, subject, other, spoken):
                if rule.action is Action.PASS:
                    break
                return rule.action is Action.ACCEPT
        if tier is Tier.ADMIN and application is not None:
            return application
    return True
