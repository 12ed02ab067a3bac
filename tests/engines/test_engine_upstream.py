"""kube-network-policies as a third voice: what it judges, what it refuses, and where it departs from the specification.

A departure is held here too, so that a version without it is noticed.
"""

from __future__ import annotations

from typing import Any

import pytest

from edict.policy.world import Flow
from tests.engines.engine import Engine, Scene, Verdict
from tests.engines.small import ANY, APEX, CLIENT, FAR, INTERNET, NODE_A, SERVER, SUBDOMAIN, WORLD, isolating, tiered

TO_SERVER = Flow(CLIENT, SERVER, "tcp", 80)


def ask(upstream: Engine, objects: list[dict[str, Any]], *flows: Flow, **options: str) -> tuple[Verdict, ...]:
    """Return the verdicts, nothing having been rejected."""
    answer = upstream.judge(Scene((), objects, world=WORLD, options=options), flows)
    assert answer.rejected == ()
    return answer.verdicts


def egress(upstream: Engine, objects: list[dict[str, Any]], *to: str) -> list[bool | None]:
    """Return whether the client reaches each address on TCP/80."""
    return [one.egress for one in ask(upstream, objects, *(Flow(CLIENT, one, "tcp", 80) for one in to))]


def test_tiers_and_what_stands_between_them(upstream: Engine) -> None:
    local = isolating("x", "Egress")
    for objects, open_ in (
        ([], True),
        ([local], False),
        ([local, tiered(("Accept", ANY))], True),
        ([local, tiered(("Pass", ANY), ("Accept", ANY))], False),
        ([local, tiered(("Accept", ANY), tier="Baseline")], False),
        ([tiered(("Deny", ANY), tier="Baseline")], False),
        ([tiered(("Deny", ANY), tier="Baseline"), tiered(("Accept", ANY))], True),
    ):
        assert egress(upstream, objects, SERVER) == [open_]


def test_peers_of_every_kind(upstream: Engine) -> None:
    web = {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}}
    for peer, places, others in (
        ({"namespaces": {"matchLabels": {"team": "red"}}}, [SERVER], [INTERNET, NODE_A, FAR]),
        (web, [SERVER], [INTERNET, NODE_A, FAR]),
        ({"nodes": {"matchLabels": {"zone": "a"}}}, [NODE_A], [SERVER, INTERNET]),
        ({"nodes": {"matchLabels": {"zone": "b"}}}, [], [NODE_A]),
        ({"networks": ["10.0.0.0/8", "172.18.0.0/16"]}, [SERVER, FAR, NODE_A], [INTERNET]),
        ({"domainNames": ["*.example.com"]}, [SUBDOMAIN], [APEX, INTERNET]),
        ({"domainNames": ["example.com"]}, [APEX], [SUBDOMAIN]),
    ):
        tier = [tiered(("Accept", peer), ("Deny", {"networks": ["0.0.0.0/0"]}))]
        assert egress(upstream, tier, *places, *others) == [True] * len(places) + [False] * len(others), peer


def test_ports_protocols_and_names(upstream: Engine) -> None:
    rule = {"action": "Deny", "to": [ANY]}
    flows = [Flow(CLIENT, SERVER, name, 8080) for name in ("tcp", "udp")] + [TO_SERVER, Flow(CLIENT, SERVER, "gre")]
    for protocols, closed in (
        ([{"destinationNamedPort": "web"}], [True, False, False, False]),
        ([{"tcp": {"destinationPort": {"range": {"start": 80, "end": 90}}}}], [False, False, True, False]),
        ([{"udp": {"destinationPort": {"number": 8080}}}], [False, True, False, False]),
        (None, [True, True, True, True]),
    ):
        one = tiered(egress=[rule | ({"protocols": protocols} if protocols else {})])
        assert [not one.egress for one in ask(upstream, [one], *flows)] == closed, protocols


def test_a_network_policy_is_completed_as_by_the_api_server(upstream: Engine) -> None:
    spec = {"podSelector": {}, "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": 80}]}], "ingress": []}
    given = {"kind": "NetworkPolicy", "metadata": {"name": "bare", "namespace": "x"}, "spec": spec}
    back = Flow(SERVER, CLIENT, "tcp", 80)
    flows = (TO_SERVER, Flow(CLIENT, SERVER, "udp", 80), back)
    assert [(one.egress, one.ingress) for one in ask(upstream, [given], *flows)] == [
        (True, True),
        (False, True),
        (True, False),
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(tiered(("Deny", {"serviceAccounts": {}})), "unknown field", id="unknown-peer"),
        pytest.param(tiered(("Deny", {"networks": ["10.0.0.0"]})), "10.0.0.0", id="no-network"),
        pytest.param(tiered(subject={"namespaces": {"matchLabels": {"-": "x"}}}), "Invalid value", id="no-selector"),
        pytest.param(tiered() | {"apiVersion": "policy.networking.k8s.io/v1alpha1"}, "v1alpha2", id="version"),
        pytest.param(tiered() | {"kind": "Tier"}, "Tier", id="kind"),
    ],
)
def test_what_it_would_silently_not_match_is_rejected(upstream: Engine, body: dict[str, Any], reason: str) -> None:
    [rejected] = upstream.judge(Scene((), [body], world=WORLD), [TO_SERVER]).rejected
    assert rejected.name == "one"
    assert reason in rejected.reason


def test_fault_a_policy_of_one_direction_hides_the_baseline_of_the_other(upstream: Engine) -> None:
    objects = [isolating("x", "Ingress"), tiered(("Deny", ANY), tier="Baseline")]
    assert ask(upstream, objects, TO_SERVER)[0].egress is False, "mended"
    assert ask(upstream, objects, TO_SERVER, **{"as-is": "true"})[0].egress is True


def test_fault_an_empty_peer_denies_nobody(upstream: Engine) -> None:
    assert egress(upstream, [tiered(("Deny", {}))], SERVER, INTERNET) == [True, True]
    assert egress(upstream, [tiered(egress=[{"action": "Deny"}])], SERVER, INTERNET) == [True, True]


def test_a_tie_goes_to_the_lower_name(upstream: Engine) -> None:
    for accepting, denying in (("a", "b"), ("b", "a")):
        objects = [tiered(("Accept", ANY), name=accepting), tiered(("Deny", ANY), name=denying)]
        for order in (objects, objects[::-1]):
            assert egress(upstream, order, SERVER) == [accepting == "a"]


def test_fault_a_domain_name_is_denied(upstream: Engine) -> None:
    assert egress(upstream, [tiered(("Deny", {"domainNames": ["example.com"]}))], APEX, INTERNET) == [
        False,
        True,
    ]


def test_a_pod_of_another_cluster_is_an_address(upstream: Engine) -> None:
    assert ask(upstream, [], Flow(FAR, CLIENT, "tcp", 80)) == (Verdict(egress=None, ingress=True),)
