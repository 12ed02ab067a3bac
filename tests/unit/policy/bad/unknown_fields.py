"""Fields that nobody has, at every level."""

from __future__ import annotations

from tests.unit.policy.bad.good import GOOD_CLUSTER, GOOD_UPSTREAM, Bad

UNKNOWN_FIELDS: dict[str, Bad] = {
    "unknown-top": Bad("spec:\n", "status: {}\nspec:\n", 107, "status", 7, "use one of"),
    "unknown-metadata": Bad("  name: full", "  name: full\n  nmae: x", 107, "metadata.nmae", 5, "write name"),
    "unknown-namespace": Bad("  name: full", "  name: full\n  namespace: x", 107, "metadata.namespace", 5, "or remove"),
    "unknown-spec": Bad("  mode:", "  modus: x\n  mode:", 107, "spec.modus", 12, "write mode"),
    "unknown-placement": Bad(
        "    clusterSelector:",
        "    clusters: {}\n    clusterSelector:",
        107,
        "spec.placement.clusters",
        9,
        "write clusterSelector",
    ),
    "unknown-selector": Bad(
        "matchLabels: {env: prod}",
        "matchlabels: {env: prod}",
        107,
        "spec.placement.clusterSelector.matchlabels",
        10,
        "write matchLabels",
    ),
    "unknown-requirement": Bad(
        "{key: region, operator: In",
        "{kee: region, operator: In",
        107,
        "spec.placement.clusterSelector.matchExpressions[0].kee",
        11,
        "write key",
    ),
    "unknown-policy": Bad(
        "    tier: Admin", "    tier: Admin\n    order: 1", 107, "spec.policy.order", 17, "use one of"
    ),
    "unknown-subject": Bad(
        "      pods:\n", "      nodes: {}\n      pods:\n", 107, "spec.policy.subject.nodes", 19, "write pods"
    ),
    "unknown-pods": Bad(
        "        podSelector:",
        "        labels: {}\n        podSelector:",
        107,
        "spec.policy.subject.pods.labels",
        21,
        "use one of",
    ),
    "unknown-ingress": Bad(
        "        from:", "        to: []\n        from:", 107, "spec.policy.ingress[0].to", 25, "use one of"
    ),
    "unknown-egress": Bad(
        "      - name: out", "      - name: out\n        from: []", 107, "spec.policy.egress[1].from", 45, "use one of"
    ),
    "unknown-peer": Bad(
        "- namespaces: {matchLabels: {tenant: b}}",
        "- namespace: {}",
        107,
        "spec.policy.ingress[0].from[0].namespace",
        26,
        "write namespaces",
    ),
    "nodes-in-ingress": Bad(
        "- networks: [192.0.2.0/24]", "- nodes: {}", 107, "spec.policy.ingress[0].from[2].nodes", 28, "or remove"
    ),
    "domains-in-ingress": Bad(
        "- networks: [192.0.2.0/24]",
        "- domainNames: [a.example]",
        107,
        "spec.policy.ingress[0].from[2].domainNames",
        28,
        "use one of",
    ),
    "unknown-account": Bad(
        "{names: [builder],",
        "{names: [builder], name: x,",
        107,
        "spec.policy.ingress[0].from[3].serviceAccounts.name",
        29,
        "write names",
    ),
    "unknown-cluster-peer": Bad(
        "{names: [fra1],",
        "{names: [fra1], labels: {},",
        107,
        "spec.policy.ingress[0].from[4].clusters.labels",
        30,
        "use one of",
    ),
    "unknown-protocol": Bad(
        "- destinationNamedPort: web", "- TCP: {}", 107, "spec.policy.ingress[0].protocols[1].TCP", 33, "write tcp"
    ),
    "unknown-transport": Bad(
        "tcp: {destinationPort: {number: 80}}",
        "tcp: {port: 80}",
        107,
        "spec.policy.ingress[0].protocols[0].tcp.port",
        32,
        "destinationPort",
    ),
    "unknown-port": Bad(
        "{number: 80}",
        "{port: 80}",
        107,
        "spec.policy.ingress[0].protocols[0].tcp.destinationPort.port",
        32,
        "use one of",
    ),
    "unknown-range": Bad(
        "{start: 5000, end: 6000}",
        "{start: 5000, stop: 6000}",
        107,
        "spec.policy.egress[0].protocols[0].udp.destinationPort.range.stop",
        42,
        "use one of end, start",
    ),
    "unknown-http": Bad(
        "{methods: [GET],", "{method: GET,", 107, "spec.policy.ingress[0].http[0].method", 34, "write methods"
    ),
    "unknown-icmp": Bad(
        "{family: IPv4,", "{version: 4,", 107, "spec.policy.egress[1].protocols[0].icmp.version", 50, "use one of"
    ),
    "unknown-except": Bad(
        "except: [172.18.0.0/16]",
        "excepts: [172.18.0.0/16]",
        107,
        "spec.policy.egress[1].to[0].networks[1].excepts",
        47,
        "write except",
    ),
    "unknown-rollout": Bad(
        "  mode:", "  rollout: {name: a, stage: 1}\n  mode:", 107, "spec.rollout.stage", 12, "use one of name"
    ),
    "unknown-cluster-field": Bad(
        "  owner:", "  region: eu\n  owner:", 107, "spec.region", 8, "use one of", GOOD_CLUSTER
    ),
    "unknown-key-field": Bad(
        "{public:", "{private: x, public:", 107, "spec.receiptKey.private", 9, "use one of public", GOOD_CLUSTER
    ),
    "upstream-unknown": Bad(
        "    - action: Deny",
        "    - action: Deny\n      form: []",
        107,
        "spec.egress[0].form",
        16,
        "use one of",
        GOOD_UPSTREAM,
    ),
}
