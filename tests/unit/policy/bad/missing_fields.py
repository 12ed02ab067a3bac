"""Fields that must be there, and keys that stand twice."""

from __future__ import annotations

from tests.unit.policy.bad.good import GOOD_CLUSTER, METADATA, PLACEMENT, Bad

MISSING_FIELDS: dict[str, Bad] = {
    "no-metadata": Bad(
        METADATA,
        "",
        108,
        "",
        1,
        "add metadata",
    ),
    "no-name": Bad("  name: full\n", "", 108, "metadata", 3, "add metadata.name"),
    "no-placement": Bad(
        PLACEMENT,
        "",
        108,
        "spec",
        7,
        "add spec.placement",
    ),
    "no-priority": Bad("    priority: 10\n", "", 108, "spec.policy", 15, "add spec.policy.priority"),
    "no-action": Bad(
        "        action: Deny\n", "", 108, "spec.policy.egress[1]", 44, "add spec.policy.egress[1].action"
    ),
    "no-peers": Bad(
        '        to:\n          - domainNames: [a.example, "*.b.example"]\n',
        "",
        108,
        "spec.policy.egress[0]",
        37,
        "add spec.policy.egress[0].to",
    ),
    "no-pod-selector": Bad(
        "        podSelector: {matchLabels: {app: web}}\n", "", 108, "spec.policy.subject.pods", 19, "podSelector"
    ),
    "no-operator": Bad(
        ", operator: NotIn", "", 108, "spec.policy.egress[1].to[1].nodes.matchExpressions[0]", 48, "operator"
    ),
    "no-range-end": Bad(
        "{start: 5000, end: 6000}",
        "{start: 5000}",
        108,
        "spec.policy.egress[0].protocols[0].udp.destinationPort.range",
        42,
        "range.end",
    ),
    "no-cidr": Bad(
        "{cidr: 172.16.0.0/12, except", "{except", 108, "spec.policy.egress[1].to[0].networks[1]", 47, "cidr"
    ),
    "no-account-names": Bad(
        "{names: [builder], namespace", "{namespace", 108, "spec.policy.ingress[0].from[3].serviceAccounts", 29, "names"
    ),
    "no-plugin": Bad("  plugin: cilium\n", "", 108, "spec", 6, "add spec.plugin", GOOD_CLUSTER),
    "twice-nested": Bad(
        "{number: 80}",
        "{number: 80, number: 81}",
        103,
        "spec.policy.ingress[0].protocols[0].tcp.destinationPort",
        32,
        "remove",
    ),
    "twice-spec": Bad("  mode: Enforce", "  mode: Enforce\n  mode: Observe", 103, "spec", 13, "remove"),
    "twice-label": Bad("{team: net}", "{team: net, team: app}", 103, "metadata.labels", 5, "remove"),
    "twice-peer": Bad(
        "- networks: [192.0.2.0/24]",
        "- networks: [192.0.2.0/24]\n            networks: []",
        103,
        "spec.policy.ingress[0].from[2]",
        29,
        "remove",
    ),
}
