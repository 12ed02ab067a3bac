"""A small world, and how the reference is asked about a connection in it.

A verdict is for one subject pod, one direction, one other end and one protocol.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from msgspec import UNSET

from edict.policy import matching
from edict.policy.local import NetworkPolicy, network_policy
from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.model import EgressPeer, IngressPeer, LabelSelector, NamespacedPod, PolicySpec, Protocol, Subject
from edict.policy.rules import Direction
from edict.policy.semantics import decide
from edict.policy.world import Flow, Node, Pod, World

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
    for name, labels in (("z", {}), ("x", {"a": "x"}), ("y", {"b": "y"}), (AGENT, {}), ("other", {"a": "y", "b": "x"}))
)
PODS = tuple(
    Place(address.format(number), namespace, dict(labels))
    for number, (namespace, labels) in enumerate(product(NAMESPACES, LABELS), start=1)
    for address in ("10.244.0.{0}", "10.244.9.{0}", "fd00:1::{0:x}")
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


def world_of(places: Iterable[Place]) -> World:
    """Return places as the reference knows them: no two of one address, no namespace of two sets of labels."""
    unlike = {place.address: place for place in places}.values()
    inside = [(place, place.namespace, place.pod) for place in unlike]
    pods = [
        Pod(namespace[NAMESPACE_NAME], f"pod-{place.address}", labels, (place.address,))
        for place, namespace, labels in inside
        if namespace is not None and labels is not None
    ]
    return World(
        namespaces={one[NAMESPACE_NAME]: one for _, one, _ in inside if one is not None},
        pods=tuple(pods),
        nodes=tuple(Node(place.address, {}, (place.address,)) for place in unlike if place.is_node),
    )


def flow(source: Place, destination: Place, spoken: Spoken) -> Flow:
    """Return the flow as the reference knows it."""
    ends = (source.address, destination.address)
    if spoken.name in {"icmp4", "icmp6"}:
        return Flow(*ends, "icmp" if spoken.name == "icmp4" else "icmpv6", icmp_type=spoken.number)
    return Flow(*ends, spoken.name, spoken.number)


def selects(pods: NamespacedPod, place: Place) -> bool:
    """Tell whether a place is one of the pods."""
    world = world_of([place])
    pod = world.pod_at(place.address)
    return pod is not None and matching.subject_selects(Subject(pods=pods), pod, world)


def pods_of(whom: Subject | IngressPeer | EgressPeer) -> NamespacedPod | None:
    """Return the pods that are meant, None when pods are not what is meant."""
    if whom.pods is not UNSET:
        return whom.pods
    if whom.namespaces is not UNSET:
        return NamespacedPod(pod_selector=LabelSelector(), namespace_selector=whom.namespaces)
    return None


def peer_matches(peer: IngressPeer | EgressPeer, place: Place) -> bool:
    """Tell whether a peer matches a place."""
    return matching.peer_matches(peer, place.address, world_of([place]))


def within(address: str, networks: Iterable[str]) -> bool:
    """Tell whether an address lies in one of the networks."""
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in networks)


def spoken_by(listed: Sequence[Protocol], spoken: Spoken) -> bool:
    """Tell whether a list of protocols may match; some pod may call any port by the name that is asked for."""
    if not listed:
        return True
    version = 6 if spoken.name == "icmp6" else 4
    anywhere = Place({4: "192.0.2.1", 6: "fd00::1"}[version])
    one = flow(anywhere, anywhere, spoken)
    return any(
        spoken.name in {"tcp", "udp", "sctp"}
        if protocol.destination_named_port is not UNSET
        else matching.protocol_matches(protocol, one, world_of(()))
        for protocol in listed
    )


def verdict(
    policies: Sequence[PolicySpec],
    beside: Sequence[NetworkPolicy],
    direction: Direction,
    ends: tuple[Place, Place],
    spoken: Spoken,
) -> bool | None:
    """Return whether a connection is allowed at its source or its destination, None where that is no pod."""
    named = [(f"{index:04}", policy) for index, policy in enumerate(policies)]
    decision = decide(named, beside, world_of(ends), direction, flow(*ends, spoken), AGENT)
    return None if decision is None else decision.allows


def allowed(
    policies: Sequence[PolicySpec],
    direction: Direction,
    subject: Place,
    other: Place,
    spoken: Spoken,
    *,
    application: bool | None,
) -> bool:
    """Return the verdict of a pod.

    ``application`` is that of the cluster's own NetworkPolicies, None where none selects the subject.
    """
    ends = (subject, other) if direction is Direction.EGRESS else (other, subject)
    said = verdict(policies, application_of(direction, subject, allows=application), direction, ends, spoken)
    assert said is not None
    return said


def application_of(direction: Direction, subject: Place, *, allows: bool | None) -> list[NetworkPolicy]:
    """Return what makes the cluster's own policies say so: everything allowed to the subject, or nothing."""
    assert subject.namespace is not None
    if allows is None:
        return []
    spec = {"podSelector": {}, "policyTypes": [direction.capitalize()], str(direction): [{}] if allows else []}
    metadata = {"name": "application", "namespace": subject.namespace[NAMESPACE_NAME]}
    manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    return [network_policy(manifest)]
