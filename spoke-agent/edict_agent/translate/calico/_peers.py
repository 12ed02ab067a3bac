"""Peers as Calico's entities: each is one side of a rule, all of one address family or of none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from edict.policy.model import EgressPeer, IngressPeer, LabelSelector, NamespacedPod
from edict.policy.rules import Direction, PlacedRule
from edict_agent.translate.calico._selectors import entity
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, masqueraded
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.networks import AddressSet, address_sets, covers_everything, known_set, sets_meet
from edict_agent.translate.plan import Body

_BOTH = frozenset({4, 6})
_OUTSIDE = {
    "nodes": "select nodes by networks",
    "clusters": "",
}
_WORDS = {"nodes": "nodes", "clusters": "clusters of a mesh"}


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a Calico rule; ``version`` is 4 or 6 where the addresses are of one family, else None."""

    body: Body
    version: int | None = None


def sides(rule: PlacedRule, facts: Facts, leeway: Leeway) -> Iterator[Side]:
    """Yield the sides that together are the rule's peers.

    Raises:
        InexactError: a peer that Calico cannot match exactly, without leeway for it.
    """
    for peer in rule.peers:
        if peer.namespaces is not UNSET:
            everyone = LabelSelector()
            yield Side(entity(NamespacedPod(pod_selector=everyone, namespace_selector=peer.namespaces)))
        elif peer.pods is not UNSET:
            yield Side(entity(peer.pods))
        elif peer.service_accounts is not UNSET:
            chosen = peer.service_accounts
            whose = entity(NamespacedPod(pod_selector=LabelSelector(), namespace_selector=chosen.namespace_selector))
            yield Side(whose | {"serviceAccounts": {"names": sorted(chosen.names)}})
        elif peer.networks is not UNSET:
            yield from _network_sides(address_sets(peer.networks), rule.direction, facts, leeway)
        else:
            _refuse(peer)


def _network_sides(sets: Sequence[AddressSet], direction: Direction, facts: Facts, leeway: Leeway) -> Iterator[Side]:
    if direction is Direction.INGRESS and not all(entry.is_whole_family for entry in sets):
        _check_sources(sets, facts, leeway)
    if covers_everything(sets, _BOTH):
        yield Side({})
        return
    for version in (4, 6):
        plain = [str(one.network) for one in sets if one.network.version == version and not one.excepted]
        if plain:
            yield Side({"nets": plain}, version)
    for entry in sets:
        if entry.excepted:
            yield Side(
                {"nets": [str(entry.network)], "notNets": [str(part) for part in entry.excepted]},
                entry.network.version,
            )


def _check_sources(sets: Sequence[AddressSet], facts: Facts, leeway: Leeway) -> None:
    """Refuse sources by address, but for an Accept that may match less: a forwarding node's address is in none."""
    error = masqueraded("a family")
    nodes = facts.node_cidrs
    if nodes is None or any(sets_meet(one, known_set(node)) for one in sets for node in nodes):
        raise error
    leeway.narrow(error)


def _refuse(peer: IngressPeer | EgressPeer) -> None:
    if isinstance(peer, EgressPeer) and peer.domain_names is not UNSET:
        raise InexactError(
            Reason.DOMAIN_NAMES,
            "open source Calico has no domain names",
            "place the policy on clusters with Cilium, or give the networks",
        )
    for name, remedy in _OUTSIDE.items():
        if getattr(peer, name, UNSET) is not UNSET:
            raise InexactError(Reason.PEER, f"{_WORDS[name]} cannot be matched in Calico yet", remedy)
    raise InexactError(Reason.PEER, "the peer is of an unknown kind")
