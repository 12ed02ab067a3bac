"""Peers by their upstream names; a network without some of its parts is said by the prefixes that are left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeAlias, TypeVar

from msgspec import UNSET

from edict.policy.model import EgressPeer, IngressPeer, Network
from edict.policy.rules import PlacedRule
from edict.policy.space.addresses import addresses_of
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body
from edict_agent.translate.upstream._selectors import pods_body, selector_body

T = TypeVar("T")
Fields: TypeAlias = frozenset[str] | None
"""Those of a served definition; None is unknown."""
MAX_ITEMS: Final = 25
"""Upstream's MaxItems of networks, peers and rules."""


def upstream_peers(rule: PlacedRule, known: Fields, leeway: Leeway) -> Iterator[Body]:
    """Yield the peers, of which any may match; ``known`` are the fields of an egress peer, where they are known.

    Raises:
        InexactError: a peer that upstream, or the served definition, does not have, and there is no leeway or nothing
            else is left.
    """
    return leeway.kept(rule.peers, lambda peer: _peer(peer, known))


def _peer(peer: IngressPeer | EgressPeer, known: Fields) -> Iterator[Body]:
    if peer.namespaces is not UNSET:
        yield {"namespaces": selector_body(peer.namespaces)}
    elif peer.pods is not UNSET:
        yield {"pods": pods_body(peer.pods)}
    elif isinstance(peer, EgressPeer):
        yield from _egress_peer(peer, known)
    else:
        _refuse_ingress(peer)


def _egress_peer(peer: EgressPeer, known: Fields) -> Iterator[Body]:
    if peer.networks is not UNSET:
        yield from _networks(peer.networks)
    elif peer.nodes is not UNSET:
        yield _experimental("nodes", selector_body(peer.nodes), known)
    elif peer.domain_names is not UNSET:
        yield _experimental("domainNames", list(peer.domain_names), known)
    else:
        _refuse(peer.service_accounts)


def _networks(networks: tuple[Network, ...]) -> Iterator[Body]:
    """Yield peers of at most so many networks each: the list is a set there, so that none may stand twice."""
    for some in in_batches(_distinct(str(prefix) for one in networks for prefix in addresses_of([one]).networks())):
        yield {"networks": some}


def _distinct(items: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for item in items:
        if item not in seen:
            seen.add(item)
            yield item


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield the items in their order, as many at a time as one list may hold, and none before it is asked for."""
    left = iter(items)
    while some := list(islice(left, MAX_ITEMS)):
        yield some


def _experimental(field: str, value: Body | list[str], known: Fields) -> Body:
    if known is None:
        raise InexactError(
            Reason.PEER,
            f"it is not known whether the served definition has {field}; one without drops them in silence",
            "give the fact egressPeers",
        )
    if field not in known:
        raise InexactError(
            Reason.PEER,
            f"the served definition has no {field}, and the API server would drop them in silence",
            "install the definition of the experimental channel, if the plugin implements it",
        )
    return {field: value}


def _refuse_ingress(peer: IngressPeer) -> None:
    if peer.networks is not UNSET:
        raise InexactError(
            Reason.INGRESS_NETWORK,
            "a ClusterNetworkPolicy has no networks at ingress",
            "select pods or namespaces; namespaces: {} is every pod of the cluster",
        )
    _refuse(peer.service_accounts)


def _refuse(service_accounts: object) -> None:
    if service_accounts is not UNSET:
        raise InexactError(
            Reason.PEER,
            "a ClusterNetworkPolicy has no serviceAccounts",
            "select the pods by their labels",
        )
    raise InexactError(Reason.PEER, "a ClusterNetworkPolicy has no peers in other clusters")
