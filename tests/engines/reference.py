"""The reference semantics, asked about many flows of one cluster.

It looks at what can matter to a flow alone: pods and nodes at its two addresses, policies whose subject is the pod,
NetworkPolicies of the pod's namespace. The evaluator passes over all others by the same functions; that nothing
changes is checked for a part of all flows against the evaluator with everything.
"""

from __future__ import annotations

from collections.abc import Sequence

from edict.policy.local import NetworkPolicy
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.matching import subject_selects
from edict.policy.model import PolicySpec
from edict.policy.rules import Direction
from edict.policy.semantics import Step, walk
from edict.policy.world import Flow, Pod, World, address_of


class Reference:
    """What our language says in one cluster."""

    def __init__(
        self, policies: Sequence[tuple[str, PolicySpec]], network_policies: Sequence[NetworkPolicy], world: World
    ) -> None:
        self._policies = policies
        self._network_policies = network_policies
        self._world = world
        self._pods: dict[str, list[Pod]] = {}
        self._mine: dict[str, tuple[list[tuple[str, PolicySpec]], list[NetworkPolicy]]] = {}
        self._near: dict[tuple[str, str], World] = {}
        for pod in world.pods:
            for address in pod.addresses:
                self._pods.setdefault(str(address_of(address)), []).append(pod)

    def walk(self, direction: Direction, flow: Flow) -> list[Step]:
        """Return the steps of one end, the last of which decides; none where it is no pod of the cluster itself."""
        here, there = (flow.source, flow.destination)[:: 1 if direction is Direction.EGRESS else -1]
        near = self._near.get((here, there))
        if near is None:
            near = self._near[here, there] = self._seen_from(here, there)
        pod = near.pod_at(here)
        if pod is None or pod.cluster:
            return []
        policies, network_policies = self._mine.get(pod.id) or self._keep(pod)
        return list(walk(policies, network_policies, near, direction, flow, DEFAULT_AGENT_NAMESPACE))

    def walk_all(self, direction: Direction, flow: Flow) -> list[Step]:
        """Return the same with nothing left out: more steps, of which those that matched are the same."""
        return list(walk(self._policies, self._network_policies, self._world, direction, flow, DEFAULT_AGENT_NAMESPACE))

    def _keep(self, pod: Pod) -> tuple[list[tuple[str, PolicySpec]], list[NetworkPolicy]]:
        kept = self._mine[pod.id] = (
            [one for one in self._policies if subject_selects(one[1].subject, pod, self._world)],
            [one for one in self._network_policies if one.metadata.namespace == pod.namespace],
        )
        return kept

    def _seen_from(self, *addresses: str) -> World:
        known = self._world
        pods = {pod.id: pod for address in addresses for pod in self._pods.get(str(address_of(address)), ())}
        nodes = {node.name: node for address in addresses for node in known.nodes_at(address)}
        return World(
            namespaces=known.namespaces,
            pods=tuple(pods.values()),
            nodes=tuple(nodes.values()),
            domain_names=known.domain_names,
        )
