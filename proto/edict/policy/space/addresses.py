"""Sets of IP addresses of both families."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from edict.policy.model import Network, NetworkExcept
from edict.policy.space.intervals import NOTHING, Interval, Intervals

IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_V4, _V6 = 4, 6
_BITS = {_V4: 32, _V6: 128}


@dataclass(frozen=True, slots=True)
class Addresses:
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
    total = Addresses()
    for network in networks:
        if isinstance(network, NetworkExcept):
            total |= addresses_in([network.cidr]) - addresses_in(network.except_)
        else:
            total |= addresses_in([network])
    return total


def addresses_in(cidrs: Iterable[str]) -> Addresses:
    """Return the addresses of CIDRs, whatever their host bits.

    Raises:
        ValueError: one is no CIDR.
    """
    found: dict[int, list[Interval]] = {_V4: [], _V6: []}
    for cidr in cidrs:
        version, interval = _interval(cidr)
        found[version].append(interval)
    return Addresses(Intervals.of(found[_V4]), Intervals.of(found[_V6]))


@lru_cache(maxsize=65536)
def _interval(cidr: str) -> tuple[int, Interval]:
    network = ipaddress.ip_network(cidr, strict=False)
    first = int(network.network_address)
    return network.version, (first, first + 2 ** (_BITS[network.version] - network.prefixlen) - 1)
