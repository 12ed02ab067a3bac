"""Hazards of Calico: what is exact there, what is refused and why."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from edict.policy.model import OnInexact
from edict_agent.translate import Dialect, Facts, PolicyPlan
from edict_agent.translate.plan import PlacedPolicy
from tests.unit.translate.placed import (
    AGENT,
    EVERYTHING,
    FACTS,
    NAME,
    namespace,
    objects,
    others,
    plan,
    policy,
    rule,
    tcp,
    udp,
)
from tests.unit.translate.placed import outcome as outcome_on
from tests.unit.translate.placed import spec as spec_on

PODS = "projectcalico.org/orchestrator == 'k8s'"
BOTH_FAMILIES = {"networks": ["10.0.0.0/8", "fd00::/8", {"cidr": "192.168.0.0/16", "except": ["192.168.1.0/24"]}]}


def outcome(*policies: PlacedPolicy, facts: Facts = FACTS) -> PolicyPlan:
    return outcome_on(Dialect.CALICO, *policies, facts=facts)


def spec(*policies: PlacedPolicy, facts: Facts = FACTS) -> Any:
    return spec_on(Dialect.CALICO, *policies, facts=facts)


def bare(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rules without the annotation that says where they come from, and without empty sides."""
    return [{key: value for key, value in one.items() if key != "metadata" and value != {}} for one in rules]


def test_tiers_pass_what_they_do_not_decide() -> None:
    tiers = [one.body for one in plan(Dialect.CALICO).objects if one.kind == "Tier"]
    assert [(one["metadata"]["name"], one["spec"]) for one in tiers] == [
        ("edict-admin", {"order": 500, "defaultAction": "Pass"}),
        ("edict-baseline", {"order": 9_000_000, "defaultAction": "Pass"}),
    ]


def test_the_way_out_stands_before_priority_0() -> None:
    way_out = plan(Dialect.CALICO).objects[-1].body["spec"]
    assert way_out["order"] < 0
    assert way_out["selector"] == f"{PODS} && projectcalico.org/namespace == '{AGENT}'"
    assert way_out["egress"] == [{"action": "Allow", "source": {}, "destination": {}}]


def test_tier_types_and_order_are_explicit() -> None:
    found = objects(Dialect.CALICO, policy(tier="Baseline", priority=7, egress=(rule("Pass", EVERYTHING),)))[0]
    assert found.name == "edict-baseline.platform-one-8"
    assert found.body["metadata"]["labels"]["projectcalico.org/tier"] == "edict-baseline"
    assert {key: found.body["spec"][key] for key in ("tier", "order", "types")} == {
        "tier": "edict-baseline",
        "order": 7,
        "types": ["Egress"],
    }


def test_names_of_different_policies_differ() -> None:
    one = policy("b-c")
    names = set()
    for team, name in (("a", "b-c"), ("a-b", "c"), ("a", "b-c-1")):
        changed = PlacedPolicy(
            team=team, name=name, digest=one.digest, document=policy(name, egress=(rule("Deny", EVERYTHING),)).document
        )
        names.add(objects(Dialect.CALICO, changed)[0].name)
    assert names == {"edict-admin.a-b-c-1", "edict-admin.a-b-c-3", "edict-admin.a-b-c-1-1"}


def test_actions_keep_their_order() -> None:
    rules = (rule("Pass", EVERYTHING, protocols=[tcp(1)]), rule("Accept", EVERYTHING), rule("Deny", EVERYTHING))
    assert [one["action"] for one in spec(policy(egress=rules))["egress"]] == ["Pass", "Allow", "Deny"]


def test_selectors_are_of_pods_alone() -> None:
    peer = {
        "pods": {
            "namespaceSelector": others("a"),
            "podSelector": {
                "matchExpressions": [
                    {"key": "app", "operator": "DoesNotExist"},
                    {"key": "b", "operator": "NotIn", "values": ["y", "x"]},
                    {"key": "c", "operator": "In", "values": ["1", "2"]},
                    {"key": "d/e", "operator": "Exists"},
                ]
            },
        }
    }
    body = spec(policy(ingress=(rule("Deny", peer),)))
    assert body["selector"] == PODS
    assert body["ingress"][0]["source"] == {
        "selector": f"{PODS} && projectcalico.org/namespace != 'a' && !has(app) && b not in {{'x', 'y'}}"
        " && c in {'1', '2'} && has(d/e)"
    }


def test_labels_of_namespaces_stand_in_a_selector_of_their_own() -> None:
    subject = {
        "namespaces": {
            "matchLabels": {"team": "a", NAME: "b"},
            "matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["test"]}],
        }
    }
    body = spec(policy(subject=subject, egress=(rule("Deny", EVERYTHING),)))
    assert body["selector"] == f"{PODS} && projectcalico.org/namespace == 'b'"
    assert body["namespaceSelector"] == "team == 'a' && env != 'test'"


@pytest.mark.parametrize("which", ["namespaceSelector", "podSelector"])
def test_labels_that_calico_writes_itself_are_refused(which: str) -> None:
    pods: dict[str, object] = {"podSelector": {}} | {which: {"matchLabels": {"projectcalico.org/namespace": "x"}}}
    assert outcome(policy(subject={"pods": pods}, egress=(rule("Deny", EVERYTHING),))).code == "EDICT0516"


@pytest.mark.parametrize("key", ["pcns.team", "pcsa.name"])
def test_labels_that_calico_drops_from_pods_are_refused(key: str) -> None:
    pods = {"namespaceSelector": {}, "podSelector": {"matchLabels": {key: "x"}}}
    assert outcome(policy(egress=(rule("Deny", {"pods": pods}),))).code == "EDICT0516"


def test_families_never_mix() -> None:
    body = spec(policy(egress=(rule("Deny", BOTH_FAMILIES),)))
    assert [one["destination"] for one in body["egress"]] == [
        {"nets": ["10.0.0.0/8"]},
        {"nets": ["fd00::/8"]},
        {"nets": ["192.168.0.0/16"], "notNets": ["192.168.1.0/24"]},
    ]


def test_every_address_needs_no_nets() -> None:
    body = spec(policy(ingress=(rule("Deny", EVERYTHING),), egress=(rule("Deny", EVERYTHING),)))
    assert bare(body["ingress"]) == [{"action": "Deny"}]
    assert bare(body["egress"]) == [{"action": "Deny"}]
    assert body["types"] == ["Ingress", "Egress"]


def test_every_address_of_one_family_is_exact_at_ingress() -> None:
    body = spec(policy(ingress=(rule("Deny", {"networks": ["::/0"]}),)))
    assert bare(body["ingress"]) == [{"action": "Deny", "source": {"nets": ["::/0"]}}]


def test_networks_need_no_facts() -> None:
    assert not outcome(policy(egress=(rule("Deny", BOTH_FAMILIES),)), facts=Facts(plugin="calico")).refused


def test_a_service_account_stands_with_its_namespaces() -> None:
    peer = {"serviceAccounts": {"names": ["b", "a"], "namespaceSelector": {"matchLabels": {"team": "x"}}}}
    (deny,) = spec(policy(ingress=(rule("Deny", peer),)))["ingress"]
    assert deny["source"] == {
        "selector": "projectcalico.org/orchestrator == 'k8s'",
        "namespaceSelector": "team == 'x'",
        "serviceAccounts": {"names": ["a", "b"]},
    }


def test_a_port_by_name_is_one_of_each_protocol_at_the_destination() -> None:
    named = rule("Deny", {"namespaces": {}}, protocols=[{"destinationNamedPort": "http"}])
    rules = spec(policy(ingress=(named,)))["ingress"]
    assert [(one["protocol"], one["destination"]) for one in rules] == [
        (transport, {"ports": ["http"]}) for transport in ("TCP", "UDP", "SCTP")
    ]


def stricter(facts: Facts, *rules: dict[str, Any]) -> PolicyPlan:
    written = policy(ingress=rules)
    wanted = replace(written.document.spec, on_inexact=OnInexact.STRICTER)
    return outcome(replace(written, document=replace(written.document, spec=wanted)), facts=facts)


def test_stricter_accepts_sources_by_address_where_no_node_has_one() -> None:
    sources = {"networks": ["203.0.113.0/24"]}
    told = stricter(FACTS, rule("Accept", sources))
    assert (told.refused, told.rules[0].direction) == (False, "stricter")
    assert stricter(FACTS, rule("Deny", sources)).refused
    assert stricter(FACTS, rule("Accept", {"networks": ["172.18.0.0/24"]})).refused
    assert stricter(replace(FACTS, node_cidrs=None), rule("Accept", sources)).refused


def test_ports_stand_with_their_protocol_at_the_destination() -> None:
    ranged = {"tcp": {"destinationPort": {"range": {"start": 8000, "end": 9000}}}}
    protocols = [tcp(443), udp(53), ranged, {"sctp": {}}, {"udp": {}}]
    body = spec(policy(ingress=(rule("Accept", {"namespaces": namespace("a")}, protocols=protocols),)))
    assert [(one["protocol"], one["destination"]) for one in body["ingress"]] == [
        ("TCP", {"ports": [443, "8000:9000"]}),
        ("UDP", {}),
        ("SCTP", {}),
    ]
    assert all("ports" not in one["source"] for one in body["ingress"])


def test_icmp_has_a_family() -> None:
    protocols = [{"icmp": {"family": "IPv6", "type": 1, "code": 0}}, {"icmp": {}}]
    body = spec(policy(egress=(rule("Deny", BOTH_FAMILIES, protocols=protocols),)))
    assert bare(body["egress"]) == [
        {"action": "Deny", "protocol": "ICMP", "ipVersion": 4, "destination": {"nets": ["10.0.0.0/8"]}},
        {
            "action": "Deny",
            "protocol": "ICMPv6",
            "ipVersion": 6,
            "icmp": {"type": 1, "code": 0},
            "destination": {"nets": ["fd00::/8"]},
        },
        {
            "action": "Deny",
            "protocol": "ICMP",
            "ipVersion": 4,
            "destination": {"nets": ["192.168.0.0/16"], "notNets": ["192.168.1.0/24"]},
        },
    ]


def test_icmp_type_255_would_mean_any() -> None:
    told = outcome(policy(egress=(rule("Deny", EVERYTHING, protocols=[{"icmp": {"type": 255}}]),)))
    assert told.code == "EDICT0513"


def test_a_log_stands_before_its_rule() -> None:
    body = spec(policy(egress=(rule("Deny", EVERYTHING, log=True, protocols=[tcp(1)]),)))
    assert [(one["action"], one["destination"]) for one in body["egress"]] == [
        ("Log", {"ports": [1]}),
        ("Deny", {"ports": [1]}),
    ]


def test_a_selector_that_is_too_long_is_refused() -> None:
    names = [f"a-namespace-with-a-rather-long-name-{index}" for index in range(30)]
    assert (
        outcome(policy(subject={"namespaces": namespace(*names)}, egress=(rule("Deny", EVERYTHING),))).code
        == "EDICT0522"
    )


def test_too_many_rules_are_refused() -> None:
    peers = [{"namespaces": namespace(f"n{index}")} for index in range(25)]
    protocols = [tcp(1), udp(1), {"icmp": {}}]
    rules = tuple(rule("Deny", *peers, protocols=protocols) for _ in range(14))
    assert outcome(policy(egress=rules)).code == "EDICT0522"


def test_rules_say_where_they_come_from() -> None:
    body = spec(policy(egress=(rule("Deny", EVERYTHING), rule("Accept", EVERYTHING))))
    assert [one["metadata"]["annotations"] for one in body["egress"]] == [
        {"federation.edict.dev/rule": "egress[0]"},
        {"federation.edict.dev/rule": "egress[1]"},
    ]
