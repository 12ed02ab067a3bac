"""One connection of a region, made up whole: a world that the reference semantics can be asked about."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from itertools import count

import msgspec
from msgspec import Struct

from edict.policy.changes.regions import About, Kind, Region, addresses_of_kind, covers, of_namespace
from edict.policy.model import Http
from edict.policy.rules import Direction
from edict.policy.space import Ground
from edict.policy.space.addresses import EVERY_ADDRESS, Addresses
from edict.policy.space.intervals import Intervals
from edict.policy.space.labels import ACCOUNT, ANYTHING, CLUSTER, NAMESPACE, Labels, Owner, Values
from edict.policy.space.protocols import Spoken
from edict.policy.world import LOCAL, Flow, NamedPort, Node, Pod, Request, World, address_of

_PREFERRED = {
    Kind.POD: ("10.244.0.20", "10.0.0.20", "fd00::20"),
    Kind.REMOTE: ("10.245.0.20", "10.0.0.20", "fd00::20"),
    Kind.NODE: ("192.168.0.20", "172.18.0.20", "10.0.0.20", "fd00::20"),
    Kind.OUTSIDE: ("203.0.113.20", "198.51.100.20", "192.0.2.20", "100.20.30.40", "2001:db8::20"),
}
_SUBJECT = ("10.244.0.10", "10.0.0.10", "fd00::10")
_PORTS = (443, 80, 8080, 53)
_ICMP = {"icmp4": ("icmp", 8 * 256), "icmp6": ("icmpv6", 128 * 256)}
"""The protocol's word in a flow, and the echo request."""
_OTHER = "gre"
_CODES = 256


class Example(Struct, frozen=True):
    """A connection: between whom it is stands in the world.

    Attributes:
        cluster: labels of the cluster that it is on.
        world: the pod that the policies are about, and the other end.
        flow: the connection.
    """

    cluster: Mapping[str, str]
    world: World
    flow: Flow


def example_of(region: Region, direction: Direction, ground: Ground) -> Example:
    """Return a connection of a region that certainly has one (it is settled, and ``is_certain``)."""
    kind, addresses, spoken = next(_ways(region, ground))
    protocol, number = _protocol(spoken, with_ports=any(fact.about is About.PORT for fact in region.so))
    there = _preferred(addresses, _PREFERRED[kind])
    version = address_of(there).version
    own = addresses_of_kind(Kind.POD, ground).of_family(version) - _just(there)
    here = _preferred(own, _SUBJECT)
    ports = tuple(NamedPort(fact.text, protocol, number) for fact in sorted(region.so) if fact.about is About.PORT)
    source, destination = (here, there) if direction is Direction.EGRESS else (there, here)
    is_icmp = protocol.startswith("icmp")
    flow = Flow(
        source=source,
        destination=destination,
        protocol=protocol,
        port=0 if is_icmp else number,
        icmp_type=number // _CODES if is_icmp else None,
        icmp_code=number % _CODES if is_icmp else None,
        request=_request(region),
    )
    world = _world(
        region, kind, {here: ports if here == destination else (), there: ports if there == destination else ()}
    )
    return Example(_labels(region.clusters, Owner.POD), world, flow)


def _ways(region: Region, ground: Ground) -> Iterator[tuple[Kind, Addresses, Spoken]]:
    """Yield what the other end may be; the outside first where it is asked for by its addresses."""
    first = Kind.POD if region.addresses == EVERY_ADDRESS else Kind.OUTSIDE
    for kind in (first, *Kind):
        if kind in region.kinds:
            for addresses, spoken in region.families(kind, ground):
                yield kind, addresses, spoken


def _protocol(spoken: Spoken, *, with_ports: bool) -> tuple[str, int]:
    for name in ("tcp", "udp", "sctp"):
        ports = getattr(spoken, name)
        if ports:
            return name, _preferred_number(ports, _PORTS)
    if not with_ports:
        for name, (word, echo) in _ICMP.items():
            types = getattr(spoken, name)
            if types:
                return word, _preferred_number(types, (echo,))
    return _OTHER, 0


def _preferred_number(numbers: Intervals, preferred: tuple[int, ...]) -> int:
    return next((number for number in preferred if number in numbers), numbers.parts[0][0])


def _preferred(addresses: Addresses, preferred: tuple[str, ...]) -> str:
    """Return an address of a set: one that looks like an example, else the first behind the network's own."""
    for text in preferred:
        if addresses & _just(text):
            return text
    network = next(addresses.networks())
    return str(network[1] if network.num_addresses > 1 else network[0])


def _just(text: str) -> Addresses:
    number = int(ipaddress.ip_address(text))
    one = Intervals(((number, number),))
    return Addresses(v4=one) if address_of(text).version == 4 else Addresses(v6=one)  # noqa: PLR2004 - IPv4


def _world(region: Region, kind: Kind, ends: Mapping[str, tuple[NamedPort, ...]]) -> World:
    (here, own_ports), (there, its_ports) = ends.items()
    is_pod = kind in {Kind.POD, Kind.REMOTE}
    name, other_name = _namespaces(region.subject, region.labels if is_pod else Labels())
    subject = _pod(region.subject, name, "subject", here, own_ports)
    if kind is Kind.NODE:
        node = Node("node", _labels(region.labels, Owner.NODE), (there,))
        return World({name: _labels(region.subject, Owner.NAMESPACE)}, (subject,), (node,))
    if kind is Kind.OUTSIDE:
        names = tuple(_names(region))
        called = {there: names} if names else {}
        return World({name: _labels(region.subject, Owner.NAMESPACE)}, (subject,), domain_names=called)
    peer = _pod(region.labels, other_name, "peer", there, its_ports, remote=kind is Kind.REMOTE)
    if peer.cluster == LOCAL and name == other_name:
        namespaces = {name: _labels(of_namespace(region.subject) & of_namespace(region.labels), Owner.NAMESPACE)}
    else:
        of_peer = other_name if peer.cluster == LOCAL else f"{peer.cluster}/{other_name}"
        namespaces = {
            name: _labels(region.subject, Owner.NAMESPACE),
            of_peer: _labels(region.labels, Owner.NAMESPACE),
        }
    return World(namespaces, (subject, peer))


def _pod(
    labels: Labels, namespace: str, name: str, address: str, ports: tuple[NamedPort, ...], *, remote: bool = False
) -> Pod:
    return Pod(
        namespace=namespace,
        name=name,
        labels=_labels(labels, Owner.POD),
        addresses=(address,),
        service_account=_some(labels.terms.get(ACCOUNT, ANYTHING), "default"),
        named_ports=ports,
        cluster=_some(labels.terms.get(CLUSTER, ANYTHING), "other-cluster") if remote else LOCAL,
    )


def _namespaces(subject: Labels, peer: Labels) -> tuple[str, str]:
    """Return a namespace for each end: two of them wherever that can be, since each has its own labels."""
    mine, theirs = (
        list(_two(labels.terms.get(NAMESPACE, ANYTHING), word))
        for labels, word in ((subject, "example"), (peer, "peer-example"))
    )
    pairs = [(one, other) for one in mine for other in theirs]
    return next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])


def _two(values: Values, word: str) -> Iterator[str]:
    """Yield up to two texts that a label may have."""
    if not values.others:
        yield from sorted(values.listed)[:2]
        return
    first = _some(values, word)
    yield first
    yield _some(values & Values(frozenset({first})), word)


def _some(values: Values, word: str) -> str:
    """Return a text that a label may have: one that is listed, else a made-up one."""
    if not values.others:
        return min(values.listed)
    made = (word if number == 1 else f"{word}-{number}" for number in count(1))
    return next(text for text in made if text not in values.listed)


def _labels(labels: Labels, owner: Owner) -> dict[str, str]:
    """Return labels of one owner; one that may be absent is."""
    return {
        key.name: _some(values, "example")
        for key, values in sorted(labels.terms.items())
        if key.owner is owner and key != NAMESPACE and not values.absent
    }


def _names(region: Region) -> Iterator[str]:
    """Yield a domain name for each that is wanted, none of them one that is unwanted."""
    unwanted = [fact.text for fact in region.not_so if fact.about is About.DOMAIN]
    for fact in sorted(region.so):
        if fact.about is About.DOMAIN:
            made = (f"{'www' if number == 1 else f'www-{number}'}{fact.text[1:]}" for number in count(1))
            tried = made if fact.text.startswith("*.") else iter([fact.text])
            yield next(name for name in tried if not any(covers(other, name) for other in unwanted))


def _request(region: Region) -> Request | None:
    for fact in region.so:
        if fact.about is About.HTTP:
            wanted = msgspec.json.decode(fact.text, type=tuple[Http, ...])[0]
            return Request(
                method=wanted.methods[0] if wanted.methods else "GET",
                path=wanted.paths[0] if wanted.paths else "/",
                host=wanted.hosts[0] if wanted.hosts else "www.example",
            )
    return None
