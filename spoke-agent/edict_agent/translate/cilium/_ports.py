"""Protocols as the ``toPorts`` or the ``icmps`` of a Cilium rule, which cannot stand together."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from edict.policy.model import Protocol, TransportMatch
from edict.policy.ports import port_interval
from edict_agent.translate.cilium._fqdn import is_dns_port
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import Body

_EVERY_PORT = "0"
"""Cilium's wildcard: every port of the protocol (``pkg/policy/l4.go``)."""
_LAST_PORT = 65535
_DNS_RULES = {"dns": [{"matchPattern": "*"}]}


def protocol_groups(protocols: Sequence[Protocol], facts: Facts, *, dns: bool = False) -> list[Body]:
    """Return for each kind of protocol the part of a Cilium rule that matches it; one empty part is everything.

    With ``dns`` port 53 goes through the DNS proxy, which lets every question pass.

    Raises:
        InexactError: a protocol that Cilium cannot match exactly.
    """
    if not protocols:
        return [{}]
    plain: list[Body] = []
    proxied: list[Body] = []
    fields: list[Body] = []
    for protocol in protocols:
        if protocol.icmp is not UNSET:
            field = _icmp_field(protocol, facts)
            if field not in fields:
                fields.append(field)
            continue
        port = _port(protocol, facts)
        ports = proxied if dns and is_dns_port(protocol, "udp", "tcp") else plain
        if port not in ports:
            ports.append(port)
    groups: list[Body] = []
    to_ports: list[Body] = []
    if plain:
        to_ports.append({"ports": plain})
    if proxied:
        to_ports.append({"ports": proxied, "rules": _DNS_RULES})
    if to_ports:
        groups.append({"toPorts": to_ports})
    if fields:
        groups.append({"icmps": [{"fields": fields}]})
    return groups


def _port(protocol: Protocol, facts: Facts) -> Body:
    for name in ("tcp", "udp", "sctp"):
        match = getattr(protocol, name)
        if not isinstance(match, TransportMatch):
            continue
        if name == "sctp" and not facts.enabled("enable-sctp", default=False):
            raise InexactError(Reason.PLUGIN_OPTION, "Cilium does not carry SCTP here", "set enable-sctp in Cilium")
        first, last = port_interval(match)
        if (first, last) == (0, _LAST_PORT):
            return {"port": _EVERY_PORT, "protocol": name.upper()}
        body: Body = {"port": str(first), "protocol": name.upper()}
        return body if first == last else body | {"endPort": last}
    raise InexactError(
        Reason.PROTOCOL,
        "a port's name means in Cilium what the peer's pods call so, of any protocol",
        "give the port by protocol and number",
    )


def _icmp_field(protocol: Protocol, facts: Facts) -> Body:
    icmp = protocol.icmp
    assert icmp is not UNSET  # noqa: S101 - the caller looked
    if not facts.enabled("enable-icmp-rules", default=True):
        raise InexactError(
            Reason.PLUGIN_OPTION, "ICMP rules are switched off in Cilium", "set enable-icmp-rules in Cilium"
        )
    if icmp.type is UNSET:
        raise InexactError(
            Reason.PROTOCOL, "Cilium matches ICMP only by type", "name the types, such as 8 for an echo request"
        )
    if icmp.type == 0:  # it becomes port 0, the wildcard (ICMPField.PortProtocol in pkg/policy/api/icmp.go)
        raise InexactError(
            Reason.PROTOCOL,
            "Cilium takes ICMP type 0 for every type",
            "leave it out: an echo reply belongs to the connection of its request",
        )
    if icmp.code is not UNSET:
        raise InexactError(Reason.PROTOCOL, "Cilium cannot match an ICMP code", "leave the code out")
    return {"family": icmp.family, "type": icmp.type}
