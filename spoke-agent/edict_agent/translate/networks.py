"""Networks as sets of addresses: what translation asks of CIDRs and their exceptions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from edict.policy.model import Network, NetworkExcept
from edict.policy.space.addresses import network_of

IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class AddressSet:
    """A network without some of its parts, all of one address family."""

    network: IPNetwork
    excepted: tuple[IPNetwork, ...] = ()

    @property
    def is_whole_family(self) -> bool:
        """Whether it is every address of its family."""
        return self.network.prefixlen == 0 and not self.excepted


def address_set(network: Network) -> AddressSet:
    """Return the set that an item of ``networks`` means; the document has been validated."""
    if isinstance(network, NetworkExcept):
        parts = sorted({network_of(part) for part in network.except_}, key=_sort_key)
        return AddressSet(network_of(network.cidr), tuple(parts))
    return AddressSet(network_of(network))


def known_set(cidr: str) -> AddressSet:
    """Return the set of a network that a cluster reports, whatever its host bits."""
    return AddressSet(network_of(cidr))


def address_sets(networks: Iterable[Network]) -> tuple[AddressSet, ...]:
    """Return the sets of a peer, without repetitions, IPv4 first, in a stable order."""
    sets = {address_set(network) for network in networks}
    if len(sets) == 1:
        return tuple(sets)
    return tuple(
        sorted(
            sets,
            key=lambda entry: (_sort_key(entry.network), tuple(_sort_key(part) for part in entry.excepted)),
        )
    )


def within(part: IPNetwork, whole: IPNetwork) -> bool:
    """Tell whether one network lies inside another."""
    return part.version == whole.version and part.prefixlen >= whole.prefixlen and part.network_address in whole


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Tell whether two networks share an address."""
    return within(one, other) or within(other, one)


def sets_meet(one: AddressSet, other: AddressSet) -> bool:
    """Tell whether two sets may share an address; False only when they certainly do not."""
    if not overlap(one.network, other.network):
        return False
    common = one.network if within(one.network, other.network) else other.network
    return not any(within(common, part) for part in (*one.excepted, *other.excepted))


def covers_everything(sets: Iterable[AddressSet], versions: frozenset[int]) -> bool:
    """Tell whether the sets hold every address of the given IP versions."""
    return versions <= {entry.network.version for entry in sets if entry.is_whole_family}


def _sort_key(network: IPNetwork) -> tuple[int, int, int]:
    return (network.version, int(network.network_address), network.prefixlen)
