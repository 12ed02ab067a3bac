"""From placed policies to a plan: what every dialect shares, then the dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.policy.lockout import WAY_OUT_ID
from edict.policy.model import Mode, OnInexact
from edict.policy.rules import PlacedRule, rules_of
from edict_agent.translate.calico import Calico
from edict_agent.translate.cilium import Cilium
from edict_agent.translate.codes import Reason
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, exact, unsupported
from edict_agent.translate.local import LocalPolicies
from edict_agent.translate.overlap import rules_may_meet
from edict_agent.translate.plan import PlacedPolicy, Plan, PolicyPlan, RenderedObject
from edict_agent.translate.target import Outcome, Target
from edict_agent.translate.upstream import Upstream


def translate(dialect: Dialect, policies: Sequence[PlacedPolicy], facts: Facts, agent_namespace: str) -> Plan:
    """Translate the policies that are placed on one cluster.

    Policies are judged tier by tier in the dialect's order and there by precedence, each against those before it that
    are not refused. The plan depends on the set of policies alone, not on their order in the argument.

    Args:
        dialect: what the cluster speaks, by :func:`edict_agent.translate.choose_dialect`.
        policies: verified and validated documents that select the cluster, each id once.
        facts: what is known about the cluster.
        agent_namespace: the namespace of the agent, whose way out is kept.

    Raises:
        ValueError: an id stands twice, so that the caller has mixed two releases, or is the built-in one's.
    """
    ordered = sorted(policies, key=lambda policy: _precedence(dialect, policy))
    ids = {WAY_OUT_ID, *(policy.id for policy in ordered)}
    if len(ids) != len(ordered) + 1:
        msg = "a policy stands twice among the placed policies, or has the name of the built-in one"
        raise ValueError(msg)
    target = _target(dialect, facts, agent_namespace)
    kept: list[PlacedPolicy] = []
    plans: list[PolicyPlan] = []
    objects: list[RenderedObject] = list(target.built_in())
    for policy in ordered:
        outcome = _judge(target, policy, kept, facts)
        plan = _plan(policy, outcome)
        plans.append(plan)
        if not plan.refused:
            kept.append(policy)
            objects.extend(outcome.objects)
    return Plan(dialect=dialect, objects=tuple(objects), policies=tuple(sorted(plans, key=lambda plan: plan.policy)))


def _precedence(dialect: Dialect, policy: PlacedPolicy) -> tuple[int, int, str]:
    spec = policy.document.spec.policy
    return (dialect.tiers.index(spec.tier), spec.priority, policy.id)


def _target(dialect: Dialect, facts: Facts, agent_namespace: str) -> Target:
    match dialect:
        case Dialect.CALICO:
            return Calico(facts, agent_namespace)
        case Dialect.CILIUM:
            return Cilium(facts, agent_namespace)
        case Dialect.CLUSTER_NETWORK_POLICY:
            return Upstream(facts, agent_namespace)
        case Dialect.NETWORK_POLICY:
            return LocalPolicies(facts, agent_namespace)
        case _:
            assert_never(dialect)


def _judge(target: Target, policy: PlacedPolicy, kept: Sequence[PlacedPolicy], facts: Facts) -> Outcome:
    """Return the dialect's outcome, unless the policy is refused before any dialect is asked."""
    try:
        _refuse_observe(policy)
        _refuse_tie(policy, kept, facts)
        target.refuse_policy(policy)
    except InexactError as error:
        rules = tuple(unsupported(rule.place, error) for rule in rules_of(policy.document.spec.policy))
        return Outcome(rules=rules, objects=(), refusal=error)
    return target.translate(policy, kept)


def _refuse_observe(policy: PlacedPolicy) -> None:
    if policy.document.spec.mode is not Mode.ENFORCE:
        raise InexactError(
            Reason.OBSERVE, "the policy is only to be observed, and the dialect would enforce it", "set mode: Enforce"
        )


def _refuse_tie(policy: PlacedPolicy, kept: Sequence[PlacedPolicy], facts: Facts) -> None:
    spec = policy.document.spec.policy
    for earlier in kept:
        other = earlier.document.spec.policy
        if (other.tier, other.priority) != (spec.tier, spec.priority):
            continue
        if any(_conflict(one, its, facts) for one in rules_of(spec) for its in rules_of(other)):
            raise InexactError(
                Reason.TIE,
                f"{earlier.id} has the same tier and priority {spec.priority} and may match the same connection",
                "give the policies different priorities",
            )


def _conflict(one: PlacedRule, other: PlacedRule, facts: Facts) -> bool:
    return one.action is not other.action and rules_may_meet(one, other, facts)


def _is_stricter(rule: RuleFidelity) -> bool:
    return rule.fidelity is Fidelity.APPROXIMATE and rule.direction == "stricter"


def _plan(policy: PlacedPolicy, outcome: Outcome) -> PolicyPlan:
    spec = policy.document.spec.policy
    places = [rule.place for rule in rules_of(spec)]
    told = {fidelity.rule: fidelity for fidelity in outcome.rules}
    rules = tuple(told.get(place, exact(place)) for place in places)
    stricter = policy.document.spec.on_inexact is OnInexact.STRICTER
    first = next((rule for rule in rules if rule.code and not (stricter and _is_stricter(rule))), None)
    if outcome.refusal is None and first is None:
        return PolicyPlan(
            policy=policy.id,
            digest=policy.digest,
            refused=False,
            rules=rules,
            objects=tuple(rendered.title for rendered in outcome.objects),
        )
    if outcome.refusal is not None:
        error = outcome.refusal
        code, reason, remedy = error.reason.code, error.what, error.remedy
    else:
        assert first is not None  # noqa: S101 - the other case returned above
        code, reason, remedy = first.code, f"{first.rule}: {first.reason}", first.remedy
    return PolicyPlan(
        policy=policy.id,
        digest=policy.digest,
        refused=True,
        rules=rules,
        code=code,
        reason=reason,
        remedy=remedy,
    )
