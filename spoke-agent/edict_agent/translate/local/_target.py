"""The dialect: what stands in each namespace, and each policy by its tier, Baseline first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from edict.policy.fidelity import RuleFidelity
from edict.policy.lockout import WAY_OUT_NAME, WAY_OUT_TEAM
from edict.policy.model import Action, Tier
from edict.policy.rules import Direction
from edict.policy.space.labels import Labels
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts, ground_of
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.local._admin import admin_allow
from edict_agent.translate.local._baseline import check_baseline
from edict_agent.translate.local._selectors import Namespaces, pods_of
from edict_agent.translate.objects import render
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.standing import Kind, Matching, Standing
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
        self.ground = ground_of(facts)
        self._namespaces = Namespaces(facts.namespaces or {})

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

    def heeds(self, mine: Kind, its: Kind) -> bool:
        """Heed what an allow or an isolation would beat, and the isolation that makes an allow exact."""
        if mine.tier is its.tier:
            passed = its.action is Action.PASS or (its.action is Action.ACCEPT and mine.action is Action.DENY)
            return passed and mine.action is (Action.DENY if mine.tier is Tier.BASELINE else Action.ACCEPT)
        return mine.tier is Tier.ADMIN and mine.action is Action.ACCEPT and its.action is Action.DENY

    def translate(self, policy: PlacedPolicy, own: Standing, before: Sequence[Standing]) -> Outcome:
        """Translate a policy to one NetworkPolicy in each namespace that its subject has pods in.

        ``before`` holds the whole Baseline that is kept and concerns its pods when an Admin policy is judged.
        """
        earlier = [rule for other in before if other.spec.tier is own.spec.tier for rule in other.rules]
        baseline = [rule for other in before if other.spec.tier is Tier.BASELINE for rule in other.rules]
        allows: dict[Direction, list[Body]] = {}
        told: list[RuleFidelity] = []
        for rule in own.rules:
            leeway = Leeway(rule.rule.action)
            try:
                self._add(rule, allows, own.spec.tier, earlier, baseline, leeway=leeway)
                told.append(leeway.fidelity(rule.rule.place))
            except InexactError as error:
                told.append(unsupported(rule.rule.place, error))
            earlier.append(rule)
        return Outcome(rules=tuple(told), objects=self._objects(policy, own.subject, allows) if allows else ())

    def _add(
        self,
        rule: Matching,
        allows: dict[Direction, list[Body]],
        tier: Tier,
        earlier: Sequence[Matching],
        baseline: Sequence[Matching],
        *,
        leeway: Leeway,
    ) -> None:
        """Add what a rule becomes: a direction without allows is isolation."""
        direction = rule.rule.direction
        match tier:
            case Tier.BASELINE:
                check_baseline(rule, earlier)
                if rule.rule.action is Action.DENY:
                    allows.setdefault(direction, [])
            case Tier.ADMIN:
                isolated = [
                    other.subject
                    for other in baseline
                    if other.rule.action is Action.DENY and other.rule.direction is direction
                ]
                allowed = admin_allow(rule, earlier, isolated, self._facts, leeway)
                if allowed is not None:
                    allows.setdefault(direction, []).append(allowed)
            case _:
                assert_never(tier)

    def _objects(
        self, policy: PlacedPolicy, subject: Labels, allows: Mapping[Direction, list[Body]]
    ) -> tuple[RenderedObject, ...]:
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
            for namespace in self._namespaces.of(pods, subject)
        )
