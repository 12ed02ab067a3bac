"""Protocols as matches of a Calico rule: ports of one protocol stand together, at most 50 of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from msgspec import UNSET

from edict.policy.model import Icmp, Protocol, TransportMatch
from edict.policy.ports import port_interval
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import Body

_TRANSPORTS = ("tcp", "udp", "sctp")
"""The protocols that have ports; a port by name is any of them."""
MAX_ICMP_TYPE = 254
"""Calico's validator stops here; to iptables 255 would mean any type."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule says about the protocol; ``ports`` are destination ports, ``version`` as in ``Side``."""

    body: Body
    ports: tuple[int | str, ...] = ()
    version: int | None = None


@lru_cache(maxsize=4096)
def matches(protocols: tuple[Protocol, ...]) -> tuple[Match, ...]:
    """Return the matches that together are the rule's protocols; one empty match is every protocol.

    Raises:
        InexactError: a protocol that Calico cannot match exactly.
    """
    return tuple(_matches(protocols))


def _matches(protocols: tuple[Protocol, ...]) -> Iterator[Match]:
    if not protocols:
        yield Match({})
        return
    for name in _TRANSPORTS:
        found = [getattr(protocol, name) for protocol in protocols]
        transports = [match for match in found if isinstance(match, TransportMatch)]
        if not transports:
            continue
        if any(match.destination_port is UNSET for match in transports):
            yield Match({"protocol": name.upper()})
            continue
        intervals = sorted({port_interval(match) for match in transports})
        yield Match({"protocol": name.upper()}, tuple(_port(*interval) for interval in intervals))
    for protocol in protocols:
        if protocol.icmp is not UNSET:
            yield _icmp(protocol.icmp)
    named = (protocol.destination_named_port for protocol in protocols)
    names = sorted({name for name in named if isinstance(name, str)})
    if names:
        for transport in _TRANSPORTS:
            yield Match({"protocol": transport.upper()}, tuple(names))


def _port(first: int, last: int) -> int | str:
    return first if first == last else f"{first}:{last}"


def _icmp(icmp: Icmp) -> Match:
    version = 4 if icmp.family == "IPv4" else 6
    body: Body = {"protocol": "ICMP" if version == 4 else "ICMPv6", "ipVersion": version}  # noqa: PLR2004
    if icmp.type is UNSET:
        return Match(body, version=version)
    if icmp.type > MAX_ICMP_TYPE:
        raise InexactError(
            Reason.PROTOCOL, "Calico cannot match ICMP type 255", "leave the type out to match every type"
        )
    fields = {"type": icmp.type}
    if icmp.code is not UNSET:
        fields["code"] = icmp.code
    return Match(body | {"icmp": fields}, version=version)
