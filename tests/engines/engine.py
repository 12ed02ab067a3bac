"""A plugin's own policy engine as a process of ours: worlds in, verdicts out (the contract is `contract.go`)."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from msgspec import Struct

from edict.policy import world as reference
from edict.policy.world import World
from tests.property.world import Place, Spoken

_PROTOCOLS: Final = {"icmp": 1, "icmp4": 1, "tcp": 6, "udp": 17, "gre": 47, "icmpv6": 58, "icmp6": 58, "sctp": 132}
_ANY_OTHER: Final = 253
"""A number for experiments: that of a protocol which no rule can name."""


class Flow(Struct, frozen=True):
    """A new connection from one place to another; ``code`` is that of ICMP, whose type is the number spoken."""

    source: Place
    destination: Place
    spoken: Spoken
    code: int = 0

    def __str__(self) -> str:
        return f"{self.source.address} -> {self.destination.address} {self.spoken.name} {self.spoken.number}"


class Verdict(Struct, frozen=True):
    """Whether a flow is allowed in each direction; None where the engine polices nobody at that end."""

    egress: bool | None
    ingress: bool | None


class Rejected(Struct, frozen=True):
    """An object that the plugin does not take."""

    name: str
    reason: str


class Answer(Struct, frozen=True):
    """What the engine says of one world; ``error`` is our program's own, and no verdict then counts."""

    verdicts: tuple[Verdict, ...]
    rejected: tuple[Rejected, ...]
    error: str = ""


class Scene(Struct, frozen=True):
    """What stands in a cluster and around it.

    Attributes:
        places: each a pod of its own, a node of its own, or nothing that the engine must be told of.
        objects: the plugin's own, NetworkPolicies and ClusterNetworkPolicies, each with its ``kind``.
        network_policies: NetworkPolicies, which may lack the ``kind``.
        names: the domain names of addresses outside.
        world: more pods, nodes and names, as the reference has them; beside ``places`` their addresses differ.
        local_nodes: the names of the world's nodes that the pods run on.
        service_accounts: the labels of service accounts by (namespace, name), for those that have any.
        options: the plugin's own options, by its names; Cilium's engine refuses those that it does not know.
    """

    places: tuple[Place, ...]
    objects: Sequence[dict[str, Any]]
    network_policies: Sequence[dict[str, Any]] = ()
    names: Mapping[str, Sequence[str]] = {}
    world: World = World({})
    local_nodes: frozenset[str] = frozenset()
    service_accounts: Mapping[tuple[str, str], Mapping[str, str]] = {}
    options: Mapping[str, str] = {}

    def ask(self, flows: Sequence[Flow | reference.Flow]) -> dict[str, Any]:
        """Return the line that asks an engine about flows in this scene."""
        namespaces: dict[tuple[str, str], dict[str, str]] = {}
        pods: list[dict[str, Any]] = []
        for place in self.places:
            if place.namespace is None or place.pod is None:
                continue
            name = place.namespace["kubernetes.io/metadata.name"]
            namespaces["", name] = place.namespace
            pods.append({"namespace": name, "name": f"pod-{len(pods)}", "labels": place.pod, "ips": [place.address]})
        for pod in self.world.pods:
            namespaces[pod.cluster, pod.namespace] = self.world.namespace_labels(pod)
            pods.append(_pod(pod))
        return {
            "objects": self.objects,
            "networkPolicies": self.network_policies,
            "namespaces": [
                {"name": name, "labels": labels, "cluster": cluster} for (cluster, name), labels in namespaces.items()
            ],
            "serviceAccounts": [
                {"namespace": namespace, "name": name, "labels": labels}
                for (namespace, name), labels in self.service_accounts.items()
            ],
            "pods": pods,
            "nodes": self._nodes(),
            "names": {**self.names, **self.world.domain_names},
            "options": self.options,
            "flows": [_flow(flow) for flow in flows],
        }

    def _nodes(self) -> list[dict[str, Any]]:
        addresses = [place.address for place in self.places if place.is_node]
        placed = [
            {"name": f"node-{number}", "labels": {}, "addresses": [one], "local": False}
            for number, one in enumerate(addresses)
        ]
        known = [
            {
                "name": node.name,
                "labels": node.labels,
                "addresses": node.addresses,
                "local": node.name in self.local_nodes,
            }
            for node in self.world.nodes
        ]
        return placed + known


class Engine:
    """A running engine; use it in a ``with``."""

    def __init__(self, binary: Path) -> None:
        self._process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def judge(self, scene: Scene, flows: Sequence[Flow | reference.Flow]) -> Answer:
        """Return the engine's answer, one verdict for each flow."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(scene.ask(flows)) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the engine ended; its last words are on standard error"
        answer = msgspec.json.decode(line, type=Answer)
        assert not answer.error, answer.error
        assert len(answer.verdicts) == len(flows)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def _pod(pod: reference.Pod) -> dict[str, Any]:
    return {
        "namespace": pod.namespace,
        "name": pod.name,
        "labels": pod.labels,
        "ips": pod.addresses,
        "serviceAccount": pod.service_account,
        "ports": [{"name": one.name, "protocol": one.protocol.upper(), "port": one.port} for one in pod.named_ports],
        "cluster": pod.cluster,
        "hostNetwork": pod.host_network,
    }


def _flow(flow: Flow | reference.Flow) -> dict[str, Any]:
    """Write a flow; the type of ICMP stands where others have their port."""
    if isinstance(flow, Flow):
        ends, name = (flow.source.address, flow.destination.address), flow.spoken.name
        number, code = flow.spoken.number, flow.code
    else:
        ends, name = (flow.source, flow.destination), flow.protocol
        number = flow.port if flow.icmp_type is None else flow.icmp_type
        code = flow.icmp_code or 0
    protocol = _PROTOCOLS.get(name, _ANY_OTHER)
    said = {"from": ends[0], "to": ends[1], "protocol": protocol, "port": number, "code": code}
    return said if isinstance(flow, Flow) or flow.request is None else said | {"request": flow.request}
