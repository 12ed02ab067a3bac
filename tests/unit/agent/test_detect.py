from __future__ import annotations

from typing import Any

import pytest

from edict.errors import AgentError
from edict_agent.detect import detect
from edict_agent.kube.resources import CLUSTER_INFORMATION, CONFIG_MAP, DAEMON_SET, IP_POOL, NODE
from edict_agent.translate import Dialect
from tests.unit.agent.fakes import MemoryKube, refused


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


async def test_a_cluster_without_a_plugin_says_why() -> None:
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
