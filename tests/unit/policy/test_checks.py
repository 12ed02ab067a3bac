"""What is looked at across policies before a release."""

from __future__ import annotations

import pytest

from edict.errors import DocumentError
from edict.policy.checks import PolicySource, denies_way_out, priority_ties
from edict.policy.documents import FederatedNetworkPolicy, ManagedCluster
from edict.policy.parse import parse_all, parse_document
from tests.unit.policy.documents import BASE, CLUSTER, changed

NAME = "kubernetes.io/metadata.name"


def source(text: str, team: str = "platform") -> PolicySource:
    parsed = parse_all(text, "f.yaml")[0]
    assert isinstance(parsed.document, FederatedNetworkPolicy)
    return PolicySource(team=team, document=parsed.document, origin=parsed.origin)


def cluster(name: str, env: str) -> ManagedCluster:
    text = CLUSTER.replace("berlin-1", name).replace("prod", env)
    document = parse_document(text, "c.yaml")
    assert isinstance(document, ManagedCluster)
    return document


INVENTORY = [cluster("one", "prod"), cluster("two", "test")]


def test_two_policies_of_one_priority_on_one_cluster_tie() -> None:
    errors = priority_ties([source(BASE, "b"), source(BASE, "a")], INVENTORY)
    assert [error.code for error in errors] == ["EDICT0140"]
    assert "a/deny-egress and b/deny-egress are both Admin with priority 10 on one, two" in errors[0].what
    assert errors[0].where.endswith("spec.policy.priority f.yaml:10")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (BASE, changed("priority: 10", "priority: 11")),
        (BASE, changed("tier: Admin", "tier: Baseline")),
        (
            changed("clusterSelector: {}", "clusterSelector: {matchLabels: {env: prod}}"),
            changed("clusterSelector: {}", "clusterSelector: {matchLabels: {env: test}}"),
        ),
        (BASE, changed("clusterSelector: {}", "clusterSelector: {matchLabels: {env: nowhere}}")),
    ],
)
def test_policies_that_cannot_meet_do_not_tie(one: str, other: str) -> None:
    assert priority_ties([source(one, "a"), source(other, "b")], INVENTORY) == []


def subject(selector: str) -> str:
    return changed("namespaces: {}", f"namespaces: {selector}")


@pytest.mark.parametrize(
    "selector",
    [
        f"{{matchLabels: {{{NAME}: edict-system}}}}",
        f"{{matchExpressions: [{{key: {NAME}, operator: In, values: [a, edict-system]}}]}}",
    ],
)
def test_an_admin_deny_that_names_the_agents_namespace_is_refused(selector: str) -> None:
    with pytest.raises(DocumentError) as caught:
        denies_way_out(source(subject(selector)))
    assert caught.value.code == "EDICT0141"
    assert "--allow-lockout" in caught.value.remedy
    assert "egress[0] f.yaml:14" in caught.value.where


def test_a_baseline_deny_that_names_the_namespace_is_a_warning() -> None:
    named = subject(f"{{matchLabels: {{{NAME}: edict-system}}}}").replace("tier: Admin", "tier: Baseline")
    findings = denies_way_out(source(named))
    assert [finding.code for finding in findings] == ["EDICT0141"]
    assert findings[0].diagnostics().startswith("Warning [EDICT0141] (FederatedNetworkPolicy deny-egress spec.pol")


@pytest.mark.parametrize(
    "text",
    [
        BASE,
        subject(f"{{matchExpressions: [{{key: {NAME}, operator: Exists}}]}}"),
        subject(f"{{matchExpressions: [{{key: {NAME}, operator: NotIn, values: [edict-system]}}]}}"),
        subject("{matchLabels: {team: payments}}"),
        changed("action: Deny", "action: Pass"),
        changed("tcp:\n              destinationPort:\n                number: 443", "icmp: {}"),
    ],
)
def test_what_cannot_deny_the_way_out_is_silent(text: str) -> None:
    assert denies_way_out(source(text)) == []
