"""A cluster from manifests of its pods, nodes, namespaces and NetworkPolicies, as ``kubectl get -o yaml`` prints them.

What a server writes around the few fields that decide a verdict is not looked at; NetworkPolicies are read strictly
(:mod:`edict.policy.local`), without those that Edict itself made of its policies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from edict.errors import DocumentError
from edict.policy._convert import explain, subject_of
from edict.policy.codes import Code
from edict.policy.local import KIND as NETWORK_POLICY
from edict.policy.local import NetworkPolicy, network_policy
from edict.policy.origin import Origin
from edict.policy.world import NamedPort, Node, Pod, World, address_of

MANAGED_BY = ("app.kubernetes.io/managed-by", "edict")
"""The label of what Edict itself has put into a cluster."""
_FINISHED = ("Succeeded", "Failed")
_RESTARTED = "Always"

Manifest = tuple[dict[str, Any], Origin]
"""Plain objects, and where they stand."""
S = TypeVar("S", bound=Struct)


class Observed(Struct, frozen=True):
    """A cluster as its manifests show it; ``left_out`` counts what says nothing here, by kind."""

    world: World
    network_policies: tuple[NetworkPolicy, ...]
    left_out: dict[str, int]


class _Meta(Struct, frozen=True):
    name: str
    namespace: str = "default"
    labels: dict[str, str] | None = None


class _Port(Struct, frozen=True, rename="camel"):
    container_port: int
    name: str = ""
    protocol: str = "TCP"


class _Container(Struct, frozen=True, rename="camel"):
    ports: tuple[_Port, ...] = ()
    restart_policy: str = ""


class _PodSpec(Struct, frozen=True, rename="camel"):
    containers: tuple[_Container, ...] = ()
    init_containers: tuple[_Container, ...] = ()
    service_account_name: str = "default"
    host_network: bool = False


class _Ip(Struct, frozen=True):
    ip: str


class _PodStatus(Struct, frozen=True):
    phase: str = ""
    ip: str = field(default="", name="podIP")
    ips: tuple[_Ip, ...] = field(default=(), name="podIPs")


class _Pod(Struct, frozen=True):
    metadata: _Meta
    spec: _PodSpec
    status: _PodStatus = _PodStatus()


class _NodeAddress(Struct, frozen=True):
    type: str
    address: str


class _NodeStatus(Struct, frozen=True):
    addresses: tuple[_NodeAddress, ...] = ()


class _Node(Struct, frozen=True):
    metadata: _Meta
    status: _NodeStatus = _NodeStatus()


class _Namespace(Struct, frozen=True):
    metadata: _Meta


def observe(manifests: Iterable[Manifest]) -> Observed:
    """Return the cluster that manifests, and lists of them, show.

    A pod that has ended is left out, since its address may be another's by now.

    Raises:
        DocumentError: EDICT0109, EDICT0123 where two pods have one address, and those of a NetworkPolicy.
    """
    namespaces: dict[str, dict[str, str]] = {}
    pods: list[Pod] = []
    nodes: list[Node] = []
    policies: list[NetworkPolicy] = []
    left_out: Counter[str] = Counter()
    for value, origin in (one for manifest in manifests for one in _items(*manifest)):
        match value.get("kind"):
            case "Namespace":
                metadata = _read(value, _Namespace, origin).metadata
                namespaces[metadata.name] = metadata.labels or {}
            case "Pod":
                pods += _pods(_read(value, _Pod, origin))
            case "Node":
                nodes.append(_node(_read(value, _Node, origin)))
            case kind if kind == NETWORK_POLICY:
                policies += [] if _is_ours(value) else [network_policy(value, origin)]
            case kind:
                left_out[str(kind)] += 1
    _refuse_shared(pods)
    return Observed(World(namespaces, tuple(pods), tuple(nodes)), tuple(policies), dict(left_out))


def _items(value: dict[str, Any], origin: Origin) -> Iterator[Manifest]:
    """Yield what a list holds; the items of a typed list (``PodList``) do not say their kind again."""
    kind, items = value.get("kind"), value.get("items")
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(items, list):
        yield value, origin
        return
    stated = {} if kind == "List" else {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
    for item in items:
        if isinstance(item, dict):
            yield from _items(stated | item, origin)


def _read(value: dict[str, Any], kind: type[S], origin: Origin) -> S:
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise explain(str(error), kind, subject_of(value), origin) from None


def _pods(pod: _Pod) -> Iterator[Pod]:
    if pod.status.phase in _FINISHED:
        return
    sidecars = [one for one in pod.spec.init_containers if one.restart_policy == _RESTARTED]
    named = (port for container in (*pod.spec.containers, *sidecars) for port in container.ports if port.name)
    addresses = [one.ip for one in pod.status.ips] or [pod.status.ip]
    yield Pod(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        labels=pod.metadata.labels or {},
        addresses=tuple(one for one in addresses if _is_address(one)),
        service_account=pod.spec.service_account_name,
        named_ports=tuple(NamedPort(port.name, port.protocol.lower(), port.container_port) for port in named),
        host_network=pod.spec.host_network,
    )


def _node(node: _Node) -> Node:
    addresses = tuple(one.address for one in node.status.addresses if _is_address(one.address))
    return Node(node.metadata.name, node.metadata.labels or {}, addresses)


def _is_ours(value: dict[str, Any]) -> bool:
    metadata = value.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and labels.get(MANAGED_BY[0]) == MANAGED_BY[1]


def _is_address(text: str) -> bool:
    """Tell a node's addresses from its host names."""
    try:
        address_of(text)
    except ValueError:
        return False
    return True


def _refuse_shared(pods: Iterable[Pod]) -> None:
    owners: dict[object, Pod] = {}
    for pod in pods:
        for address in () if pod.host_network else pod.addresses:
            owner = owners.setdefault(address_of(address), pod)
            if owner is not pod:
                raise DocumentError(
                    Code.DUPLICATE_ITEM,
                    f"the pods {owner.id} and {pod.id} both have the address {address}",
                    where=f"Pod {pod.id} status.podIPs",
                    remedy="give one cluster, as it was at one time",
                )
