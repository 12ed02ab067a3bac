"""What Calico's engine is told beside pods and policies: accounts, network sets, host endpoints, named ports, ICMP."""

from __future__ import annotations

from typing import Any

from edict.policy.world import Flow
from tests.engines.engine import Engine, Scene, Verdict
from tests.engines.small import CLIENT, FAR, INTERNET, NODE_A, SERVER, WORLD

TIER = {"kind": "Tier", "metadata": {"name": "ours"}, "spec": {"order": 1, "defaultAction": "Pass"}}


def policy(selector: str = "all()", **rules: Any) -> dict[str, Any]:
    """Return a GlobalNetworkPolicy with rules of the directions that are given."""
    spec = {"tier": "ours", "order": 1, "selector": selector, "types": [one.capitalize() for one in rules]}
    return {"kind": "GlobalNetworkPolicy", "metadata": {"name": "ours.one"}, "spec": spec | rules}


def deny(**to: Any) -> dict[str, Any]:
    """Return a policy that denies everybody egress to a destination."""
    return policy(egress=[{"action": "Deny", "destination": to}])


def egress(calico: Engine, objects: list[dict[str, Any]], *flows: Flow, **accounts: str) -> list[bool | None]:
    """Return the verdicts of egress; accounts of namespace y have a label ``team``."""
    labels = {("y", name): {"team": team} for name, team in accounts.items()}
    answer = calico.judge(Scene((), [TIER, *objects], world=WORLD, service_accounts=labels), flows)
    assert answer.rejected == ()
    return [one.egress for one in answer.verdicts]


def to(address: str, port: int = 80) -> Flow:
    """Return a flow from the client."""
    return Flow(CLIENT, address, "tcp", port)


def test_service_accounts_by_name_and_by_label(calico: Engine) -> None:
    for selector, open_ in (
        ("projectcalico.org/serviceaccount == 'payer'", False),
        ("projectcalico.org/serviceaccount == 'default'", True),
        ("pcsa.projectcalico.org/name == 'payer'", False),
        ("pcsa.team == 'red'", False),
        ("pcsa.team == 'blue'", True),
    ):
        assert egress(calico, [deny(selector=selector)], to(SERVER), payer="red") == [open_], selector
    assert egress(calico, [deny(serviceAccounts={"names": ["payer"]})], to(SERVER), to(INTERNET)) == [False, True]


def test_global_network_sets_are_selected_by_their_labels(calico: Engine) -> None:
    nets = {
        "kind": "GlobalNetworkSet",
        "metadata": {"name": "nets", "labels": {"set": "banks"}},
        "spec": {"nets": ["203.0.113.0/25"]},
    }
    closed = deny(selector="set == 'banks'")
    assert egress(calico, [nets, closed], to(INTERNET), to("203.0.113.200"), to(SERVER)) == [False, True, True]
    assert egress(calico, [closed], to(INTERNET)) == [True]


def test_host_endpoints_are_peers_and_subjects_unless_excluded(calico: Engine) -> None:
    host = {
        "kind": "HostEndpoint",
        "metadata": {"name": "host", "labels": {"host": "yes"}},
        "spec": {
            "node": "node",
            "interfaceName": "*",
            "expectedIPs": [NODE_A],
            "profiles": ["projectcalico-default-allow"],
        },
    }
    out = Flow(NODE_A, INTERNET, "tcp", 80)
    assert egress(calico, [host, deny(selector="host == 'yes'")], to(NODE_A), to(SERVER), out) == [False, True, True]
    nobody = [{"action": "Deny"}]
    assert egress(calico, [host, policy(egress=nobody)], to(SERVER), out) == [False, False]
    pods = policy("has(projectcalico.org/namespace)", egress=nobody)
    assert egress(calico, [host, pods], to(SERVER), out) == [False, True]


def test_icmp_is_matched_by_type_and_code(calico: Engine) -> None:
    closed = policy(egress=[{"action": "Deny", "protocol": "ICMP", "icmp": {"type": 3, "code": 4}}])
    flows = [
        Flow(CLIENT, INTERNET, "icmp", icmp_type=number, icmp_code=code) for number, code in ((3, 4), (3, 1), (8, 4))
    ]
    assert egress(calico, [closed], *flows) == [False, True, True]
    but = policy(egress=[{"action": "Deny", "protocol": "ICMP", "notICMP": {"type": 3, "code": 4}}])
    assert egress(calico, [but], *flows) == [True, False, False]
    any_code = policy(egress=[{"action": "Deny", "protocol": "ICMP", "icmp": {"type": 3}}])
    assert egress(calico, [any_code], *flows) == [False, False, True]


def test_named_ports_are_those_of_the_destination(calico: Engine) -> None:
    closed = policy(egress=[{"action": "Deny", "protocol": "TCP", "destination": {"ports": ["web"]}}])
    flows = (to(SERVER, 8080), to(SERVER, 80), to(INTERNET, 8080), Flow(CLIENT, SERVER, "udp", 8080))
    assert egress(calico, [closed], *flows) == [False, True, True, True]


def test_protocols_and_ports_may_be_excepted(calico: Engine) -> None:
    but = policy(egress=[{"action": "Deny", "protocol": "TCP", "destination": {"notPorts": ["web", 53]}}])
    assert egress(calico, [but], to(SERVER, 8080), to(SERVER, 53), to(SERVER, 80)) == [True, True, False]
    other = policy(egress=[{"action": "Deny", "notProtocol": "TCP"}])
    assert egress(calico, [other], to(SERVER), Flow(CLIENT, SERVER, "udp", 80)) == [True, False]


def test_a_pod_of_another_cluster_is_an_address(calico: Engine) -> None:
    assert egress(calico, [deny(selector="app == 'web'")], to(SERVER), to(FAR)) == [False, True]
    assert egress(calico, [deny(nets=[f"{FAR}/32"])], to(FAR)) == [False]
    answer = calico.judge(Scene((), [], world=WORLD), [Flow(FAR, CLIENT, "tcp", 80)])
    assert answer.verdicts == (Verdict(egress=None, ingress=True),)


def test_networks_of_any_length_and_version(calico: Engine) -> None:
    flows = (to("203.0.113.65"), to("203.0.113.129"), Flow("fd00:1::1", "2001:db8::1", "tcp", 80))
    assert egress(calico, [deny(nets=["203.0.113.64/26"])], *flows) == [False, True, True]
    assert egress(calico, [policy(egress=[{"action": "Deny", "ipVersion": 6}])], *flows) == [True, True, False]
