"""What a verdict is asked about: the pods and nodes of a cluster, the names of addresses, and one new connection.

A pod or a node is found by its address, so that no two of them may share one; a host-networked pod has its node's
address and is therefore not found: it is never a subject and never a pod peer, but a ``nodes`` peer matches it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct

from edict.policy.lockout import NAMESPACE_NAME

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
ANY_PORT = 0
LOCAL = ""
"""The ``cluster`` of a pod of the cluster itself."""


class NamedPort(Struct, frozen=True):
    """A container port with a name: ``protocol`` is ``tcp``, ``udp`` or ``sctp``, ``port`` 1 to 65535."""

    name: str
    protocol: str
    port: int


class Pod(Struct, frozen=True):
    """A pod. ``cluster`` is the name of another cluster of the mesh, empty for the cluster itself."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    addresses: tuple[str, ...]
    service_account: str = "default"
    named_ports: tuple[NamedPort, ...] = ()
    cluster: str = LOCAL
    host_network: bool = False

    @property
    def id(self) -> str:
        """``namespace/name``, behind ``cluster/`` where that is another."""
        return "/".join(part for part in (self.cluster, self.namespace, self.name) if part)


class Node(Struct, frozen=True):
    """A node of the cluster itself with every address of its status."""

    name: str
    labels: Mapping[str, str]
    addresses: tuple[str, ...]


class Request(Struct, frozen=True):
    """An HTTP request: ``path`` with or without its query, ``host`` as the header says it."""

    method: str
    path: str
    host: str


class Flow(Struct, frozen=True):
    """One new connection after DNAT, from one address to another.

    ``protocol`` is ``tcp``, ``udp``, ``sctp``, ``icmp`` (of IPv4), ``icmpv6`` or any other word, of which a rule can
    only match all; ``port`` is the destination port where the protocol has ports.

    Raises:
        ValueError: an address is none, the two are not of one IP version, or the ICMP is not of that version.
    """

    source: str
    destination: str
    protocol: str
    port: int = ANY_PORT
    icmp_type: int | None = None
    icmp_code: int | None = None
    request: Request | None = None

    def __post_init__(self) -> None:
        version = address_of(self.source).version
        if address_of(self.destination).version != version:
            raise ValueError(f"{self.source} and {self.destination} are not of one IP version")
        if self.protocol == ("icmpv6" if version == 4 else "icmp"):  # noqa: PLR2004 - IPv4
            raise ValueError(f"{self.source} does not speak {self.protocol}")


class World(Struct, frozen=True):
    """A cluster, what it knows of others in its mesh, and the domain names of addresses.

    Attributes:
        namespaces: the labels of each namespace, by its name, or by ``cluster/name`` where another cluster's has its
            own; Kubernetes' own name label is added.
        pods: pods of the cluster and of others.
        nodes: nodes of the cluster.
        domain_names: the names that were resolved to an address.
    """

    namespaces: Mapping[str, Mapping[str, str]]
    pods: tuple[Pod, ...] = ()
    nodes: tuple[Node, ...] = ()
    domain_names: Mapping[str, tuple[str, ...]] = {}

    def pod_at(self, address: str) -> Pod | None:
        """Return the pod that has an address for itself; where clusters reuse one, the cluster's own pod.

        Raises:
            ValueError: several have it.
        """
        found = [pod for pod in self.pods if not pod.host_network and _has(pod, address)]
        local = [pod for pod in found if pod.cluster == LOCAL] or found
        if len(local) > 1:
            raise ValueError(f"{' and '.join(pod.id for pod in local)} both have the address {address}")
        return local[0] if local else None

    def nodes_at(self, address: str) -> Iterator[Node]:
        """Yield the nodes that have an address."""
        return (node for node in self.nodes if _has(node, address))

    def names_of(self, address: str) -> Iterator[str]:
        """Yield the domain names of an address."""
        for known, names in self.domain_names.items():
            if address_of(known) == address_of(address):
                yield from names

    def namespace_labels(self, pod: Pod) -> dict[str, str]:
        """Return the labels of a pod's namespace; one that is not known has its name alone."""
        known = self.namespaces.get(f"{pod.cluster}/{pod.namespace}")
        if known is None:
            known = self.namespaces.get(pod.namespace, {})
        return {**known, NAMESPACE_NAME: pod.namespace}


@lru_cache(maxsize=65536)
def address_of(text: str) -> Address:
    """Return the address that a text writes.

    Raises:
        ValueError: it is none.
    """
    return ipaddress.ip_address(text)


def _has(place: Pod | Node, address: str) -> bool:
    return any(address_of(one) == address_of(address) for one in place.addresses)
