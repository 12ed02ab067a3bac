"""Names, framework ids, keys, labels and selectors that Kubernetes would refuse."""

from __future__ import annotations

from tests.unit.policy.bad.good import GOOD_CLUSTER, KEY, Bad

NAMES: dict[str, Bad] = {
    "name-dots": Bad("name: full", "name: full.policy", 120, "metadata.name", 4, "at most 63"),
    "name-empty": Bad("name: full", 'name: ""', 120, "metadata.name", 4, "at most 63"),
    "name-dash": Bad("name: full", "name: full-", 120, "metadata.name", 4, "at most 63"),
    "cluster-name": Bad("name: berlin-1", "name: berlin_1", 120, "metadata.name", 4, "at most 63", GOOD_CLUSTER),
    "account-name": Bad(
        "[builder]", "[Builder]", 120, "spec.policy.ingress[0].from[3].serviceAccounts.names[0]", 29, "write its name"
    ),
    "account-twice": Bad(
        "[builder]", "[builder, builder]", 123, "spec.policy.ingress[0].from[3].serviceAccounts.names[1]", 29, "remove"
    ),
    "peer-cluster-name": Bad(
        "[fra1]", "[fra.1]", 120, "spec.policy.ingress[0].from[4].clusters.names[0]", 30, "DNS label"
    ),
    "peer-cluster-twice": Bad(
        "[fra1]", "[fra1, fra1]", 123, "spec.policy.ingress[0].from[4].clusters.names[1]", 30, "remove"
    ),
    "rollout-name": Bad("  mode:", "  rollout: {name: Week 1}\n  mode:", 120, "spec.rollout.name", 12, "Rollout"),
    "control-twice": Bad("[CIS:5.3.2]", "[CIS:5.3.2, CIS:5.3.2]", 123, "spec.controls[1]", 14, "remove"),
    "control-no-id": Bad("[CIS:5.3.2]", '["CIS:"]', 129, "spec.controls[0]", 14, "FRAMEWORK:ID"),
    "control-long": Bad("[CIS:5.3.2]", f"[CIS:{'5' * 130}]", 129, "spec.controls[0]", 14, "FRAMEWORK:ID"),
    "receipt-key-long": Bad(KEY, "a" * 66, 130, "spec.receiptKey.public", 9, "approve", GOOD_CLUSTER),
    "label-key-of-metadata": Bad("{team: net}", "{te am: net}", 124, "metadata.labels.te am", 5, "prefix"),
    "label-value-of-metadata": Bad("{team: net}", "{team: -net}", 124, "metadata.labels.team", 5, "63"),
    "annotation-key": Bad("{owner: network}", '{"/owner": network}', 124, "metadata.annotations./owner", 6, "prefix"),
    "long-key": Bad(
        "{app: web}",
        f"{{{'k' * 64}: web}}",
        124,
        f"spec.policy.subject.pods.podSelector.matchLabels.{'k' * 64}",
        21,
        "63",
    ),
    "long-value": Bad(
        "{app: web}", f"{{app: {'v' * 64}}}", 124, "spec.policy.subject.pods.podSelector.matchLabels.app", 21, "63"
    ),
    "long-prefix": Bad(
        "{app: api}",
        f"{{{'p' * 254}/a: api}}",
        124,
        f"spec.policy.ingress[0].from[1].pods.podSelector.matchLabels.{'p' * 254}/a",
        27,
        "subdomain",
    ),
    "two-slashes": Bad(
        "{tenant: b}", "{a/b/c: b}", 124, "spec.policy.ingress[0].from[0].namespaces.matchLabels.a/b/c", 26, "subdomain"
    ),
    "not-in-without-values": Bad(
        "operator: NotIn, values: [gpu]",
        "operator: NotIn",
        124,
        "spec.policy.egress[1].to[1].nodes.matchExpressions[0]",
        48,
        "Exists",
    ),
    "does-not-exist-with-values": Bad(
        "operator: NotIn",
        "operator: DoesNotExist",
        124,
        "spec.policy.egress[1].to[1].nodes.matchExpressions[0].values",
        48,
        "remove values",
    ),
    "values-twice": Bad(
        "[eu, us]", "[eu, eu]", 123, "spec.placement.clusterSelector.matchExpressions[0].values[1]", 11, "remove"
    ),
    "value-of-expression": Bad(
        "[gpu]", "[g*]", 124, "spec.policy.egress[1].to[1].nodes.matchExpressions[0].values[0]", 48, "63"
    ),
    "key-of-expression": Bad(
        "key: region", 'key: ""', 124, "spec.placement.clusterSelector.matchExpressions[0].key", 11, "prefix"
    ),
    "account-namespace-selector": Bad(
        "namespaceSelector: {}}",
        "namespaceSelector: {matchLabels: {a: /}}}",
        124,
        "spec.policy.ingress[0].from[3].serviceAccounts.namespaceSelector.matchLabels.a",
        29,
        "63",
    ),
    "cluster-pods-selector": Bad(
        "pods: {podSelector: {}}}",
        "pods: {podSelector: {matchLabels: {a: /}}}}",
        124,
        "spec.policy.ingress[0].from[4].clusters.pods.podSelector.matchLabels.a",
        30,
        "63",
    ),
}
