"""ClusterNetworkPolicies on Cilium's engine: what its agent takes, and how they stand to all else."""

from __future__ import annotations

from typing import Any

from edict.policy.world import Flow, NamedPort, Pod, World
from tests.engines.engine import Engine, Scene, Verdict
from tests.engines.small import (
    ANY,
    CLIENT,
    FAR,
    INTERNET,
    NODE_A,
    NODE_B,
    SERVER,
    WORLD,
    clusterwide,
    deny,
    isolating,
    tiered,
    verdicts,
)


def refusal(cilium: Engine, body: dict[str, Any], **options: str) -> str:
    """Return why an object is rejected, and see that it then does nothing."""
    named = {key.replace("_", "-"): value for key, value in options.items()}
    answer = cilium.judge(Scene((), [body], world=WORLD, options=named), [Flow(CLIENT, SERVER, "tcp", 80)])
    assert answer.verdicts[0] == Verdict(egress=True, ingress=True)
    [rejected] = answer.rejected
    assert rejected.name == "one"
    return rejected.reason


def test_an_admin_deny_stands_above_every_allow_of_cilium(cilium: Engine) -> None:
    allowing = clusterwide(egress=[{"toEntities": ["all"]}], enableDefaultDeny={"egress": True})
    assert verdicts(cilium, [allowing, tiered(("Deny", ANY))], SERVER) == [False]
    assert verdicts(cilium, [deny({"toEntities": ["all"]}), tiered(("Accept", ANY))], SERVER) == [True]
    assert verdicts(cilium, [deny({"toEntities": ["all"]}), tiered(("Pass", ANY))], SERVER) == [False]


def test_priorities_and_order_decide_within_a_tier(cilium: Engine) -> None:
    later = tiered(("Accept", ANY), name="a", priority=2)
    assert verdicts(cilium, [later, tiered(("Deny", ANY), name="b", priority=1)], SERVER) == [False]
    assert verdicts(cilium, [later, tiered(("Deny", ANY), name="b", priority=3)], SERVER) == [True]


def test_a_baseline_accept_reopens_what_a_network_policy_isolated(cilium: Engine) -> None:
    isolated = isolating("x", "Egress")
    assert verdicts(cilium, [isolated], SERVER) == [False]
    assert verdicts(cilium, [isolated, tiered(("Accept", ANY), tier="Baseline")], SERVER, INTERNET) == [True, False]


def test_what_its_agent_only_logs_is_rejected(cilium: Engine) -> None:
    named = tiered(("Deny", {"domainNames": ["example.com"]}))
    assert "only supported for egress.action=Accept" in refusal(cilium, named)
    assert "node selector labels are disabled" in refusal(cilium, tiered(("Deny", {"nodes": {}})))
    assert "unless it is told to" in refusal(cilium, tiered(("Deny", ANY)), enable_k8s_cluster_network_policy="false")
    assert "v1alpha2" in refusal(cilium, tiered(("Deny", ANY)) | {"apiVersion": "policy.networking.k8s.io/v1alpha1"})


def test_a_namespaces_peer_of_exclusions_alone_matches_the_world_and_the_mesh(cilium: Engine) -> None:
    selector = {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["blue"]}]}
    places = (SERVER, FAR, INTERNET, NODE_A)
    assert verdicts(cilium, [tiered(("Deny", {"namespaces": selector}))], *places) == [False, False, False, False]
    pods = {"pods": {"namespaceSelector": selector, "podSelector": {}}}
    assert verdicts(cilium, [tiered(("Deny", pods))], *places) == [False, True, True, True]


def test_nodes_have_labels_when_these_are_enabled_and_not_after(cilium: Engine) -> None:
    zone = {"matchLabels": {"zone": "a"}}
    closed = tiered(("Deny", {"nodes": zone}))
    assert verdicts(cilium, [closed], NODE_A, NODE_B, SERVER, enable_node_selector_labels="true") == [False, True, True]
    assert "disabled" in refusal(cilium, closed)
    assert verdicts(cilium, [deny({"toEntities": ["remote-node"]})], NODE_A, NODE_B, SERVER) == [False, False, True]


def test_networks_match_pods_and_nodes_only_where_told(cilium: Engine) -> None:
    closed = [tiered(("Deny", {"networks": ["10.0.0.0/8", "172.18.0.0/16"]}))]
    asked = (SERVER, NODE_A, "10.1.1.1")
    assert verdicts(cilium, closed, *asked) == [True, True, False]
    assert verdicts(cilium, closed, *asked, policy_cidr_match_mode="nodes") == [True, False, False]
    assert verdicts(cilium, closed, *asked, policy_cidr_match_mode="pods") == [False, True, False]
    assert verdicts(cilium, closed, *asked, policy_cidr_match_mode="nodes,pods") == [False, False, False]
    assert verdicts(cilium, closed, *asked) == [True, True, False]


def test_accepting_a_domain_name_opens_whatever_calls_itself_dns(cilium: Engine) -> None:
    impostor = Pod(
        "y", "impostor", {"k8s-app": "kube-dns"}, ("10.244.0.3",), named_ports=(NamedPort("dns", "tcp", 66),)
    )
    world = World(WORLD.namespaces, (*WORLD.pods, impostor))
    rest = tiered(("Deny", ANY), name="rest", priority=2)
    named = tiered(("Accept", {"domainNames": ["example.com"]}))
    flows = [Flow(CLIENT, "10.244.0.3", "tcp", port) for port in (66, 80)]
    before, after = (cilium.judge(Scene((), objects, world=world), flows) for objects in ([rest], [rest, named]))
    assert [one.egress for one in before.verdicts] == [False, False]
    assert [one.egress for one in after.verdicts] == [True, False]


def test_in_a_tie_a_deny_goes_first(cilium: Engine) -> None:
    for names in (("a", "b"), ("b", "a")):
        for action in ("Accept", "Pass"):
            objects = [tiered((action, ANY), name=names[0]), tiered(("Deny", ANY), name=names[1])]
            assert verdicts(cilium, objects, SERVER) == [False]
