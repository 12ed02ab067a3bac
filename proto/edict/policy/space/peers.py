"""Kinds of peers as disjoint parts of everything there is: pods, nodes, pods of other clusters, and the outside.

A network belongs to the outside only where it is known that no pod and no node has an address in it; otherwise it
is :class:`Mixed`, of which only the addresses are known. Domain names are names of addresses outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from msgspec import UNSET, Struct

from edict.policy.model import EgressPeer, IngressPeer, LabelSelector, NamespacedPod, Network
from edict.policy.space.addresses import EVERY_ADDRESS, Addresses, addresses_of
from edict.policy.space.labels import EVERY_NODE, EVERY_POD, Labels, accounts, in_clusters, labels_of, nodes_of


class UnknowableError(Exception):
    """A difference that cannot be said, because nobody knows which pods, nodes or names have which addresses."""


class Ground(Struct, frozen=True, gc=False):
    """Which addresses pods and nodes may have; None is unknown. ``every`` are those of the families in use."""

    pods: Addresses | None = None
    nodes: Addresses | None = None
    every: Addresses = EVERY_ADDRESS

    def is_outside(self, addresses: Addresses) -> bool:
        """Tell whether certainly no pod and no node has one of the addresses."""
        return all(known is not None and not (known & addresses) for known in (self.pods, self.nodes))


class Anyone(Struct, frozen=True, gc=False):
    """Everything there is."""


class Pods(Struct, frozen=True, gc=False):
    """Pods of this cluster, but for those on the network of their node."""

    labels: Labels = EVERY_POD


class Remote(Struct, frozen=True, gc=False):
    """Pods of other clusters of the mesh."""

    labels: Labels = EVERY_POD


class Nodes(Struct, frozen=True, gc=False):
    """Nodes by their labels; with None all that is neither a pod nor outside."""

    labels: Labels | None = None


class Rest(Struct, frozen=True, gc=False):
    """What is neither a pod, nor a node of this cluster, nor outside: what a plugin runs by itself, and other nodes."""


class Outside(Struct, frozen=True, gc=False):
    """Addresses that no pod and no node has."""

    addresses: Addresses = EVERY_ADDRESS


class Named(Struct, frozen=True, gc=False):
    """Addresses outside that a domain name leads to: lower case, no dot at its end, ``*.`` for any prefix."""

    name: str


class Mixed(Struct, frozen=True, gc=False):
    """Addresses, whoever has them."""

    addresses: Addresses


Peer: TypeAlias = Anyone | Pods | Remote | Nodes | Rest | Outside | Named | Mixed
ANYONE = Anyone()
_EVERY_KIND: tuple[Pods | Outside | Nodes | Remote, ...] = (Pods(), Outside(), Nodes(), Remote())
"""What :data:`ANYONE` is made of."""


def peers_of(  # noqa: C901 - a case for each kind
    peers: Iterable[IngressPeer | EgressPeer], ground: Ground
) -> Iterator[Peer]:
    """Yield the parts that a rule's peers are, networks of one kind joined."""
    networks: list[Network] = []
    for peer in peers:
        if peer.namespaces is not UNSET:
            yield Pods(labels_of(NamespacedPod(pod_selector=LabelSelector(), namespace_selector=peer.namespaces)))
        elif peer.pods is not UNSET:
            yield Pods(labels_of(peer.pods))
        elif peer.service_accounts is not UNSET:
            yield Pods(accounts(peer.service_accounts.names, peer.service_accounts.namespace_selector))
        elif peer.clusters is not UNSET:
            pods = peer.clusters.pods
            yield Remote(in_clusters(peer.clusters.names, None if pods is UNSET else pods))
        elif peer.networks is not UNSET:
            networks.extend(peer.networks)
        elif isinstance(peer, EgressPeer):
            if peer.nodes is not UNSET:
                yield Nodes(nodes_of(peer.nodes))
            elif peer.domain_names is not UNSET:
                for name in sorted({name.lower().rstrip(".") for name in peer.domain_names}):
                    yield Named(name)
    yield from _networks(networks, ground)


def _networks(networks: list[Network], ground: Ground) -> Iterator[Peer]:
    total = addresses_of(networks)
    if not total:
        return
    if not ground.every - total:
        yield ANYONE
        return
    if ground.is_outside(total):
        yield Outside(total)
        return
    apart, mixed = Addresses(), Addresses()
    for network in networks:
        addresses = addresses_of([network])
        if ground.is_outside(addresses):
            apart |= addresses
        else:
            mixed |= addresses
    if apart - mixed:
        yield Outside(apart - mixed)
    if mixed:
        yield Mixed(mixed)


def meet(one: Peer, other: Peer, ground: Ground) -> bool:  # noqa: PLR0911 - a case for each pair of kinds
    """Tell whether something may be in both; False only when certainly nothing is."""
    if isinstance(one, Anyone) or isinstance(other, Anyone):
        return True
    if isinstance(one, Mixed) or isinstance(other, Mixed):
        return _mixed_meets(one, other, ground) if isinstance(one, Mixed) else meet(other, one, ground)
    match one, other:
        case (Pods(mine), Pods(theirs)) | (Remote(mine), Remote(theirs)):
            return mine.meets(theirs)
        case Nodes(mine_), Nodes(theirs_):
            return mine_ is None or theirs_ is None or mine_.meets(theirs_)
        case (Rest(), Rest() | Nodes(None)) | (Nodes(None), Rest()):
            return True
        case Outside(here), Outside(there):
            return bool(here & there)
        case Named() | Outside(), Named() | Outside():  # an address may have any names
            return True
        case _:
            return False


def realm(peer: Peer) -> str:
    """Return where a peer is to be found: peers of two realms never meet, but for those of none, which are anywhere."""
    match peer:
        case Pods():
            return "pods"
        case Remote():
            return "remote"
        case Nodes() | Rest():
            return "nodes"
        case Outside() | Named():
            return "outside"
        case _:
            return ""


def both(one: Peer, other: Peer) -> Peer:  # noqa: C901, PLR0911 - a case for each pair of kinds
    """Return what is in both of two parts that may meet.

    Raises:
        UnknowableError: it cannot be said.
    """
    match one, other:
        case (Anyone(), part) | (part, Anyone()):
            return part
        case Pods(mine), Pods(theirs):
            return Pods(mine & theirs)
        case Remote(mine), Remote(theirs):
            return Remote(mine & theirs)
        case Nodes(mine_), Nodes(theirs_):
            return Nodes(_both_nodes(mine_, theirs_))
        case (Rest(), Rest() | Nodes(None)) | (Nodes(None), Rest()):
            return Rest()
        case Outside(here), Outside(there):
            return Outside(here & there)
        case Mixed(here), Mixed(there):
            return Mixed(here & there)
        case Named(name), Named(its) if _covers(its, name):
            return one
        case Named(name), Named(its) if _covers(name, its):
            return other
        case (Named(), Outside(addresses)) if addresses.is_everything:
            return one
        case (Outside(addresses), Named()) if addresses.is_everything:
            return other
    raise UnknowableError


def minus(  # noqa: C901, PLR0911, PLR0912 - a case for each pair of kinds
    one: Peer, other: Peer, ground: Ground
) -> Iterable[Peer]:
    """Return disjoint parts that together are the one without the other; the caller looks at each once.

    Raises:
        UnknowableError: it cannot be said.
    """
    if not meet(one, other, ground):
        return [one]
    match one, other:
        case _, Anyone():
            return []
        case Anyone(), Pods() | Outside() | Nodes() | Rest() | Remote():
            return (part for whole in _EVERY_KIND for part in minus(whole, other, ground))
        case Pods(mine), Pods(theirs):
            return (Pods(part) for part in mine - theirs)
        case Remote(mine), Remote(theirs):
            return (Remote(part) for part in mine - theirs)
        case (Nodes() | Rest(), Nodes(None)) | (Rest(), Rest()):
            return []
        case Nodes(None), Rest():
            return [Nodes(EVERY_NODE)]
        case Nodes(None), Nodes(theirs_) if theirs_ is not None:
            return [Rest(), *(Nodes(part) for part in EVERY_NODE - theirs_)]
        case Nodes(mine_), Nodes(theirs_) if mine_ is not None and theirs_ is not None:
            return (Nodes(part) for part in mine_ - theirs_)
        case Outside(here), Outside(there):
            return [Outside(here - there)] if here - there else []
        case Mixed(here), Mixed(there):
            return [Mixed(here - there)] if here - there else []
        case Named(name), Named(its) if _covers(its, name):
            return []
        case Named(), Outside(addresses) if addresses.is_everything:
            return []
    raise UnknowableError


def _mixed_meets(one: Mixed, other: Peer, ground: Ground) -> bool:
    match other:
        case Mixed(addresses) | Outside(addresses):
            return bool(one.addresses & addresses)
        case Pods() | Remote():
            return ground.pods is None or bool(ground.pods & one.addresses)
        case Nodes() | Rest():
            return ground.nodes is None or bool(ground.nodes & one.addresses)
        case _:
            return True


def _both_nodes(mine: Labels | None, theirs: Labels | None) -> Labels | None:
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return mine & theirs


def _covers(name: str, other: str) -> bool:
    """Tell whether every host of the other name is one of the name."""
    return name == other or (name.startswith("*.") and other.removeprefix("*.").endswith(name[1:]))
