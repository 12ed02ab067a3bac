"""Protocols by their upstream names.

Upstream wants a port with every transport; every port is the range from 1 to 65535. Port 0 is left out of it: it is
reserved, and no socket of TCP, UDP or SCTP can be bound to it, so that no connection has it.
"""

from __future__ import annotations

from msgspec import UNSET

from edict.policy.model import Protocol, TransportMatch
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body

_EVERY_PORT = {"range": {"start": 1, "end": 65535}}


def upstream_protocols(protocols: tuple[Protocol, ...], leeway: Leeway) -> list[Body]:
    """Return the protocols, of which any may match; none is everything.

    Raises:
        InexactError: ICMP, which upstream does not have, and there is no leeway or nothing else is left.
    """
    return list(leeway.kept(protocols, lambda protocol: [_protocol(protocol)]))


def _protocol(protocol: Protocol) -> Body:
    for name in ("tcp", "udp", "sctp"):
        match = getattr(protocol, name)
        if isinstance(match, TransportMatch):
            return {name: {"destinationPort": _port(match)}}
    if protocol.destination_named_port is not UNSET:
        return {"destinationNamedPort": protocol.destination_named_port}
    raise InexactError(
        Reason.PROTOCOL,
        "a ClusterNetworkPolicy has no ICMP",
        "leave the protocols out to match every protocol, or name the ports",
    )


def _port(match: TransportMatch) -> Body:
    port = match.destination_port
    if port is UNSET:
        return {"range": dict(_EVERY_PORT["range"])}
    if port.range is not UNSET:
        return {"range": {"start": port.range.start, "end": port.range.end}}
    return {"number": port.number}
