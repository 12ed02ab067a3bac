"""A small cluster to ask about, and one line that says what was decided by what."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from edict.policy.local import NetworkPolicy, network_policy
from edict.policy.model import PolicySpec
from edict.policy.rules import Direction
from edict.policy.semantics import decide
from edict.policy.world import Flow, NamedPort, Node, Pod, World

AGENT = "edict-system"
WEB, DB, API, HOST, AGENT_POD = "10.0.0.1", "10.0.0.2", "10.0.0.3", "192.0.2.1", "10.0.0.9"
WEST_DB, EAST_DB, OUTSIDE = "10.8.0.2", "10.9.0.2", "203.0.113.7"
WORLD = World(
    namespaces={
        "shop": {"team": "shop"},
        "bank": {"team": "bank", "env": "prod"},
        AGENT: {},
        "east/shop": {"team": "other"},
    },
    pods=(
        Pod("shop", "web", {"app": "web"}, (WEB, "fd00::1"), named_ports=(NamedPort("http", "tcp", 8080),)),
        Pod("shop", "db", {"app": "db"}, (DB,), service_account="db", named_ports=(NamedPort("sql", "tcp", 5432),)),
        Pod("bank", "api", {"app": "api"}, (API,), named_ports=(NamedPort("http", "tcp", 9090),)),
        Pod("shop", "probe", {"app": "probe"}, (HOST,), host_network=True),
        Pod(AGENT, "agent", {}, (AGENT_POD,)),
        Pod("shop", "db", {"app": "db"}, (WEST_DB,), cluster="west", service_account="db"),
        Pod("shop", "db", {"app": "db"}, (EAST_DB,), cluster="east"),
    ),
    nodes=(Node("one", {"role": "worker"}, (HOST, "fd00:2::1")), Node("two", {"role": "control"}, ("192.0.2.2",))),
    domain_names={OUTSIDE: ("API.example.com",), "203.0.113.8": ("deep.api.example.com.", "example.com")},
)


def spec(text: str) -> PolicySpec:
    """Return a policy: Admin, priority 10, of every pod, but for what the text says."""
    base: dict[str, Any] = {"tier": "Admin", "priority": 10, "subject": {"namespaces": {}}}
    return msgspec.convert(base | yaml.safe_load(text), PolicySpec)


def local(text: str, namespace: str = "shop", name: str = "np") -> NetworkPolicy:
    """Return a NetworkPolicy from its ``spec``."""
    return network_policy(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": namespace},
            "spec": yaml.safe_load(text),
        }
    )


def egress(flow: Flow, *policies: str | NetworkPolicy, world: World = WORLD) -> str | None:
    """Return what the source says, as ``verdict tier policy rule``."""
    return _says(Direction.EGRESS, flow, policies, world)


def ingress(flow: Flow, *policies: str | NetworkPolicy, world: World = WORLD) -> str | None:
    """Return what the destination says, as ``verdict tier policy rule``."""
    return _says(Direction.INGRESS, flow, policies, world)


def _says(direction: Direction, flow: Flow, policies: tuple[str | NetworkPolicy, ...], world: World) -> str | None:
    """Ask with policies named p0, p1, … in the order given."""
    federated = [(f"p{index}", spec(one)) for index, one in enumerate(policies) if isinstance(one, str)]
    own = [one for one in policies if isinstance(one, NetworkPolicy)]
    decision = decide(federated, own, world, direction, flow, AGENT)
    if decision is None:
        return None
    return " ".join(part for part in (decision.verdict, decision.tier, decision.policy, decision.rule) if part)


def tcp(source: str, destination: str, port: int = 80) -> Flow:
    """Return a TCP connection."""
    return Flow(source, destination, "tcp", port)
