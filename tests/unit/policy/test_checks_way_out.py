"""Policies that would deny the agent its way out."""

from __future__ import annotations

import pytest

from edict.errors import DocumentError
from edict.policy.checks import denies_way_out
from tests.unit.policy.documents import BASE, changed
from tests.unit.policy.sources import source

NAME = "kubernetes.io/metadata.name"


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
