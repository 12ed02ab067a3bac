"""Random clusters: few labels, so that selectors meet often; both IP families; what lies outside has names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from random import Random

from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.world import Flow, NamedPort, Node, Pod, Request, World, address_of

AGENT = DEFAULT_AGENT_NAMESPACE
NAMES = ("x", "y", "z", "w", AGENT)
KEYS = ("a", "b")
VALUES = ("x", "y", "z")
ACCOUNTS = ("default", "builder")
ABROAD = "east"
"""Another cluster of the mesh."""
POD_CIDRS = ("10.244.0.0/15", "fd00:1::/32")
NODE_CIDRS = ("172.18.0.0/16", "fd00:18::/32")
OUTSIDE = (
    "203.0.113.7",
    "203.0.113.130",
    "203.0.113.200",
    "198.51.100.1",
    "8.8.8.8",
    "10.1.1.1",
    "2001:db8::1",
    "2001:db8:1::1",
    "2600::1",
)
DOMAINS = {
    "198.51.100.1": ("a.example",),
    "2600::1": ("a.example", "deep.b.example"),
    "8.8.8.8": ("b.example",),
}
SPOKEN = (
    *((protocol, port) for protocol in ("tcp", "udp") for port in (52, 53, 54, 59, 60, 61, 80, 8080, 65535)),
    *(("sctp", port) for port in (53, 59, 60, 80, 8080)),
    *((protocol, number) for protocol in ("icmp", "icmpv6") for number in (0, 3, 8, 128)),
    ("gre", 0),
)
"""Protocols with a destination port, or a type of ICMP."""
_LABELS = [
    {key: value for key, value in zip(KEYS, values, strict=True) if value}
    for values in product(("", *VALUES), repeat=len(KEYS))
]
PODS_EACH = 4
WORLDS = 48
REQUESTS = (Request("GET", "/health", "a.example"), Request("POST", "/orders", "a.example"))
"""What TCP connections carry: what rules about requests mean, and another."""


@dataclass(frozen=True)
class Cluster:
    """A world with its places at hand.

    Attributes:
        world: the whole.
        addresses: every address by IP version.
        pods: those of the cluster itself.
        at: the world as far as it matters to one address, for each of them.
    """

    world: World
    addresses: dict[int, tuple[str, ...]]
    pods: tuple[Pod, ...]
    at: dict[str, World]

    @property
    def everywhere(self) -> tuple[str, ...]:
        """Every address."""
        return self.addresses[4] + self.addresses[6]


@lru_cache(maxsize=WORLDS)
def cluster(number: int) -> Cluster:
    """Return one of the clusters; the same number is the same cluster."""
    random = Random(number)
    spaces = random.sample(_LABELS, len(NAMES) + 1)
    world = World(
        namespaces=dict(zip((*NAMES, f"{ABROAD}/x"), spaces, strict=True)),
        pods=(*_pods(random), *(_abroad(random, index) for index in range(2))),
        nodes=tuple(
            Node(f"node-{index}", random.choice(_LABELS), (f"172.18.0.{index + 5}", f"fd00:18::{index + 5}"))
            for index in range(2)
        ),
        domain_names=DOMAINS,
    )
    held = [address for places in (world.pods, world.nodes) for place in places for address in place.addresses]
    return Cluster(
        world,
        {version: tuple(one for one in (*held, *OUTSIDE) if address_of(one).version == version) for version in (4, 6)},
        tuple(pod for pod in world.pods if not pod.cluster),
        {address: _around(world, address) for address in (*held, *OUTSIDE)},
    )


def _around(world: World, address: str) -> World:
    return World(
        world.namespaces,
        tuple(pod for pod in world.pods if address in pod.addresses),
        tuple(node for node in world.nodes if address in node.addresses),
        world.domain_names,
    )


def flow(source: str, destination: str, spoken: tuple[str, int], code: int = 0) -> Flow | None:
    """Return a flow, None where two addresses cannot speak so; the code is of ICMP, or of what TCP carries."""
    protocol, number = spoken
    version = address_of(source).version
    if address_of(destination).version != version or protocol == ("icmpv6" if version == 4 else "icmp"):
        return None
    if protocol in {"icmp", "icmpv6"}:
        return Flow(source, destination, protocol, icmp_type=number, icmp_code=code)
    request = REQUESTS[code] if protocol == "tcp" else None
    return Flow(source, destination, protocol, port=number, request=request)


def _pods(random: Random) -> Iterator[Pod]:
    """Yield pods of every namespace, among them one of each set of labels."""
    sets = random.sample(_LABELS, len(_LABELS))
    for index in range(PODS_EACH * len(NAMES)):
        yield _pod(random, NAMES[index % len(NAMES)], index, sets[index % len(sets)])


def _pod(random: Random, namespace: str, index: int, labels: dict[str, str]) -> Pod:
    return Pod(
        namespace=namespace,
        name=f"pod-{index}",
        labels=labels,
        addresses=(f"10.244.0.{index + 1}", f"fd00:1::{index + 1:x}"),
        service_account=random.choice(ACCOUNTS),
        named_ports=(NamedPort("web", "tcp", random.choice((80, 8080))), NamedPort("dns", "udp", 53)),
    )


def _abroad(random: Random, index: int) -> Pod:
    return Pod(
        namespace="x",
        name=f"abroad-{index}",
        labels=random.choice(_LABELS),
        addresses=(f"10.245.0.{index + 1}", f"fd00:1:1::{index + 1:x}"),
        cluster=ABROAD,
    )
