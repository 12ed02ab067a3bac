"""Ports, HTTP, and fields that mean nothing together."""

from __future__ import annotations

from tests.unit.policy.bad.good import GOOD_UPSTREAM, Bad

RULES: dict[str, Bad] = {
    "port-name-long": Bad(
        "destinationNamedPort: web",
        "destinationNamedPort: a-name-of-16-chr",
        126,
        "spec.policy.ingress[0].protocols[1].destinationNamedPort",
        33,
        "at most 15",
    ),
    "port-name-digits": Bad(
        "destinationNamedPort: web",
        'destinationNamedPort: "8080"',
        126,
        "spec.policy.ingress[0].protocols[1].destinationNamedPort",
        33,
        "one letter",
    ),
    "port-name-upper": Bad(
        "destinationNamedPort: web",
        "destinationNamedPort: Web",
        126,
        "spec.policy.ingress[0].protocols[1].destinationNamedPort",
        33,
        "a-z",
    ),
    "port-name-dashes": Bad(
        "destinationNamedPort: web",
        "destinationNamedPort: a--b",
        126,
        "spec.policy.ingress[0].protocols[1].destinationNamedPort",
        33,
        "a-z",
    ),
    "pass-with-http": Bad(
        "        action: Accept\n        from:",
        "        action: Pass\n        from:",
        128,
        "spec.policy.ingress[0].http",
        34,
        "Accept",
    ),
    "http-over-udp": Bad(
        "- tcp: {destinationPort: {number: 80}}",
        "- udp: {destinationPort: {number: 443}}",
        128,
        "spec.policy.ingress[0].protocols[0]",
        32,
        "tcp",
    ),
    "http-over-icmp": Bad(
        "- destinationNamedPort: web", "- icmp: {}", 128, "spec.policy.ingress[0].protocols[1]", 33, "tcp"
    ),
    "pass-with-domains": Bad(
        "      - name: names\n        action: Accept",
        "      - name: names\n        action: Pass",
        128,
        "spec.policy.egress[0].to[0].domainNames",
        40,
        "accept",
    ),
    "named-port-to-domains": Bad(
        "- sctp: {destinationPort: {number: 3868}}",
        "- destinationNamedPort: web",
        128,
        "spec.policy.egress[0].to[0].domainNames",
        40,
        "by number",
    ),
    "upstream-named-port": Bad(
        "    - action: Deny",
        "    - action: Deny\n      protocols: [{destinationNamedPort: web}]",
        128,
        "spec.egress[0].to[0].networks",
        18,
        "by number",
        GOOD_UPSTREAM,
    ),
    "method-lower": Bad("[GET]", "[get]", 109, "spec.policy.ingress[0].http[0].methods[0]", 34, "write GET"),
    "method-empty": Bad("[GET]", '[""]', 109, "spec.policy.ingress[0].http[0].methods[0]", 34, "write GET"),
    "path-relative": Bad(
        "[/healthz]", "[healthz]", 109, "spec.policy.ingress[0].http[0].paths[0]", 34, "write /healthz"
    ),
    "host-empty": Bad(
        "hosts: [a.example]", 'hosts: [""]', 109, "spec.policy.ingress[0].http[0].hosts[0]", 34, "host name"
    ),
}
