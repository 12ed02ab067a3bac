"""Peers as the one peer kind that each Cilium rule may have.

Everything there is, or all of a kind, is said by entities and by selectors without labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edict.policy.rules import Direction, PlacedRule
from edict.policy.space.addresses import EVERY_ADDRESS, Addresses
from edict.policy.space.intervals import NOTHING
from edict.policy.space.labels import CLUSTER, Labels
from edict.policy.space.peers import ANYONE, Anyone, Mixed, Named, Nodes, Outside, Peer, Pods, Remote, Rest
from edict_agent.translate.cilium._fqdn import fqdn_selectors
from edict_agent.translate.cilium._networks import check_networks, network_rules
from edict_agent.translate.cilium._nodes import node_selectors, other_nodes, others_are_there
from edict_agent.translate.cilium._selectors import everyone_selector, peer_selector, remote_selector
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, masqueraded
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body

_REST = ("health", "ingress", "init", "unmanaged")
"""The entities that are neither pods nor nodes nor outside."""
_OTHERS = (*_REST, "remote-node")
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
    nodes: list[Labels] = field(default_factory=list)
    every_node: bool = False
    rest: bool = False

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
                case Nodes(labels) if labels is not None:
                    kinds.nodes.append(labels)
                case Rest():
                    kinds.rest = True
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
    every_node = any(not nodes.terms for nodes in kinds.nodes) and not others_are_there(facts)
    if not every_node:
        endpoints += [selector for nodes in kinds.nodes for selector in node_selectors(nodes, facts)]
    if kinds.rest and others_are_there(facts):
        endpoints.append(other_nodes(facts))
    if endpoints:
        groups.append({f"{word}Endpoints": endpoints})
    entities = _entities(kinds, rule.direction, leeway, nodes=every_node)
    if entities:
        groups.append({f"{word}Entities": entities})
    networks = kinds.outside if not kinds.outside.is_everything else Addresses()
    if networks or kinds.mixed:
        check_networks(kinds.mixed, rule.direction, facts, leeway)
        groups.append({f"{word}CIDRSet": network_rules(networks | kinds.mixed, rule)})
    if kinds.names:
        groups.append({"toFQDNs": fqdn_selectors(kinds.names, facts)})
    return groups


def is_everything(peers: Sequence[Peer]) -> bool:
    """Tell whether the peers are everything there is."""
    return ANYONE in peers


def every_address(facts: Facts) -> Addresses:
    """Return the addresses of the families that the cluster speaks; what is not switched off is taken to be there."""
    return Addresses(
        v4=EVERY_ADDRESS.v4 if facts.enabled("enable-ipv4", default=True) else NOTHING,
        v6=EVERY_ADDRESS.v6 if facts.enabled("enable-ipv6", default=True) else NOTHING,
    )


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


def _entities(kinds: _Kinds, direction: Direction, leeway: Leeway, *, nodes: bool) -> list[str]:
    world = kinds.outside.is_everything
    if direction is Direction.EGRESS:
        found = {"world"} if world else set[str]()
        found |= {*_OTHERS, "host"} if kinds.every_node else set(_REST) if kinds.rest else set()
        return sorted(found | {"host", "remote-node"} if nodes else found)
    if world and not kinds.every_node:
        leeway.narrow(masqueraded("both families"))
        return ["world"]
    if kinds.every_node and not world:
        raise masqueraded("both families")
    return sorted((*_OTHERS, "world")) if world else []
