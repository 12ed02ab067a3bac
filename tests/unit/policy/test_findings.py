"""Everything that is found across documents, and what an auditor's framework ids must look like."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edict.errors import DocumentError
from edict.policy.checks import PolicySource
from edict.policy.documents import FederatedNetworkPolicy, ManagedCluster
from edict.policy.findings import all_findings
from edict.policy.frameworks import FRAMEWORKS, unknown_frameworks
from edict.policy.origin import Where
from edict.policy.parse import parse_all, parse_document
from tests.unit.policy.documents import BASE, CLUSTER, changed


def source(text: str, team: str = "net", file: str = "f.yaml") -> PolicySource:
    parsed = parse_all(text, file)[0]
    assert isinstance(parsed.document, FederatedNetworkPolicy)
    return PolicySource(team, parsed.document, parsed.origin)


def controls(*ids: str) -> str:
    return changed("  policy:\n", f"  controls: [{', '.join(ids)}]\n  policy:\n")


def placed(selector: str, name: str = "other") -> str:
    """A policy that denies what a policy of another placement accepts."""
    action = "Deny" if selector == "{}" and name != "two" else "Accept"
    text = changed("clusterSelector: {}", f"clusterSelector: {selector}").replace("deny-egress", name)
    return text.replace("action: Deny", f"action: {action}")


GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "preview.md"
KNOWN = [
    "NSA-CISA:network-separation",
    "CIS:5.3.2",
    "ATTACK:T1046",
    "ATTACK:T1567.002",
    "PCI-DSS:1.3.2",
    "NIST-800-53:SC-7",
    "NIST-800-53:AC-4.21",
    "OWASP-LLM:LLM06",
    *(f"{framework.name}:{framework.example}" for framework in FRAMEWORKS),
]


@pytest.mark.parametrize("control", KNOWN)
def test_a_known_id_is_silent(control: str) -> None:
    assert list(unknown_frameworks(source(controls(control)))) == []


@pytest.mark.parametrize(
    ("control", "what", "remedy"),
    [
        ("CSI:5.3.2", "the framework CSI is not known", "write CIS"),
        ("cis:5.3.2", "the framework cis is not known", "write CIS"),
        ("HOUSE:1", "the framework HOUSE is not known", "use one of ATTACK, "),
        ("CIS:5.3", "CIS Kubernetes Benchmark has no 5.3", "write it like CIS:5.3.2"),
        ("CIS:5.3.2.1.1", "has no 5.3.2.1.1", "CIS:5.3.2"),
        ("ATTACK:T104", "MITRE ATT&CK has no T104", "ATTACK:T1046"),
        ("ATTACK:T1046.1", "has no T1046.1", "ATTACK:T1046"),
        ("NSA-CISA:network-seperation", "has no network-seperation", "write NSA-CISA:network-separation"),
        ("NSA-CISA:zzz", "has no zzz", "use one of audit-logging"),
        ("PCI-DSS:13.1", "PCI DSS has no 13.1", "PCI-DSS:1.3.1"),
        ("NIST-800-53:XX-7", "has no XX-7", "NIST-800-53:SC-7"),
    ],
)
def test_an_unknown_id_is_a_warning(control: str, what: str, remedy: str) -> None:
    findings = list(unknown_frameworks(source(controls("CIS:5.3.2", control))))
    assert [finding.code for finding in findings] == ["EDICT0150"]
    assert what in findings[0].what
    assert remedy in findings[0].remedy
    assert findings[0].where.endswith("spec.controls[1] f.yaml:8")


def test_the_guide_lists_the_frameworks_that_are_known() -> None:
    rows = re.findall(r"^\| `([A-Z0-9-]+)` \| (`.*`).* \| (.+) \|$", GUIDE.read_text(), re.MULTILINE)
    assert [name for name, _, _ in rows] == [framework.name for framework in FRAMEWORKS]
    for (_, ids, _), framework in zip(rows, FRAMEWORKS, strict=True):
        assert all(re.fullmatch(framework.ids, each) for each in re.findall(r"`([^`]+)`", ids))


def test_every_framework_says_an_example_that_it_knows() -> None:
    for framework in FRAMEWORKS:
        assert re.fullmatch(framework.ids, framework.example)
        assert all(re.fullmatch(framework.ids, word) for word in framework.words)


def test_findings_are_in_the_order_of_file_and_line_and_keep_their_parts() -> None:
    second = source(
        controls("HOUSE:1").replace("deny-egress", "second").replace("action: Deny", "action: Accept"), file="b.yaml"
    )
    first = source(controls("HOUSE:1"), file="a.yaml")
    found = all_findings([second, first], [])
    assert [(each.code, Where.of(each.where).file, Where.of(each.where).line) for each in found] == [
        ("EDICT0150", "a.yaml", 8),
        ("EDICT0150", "b.yaml", 8),
        ("EDICT0140", "b.yaml", 11),
    ]
    assert Where.of(found[2].where).path == "spec.policy.priority"


def test_a_tie_needs_a_cluster_that_both_select() -> None:
    one, other = source(placed("{matchLabels: {env: prod}}", "one")), source(placed("{matchLabels: {env: test}}"))
    everywhere = source(placed("{}", "everywhere"))
    assert all_findings([one, other], []) == []
    ties = all_findings([one, everywhere], [])
    assert [tie.code for tie in ties] == ["EDICT0140"]
    assert " on a cluster with env=prod: their " in ties[0].what


def test_policies_for_everywhere_tie_on_every_cluster() -> None:
    ties = all_findings([source(placed("{}", "one")), source(placed("{}", "two"))], [])
    assert [" on every cluster: their " in tie.what for tie in ties] == [True]


def test_with_an_inventory_a_tie_is_one_only_where_a_cluster_has_both() -> None:
    document = parse_document(CLUSTER, "c.yaml")
    assert isinstance(document, ManagedCluster)
    prod, test = (source(placed(f"{{matchLabels: {{env: {env}}}}}", env)) for env in ("prod", "test"))
    everywhere = source(placed("{}", "everywhere"))
    found = all_findings([prod, test, everywhere], [document])
    assert [each.what.split(" are ")[0] for each in found] == ["net/everywhere and net/prod"]
    assert "berlin-1" in found[0].what


def test_one_name_twice_is_an_error_and_no_tie_with_itself() -> None:
    found = all_findings([source(BASE, file="a.yaml"), source(BASE, file="b.yaml")], [])
    assert [each.code for each in found] == ["EDICT0151"]
    assert "first at FederatedNetworkPolicy deny-egress metadata.name a.yaml:4" in found[0].what
    assert Where.of(found[0].where).file == "b.yaml"


def test_a_lockout_of_either_tier_is_found() -> None:
    named = changed("namespaces: {}", "namespaces: {matchLabels: {kubernetes.io/metadata.name: edict-system}}")
    baseline = named.replace("tier: Admin", "tier: Baseline").replace("deny-egress", "low")
    found = all_findings([source(named), source(baseline)], [])
    assert {(each.code, isinstance(each, DocumentError)) for each in found} == {
        ("EDICT0141", True),
        ("EDICT0141", False),
    }
