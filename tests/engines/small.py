"""A small world for what concerns one engine alone, and policies in it."""

from __future__ import annotations

from typing import Any, Final

from edict.policy.world import Flow, NamedPort, Node, Pod, World
from tests.engines.engine import Engine, Scene

CLIENT: Final = "10.244.0.1"
SERVER: Final = "10.244.0.2"
FAR: Final = "10.9.0.1"
"""A pod of another cluster, else like the server."""
NODE_A: Final = "172.18.0.5"
NODE_B: Final = "172.18.0.6"
SUBDOMAIN: Final = "192.0.2.1"
APEX: Final = "192.0.2.2"
INTERNET: Final = "203.0.113.7"
WORLD: Final = World(
    {"x": {}, "y": {"team": "red"}},
    (
        Pod("x", "client", {}, (CLIENT, "fd00:1::1")),
        Pod("y", "server", {"app": "web"}, (SERVER, "fd00:1::2"), "payer", (NamedPort("web", "tcp", 8080),)),
        Pod("y", "far", {"app": "web"}, (FAR,), cluster="other"),
        Pod("y", "agent", {"app": "web"}, (NODE_B,), host_network=True),
    ),
    (Node("a", {"zone": "a"}, (NODE_A, "fd00:2::5")), Node("b", {"zone": "b"}, (NODE_B,))),
    {SUBDOMAIN: ("deep.api.example.com",), APEX: ("example.com",)},
)
ANY: Final[dict[str, Any]] = {"namespaces": {}}


def tiered(*rules: tuple[str, dict[str, Any]], tier: str = "Admin", name: str = "one", **more: Any) -> dict[str, Any]:
    """Return a ClusterNetworkPolicy for everybody, with egress rules of an action and a peer each."""
    egress = [{"action": action, "to": [peer]} for action, peer in rules]
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": name},
        "spec": {"tier": tier, "priority": 1, "subject": ANY, "egress": egress} | more,
    }


def isolating(namespace: str, *directions: str) -> dict[str, Any]:
    """Return a NetworkPolicy that isolates all pods of a namespace."""
    return {
        "kind": "NetworkPolicy",
        "metadata": {"name": "isolating", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": [*directions]},
    }


def clusterwide(**spec: Any) -> dict[str, Any]:
    """Return a CiliumClusterwideNetworkPolicy for everybody that isolates nobody."""
    shared = {"endpointSelector": {}, "enableDefaultDeny": {"ingress": False, "egress": False}}
    return {"kind": "CiliumClusterwideNetworkPolicy", "metadata": {"name": "ours"}, "spec": shared | spec}


def deny(peer: dict[str, Any]) -> dict[str, Any]:
    """Return a CiliumClusterwideNetworkPolicy that denies egress to a peer."""
    return clusterwide(egressDeny=[peer])


def verdicts(engine: Engine, objects: list[dict[str, Any]], *to: str, **options: str) -> list[bool | None]:
    """Return whether the client reaches each address on TCP/80; options are written with ``_`` for ``-``."""
    named = {key.replace("_", "-"): value for key, value in options.items()}
    answer = engine.judge(Scene((), objects, world=WORLD, options=named), [Flow(CLIENT, one, "tcp", 80) for one in to])
    assert answer.rejected == ()
    return [one.egress for one in answer.verdicts]
