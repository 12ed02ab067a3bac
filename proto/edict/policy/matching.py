"""Does one part of a rule match one flow: subject, peer, protocol, request. The words of :mod:`edict.policy.semantics`.

The other end is an address: pods and nodes are looked up in the world by it, never the other way round, so that a
``networks`` peer matches whatever has the address, pods and nodes among them, as upstream says.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from edict.policy.local import LocalPeer, LocalPort
from edict.policy.model import (
    ClusterPeer,
    EgressPeer,
    Http,
    Icmp,
    IngressPeer,
    LabelSelector,
    NamespacedPod,
    Network,
    NetworkExcept,
    Protocol,
    ServiceAccountPeer,
    Subject,
    TransportMatch,
)
from edict.policy.ports import port_interval
from edict.policy.selectors import matches
from edict.policy.world import LOCAL, Flow, Pod, World, address_of


def is_understood(part: IngressPeer | EgressPeer | Protocol) -> bool:
    """Tell whether exactly one kind is set, and for a port a number or a range: else it is of another language."""
    kinds = _set(part)
    if len(kinds) != 1:
        return False
    match = kinds[0]
    return (
        not isinstance(match, TransportMatch)
        or match.destination_port is UNSET
        or len(_set(match.destination_port)) == 1
    )


def subject_selects(subject: Subject, pod: Pod, world: World) -> bool:
    """Tell whether a pod of the cluster itself is a subject.

    Raises:
        ValueError: the subject does not set exactly one kind, which no parser lets through.
    """
    if len(_set(subject)) != 1:
        raise ValueError("a subject sets namespaces or pods")
    return _is_pod_peer(subject.namespaces, subject.pods, pod, world)


def peer_matches(peer: IngressPeer | EgressPeer, address: str, world: World) -> bool:
    """Tell whether the other end is what a peer that is understood means."""
    pod = world.pod_at(address)
    return (
        _is_pod_peer(peer.namespaces, peer.pods, pod, world)
        or _runs_as(peer.service_accounts, pod, world)
        or _is_abroad(peer.clusters, pod, world)
        or _in_networks(peer.networks, address)
        or (
            isinstance(peer, EgressPeer)
            and (_is_node(peer.nodes, address, world) or _is_called(peer.domain_names, address, world))
        )
    )


def local_peer_matches(peer: LocalPeer, namespace: str, address: str, world: World) -> bool:
    """Tell whether the other end is what a peer of a NetworkPolicy in a namespace means.

    A block matches pods and nodes too: upstream leaves that to the plugin, and says that pods are not what it is for.
    """
    if peer.ip_block is not UNSET:
        return _within(address, peer.ip_block.cidr, peer.ip_block.except_)
    pod = world.pod_at(address)
    if pod is None or pod.cluster != LOCAL:
        return False
    if peer.namespace_selector is UNSET:
        in_namespace = pod.namespace == namespace
    else:
        in_namespace = _in_namespace(peer.namespace_selector, pod, world)
    return in_namespace and (peer.pod_selector is UNSET or matches(peer.pod_selector, pod.labels))


def protocol_matches(protocol: Protocol, flow: Flow, world: World) -> bool:
    """Tell whether a flow speaks a protocol that is understood."""
    if protocol.icmp is not UNSET:
        return _is_icmp(protocol.icmp, flow)
    if protocol.destination_named_port is not UNSET:
        return _is_named(protocol.destination_named_port, flow, world)
    match = {"tcp": protocol.tcp, "udp": protocol.udp, "sctp": protocol.sctp}.get(flow.protocol, UNSET)
    if not isinstance(match, TransportMatch):
        return False
    first, last = port_interval(match)
    return first <= flow.port <= last


def local_port_matches(port: LocalPort, flow: Flow, world: World) -> bool:
    """Tell whether a flow speaks what a port of a NetworkPolicy means."""
    if port.protocol.lower() != flow.protocol:
        return False
    if isinstance(port.port, str):
        return _is_named(port.port, flow, world)
    if port.port is UNSET:
        return True
    return port.port <= flow.port <= (port.port if port.end_port is UNSET else port.end_port)


def request_matches(https: Iterable[Http], flow: Flow) -> bool:
    """Tell whether a flow carries a request that one of the matches means.

    Methods are matched as written, paths whole and without the query, hosts whole and in any case; a host that names
    no port matches every port.
    """
    request = flow.request
    if request is None or flow.protocol != "tcp":
        return False
    path, host = request.path.partition("?")[0].partition("#")[0], request.host.lower()
    return any(
        (not one.methods or request.method in one.methods)
        and (not one.paths or path in one.paths)
        and (not one.hosts or any(known.lower() in {host, _without_port(host)} for known in one.hosts))
        for one in https
    )


def domain_matches(pattern: str, name: str) -> bool:
    """Tell whether a name is the pattern's, in any case: ``*.`` stands for one or more whole labels."""
    wanted, is_it = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if wanted.startswith("*."):
        return is_it.endswith(wanted[1:]) and len(is_it) > len(wanted[1:])
    return is_it == wanted


def _set(part: Struct) -> list[object]:
    return [value for value in asdict(part).values() if value is not UNSET]


def _is_pod_peer(
    namespaces: LabelSelector | UnsetType, pods: NamespacedPod | UnsetType, pod: Pod | None, world: World
) -> bool:
    """Tell whether a pod of the cluster itself is meant; other clusters' pods have a peer kind of their own."""
    if pod is None or pod.cluster != LOCAL:
        return False
    if pods is not UNSET:
        return _selects(pods, pod, world)
    return namespaces is not UNSET and _in_namespace(namespaces, pod, world)


def _runs_as(accounts: ServiceAccountPeer | UnsetType, pod: Pod | None, world: World) -> bool:
    if accounts is UNSET or pod is None or pod.cluster != LOCAL:
        return False
    return pod.service_account in accounts.names and _in_namespace(accounts.namespace_selector, pod, world)


def _is_abroad(clusters: ClusterPeer | UnsetType, pod: Pod | None, world: World) -> bool:
    if clusters is UNSET or pod is None or pod.cluster not in clusters.names:
        return False
    return clusters.pods is UNSET or _selects(clusters.pods, pod, world)


def _in_networks(networks: Iterable[Network] | UnsetType, address: str) -> bool:
    return networks is not UNSET and any(
        _within(address, one.cidr, one.except_) if isinstance(one, NetworkExcept) else _within(address, one)
        for one in networks
    )


def _is_node(nodes: LabelSelector | UnsetType, address: str, world: World) -> bool:
    return nodes is not UNSET and any(matches(nodes, node.labels) for node in world.nodes_at(address))


def _is_called(names: Iterable[str] | UnsetType, address: str, world: World) -> bool:
    """Tell whether an address outside the cluster has one of the names; pods and nodes have none."""
    if names is UNSET or world.pod_at(address) is not None or any(True for _ in world.nodes_at(address)):
        return False
    return any(domain_matches(one, name) for one in names for name in world.names_of(address))


def _selects(pods: NamespacedPod, pod: Pod, world: World) -> bool:
    return _in_namespace(pods.namespace_selector, pod, world) and matches(pods.pod_selector, pod.labels)


def _in_namespace(selector: LabelSelector, pod: Pod, world: World) -> bool:
    return matches(selector, world.namespace_labels(pod))


def _within(address: str, whole: str, parts: Iterable[str] = ()) -> bool:
    return _contains(whole, address) and not any(_contains(part, address) for part in parts)


def _contains(network: str, address: str) -> bool:
    return address_of(address) in _network_of(network)


@lru_cache(maxsize=65536)
def _network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _is_icmp(icmp: Icmp, flow: Flow) -> bool:
    return (
        flow.protocol == {"IPv4": "icmp", "IPv6": "icmpv6"}[icmp.family]
        and (icmp.type is UNSET or icmp.type == flow.icmp_type)
        and (icmp.code is UNSET or icmp.code == flow.icmp_code)
    )


def _is_named(name: str, flow: Flow, world: World) -> bool:
    """Tell whether the destination is a pod that calls the port so; only a pod names its ports."""
    pod = world.pod_at(flow.destination)
    return pod is not None and any(
        (port.name, port.protocol, port.port) == (name, flow.protocol, flow.port) for port in pod.named_ports
    )


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if port.isdecimal() else host
