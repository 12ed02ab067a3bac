"""What translation renders is accepted by the real API servers, Calico's own validation included.

Cilium's agent validates once more what its definitions let through; that is for the engine tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from edict_agent.translate import Dialect, Facts, PlacedPolicy, RenderedObject
from tests.env import Cluster
from tests.env.clients import dynamic_client, server_side_apply
from tests.env.fixtures import MakeCluster
from tests.unit.translate.placed import EVERYTHING, FACTS, examples, namespace, others, plan, policy, rule, tcp, udp

pytestmark = pytest.mark.parts

LABELLED: dict[str, Any] = {
    "pods": {
        "namespaceSelector": {
            "matchLabels": {"team": "a"},
            "matchExpressions": [{"key": "example.com/env", "operator": "NotIn", "values": ["test", "dev"]}],
        },
        "podSelector": {
            "matchExpressions": [
                {"key": "app", "operator": "In", "values": ["x", "y"]},
                {"key": "legacy", "operator": "DoesNotExist"},
                {"key": "app.kubernetes.io/name", "operator": "Exists"},
            ]
        },
    }
}
RANGE = {"udp": {"destinationPort": {"range": {"start": 8000, "end": 9000}}}}
PING = [{"icmp": {"type": 8}}, {"icmp": {"family": "IPv6", "type": 128}}]
OUTSIDE = {"networks": [{"cidr": "203.0.113.0/24", "except": ["203.0.113.0/28"]}, "198.51.100.0/24", "2001:db8::/32"]}


def wide(dialect: Dialect) -> list[PlacedPolicy]:
    """Return policies that use whatever the dialect says exactly."""
    both = policy(
        "wide",
        priority=40,
        subject=LABELLED,
        ingress=(
            rule("Accept", {"namespaces": namespace("a", "b")}, LABELLED, protocols=[tcp(80), RANGE, {"tcp": {}}]),
            rule("Accept", EVERYTHING, protocols=PING),
        ),
        egress=(
            rule("Accept", {"namespaces": others("a")}, protocols=[udp(53), *PING], name="a rule's name, é"),
            rule("Deny", OUTSIDE, protocols=[tcp(443), *PING]),
        ),
    )
    if dialect in {Dialect.CILIUM, Dialect.CILIUM_TIERS}:
        return [both]
    if dialect is Dialect.CLUSTER_NETWORK_POLICY:
        return upstream()
    if dialect is Dialect.NETWORK_POLICY:
        return local()
    tiers = policy(
        "tiers",
        tier="Baseline",
        priority=1000,
        ingress=(rule("Deny", {"networks": ["::/0"]}), rule("Pass", LABELLED, log=True)),
        egress=(
            rule("Accept", OUTSIDE, protocols=[{"sctp": {}}, {"icmp": {"type": 3, "code": 4}}, {"icmp": {}}]),
            rule("Deny", EVERYTHING, log=True),
        ),
    )
    return [both, tiers]


def tiers() -> list[PlacedPolicy]:
    """Return policies of both tiers whose objects are of both kinds in Cilium, at upstream's limits."""
    accounts = {"serviceAccounts": {"names": ["builder"], "namespaceSelector": namespace("a")}}
    holes = {"networks": [{"cidr": "2000::/3", "except": [f"20{index:02}::1/128" for index in range(4)]}]}
    first = policy(
        "first",
        priority=0,
        ingress=(rule("Pass", EVERYTHING, name="é" * 100),),
        egress=(rule("Accept", accounts), *(rule("Deny", holes, protocols=[tcp(port)]) for port in range(1, 25))),
    )
    base = policy(
        "base",
        tier="Baseline",
        priority=1000,
        ingress=(rule("Deny", EVERYTHING),),
        egress=(rule("Accept", LABELLED), rule("Deny", {"namespaces": others("b")}), rule("Deny", OUTSIDE)),
    )
    return [first, base]


def upstream() -> list[PlacedPolicy]:
    """Return policies that use whatever ClusterNetworkPolicies say, at upstream's limits."""
    named = {"destinationNamedPort": "http"}
    every = {"networks": [f"198.51.100.{index}/32" for index in range(25)]}
    holes = {"networks": [{"cidr": "::/0", "except": [f"20{index:02}::1/128" for index in range(25)]}]}
    admin = policy(
        "admin",
        priority=0,
        subject=LABELLED,
        ingress=(
            rule("Accept", {"namespaces": others("a")}, LABELLED, protocols=[tcp(80), RANGE, {"tcp": {}}, named]),
            rule("Pass", {"namespaces": {}}, name="é" * 100),
        ),
        egress=(rule("Accept", OUTSIDE, LABELLED, protocols=[{"sctp": {}}]), rule("Deny", *[every] * 25)),
    )
    rules = (rule("Accept", holes), *(rule("Deny", EVERYTHING, protocols=[udp(53)]),) * 19)
    return [admin, policy("baseline", tier="Baseline", priority=1000, egress=rules)]


def local() -> list[PlacedPolicy]:
    """Return policies that use whatever NetworkPolicies say."""
    closed = policy("closed", tier="Baseline", ingress=(rule("Deny", EVERYTHING),), egress=(rule("Deny", EVERYTHING),))
    ports = [tcp(80), RANGE, {"sctp": {}}, {"destinationNamedPort": "http"}]
    part = policy(
        "part",
        subject={"pods": LABELLED["pods"] | {"namespaceSelector": namespace("default", "kube-system")}},
        ingress=(rule("Accept", {"namespaces": others("a")}, LABELLED, protocols=ports),),
        egress=(rule("Accept", OUTSIDE), rule("Accept", EVERYTHING, protocols=ports[:3])),
    )
    return [
        closed,
        part,
        policy("whole", subject={"namespaces": namespace("default")}, egress=(rule("Accept", EVERYTHING),)),
    ]


def applied(cluster: Cluster, objects: Sequence[RenderedObject]) -> Iterator[tuple[RenderedObject, Any]]:
    """Apply objects in their order, yield each with what the server made of it, and remove them again."""
    client = dynamic_client(cluster.kubeconfig)
    done = []
    try:
        for one in objects:
            done.append(one)
            yield one, server_side_apply(client, one.body, manager="edict-agent").to_dict()
    finally:
        for one in reversed(done):
            resource = client.resources.get(api_version=one.api_version, kind=one.kind)
            resource.delete(name=one.name, namespace=one.namespace or None)


def check(cluster: Cluster, dialect: Dialect, policies: Sequence[PlacedPolicy], facts: Facts = FACTS) -> int:
    """Apply a plan; return how many objects it had."""
    translated = plan(dialect, *policies, facts=facts)
    count = 0
    for one, stored in applied(cluster, translated.objects):
        said = "spec" if "spec" in one.body else "specs"
        assert stored[said] == one.body[said], one.name
        assert one.body["metadata"]["labels"].items() <= stored["metadata"]["labels"].items()
        count += 1
    return count


def test_cilium_takes_what_is_rendered(cilium_cluster: Cluster) -> None:
    assert not any(one.refused for one in plan(Dialect.CILIUM, *wide(Dialect.CILIUM)).policies)
    assert check(cilium_cluster, Dialect.CILIUM, wide(Dialect.CILIUM)) == 2
    assert check(cilium_cluster, Dialect.CILIUM, examples()) == 6


def test_cilium_and_upstream_take_what_is_rendered_for_tiers(make_cluster: MakeCluster) -> None:
    dialect = Dialect.CILIUM_TIERS
    cluster = make_cluster("cilium", cnp_crd=True)
    some = [*wide(dialect), *tiers()]
    assert not any(one.refused for one in plan(dialect, *some).policies)
    assert check(cluster, dialect, some) == 8
    assert check(cluster, dialect, examples()) == 7


def test_calico_takes_what_is_rendered(calico_cluster: Cluster) -> None:
    assert not any(one.refused for one in plan(Dialect.CALICO, *wide(Dialect.CALICO)).policies)
    assert check(calico_cluster, Dialect.CALICO, wide(Dialect.CALICO)) == 5
    assert check(calico_cluster, Dialect.CALICO, examples()) == 7


def test_cluster_network_policies_are_taken_at_upstreams_limits(upstream_cluster: Cluster) -> None:
    dialect = Dialect.CLUSTER_NETWORK_POLICY
    assert not any(one.refused for one in plan(dialect, *wide(dialect)).policies)
    assert check(upstream_cluster, dialect, wide(dialect)) == 4
    assert check(upstream_cluster, dialect, examples()) == 4


def test_experimental_peers_are_taken_where_the_definition_has_them(make_cluster: MakeCluster) -> None:
    peers = (rule("Accept", {"nodes": {}}), rule("Accept", {"domainNames": ["*.example.com", "example.org."]}))
    facts = replace(FACTS, egress_peers=("domainNames", "networks", "nodes"))
    cluster = make_cluster("upstream", cnp_crd="experimental")
    assert check(cluster, Dialect.CLUSTER_NETWORK_POLICY, [policy(egress=peers)], facts) == 2


def test_network_policies_are_taken(plain_cluster: Cluster) -> None:
    api = dynamic_client(plain_cluster.kubeconfig)
    for name in FACTS.namespaces or ():
        server_side_apply(api, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    dialect = Dialect.NETWORK_POLICY
    assert not any(one.refused for one in plan(dialect, *wide(dialect)).policies)
    assert check(plain_cluster, dialect, wide(dialect)) == 9
    assert check(plain_cluster, dialect, examples()) == 4
