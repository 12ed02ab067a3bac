"""The dialect: what must hold of the cluster, the way out, and each policy by its tier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from edict.policy.lockout import agent_subject
from edict.policy.model import Tier
from edict.policy.space import subject_labels
from edict_agent.translate.cilium._admin import translate_admin
from edict_agent.translate.cilium._baseline import translate_baseline
from edict_agent.translate.cilium._names import render_policy
from edict_agent.translate.cilium._order import loses
from edict_agent.translate.cilium._peers import every_address
from edict_agent.translate.cilium._selectors import check_subject, subject_selector
from edict_agent.translate.codes import Reason
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts, ground_of
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import PlacedPolicy, RenderedObject
from edict_agent.translate.standing import Kind, Standing, built_in
from edict_agent.translate.target import Outcome, refused

OLDEST = (1, 16)
"""``enableDefaultDeny`` came with it."""
_NEEDED = (
    ("enable-cilium-clusterwide-network-policy", True, "it does not read clusterwide policies"),
    ("enable-non-default-deny-policies", True, "every policy turns on default deny"),
    ("policy-audit-mode", False, "policies are only audited"),
)


class Cilium:
    """Cilium on one cluster."""

    def __init__(self, facts: Facts, agent_namespace: str) -> None:
        self._facts = facts
        self._agent_namespace = agent_namespace
        self.ground = ground_of(facts, every_address(facts))
        self._way_out = built_in(agent_namespace, Dialect.CILIUM, self.ground)

    def built_in(self) -> tuple[RenderedObject, ...]:
        """Return the way out: an allow of everything for the agent's namespace, without default deny."""
        spec = {
            "endpointSelector": subject_selector(subject_labels(agent_subject(self._agent_namespace)), self._facts),
            "enableDefaultDeny": {"ingress": False, "egress": False},
            "egress": [{"toEntities": ["all"]}],
        }
        return (render_policy(None, [spec]),)

    def refuse_policy(self, policy: PlacedPolicy) -> None:
        """Refuse every policy where Cilium is too old, or set up so that nothing here would hold."""
        version = self._facts.version
        if version is None or version < OLDEST:
            raise InexactError(
                Reason.PLUGIN_VERSION,
                f"Cilium {self._facts.plugin_version or 'of unknown version'} has no enableDefaultDeny",
                f"upgrade Cilium to {OLDEST[0]}.{OLDEST[1]} or later, or give the fact cniVersion",
            )
        for option, wanted, meaning in _NEEDED:
            if self._facts.enabled(option, default=wanted) is not wanted:
                raise InexactError(
                    Reason.PLUGIN_OPTION,
                    f"Cilium is set up so that {meaning}",
                    f"set {option}: {str(wanted).lower()} in Cilium",
                )
        enforcement = self._facts.options.get("enable-policy", "default").strip().lower() or "default"
        if enforcement != "default":
            raise InexactError(
                Reason.PLUGIN_OPTION,
                f"Cilium's enable-policy is {enforcement}, so that pods without a policy are not open",
                "set enable-policy: default in Cilium",
            )
        localhost = self._facts.options.get("allow-localhost", "auto").strip().lower() or "auto"
        if policy.document.spec.policy.tier is Tier.BASELINE and localhost == "policy":
            raise InexactError(
                Reason.PLUGIN_OPTION,
                "Cilium's allow-localhost is policy, so that default deny stops a node's probes of its pods",
                "set allow-localhost: auto in Cilium",
            )

    def heeds(self, mine: Kind, its: Kind) -> bool:
        """Heed what a Deny or an Accept would beat though it stands behind."""
        return mine.tier is its.tier is Tier.ADMIN and loses(its.action, mine.action)

    def translate(self, policy: PlacedPolicy, own: Standing, before: Sequence[Standing]) -> Outcome:
        """Translate one policy by its tier."""
        try:
            check_subject(own.subject, self._facts)
        except InexactError as error:
            return refused(own, error)
        match own.spec.tier:
            case Tier.ADMIN:
                return translate_admin(policy, own, (self._way_out, *before), self._facts)
            case Tier.BASELINE:
                return translate_baseline(policy, own, self._facts)
            case _:
                assert_never(own.spec.tier)
