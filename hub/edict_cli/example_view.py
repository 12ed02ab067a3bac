"""One connection that changes its verdict, in the shape that ``edict diff -o json`` gives it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from edict.policy.changes import Example
from edict.policy.world import LOCAL, Request


class End(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One end. What does not fit its ``kind`` (``pod``, ``remote``, ``node``, ``outside``) is left out.

    ``cluster`` is the name of another cluster of the mesh, for a remote pod.
    """

    kind: str
    address: str
    namespace: str = ""
    namespace_labels: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    service_account: str = ""
    named_ports: Mapping[str, str] = {}
    cluster: str = ""
    domain_names: tuple[str, ...] = ()


class Connection(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The connection: ``protocol`` is tcp, udp, sctp, icmp, icmpv6 or another; ``on`` has the cluster's labels."""

    source: End
    destination: End
    protocol: str
    port: int = 0
    icmp_type: int | None = None
    icmp_code: int | None = None
    request: Request | None = None
    on: Mapping[str, str] = {}


def connection(example: Example) -> Connection:
    """Return the connection with what its ends are."""
    flow = example.flow
    return Connection(
        _end(flow.source, example),
        _end(flow.destination, example),
        flow.protocol,
        flow.port,
        flow.icmp_type,
        flow.icmp_code,
        flow.request,
        example.cluster,
    )


def _end(address: str, example: Example) -> End:
    world = example.world
    pod = world.pod_at(address)
    if pod is not None:
        return End(
            "pod" if pod.cluster == LOCAL else "remote",
            address,
            pod.namespace,
            world.namespace_labels(pod),
            pod.labels,
            pod.service_account,
            {port.name: f"{port.port}/{port.protocol}" for port in pod.named_ports},
            pod.cluster,
        )
    for node in world.nodes_at(address):
        return End("node", address, labels=node.labels)
    return End("outside", address, domain_names=tuple(world.names_of(address)))
