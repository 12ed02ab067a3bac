"""Protocols as the ``toPorts`` or the ``icmps`` of a Cilium rule, which cannot stand together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from edict.policy.model import Http
from edict.policy.space.intervals import Interval, Intervals
from edict.policy.space.protocols import EVERYTHING, PORTS, TYPES, Spoken
from edict_agent.translate.cilium._http import http_ports, http_rules
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body

MAX_PORTS = 40
"""Ports of an entry of ``toPorts``, fields of one of ``icmps``; more types of ICMP would crowd a pod's policy map."""
_EVERY_PORT = "0"
"""Cilium's wildcard: every port of the protocol (``pkg/policy/l4.go``)."""
_EVERY_TYPE = 0
"""It becomes port 0, and so the wildcard (``ICMPField.PortProtocol`` in ``pkg/policy/api/icmp.go``)."""
_TYPE_IS_WILDCARD_UNTIL = (1, 20)
_CODES = 256
_DNS = (53, 53)
_DNS_RULES = {"dns": [{"matchPattern": "*"}]}
_FAMILIES = {"icmp4": "IPv4", "icmp6": "IPv6"}


def protocol_groups(spoken: Spoken, facts: Facts, leeway: Leeway, *, dns: bool = False) -> list[Body]:
    """Return for each kind of protocol the part of a Cilium rule that matches it; one empty part is everything.

    With ``dns`` port 53 goes through the DNS proxy, which lets every question pass.

    Raises:
        InexactError: a protocol that Cilium cannot match exactly, without leeway for it.
    """
    if spoken == EVERYTHING:
        return [{}]
    if spoken.names:
        raise InexactError(
            Reason.PROTOCOL,
            "a port's name means in Cilium what the peer's pods call so, of any protocol",
            "give the port by protocol and number",
        )
    _check_others(spoken, facts)
    plain: list[Body] = []
    proxied: list[Body] = []
    for name, ports in (("tcp", spoken.tcp), ("udp", spoken.udp), ("sctp", _sctp(spoken, facts))):
        if not ports:
            continue
        if not dns or name == "sctp":
            plain += _ports(name, ports)
            continue
        for interval, port in zip(ports.parts, _ports(name, ports), strict=True):
            (proxied if interval == _DNS else plain).append(port)
    fields = [field for name in _FAMILIES for field in _icmp(name, getattr(spoken, name), facts, leeway)]
    to_ports: list[Body] = [{"ports": ports} for ports in _chunks(plain)]
    if proxied:
        to_ports.append({"ports": proxied, "rules": _DNS_RULES})
    groups: list[Body] = [{"toPorts": to_ports}] if to_ports else []
    groups += [{"icmps": [{"fields": some}]} for some in _chunks(fields)]
    return groups


def request_groups(spoken: Spoken, requests: Sequence[Http], facts: Facts) -> list[Body]:
    """Return the part of a Cilium rule that matches requests on the ports; none where there are no ports of TCP.

    Raises:
        InexactError: Cilium does not match requests there.
    """
    ports = [_port("tcp", interval) for interval in http_ports(spoken, facts)]
    rules = http_rules(requests)
    to_ports = [{"ports": some, "rules": {"http": rules}} for some in _chunks(ports)]
    return [{"toPorts": to_ports}] if to_ports else []


def _chunks(bodies: Sequence[Body]) -> Iterator[list[Body]]:
    for start in range(0, len(bodies), MAX_PORTS):
        yield list(bodies[start : start + MAX_PORTS])


def _check_others(spoken: Spoken, facts: Facts) -> None:
    """Refuse to list what else there is, unless Cilium drops it: anything but TCP, UDP, SCTP and ICMP."""
    if spoken.others and (facts.version is None or facts.enabled("enable-extended-ip-protocols", default=False)):
        raise InexactError(
            Reason.PROTOCOL,
            "what is left is every protocol but some, and Cilium carries protocols here that it cannot list",
            "give the protocols of the rule, or unset enable-extended-ip-protocols in Cilium",
        )


def _sctp(spoken: Spoken, facts: Facts) -> Intervals:
    if not spoken.sctp or facts.enabled("enable-sctp", default=False):
        return spoken.sctp
    if spoken.others:  # part of every protocol: Cilium drops it anyhow
        return Intervals()
    raise InexactError(Reason.PLUGIN_OPTION, "Cilium does not carry SCTP here", "set enable-sctp in Cilium")


@lru_cache(maxsize=4096)
def _ports(name: str, ports: Intervals) -> tuple[Body, ...]:
    return tuple(_port(name, interval) for interval in ports.parts)


def _port(name: str, interval: Interval) -> Body:
    first, last = interval
    if interval == PORTS.parts[0]:
        return {"port": _EVERY_PORT, "protocol": name.upper()}
    body: Body = {"port": str(first), "protocol": name.upper()}
    return body if first == last else body | {"endPort": last}


def _icmp(name: str, found: Intervals, facts: Facts, leeway: Leeway) -> Iterator[Body]:
    if not found:
        return
    if not facts.enabled("enable-icmp-rules", default=True):
        raise InexactError(
            Reason.PLUGIN_OPTION, "ICMP rules are switched off in Cilium", "set enable-icmp-rules in Cilium"
        )
    types = _types(found, leeway)
    if found != TYPES and len(types) > MAX_PORTS:
        leeway.widen(
            InexactError(
                Reason.PROTOCOL,
                f"what is left of ICMP is {len(types)} types, each of which takes a place for each peer in Cilium",
                "accept ICMP without a type before it, or deny the types that matter",
            )
        )
        types = [_EVERY_TYPE]
    elif found != TYPES and _EVERY_TYPE in types:
        leeway.widen(
            InexactError(
                Reason.PROTOCOL,
                "Cilium takes ICMP type 0 for every type",
                "leave it out: an echo reply belongs to the connection of its request",
            )
        )
    if _EVERY_TYPE not in types:
        yield from ({"family": _FAMILIES[name], "type": one} for one in types)
        return
    if facts.version is None or facts.version > _TYPE_IS_WILDCARD_UNTIL:
        raise InexactError(
            Reason.PLUGIN_VERSION,
            "whether this version of Cilium takes ICMP type 0 for every type is not known",
            "name the types, such as 8 for an echo request",
        )
    yield {"family": _FAMILIES[name], "type": _EVERY_TYPE}


def _types(found: Intervals, leeway: Leeway) -> list[int]:
    """Return the types of which some code is in the set, whole types only unless a Deny may be widened."""
    types: dict[int, None] = {}
    for first, last in found.parts:
        if first % _CODES or (last + 1) % _CODES:
            leeway.widen(InexactError(Reason.PROTOCOL, "Cilium cannot match an ICMP code", "leave the code out"))
        types |= dict.fromkeys(range(first // _CODES, last // _CODES + 1))
    return list(types)
