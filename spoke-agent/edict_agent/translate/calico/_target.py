"""The dialect: Calico has tiers, order and Pass, so each policy is translated by itself."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from edict.policy.fidelity import RuleFidelity
from edict.policy.lockout import WAY_OUT_NAME, WAY_OUT_PRIORITY, WAY_OUT_TEAM, agent_subject
from edict.policy.model import LabelSelector, NamespacedPod, Subject, Tier
from edict.policy.rules import Direction
from edict_agent.translate.calico._names import policy_name, policy_object, tier_objects
from edict_agent.translate.calico._rules import calico_rules
from edict_agent.translate.calico._selectors import entity
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts, ground_of
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject
from edict_agent.translate.standing import Kind, Standing
from edict_agent.translate.target import Outcome, refused

MAX_RULES = 1024
"""Rules a direction; the cap of Calico 3.33."""
_TYPES = {Direction.INGRESS: "Ingress", Direction.EGRESS: "Egress"}


class Calico:
    """Calico on one cluster."""

    def __init__(self, facts: Facts, agent_namespace: str) -> None:
        self._facts = facts
        self._agent_namespace = agent_namespace
        self.ground = ground_of(facts)

    def built_in(self) -> tuple[RenderedObject, ...]:
        """Return the two tiers and the way out, whose order is below that of any document."""
        spec = _subject(agent_subject(self._agent_namespace)) | {
            "types": ["Egress"],
            "egress": [{"action": "Allow", "source": {}, "destination": {}}],
        }
        name = policy_name(Tier.ADMIN, WAY_OUT_TEAM, WAY_OUT_NAME)
        return (*tier_objects(), policy_object(name, Tier.ADMIN, WAY_OUT_PRIORITY, spec, None))

    def refuse_policy(self, policy: PlacedPolicy) -> None:
        """Refuse nothing: each rule is judged by itself."""

    def heeds(self, mine: Kind, its: Kind) -> bool:
        """Heed nothing: Calico keeps the order."""
        del mine, its
        return False

    def translate(self, policy: PlacedPolicy, own: Standing, before: Sequence[Standing]) -> Outcome:
        """Translate a policy to one GlobalNetworkPolicy; what stands before it changes nothing."""
        del before
        spec = policy.document.spec.policy
        rendered: dict[Direction, list[Body]] = {}
        told: list[RuleFidelity] = []
        try:
            subject = _subject(spec.subject)
            for rule in [one.rule for one in own.rules]:
                leeway = Leeway(rule.action)
                try:
                    rendered.setdefault(rule.direction, []).extend(calico_rules(rule, self._facts, leeway))
                    told.append(leeway.fidelity(rule.place))
                except InexactError as error:
                    told.append(unsupported(rule.place, error))
            _check_size(rendered)
        except InexactError as error:
            return refused(own, error)
        rendered = {direction: rules for direction, rules in rendered.items() if rules}  # Calico keeps no empty list
        if not rendered:
            return Outcome(rules=tuple(told), objects=())
        body = subject | {"types": [_TYPES[direction] for direction in rendered]}
        body |= {str(direction): rules for direction, rules in rendered.items()}
        name = policy_name(spec.tier, policy.team, policy.name)
        return Outcome(rules=tuple(told), objects=(policy_object(name, spec.tier, spec.priority, body, policy),))


def _subject(subject: Subject) -> Body:
    if subject.pods is not UNSET:
        return entity(subject.pods)
    if subject.namespaces is UNSET:
        raise InexactError(Reason.PEER, "the subject is of an unknown kind")
    return entity(NamespacedPod(pod_selector=LabelSelector(), namespace_selector=subject.namespaces))


def _check_size(rendered: dict[Direction, list[Body]]) -> None:
    for direction, rules in rendered.items():
        if len(rules) > MAX_RULES:
            raise InexactError(
                Reason.TOO_LARGE,
                f"{direction} becomes {len(rules)} rules in Calico, more than {MAX_RULES}",
                "split the policy",
            )
