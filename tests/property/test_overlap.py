"""Overlap never says "cannot meet" of two rules that a connection of a small world matches both of."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from edict.policy.model import (
    EgressPeer,
    IngressPeer,
    LabelSelector,
    NamespacedPod,
    NetworkExcept,
    PolicySpec,
    Protocol,
    Subject,
)
from edict.policy.selectors import matches
from edict_agent.translate import Facts
from edict_agent.translate.overlap import (
    peers_may_meet,
    port_interval,
    protocols_may_meet,
    rules_may_meet,
    selectors_may_meet,
    subjects_may_meet,
)
from edict_agent.translate.rules import rules_of
from tests.property.strategies import KEYS, VALUES, protocols, selectors, specs, subjects

KNOWN = Facts(pod_cidrs=("10.244.0.0/16", "fd00:1::/32"), node_cidrs=("172.18.0.0/16",))
UNKNOWN = Facts()
facts_given = st.sampled_from((KNOWN, UNKNOWN))

LABEL_SETS = [
    {key: value for key, value in zip(KEYS, chosen, strict=True) if value is not None}
    for chosen in product((*VALUES, "other", None), repeat=len(KEYS))
]
FEW = [LABEL_SETS[0], LABEL_SETS[-1], {"a": "x"}, {"a": "y", "b": "x"}, {"kubernetes.io/metadata.name": "x"}]
PORTS = [("tcp", port) for port in (1, 52, 53, 55, 80, 65535)] + [("udp", 53), ("sctp", 80)]
ICMP = [("IPv4", 8), ("IPv4", 3), ("IPv6", 8), ("IPv4", 0)]


@dataclass(frozen=True)
class Place:
    """A pod of the cluster or an address outside it."""

    address: str
    namespace: dict[str, str] | None = None
    pod: dict[str, str] | None = None


PLACES = [
    Place(address, namespace, pod)
    for namespace in FEW
    for pod in FEW
    for address in ("10.244.0.1", "10.244.9.9", "fd00:1::1")
] + [Place(address) for address in ("203.0.113.7", "203.0.113.200", "8.8.8.8", "10.1.1.1", "fd00:2::1", "2001::1")]


def selects(pods: NamespacedPod, place: Place) -> bool:
    if place.namespace is None or place.pod is None:
        return False
    return matches(pods.namespace_selector, place.namespace) and matches(pods.pod_selector, place.pod)


def pods_of(whom: Subject | IngressPeer | EgressPeer) -> NamespacedPod | None:
    if whom.pods is not UNSET:
        return whom.pods
    if whom.namespaces is not UNSET:
        return NamespacedPod(pod_selector=LabelSelector(), namespace_selector=whom.namespaces)
    return None


def peer_matches(peer: IngressPeer | EgressPeer, place: Place) -> bool:
    """Tell whether a peer matches; peers of other kinds match nothing of this world."""
    pods = pods_of(peer)
    if pods is not None:
        return selects(pods, place)
    if peer.networks is UNSET:
        return False
    address = ipaddress.ip_address(place.address)
    for network in peer.networks:
        whole = network.cidr if isinstance(network, NetworkExcept) else network
        parts = network.except_ if isinstance(network, NetworkExcept) else ()
        if address in ipaddress.ip_network(whole) and not any(address in ipaddress.ip_network(part) for part in parts):
            return True
    return False


def protocol_matches(protocol: Protocol, spoken: tuple[str, int]) -> bool:
    name, number = spoken
    if protocol.icmp is not UNSET:
        return protocol.icmp.family == name and protocol.icmp.type in {UNSET, number}
    if protocol.destination_named_port is not UNSET:
        return name in {"tcp", "udp", "sctp"}  # some pod may call any port so
    match = getattr(protocol, name, UNSET)
    if match is UNSET:
        return False
    first, last = port_interval(match)
    return first <= number <= last


def spoken_by(listed: tuple[Protocol, ...], spoken: tuple[str, int]) -> bool:
    return not listed or any(protocol_matches(protocol, spoken) for protocol in listed)


@given(selectors, selectors)
def test_selectors_meet_exactly_where_some_labels_match_both(one: LabelSelector, other: LabelSelector) -> None:
    met = any(matches(one, labels) and matches(other, labels) for labels in LABEL_SETS)
    assert selectors_may_meet(one, other) is met
    assert selectors_may_meet(other, one) is met


@given(subjects, subjects)
def test_subjects(one: Subject, other: Subject) -> None:
    left, right = pods_of(one), pods_of(other)
    assert left is not None
    assert right is not None
    met = any(selects(left, place) and selects(right, place) for place in PLACES)
    assert subjects_may_meet(one, other) or not met
    assert subjects_may_meet(one, other) == subjects_may_meet(other, one)


@given(st.lists(protocols, max_size=2).map(tuple), st.lists(protocols, max_size=2).map(tuple))
def test_protocols(one: tuple[Protocol, ...], other: tuple[Protocol, ...]) -> None:
    met = any(spoken_by(one, spoken) and spoken_by(other, spoken) for spoken in (*PORTS, *ICMP))
    assert protocols_may_meet(one, other) or not met
    assert protocols_may_meet(one, other) == protocols_may_meet(other, one)


@given(specs, specs, facts_given)
def test_rules(one: PolicySpec, other: PolicySpec, facts: Facts) -> None:
    for left, right in product(rules_of(one), rules_of(other)):
        may = rules_may_meet(left, right, facts)
        assert may == rules_may_meet(right, left, facts)
        if may or left.direction != right.direction or not subjects_may_meet(left.subject, right.subject):
            continue
        met = any(
            any(peer_matches(peer, place) for peer in left.peers)
            and any(peer_matches(peer, place) for peer in right.peers)
            for place in PLACES
        ) and any(
            spoken_by(left.protocols, spoken) and spoken_by(right.protocols, spoken) for spoken in (*PORTS, *ICMP)
        )
        assert not met


def test_facts_tell_pods_and_networks_apart() -> None:
    everyone = EgressPeer(namespaces=LabelSelector())
    outside = EgressPeer(networks=("203.0.113.0/24",))
    among = EgressPeer(networks=("10.244.0.0/30",))
    assert not peers_may_meet(everyone, outside, KNOWN)
    assert peers_may_meet(everyone, outside, UNKNOWN)
    assert peers_may_meet(everyone, among, KNOWN)
    assert peers_may_meet(EgressPeer(domain_names=("a.example",)), outside, KNOWN)
    assert not peers_may_meet(EgressPeer(nodes=LabelSelector()), outside, KNOWN)
