"""Plain NetworkPolicies: the little that they can say exactly, and why the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from edict.policy.fidelity import Fidelity
from edict.policy.space import subject_labels
from edict_agent.translate import Dialect, Facts, PlacedPolicy, PolicyPlan, RenderedObject
from tests.unit.translate.placed import (
    AGENT,
    EVERYTHING,
    FACTS,
    NAME,
    lenient,
    namespace,
    others,
    plan,
    policy,
    rule,
    tcp,
    udp,
)
from tests.unit.translate.placed import objects as objects_on
from tests.unit.translate.placed import outcome as outcome_on

DENY = rule("Deny", EVERYTHING)
ACCEPT = rule("Accept", EVERYTHING)
OUTSIDE = {"networks": ["203.0.113.0/24"]}
TEAM_A = {"matchLabels": {"team": "a"}}
CLOSED = policy("closed", tier="Baseline", egress=(DENY,), ingress=(DENY,))


def outcome(*policies: PlacedPolicy, facts: Facts = FACTS) -> PolicyPlan:
    return outcome_on(Dialect.NETWORK_POLICY, *policies, facts=facts)


def objects(*policies: PlacedPolicy, facts: Facts = FACTS) -> list[RenderedObject]:
    return objects_on(Dialect.NETWORK_POLICY, *policies, facts=facts)


def specs(*policies: PlacedPolicy, facts: Facts = FACTS) -> dict[str, Any]:
    """Return the spec of each namespace."""
    found = {one.namespace: one.body["spec"] for one in objects(*policies, facts=facts)}
    assert not outcome(*policies, facts=facts).refused
    return found


def test_the_way_out_stands_in_the_agents_namespace() -> None:
    (way_out,) = plan(Dialect.NETWORK_POLICY, facts=Facts()).objects
    assert (way_out.namespace, way_out.body["metadata"]["namespace"]) == (AGENT, AGENT)
    assert way_out.body["spec"] == {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}


def test_a_baseline_deny_of_a_whole_direction_isolates() -> None:
    pods = {"namespaceSelector": TEAM_A, "podSelector": {"matchLabels": {"app": "x"}}}
    one = policy(tier="Baseline", subject={"pods": pods}, egress=(DENY,))
    assert specs(one) == {"a": {"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Egress"]}}
    assert outcome(one).objects == ("a/edict.platform.one",)


def test_a_policy_stands_in_every_namespace_that_its_subject_selects() -> None:
    assert set(specs(CLOSED)) == {"a", "b", "default", "kube-system", AGENT}
    assert set(specs(policy(tier="Baseline", subject={"namespaces": others("a", "b")}, egress=(DENY,)))) == {
        "default",
        "kube-system",
        AGENT,
    }
    nobody = policy(tier="Baseline", subject={"namespaces": namespace("later")}, egress=(DENY,))
    assert specs(nobody) == {}
    assert set(specs(nobody, facts=replace(FACTS, namespaces={"later": {NAME: "later"}}))) == {"later"}


def test_unknown_namespaces_make_nothing_exact() -> None:
    told = outcome(CLOSED, facts=replace(FACTS, namespaces=None))
    assert (told.code, told.objects) == ("EDICT0532", ())
    assert told.remedy


@pytest.mark.parametrize(
    "part",
    [
        rule("Deny", OUTSIDE),
        rule("Deny", {"networks": ["0.0.0.0/0"]}),
        rule("Deny", {"namespaces": {}}),
        rule("Deny", EVERYTHING, protocols=[tcp(80)]),
    ],
    ids=["a network", "one family", "pods", "a port"],
)
def test_a_part_cannot_be_denied(part: dict[str, Any]) -> None:
    for tier in ("Baseline", "Admin"):
        assert outcome(policy(tier=tier, egress=(part,))).code == "EDICT0530"


def test_a_deny_of_nobody_needs_nothing() -> None:
    nobody = {"matchLabels": {"a": "x"}, "matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}
    assert specs(policy(tier="Baseline", subject={"namespaces": nobody}, egress=(DENY,))) == {}


def test_nothing_can_be_denied_above_the_application() -> None:
    assert outcome(policy(egress=(DENY,))).code == "EDICT0530"


@pytest.mark.parametrize("action", ["Accept", "Pass"])
def test_behind_baseline_everything_is_open_so_that_to_open_it_needs_nothing(action: str) -> None:
    assert specs(policy(tier="Baseline", egress=(rule(action, OUTSIDE, protocols=[tcp(1)]),))) == {}


@pytest.mark.parametrize("action", ["Accept", "Pass"])
def test_what_baseline_opens_before_cannot_be_isolated(action: str) -> None:
    opening = rule(action, OUTSIDE)
    assert outcome(policy(tier="Baseline", egress=(opening, DENY))).code == "EDICT0520"
    before = policy("before", tier="Baseline", priority=1, egress=(opening,))
    assert outcome(before, policy("after", tier="Baseline", priority=2, egress=(DENY,))).code == "EDICT0520"
    elsewhere = policy("before", tier="Baseline", priority=1, ingress=(rule(action, {"namespaces": {}}),))
    assert specs(elsewhere, policy("after", tier="Baseline", priority=2, egress=(DENY,)))


def test_an_admin_accept_of_a_whole_direction_opens_it() -> None:
    one = policy(subject={"namespaces": TEAM_A}, ingress=(ACCEPT,))
    assert specs(one) == {"a": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}}


def test_an_admin_accept_of_a_part_needs_a_baseline_that_denies_the_rest() -> None:
    dns = policy(
        "dns", subject={"namespaces": TEAM_A}, egress=(rule("Accept", {"namespaces": {}}, protocols=[udp(53)]),)
    )
    told = outcome(dns)
    assert (told.code, bool(told.remedy)) == ("EDICT0531", True)
    assert specs(CLOSED, dns)["a"] == {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"protocol": "UDP", "port": 53}]}],
    }


@pytest.mark.parametrize(
    "baseline",
    [
        policy("closed", tier="Baseline", ingress=(DENY,)),
        policy("closed", tier="Baseline", subject={"namespaces": namespace("b")}, egress=(DENY,)),
        policy("closed", tier="Baseline", egress=(rule("Accept", OUTSIDE), DENY)),
        policy("closed", tier="Baseline", mode="Observe", egress=(DENY,)),
    ],
    ids=["of the other direction", "of other pods", "that is refused itself", "that is only observed"],
)
def test_no_other_baseline_will_do(baseline: PlacedPolicy) -> None:
    part = policy("part", subject={"namespaces": namespace("a", "b")}, egress=(rule("Accept", {"namespaces": {}}),))
    assert outcome(baseline, part).code == "EDICT0531"


def test_of_two_directions_each_needs_its_own_baseline() -> None:
    both = policy(
        "both",
        ingress=(rule("Accept", {"namespaces": {}}),),
        egress=(rule("Accept", {"namespaces": {}}),),
    )
    told = outcome(policy("closed", tier="Baseline", egress=(DENY,)), both)
    assert [one.code for one in told.rules] == ["EDICT0531", ""]
    assert specs(CLOSED, both)["b"]["policyTypes"] == ["Ingress", "Egress"]


def test_an_admin_pass_needs_nothing_and_lets_no_later_accept_over() -> None:
    assert specs(policy(egress=(rule("Pass", EVERYTHING),))) == {}
    assert outcome(policy(egress=(rule("Pass", OUTSIDE), ACCEPT))).code == "EDICT0520"
    first = policy("first", priority=1, egress=(rule("Pass", {"namespaces": namespace("a")}),))
    assert outcome(first, policy("second", priority=2, egress=(ACCEPT,))).code == "EDICT0520"
    assert specs(policy(egress=(ACCEPT, rule("Pass", OUTSIDE))))


def test_peers_and_ports_stand_by_their_names_there() -> None:
    pods = {"namespaceSelector": others("a"), "podSelector": {"matchLabels": {"app": "x"}}}
    networks = {"networks": [{"cidr": "203.0.113.0/24", "except": ["203.0.113.0/28"]}, "2001:db8::/32"]}
    ranged = {"sctp": {"destinationPort": {"range": {"start": 8000, "end": 9000}}}}
    named = {"destinationNamedPort": "http"}
    allow = rule("Accept", {"pods": pods}, networks, protocols=[tcp(443), ranged, {"udp": {}}])
    web = rule("Accept", {"namespaces": {}}, protocols=[named])
    body = specs(CLOSED, policy("part", egress=(allow, web)))["a"]
    assert body["egress"] == [
        {
            "to": [
                pods,
                {"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/28"]}},
                {"ipBlock": {"cidr": "2001:db8::/32"}},
            ],
            "ports": [
                {"protocol": "TCP", "port": 443},
                {"protocol": "SCTP", "port": 8000, "endPort": 9000},
                {"protocol": "UDP"},
            ],
        },
        {
            "to": [{"namespaceSelector": {}}],
            "ports": [{"protocol": transport, "port": "http"} for transport in ("TCP", "UDP", "SCTP")],
        },
    ]


def test_every_address_is_said_by_no_peer() -> None:
    web = rule("Accept", EVERYTHING, {"namespaces": {}}, protocols=[tcp(443)])
    assert specs(CLOSED, policy("web", egress=(web,)))["a"]["egress"] == [{"ports": [{"protocol": "TCP", "port": 443}]}]


@pytest.mark.parametrize(
    ("accept", "code"),
    [
        ({"networks": ["10.244.0.0/16"]}, "EDICT0517"),
        ({"networks": ["172.18.0.0/24"]}, "EDICT0517"),
        ({"networks": ["0.0.0.0/0"]}, "EDICT0517"),
        ({"domainNames": ["example.com"]}, "EDICT0519"),
        ({"nodes": {}}, "EDICT0512"),
        ({"serviceAccounts": {"names": ["x"]}}, "EDICT0512"),
        ({"clusters": {"names": ["x"]}}, "EDICT0512"),
    ],
    ids=str,
)
def test_peers_that_it_cannot_match_are_refused(accept: dict[str, Any], code: str) -> None:
    assert outcome(CLOSED, policy("part", egress=(rule("Accept", accept),))).code == code


@pytest.mark.parametrize(("unknown", "fact"), [("pod_cidrs", "podCIDRs"), ("node_cidrs", "nodeCIDRs")])
def test_a_network_is_not_exact_where_nobody_knows_whether_it_meets_pods(unknown: str, fact: str) -> None:
    part = policy("part", egress=(rule("Accept", OUTSIDE),))
    assert specs(CLOSED, part)
    told = outcome(CLOSED, part, facts=replace(FACTS, **{unknown: None}))
    assert told.code == "EDICT0517"
    assert fact in told.remedy


def test_a_source_address_may_be_translated() -> None:
    assert outcome(CLOSED, policy("part", ingress=(rule("Accept", OUTSIDE),))).code == "EDICT0518"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"protocols": [{"icmp": {}}]}, "EDICT0513"),
        ({"log": True}, "EDICT0515"),
        ({"http": [{"methods": ["GET"]}]}, "EDICT0514"),
    ],
    ids=str,
)
def test_what_it_does_not_match_is_refused(more: dict[str, Any], code: str) -> None:
    assert outcome(CLOSED, policy("part", egress=(rule("Accept", EVERYTHING, **more),))).code == code


def test_a_logged_isolation_is_refused() -> None:
    assert outcome(policy(tier="Baseline", egress=(DENY | {"log": True},))).code == "EDICT0515"


A_AND_B = {"matchLabels": {"a": "x", "b": "y"}}


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (A_AND_B, {"matchLabels": {"a": "x"}}, True),
        ({"matchLabels": {"a": "x"}}, A_AND_B, False),
        ({}, {}, True),
        ({}, {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
        (A_AND_B, {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, True),
        (A_AND_B, {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["z", "y"]}]}, True),
        (A_AND_B, {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]}, False),
        (A_AND_B, {"matchExpressions": [{"key": "b", "operator": "In", "values": ["y", "z"]}]}, True),
        (others("a", "b"), others("a"), True),
        (others("a"), others("a", "b"), False),
    ],
)
def test_one_subject_lies_inside_another(part: dict[str, Any], whole: dict[str, Any], *, expected: bool) -> None:
    one, other = (
        subject_labels(
            policy(subject={"pods": {"namespaceSelector": each, "podSelector": each}}).document.spec.policy.subject
        )
        for each in (part, whole)
    )
    assert (one <= other) is expected


def test_the_order_of_writing_is_baseline_first_and_the_plan_is_by_name() -> None:
    part = policy("a-part", subject={"namespaces": TEAM_A}, egress=(rule("Accept", {"namespaces": {}}),))
    translated = plan(Dialect.NETWORK_POLICY, part, CLOSED)
    assert [one.policy for one in translated.policies] == ["platform/a-part", "platform/closed"]
    assert not any(one.refused for one in translated.policies)


ACCOUNTS = {"serviceAccounts": {"names": ["payer"]}}


@pytest.mark.parametrize(
    ("accept", "code", "left"),
    [
        (
            rule("Accept", {"networks": ["10.0.0.0/8"]}),
            "EDICT0517",
            {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        ),
        (rule("Accept", ACCOUNTS, OUTSIDE), "EDICT0512", {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}),
        (
            rule("Accept", OUTSIDE, protocols=[{"icmp": {}}, tcp(80)]),
            "EDICT0513",
            {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"protocol": "TCP", "port": 80}]},
        ),
    ],
)
def test_stricter_allows_what_can_be_said(accept: dict[str, Any], code: str, left: dict[str, Any]) -> None:
    one = policy(subject={"namespaces": TEAM_A}, egress=(accept,))
    assert (outcome(CLOSED, one).refused, outcome(CLOSED, one).code) == (True, code)
    told = outcome(CLOSED, lenient(one))
    assert [(each.fidelity, each.direction, each.code) for each in told.rules] == [
        (Fidelity.APPROXIMATE, "stricter", code)
    ]
    assert specs(CLOSED, lenient(one))["a"]["egress"] == [left]


@pytest.mark.parametrize(
    ("direction", "accept"),
    [
        ("egress", rule("Accept", ACCOUNTS)),
        ("egress", rule("Accept", OUTSIDE, protocols=[{"icmp": {}}])),
        ("egress", rule("Accept", OUTSIDE, protocols=[tcp(80)], http=[{"methods": ["GET"]}])),
        ("ingress", rule("Accept", {"networks": ["172.18.7.0/24"]})),
    ],
)
def test_stricter_leaves_no_rule_out_and_takes_no_address_of_a_node(direction: str, accept: dict[str, Any]) -> None:
    given: dict[str, Any] = {direction: (accept,)}
    told = outcome(CLOSED, lenient(policy(**given)))
    assert (told.refused, told.rules[0].fidelity) == (True, Fidelity.UNSUPPORTED)


def test_stricter_allows_a_source_that_is_no_node() -> None:
    one = lenient(policy(subject={"namespaces": TEAM_A}, ingress=(rule("Accept", OUTSIDE),)))
    assert specs(CLOSED, one)["a"]["ingress"] == [{"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}]
    assert outcome(CLOSED, one).rules[0].code == "EDICT0518"
    unknown = replace(FACTS, node_cidrs=None)
    assert outcome(CLOSED, one, facts=unknown).refused
