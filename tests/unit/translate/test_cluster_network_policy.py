"""Upstream's ClusterNetworkPolicy: what stands as it is written, what is said otherwise, and what it does not have."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edict.policy.fidelity import Fidelity
from edict.policy.model import NetworkExcept
from edict.policy.space.addresses import addresses_of
from edict_agent.translate import Dialect, Facts, PlacedPolicy, PolicyPlan, RenderedObject
from tests.unit.translate.placed import (
    AGENT,
    EVERYTHING,
    FACTS,
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
from tests.unit.translate.placed import spec as spec_on

EXPERIMENTAL = replace(FACTS, egress_peers=("namespaces", "pods", "nodes", "networks", "domainNames"))
DENY = rule("Deny", {"networks": ["203.0.113.0/24"]})
HOLE = {"networks": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}]}


def outcome(*policies: PlacedPolicy, facts: Facts = FACTS) -> PolicyPlan:
    return outcome_on(Dialect.CLUSTER_NETWORK_POLICY, *policies, facts=facts)


def objects(*policies: PlacedPolicy, facts: Facts = FACTS) -> list[RenderedObject]:
    return objects_on(Dialect.CLUSTER_NETWORK_POLICY, *policies, facts=facts)


def spec(*policies: PlacedPolicy, facts: Facts = FACTS) -> Any:
    return spec_on(Dialect.CLUSTER_NETWORK_POLICY, *policies, facts=facts)


def test_a_pasted_policy_stands_as_it_is_written() -> None:
    pods = {"namespaceSelector": namespace("b"), "podSelector": {"matchLabels": {"app": "x"}}}
    body = spec(
        policy(
            tier="Baseline",
            priority=1000,
            subject={"pods": pods},
            ingress=(rule("Accept", {"namespaces": others("a")}, {"pods": pods}, name="in"),),
            egress=(
                rule("Pass", {"networks": ["10.0.0.0/8", "fd00::/8"]}, protocols=[tcp(80), udp(53)]),
                rule("Deny", EVERYTHING, {"namespaces": {}}),
            ),
        )
    )
    assert body == {
        "tier": "Baseline",
        "priority": 1000,
        "subject": {"pods": pods},
        "ingress": [{"name": "in", "action": "Accept", "from": [{"namespaces": others("a")}, {"pods": pods}]}],
        "egress": [
            {"action": "Pass", "to": [{"networks": ["10.0.0.0/8", "fd00::/8"]}], "protocols": [tcp(80), udp(53)]},
            {"action": "Deny", "to": [EVERYTHING, {"namespaces": {}}]},
        ],
    }


def test_ports_stand_as_they_are_written() -> None:
    ranged = {"sctp": {"destinationPort": {"range": {"start": 1, "end": 2}}}}
    named = {"destinationNamedPort": "http"}
    body = spec(policy(ingress=(rule("Deny", {"namespaces": {}}, protocols=[ranged, named]),)))
    assert body["ingress"][0]["protocols"] == [ranged, named]


def test_every_port_of_a_transport_is_a_range_because_upstream_wants_a_port() -> None:
    body = spec(policy(egress=(rule("Deny", EVERYTHING, protocols=[{"tcp": {}}, {"udp": {}}]),)))
    whole = {"destinationPort": {"range": {"start": 1, "end": 65535}}}
    assert body["egress"][0]["protocols"] == [{"tcp": whole}, {"udp": whole}]


def test_an_exception_is_said_by_what_is_left() -> None:
    networks = spec(policy(egress=(rule("Deny", HOLE),)))["egress"][0]["to"][0]["networks"]
    assert networks == [
        "10.0.0.0/16",
        "10.2.0.0/15",
        "10.4.0.0/14",
        "10.8.0.0/13",
        "10.16.0.0/12",
        "10.32.0.0/11",
        "10.64.0.0/10",
        "10.128.0.0/9",
    ]


def test_no_network_stands_twice_in_a_peer() -> None:
    networks = ["10.0.0.0/9", "10.128.0.0/9"]
    peer = {"networks": [{"cidr": "10.0.0.0/8", "except": ["10.0.0.0/9"]}, *networks]}
    body = spec(policy(egress=(rule("Deny", peer),)))
    assert body["egress"][0]["to"] == [{"networks": ["10.128.0.0/9", "10.0.0.0/9"]}]


def test_a_network_of_which_nothing_is_left_matches_nothing() -> None:
    nothing = {"networks": [{"cidr": "10.0.0.0/8", "except": ["10.0.0.0/9", "10.128.0.0/9"]}]}
    assert objects(policy(egress=(rule("Deny", nothing),))) == []
    body = spec(policy(egress=(rule("Deny", nothing, {"namespaces": {}}),)))
    assert body["egress"][0]["to"] == [{"namespaces": {}}]


def test_many_prefixes_become_several_peers_and_several_rules_in_a_row() -> None:
    holes = [f"fd00:{index}000::1/128" for index in range(1, 9)]
    wide = {"networks": [{"cidr": "fd00::/16", "except": holes}]}
    rules = spec(policy(egress=(rule("Accept", wide, name="a", protocols=[tcp(1)]), DENY)))["egress"]
    assert len(rules) == 3
    assert {len(peer["networks"]) for one in rules[:-1] for peer in one["to"]} >= {25}
    assert all(len(one["to"]) <= 25 and len(peer["networks"]) <= 25 for one in rules for peer in one["to"])
    assert [(one["action"], one.get("name"), one.get("protocols")) for one in rules] == [
        ("Accept", "a", [tcp(1)]),
        ("Accept", "a", [tcp(1)]),
        ("Deny", None, None),
    ]


def test_more_rules_than_an_object_may_hold_are_refused() -> None:
    holes = [f"fd00:{index}000::1/128" for index in range(1, 9)]
    wide = rule("Deny", {"networks": [{"cidr": "fd00::/16", "except": holes}]})
    assert not outcome(policy(egress=(wide,) * 12)).refused
    told = outcome(policy(egress=(wide,) * 13))
    assert (told.code, {one.code for one in told.rules}) == ("EDICT0522", {"EDICT0522"})


@given(st.data())
def test_prefixes_are_the_set(data: st.DataObject) -> None:
    addresses = st.integers(0, 63)
    network = ip_network("192.0.2.0/26")
    holes = data.draw(st.lists(st.tuples(addresses, st.integers(26, 32)), max_size=6))
    excepted = tuple(ip_network((int(network.network_address) + at, length), strict=False) for at, length in holes)
    written = NetworkExcept(cidr=str(network), except_=tuple(map(str, excepted)))
    found = list(addresses_of([written]).networks())
    meant = {address for address in network if not any(address in part for part in excepted)}
    listed = [address for part in found for address in part]
    assert len(listed) == len(set(listed))
    assert set(listed) == meant
    assert found == sorted(found, key=lambda part: int(part.network_address))


@pytest.mark.parametrize("field", ["nodes", "domainNames"])
def test_experimental_peers_are_exact_where_the_definition_has_them(field: str) -> None:
    value: Any = {"matchLabels": {"role": "x"}} if field == "nodes" else ["*.example.com", "example.org."]
    one = policy(egress=(rule("Accept", {field: value}),))
    assert spec(one, facts=EXPERIMENTAL)["egress"][0]["to"] == [{field: value}]
    assert outcome(one).code == "EDICT0512"
    told = outcome(one, facts=replace(FACTS, egress_peers=None))
    assert (told.code, told.remedy) == ("EDICT0512", "give the fact egressPeers")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"protocols": [{"icmp": {}}]}, "EDICT0513"),
        ({"log": True}, "EDICT0515"),
        ({"http": [{"methods": ["GET"]}]}, "EDICT0514"),
    ],
    ids=str,
)
def test_what_upstream_does_not_match_is_refused(more: dict[str, Any], code: str) -> None:
    for one in (policy(egress=(rule("Accept", EVERYTHING, **more),)), policy(ingress=(rule("Accept", EVERYTHING),))):
        assert outcome(one).refused
    assert outcome(policy(egress=(rule("Accept", EVERYTHING, **more),))).code == code


@pytest.mark.parametrize("peer", [EVERYTHING, {"networks": ["203.0.113.0/24"]}])
def test_ingress_has_no_networks_there(peer: dict[str, Any]) -> None:
    told = outcome(policy(ingress=(rule("Deny", peer),)))
    assert told.code == "EDICT0518"
    assert "namespaces: {}" in told.remedy


@pytest.mark.parametrize("peer", [{"serviceAccounts": {"names": ["x"]}}, {"clusters": {"names": ["x"]}}], ids=str)
def test_ingress_peers_that_upstream_does_not_have_are_refused(peer: dict[str, Any]) -> None:
    assert outcome(policy(ingress=(rule("Deny", peer),))).code == "EDICT0512"


def test_the_way_out_has_the_highest_precedence_that_there_is() -> None:
    (way_out,) = plan(Dialect.CLUSTER_NETWORK_POLICY).objects
    body = way_out.body["spec"]
    assert (body["tier"], body["priority"]) == ("Admin", 0)
    assert body["subject"] == {"namespaces": namespace(AGENT)}
    assert [(one["action"], one["to"]) for one in body["egress"]] == [("Accept", [EVERYTHING])]


def test_of_priority_0_egress_stands_apart_and_leaves_the_agents_namespace_out() -> None:
    one = policy(priority=0, ingress=(rule("Deny", {"namespaces": {}}),), egress=(DENY,))
    own, apart = objects(one)
    assert (own.name, apart.name) == ("edict.platform.one", "edict.platform.one.egress")
    assert own.body["spec"].keys() == {"tier", "priority", "subject", "ingress"}
    assert own.body["spec"]["subject"] == {"namespaces": {}}
    assert apart.body["spec"].keys() == {"tier", "priority", "subject", "egress"}
    assert apart.body["spec"]["subject"] == {"namespaces": others(AGENT)}
    assert outcome(one).objects == (own.name, apart.name)


def test_the_agents_namespace_is_left_out_beside_what_the_subject_says() -> None:
    pods = {"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"app": "x"}}}
    subject = spec(policy(priority=0, subject={"pods": pods}, egress=(DENY,)))["subject"]
    assert subject["pods"] == pods | {"namespaceSelector": {"matchLabels": {"team": "a"}} | others(AGENT)}


@pytest.mark.parametrize(
    "apart",
    [
        policy(priority=1, egress=(DENY,)),
        policy(priority=0, tier="Baseline", egress=(DENY,)),
        policy(priority=0, subject={"namespaces": namespace("a")}, egress=(DENY,)),
    ],
    ids=["below", "another tier", "another namespace"],
)
def test_what_cannot_tie_with_the_way_out_stands_as_it_is_written(apart: PlacedPolicy) -> None:
    (one,) = objects(apart)
    assert one.name == "edict.platform.one"
    assert AGENT not in str(one.body["spec"])


ACCOUNTS = {"serviceAccounts": {"names": ["payer"]}}
IN_B = {"namespaces": namespace("b")}


@pytest.mark.parametrize(
    ("given_", "code", "left"),
    [
        (
            {"ingress": (rule("Accept", {"networks": ["203.0.113.0/24"]}, IN_B),)},
            "EDICT0518",
            {"action": "Accept", "from": [IN_B]},
        ),
        (
            {"egress": (rule("Accept", ACCOUNTS, {"nodes": {}}, IN_B),)},
            "EDICT0512",
            {"action": "Accept", "to": [IN_B]},
        ),
        (
            {"egress": (rule("Accept", IN_B, protocols=[{"icmp": {}}, tcp(80)]),)},
            "EDICT0513",
            {"action": "Accept", "to": [IN_B], "protocols": [tcp(80)]},
        ),
    ],
)
def test_stricter_accepts_what_can_be_said(given_: dict[str, Any], code: str, left: dict[str, Any]) -> None:
    one = policy(**given_)
    assert (outcome(one).refused, outcome(one).code) == (True, code)
    told = outcome(lenient(one))
    assert [(each.fidelity, each.direction, each.code) for each in told.rules] == [
        (Fidelity.APPROXIMATE, "stricter", code)
    ]
    (direction,) = given_
    assert spec(lenient(one))[direction] == [left]


@pytest.mark.parametrize(
    "one",
    [
        rule("Deny", ACCOUNTS, IN_B),
        rule("Pass", ACCOUNTS, IN_B),
        rule("Deny", IN_B, protocols=[{"icmp": {}}, tcp(80)]),
        rule("Accept", ACCOUNTS),
        rule("Accept", IN_B, protocols=[{"icmp": {}}]),
        rule("Accept", IN_B, protocols=[tcp(80)], http=[{"methods": ["GET"]}]),
    ],
)
def test_stricter_takes_nothing_from_a_deny_or_a_pass_and_leaves_no_accept_out(one: dict[str, Any]) -> None:
    told = outcome(lenient(policy(egress=(one,))))
    assert (told.refused, told.rules[0].fidelity) == (True, Fidelity.UNSUPPORTED)
