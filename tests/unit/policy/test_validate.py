"""Upstream's limits and CEL rules, and our own, each with its place and what to write instead."""

from __future__ import annotations

import pytest

from edict.errors import DocumentError
from edict.policy.parse import load, load_one, parse_document
from edict.policy.validate import policy_id, validate
from tests.unit.policy.documents import BASE, CLUSTER, changed

MANY_LABELS = ", ".join(f"10.{index}.0.0/16" for index in range(26))
NETWORKS = "networks: [10.0.0.0/8]"
TCP = "tcp:\n              destinationPort:\n                number: 443"
NAMED = "destinationNamedPort: https"

REFUSED = [
    pytest.param("name: deny-egress", "name: Deny", "0120", "metadata.name", "at most 63", id="name"),
    pytest.param("name: deny-egress", "name: " + "a" * 64, "0120", "metadata.name", "", id="long-name"),
    pytest.param("name: out", "name: " + "a" * 101, "0120", "egress[0].name", "shorten", id="rule-name"),
    pytest.param("namespaces: {}", "{}", "0121", "policy.subject", "set one of", id="no-subject"),
    pytest.param(
        "namespaces: {}", "namespaces: {}\n      pods: {podSelector: {}}", "0121", "policy.subject", "", id="two"
    ),
    pytest.param("- networks: [10.0.0.0/8]", "[]", "0122", "egress[0].to", "", id="no-peers"),
    pytest.param(NETWORKS, "{}", "0121", "to[0]", "set one of", id="empty-peer"),
    pytest.param(NETWORKS, "networks: []", "0122", "networks", "", id="no-networks"),
    pytest.param(NETWORKS, f"networks: [{MANY_LABELS}]", "0122", "networks", "split", id="many-networks"),
    pytest.param("10.0.0.0/8", "10.0.0.1/8", "0125", "networks[0]", "write 10.0.0.0/8", id="host-bits"),
    pytest.param("10.0.0.0/8", '"fd00::1/8"', "0125", "networks[0]", "write fd00::/8", id="host-bits-6"),
    pytest.param("10.0.0.0/8", "10.0.0.0", "0125", "networks[0]", "CIDR", id="no-prefix"),
    pytest.param("10.0.0.0/8", "10.0.0.0/255.0.0.0", "0125", "networks[0]", "10.0.0.0/8", id="netmask"),
    pytest.param("10.0.0.0/8", "10.0.0.0/08", "0125", "networks[0]", "10.0.0.0/8", id="padded"),
    pytest.param("10.0.0.0/8", "010.0.0.0/8", "0125", "networks[0]", "CIDR", id="octal"),
    pytest.param("10.0.0.0/8", '"fe80::%eth0/64"', "0125", "networks[0]", "CIDR", id="zone"),
    pytest.param("10.0.0.0/8", '"::ffff:10.0.0.0/104"', "0125", "networks[0]", "IPv4", id="mapped"),
    pytest.param("10.0.0.0/8", "10.0.0.0/33", "0125", "networks[0]", "CIDR", id="33"),
    pytest.param("10.0.0.0/8", "10.0.0.0/8, 10.0.0.0/8", "0123", "networks[1]", "remove", id="twice"),
    pytest.param(
        "10.0.0.0/8", '"fd00::/8", "fd00:0::/8"', "0123", "networks[1]", "remove", id="twice-spelt-differently"
    ),
    pytest.param("10.0.0.0/8", "{cidr: 10.0.0.0/8, except: [11.0.0.0/16]}", "0125", "except[0]", "widen", id="outside"),
    pytest.param("10.0.0.0/8", '{cidr: 10.0.0.0/8, except: ["fd00::/8"]}', "0125", "except[0]", "", id="other-family"),
    pytest.param("10.0.0.0/8", "{cidr: 10.0.0.0/8, except: [10.0.0.0/8]}", "0125", "except[0]", "", id="all"),
    pytest.param("10.0.0.0/8", "{cidr: 10.0.0.0/8, except: []}", "0122", "networks[0].except", "", id="none"),
    pytest.param("number: 443", "range: {start: 5, end: 5}", "0126", "range", "number: 5", id="flat-range"),
    pytest.param("number: 443", "range: {start: 9, end: 5}", "0126", "range", "start: 5", id="reversed"),
    pytest.param("number: 443", "number: 1\n                range: {start: 1, end: 2}", "0121", "", "", id="both"),
    pytest.param("number: 443", "number: 0", "0109", "number", "", id="port-0"),
    pytest.param("number: 443", "number: 65536", "0109", "number", "", id="port-65536"),
    pytest.param(TCP, NAMED, "0128", "to[0].networks", "by number", id="named-port-networks"),
    pytest.param(
        f"{NETWORKS}\n        protocols:\n          - {TCP}",
        f"nodes: {{}}\n        protocols:\n          - {NAMED}",
        "0128",
        "to[0].nodes",
        "by number",
        id="named-port-nodes",
    ),
    pytest.param(NETWORKS, "domainNames: [a.example]", "0128", "domainNames", "accept", id="deny-domain"),
    pytest.param(
        f"action: Deny\n        to:\n          - {NETWORKS}",
        "action: Accept\n        to:\n          - domainNames: [example]",
        "0127",
        "domainNames[0]",
        "two labels",
        id="one-label",
    ),
    pytest.param(
        f"action: Deny\n        to:\n          - {NETWORKS}",
        'action: Accept\n        to:\n          - domainNames: ["a.*.example"]',
        "0127",
        "domainNames[0]",
        "first label",
        id="inner-wildcard",
    ),
    pytest.param(
        f"action: Deny\n        to:\n          - {NETWORKS}",
        "action: Accept\n        to:\n          - domainNames: [a.example, A.example.]",
        "0123",
        "domainNames[1]",
        "remove",
        id="domain-twice",
    ),
    pytest.param("name: out", "http: [{methods: [GET]}]", "0128", "http", "Accept", id="http-deny"),
    pytest.param(TCP, "icmp: {code: 1}", "0128", "icmp", "type", id="icmp-code"),
    pytest.param(TCP, "{}", "0121", "protocols[0]", "set one of", id="no-protocol"),
    pytest.param(
        "namespaces: {}",
        "namespaces: {matchExpressions: [{key: a, operator: In}]}",
        "0124",
        "matchExpressions[0]",
        "add values",
        id="in-without-values",
    ),
    pytest.param(
        "namespaces: {}",
        "namespaces: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
        "0124",
        "matchExpressions[0].values",
        "remove values",
        id="exists-with-values",
    ),
    pytest.param("namespaces: {}", "namespaces: {matchLabels: {-a: b}}", "0124", "-a", "prefix", id="bad-key"),
    pytest.param("namespaces: {}", "namespaces: {matchLabels: {A/b: c}}", "0124", "A/b", "prefix", id="bad-prefix"),
    pytest.param("namespaces: {}", "namespaces: {matchLabels: {a: b c}}", "0124", "a", "63", id="bad-value"),
    pytest.param("  policy:\n", "  controls: [x]\n  policy:\n", "0129", "controls[0]", "CIS:5.3.2", id="control"),
    pytest.param("clusterSelector: {}", "clusterSelector: {matchLabels: {a: '-'}}", "0124", "a", "", id="placement"),
]


@pytest.mark.parametrize(("old", "new", "code", "where", "remedy"), REFUSED)
def test_what_is_refused(old: str, new: str, code: str, where: str, remedy: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_one(changed(old, new), "f.yaml")
    assert caught.value.code == f"EDICT{code}"
    assert where in caught.value.where
    assert " f.yaml:" in caught.value.where
    assert remedy in caught.value.remedy


ALLOWED = [
    pytest.param(NETWORKS, 'networks: [{cidr: 0.0.0.0/0, except: [10.0.0.0/8]}, "::/0"]', id="except"),
    pytest.param("number: 443", "range: {start: 1, end: 65535}", id="range"),
    pytest.param(TCP, "tcp: {}", id="every-port"),
    pytest.param(TCP, "icmp: {family: IPv6, type: 128, code: 0}", id="icmp"),
    pytest.param(NETWORKS, "serviceAccounts: {names: [default]}", id="service-account"),
    pytest.param(NETWORKS, "clusters: {names: [berlin-1]}", id="clusters"),
    pytest.param("    egress:", "    ingress: []\n    egress:", id="empty-ingress"),
    pytest.param(
        f"action: Deny\n        to:\n          - {NETWORKS}",
        'action: Accept\n        to:\n          - domainNames: ["*.example.com", _x.example.com.]',
        id="domains",
    ),
]


@pytest.mark.parametrize(("old", "new"), ALLOWED)
def test_what_is_allowed(old: str, new: str) -> None:
    assert load_one(changed(old, new), "f.yaml").metadata.name == "deny-egress"


def test_a_policy_without_rules_is_allowed_as_upstream_has_it() -> None:
    assert load_one(BASE[: BASE.index("    egress:")], "f.yaml")


def test_a_document_in_memory_is_validated_without_a_place() -> None:
    document = parse_document(changed("10.0.0.0/8", "10.0.0.1/8"), "f.yaml")
    with pytest.raises(DocumentError) as caught:
        validate(document)
    assert caught.value.where.endswith("networks[0]")


def test_load_says_which_document_of_a_file() -> None:
    broken = changed("10.0.0.0/8", "10.0.0.1/8")
    with pytest.raises(DocumentError, match=r"f\.yaml:39"):
        load(f"{BASE}---\n{broken}", "f.yaml")


@pytest.mark.parametrize("key", ["", "00" * 31, "zz" * 32, "AA" * 32])
def test_a_receipt_key_is_32_bytes_in_lower_case(key: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_one(f'{CLUSTER}  receiptKey: {{public: "{key}"}}\n', "f.yaml")
    assert caught.value.code == "EDICT0130"


@pytest.mark.parametrize(
    ("team", "name"), [("", "a"), ("a", "A"), ("a.b", "c"), ("a" * 40, "b" * 23), ("edict", "built-in")]
)
def test_an_id_must_fit_a_label_and_not_be_the_built_in_one(team: str, name: str) -> None:
    with pytest.raises(DocumentError):
        policy_id(team, name)


def test_an_id_is_team_and_name() -> None:
    assert policy_id("a" * 40, "b" * 22) == f"{'a' * 40}/{'b' * 22}"
