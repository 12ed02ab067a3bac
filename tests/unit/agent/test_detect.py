from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from edict.errors import AgentError
from edict_agent.detect import NamespaceWatch, detect
from edict_agent.kube import Live
from edict_agent.kube.resources import (
    CLUSTER_INFORMATION,
    CLUSTER_NETWORK_POLICY,
    CONFIG_MAP,
    DAEMON_SET,
    IP_POOL,
    NAMESPACE,
    NETWORK_POLICY,
    NODE,
)
from edict_agent.translate import Dialect
from tests.unit.agent.fakes import MemoryKube, TurnedClock, refused


def groups(*names: str) -> dict[str, Any]:
    return {"groups": [{"name": name} for name in names]}


def cilium(image: str = "quay.io/cilium/cilium:v1.20.2@sha256:00", **config: str) -> MemoryKube:
    kube = MemoryKube()
    kube.answers["/apis"] = groups("cilium.io", "apps")
    data = {"ipam": "cluster-pool", "cluster-pool-ipv4-cidr": "10.0.0.0/8", "cluster-name": "fra1"} | config
    kube.put(CONFIG_MAP, metadata={"name": "cilium-config", "namespace": "kube-system"}, data=data)
    containers = [{"name": "cilium-agent", "image": image}]
    template = {"spec": {"containers": containers}}
    kube.put(DAEMON_SET, metadata={"name": "cilium", "namespace": "kube-system"}, spec={"template": template})
    return kube


def node(name: str, *addresses: str, cidrs: tuple[str, ...] = ()) -> dict[str, Any]:
    listed = [{"type": "InternalIP", "address": address} for address in addresses]
    named = {"type": "Hostname", "address": name}
    return {"metadata": {"name": name}, "spec": {"podCIDRs": cidrs}, "status": {"addresses": [*listed, named]}}


async def test_cilium_is_read_from_its_own_configuration() -> None:
    kube = cilium()
    kube.put(NODE, **node("n1", "192.0.2.1", "2001:db8::1"))
    found = await detect(kube)
    assert found.dialect is Dialect.CILIUM
    assert found.facts.plugin_version == "1.20.2"
    assert found.facts.pod_cidrs == ("10.0.0.0/8",)
    assert found.facts.node_cidrs == ("192.0.2.1/32", "2001:db8::1/128")
    assert found.facts.cluster_name == "fra1"
    assert found.facts.options["ipam"] == "cluster-pool"


def with_tiers(image: str = "quay.io/cilium/cilium:v1.20.2", **config: str) -> MemoryKube:
    """Return a Cilium that reads ClusterNetworkPolicies."""
    kube = cilium(image, **{"enable-k8s-cluster-network-policy": "true"} | config)
    kube.answers["/apis"] = groups("cilium.io", "policy.networking.k8s.io")
    kube.answers["/apis/policy.networking.k8s.io/v1alpha2"] = {"resources": [{"name": "clusternetworkpolicies"}]}
    return kube


async def test_cilium_that_reads_cluster_network_policies_keeps_the_tiers() -> None:
    found = await detect(with_tiers())
    assert found.dialect is Dialect.CILIUM_TIERS
    assert (found.facts.plugin_version, found.facts.cluster_name) == ("1.20.2", "fra1")
    assert not found.advice


@pytest.mark.parametrize(
    "kube",
    [
        with_tiers(**{"enable-k8s-cluster-network-policy": "false"}),
        with_tiers(**{"policy-cidr-match-mode": "nodes"}),
        with_tiers("quay.io/cilium/cilium:v1.19.4"),
        with_tiers("registry.local:5000/cilium@sha256:00"),
        cilium(**{"enable-k8s-cluster-network-policy": "true"}),
    ],
    ids=["switched off", "networks match nodes", "too old", "of unknown version", "no definition"],
)
async def test_any_other_cilium_does_not(kube: MemoryKube) -> None:
    assert (await detect(kube)).dialect is Dialect.CILIUM


async def test_an_agent_that_may_not_write_cluster_network_policies_does_without_the_tiers() -> None:
    kube = with_tiers()
    listed = kube.list

    async def forbidden(resource: Any, namespace: str = "", labels: str = "") -> Any:
        if resource == CLUSTER_NETWORK_POLICY:
            raise refused(403)
        return await listed(resource, namespace, labels)

    kube.list = forbidden  # type: ignore[method-assign]
    found = await detect(kube)
    assert (found.dialect, found.problem) == (Dialect.CILIUM, None)
    assert found.advice == "install the agent with dialect=cilium-tiers"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"cluster-pool-ipv4-cidr": "10.0.0.0/9 10.128.0.0/9"}, ("10.0.0.0/9", "10.128.0.0/9")),
        ({"ipam": "kubernetes"}, ("10.5.0.0/24",)),
        ({"ipam": "eni"}, None),
        ({"cluster-id": "3", "clustermesh-config": "/var/lib/cilium/clustermesh/"}, None),
    ],
    ids=["two pools", "from nodes", "from the cloud", "in a mesh"],
)
async def test_pod_networks_are_unknown_where_nobody_here_can_know(
    config: dict[str, str], expected: tuple[str, ...] | None
) -> None:
    kube = cilium(**config)
    kube.put(NODE, **node("n1", "192.0.2.1", cidrs=("10.5.0.0/24",)))
    assert (await detect(kube)).facts.pod_cidrs == expected


async def test_a_version_that_cannot_be_read_is_unknown() -> None:
    assert (await detect(cilium(image="registry.local:5000/cilium@sha256:00"))).facts.plugin_version == ""


async def test_no_nodes_are_known_to_be_none() -> None:
    assert (await detect(cilium())).facts.node_cidrs == ()


async def test_nodes_that_may_not_be_listed_are_unknown() -> None:
    kube = cilium()
    listed = kube.list

    async def forbidden(resource: Any, namespace: str = "", labels: str = "") -> Any:
        if resource == NODE:
            raise refused(403)
        return await listed(resource, namespace, labels)

    kube.list = forbidden  # type: ignore[method-assign]
    assert (await detect(kube)).facts.node_cidrs is None


async def test_calico_is_read_through_its_own_api() -> None:
    kube = MemoryKube()
    kube.answers["/apis"] = groups("projectcalico.org", "crd.projectcalico.org")
    kube.put(IP_POOL, metadata={"name": "p"}, spec={"cidr": "10.244.0.0/16", "natOutgoing": True})
    kube.put(CLUSTER_INFORMATION, metadata={"name": "default"}, spec={"calicoVersion": "v3.31.0"})
    found = await detect(kube)
    assert found.dialect is Dialect.CALICO
    assert (found.facts.plugin, found.facts.plugin_version) == ("calico", "3.31.0")
    assert found.facts.pod_cidrs == ("10.244.0.0/16",)


def upstream(*peers: str, plurals: tuple[str, ...] = ("clusternetworkpolicies",)) -> MemoryKube:
    kube = MemoryKube()
    kube.answers["/apis"] = groups("networking.k8s.io", "policy.networking.k8s.io")
    version = "/apis/policy.networking.k8s.io/v1alpha2"
    kube.answers[version] = {"resources": [{"name": plural} for plural in plurals]}
    to: Any = {"items": {"properties": {peer: {} for peer in peers}}}
    egress = {"items": {"properties": {"to": to}}}
    schema = {
        "x-kubernetes-group-version-kind": [{"kind": "ClusterNetworkPolicy"}],
        "properties": {"spec": {"properties": {"egress": egress}}},
    }
    schemas = {"list": {"x-kubernetes-group-version-kind": [{"kind": "ClusterNetworkPolicyList"}]}, "one": schema}
    kube.answers[f"/openapi/v3{version}"] = {"components": {"schemas": schemas}}
    return kube


async def test_what_a_cluster_network_policy_can_hold_is_read_from_the_served_schema() -> None:
    found = await detect(upstream("pods", "networks", "nodes"))
    assert found.dialect is Dialect.CLUSTER_NETWORK_POLICY
    assert found.facts.egress_peers == ("networks", "nodes", "pods")
    assert found.facts.namespaces is None
    assert not found.advice


async def test_a_schema_that_is_not_published_yet_is_unknown() -> None:
    kube = upstream("pods")
    del kube.answers["/openapi/v3/apis/policy.networking.k8s.io/v1alpha2"]
    assert (await detect(kube)).facts.egress_peers is None


async def test_older_kinds_of_the_same_group_are_another_thing() -> None:
    found = await detect(upstream("pods", plurals=("adminnetworkpolicies",)))
    assert found.dialect is Dialect.NETWORK_POLICY
    assert "ClusterNetworkPolicies" in found.advice


async def test_namespaces_are_known_with_their_labels_but_not_those_that_are_going() -> None:
    kube = upstream(plurals=())
    kube.put(NAMESPACE, metadata={"name": "b", "labels": {"team": "b"}})
    kube.put(NAMESPACE, metadata={"name": "a"})
    kube.put(NAMESPACE, metadata={"name": "gone", "deletionTimestamp": "2026-01-01T00:00:00Z"})
    kube.put(NODE, **node("n1", "192.0.2.1", cidrs=("10.5.0.0/24",)))
    facts = (await detect(kube)).facts
    assert facts.namespaces == {"a": {}, "b": {"team": "b"}}
    assert facts.node_cidrs == ("192.0.2.1/32",)
    assert facts.pod_cidrs is None, "whoever gives pods their addresses may not ask the nodes"


async def test_namespaces_that_may_not_be_listed_are_unknown() -> None:
    kube = upstream(plurals=())
    listed = kube.list

    async def forbidden(resource: Any, namespace: str = "", labels: str = "") -> Any:
        if resource == NAMESPACE:
            raise refused(403)
        return await listed(resource, namespace, labels)

    kube.list = forbidden  # type: ignore[method-assign]
    assert (await detect(kube)).facts.namespaces is None


async def test_an_agent_installed_for_another_dialect_says_so() -> None:
    kube = upstream(plurals=())
    kube.answers["/apis"] = groups("networking.k8s.io", "cilium.io")
    listed = kube.list

    async def forbidden(resource: Any, namespace: str = "", labels: str = "") -> Any:
        if resource == NETWORK_POLICY:
            raise refused(403)
        return await listed(resource, namespace, labels)

    kube.list = forbidden  # type: ignore[method-assign]
    found = await detect(kube)
    assert (found.dialect, found.problem and found.problem.code) == (None, "EDICT0551")
    assert found.problem is not None
    assert "cilium-config" in found.problem.remedy
    assert "dialect=network-policy" in found.problem.remedy


async def test_leftovers_of_a_plugin_do_not_hide_what_is_served() -> None:
    kube = upstream(plurals=())
    kube.answers["/apis"] = groups("networking.k8s.io", "crd.projectcalico.org")
    found = await detect(kube)
    assert found.dialect is Dialect.NETWORK_POLICY
    assert "Calico's API server" in found.advice


class Told:
    """A watch of namespaces on an API server that says what it is told to say."""

    def __init__(self, *known: str) -> None:
        self.kube = MemoryKube()
        self.events: asyncio.Queue[tuple[str, Live]] = asyncio.Queue()
        self.kube.watch = self._watch  # type: ignore[method-assign]
        self.changes = asyncio.Event()
        self.version = 100
        for name in known:
            self.kube.put(NAMESPACE, metadata={"name": name})
        clock, rng = TurnedClock(), Random(1)
        seen = {name: dict[str, str]() for name in known}
        self.watch = NamespaceWatch(self.kube, seen, clock=clock, rng=rng, on_change=self.changes.set)

    async def _watch(self, *_: object, **__: object) -> AsyncIterator[tuple[str, Live]]:
        while True:
            yield await self.events.get()
            self.events.task_done()

    async def says(self, event: str, name: str, **metadata: Any) -> bool:
        """Send an event and have it taken; tell whether the watch told of it."""
        self.version += 1
        live = {"metadata": {"name": name, "resourceVersion": str(self.version)} | metadata}
        self.changes.clear()
        self.events.put_nowait((event, live))
        await self.events.join()
        return self.changes.is_set()


async def test_a_namespace_that_appears_goes_or_changes_its_labels_is_told_and_nothing_else() -> None:
    told = Told("a", "b")
    running = asyncio.create_task(told.watch.run())
    assert not await told.says("MODIFIED", "a", annotations={"x": "y"})
    assert await told.says("MODIFIED", "a", labels={"x": "y"})
    assert not await told.says("MODIFIED", "a", labels={"x": "y"}, annotations={})
    assert await told.says("ADDED", "c")
    assert await told.says("MODIFIED", "c", deletionTimestamp="2026-01-01T00:00:00Z")
    assert not await told.says("DELETED", "c")
    assert await told.says("DELETED", "b")
    running.cancel()


async def test_a_cluster_without_network_policies_says_why() -> None:
    kube = MemoryKube()
    kube.answers["/apis"] = groups("apps")
    found = await detect(kube)
    assert found.dialect is None
    assert found.problem is not None
    assert found.problem.code == "EDICT0501"


async def test_a_cluster_that_does_not_answer_is_a_coded_error() -> None:
    kube = MemoryKube()
    kube.faults = [refused(503)]
    with pytest.raises(AgentError) as caught:
        await detect(kube)
    assert caught.value.code == "EDICT0554"
