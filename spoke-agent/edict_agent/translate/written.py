"""Sets of addresses as networks with exceptions, as a person would have written them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from edict.policy.space.addresses import Addresses, IPNetwork, addresses_in
from edict_agent.translate.networks import AddressSet, within

_WHOLE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


def as_sets(addresses: Addresses, written: Iterable[IPNetwork]) -> list[AddressSet]:
    """Return disjoint networks, with exceptions where that is shorter, that together are the addresses.

    Args:
        addresses: the set.
        written: the networks that the author wrote: they stay, with what is missing of them excepted.
    """
    found: list[AddressSet] = []
    rest = addresses
    for network in (*_outermost(written), *_WHOLE):
        whole = addresses_in([str(network)])
        part = rest & whole
        if not part:
            continue
        plain = (network,) if part == whole else tuple(part.networks())
        holes = tuple((whole - part).networks())
        if len(holes) < len(plain):
            found.append(AddressSet(network, holes))
            rest -= part
    found += [AddressSet(network) for network in rest.networks()]
    return sorted(found, key=lambda one: (one.network.version, int(one.network.network_address), one.network.prefixlen))


def _outermost(networks: Iterable[IPNetwork]) -> list[IPNetwork]:
    """Return the networks that lie in no other, each once."""
    kept: list[IPNetwork] = []
    for network in sorted(set(networks), key=lambda one: (one.version, one.prefixlen, int(one.network_address))):
        if not any(within(network, whole) for whole in kept):
            kept.append(network)
    return kept
