"""Peers as the one peer kind that each Cilium rule may have.

Networks match addresses outside the cluster alone, unless ``policy-cidr-match-mode`` says otherwise; where a
network can meet pods or nodes, or where nobody knows, it is not exact. A peer of every address is said by
entities, which match whatever there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import UNSET

from edict.policy.model import EgressPeer, IngressPeer, LabelSelector, NamespacedPod
from edict.policy.rules import Direction, PlacedRule
from edict_agent.translate.cilium._fqdn import fqdn_selectors
from edict_agent.translate.cilium._selectors import everyone_selector, peer_selector
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.networks import (
    AddressSet,
    address_sets,
    covers_everything,
    known_set,
    sets_meet,
)
from edict_agent.translate.plan import Body

_NOT_OWN_NODE = ["health", "ingress", "init", "remote-node", "unmanaged", "world"]
"""Every entity but ``all``, ``cluster`` and ``kube-apiserver``, which hold the pod's own node, and ``host``: the
node's probes are outside the language, and a Deny of ``host`` would beat what Cilium allows it by itself."""


def peer_groups(rule: PlacedRule, facts: Facts) -> list[Body]:
    """Return for each peer kind of the rule the part of a Cilium rule that names its peers.

    Raises:
        InexactError: a peer that Cilium cannot match exactly.
    """
    word = "from" if rule.direction is Direction.INGRESS else "to"
    networks = address_sets(network for peer in rule.peers if peer.networks is not UNSET for network in peer.networks)
    whole = covers_everything(networks, _families(facts))
    groups: list[Body] = []
    endpoints = [peer_selector(pods, facts) for pods in _pods(rule.peers)]
    if endpoints:
        groups.append({f"{word}Endpoints": endpoints})
    if whole:
        groups.extend(_everything(rule.direction))
    elif networks:
        groups.append({f"{word}CIDRSet": [_cidr_rule(one, rule.direction, facts) for one in networks]})
    names = [name for peer in rule.peers for name in _domain_names(peer)]
    if names:
        groups.append({"toFQDNs": fqdn_selectors(names, facts)})
    _refuse_others(rule.peers)
    return groups


def covers_direction(rule: PlacedRule, facts: Facts) -> bool:
    """Tell whether the rule's peers are everything there is."""
    networks = address_sets(network for peer in rule.peers if peer.networks is not UNSET for network in peer.networks)
    return covers_everything(networks, _families(facts))


def has_domain_names(rule: PlacedRule) -> bool:
    """Tell whether a peer of the rule is a domain name."""
    return any(True for peer in rule.peers for _ in _domain_names(peer))


def _families(facts: Facts) -> frozenset[int]:
    """Return the IP versions that the cluster speaks; what is not switched off is taken to be there."""
    options = {4: "enable-ipv4", 6: "enable-ipv6"}
    return frozenset(version for version, option in options.items() if facts.enabled(option, default=True))


def _everything(direction: Direction) -> list[Body]:
    if direction is Direction.EGRESS:
        return [{"toEntities": ["all"]}]
    return [{"fromEntities": list(_NOT_OWN_NODE)}, {"fromEndpoints": [everyone_selector()]}]


def _pods(peers: Sequence[IngressPeer | EgressPeer]) -> Iterator[NamespacedPod]:
    for peer in peers:
        if peer.pods is not UNSET:
            yield peer.pods
        elif peer.namespaces is not UNSET:
            yield NamespacedPod(pod_selector=LabelSelector(), namespace_selector=peer.namespaces)


def _domain_names(peer: IngressPeer | EgressPeer) -> Iterable[str]:
    if isinstance(peer, EgressPeer) and peer.domain_names is not UNSET:
        return peer.domain_names
    return ()


def _cidr_rule(one: AddressSet, direction: Direction, facts: Facts) -> Body:
    if direction is Direction.INGRESS:
        raise InexactError(
            Reason.INGRESS_NETWORK,
            "a source address may be that of a node that forwarded the connection",
            "select pods or namespaces, or every address of both families",
        )
    for what, cidrs in (("pod", facts.pod_cidrs), ("node", facts.node_cidrs)):
        if cidrs is None:
            raise InexactError(
                Reason.NETWORK_MEETS_PODS,
                f"Cilium's networks do not match {what}s, and the {what} networks are not known",
                f"give the fact {what}CIDRs",
            )
        met = next((cidr for cidr in cidrs if sets_meet(one, known_set(cidr))), None)
        if met is not None:
            raise InexactError(
                Reason.NETWORK_MEETS_PODS,
                f"Cilium's networks do not match {what}s, and {one.network} meets the {what} network {met}",
                f"write {{cidr: {one.network}, except: [{met}]}}, or narrow it",
            )
    body: Body = {"cidr": str(one.network)}
    if one.excepted:
        body["except"] = [str(part) for part in one.excepted]
    return body


def _refuse_others(peers: Sequence[IngressPeer | EgressPeer]) -> None:
    for peer in peers:
        if isinstance(peer, EgressPeer) and peer.nodes is not UNSET:
            raise InexactError(
                Reason.PEER, "Cilium matches nodes only by an option that is off by default", "give networks"
            )
        if peer.service_accounts is not UNSET:
            raise InexactError(
                Reason.PEER, "serviceAccounts cannot be matched in Cilium yet", "select the pods by their labels"
            )
        if peer.clusters is not UNSET:
            raise InexactError(Reason.PEER, "clusters of a mesh cannot be matched in Cilium yet")
