"""What is known to go wrong between the language and the plugins, one case each, on the plugins' own engines."""

from __future__ import annotations

from typing import Any

import pytest

from edict_agent.translate import Dialect, PlacedPolicy
from tests.engines.engine import Engine, Flow, Scene
from tests.property.world import Place, Spoken
from tests.unit.translate.placed import AGENT, EVERYBODY, EVERYTHING, NAME, namespace, others, plan, policy, rule

_NAMESPACES = {
    "x": {NAME: "x"},
    "y": {NAME: "y", "team": "red", "tier": "front"},
    AGENT: {NAME: AGENT},
}
PLACES = {
    "x": Place("10.244.0.1", _NAMESPACES["x"], {"app": "x"}),
    "x6": Place("fd00:10:244::1", _NAMESPACES["x"], {"app": "x"}),
    "y": Place("10.244.0.2", _NAMESPACES["y"], {"app": "y"}),
    "bare": Place("10.244.0.3", _NAMESPACES["x"], {}),
    "forger": Place("10.244.0.5", _NAMESPACES["x"], {"pcns.team": "red", "io.cilium.k8s.namespace.labels.team": "red"}),
    "agent": Place("10.244.0.4", _NAMESPACES[AGENT], {}),
    "node": Place("172.18.0.5", is_node=True),
    "low": Place("203.0.113.7"),
    "high": Place("203.0.113.200"),
    "world6": Place("2001:db8::1"),
}
TCP = Spoken("tcp", 80)
INTERNET = {"networks": [{"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16", "172.18.0.0/16"]}]}
HOLED = {"networks": [{"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25"]}]}
NOT_RED = {"namespaces": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["red"]}]}}
NO_TEAM = {"namespaces": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}
NO_APP = {
    "pods": {
        "namespaceSelector": {},
        "podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
    }
}
X = {"namespaces": namespace("x")}
ISOLATED = [
    {
        "metadata": {"name": "isolated", "namespace": name},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }
    for name in ("x", "y")
]
"""NetworkPolicies that isolate every pod but the agent's, so that only an Accept of ours opens."""


def ports(protocol: str, first: int, last: int) -> dict[str, Any]:
    """Return a range of ports."""
    return {protocol: {"destinationPort": {"range": {"start": first, "end": last}}}}


def icmp(family: str, number: int) -> dict[str, Any]:
    """Return one type of ICMP."""
    return {"icmp": {"family": family, "type": number}}


def allowed(engine: Engine, dialect: Dialect, policies: tuple[PlacedPolicy, ...], beside: Any, *flow: Any) -> bool:
    """Return the verdict on a flow from a pod, or on one to a pod where that is the only one."""
    translated = plan(dialect, *policies)
    assert [one.reason for one in translated.policies if one.refused] == []
    source, destination, spoken = flow
    scene = Scene(tuple(PLACES.values()), [one.body for one in translated.objects], beside)
    answer = engine.judge(scene, [Flow(PLACES[source], PLACES[destination], spoken)])
    assert answer.rejected == ()
    verdict = answer.verdicts[0].ingress if answer.verdicts[0].egress is None else answer.verdicts[0].egress
    assert verdict is not None
    return verdict


def deny(peer: dict[str, Any], *protocols: dict[str, Any]) -> PlacedPolicy:
    """Return a policy that denies namespace x some egress."""
    spoken = {"protocols": list(protocols)} if protocols else {}
    return policy(subject=X, egress=(rule("Deny", peer, **spoken),))


DENIES = [
    pytest.param(NOT_RED, {"bare"}, {"y", "low", "node"}, id="NotIn-matches-no-address-outside"),
    pytest.param(NO_TEAM, {"bare"}, {"y", "low", "node"}, id="DoesNotExist-matches-no-address-outside"),
    pytest.param(NO_APP, {"bare"}, {"x", "y", "low", "node"}, id="DoesNotExist-of-pods-neither"),
    pytest.param({"namespaces": others("y")}, {"bare"}, {"y", "low", "node"}, id="NotIn-of-names-neither"),
    pytest.param(EVERYBODY, {"bare", "y"}, {"low", "node"}, id="everybody-is-pods-alone"),
    pytest.param(EVERYTHING, {"bare", "y", "low", "node"}, set(), id="everything-is-nodes-and-pods-too"),
    pytest.param(HOLED, {"low"}, {"high", "y"}, id="an-exception-of-a-network"),
    pytest.param(INTERNET, {"low", "high"}, {"y", "node"}, id="all-of-a-family-but-the-cluster"),
]


@pytest.mark.parametrize(("peer", "closed", "open_"), DENIES)
def test_whom_a_deny_meets(
    dialect: Dialect, engine: Engine, peer: dict[str, Any], closed: set[str], open_: set[str]
) -> None:
    for destination in closed | open_:
        verdict = allowed(engine, dialect, (deny(peer),), (), "x", destination, TCP)
        assert verdict is (destination in open_), destination


@pytest.mark.parametrize("peer", [HOLED, INTERNET])
def test_networks_of_ipv4_leave_ipv6_alone(dialect: Dialect, engine: Engine, peer: dict[str, Any]) -> None:
    assert allowed(engine, dialect, (deny(peer),), (), "x6", "world6", TCP)


@pytest.mark.parametrize(("port", "open_"), [(49, True), (50, False), (55, False), (60, False), (61, True)])
def test_a_range_of_ports_ends_where_it_says(dialect: Dialect, engine: Engine, port: int, *, open_: bool) -> None:
    closed = (deny(EVERYBODY, ports("tcp", 50, 60)),)
    assert allowed(engine, dialect, closed, (), "x", "y", Spoken("tcp", port)) is open_
    assert allowed(engine, dialect, closed, (), "x", "y", Spoken("udp", port))


def test_a_protocol_without_ports_is_every_port_of_it_and_nothing_else(dialect: Dialect, engine: Engine) -> None:
    closed = (deny(EVERYBODY, {"tcp": {}}),)
    for spoken in (Spoken("tcp", 1), Spoken("tcp", 65535)):
        assert not allowed(engine, dialect, closed, (), "x", "y", spoken)
    for spoken in (Spoken("udp", 53), Spoken("icmp4", 8), Spoken("gre")):
        assert allowed(engine, dialect, closed, (), "x", "y", spoken)


def test_no_protocols_are_those_without_ports_too(dialect: Dialect, engine: Engine) -> None:
    for spoken in (TCP, Spoken("sctp", 80), Spoken("icmp4", 8), Spoken("gre")):
        assert not allowed(engine, dialect, (deny(EVERYBODY),), (), "x", "y", spoken)


def test_icmp_is_matched_by_family_and_type(dialect: Dialect, engine: Engine) -> None:
    closed = (deny(EVERYTHING, icmp("IPv4", 8)),)
    assert not allowed(engine, dialect, closed, (), "x", "low", Spoken("icmp4", 8))
    assert allowed(engine, dialect, closed, (), "x", "low", Spoken("icmp4", 3))
    assert allowed(engine, dialect, closed, (), "x6", "world6", Spoken("icmp6", 8))
    assert allowed(engine, dialect, closed, (), "x", "low", Spoken("tcp", 8))


def test_icmp_type_0_is_one_type_on_calico(calico: Engine) -> None:
    closed = (deny(EVERYTHING, icmp("IPv4", 0)),)
    assert not allowed(calico, Dialect.CALICO, closed, (), "x", "low", Spoken("icmp4", 0))
    assert allowed(calico, Dialect.CALICO, closed, (), "x", "low", Spoken("icmp4", 8))


def test_icmp_type_0_would_be_every_type_on_cilium(cilium: Engine) -> None:
    closed = deny(EVERYTHING, icmp("IPv4", 0))
    assert [one.code for one in plan(Dialect.CILIUM, closed).policies] == ["EDICT0513"]
    bodies = [one.body for one in plan(Dialect.CILIUM, deny(EVERYTHING, icmp("IPv4", 8))).objects]
    bodies[-1]["spec"]["egressDeny"][0]["icmps"][0]["fields"][0]["type"] = 0
    flows = [Flow(PLACES["x"], PLACES["low"], Spoken("icmp4", number)) for number in (3, 8)]
    answer = cilium.judge(Scene(tuple(PLACES.values()), bodies), flows)
    assert [verdict.egress for verdict in answer.verdicts] == [False, False]


def test_no_pod_forges_a_label_of_its_namespace(dialect: Dialect, engine: Engine) -> None:
    red = {"namespaces": {"matchLabels": {"team": "red"}}}
    assert not allowed(engine, dialect, (deny(red),), (), "x", "y", TCP)
    assert allowed(engine, dialect, (deny(red),), (), "x", "forger", TCP)
    assert not allowed(engine, dialect, (deny(NOT_RED),), (), "x", "forger", TCP)


def test_an_accept_opens_the_isolated_to_those_it_names_alone(dialect: Dialect, engine: Engine) -> None:
    opened = (policy(subject=X, ingress=(rule("Accept", NOT_RED),)),)
    assert allowed(engine, dialect, opened, ISOLATED, "agent", "x", TCP)
    assert not allowed(engine, dialect, opened, ISOLATED, "low", "x", TCP)
    assert not allowed(engine, dialect, opened, ISOLATED, "node", "x", TCP)


def test_ingress_from_everything_is_denied_to_nodes_and_the_world(dialect: Dialect, engine: Engine) -> None:
    closed = (policy(subject=X, ingress=(rule("Deny", EVERYTHING),)),)
    assert not allowed(engine, dialect, closed, (), "low", "x", TCP)
    assert not allowed(engine, dialect, closed, (), "node", "x", TCP)
    assert not allowed(engine, dialect, closed, (), "world6", "x6", TCP)


def test_a_deny_of_everything_leaves_the_way_out(dialect: Dialect, engine: Engine) -> None:
    closed = (policy(subject=EVERYBODY, egress=(rule("Deny", EVERYTHING),)),)
    assert not allowed(engine, dialect, closed, (), "x", "low", TCP)
    assert allowed(engine, dialect, closed, (), "agent", "low", TCP)


def test_a_pass_leaves_it_to_network_policies(calico: Engine) -> None:
    passed = (policy(subject=X, egress=(rule("Pass", {"namespaces": namespace("y")}), rule("Deny", EVERYTHING))),)
    assert allowed(calico, Dialect.CALICO, passed, (), "x", "y", TCP)
    assert not allowed(calico, Dialect.CALICO, passed, ISOLATED, "x", "y", TCP)
    assert not allowed(calico, Dialect.CALICO, passed, (), "x", "low", TCP)


def test_baseline_stands_behind_network_policies(dialect: Dialect, engine: Engine) -> None:
    closed = (policy(tier="Baseline", subject=X, egress=(rule("Deny", EVERYTHING),)),)
    opening = {
        "metadata": {"name": "opening", "namespace": "x"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": {}}]}]},
    }
    assert not allowed(engine, dialect, closed, (), "x", "y", TCP)
    assert allowed(engine, dialect, closed, [opening], "x", "y", TCP)
    assert not allowed(engine, dialect, closed, [opening], "x", "low", TCP)
    assert allowed(engine, dialect, closed, (), "y", "low", TCP)


def test_a_baseline_accept_opens_nothing_that_is_isolated(calico: Engine) -> None:
    order = (rule("Accept", {"namespaces": namespace("y")}), rule("Deny", EVERYTHING))
    opened = (policy(tier="Baseline", subject=X, egress=order),)
    assert allowed(calico, Dialect.CALICO, opened, (), "x", "y", TCP)
    assert not allowed(calico, Dialect.CALICO, opened, (), "x", "low", TCP)
    assert not allowed(calico, Dialect.CALICO, opened, ISOLATED, "x", "y", TCP)


def test_a_logged_rule_decides_as_one_that_is_not(calico: Engine) -> None:
    closed = (policy(subject=X, egress=(rule("Deny", HOLED, log=True),)),)
    assert not allowed(calico, Dialect.CALICO, closed, (), "x", "low", TCP)
    assert allowed(calico, Dialect.CALICO, closed, (), "x", "high", TCP)
