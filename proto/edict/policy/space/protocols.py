"""Sets of what can be spoken: ports of TCP, UDP and SCTP, types and codes of ICMP, and all other protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from msgspec import UNSET, Struct

from edict.policy.model import Icmp, Protocol, TransportMatch
from edict.policy.space.intervals import NOTHING, Interval, Intervals

PORTS = Intervals(((1, 65535),))
"""Every port of a protocol: 0 is none that a connection could have."""
TYPES = Intervals(((0, 65535),))
"""Every type and code of an ICMP: the code is the low byte."""
_CODES = 256
LISTED = ("tcp", "udp", "sctp", "icmp4", "icmp6")
"""The fields of :class:`Spoken` that are intervals, in their order."""


class Spoken(Struct, frozen=True, gc=False):
    """A set of protocols with their ports, types and codes.

    ``others`` is every protocol that is not listed, all together; ``names`` are ports by name, of which nobody knows
    here what they are.
    """

    tcp: Intervals = NOTHING
    udp: Intervals = NOTHING
    sctp: Intervals = NOTHING
    icmp4: Intervals = NOTHING
    icmp6: Intervals = NOTHING
    others: bool = False
    names: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(
            self.others
            or self.tcp.parts
            or self.udp.parts
            or self.sctp.parts
            or self.icmp4.parts
            or self.icmp6.parts
            or self.names
        )

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self == EVERYTHING

    def meets(self, other: Spoken) -> bool:
        """Tell whether something may be in both; a port by name may be any of TCP, UDP and SCTP."""
        named = (self.names and (other.names or other.has_ports)) or (other.names and self.has_ports)
        return (
            bool(named)
            or (self.others and other.others)
            or self.tcp.meets(other.tcp)
            or self.udp.meets(other.udp)
            or self.sctp.meets(other.sctp)
            or self.icmp4.meets(other.icmp4)
            or self.icmp6.meets(other.icmp6)
        )

    @property
    def has_ports(self) -> bool:
        """Whether some port of some protocol is in it."""
        return bool(self.tcp.parts or self.udp.parts or self.sctp.parts)

    def __and__(self, other: Spoken) -> Spoken:
        """Return what is in both; the same name is the same port, another name is taken for another."""
        names = self._names_within(other) | other._names_within(self)
        return self._by_part(other, Intervals.__and__, others=self.others and other.others, names=names)

    def __or__(self, other: Spoken) -> Spoken:
        return self._by_part(
            other, Intervals.__or__, others=self.others or other.others, names=self.names | other.names
        )

    def __sub__(self, other: Spoken) -> Spoken:
        """Return what is left. The caller has seen to it that no name is where it may be something else's port."""
        names = frozenset[str]() if other.holds_every_port else self.names - other.names
        return self._by_part(other, Intervals.__sub__, others=self.others and not other.others, names=names)

    def _by_part(
        self, other: Spoken, made: Callable[[Intervals, Intervals], Intervals], *, others: bool, names: frozenset[str]
    ) -> Spoken:
        return Spoken(
            tcp=made(self.tcp, other.tcp),
            udp=made(self.udp, other.udp),
            sctp=made(self.sctp, other.sctp),
            icmp4=made(self.icmp4, other.icmp4),
            icmp6=made(self.icmp6, other.icmp6),
            others=others,
            names=names,
        )

    @property
    def holds_every_port(self) -> bool:
        """Whether every port of TCP, UDP and SCTP is in it, and so every port by name."""
        return self.tcp == self.udp == self.sctp == PORTS

    def _names_within(self, other: Spoken) -> frozenset[str]:
        return self.names if other.holds_every_port else self.names & other.names

    def parts(self) -> Iterator[tuple[str, Interval]]:
        """Yield protocol and interval of what is listed, in a stable order."""
        for name in LISTED:
            for interval in getattr(self, name).parts:
                yield name, interval


EVERYTHING = Spoken(PORTS, PORTS, PORTS, TYPES, TYPES, others=True)


def spoken_of(protocols: Iterable[Protocol]) -> Spoken:
    """Return what a list of protocols means; an empty one is everything."""
    return _spoken(tuple(protocols))


@lru_cache(maxsize=4096)
def _spoken(protocols: tuple[Protocol, ...]) -> Spoken:
    if not protocols:
        return EVERYTHING
    found: dict[str, list[Interval]] = {name: [] for name in LISTED}
    names: set[str] = set()
    for protocol in protocols:
        if protocol.icmp is not UNSET:
            found["icmp4" if protocol.icmp.family == "IPv4" else "icmp6"].append(_icmp(protocol.icmp))
        elif protocol.destination_named_port is not UNSET:
            names.add(protocol.destination_named_port)
        for name, match in (("tcp", protocol.tcp), ("udp", protocol.udp), ("sctp", protocol.sctp)):
            if match is not UNSET:
                found[name].append(_ports(match))
    parts = {name: Intervals.of(some) for name, some in found.items()}
    return Spoken(parts["tcp"], parts["udp"], parts["sctp"], parts["icmp4"], parts["icmp6"], names=frozenset(names))


def _icmp(icmp: Icmp) -> Interval:
    if icmp.type is UNSET:
        return TYPES.parts[0]
    first = icmp.type * _CODES
    if icmp.code is UNSET:
        return (first, first + _CODES - 1)
    return (first + icmp.code, first + icmp.code)


def _ports(match: TransportMatch) -> Interval:
    port = match.destination_port
    if port is UNSET:
        return PORTS.parts[0]
    if port.range is not UNSET:
        return (port.range.start, port.range.end)
    number = port.number if port.number is not UNSET else 0
    return (number, number)
