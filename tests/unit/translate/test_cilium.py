"""Hazards of Cilium: what is exact there, what is refused and why."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from edict.policy.cilium_labels import is_identity_label
from edict.policy.fidelity import Fidelity
from edict_agent.translate import Dialect, Facts, PolicyPlan
from edict_agent.translate.plan import PlacedPolicy
from tests.unit.translate.placed import (
    AGENT,
    EVERYTHING,
    FACTS,
    lenient,
    namespace,
    objects,
    others,
    policy,
    rule,
    tcp,
    udp,
)
from tests.unit.translate.placed import outcome as outcome_on
from tests.unit.translate.placed import spec as spec_on

NS = "k8s:io.kubernetes.pod.namespace"
EXISTS = {"key": NS, "operator": "Exists"}
OUTSIDE = {"networks": ["203.0.113.0/24"]}
INTERNET = {"networks": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "172.16.0.0/12"]}]}
DNS = {"pods": {"namespaceSelector": namespace("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}}

ASK = rule("Accept", DNS, protocols=[udp(53), tcp(53), tcp(9153)])


def outcome(*policies: PlacedPolicy, facts: Facts = FACTS) -> PolicyPlan:
    return outcome_on(Dialect.CILIUM, *policies, facts=facts)


def spec(*policies: PlacedPolicy, facts: Facts = FACTS) -> Any:
    return spec_on(Dialect.CILIUM, *policies, facts=facts)


def with_options(**options: str) -> Facts:
    return replace(FACTS, options={key.replace("_", "-"): value for key, value in options.items()})


def test_admin_turns_on_no_default_deny() -> None:
    body = spec(policy(ingress=(rule("Accept", {"namespaces": {}}),)))
    assert body["enableDefaultDeny"] == {"ingress": False, "egress": False}


def test_a_selector_of_everybody_is_of_pods_alone() -> None:
    body = spec(policy(ingress=(rule("Deny", {"namespaces": {}}),)))
    assert body["endpointSelector"] == {"matchExpressions": [EXISTS]}
    assert body["ingressDeny"] == [{"fromEndpoints": [{"matchExpressions": [EXISTS]}]}]


def test_a_peer_that_only_excludes_does_not_match_the_world() -> None:
    peer = {
        "pods": {
            "namespaceSelector": others("a"),
            "podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
        }
    }
    body = spec(policy(ingress=(rule("Deny", peer),)))
    assert body["ingressDeny"][0]["fromEndpoints"][0]["matchExpressions"] == [
        EXISTS,
        {"key": NS, "operator": "NotIn", "values": ["a"]},
        {"key": "k8s:app", "operator": "DoesNotExist"},
    ]


def test_labels_of_namespaces_and_pods_have_keys_of_their_own() -> None:
    subject = {
        "pods": {"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"team": "b"}}}
    }
    body = spec(policy(subject=subject, ingress=(rule("Deny", {"namespaces": {}}),)))
    assert body["endpointSelector"]["matchExpressions"][1:] == [
        {"key": "k8s:io.cilium.k8s.namespace.labels.team", "operator": "In", "values": ["a"]},
        {"key": "k8s:team", "operator": "In", "values": ["b"]},
    ]


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("app", True),
        ("app.kubernetes.io/name", True),
        ("example.com/kubernetes.io", True),
        ("kubernetes.io/os", False),
        ("topology.kubernetes.io/zone", False),
        ("beta.kubernetes.io/arch", False),
        ("x.beta.kubernetes.io/y", False),
        ("io.kubernetes.x", False),
        ("io.kubernetes.pod.namespace", True),
        ("pod-template-hash", False),
        ("controller-uid", False),
        ("batch.kubernetes.io/job-name", True),
        ("batch.kubernetes.io/controller-uid", False),
        ("statefulset.kubernetes.io/pod-name", False),
        ("annotation.x", False),
        ("k8s.io/x", False),
        ("k8s-app", True),
        ("io.cilium.k8s.namespace.labels.kubernetes.io/x", True),
        ("io.cilium.k8s.namespace.labels.beta.kubernetes.io/x", False),
    ],
)
def test_the_label_filter_is_ciliums(key: str, known: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_identity_label(key) is known


@pytest.mark.parametrize(
    "selector",
    [
        {"podSelector": {"matchLabels": {"pod-template-hash": "x"}}},
        {"podSelector": {"matchLabels": {"io.cilium.k8s.policy.cluster": "x"}}},
        {"podSelector": {"matchLabels": {"io.kubernetes.pod.namespace": "x"}}},
        {"podSelector": {}, "namespaceSelector": {"matchLabels": {"a" * 40: "x"}}},
    ],
)
def test_labels_that_cilium_does_not_know_are_refused(selector: dict[str, Any]) -> None:
    told = outcome(policy(subject={"pods": selector}, egress=(rule("Accept", EVERYTHING),)))
    assert told.code == "EDICT0516"
    assert [one.code for one in told.rules] == ["EDICT0516"]


def test_labels_are_unknown_where_the_filter_is_changed() -> None:
    labelled = policy(
        subject={"pods": {"podSelector": {"matchLabels": {"a": "b"}}}}, egress=(rule("Accept", EVERYTHING),)
    )
    assert outcome(labelled, facts=with_options(labels="app")).code == "EDICT0524"
    assert not outcome(policy(egress=(rule("Accept", EVERYTHING),)), facts=with_options(labels="app")).refused


def test_an_egress_deny_leaves_out_the_agents_namespace_in_a_spec_of_its_own() -> None:
    (found,) = objects(
        Dialect.CILIUM,
        policy(ingress=(rule("Deny", {"namespaces": {}}),), egress=(rule("Deny", OUTSIDE),)),
    )
    one, other = found.body["specs"]
    assert "egressDeny" not in one
    assert "ingressDeny" not in other
    assert other["endpointSelector"]["matchExpressions"][-1] == {
        "key": NS,
        "operator": "NotIn",
        "values": [AGENT],
    }


def test_a_subject_without_the_agents_namespace_needs_nothing_left_out() -> None:
    subject = {"namespaces": namespace("a")}
    found = objects(Dialect.CILIUM, policy(subject=subject, egress=(rule("Deny", OUTSIDE),)))
    assert [one.name for one in found] == ["edict.platform.one"]


@pytest.mark.parametrize(
    ("protocol", "port"),
    [
        ({"tcp": {}}, {"port": "0", "protocol": "TCP"}),
        (tcp(443), {"port": "443", "protocol": "TCP"}),
        (
            {"udp": {"destinationPort": {"range": {"start": 1, "end": 65535}}}},
            {"port": "0", "protocol": "UDP"},
        ),
    ],
)
def test_ports(protocol: dict[str, Any], port: dict[str, Any]) -> None:
    body = spec(policy(egress=(rule("Accept", OUTSIDE, protocols=[protocol]),)))
    assert body["egress"] == [{"toCIDRSet": [{"cidr": "203.0.113.0/24"}], "toPorts": [{"ports": [port]}]}]


def test_peer_kinds_and_icmp_stand_in_rules_of_their_own() -> None:
    icmp = {"icmp": {"family": "IPv6", "type": 128}}
    body = spec(policy(egress=(rule("Accept", {"namespaces": {}}, OUTSIDE, protocols=[tcp(1), icmp]),)))
    assert [sorted(one) for one in body["egress"]] == [
        ["toEndpoints", "toPorts"],
        ["icmps", "toEndpoints"],
        ["toCIDRSet", "toPorts"],
        ["icmps", "toCIDRSet"],
    ]
    assert body["egress"][1]["icmps"] == [{"fields": [{"family": "IPv6", "type": 128}]}]


@pytest.mark.parametrize(
    ("protocol", "options", "code"),
    [
        ({"icmp": {"type": 0}}, {}, "EDICT0513"),
        ({"icmp": {"type": 3, "code": 4}}, {}, "EDICT0513"),
        ({"icmp": {"type": 8}}, {"enable_icmp_rules": "false"}, "EDICT0524"),
        ({"sctp": {}}, {}, "EDICT0524"),
    ],
)
def test_protocols_that_cilium_cannot_match(protocol: dict[str, Any], options: dict[str, str], code: str) -> None:
    denied = policy(egress=(rule("Deny", OUTSIDE, protocols=[protocol]),))
    assert outcome(denied, facts=with_options(**options)).code == code


def test_sctp_is_exact_where_cilium_carries_it() -> None:
    denied = policy(egress=(rule("Deny", OUTSIDE, protocols=[{"sctp": {}}]),))
    assert not outcome(denied, facts=with_options(enable_sctp="true")).refused


@pytest.mark.parametrize("network", ["10.0.0.0/8", "10.244.3.0/24", "172.18.0.5/32", "0.0.0.0/0", "::/0"])
def test_a_network_that_meets_pods_or_nodes_is_refused(network: str) -> None:
    told = outcome(policy(egress=(rule("Deny", {"networks": [network]}),)))
    assert told.code == "EDICT0517"
    assert told.remedy


@pytest.mark.parametrize("unknown", [{"pod_cidrs": None}, {"node_cidrs": None}])
def test_a_network_is_refused_where_facts_are_missing(unknown: dict[str, Any]) -> None:
    told = outcome(policy(egress=(rule("Deny", OUTSIDE),)), facts=replace(FACTS, **unknown))
    assert told.code == "EDICT0517"


def test_a_network_less_pods_and_nodes_is_exact() -> None:
    body = spec(policy(subject={"namespaces": namespace("a")}, egress=(rule("Deny", INTERNET),)))
    assert body["egressDeny"] == [{"toCIDRSet": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "172.16.0.0/12"]}]}]


def test_every_address_needs_no_facts() -> None:
    unknown = replace(FACTS, pod_cidrs=None, node_cidrs=None)
    body = spec(policy(egress=(rule("Accept", EVERYTHING),)), facts=unknown)
    assert body["egress"] == [{"toEntities": ["all"]}]


def test_one_family_is_everything_where_the_other_is_switched_off() -> None:
    accept = policy(egress=(rule("Accept", {"networks": ["0.0.0.0/0"]}),))
    assert outcome(accept).code == "EDICT0517"
    assert spec(accept, facts=with_options(enable_ipv6="false"))["egress"] == [{"toEntities": ["all"]}]


def test_ingress_from_everywhere_leaves_out_the_pods_own_node() -> None:
    body = spec(policy(ingress=(rule("Deny", EVERYTHING),)))
    entities, endpoints = body["ingressDeny"]
    assert not {"all", "host", "cluster", "kube-apiserver"} & set(entities["fromEntities"])
    assert {"world", "remote-node"} <= set(entities["fromEntities"])
    assert endpoints["fromEndpoints"] == [
        {"matchExpressions": [EXISTS, {"key": "k8s:io.cilium.k8s.policy.cluster", "operator": "Exists"}]}
    ]


@pytest.mark.parametrize(
    "facts", [replace(FACTS, plugin_version="1.18.4"), with_options(policy_default_local_cluster="false")]
)
def test_peers_name_the_cluster_where_cilium_would_not(facts: Facts) -> None:
    accept = policy(ingress=(rule("Accept", {"namespaces": {}}),))
    peer = spec(accept, facts=facts)["ingress"][0]["fromEndpoints"][0]
    assert peer["matchLabels"] == {"k8s:io.cilium.k8s.policy.cluster": "default"}
    assert outcome(accept, facts=replace(facts, cluster_name="")).code == "EDICT0524"


ACCEPT_PART = rule("Accept", {"networks": ["203.0.113.0/25"]})
PASS_PART = rule("Pass", {"networks": ["203.0.113.0/25"]})
DENY_ALL_OF_IT = rule("Deny", OUTSIDE)


OTHER_HALF = [{"cidr": "203.0.113.0/24", "except": ["203.0.113.0/25"]}]
HALF = [{"cidr": "203.0.113.128/25"}]
TCP_443 = [{"port": "443", "protocol": "TCP"}]


def denied(*rules: dict[str, Any], facts: Facts = FACTS) -> Any:
    return spec(policy(subject={"namespaces": namespace("a")}, egress=rules), facts=facts).get("egressDeny")


def test_a_later_deny_leaves_what_an_earlier_rule_decided() -> None:
    for earlier in (ACCEPT_PART, PASS_PART):
        assert denied(earlier, DENY_ALL_OF_IT) == [{"toCIDRSet": HALF}]


def test_a_later_accept_leaves_what_an_earlier_pass_let_go() -> None:
    body = spec(policy(egress=(PASS_PART, rule("Accept", OUTSIDE))))
    assert body["egress"] == [{"toCIDRSet": HALF}]


@pytest.mark.parametrize(
    "earlier",
    [
        rule("Deny", {"networks": ["203.0.113.0/25"]}),
        rule("Accept", {"networks": ["198.51.100.0/24"]}),
        rule("Accept", {"namespaces": {}}),
    ],
)
def test_a_rule_that_nothing_takes_from_stands_as_it_is_written(earlier: dict[str, Any]) -> None:
    assert denied(earlier, DENY_ALL_OF_IT)[-1] == {"toCIDRSet": [{"cidr": "203.0.113.0/24"}]}


def test_ports_are_taken_out_of_the_protocols_that_cilium_carries() -> None:
    (left,) = (one for one in denied(rule("Accept", OUTSIDE, protocols=[tcp(443)]), DENY_ALL_OF_IT) if "toPorts" in one)
    assert left["toPorts"] == [
        {
            "ports": [
                {"port": "1", "endPort": 442, "protocol": "TCP"},
                {"port": "444", "endPort": 65535, "protocol": "TCP"},
                {"port": "0", "protocol": "UDP"},
            ]
        }
    ]


def test_what_is_left_of_every_protocol_holds_every_type_of_icmp() -> None:
    _, icmps = denied(rule("Accept", OUTSIDE, protocols=[tcp(443)]), DENY_ALL_OF_IT)
    assert icmps["icmps"] == [{"fields": [{"family": "IPv4", "type": 0}, {"family": "IPv6", "type": 0}]}]


def test_all_types_of_icmp_but_some_are_too_many_for_cilium() -> None:
    ping = rule("Accept", OUTSIDE, protocols=[{"icmp": {"type": 8}}])
    told = outcome(policy(egress=(ping, DENY_ALL_OF_IT)))
    assert (told.rules[-1].code, told.rules[-1].fidelity) == ("EDICT0513", Fidelity.APPROXIMATE)
    assert told.remedy.startswith("accept ICMP without a type")
    every = rule("Accept", OUTSIDE, protocols=[{"icmp": {}}])
    assert not outcome(policy(egress=(every, DENY_ALL_OF_IT))).refused


def test_protocols_that_cilium_carries_and_cannot_list_are_no_remainder() -> None:
    rules = (rule("Accept", OUTSIDE, protocols=[tcp(443)]), DENY_ALL_OF_IT)
    extended = with_options(enable_extended_ip_protocols="true")
    assert outcome(policy(egress=rules), facts=extended).code == "EDICT0513"


def test_pods_are_taken_out_by_the_complement_of_their_labels() -> None:
    a_and_b = {"pods": {"podSelector": {"matchLabels": {"a": "x", "b": "y"}}}}
    found = denied(rule("Accept", a_and_b), rule("Deny", {"namespaces": {}}))
    assert [one["matchExpressions"][1:] for one in found[0]["toEndpoints"]] == [
        [{"key": "k8s:a", "operator": "NotIn", "values": ["x"]}],
        [
            {"key": "k8s:a", "operator": "In", "values": ["x"]},
            {"key": "k8s:b", "operator": "NotIn", "values": ["y"]},
        ],
    ]


def test_everything_but_some_pods_is_the_other_pods_and_all_that_are_none() -> None:
    endpoints, entities = denied(rule("Accept", {"namespaces": namespace("b")}), rule("Deny", EVERYTHING))
    own, mesh = endpoints["toEndpoints"]
    assert own["matchExpressions"][1:] == [{"key": NS, "operator": "NotIn", "values": ["b"]}]
    assert mesh["matchExpressions"][1:] == [
        {"key": "k8s:io.cilium.k8s.policy.cluster", "operator": "Exists"},
        {"key": "k8s:io.cilium.k8s.policy.cluster", "operator": "NotIn", "values": ["default"]},
    ]
    assert {"world", "host", "remote-node"} <= set(entities["toEntities"])


def test_other_clusters_are_not_spoken_of_without_a_mesh() -> None:
    rules = (rule("Accept", {"namespaces": namespace("b")}), rule("Deny", EVERYTHING))
    endpoints, _ = denied(*rules, facts=with_options(cluster_id="0"))
    assert len(endpoints["toEndpoints"]) == 1


def test_a_cluster_is_named_where_there_is_a_mesh() -> None:
    berlin = {"clusters": {"names": ["berlin"], "pods": {"podSelector": {"matchLabels": {"a": "x"}}}}}
    (accept,) = spec(policy(egress=(rule("Accept", berlin),)), facts=with_options(cluster_id="7"))["egress"]
    assert accept["toEndpoints"][0]["matchExpressions"] == [
        EXISTS,
        {"key": "k8s:a", "operator": "In", "values": ["x"]},
        {"key": "k8s:io.cilium.k8s.policy.cluster", "operator": "In", "values": ["berlin"]},
    ]


@pytest.mark.parametrize("options", [{}, {"cluster_id": "0"}])
def test_a_cluster_is_refused_where_no_mesh_is_known(options: dict[str, str]) -> None:
    deny = policy(egress=(rule("Deny", {"clusters": {"names": ["berlin"]}}),))
    assert outcome(deny, facts=with_options(**options)).code == "EDICT0512"


SOME_NODES = {"nodes": {"matchLabels": {"zone": "a"}}}
CLUSTER = "k8s:io.cilium.k8s.policy.cluster"


def nodes_of(*asked: dict[str, Any]) -> list[dict[str, Any]]:
    own, other = ({"key": f"reserved:{one}", "operator": "Exists"} for one in ("host", "remote-node"))
    return [{"matchExpressions": [own, *asked]}, {"matchExpressions": [other, *asked]}]


def requirement(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})


def test_nodes_by_their_labels_are_the_pods_own_node_and_others_of_the_cluster() -> None:
    known = with_options(enable_node_selector_labels="true")
    body = spec(policy(egress=(rule("Deny", SOME_NODES),)), facts=known)
    here = requirement(CLUSTER, "In", "default")
    assert body["egressDeny"] == [{"toEndpoints": nodes_of(requirement("node:zone", "In", "a"), here)}]
    alone = replace(known, options={**known.options, "cluster-id": "0"}, cluster_name="")
    body = spec(policy(egress=(rule("Deny", SOME_NODES),)), facts=alone)
    assert body["egressDeny"] == [{"toEndpoints": nodes_of(requirement("node:zone", "In", "a"))}]


def test_every_node_needs_no_labels_without_a_mesh() -> None:
    every = policy(egress=(rule("Deny", {"nodes": {}}),))
    assert spec(every, facts=with_options(cluster_id="0"))["egressDeny"] == [{"toEntities": ["host", "remote-node"]}]
    assert outcome(every, facts=with_options(cluster_id="1")).code == "EDICT0512"


def test_everything_but_some_nodes_is_the_other_nodes_and_all_that_are_none() -> None:
    rules = rule("Accept", SOME_NODES), rule("Deny", EVERYTHING)
    known = with_options(enable_node_selector_labels="true", cluster_id="0")
    body = spec(policy(subject={"namespaces": namespace("a")}, egress=rules), facts=known)
    assert body["egress"] == [{"toEndpoints": nodes_of(requirement("node:zone", "In", "a"))}]
    assert body["egressDeny"] == [
        {"toEndpoints": [{"matchExpressions": [EXISTS]}, *nodes_of(requirement("node:zone", "NotIn", "a"))]},
        {"toEntities": ["health", "ingress", "init", "unmanaged", "world"]},
    ]
    meshed = with_options(enable_node_selector_labels="true", cluster_id="1")
    body = spec(policy(subject={"namespaces": namespace("a")}, egress=rules), facts=meshed)
    abroad = [requirement("reserved:remote-node", "Exists"), requirement(CLUSTER, "Exists")]
    abroad.append(requirement(CLUSTER, "NotIn", "default"))
    assert {"matchExpressions": abroad} in body["egressDeny"][0]["toEndpoints"]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (FACTS, "EDICT0512"),
        (with_options(enable_node_selector_labels="true", node_labels="zone"), "EDICT0524"),
        (with_options(enable_node_selector_labels="true", exclude_node_label_patterns="zone"), "EDICT0524"),
        (replace(with_options(enable_node_selector_labels="true"), plugin_version="1.19.1"), "EDICT0523"),
        (replace(with_options(enable_node_selector_labels="true"), cluster_name=""), "EDICT0524"),
    ],
)
def test_nodes_are_refused_where_their_labels_may_not_count(facts: Facts, code: str) -> None:
    assert outcome(policy(egress=(rule("Accept", SOME_NODES),)), facts=facts).code == code


def test_a_service_account_is_a_label() -> None:
    peer = {"serviceAccounts": {"names": ["b", "a"], "namespaceSelector": namespace("x")}}
    body = spec(policy(ingress=(rule("Deny", peer),)))
    assert body["ingressDeny"][0]["fromEndpoints"][0]["matchExpressions"][1:] == [
        {"key": NS, "operator": "In", "values": ["x"]},
        {"key": "k8s:io.cilium.k8s.policy.serviceaccount", "operator": "In", "values": ["a", "b"]},
    ]


def test_a_port_by_name_is_refused() -> None:
    named = rule("Deny", {"namespaces": {}}, protocols=[{"destinationNamedPort": "http"}])
    assert outcome(policy(egress=(named,))).code == "EDICT0513"


NAMED = rule("Accept", {"domainNames": ["a.example"]})


def test_nobody_knows_what_a_deny_leaves_of_a_name() -> None:
    told = outcome(policy(egress=(ASK, NAMED, DENY_ALL_OF_IT)))
    assert [one.code for one in told.rules] == ["", "", "EDICT0520"]
    assert told.rules[-1].fidelity is Fidelity.APPROXIMATE
    assert told.refused


def test_a_difference_of_too_many_parts_is_refused() -> None:
    def several(index: int) -> dict[str, Any]:
        return {"pods": {"podSelector": {"matchLabels": {f"{index}-{key}": "x" for key in "abcd"}}}}

    earlier = [rule("Accept", several(index)) for index in range(4)]
    assert outcome(policy(egress=(*earlier, rule("Deny", {"namespaces": {}})))).code == "EDICT0520"


def test_a_rule_of_which_nothing_is_left_is_exact_and_needs_no_object() -> None:
    told = outcome(policy(egress=(rule("Pass", EVERYTHING), rule("Deny", OUTSIDE))))
    assert (told.refused, told.objects) == (False, ())


def test_order_counts_across_policies_by_priority() -> None:
    accept = policy("accept", priority=5, egress=(ACCEPT_PART,))
    inside = {"namespaces": namespace("a")}

    def deny(priority: int) -> Any:
        later = policy("deny", priority=priority, subject=inside, egress=(DENY_ALL_OF_IT,))
        found = {one.name: one.body["spec"] for one in objects(Dialect.CILIUM, accept, later)}
        return found["edict.platform.deny"]["egressDeny"]

    assert deny(6) == [{"toCIDRSet": HALF}]
    assert deny(4) == [{"toCIDRSet": [{"cidr": "203.0.113.0/24"}]}]


def stricter(*rules: dict[str, Any], **more: Any) -> PolicyPlan:
    return outcome(lenient(policy(egress=rules, **more)))


@pytest.mark.parametrize(
    "rules",
    [
        (ASK, NAMED, DENY_ALL_OF_IT),
        (rule("Accept", {"networks": ["10.244.0.0/16", "203.0.113.0/24"]}),),
        (rule("Deny", OUTSIDE, protocols=[{"icmp": {"type": 3, "code": 4}}]),),
        (rule("Deny", OUTSIDE, protocols=[{"icmp": {"type": 0}}]),),
    ],
)
def test_stricter_widens_a_deny_and_narrows_an_accept(rules: tuple[dict[str, Any], ...]) -> None:
    told = stricter(*rules)
    assert (told.rules[-1].fidelity, told.rules[-1].direction) == (Fidelity.APPROXIMATE, "stricter")
    assert not told.refused
    assert outcome(policy(egress=rules)).refused


@pytest.mark.parametrize(
    "rules",
    [
        (rule("Deny", {"networks": ["10.244.0.0/16"]}),),
        (rule("Accept", OUTSIDE, protocols=[{"icmp": {"type": 3, "code": 4}}]),),
        (rule("Pass", {"networks": ["10.244.0.0/16"]}), rule("Accept", {"namespaces": {}})),
        (rule("Deny", {"namespaces": {}}, protocols=[{"destinationNamedPort": "http"}]),),
    ],
)
def test_stricter_is_never_looser_and_never_drops_a_rule(rules: tuple[dict[str, Any], ...]) -> None:
    assert stricter(*rules).refused


def test_directions_do_not_meet() -> None:
    told = outcome(policy(ingress=(rule("Accept", {"namespaces": {}}),), egress=(rule("Deny", {"namespaces": {}}),)))
    assert not told.refused


def test_a_refused_policy_holds_up_nobody() -> None:
    refused = policy("a", priority=1, egress=(ACCEPT_PART, rule("Deny", {"nodes": {}})))
    assert not outcome(refused, policy("b", priority=2, egress=(DENY_ALL_OF_IT,))).refused


def test_a_pass_that_nothing_follows_is_nothing() -> None:
    told = outcome(policy(egress=(PASS_PART,)))
    assert (told.refused, told.objects) == (False, ())


DOMAINS = rule("Accept", {"domainNames": ["api.example.com", "*.Example.org."]}, protocols=[tcp(443)])


def test_domain_names_send_the_questions_of_the_same_policy_through_the_proxy() -> None:
    body = spec(policy(egress=(ASK, DOMAINS)))
    assert body["egress"][0]["toPorts"] == [
        {"ports": [{"port": "9153", "protocol": "TCP"}]},
        {
            "ports": [{"port": "53", "protocol": "TCP"}, {"port": "53", "protocol": "UDP"}],
            "rules": {"dns": [{"matchPattern": "*"}]},
        },
    ]
    assert body["egress"][1]["toFQDNs"] == [{"matchPattern": "**.example.org"}, {"matchName": "api.example.com"}]


@pytest.mark.parametrize(
    ("rules", "facts", "code"),
    [
        ((DOMAINS,), FACTS, "EDICT0519"),
        ((rule("Accept", DNS, protocols=[tcp(53)]), DOMAINS), FACTS, "EDICT0519"),
        ((rule("Accept", DNS), DOMAINS), FACTS, "EDICT0519"),
        ((ASK, rule("Accept", {"domainNames": ["a.b"]}, protocols=[{"icmp": {"type": 8}}])), FACTS, "EDICT0519"),
        ((ASK, DOMAINS), with_options(enable_l7_proxy="false"), "EDICT0524"),
        ((ASK, DOMAINS), replace(FACTS, plugin_version="1.19.1"), "EDICT0523"),
    ],
)
def test_domain_names_are_refused_where_cilium_would_not_learn_them(
    rules: tuple[dict[str, Any], ...], facts: Facts, code: str
) -> None:
    assert outcome(policy(egress=rules), facts=facts).code == code


def test_domain_names_may_be_any_network() -> None:
    told = outcome(policy(egress=(ASK, DOMAINS, rule("Deny", OUTSIDE))))
    assert told.rules[2].code == "EDICT0520"


def test_dns_is_left_alone_where_nobody_needs_names() -> None:
    assert "rules" not in spec(policy(egress=(ASK,)))["egress"][0]["toPorts"][0]


DENY_DIRECTION = rule("Deny", EVERYTHING)


def test_a_baseline_that_denies_a_direction_is_default_deny() -> None:
    body = spec(policy(tier="Baseline", ingress=(DENY_DIRECTION,)))
    assert body["enableDefaultDeny"] == {"ingress": True, "egress": False}
    assert body["ingress"] == [{}]
    assert "egress" not in body


@pytest.mark.parametrize(
    "one",
    [
        rule("Accept", EVERYTHING),
        rule("Pass", EVERYTHING),
        rule("Deny", {"namespaces": {}}),
        rule("Deny", {"networks": ["0.0.0.0/0"]}),
        rule("Deny", OUTSIDE),
        rule("Deny", EVERYTHING, protocols=[{"tcp": {}}]),
    ],
)
def test_any_other_baseline_is_refused(one: dict[str, Any]) -> None:
    assert outcome(policy(tier="Baseline", egress=(one,))).code == "EDICT0521"


def test_a_baseline_of_two_rules_in_a_direction_is_refused() -> None:
    told = outcome(policy(tier="Baseline", egress=(DENY_DIRECTION, DENY_DIRECTION | {"name": "again"})))
    assert told.code == "EDICT0521"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (replace(FACTS, plugin_version=""), "EDICT0523"),
        (replace(FACTS, plugin_version="1.15.9"), "EDICT0523"),
        (with_options(enable_policy="always"), "EDICT0524"),
        (with_options(enable_policy="never"), "EDICT0524"),
        (with_options(enable_non_default_deny_policies="false"), "EDICT0524"),
        (with_options(enable_cilium_clusterwide_network_policy="false"), "EDICT0524"),
        (with_options(policy_audit_mode="true"), "EDICT0524"),
    ],
)
def test_a_cilium_that_would_not_do_as_told_is_refused(facts: Facts, code: str) -> None:
    assert outcome(policy(egress=(rule("Accept", EVERYTHING),)), facts=facts).code == code


def test_default_deny_must_not_stop_probes() -> None:
    facts = with_options(allow_localhost="policy")
    assert outcome(policy(tier="Baseline", ingress=(DENY_DIRECTION,)), facts=facts).code == "EDICT0524"
    assert not outcome(policy(ingress=(rule("Accept", EVERYTHING),)), facts=facts).refused


def test_log_is_refused() -> None:
    assert outcome(policy(egress=(rule("Deny", OUTSIDE, log=True),))).code == "EDICT0515"
