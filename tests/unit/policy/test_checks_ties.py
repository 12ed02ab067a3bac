"""Two policies of one tier and priority tie where they may decide one connection differently."""

from __future__ import annotations

import pytest

from edict.policy.checks import priority_ties
from tests.unit.policy.sources import INVENTORY, NAME, made, prod

DENY = "egress: [{action: Deny, to: [{networks: [10.0.0.0/8]}], protocols: [{tcp: {destinationPort: {number: 443}}}]}]"
ACCEPT = DENY.replace("Deny", "Accept")


def egress(action: str, to: str, protocols: str = "") -> str:
    return f"egress: [{{action: {action}, to: [{to}]{protocols and f', protocols: {protocols}'}}}]"


def namespaces(value: str) -> str:
    return f"{{namespaces: {{matchLabels: {{{value}}}}}}}"


def test_a_tie_says_who_where_and_which_rules() -> None:
    errors = priority_ties([made("b", DENY), made("a", ACCEPT)], INVENTORY)
    assert [error.code for error in errors] == ["EDICT0140"]
    assert errors[0].what == (
        "t/a and t/b are both Admin with priority 10 on one, two: "
        "their egress[0] (Accept) and egress[0] (Deny) may match one connection"
    )
    assert "FederatedNetworkPolicy b spec.policy.priority f.yaml:" in errors[0].where


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (egress("Deny", "{networks: [10.0.0.0/8]}"), egress("Pass", "{networks: [10.1.0.0/16]}")),
        (
            egress("Deny", namespaces("a: x")),
            egress("Accept", namespaces("b: z")),
        ),
        (egress("Deny", "{networks: [0.0.0.0/0, '::/0']}"), egress("Accept", "{domainNames: [a.example]}")),
        (egress("Deny", "{domainNames: ['*.a.example']}"), egress("Accept", "{domainNames: [b.example]}")),
        (
            egress("Deny", "{namespaces: {}}", "[{tcp: {destinationPort: {range: {start: 1, end: 99}}}}]"),
            egress("Accept", "{namespaces: {}}", "[{udp: {}}, {tcp: {destinationPort: {number: 99}}}]"),
        ),
        (
            egress("Deny", "{namespaces: {}}", "[{destinationNamedPort: http}]"),
            egress("Accept", "{namespaces: {}}", "[{tcp: {destinationPort: {number: 99}}}]"),
        ),
    ],
)
def test_rules_that_may_match_one_connection_tie(one: str, other: str) -> None:
    errors = priority_ties([made("a", one), made("b", other)], INVENTORY)
    assert len(errors) == 1
    assert "nobody knows" not in errors[0].what


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (DENY, DENY),
        (DENY, ACCEPT.replace("443", "444")),
        (DENY, ACCEPT.replace("tcp", "udp")),
        (DENY, ACCEPT.replace("10.0.0.0/8", "11.0.0.0/8")),
        (DENY, ACCEPT.replace("egress", "ingress").replace("to:", "from:")),
        (DENY, egress("Accept", "{networks: ['fd00::/8']}")),
        (
            egress("Deny", namespaces("a: x")),
            egress("Accept", namespaces("a: z")),
        ),
        (
            egress("Deny", "{namespaces: {matchExpressions: [{key: a, operator: Exists}]}}"),
            egress("Accept", "{namespaces: {matchExpressions: [{key: a, operator: DoesNotExist}]}}"),
        ),
        (egress("Deny", "{nodes: {}}"), egress("Accept", "{namespaces: {}}")),
        (
            egress("Deny", "{namespaces: {}}", "[{icmp: {family: IPv4, type: 8}}]"),
            egress("Accept", "{namespaces: {}}", "[{icmp: {family: IPv4, type: 3}}]"),
        ),
    ],
)
def test_rules_that_cannot_do_not(one: str, other: str) -> None:
    assert priority_ties([made("a", one), made("b", other)], INVENTORY) == []


def test_subjects_that_share_no_pod_do_not_tie() -> None:
    ours, theirs = (f"{{matchLabels: {{{NAME}: {name}}}}}" for name in ("a", "b"))
    assert priority_ties([made("a", DENY, subject=ours), made("b", ACCEPT, subject=theirs)], INVENTORY) == []
    assert len(priority_ties([made("a", DENY, subject=ours), made("b", ACCEPT, subject="{}")], INVENTORY)) == 1


def test_priorities_and_tiers_are_told_apart() -> None:
    assert priority_ties([made("a", DENY), made("b", ACCEPT, priority=11)], INVENTORY) == []
    assert priority_ties([made("a", DENY), made("b", ACCEPT, tier="Baseline")], INVENTORY) == []


@pytest.mark.parametrize(("here", "there"), [(prod(), prod("test")), ("{}", prod("nowhere"))])
def test_policies_on_different_clusters_do_not_tie(here: str, there: str) -> None:
    assert priority_ties([made("a", DENY, on=here), made("b", ACCEPT, on=there)], INVENTORY) == []


def test_the_clusters_that_have_both_are_named() -> None:
    errors = priority_ties([made("a", DENY), made("b", ACCEPT, on=prod())], INVENTORY)
    assert " on one: " in errors[0].what


def test_without_an_inventory_some_cluster_could_have_both() -> None:
    assert priority_ties([made("a", DENY, on=prod()), made("b", ACCEPT, on=prod("test"))], []) == []
    errors = priority_ties([made("a", DENY, on=prod()), made("b", ACCEPT, on="{matchLabels: {zone: a}}")], [])
    assert " on a cluster with env=prod, zone=a: " in errors[0].what


def test_a_network_and_pods_tie_because_nobody_knows_who_has_which_address() -> None:
    pods, network = egress("Deny", "{namespaces: {}}"), egress("Accept", "{networks: [10.0.0.0/8]}")
    errors = priority_ties([made("a", pods), made("b", network)], INVENTORY)
    assert errors[0].what.endswith(
        "may match one connection, since nobody knows here which addresses pods and nodes have"
    )


def test_a_policy_that_ties_with_many_is_told_once() -> None:
    many = [made(f"p{index}", DENY) for index in range(20)]
    errors = priority_ties([*many, made("z", ACCEPT)], INVENTORY)
    assert [error.what.split(" are ")[0].split(" and ")[1] for error in errors] == ["t/z"]


def test_one_policy_read_twice_does_not_tie_with_itself() -> None:
    assert priority_ties([made("a", DENY), made("a", ACCEPT)], INVENTORY) == []
