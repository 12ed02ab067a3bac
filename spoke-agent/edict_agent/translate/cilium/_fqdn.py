"""Domain names as Cilium's ``toFQDNs``, and the DNS rule that they need.

Cilium learns the addresses behind a name from the answers that pass its DNS proxy, so that some Accept of the
same policy must send the subject's questions through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import UNSET

from edict.policy.model import Action, Protocol
from edict.policy.ports import port_interval
from edict.policy.rules import Direction, PlacedRule
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import Body

DNS_PORT = 53
_SUBDOMAINS_SINCE = (1, 20)
"""The version in which ``**.`` was read to match one or more labels, as upstream's ``*.`` does."""


def fqdn_selectors(names: Iterable[str], facts: Facts) -> list[Body]:
    """Return the selectors of domain names, given in lower case and without a dot at their end.

    Raises:
        InexactError: a wildcard on a version of Cilium that reads it as one label.
    """
    selectors: list[Body] = []
    for name in sorted(names):
        if not name.startswith("*."):
            selectors.append({"matchName": name})
            continue
        if facts.version is None or facts.version < _SUBDOMAINS_SINCE:
            raise InexactError(
                Reason.PLUGIN_VERSION,
                f"{name} means names of any depth, which Cilium is known to match from 1.20 on",
                "name the hosts, or upgrade Cilium",
            )
        selectors.append({"matchPattern": f"*{name}"})
    return selectors


def is_dns_rule(rule: PlacedRule) -> bool:
    """Tell whether a rule lets its subject ask DNS servers that are pods, over UDP."""
    return (
        rule.direction is Direction.EGRESS
        and rule.action is Action.ACCEPT
        and all(peer.pods is not UNSET or peer.namespaces is not UNSET for peer in rule.peers)
        and any(is_dns_port(protocol, "udp") for protocol in rule.protocols)
    )


def is_dns_alone(rule: PlacedRule) -> bool:
    """Tell whether a rule lets its subject ask DNS servers that are pods, and nothing else."""
    return is_dns_rule(rule) and all(is_dns_port(protocol, "udp", "tcp") for protocol in rule.protocols)


def is_dns_port(protocol: Protocol, *transports: str) -> bool:
    """Tell whether a protocol is port 53, and nothing else, of one of the transports."""
    for name, match in (("udp", protocol.udp), ("tcp", protocol.tcp)):
        if name in transports and match is not UNSET:
            return port_interval(match) == (DNS_PORT, DNS_PORT)
    return False


def check_domain_rules(rules: Sequence[PlacedRule], rule: PlacedRule, facts: Facts) -> None:
    """Refuse a rule with domain names where Cilium would never learn their addresses."""
    if not facts.enabled("enable-l7-proxy", default=True):
        raise InexactError(Reason.PLUGIN_OPTION, "Cilium's DNS proxy is switched off", "set enable-l7-proxy in Cilium")
    if any(protocol.icmp is not UNSET for protocol in rule.protocols):
        raise InexactError(Reason.DOMAIN_NAMES, "domain names cannot be matched together with ICMP", "match a port")
    if not any(is_dns_rule(other) for other in rules):
        raise InexactError(
            Reason.DOMAIN_NAMES,
            "Cilium learns names only from DNS that the same policy accepts, and it accepts none",
            "add an egress Accept to the DNS pods on UDP and TCP port 53",
        )
