"""Sets of IP addresses of both families."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct

from edict.policy.model import Network, NetworkExcept
from edict.policy.space.intervals import NOTHING, Intervals

IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_V4, _V6 = 4, 6
_BITS = {_V4: 32, _V6: 128}


class Addresses(Struct, frozen=True, gc=False):
    """A set of addresses, each family as numbers."""

    v4: Intervals = NOTHING
    v6: Intervals = NOTHING

    def __bool__(self) -> bool:
        return bool(self.v4 or self.v6)

    def __or__(self, other: Addresses) -> Addresses:
        return Addresses(self.v4 | other.v4, self.v6 | other.v6)

    def __and__(self, other: Addresses) -> Addresses:
        return Addresses(self.v4 & other.v4, self.v6 & other.v6)

    def __sub__(self, other: Addresses) -> Addresses:
        return Addresses(self.v4 - other.v4, self.v6 - other.v6)

    def within(self, network: IPNetwork) -> Addresses:
        """Return those of a network; quick where the set has many parts."""
        first, last = int(network.network_address), int(network.broadcast_address)
        if network.version == _V4:
            return Addresses(v4=self.v4.within(first, last))
        return Addresses(v6=self.v6.within(first, last))

    @property
    def is_everything(self) -> bool:
        """Whether no address is left out."""
        return self == EVERY_ADDRESS

    def of_family(self, version: int) -> Addresses:
        """Return the addresses of one IP version."""
        return Addresses(v4=self.v4) if version == _V4 else Addresses(v6=self.v6)

    def networks(self) -> Iterator[IPNetwork]:
        """Yield the fewest networks that together are the set, IPv4 first, ascending."""
        for first, last in self.v4.parts:
            yield from ipaddress.summarize_address_range(ipaddress.IPv4Address(first), ipaddress.IPv4Address(last))
        for first, last in self.v6.parts:
            yield from ipaddress.summarize_address_range(ipaddress.IPv6Address(first), ipaddress.IPv6Address(last))


EVERY_ADDRESS = Addresses(Intervals(((0, 2**32 - 1),)), Intervals(((0, 2**128 - 1),)))


def addresses_of(networks: Iterable[Network]) -> Addresses:
    """Return the addresses of a document's ``networks``, exceptions left out; the document has been validated."""
    plain: list[str] = []
    total = Addresses()
    for network in networks:
        if isinstance(network, NetworkExcept):
            total |= addresses_in([network.cidr]) - addresses_in(network.except_)
        else:
            plain.append(network)
    return total | addresses_in(plain)


def addresses_in(cidrs: Iterable[str]) -> Addresses:
    """Return the addresses of CIDRs, whatever their host bits.

    Raises:
        ValueError: one is no CIDR.
    """
    found = [_block(cidr) for cidr in cidrs]
    if len(found) == 1:
        return found[0]
    return Addresses(
        Intervals.of(part for one in found for part in one.v4.parts),
        Intervals.of(part for one in found for part in one.v6.parts),
    )


@lru_cache(maxsize=65536)
def network_of(cidr: str) -> IPNetwork:
    """Return a CIDR as a network, whatever its host bits.

    Raises:
        ValueError: it is no CIDR.
    """
    return ipaddress.ip_network(cidr, strict=False)


@lru_cache(maxsize=65536)
def _block(cidr: str) -> Addresses:
    network = network_of(cidr)
    first = int(network.network_address)
    block = Intervals(((first, first + 2 ** (_BITS[network.version] - network.prefixlen) - 1),))
    return Addresses(v4=block) if network.version == _V4 else Addresses(v6=block)
