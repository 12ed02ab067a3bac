"""Networks and domain names."""

from __future__ import annotations

from tests.unit.policy.bad.good import Bad

DOMAINS = '[a.example, "*.b.example"]'
NETWORKS: dict[str, Bad] = {
    "except-host-bits": Bad(
        "[172.18.0.0/16]",
        "[172.18.0.1/16]",
        125,
        "spec.policy.egress[1].to[0].networks[1].except[0]",
        47,
        "write 172.18.0.0/16",
    ),
    "except-wider": Bad(
        "[172.18.0.0/16]", "[172.0.0.0/8]", 125, "spec.policy.egress[1].to[0].networks[1].except[0]", 47, "widen cidr"
    ),
    "except-twice": Bad(
        "[172.18.0.0/16]",
        "[172.18.0.0/16, 172.18.0.0/16]",
        123,
        "spec.policy.egress[1].to[0].networks[1].except[1]",
        47,
        "remove",
    ),
    "cidr-host-bits": Bad(
        "cidr: 172.16.0.0/12",
        "cidr: 172.17.0.0/12",
        125,
        "spec.policy.egress[1].to[0].networks[1].cidr",
        47,
        "write 172.16.0.0/12",
    ),
    "address-range": Bad(
        "[192.0.2.0/24]", "[192.0.2.0-192.0.2.9]", 125, "spec.policy.ingress[0].from[2].networks[0]", 28, "CIDR"
    ),
    "host-name": Bad("[192.0.2.0/24]", "[example.com]", 125, "spec.policy.ingress[0].from[2].networks[0]", 28, "CIDR"),
    "prefix-of-six": Bad(
        "[192.0.2.0/24]", '["2001:db8::/129"]', 125, "spec.policy.ingress[0].from[2].networks[0]", 28, "CIDR"
    ),
    "prefix-signed": Bad(
        "[192.0.2.0/24]", "[192.0.2.0/+24]", 125, "spec.policy.ingress[0].from[2].networks[0]", 28, "CIDR"
    ),
    "network-with-port": Bad(
        "[192.0.2.0/24]", '["192.0.2.0/24:80"]', 125, "spec.policy.ingress[0].from[2].networks[0]", 28, "CIDR"
    ),
    "short-network": Bad(
        "[192.0.2.0/24]", "[192.0.2/24]", 125, "spec.policy.ingress[0].from[2].networks[0]", 28, "CIDR"
    ),
    "network-empty": Bad("[192.0.2.0/24]", '[""]', 125, "spec.policy.ingress[0].from[2].networks[0]", 28, "CIDR"),
    "network-and-except-twice": Bad(
        "[10.0.0.0/8, {cidr: 172.16.0.0/12, except: [172.18.0.0/16]}]",
        "[{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}, {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}]",
        123,
        "spec.policy.egress[1].to[0].networks[1]",
        47,
        "remove",
    ),
    "domain-star": Bad(DOMAINS, '["*"]', 127, "spec.policy.egress[0].to[0].domainNames[0]", 40, "two labels"),
    "domain-partial-star": Bad(
        DOMAINS, '["a*.example.com"]', 127, "spec.policy.egress[0].to[0].domainNames[0]", 40, "first label"
    ),
    "domain-url": Bad(
        DOMAINS, '["https://a.example"]', 127, "spec.policy.egress[0].to[0].domainNames[0]", 40, "two labels"
    ),
    "domain-space": Bad(DOMAINS, '["a .example"]', 127, "spec.policy.egress[0].to[0].domainNames[0]", 40, "two labels"),
    "domain-dots": Bad(DOMAINS, "[a..example]", 127, "spec.policy.egress[0].to[0].domainNames[0]", 40, "two labels"),
    "domain-dash": Bad(DOMAINS, "[-a.example]", 127, "spec.policy.egress[0].to[0].domainNames[0]", 40, "two labels"),
    "domain-bracket": Bad(
        DOMAINS, '["[a.example"]', 127, "spec.policy.egress[0].to[0].domainNames[0]", 40, "two labels"
    ),
    "domain-long": Bad(
        DOMAINS, f"[{'a.' * 127}a]", 127, "spec.policy.egress[0].to[0].domainNames[0]", 40, "two labels"
    ),
    "domain-idn": Bad(DOMAINS, "[größe.example]", 127, "spec.policy.egress[0].to[0].domainNames[0]", 40, "two labels"),
}
