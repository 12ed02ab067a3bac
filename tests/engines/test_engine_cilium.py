"""What Cilium's engine is told beside pods and policies: meshes, accounts, named ports, names, options."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from edict.policy.world import Flow, Request
from edict_agent.translate import Dialect
from tests.engines.engine import Engine, Scene, Verdict
from tests.engines.small import (
    ANY,
    APEX,
    CLIENT,
    FAR,
    INTERNET,
    NODE_A,
    NODE_B,
    SERVER,
    SUBDOMAIN,
    WORLD,
    clusterwide,
    deny,
    isolating,
    tiered,
    verdicts,
)
from tests.unit.translate.placed import EVERYTHING, FACTS, plan, policy, rule

ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
CLUSTER = "io.cilium.k8s.policy.cluster"
NODE_KINDS = ("host", "remote-node")


def endpoints(key: str, value: str) -> dict[str, Any]:
    """Return a peer of pods by a label."""
    return {"toEndpoints": [{"matchLabels": {key: value}}]}


def test_a_pod_of_the_mesh_is_matched_by_its_cluster_alone(cilium: Engine) -> None:
    assert verdicts(cilium, [deny(endpoints("app", "web"))], SERVER, FAR) == [False, True]
    other = {"toEndpoints": [{"matchLabels": {"app": "web", CLUSTER: "other"}}]}
    assert verdicts(cilium, [deny(other)], SERVER, FAR) == [True, False]
    anywhere = verdicts(cilium, [deny(endpoints("app", "web"))], SERVER, FAR, policy_default_local_cluster="false")
    assert anywhere == [False, False]


def test_a_pod_of_the_mesh_is_judged_by_its_own_cluster(cilium: Engine) -> None:
    answer = cilium.judge(Scene((), [], world=WORLD), [Flow(CLIENT, FAR, "tcp", 80), Flow(FAR, CLIENT, "tcp", 80)])
    assert answer.verdicts == (Verdict(egress=True, ingress=None), Verdict(egress=None, ingress=True))


def test_service_accounts_are_labels(cilium: Engine) -> None:
    for account, open_ in (("payer", False), ("other", True)):
        peer = endpoints(ACCOUNT, account)
        assert verdicts(cilium, [deny(peer)], SERVER) == [open_]


def test_named_ports_are_those_of_the_destination(cilium: Engine) -> None:
    protocols = [{"destinationNamedPort": "web"}]
    egress = tiered(egress=[{"action": "Deny", "to": [ANY], "protocols": protocols}])
    ingress = tiered(egress=[], ingress=[{"action": "Deny", "from": [ANY], "protocols": protocols}])
    flows = [Flow(CLIENT, SERVER, "tcp", port) for port in (8080, 80)] + [Flow(CLIENT, SERVER, "udp", 8080)]
    answers = [cilium.judge(Scene((), [one], world=WORLD), flows).verdicts for one in (egress, ingress)]
    assert [one.egress for one in answers[0]] == [False, True, True]
    assert [one.ingress for one in answers[1]] == [False, True, True]


def test_domain_names_in_both_kinds_of_policy(cilium: Engine) -> None:
    rest = tiered(("Deny", {"networks": ["0.0.0.0/0"]}), name="rest", priority=2)
    named = tiered(("Accept", {"domainNames": ["*.example.com"]}))
    assert verdicts(cilium, [rest, named], SUBDOMAIN, APEX, INTERNET) == [True, False, False]
    own = clusterwide(egress=[{"toFQDNs": [{"matchName": "example.com"}]}], enableDefaultDeny={"egress": True})
    assert verdicts(cilium, [own], SUBDOMAIN, APEX, INTERNET) == [False, True, False]


def test_the_local_node_is_the_host_and_always_gets_in(cilium: Engine) -> None:
    closed = [deny({"toEntities": ["host"]}), tiered(egress=[], ingress=[{"action": "Deny", "from": [ANY]}])]
    isolated = isolating("x", "Ingress")
    scene = Scene((), [*closed, isolated], world=WORLD, local_nodes=frozenset({"a"}))
    flows = [Flow(CLIENT, node, "tcp", 80) for node in (NODE_A, NODE_B)]
    answer = cilium.judge(scene, flows + [Flow(node, CLIENT, "tcp", 80) for node in (NODE_A, NODE_B)])
    assert [one.egress for one in answer.verdicts[:2]] == [False, True]
    assert [one.ingress for one in answer.verdicts[2:]] == [True, False]


def test_to_nodes_leaves_out_the_pods_own_node_and_reserved_labels_do_not(cilium: Engine) -> None:
    zone = {"key": "node:zone", "operator": "In", "values": ["a"]}
    both = [{"matchExpressions": [{"key": f"reserved:{one}", "operator": "Exists"}, zone]} for one in NODE_KINDS]
    flows = [Flow(CLIENT, one, "tcp", 80) for one in (NODE_A, NODE_B, SERVER, INTERNET)]
    options = {"enable-node-selector-labels": "true"}
    for peer, local, expected in (
        ({"toNodes": [{"matchExpressions": [zone]}]}, frozenset[str](), [False, True, True, True]),
        ({"toNodes": [{"matchExpressions": [zone]}]}, frozenset({"a"}), [True, True, True, True]),
        ({"toEndpoints": both}, frozenset[str](), [False, True, True, True]),
        ({"toEndpoints": both}, frozenset({"a"}), [False, True, True, True]),
    ):
        scene = Scene((), [deny(peer)], world=WORLD, local_nodes=local, options=options)
        answer = cilium.judge(scene, flows)
        assert answer.rejected == ()
        assert [one.egress for one in answer.verdicts] == expected


@pytest.mark.parametrize("local", [frozenset[str](), frozenset({"a"}), frozenset({"b"})])
def test_nodes_are_nodes_whichever_the_pod_runs_on(cilium: Engine, local: frozenset[str]) -> None:
    options = {"enable-node-selector-labels": "true", "cluster-id": "1"}
    known = replace(FACTS, options=options, pod_cidrs=("10.0.0.0/8", "fd00:1::/64"), node_cidrs=("172.18.0.0/16",))
    zones = policy(egress=(rule("Accept", {"nodes": {"matchLabels": {"zone": "a"}}}), rule("Deny", EVERYTHING)))
    objects = [one.body for one in plan(Dialect.CILIUM, zones, facts=known).objects]
    flows = [Flow(CLIENT, one, "tcp", 80) for one in (NODE_A, NODE_B, SERVER, FAR, INTERNET)]
    answer = cilium.judge(Scene((), objects, world=WORLD, local_nodes=local, options=options), flows)
    assert [one.egress for one in answer.verdicts] == [True, False, False, False, False]


def test_labels_of_nodes_let_local_policies_match_nodes_by_what_they_lack(cilium: Engine) -> None:
    """A fault of Cilium's, not of ours: a node with labels is of the cluster, where a selector excludes namespaces."""
    lacking = {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["red"]}]}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": lacking}]}]}
    local = {"kind": "NetworkPolicy", "metadata": {"name": "local", "namespace": "x"}, "spec": spec}
    assert verdicts(cilium, [local], NODE_A, INTERNET) == [False, False]
    assert verdicts(cilium, [local], NODE_A, INTERNET, enable_node_selector_labels="true") == [True, False]


def test_a_network_that_holds_one_address_of_the_own_node_matches_all_of_them(cilium: Engine) -> None:
    """So networks that hold nodes are not exact either where Cilium lets them match nodes."""
    v4, v6 = Flow(CLIENT, NODE_A, "tcp", 80), Flow("fd00:1::1", "fd00:2::5", "tcp", 80)
    for local, expected in ((frozenset[str](), [False, True]), (frozenset({"a"}), [False, False])):
        closed = deny({"toCIDR": [f"{NODE_A}/32"]})
        options = {"policy-cidr-match-mode": "nodes"}
        answer = cilium.judge(Scene((), [closed], world=WORLD, local_nodes=local, options=options), [v4, v6])
        assert [one.egress for one in answer.verdicts] == expected


MATCHED = Flow(CLIENT, SERVER, "tcp", 80, request=Request("GET", "/health?full", "web"))
REQUESTS = (
    MATCHED,
    Flow(CLIENT, SERVER, "tcp", 80, request=Request("POST", "/orders", "web")),
    Flow(CLIENT, SERVER, "tcp", 80),
    Flow(CLIENT, SERVER, "tcp", 81),
)
"""A request that is accepted, another, what is no HTTP, and another port."""


def to_web(*, requests: bool = True, isolates: bool = False, name: str = "http") -> dict[str, Any]:
    """Return an allow of TCP/80 of the server, or of some requests there."""
    only = {"rules": {"http": [{"method": "GET", "path": "/health([?#].*)?"}]}} if requests else {}
    ports = {"ports": [{"port": "80", "protocol": "TCP"}], **only}
    made = clusterwide(egress=[endpoints("app", "web") | {"toPorts": [ports]}], enableDefaultDeny={"egress": isolates})
    return made | {"metadata": {"name": name}}


def local_allow(**peers: Any) -> dict[str, Any]:
    """Return a NetworkPolicy that allows the client TCP/80."""
    rule_ = {"ports": [{"port": 80, "protocol": "TCP"}], **peers}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule_]}
    return {"kind": "NetworkPolicy", "metadata": {"name": "local", "namespace": "x"}, "spec": spec}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([], [True, True, False, True], id="nobody isolates: every request"),
        pytest.param([isolating("x", "Egress")], [True, False, False, False], id="isolated: these requests alone"),
        pytest.param([local_allow()], [True, True, False, False], id="a local allow of everybody: every request"),
        pytest.param(
            [local_allow(to=[{"namespaceSelector": {"matchLabels": {"team": "red"}}}])],
            [True, True, False, False],
            id="a local allow by another selector: every request",
        ),
        pytest.param(
            [isolating("x", "Egress"), to_web(requests=False, name="plain")],
            [True, True, False, False],
            id="an allow of the port: every request",
        ),
        pytest.param(
            [deny(endpoints("app", "web")) | {"metadata": {"name": "deny"}}],
            [False, False, False, False],
            id="a deny: no request",
        ),
        pytest.param(
            [tiered(("Deny", ANY), tier="Baseline")], [True, True, False, False], id="Baseline is not asked: too late"
        ),
        pytest.param(
            [tiered(("Deny", ANY), tier="Baseline"), isolating("x", "Egress")],
            [True, False, False, False],
            id="isolated above a Baseline: these requests alone",
        ),
        pytest.param([tiered(("Accept", ANY))], [True, True, True, True], id="an Accept of Admin: past the proxy"),
    ],
)
def test_requests_pass_by_any_allow_and_what_is_no_http_does_not(
    cilium: Engine, objects: list[dict[str, Any]], expected: list[bool]
) -> None:
    answer = cilium.judge(Scene((), [to_web(), *objects], world=WORLD), REQUESTS)
    assert answer.rejected == ()
    assert [one.egress for one in answer.verdicts] == expected


def test_requests_are_matched_alone_where_their_own_rule_isolates(cilium: Engine) -> None:
    answer = cilium.judge(Scene((), [to_web(isolates=True)], world=WORLD), REQUESTS)
    assert [one.egress for one in answer.verdicts] == [True, False, False, False]


def test_requests_need_given_ports(cilium: Engine) -> None:
    ports = {"ports": [{"port": "0", "protocol": "TCP"}], "rules": {"http": [{"method": "GET"}]}}
    every = clusterwide(egress=[endpoints("app", "web") | {"toPorts": [ports]}])
    answer = cilium.judge(Scene((), [every], world=WORLD), [MATCHED])
    assert "port is 0" in answer.rejected[0].reason


def test_all_specs_of_an_object_count(cilium: Engine) -> None:
    one = deny({"toCIDR": ["203.0.113.0/24"]})
    specs = [one["spec"], deny(endpoints("app", "web"))["spec"]]
    both = {"kind": one["kind"], "metadata": {"name": "both"}, "specs": specs}
    assert verdicts(cilium, [both], INTERNET, SERVER, APEX) == [False, False, True]


def test_both_addresses_of_a_pod_are_one_pod(cilium: Engine) -> None:
    flows = [Flow(CLIENT, SERVER, "tcp", 80), Flow("fd00:1::1", "FD00:1::0:2", "tcp", 80)]
    answer = cilium.judge(Scene((), [deny(endpoints("app", "web"))], world=WORLD), flows)
    assert [one.egress for one in answer.verdicts] == [False, False]


def test_type_0_of_icmp_can_be_asked_for(cilium: Engine) -> None:
    closed = clusterwide(egressDeny=[{"toEntities": ["all"], "icmps": [{"fields": [{"family": "IPv4", "type": 8}]}]}])
    flows = [Flow(CLIENT, SERVER, "icmp", icmp_type=number) for number in (0, 8)]
    answer = cilium.judge(Scene((), [closed], world=WORLD), flows)
    assert [one.egress for one in answer.verdicts] == [True, False]


def test_a_wrong_option_is_an_error(cilium: Engine) -> None:
    for wrong in ({"enable_nonsense": "true"}, {"enable_sctp": "perhaps"}):
        with pytest.raises(AssertionError, match=next(iter(wrong)).replace("_", "-")):
            verdicts(cilium, [], SERVER, **wrong)
