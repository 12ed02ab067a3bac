"""Too few and too many items, and fields of which exactly one is wanted."""

from __future__ import annotations

from tests.unit.policy.bad.good import GOOD_UPSTREAM, Bad, many

DOMAINS = '[a.example, "*.b.example"]'
LAST_RULE = "      - name: out\n"
RULE = "      - {action: Pass, to: [{nodes: {}}]}\n"
SOURCE = "      - {action: Pass, from: [{namespaces: {}}]}\n"
HTTP = "[{methods: [GET], paths: [/healthz], hosts: [a.example]}]"
LIMITS: dict[str, Bad] = {
    "many-egress": Bad(LAST_RULE, RULE * 24 + LAST_RULE, 122, "spec.policy.egress", 36, "split"),
    "many-ingress": Bad("    egress:\n", SOURCE * 25 + "    egress:\n", 122, "spec.policy.ingress", 22, "split"),
    "many-peers": Bad(
        "          - nodes:",
        "          - nodes: {}\n" * 24 + "          - nodes:",
        122,
        "spec.policy.egress[1].to",
        46,
        "split",
    ),
    "many-protocols": Bad(
        "          - icmp:",
        "          - icmp: {}\n" * 25 + "          - icmp:",
        122,
        "spec.policy.egress[1].protocols",
        49,
        "split",
    ),
    "many-domains": Bad(
        DOMAINS, f"[{many('d#.example')}]", 122, "spec.policy.egress[0].to[0].domainNames", 40, "split"
    ),
    "many-except": Bad(
        "[172.18.0.0/16]",
        f"[{many('172.18.#.0/24')}]",
        122,
        "spec.policy.egress[1].to[0].networks[1].except",
        47,
        "split",
    ),
    "many-accounts": Bad(
        "[builder]", f"[{many('sa#')}]", 122, "spec.policy.ingress[0].from[3].serviceAccounts.names", 29, "split"
    ),
    "many-clusters": Bad(
        "[fra1]", f"[{many('c#')}]", 122, "spec.policy.ingress[0].from[4].clusters.names", 30, "split"
    ),
    "many-http": Bad(
        "[{methods: [GET],",
        f"[{many('{methods: [GET]}', 25)}, {{methods: [GET],",
        122,
        "spec.policy.ingress[0].http",
        34,
        "split",
    ),
    "many-controls": Bad("[CIS:5.3.2]", f"[{many('CIS:5.3.#', 65)}]", 122, "spec.controls", 14, "split"),
    "empty-domains": Bad(DOMAINS, "[]", 122, "spec.policy.egress[0].to[0].domainNames", 40, "add one"),
    "empty-accounts": Bad(
        "[builder]", "[]", 122, "spec.policy.ingress[0].from[3].serviceAccounts.names", 29, "add one"
    ),
    "empty-clusters": Bad("[fra1]", "[]", 122, "spec.policy.ingress[0].from[4].clusters.names", 30, "add one"),
    "empty-protocols": Bad(
        "protocols:\n          - icmp: {family: IPv4, type: 8, code: 0}",
        "protocols: []",
        122,
        "spec.policy.egress[1].protocols",
        49,
        "remove protocols",
    ),
    "empty-http": Bad(HTTP, "[]", 122, "spec.policy.ingress[0].http", 34, "remove http"),
    "upstream-empty-protocols": Bad(
        "    - action: Deny",
        "    - action: Deny\n      protocols: []",
        122,
        "spec.egress[0].protocols",
        16,
        "remove protocols",
        GOOD_UPSTREAM,
    ),
    "subject-both": Bad(
        "      pods:\n", "      namespaces: {}\n      pods:\n", 121, "spec.policy.subject", 18, "keep one"
    ),
    "two-kinds-of-peer": Bad(
        "- networks: [192.0.2.0/24]",
        "- networks: [192.0.2.0/24]\n            namespaces: {}",
        121,
        "spec.policy.ingress[0].from[2]",
        28,
        "keep one",
    ),
    "own-and-upstream-peer": Bad(
        "- nodes:", "- clusters: {names: [a]}\n            nodes:", 121, "spec.policy.egress[1].to[1]", 48, "keep one"
    ),
    "two-protocols": Bad(
        "- destinationNamedPort: web",
        "- destinationNamedPort: web\n            udp: {}",
        121,
        "spec.policy.ingress[0].protocols[1]",
        33,
        "keep one",
    ),
    "port-of-nothing": Bad(
        "{destinationPort: {number: 80}}",
        "{destinationPort: {}}",
        121,
        "spec.policy.ingress[0].protocols[0].tcp.destinationPort",
        32,
        "number",
    ),
    "http-of-nothing": Bad(HTTP, "[{}]", 121, "spec.policy.ingress[0].http[0]", 34, "methods"),
}
