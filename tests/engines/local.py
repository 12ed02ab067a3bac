"""The cluster's own NetworkPolicies: a small model, its manifests, and strategies that draw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from edict.policy.local import NetworkPolicy, network_policy
from edict.policy.model import LabelSelector, Operator
from edict.policy.rules import Direction
from tests.property.strategies import KEYS, VALUES, selectors

NAMES = ("x", "y", "other", "edict-system")
OUTSIDE = ("203.0.113.0/24", "203.0.113.7/32", "8.8.8.8/32", "fd00:2::/32")
"""Blocks that hold neither pods nor nodes: on those the plugins themselves do not agree."""


@dataclass(frozen=True)
class Ports:
    """A range of ports of one protocol."""

    protocol: str
    first: int
    last: int

    def manifest(self) -> dict[str, Any]:
        """Return a NetworkPolicyPort."""
        body = {"protocol": self.protocol.upper(), "port": self.first}
        return body if self.first == self.last else body | {"endPort": self.last}


@dataclass(frozen=True)
class Peer:
    """Pods of the policy's own namespace, or of selected ones; or a block of addresses with an exception."""

    pods: LabelSelector | None = None
    namespaces: LabelSelector | None = None
    block: str = ""
    excepted: tuple[str, ...] = ()

    def manifest(self) -> dict[str, Any]:
        """Return a NetworkPolicyPeer."""
        if self.block:
            return {"ipBlock": {"cidr": self.block, "except": list(self.excepted)}}
        chosen = {"podSelector": self.pods, "namespaceSelector": self.namespaces}
        return {key: _selector(one) for key, one in chosen.items() if one is not None}


@dataclass(frozen=True)
class LocalRule:
    """No peers are every peer, no ports are everything."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[Ports, ...] = ()


@dataclass(frozen=True)
class LocalPolicy:
    """A NetworkPolicy that isolates its pods in the directions that it has rules of, be they none."""

    name: str
    namespace: str
    pods: LabelSelector
    ingress: tuple[LocalRule, ...] | None
    egress: tuple[LocalRule, ...] | None

    def rules(self, direction: Direction) -> tuple[LocalRule, ...] | None:
        """Return the rules of a direction, None where it isolates nobody in it."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def manifest(self) -> dict[str, Any]:
        """Return the manifest."""
        spec: dict[str, Any] = {"podSelector": _selector(self.pods), "policyTypes": []}
        for direction, word in ((Direction.INGRESS, "from"), (Direction.EGRESS, "to")):
            rules = self.rules(direction)
            if rules is None:
                continue
            spec["policyTypes"].append(direction.capitalize())
            spec[str(direction)] = [
                {word: [peer.manifest() for peer in rule.peers], "ports": [one.manifest() for one in rule.ports]}
                for rule in rules
            ]
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": spec,
        }

    def read(self) -> NetworkPolicy:
        """Return it as the reference reads it."""
        return network_policy(self.manifest())


def _selector(selector: LabelSelector) -> dict[str, Any]:
    expressions = [
        {"key": one.key, "operator": str(one.operator)}
        | ({"values": list(one.values)} if one.operator in {Operator.IN, Operator.NOT_IN} else {})
        for one in selector.match_expressions
    ]
    return {"matchLabels": dict(selector.match_labels), "matchExpressions": expressions}


_pods = st.builds(LabelSelector, match_labels=st.dictionaries(st.sampled_from(KEYS[:2]), st.sampled_from(VALUES)))
_peers = st.one_of(
    st.builds(Peer, pods=_pods),
    st.builds(Peer, namespaces=selectors),
    st.builds(Peer, pods=_pods, namespaces=selectors),
    st.builds(Peer, block=st.sampled_from(OUTSIDE)),
    st.just(Peer(block="203.0.113.0/24", excepted=("203.0.113.128/25",))),
)
_ports = st.builds(
    lambda protocol, ends: Ports(protocol, *ends),
    st.sampled_from(("tcp", "udp")),
    st.sampled_from(((53, 53), (80, 80), (50, 60), (1, 65535))),
)
_rules = st.builds(LocalRule, st.lists(_peers, max_size=2).map(tuple), st.lists(_ports, max_size=2).map(tuple))
_isolated = st.lists(_rules, max_size=2).map(tuple)
_directions = st.one_of(st.tuples(_isolated, st.one_of(st.none(), _isolated)), st.tuples(st.none(), _isolated))


@st.composite
def local_policies(draw: st.DrawFn) -> list[LocalPolicy]:
    """Draw up to three NetworkPolicies, each of which isolates in some direction."""
    ends = draw(st.lists(_directions, max_size=3))
    return [
        LocalPolicy(f"local-{index}", draw(st.sampled_from(NAMES)), draw(_pods), ingress, egress)
        for index, (ingress, egress) in enumerate(ends)
    ]
