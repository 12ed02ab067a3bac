"""The dialect: what must hold of the cluster, the way out, and each policy by its tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from edict.policy.model import Action, Tier
from edict_agent.translate.cilium import Cilium, check_subject, loses
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import PlacedPolicy, RenderedObject
from edict_agent.translate.standing import Kind, Standing, built_in
from edict_agent.translate.target import Outcome, refused
from edict_agent.translate.tiers._admin import translate_admin
from edict_agent.translate.tiers._baseline import translate_baseline
from edict_agent.translate.tiers._cluster import why_not
from edict_agent.translate.tiers._objects import way_out_object
from edict_agent.translate.tiers._place import place


class CiliumTiers:
    """Cilium that reads ClusterNetworkPolicies, on one cluster."""

    def __init__(self, facts: Facts, agent_namespace: str) -> None:
        self._facts = facts
        self._agent_namespace = agent_namespace
        self._plain = Cilium(facts, agent_namespace)
        self.ground = self._plain.ground
        way_out = built_in(agent_namespace, Dialect.CILIUM_TIERS, self.ground)
        late = {rule.rule.place: place(rule, way_out, (), facts).late for rule in way_out.rules}
        self._way_out = replace(way_out, late=late)

    def built_in(self) -> tuple[RenderedObject, ...]:
        """Return the way out: above all in front, and once more for what is late, where it also goes to nodes."""
        return (way_out_object(self._agent_namespace, self._facts), *self._plain.built_in())

    def refuse_policy(self, policy: PlacedPolicy) -> None:
        """Refuse every policy where Cilium would not read our objects, or not as they are meant."""
        reason = why_not(self._facts)
        if reason is not None:
            raise reason
        self._plain.refuse_policy(policy)

    def heeds(self, mine: Kind, its: Kind) -> bool:
        """Heed what is late of earlier rules, and Accepts past the DNS proxy; in Baseline what a Deny would beat.

        A Deny there comes too late for what Admin accepts some requests of.
        """
        if mine.tier is not its.tier:
            return mine.tier is Tier.BASELINE and mine.action is Action.DENY and its.requests
        if mine.tier is Tier.BASELINE:
            return loses(its.action, mine.action)
        by_names = mine.action is its.action is Action.ACCEPT and (mine.names or its.names)
        return by_names or (mine.action is not Action.PASS and mine.action is not its.action)

    def translate(self, policy: PlacedPolicy, own: Standing, before: Sequence[Standing]) -> Outcome:
        """Translate one policy by its tier."""
        try:
            check_subject(own.subject, self._facts)
        except InexactError as error:
            return refused(own, error)
        match own.spec.tier:
            case Tier.ADMIN:
                return translate_admin(policy, own, (self._way_out, *before), self._facts, self._agent_namespace)
            case Tier.BASELINE:
                return translate_baseline(policy, own, before, self._facts)
            case _:
                assert_never(own.spec.tier)
