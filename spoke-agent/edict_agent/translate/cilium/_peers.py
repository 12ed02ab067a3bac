"""Peers as the one peer kind that each Cilium rule may have.

Networks match addresses outside the cluster alone, unless ``policy-cidr-match-mode`` says otherwise; where a
network can meet pods or nodes, or where nobody knows, it is not exact. Everything there is, or all of a kind, is
said by entities and by selectors without labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from edict.policy.model import EgressPeer, IngressPeer, NetworkExcept
from edict.policy.rules import Direction, PlacedRule
from edict.policy.space.addresses import EVERY_ADDRESS, Addresses, addresses_of
from edict.policy.space.labels import CLUSTER, Labels
from edict.policy.space.peers import ANYONE, Anyone, Mixed, Named, Nodes, Outside, Peer, Pods, Remote
from edict_agent.translate.cilium._fqdn import fqdn_selectors
from edict_agent.translate.cilium._selectors import everyone_selector, peer_selector, remote_selector
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.networks import IPNetwork
from edict_agent.translate.plan import Body
from edict_agent.translate.written import as_sets

_OTHERS = ("health", "ingress", "init", "remote-node", "unmanaged")
"""The entities that are neither pods nor outside, but for the pod's own node. As a source that is the node's probes:
they are outside the language, and a Deny of ``host`` would beat what Cilium allows it by itself."""


@dataclass
class _Kinds:
    """The peers of one rule, sorted by kind."""

    pods: list[Labels] = field(default_factory=list)
    remote: list[Labels] = field(default_factory=list)
    outside: Addresses = field(default_factory=Addresses)
    mixed: Addresses = field(default_factory=Addresses)
    names: list[str] = field(default_factory=list)
    every_node: bool = False

    @classmethod
    def of(cls, peers: Iterable[Peer]) -> _Kinds:
        kinds = cls()
        for peer in peers:
            match peer:
                case Pods(labels):
                    kinds.pods.append(labels)
                case Remote(labels):
                    kinds.remote.append(labels)
                case Outside(addresses):
                    kinds.outside |= addresses
                case Mixed(addresses):
                    kinds.mixed |= addresses
                case Named(name):
                    kinds.names.append(name)
                case Nodes(None):
                    kinds.every_node = True
                case Nodes():
                    raise InexactError(
                        Reason.PEER, "Cilium matches nodes only by an option that is off by default", "give networks"
                    )
        return kinds


def peer_groups(peers: Sequence[Peer], rule: PlacedRule, facts: Facts, leeway: Leeway) -> list[Body]:
    """Return for each kind of peers the part of a Cilium rule that names them.

    Args:
        peers: what the rule matches of its peers, or what is left of it.
        rule: as it is written: its direction, and the networks that the author would know again.
        facts: what is known of the cluster.
        leeway: what is done where the peers cannot be said.

    Raises:
        InexactError: a peer that Cilium cannot match exactly, without leeway for it.
    """
    if any(isinstance(peer, Anyone) for peer in peers):
        return _everything(rule.direction)
    kinds = _Kinds.of(peers)
    word = "from" if rule.direction is Direction.INGRESS else "to"
    groups: list[Body] = []
    endpoints = [peer_selector(pods, facts) for pods in kinds.pods]
    endpoints += [remote_selector(pods, facts) for pods in kinds.remote if is_there(pods, facts)]
    if endpoints:
        groups.append({f"{word}Endpoints": endpoints})
    entities = _entities(kinds, rule.direction, leeway)
    if entities:
        groups.append({f"{word}Entities": entities})
    networks = kinds.outside if not kinds.outside.is_everything else Addresses()
    if networks or kinds.mixed:
        _check_networks(kinds.mixed, rule.direction, facts, leeway)
        sets = as_sets(networks | kinds.mixed, _written(rule.peers))
        groups.append({f"{word}CIDRSet": [_cidr_rule(one.network, one.excepted) for one in sets]})
    if kinds.names:
        groups.append({"toFQDNs": fqdn_selectors(kinds.names, facts)})
    return groups


def is_everything(peers: Sequence[Peer]) -> bool:
    """Tell whether the peers are everything there is."""
    return ANYONE in peers


def every_address(facts: Facts) -> Addresses:
    """Return the addresses of the families that the cluster speaks; what is not switched off is taken to be there."""
    options = {4: "enable-ipv4", 6: "enable-ipv6"}
    total = Addresses()
    for version, option in options.items():
        if facts.enabled(option, default=True):
            total |= EVERY_ADDRESS.of_family(version)
    return total


def is_there(remote: Labels, facts: Facts) -> bool:
    """Tell whether pods of other clusters must be spoken of: always, but for all of them where there is no mesh."""
    cluster_id = facts.options.get("cluster-id", "").strip()
    if CLUSTER not in remote.terms:
        return cluster_id != "0"
    if cluster_id in {"", "0"}:
        raise InexactError(
            Reason.PEER,
            "clusters are known in Cilium by its mesh, and this cluster is not known to be in one",
            "connect the cluster to the mesh; to preview, give Cilium's option cluster-id in the facts",
        )
    return True


def _everything(direction: Direction) -> list[Body]:
    if direction is Direction.EGRESS:
        return [{"toEntities": ["all"]}]
    return [{"fromEntities": sorted((*_OTHERS, "world"))}, {"fromEndpoints": [everyone_selector()]}]


def _entities(kinds: _Kinds, direction: Direction, leeway: Leeway) -> list[str]:
    world = kinds.outside.is_everything
    if direction is Direction.EGRESS:
        others = (*_OTHERS, "host") if kinds.every_node else ()
        return sorted((*others, "world") if world else others)
    if world and not kinds.every_node:
        leeway.narrow(_masqueraded())
        return ["world"]
    if kinds.every_node and not world:
        raise _masqueraded()
    return sorted((*_OTHERS, "world")) if world else []


def _check_networks(mixed: Addresses, direction: Direction, facts: Facts, leeway: Leeway) -> None:
    if direction is Direction.INGRESS:
        leeway.narrow(_masqueraded())
    if mixed:
        leeway.narrow(_meets_pods(mixed, facts))


def _masqueraded() -> InexactError:
    return InexactError(
        Reason.INGRESS_NETWORK,
        "a source address may be that of a node that forwarded the connection",
        "select pods or namespaces, or every address of both families",
    )


def _meets_pods(mixed: Addresses, facts: Facts) -> InexactError:
    for what, cidrs in (("pod", facts.pod_cidrs), ("node", facts.node_cidrs)):
        if cidrs is None:
            return InexactError(
                Reason.NETWORK_MEETS_PODS,
                f"Cilium's networks do not match {what}s, and the {what} networks are not known",
                f"give the fact {what}CIDRs",
            )
        for cidr in cidrs:
            common = next((mixed & addresses_of([str(ip_network(cidr, strict=False))])).networks(), None)
            if common is not None:
                return InexactError(
                    Reason.NETWORK_MEETS_PODS,
                    f"Cilium's networks do not match {what}s, and {common} is in the {what} network {cidr}",
                    f"except {cidr} from the networks, and select pods by their labels",
                )
    return InexactError(Reason.NETWORK_MEETS_PODS, "Cilium's networks do not match pods and nodes")


def _written(peers: Iterable[IngressPeer | EgressPeer]) -> list[IPNetwork]:
    return [
        ip_network(network.cidr if isinstance(network, NetworkExcept) else network)
        for peer in peers
        if isinstance(peer.networks, tuple)
        for network in peer.networks
    ]


def _cidr_rule(network: IPNetwork, excepted: Sequence[IPNetwork]) -> Body:
    body: Body = {"cidr": str(network)}
    if excepted:
        body["except"] = [str(part) for part in excepted]
    return body
