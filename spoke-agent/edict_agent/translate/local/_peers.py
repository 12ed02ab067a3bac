"""The peers and ports of a NetworkPolicy's rule.

Whether an ``ipBlock`` also matches pods and nodes is left to the plugin, so that a network is exact only where it can
meet neither, and is narrower where it can. Every address of both families is said by naming no peer at all.
"""

from __future__ import annotations

from msgspec import UNSET

from edict.policy.model import EgressPeer, IngressPeer, Protocol, TransportMatch
from edict.policy.ports import port_interval
from edict.policy.rules import Direction, PlacedRule
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, masqueraded
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.networks import AddressSet, address_sets, covers_everything, known_set, sets_meet
from edict_agent.translate.plan import Body
from edict_agent.translate.upstream._selectors import selector_body

_BOTH = frozenset({4, 6})
_WORDS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
_EVERY_PORT = (0, 65535)


def allow(rule: PlacedRule, facts: Facts, leeway: Leeway) -> Body:
    """Return the rule of a NetworkPolicy that allows what the rule matches.

    Raises:
        InexactError: a peer or a protocol that it cannot match exactly, and there is no leeway or nothing else is left.
    """
    body: Body = {}
    if not _everyone(rule):
        peers = leeway.kept(rule.peers, lambda peer: _peer(peer, rule.direction, facts, leeway))
        body[_WORDS[rule.direction]] = list(peers)
    if rule.protocols:
        body["ports"] = list(leeway.kept(rule.protocols, _ports))
    return body


def refuse_extras(rule: PlacedRule) -> None:
    """Refuse a rule that looks into HTTP or wants to be logged."""
    if rule.rule.http:
        raise InexactError(Reason.HTTP, "a NetworkPolicy does not match HTTP", "match the port instead")
    if rule.rule.log:
        raise InexactError(Reason.LOG, "a NetworkPolicy does not log its rules", "remove log")


def _everyone(rule: PlacedRule) -> bool:
    networks = address_sets(network for peer in rule.peers if peer.networks is not UNSET for network in peer.networks)
    return covers_everything(networks, _BOTH)


def _peer(peer: IngressPeer | EgressPeer, direction: Direction, facts: Facts, leeway: Leeway) -> list[Body]:
    if peer.namespaces is not UNSET:
        return [{"namespaceSelector": selector_body(peer.namespaces)}]
    if peer.pods is not UNSET:
        namespaces, pods = peer.pods.namespace_selector, peer.pods.pod_selector
        return [{"namespaceSelector": selector_body(namespaces), "podSelector": selector_body(pods)}]
    if peer.networks is not UNSET:
        return [_block(one, direction, facts, leeway) for one in address_sets(peer.networks)]
    if isinstance(peer, EgressPeer) and peer.domain_names is not UNSET:
        raise InexactError(Reason.DOMAIN_NAMES, "a NetworkPolicy has no domain names", "give the networks")
    if isinstance(peer, EgressPeer) and peer.nodes is not UNSET:
        raise InexactError(Reason.PEER, "a NetworkPolicy has no nodes", "give networks")
    if peer.service_accounts is not UNSET:
        raise InexactError(Reason.PEER, "a NetworkPolicy has no serviceAccounts", "select the pods by their labels")
    raise InexactError(Reason.PEER, "a NetworkPolicy has no peers in other clusters")


def _block(one: AddressSet, direction: Direction, facts: Facts, leeway: Leeway) -> Body:
    met = _met(one, facts)
    if direction is Direction.INGRESS:
        error = masqueraded("both families")
        if met is not None:  # as the address of a node it would be many others, too
            raise error
        leeway.narrow(error)
    elif met is not None:
        leeway.narrow(met)
    body: Body = {"cidr": str(one.network)}
    if one.excepted:
        body["except"] = [str(part) for part in one.excepted]
    return {"ipBlock": body}


def _met(one: AddressSet, facts: Facts) -> InexactError | None:
    """Return why a network may match pods or nodes; None where it certainly does not."""
    for what, cidrs in (("pod", facts.pod_cidrs), ("node", facts.node_cidrs)):
        if cidrs is None:
            return InexactError(
                Reason.NETWORK_MEETS_PODS,
                f"a NetworkPolicy's networks may match {what}s or not, and the {what} networks are not known",
                f"give the fact {what}CIDRs, or accept every address of both families",
            )
        met = next((cidr for cidr in cidrs if sets_meet(one, known_set(cidr))), None)
        if met is not None:
            return InexactError(
                Reason.NETWORK_MEETS_PODS,
                f"a NetworkPolicy's networks may match {what}s or not, and {one.network} meets {met} of the {what}s",
                f"write {{cidr: {one.network}, except: [{met}]}}, or narrow it",
            )
    return None


def _ports(protocol: Protocol) -> list[Body]:
    for name in ("tcp", "udp", "sctp"):
        match = getattr(protocol, name)
        if isinstance(match, TransportMatch):
            first, last = port_interval(match)
            body: Body = {"protocol": name.upper()}
            if (first, last) != _EVERY_PORT:
                body["port"] = first
            if first != last and "port" in body:
                body["endPort"] = last
            return [body]
    if protocol.destination_named_port is not UNSET:
        named = protocol.destination_named_port
        return [{"protocol": transport, "port": named} for transport in ("TCP", "UDP", "SCTP")]
    raise InexactError(
        Reason.PROTOCOL, "a NetworkPolicy has no ICMP", "leave the protocols out to match every protocol"
    )
