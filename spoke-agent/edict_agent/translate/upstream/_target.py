"""The dialect: upstream has tiers, order and Pass, so each policy is translated by itself."""

from __future__ import annotations

from collections.abc import Sequence

from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.policy.rules import Direction
from edict_agent.translate.facts import Facts, ground_of
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.standing import Kind, Standing
from edict_agent.translate.target import Outcome, refused
from edict_agent.translate.upstream._objects import upstream_objects, way_out_object
from edict_agent.translate.upstream._rules import fitting, upstream_rule


class Upstream:
    """Any plugin that implements ClusterNetworkPolicies as upstream has them, on one cluster."""

    def __init__(self, facts: Facts, agent_namespace: str) -> None:
        self._known = None if facts.egress_peers is None else frozenset(facts.egress_peers)
        self._agent_namespace = agent_namespace
        self.ground = ground_of(facts)

    def built_in(self) -> tuple[RenderedObject, ...]:
        """Return the way out."""
        return (way_out_object(self._agent_namespace),)

    def refuse_policy(self, policy: PlacedPolicy) -> None:
        """Refuse nothing: each rule is judged by itself."""

    def heeds(self, mine: Kind, its: Kind) -> bool:
        """Heed nothing: upstream keeps the order."""
        del mine, its
        return False

    def translate(self, policy: PlacedPolicy, own: Standing, before: Sequence[Standing]) -> Outcome:
        """Translate a policy to one ClusterNetworkPolicy, or two; what stands before it changes nothing."""
        del before
        rules: dict[Direction, list[Body]] = {}
        told: list[RuleFidelity] = []
        for rule in [one.rule for one in own.rules]:
            leeway = Leeway(rule.action)
            try:
                there = rules.setdefault(rule.direction, [])
                there += fitting(upstream_rule(rule, self._known, leeway), there)
                told.append(leeway.fidelity(rule.place))
            except InexactError as error:
                told.append(unsupported(rule.place, error))
        if any(one.fidelity is Fidelity.UNSUPPORTED for one in told):
            return Outcome(rules=tuple(told), objects=())
        try:
            objects = upstream_objects(policy, rules, self._agent_namespace)
        except InexactError as error:
            return refused(own, error)
        return Outcome(rules=tuple(told), objects=objects)
