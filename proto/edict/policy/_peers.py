"""What a peer may hold: networks, domain names, service accounts, clusters."""

from __future__ import annotations

import ipaddress
import re

from msgspec import UNSET

from edict.ids import is_dns_label
from edict.policy._failing import Place
from edict.policy._labels import check_pods, check_selector
from edict.policy.codes import Code
from edict.policy.model import (
    ClusterPeer,
    EgressPeer,
    IngressPeer,
    Network,
    NetworkExcept,
    ServiceAccountPeer,
)

MAX_ITEMS = 25
"""Upstream's MaxItems of rules, peers, protocols, networks and domain names."""
_MAX_CIDR = 43
_DOMAIN = re.compile(r"(\*\.)?([a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?")
"""Upstream's pattern without its slip ``A-z``, which also lets brackets and such begin a label."""
_MAX_DOMAIN = 254
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_SUBDOMAIN = 253

_INGRESS = ("namespaces", "pods", "networks", "serviceAccounts", "clusters")
_EGRESS = ("namespaces", "pods", "nodes", "networks", "domainNames", "serviceAccounts", "clusters")


def check_ingress_peer(peer: IngressPeer, place: Place) -> None:
    """Check one ingress peer."""
    place.exactly_one([name for name in _INGRESS if _get(peer, name) is not UNSET], _INGRESS)
    _check_common(peer, place)


def check_egress_peer(peer: EgressPeer, place: Place) -> None:
    """Check one egress peer."""
    place.exactly_one([name for name in _EGRESS if _get(peer, name) is not UNSET], _EGRESS)
    _check_common(peer, place)
    if peer.nodes is not UNSET:
        check_selector(peer.nodes, place.child("nodes"))
    if peer.domain_names is not UNSET:
        _check_domains(peer.domain_names, place.child("domainNames"))


def parse_network(text: str, place: Place) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the network, refusing what is no CIDR, is not canonical, or has host bits."""
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        interface = None
    if interface is None or "/" not in text or "%" in text or len(text) > _MAX_CIDR:
        place.fail(Code.NETWORK, f"{text!r} is no network", "write it as a CIDR, such as 10.0.0.0/8 or fd00::/8")
    _, _, length = text.partition("/")
    if not length.isdecimal() or str(int(length)) != length:
        place.fail(Code.NETWORK, f"{text!r} is no network in CIDR notation", f"write {interface.network}")
    if isinstance(interface, ipaddress.IPv6Interface) and interface.ip.ipv4_mapped is not None:
        place.fail(
            Code.NETWORK,
            f"{text!r} is an IPv4 network in IPv6 form",
            "write the IPv4 network; no packet carries this",
        )
    if interface.ip != interface.network.network_address:
        place.fail(Code.NETWORK, f"the network {text!r} has host bits set", f"write {interface.network}")
    return interface.network


def _get(peer: IngressPeer | EgressPeer, name: str) -> object:
    return getattr(peer, re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name))


def _check_common(peer: IngressPeer | EgressPeer, place: Place) -> None:
    if peer.namespaces is not UNSET:
        check_selector(peer.namespaces, place.child("namespaces"))
    if peer.pods is not UNSET:
        check_pods(peer.pods, place.child("pods"))
    if peer.networks is not UNSET:
        _check_networks(peer.networks, place.child("networks"))
    if peer.service_accounts is not UNSET:
        _check_service_accounts(peer.service_accounts, place.child("serviceAccounts"))
    if peer.clusters is not UNSET:
        _check_clusters(peer.clusters, place.child("clusters"))


def _check_networks(networks: tuple[Network, ...], place: Place) -> None:
    place.count(networks, 1, MAX_ITEMS)
    seen = []
    for index, network in enumerate(networks):
        here = place.item(index)
        if isinstance(network, NetworkExcept):
            seen.append((parse_network(network.cidr, here.child("cidr")), tuple(sorted(network.except_))))
            _check_except(network, here)
        else:
            seen.append((parse_network(network, here), ()))
    for index, entry in enumerate(seen):
        if entry in seen[:index]:
            first = seen.index(entry)
            place.item(index).fail(
                Code.DUPLICATE_ITEM, f"{entry[0]} stands in the list already, as item {first}", "remove it"
            )


def _check_except(network: NetworkExcept, place: Place) -> None:
    whole = parse_network(network.cidr, place.child("cidr"))
    place.child("except").count(network.except_, 1, MAX_ITEMS)
    parts = []
    for index, text in enumerate(network.except_):
        here = place.child("except").item(index)
        part = parse_network(text, here)
        if part.version != whole.version or not _within(part, whole):
            here.fail(Code.NETWORK, f"{part} is not inside {whole}", "remove it, or widen cidr")
        if part == whole:
            here.fail(Code.NETWORK, f"{part} takes away all of {whole}", "remove the peer, or narrow the exception")
        parts.append(part)
    place.child("except").unique(parts)


def _within(
    part: ipaddress.IPv4Network | ipaddress.IPv6Network, whole: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return part.prefixlen >= whole.prefixlen and part.network_address in whole


def _check_domains(names: tuple[str, ...], place: Place) -> None:
    place.count(names, 1, MAX_ITEMS)
    place.unique(tuple(name.lower().rstrip(".") for name in names))
    for index, name in enumerate(names):
        if len(name) > _MAX_DOMAIN or _DOMAIN.fullmatch(name) is None:
            place.item(index).fail(
                Code.DOMAIN_NAME,
                f"{name!r} is no domain name",
                "write a name of at least two labels; * may stand only as the whole first label",
            )


def _check_service_accounts(peer: ServiceAccountPeer, place: Place) -> None:
    place.child("names").count(peer.names, 1, MAX_ITEMS)
    place.child("names").unique(peer.names)
    for index, name in enumerate(peer.names):
        if len(name) > _MAX_SUBDOMAIN or _SUBDOMAIN.fullmatch(name) is None:
            place.child("names").item(index).fail(Code.NAME, f"{name!r} is no service account name", "write its name")
    check_selector(peer.namespace_selector, place.child("namespaceSelector"))


def _check_clusters(peer: ClusterPeer, place: Place) -> None:
    place.child("names").count(peer.names, 1, MAX_ITEMS)
    place.child("names").unique(peer.names)
    for index, name in enumerate(peer.names):
        if not is_dns_label(name):
            place.child("names").item(index).fail(Code.NAME, f"{name!r} is no cluster name", "write a DNS label")
    if peer.pods is not UNSET:
        check_pods(peer.pods, place.child("pods"))
