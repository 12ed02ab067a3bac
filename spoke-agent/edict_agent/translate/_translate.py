"""From placed policies to a plan: what every dialect shares, then the dialect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush
from typing import TypeAlias, assert_never

from msgspec import Struct

from edict.ids import Digest
from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.policy.lockout import WAY_OUT_ID
from edict.policy.model import Mode, OnInexact
from edict_agent.translate.calico import Calico
from edict_agent.translate.cilium import Cilium
from edict_agent.translate.codes import Reason
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, exact
from edict_agent.translate.local import LocalPolicies
from edict_agent.translate.past import Past
from edict_agent.translate.plan import PlacedPolicy, Plan, PolicyPlan, RenderedObject
from edict_agent.translate.standing import Matching, Standing, standing
from edict_agent.translate.target import Outcome, Target, refused
from edict_agent.translate.tiers import CiliumTiers
from edict_agent.translate.upstream import Upstream


def translate(dialect: Dialect, policies: Sequence[PlacedPolicy], facts: Facts, agent_namespace: str) -> Plan:
    """Translate the policies that are placed on one cluster, once; see :class:`Translator`."""
    return Translator(dialect, facts, agent_namespace).translate(policies)


class _Judged(Struct, frozen=True, gc=False):
    """What has become of a policy."""

    policy: PlacedPolicy
    standing: Standing
    plan: PolicyPlan
    objects: tuple[RenderedObject, ...]


class Translator:
    """Translates for one cluster, and when the policies change translates again only what the change can touch.

    A policy depends on the kept policies before it that share a pod with it and on what was said of them
    (:attr:`Standing.late`), and on nothing else. The plan depends on the set of policies alone, not on their order or
    on what was translated before.

    Attributes:
        dialect: as it was given.
        facts: as they were given; with other facts it takes another translator.

    Args:
        dialect: what the cluster speaks, by :func:`edict_agent.translate.choose_dialect`.
        facts: what is known about the cluster.
        agent_namespace: the namespace of the agent, whose way out is kept.
    """

    def __init__(self, dialect: Dialect, facts: Facts, agent_namespace: str) -> None:
        self.dialect = dialect
        self.facts = facts
        self._target = _target(dialect, facts, agent_namespace)
        self._built_in = self._target.built_in()
        self._judged: dict[str, _Judged] = {}
        self._order: list[_Rank] = []
        self._names: list[str] = []
        self._past = Past(self._target.heeds)

    def translate(self, policies: Sequence[PlacedPolicy]) -> Plan:
        """Translate the policies that are placed on the cluster.

        Policies are judged tier by tier in the dialect's order and there by precedence, each against those before it
        that are not refused.

        Args:
            policies: verified and validated documents that select the cluster, each id once.

        Raises:
            ValueError: an id stands twice, so that the caller has mixed two releases, or is the built-in one's.
        """
        by_id = {policy.id: policy for policy in policies}
        if len(by_id) != len(policies) or WAY_OUT_ID in by_id:
            msg = "a policy stands twice among the placed policies, or has the name of the built-in one"
            raise ValueError(msg)
        self._judge_again(self._replace(by_id))
        return self._plan()

    def _replace(self, policies: dict[str, PlacedPolicy]) -> dict[str, Standing]:
        """Put away what is gone, take in what is new; return what must be judged."""
        to_judge: dict[str, Standing] = {}
        left: set[_Rank] = set()
        taken: set[_Rank] = set()
        for policy_id in [one for one in self._judged if one not in policies]:
            gone = self._judged.pop(policy_id)
            self._past.remove(policy_id)
            left.add(gone.standing.rank)
            to_judge.update(self._behind(gone.standing))
        for policy_id, policy in policies.items():
            known = self._judged.get(policy_id)
            if known is not None:
                if known.policy == policy:  # the digest alone would miss that the limits of its team have changed
                    continue
                self._past.remove(policy_id)
                left.add(known.standing.rank)
                to_judge.update(self._behind(known.standing))
            to_judge[policy_id] = own = standing(policy, self.dialect, self._target.ground)
            taken.add(own.rank)
            self._judged[policy_id] = _Judged(policy, own, _UNJUDGED, ())
        self._reorder(left, taken)
        return {policy_id: one for policy_id, one in to_judge.items() if policy_id in policies}

    def _reorder(self, left: set[_Rank], taken: set[_Rank]) -> None:
        """Keep ranks and names sorted: where little has changed nearly all are, and sorting is quick."""
        if left != taken:
            self._order = sorted([*(rank for rank in self._order if rank not in left), *taken])
            self._names = sorted(self._judged)

    def _behind(self, one: Standing) -> dict[str, Standing]:
        return {other.id: other for other in self._past.behind(one)}

    def _judge_again(self, waiting: dict[str, Standing]) -> None:
        """Judge in order; what changes for those behind makes them wait, too."""
        queue = [one.rank for one in waiting.values()]
        heapify(queue)
        while queue:
            _, _, policy_id = heappop(queue)
            own = waiting.pop(policy_id)
            known = self._judged[policy_id]
            outcome = self._judge(known.policy, own)
            plan = _policy_plan(known.policy, own, outcome)
            objects = () if plan.refused else outcome.objects
            moved = known.standing.late != outcome.late
            own = replace(own, late=outcome.late) if own.late != outcome.late else own
            self._judged[policy_id] = _Judged(known.policy, own, plan, objects)
            self._past.add(own, kept=not plan.refused)
            if known.plan is _UNJUDGED or known.plan.refused != plan.refused or moved:
                for other_id, other in self._behind(own).items():
                    if other_id not in waiting:
                        waiting[other_id] = other
                        heappush(queue, other.rank)

    def _judge(self, policy: PlacedPolicy, own: Standing) -> Outcome:
        """Return the dialect's outcome, unless the policy is refused before any dialect is asked."""
        before = self._past.before(own)
        try:
            _refuse_observe(policy)
            _refuse_tie(own, before)
            self._target.refuse_policy(policy)
        except InexactError as error:
            return refused(own, error)
        return self._target.translate(policy, own, before)

    def _plan(self) -> Plan:
        objects = [rendered for rank in self._order for rendered in self._judged[rank[2]].objects]
        return Plan(
            dialect=self.dialect,
            objects=(*self._built_in, *objects),
            policies=tuple([self._judged[policy_id].plan for policy_id in self._names]),
        )


def _target(dialect: Dialect, facts: Facts, agent_namespace: str) -> Target:
    match dialect:
        case Dialect.CALICO:
            return Calico(facts, agent_namespace)
        case Dialect.CILIUM:
            return Cilium(facts, agent_namespace)
        case Dialect.CILIUM_TIERS:
            return CiliumTiers(facts, agent_namespace)
        case Dialect.CLUSTER_NETWORK_POLICY:
            return Upstream(facts, agent_namespace)
        case Dialect.NETWORK_POLICY:
            return LocalPolicies(facts, agent_namespace)
        case _:
            assert_never(dialect)


def _refuse_observe(policy: PlacedPolicy) -> None:
    if policy.document.spec.mode is not Mode.ENFORCE:
        raise InexactError(
            Reason.OBSERVE, "the policy is only to be observed, and the dialect would enforce it", "set mode: Enforce"
        )


def _refuse_tie(own: Standing, before: Iterable[Standing]) -> None:
    for other in before:
        if (other.spec.tier, other.spec.priority) != (own.spec.tier, own.spec.priority):
            continue
        if any(_conflict(one, its) for one in own.rules for its in other.rules):
            raise InexactError(
                Reason.TIE,
                f"{other.id} has the same tier and priority {own.spec.priority} and may match the same connection",
                "give the policies different priorities",
            )


def _conflict(one: Matching, other: Matching) -> bool:
    return one.rule.action is not other.rule.action and one.meets(other)


def _is_stricter(rule: RuleFidelity) -> bool:
    return rule.fidelity is Fidelity.APPROXIMATE and rule.direction == "stricter"


_Rank: TypeAlias = tuple[int, int, str]
_UNJUDGED = PolicyPlan(policy="", digest=Digest("0" * 64), refused=True, rules=())
"""Stands for what has become of a policy until it is judged."""


def _policy_plan(policy: PlacedPolicy, own: Standing, outcome: Outcome) -> PolicyPlan:
    told = {fidelity.rule: fidelity for fidelity in outcome.rules}
    places = [rule.rule.place for rule in own.rules]
    rules = tuple(told.get(place) or exact(place) for place in places)
    stricter = policy.document.spec.on_inexact is OnInexact.STRICTER
    first = next((rule for rule in rules if rule.code and not (stricter and _is_stricter(rule))), None)
    if outcome.refusal is not None:
        error = outcome.refusal
        code, reason, remedy = error.reason.code, error.what, error.remedy
    elif first is not None:
        code, reason, remedy = first.code, f"{first.rule}: {first.reason}", first.remedy
    else:
        objects = tuple(rendered.title for rendered in outcome.objects)
        return PolicyPlan(policy=policy.id, digest=policy.digest, refused=False, rules=rules, objects=objects)
    return PolicyPlan(
        policy=policy.id, digest=policy.digest, refused=True, rules=rules, code=code, reason=reason, remedy=remedy
    )
