"""Rules: upstream's limits and CEL rules, and ours for ``http`` and ``icmp``."""

from __future__ import annotations

import re

from msgspec import UNSET

from edict.policy._failing import Place
from edict.policy._labels import check_pods, check_selector
from edict.policy._peers import MAX_ITEMS, check_egress_peer, check_ingress_peer
from edict.policy.codes import Code
from edict.policy.model import (
    Action,
    EgressRule,
    Http,
    IngressRule,
    PolicySpec,
    Port,
    Protocol,
    Subject,
)

MAX_RULE_NAME = 100
_PROTOCOLS = ("tcp", "udp", "sctp", "destinationNamedPort", "icmp")
_SERVICE_NAME = re.compile(r"(?!.*--)(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
"""IANA service name (RFC 6335), which is what Kubernetes takes as a container port's name."""
_METHOD = re.compile(r"[A-Z]+")
_UNNAMED = ("networks", "nodes", "domainNames")


def check_policy(policy: PolicySpec, place: Place) -> None:
    """Check the ``spec`` of an upstream ClusterNetworkPolicy."""
    _check_subject(policy.subject, place.child("subject"))
    place.child("ingress").count(policy.ingress, 0, MAX_ITEMS)
    for index, ingress in enumerate(policy.ingress):
        here = place.child("ingress").item(index)
        _check_rule(ingress, here)
        here.child("from").count(ingress.from_, 1, MAX_ITEMS)
        for number, source in enumerate(ingress.from_):
            check_ingress_peer(source, here.child("from").item(number))
    place.child("egress").count(policy.egress, 0, MAX_ITEMS)
    for index, egress in enumerate(policy.egress):
        here = place.child("egress").item(index)
        _check_rule(egress, here)
        here.child("to").count(egress.to, 1, MAX_ITEMS)
        for number, destination in enumerate(egress.to):
            check_egress_peer(destination, here.child("to").item(number))
        _check_egress_combinations(egress, here)


def _check_subject(subject: Subject, place: Place) -> None:
    of = ("namespaces", "pods")
    place.exactly_one([name for name in of if getattr(subject, name) is not UNSET], of)
    if subject.namespaces is not UNSET:
        check_selector(subject.namespaces, place.child("namespaces"))
    if subject.pods is not UNSET:
        check_pods(subject.pods, place.child("pods"))


def _check_rule(rule: IngressRule | EgressRule, place: Place) -> None:
    if len(rule.name) > MAX_RULE_NAME:
        place.child("name").fail(
            Code.NAME,
            f"the rule's name has {len(rule.name)} characters, more than {MAX_RULE_NAME}",
            "shorten it",
        )
    place.child("protocols").count(rule.protocols, 0, MAX_ITEMS)
    for index, protocol in enumerate(rule.protocols):
        _check_protocol(protocol, place.child("protocols").item(index))
    if rule.http and rule.action is not Action.ACCEPT:
        place.child("http").fail(
            Code.COMBINATION,
            f"http cannot stand in a rule that says {rule.action}",
            "use it with Accept, or remove it",
        )
    place.child("http").count(rule.http, 0, MAX_ITEMS)
    for index, protocol in enumerate(rule.protocols if rule.http else ()):
        if protocol.tcp is UNSET and protocol.destination_named_port is UNSET:
            place.child("protocols").item(index).fail(
                Code.COMBINATION, "http is spoken over TCP, and this is another protocol", "write tcp, or remove http"
            )
    for index, http in enumerate(rule.http):
        _check_http(http, place.child("http").item(index))


def _check_protocol(protocol: Protocol, place: Place) -> None:
    fields = {
        "tcp": protocol.tcp,
        "udp": protocol.udp,
        "sctp": protocol.sctp,
        "destinationNamedPort": protocol.destination_named_port,
        "icmp": protocol.icmp,
    }
    name = place.exactly_one([name for name, value in fields.items() if value is not UNSET], _PROTOCOLS)
    for transport, match in (("tcp", protocol.tcp), ("udp", protocol.udp), ("sctp", protocol.sctp)):
        if match is not UNSET and match.destination_port is not UNSET:
            _check_port(match.destination_port, place.child(transport).child("destinationPort"))
    named = protocol.destination_named_port
    if named is not UNSET and _SERVICE_NAME.fullmatch(named) is None:
        place.child(name).fail(
            Code.PORT, f"{named!r} is no port name", "write at most 15 of a-z 0-9 - with at least one letter"
        )
    icmp = protocol.icmp
    if icmp is not UNSET and icmp.code is not UNSET and icmp.type is UNSET:
        place.child(name).fail(Code.COMBINATION, "an ICMP code means nothing without a type", "add type")


def _check_port(port: Port, place: Place) -> None:
    of = ("number", "range")
    place.exactly_one([name for name in of if getattr(port, name) is not UNSET], of)
    if port.range is not UNSET and port.range.start >= port.range.end:
        start, end = port.range.start, port.range.end
        place.child("range").fail(
            Code.PORT,
            f"the range {start} to {end} does not go up",
            f"write number: {start}" if start == end else f"write start: {end} and end: {start}",
        )


def _check_http(http: Http, place: Place) -> None:
    if not (http.methods or http.paths or http.hosts):
        place.fail(Code.EXACTLY_ONE, "the request matches nothing in particular", "set methods, paths or hosts")
    for index, method in enumerate(http.methods):
        if _METHOD.fullmatch(method) is None:
            place.child("methods").item(index).fail(
                Code.WRONG_VALUE, f"{method!r} is no HTTP method", f"write {method.upper() or 'GET'}"
            )
    for index, path in enumerate(http.paths):
        if not path.startswith("/"):
            place.child("paths").item(index).fail(
                Code.WRONG_VALUE, f"the path {path!r} does not begin with /", f"write /{path}"
            )
    for index, host in enumerate(http.hosts):
        if not host:
            place.child("hosts").item(index).fail(Code.WRONG_VALUE, "the host is empty", "write a host name")


def _check_egress_combinations(rule: EgressRule, place: Place) -> None:
    """Check upstream's CEL rule on named ports, and that domain names are accepted only."""
    named = any(protocol.destination_named_port is not UNSET for protocol in rule.protocols)
    for index, peer in enumerate(rule.to):
        here = place.child("to").item(index)
        kinds = {"networks": peer.networks, "nodes": peer.nodes, "domainNames": peer.domain_names}
        unnamed = [kind for kind in _UNNAMED if kinds[kind] is not UNSET]
        if named and unnamed:
            here.child(unnamed[0]).fail(
                Code.COMBINATION,
                f"{unnamed[0]} have no named ports, and the rule matches destinationNamedPort",
                "give the port by number, or move the peer to a rule of its own",
            )
        if peer.domain_names is not UNSET and rule.action is not Action.ACCEPT:
            here.child("domainNames").fail(
                Code.COMBINATION,
                f"domainNames cannot stand in a rule that says {rule.action}",
                "accept the names that are wanted, and deny networks in a later rule",
            )
