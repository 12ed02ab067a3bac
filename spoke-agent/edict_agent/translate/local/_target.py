"""The dialect: what stands in each namespace, and each policy by its tier, Baseline first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from edict.policy.fidelity import RuleFidelity
from edict.policy.lockout import WAY_OUT_NAME, WAY_OUT_TEAM
from edict.policy.model import Action, Tier
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.local._admin import admin_allow
from edict_agent.translate.local._baseline import check_baseline
from edict_agent.translate.local._selectors import namespaces_of, pods_of
from edict_agent.translate.objects import render
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.target import Outcome
from edict_agent.translate.upstream._selectors import selector_body

API_VERSION = "networking.k8s.io/v1"
KIND = "NetworkPolicy"
_TYPES = {Direction.INGRESS: "Ingress", Direction.EGRESS: "Egress"}


class LocalPolicies:
    """Any plugin that implements NetworkPolicies, on one cluster."""

    def __init__(self, facts: Facts, agent_namespace: str) -> None:
        self._facts = facts
        self._agent_namespace = agent_namespace

    def built_in(self) -> tuple[RenderedObject, ...]:
        """Return the way out, which adds up with whatever else stands in the agent's namespace."""
        spec: Body = {"podSelector": {}, "policyTypes": [_TYPES[Direction.EGRESS]], "egress": [{}]}
        name = f"edict.{WAY_OUT_TEAM}.{WAY_OUT_NAME}"
        return (render(API_VERSION, KIND, name, spec, namespace=self._agent_namespace),)

    def refuse_policy(self, policy: PlacedPolicy) -> None:
        """Refuse every policy where nobody knows which namespaces there are."""
        del policy
        if self._facts.namespaces is None:
            raise InexactError(
                Reason.NAMESPACES,
                "NetworkPolicies stand in namespaces, and the cluster's are not known",
                "let the agent list the namespaces, or give the fact namespaces",
            )

    def translate(self, policy: PlacedPolicy, earlier: Sequence[PlacedPolicy]) -> Outcome:
        """Translate a policy to one NetworkPolicy in each namespace that its subject has pods in.

        ``earlier`` holds the whole Baseline that is kept when an Admin policy is judged.
        """
        spec = policy.document.spec.policy
        before = [
            (other.id, rule)
            for other in earlier
            if other.document.spec.policy.tier is spec.tier
            for rule in rules_of(other.document.spec.policy)
        ]
        allows: dict[Direction, list[Body]] = {}
        told: list[RuleFidelity] = []
        for rule in rules_of(spec):
            try:
                self._add(rule, allows, spec.tier, before, earlier)
            except InexactError as error:
                told.append(unsupported(rule.place, error))
            before.append((policy.id, rule))
        objects = () if told or not allows else self._objects(policy, allows)
        return Outcome(rules=tuple(told), objects=objects)

    def _add(
        self,
        rule: PlacedRule,
        allows: dict[Direction, list[Body]],
        tier: Tier,
        before: Sequence[tuple[str, PlacedRule]],
        earlier: Sequence[PlacedPolicy],
    ) -> None:
        """Add what a rule becomes: a direction without allows is isolation."""
        match tier:
            case Tier.BASELINE:
                check_baseline(rule, before, self._facts)
                if rule.action is Action.DENY:
                    allows.setdefault(rule.direction, [])
            case Tier.ADMIN:
                isolated = [
                    pods_of(other.subject)
                    for baseline in earlier
                    if baseline.document.spec.policy.tier is Tier.BASELINE
                    for other in rules_of(baseline.document.spec.policy)
                    if other.action is Action.DENY and other.direction is rule.direction
                ]
                allowed = admin_allow(rule, before, isolated, self._facts)
                if allowed is not None:
                    allows.setdefault(rule.direction, []).append(allowed)
            case _:
                assert_never(tier)

    def _objects(self, policy: PlacedPolicy, allows: Mapping[Direction, list[Body]]) -> tuple[RenderedObject, ...]:
        pods = pods_of(policy.document.spec.policy.subject)
        directions = [direction for direction in Direction if direction in allows]
        spec: Body = {
            "podSelector": selector_body(pods.pod_selector),
            "policyTypes": [_TYPES[direction] for direction in directions],
        }
        spec |= {str(direction): allows[direction] for direction in directions if allows[direction]}
        name = f"edict.{policy.team}.{policy.name}"
        return tuple(
            render(API_VERSION, KIND, name, spec, policy=policy, namespace=namespace)
            for namespace in namespaces_of(pods, self._facts.namespaces or {})
        )
