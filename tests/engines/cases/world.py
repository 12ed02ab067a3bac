"""The cluster of all cases, and flows in it as they are written: ``x -> low 80/TCP``.

A place is written by its name, with a 6 behind it for its IPv6 address; what is spoken is ``80/TCP``, ``type 8/ICMP``,
``type 3 code 1/ICMP``, ``type 128/ICMPv6`` or ``GRE``. What TCP carries stands before it: ``GET a.example/b 80/TCP``,
or ``raw 80/TCP`` where that is no HTTP.
"""

from __future__ import annotations

import re
from typing import Final

from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.world import Flow, NamedPort, Node, Pod, Request, World

POD_CIDRS: Final = ("10.244.0.0/15", "fd00:10:244::/56")
NODE_CIDRS: Final = ("172.18.0.0/16", "fc00:f853:ccd::/64")


def _pod(name: str, namespace: str, number: int, labels: dict[str, str], **more: str | tuple[NamedPort, ...]) -> Pod:
    addresses = (f"10.244.0.{number}", f"fd00:10:244::{number}")
    return Pod(namespace, name, labels, addresses, **more)  # type: ignore[arg-type]


_PODS = (
    _pod("x", "x", 1, {"app": "x"}, named_ports=(NamedPort("web", "tcp", 80),)),
    _pod("bare", "x", 2, {}),
    _pod("forger", "x", 3, {"pcns.team": "red", "io.cilium.k8s.namespace.labels.team": "red"}),
    _pod(
        "y",
        "y",
        4,
        {"app": "y", "env": "prod", "app.kubernetes.io/name": "shop"},
        service_account="builder",
        named_ports=(NamedPort("web", "tcp", 8080), NamedPort("web", "udp", 8081)),
    ),
    _pod("y2", "y", 5, {"app": "y2", "env": "test"}),
    _pod("z", "z", 6, {"app": "z", "env": "dev"}, service_account="builder"),
    _pod("dns", "kube-system", 7, {"k8s-app": "kube-dns"}, named_ports=(NamedPort("dns", "udp", 53),)),
    _pod("agent", DEFAULT_AGENT_NAMESPACE, 8, {"app": "edict-agent"}),
    Pod("y", "abroad", {"app": "y", "env": "prod"}, ("10.245.0.1", "fd00:10:244:1::1"), cluster="east"),
)
REQUEST: Final = Request("GET", "/health", "example.com")
"""What a TCP connection carries that is not written with another request, nor as ``raw``."""
_NODES = (
    Node("node", {"pool": "general"}, ("172.18.0.5", "fc00:f853:ccd::5")),
    Node("edge", {"pool": "edge"}, ("172.18.0.6", "fc00:f853:ccd::6")),
)
_OUTSIDE = {
    "low": ("203.0.113.7", "2001:db8::7"),
    "below": ("203.0.113.127", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"),
    "high": ("203.0.113.128", "2001:db8:8000::"),
    "beyond": ("203.0.114.0", "2001:db9::"),
    "world": ("198.51.100.1", "2600::1"),
    "ten": ("10.1.1.1", "fd00:2::1"),
    "metadata": ("169.254.169.254", "fd00:ec2::254"),
    "api": ("192.0.2.2", "2600::2"),
    "deep": ("192.0.2.3", "2600::3"),
    "apex": ("192.0.2.4", "2600::4"),
}
WORLD: Final = World(
    namespaces={
        "x": {},
        "y": {"team": "red", "stage": "live"},
        "z": {"team": "blue"},
        "kube-system": {},
        DEFAULT_AGENT_NAMESPACE: {},
        "east/y": {"team": "red", "stage": "live"},
    },
    pods=_PODS,
    nodes=_NODES,
    domain_names={
        **dict.fromkeys(_OUTSIDE["api"], ("api.example.com",)),
        **dict.fromkeys(_OUTSIDE["deep"], ("deep.api.example.com",)),
        **dict.fromkeys(_OUTSIDE["apex"], ("example.com",)),
    },
)
_PLACES = {pod.name: pod.addresses for pod in _PODS} | {node.name: node.addresses for node in _NODES} | dict(_OUTSIDE)
_FLOW = re.compile(
    r"(?P<source>\S+) -> (?P<destination>\S+) "
    r"((?P<raw>raw) |(?P<method>[A-Z]+) (?P<host>[^/\s]+)(?P<path>/\S*) )?"
    r"(type (?P<type>\d+)( code (?P<code>\d+))?/|(?P<port>\d+)/)?(?P<protocol>[A-Za-z0-9]+)"
)


def address(place: str) -> str:
    """Return the address of a place by its name."""
    if place in _PLACES:
        return _PLACES[place][0]
    return _PLACES[place.removesuffix("6")][1]


def flow(text: str) -> Flow:
    """Return the flow that a text writes.

    Raises:
        ValueError: it writes none.
    """
    found = _FLOW.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no flow")
    ends = (address(found["source"]), address(found["destination"]))
    protocol = found["protocol"].lower()
    if found["type"] is not None:
        return Flow(*ends, protocol, icmp_type=int(found["type"]), icmp_code=int(found["code"] or 0))
    request = REQUEST if protocol == "tcp" and not found["raw"] else None
    if found["method"] is not None:
        request = Request(found["method"], found["path"], found["host"])
    return Flow(*ends, protocol, port=int(found["port"] or 0), request=request)
