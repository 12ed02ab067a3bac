"""Values of another type, outside their range, or not one of the listed words."""

from __future__ import annotations

from tests.unit.policy.bad.good import GOOD_CLUSTER, GOOD_UPSTREAM, LAST_RULE, SUBJECT, Bad

WRONG_TYPES: dict[str, Bad] = {
    "priority-list": Bad("priority: 10", "priority: [10]", 109, "spec.policy.priority", 17, "whole number"),
    "priority-negative": Bad("priority: 10", "priority: -1", 109, "spec.policy.priority", 17, "at least 0"),
    "action-unknown": Bad(
        "action: Deny", "action: Allow", 109, "spec.policy.egress[1].action", 45, "Accept or Deny or Pass"
    ),
    "action-lower": Bad(
        "action: Deny", "action: deny", 109, "spec.policy.egress[1].action", 45, "Accept or Deny or Pass"
    ),
    "mode-unknown": Bad("mode: Enforce", "mode: DryRun", 109, "spec.mode", 12, "Enforce or Observe"),
    "on-inexact-unknown": Bad(
        "onInexact: Refuse", "onInexact: Looser", 109, "spec.onInexact", 13, "Refuse or Stricter"
    ),
    "operator-unknown": Bad(
        "operator: NotIn",
        "operator: Gt",
        109,
        "spec.policy.egress[1].to[1].nodes.matchExpressions[0].operator",
        48,
        "In or NotIn",
    ),
    "family-unknown": Bad(
        "family: IPv4", "family: 4", 109, "spec.policy.egress[1].protocols[0].icmp.family", 50, "IPv4 or IPv6"
    ),
    "plugin-unknown": Bad(
        "plugin: cilium", "plugin: antrea", 109, "spec.plugin", 7, "calico or cilium or other", GOOD_CLUSTER
    ),
    "log-word": Bad("log: true", 'log: "true"', 109, "spec.policy.ingress[0].log", 35, "true or false"),
    "egress-mapping": Bad(
        "    egress:\n      - name: names\n", "    egress:\n        name: names\n", 101, "", 44, "indentation"
    ),
    "rules-mapping": Bad(
        "protocols:\n          - icmp: {family: IPv4, type: 8, code: 0}",
        "protocols: {icmp: {}}",
        109,
        "spec.policy.egress[1].protocols",
        49,
        "write a list",
    ),
    "rule-text": Bad(
        LAST_RULE,
        "      - deny everything\n",
        109,
        "spec.policy.egress[1]",
        44,
        "a mapping with",
    ),
    "network-number": Bad(
        "[192.0.2.0/24]", "[192]", 109, "spec.policy.ingress[0].from[2].networks[0]", 28, "a mapping with"
    ),
    "network-text": Bad(
        "[192.0.2.0/24]", "192.0.2.0/24", 109, "spec.policy.ingress[0].from[2].networks", 28, "write a list"
    ),
    "label-number": Bad(
        "{app: web}", "{app: 1}", 109, "spec.policy.subject.pods.podSelector.matchLabels", 21, "quote the value"
    ),
    "label-boolean": Bad(
        "{tenant: b}",
        "{tenant: true}",
        109,
        "spec.policy.ingress[0].from[0].namespaces.matchLabels",
        26,
        "quote the value",
    ),
    "port-text": Bad(
        "number: 80",
        "number: http",
        109,
        "spec.policy.ingress[0].protocols[0].tcp.destinationPort.number",
        32,
        "whole number",
    ),
    "port-negative": Bad(
        "number: 3868",
        "number: -5",
        109,
        "spec.policy.egress[0].protocols[1].sctp.destinationPort.number",
        43,
        "at least 1",
    ),
    "range-zero": Bad(
        "start: 5000",
        "start: 0",
        109,
        "spec.policy.egress[0].protocols[0].udp.destinationPort.range.start",
        42,
        "at least 1",
    ),
    "range-high": Bad(
        "end: 6000",
        "end: 70000",
        109,
        "spec.policy.egress[0].protocols[0].udp.destinationPort.range.end",
        42,
        "at most 65535",
    ),
    "icmp-type-high": Bad(
        "type: 8", "type: 256", 109, "spec.policy.egress[1].protocols[0].icmp.type", 50, "at most 255"
    ),
    "icmp-code-low": Bad("code: 0", "code: -1", 109, "spec.policy.egress[1].protocols[0].icmp.code", 50, "at least 0"),
    "subject-null": Bad(
        SUBJECT,
        "",
        109,
        "spec.policy.subject",
        18,
        "subject: {}",
    ),
    "controls-text": Bad("controls: [CIS:5.3.2]", "controls: CIS:5.3.2", 109, "spec.controls", 14, "write a list"),
    "upstream-priority": Bad("priority: 10", "priority: 1001", 109, "spec.priority", 11, "at most 1000", GOOD_UPSTREAM),
}
