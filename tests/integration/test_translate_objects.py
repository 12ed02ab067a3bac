"""What translation renders is accepted by the real API servers, Calico's own validation included.

Cilium's agent validates once more what its definitions let through; that is for the engine tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from edict_agent.translate import Dialect, PlacedPolicy, RenderedObject
from tests.env import Cluster
from tests.env.clients import dynamic_client, server_side_apply
from tests.unit.translate.placed import EVERYTHING, examples, namespace, others, plan, policy, rule, tcp, udp

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
    if dialect is Dialect.CILIUM:
        return [both]
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
            resource.delete(name=one.name)


def check(cluster: Cluster, dialect: Dialect, policies: Sequence[PlacedPolicy]) -> int:
    """Apply a plan; return how many objects it had."""
    translated = plan(dialect, *policies)
    count = 0
    for one, stored in applied(cluster, translated.objects):
        assert stored["spec"] == one.body["spec"], one.name
        assert one.body["metadata"]["labels"].items() <= stored["metadata"]["labels"].items()
        count += 1
    return count


def test_cilium_takes_what_is_rendered(cilium_cluster: Cluster) -> None:
    assert not any(one.refused for one in plan(Dialect.CILIUM, *wide(Dialect.CILIUM)).policies)
    assert check(cilium_cluster, Dialect.CILIUM, wide(Dialect.CILIUM)) == 3
    assert check(cilium_cluster, Dialect.CILIUM, examples()) == 6


def test_calico_takes_what_is_rendered(calico_cluster: Cluster) -> None:
    assert not any(one.refused for one in plan(Dialect.CALICO, *wide(Dialect.CALICO)).policies)
    assert check(calico_cluster, Dialect.CALICO, wide(Dialect.CALICO)) == 5
    assert check(calico_cluster, Dialect.CALICO, examples()) == 7
