"""Sets of addresses as networks with exceptions, as a person would have written them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from itertools import islice

from edict.policy.space.addresses import Addresses, IPNetwork, addresses_in
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.networks import AddressSet, within

MAX_NETWORKS = 10_000
"""Networks and exceptions that one rule may become: a hole of one address leaves 128 networks around it."""
_WHOLE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


def as_sets(addresses: Addresses, written: Iterable[IPNetwork]) -> list[AddressSet]:
    """Return disjoint networks, with exceptions where that is shorter, that together are the addresses.

    Args:
        addresses: the set.
        written: the networks that the author wrote: they stay, with what is missing of them excepted.

    Raises:
        InexactError: EDICT0522; they would be more than anybody could read.
    """
    outermost = _outermost(written)
    if addresses == addresses_in(map(str, outermost)):
        _check(len(outermost))
        return [AddressSet(network) for network in outermost]
    found: list[AddressSet] = []
    total = 0
    rest = addresses
    for networks in (outermost, _WHOLE):
        taken: list[str] = []
        for network in networks:
            part = rest.within(network)
            if not part:
                continue
            whole = addresses_in([str(network)])
            plain = (network,) if part == whole else _listed(part)
            holes = _listed(whole - part)
            if len(holes) < len(plain):
                found.append(AddressSet(network, holes))
                taken.append(str(network))
                total += 1 + len(holes)
                _check(total)
        rest -= addresses_in(taken)
    left = _listed(rest)
    _check(total + len(left))
    found += [AddressSet(network) for network in left]
    return sorted(found, key=lambda one: (one.network.version, int(one.network.network_address), one.network.prefixlen))


def _listed(addresses: Addresses) -> tuple[IPNetwork, ...]:
    """Return the networks of a set, at most one more than are allowed."""
    return tuple(islice(addresses.networks(), MAX_NETWORKS + 1))


def _check(number: int) -> None:
    if number > MAX_NETWORKS:
        raise InexactError(
            Reason.TOO_LARGE,
            f"what is left of the networks is more than {MAX_NETWORKS} networks",
            "write fewer or larger networks and exceptions, or several rules",
        )


def _outermost(networks: Iterable[IPNetwork]) -> list[IPNetwork]:
    """Return the networks that lie in no other, each once."""
    distinct = set(networks)
    if len(distinct) == 1:
        return list(distinct)
    kept: list[IPNetwork] = []
    for network in sorted(distinct, key=lambda one: (one.version, int(one.network_address), one.prefixlen)):
        if not kept or not within(network, kept[-1]):
            kept.append(network)
    return kept
