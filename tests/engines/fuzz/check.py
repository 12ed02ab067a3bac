"""One random cluster: what the engine makes of the translation, held against the reference, verdict by verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
from hypothesis import strategies as st

from edict.policy.fidelity import Fidelity
from edict.policy.local import NetworkPolicy
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.model import Action, Tier
from edict.policy.rules import Direction, rules_of
from edict.policy.semantics import Step
from edict.policy.world import Flow
from edict_agent.translate import Facts, PlacedPolicy, Plan, PolicyPlan, translate
from tests.engines.engine import Engine, Scene
from tests.engines.fuzz.flows import interesting
from tests.engines.fuzz.local import local_policies, manifest
from tests.engines.fuzz.policies import placed_policies
from tests.engines.fuzz.worlds import NODE_CIDRS, POD_CIDRS, WORLDS, cluster
from tests.engines.reference import Reference
from tests.engines.rows import Row

_CHECKED_WHOLE = 32
"""One flow of so many is asked of the reference with nothing left out."""

_COMMON = st.sampled_from((True, True, False))
_CLUSTERS = st.integers(0, WORLDS - 1)
_POLICIES = {common: placed_policies(whole=not common) for common in (True, False)}
_LOCAL = local_policies()
_SELDOM = st.sampled_from((False, False, False, True))
_DICE = st.integers(0, 2**16)


@dataclass(frozen=True)
class Drawn:
    """What is drawn: a cluster by its number, policies, the cluster's own, what is known, and the die for flows."""

    common: bool
    cluster: int
    policies: list[PlacedPolicy]
    local: list[NetworkPolicy]
    pod_cidrs: tuple[str, ...] | None
    node_cidrs: tuple[str, ...] | None
    die: int


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    """Draw one; two of three are of common policies, where the facts are known."""
    common = draw(_COMMON)
    return Drawn(
        common=common,
        cluster=draw(_CLUSTERS),
        policies=draw(_POLICIES[common]),
        local=draw(_LOCAL),
        pod_cidrs=None if not common and draw(_SELDOM) else POD_CIDRS,
        node_cidrs=None if not common and draw(_SELDOM) else NODE_CIDRS,
        die=draw(_DICE),
    )


@dataclass
class Tally:
    """What a run has seen so far; ``admin`` and ``rules`` are of policies, common and kept ones."""

    worlds: int = 0
    verdicts: int = 0
    allowed: int = 0
    admin: int = 0
    admin_exact: int = 0
    rules: int = 0
    rules_deciding: int = 0
    stricter: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    objects: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    def shares(self) -> dict[str, float]:
        """Return the shares that a run owes."""
        return {
            "exact": self.admin_exact / max(self.admin, 1),
            "deciding": self.rules_deciding / max(self.rules, 1),
            "allow": self.allowed / max(self.verdicts, 1),
            "deny": 1 - self.allowed / max(self.verdicts, 1),
        }

    def outcomes(self) -> str:
        """Return what became of the common policies, by code."""
        return ", ".join(f"{code} {number}" for code, number in self.codes.most_common())


class MismatchError(AssertionError):
    """The engine and the reference do not agree."""


def check(row: Row, engine: Engine, one: Drawn, tally: Tally) -> None:
    """Ask both about one cluster.

    Raises:
        MismatchError: they differ where everything kept is exact, or the engine is looser where something is stricter.
    """
    here = cluster(one.cluster)
    facts = row.facts(here.world, one.pod_cidrs, one.node_cidrs)
    plan = translate(row.dialect, one.policies, facts, DEFAULT_AGENT_NAMESPACE)
    kept = [policy for policy in one.policies if not _of(plan, policy).refused]
    specs = [(policy.id, policy.document.spec.policy) for policy in kept]
    asked = interesting([spec for _, spec in specs], one.local, here, Random(one.die))
    flows = [flow for flow in asked if flow.protocol not in row.dropped]
    objects = [rendered.body for rendered in plan.objects]
    manifests = [manifest(policy) for policy in one.local]
    answer = engine.judge(Scene((), objects, manifests, world=here.world, options=row.options), flows)
    if answer.rejected:
        raise MismatchError(f"the engine rejects {answer.rejected}\n{_print(objects, facts)}")
    exact = all(rule.fidelity is Fidelity.EXACT for policy in kept for rule in _of(plan, policy).rules)
    reference = Reference(specs, one.local, here.world)
    matched: set[tuple[str, str]] = set()
    for index, (flow, verdict) in enumerate(zip(flows, answer.verdicts, strict=True)):
        for direction, made in ((Direction.EGRESS, verdict.egress), (Direction.INGRESS, verdict.ingress)):
            steps = [step for step in reference.walk(direction, flow) if step.matched]
            if index % _CHECKED_WHOLE == 0:
                whole = [step for step in reference.walk_all(direction, flow) if step.matched]
                assert steps == whole, f"what the reference leaves out matters: {flow}"
            allows = steps[-1].action is Action.ACCEPT if steps else None
            if made != allows and (exact or made or None in {made, allows}):
                raise MismatchError(_differ(direction, flow, steps, made=made) + _print([*objects, *manifests], facts))
            if allows is not None:
                matched.update((step.policy, step.rule) for step in steps)
                tally.verdicts += 1
                tally.allowed += allows
    tally.worlds += 1
    tally.stricter += not exact
    _count(tally, one, plan, specs, matched)
    for body in objects:
        tally.objects.setdefault(msgspec.json.encode(body, order="sorted"), body)


def _of(plan: Plan, policy: PlacedPolicy) -> PolicyPlan:
    return next(one for one in plan.policies if one.policy == policy.id)


def _count(
    tally: Tally, one: Drawn, plan: Plan, specs: Sequence[tuple[str, Any]], matched: set[tuple[str, str]]
) -> None:
    places = [(policy, rule.place) for policy, spec in specs for rule in rules_of(spec)]
    tally.rules += len(places)
    tally.rules_deciding += sum(place in matched for place in places)
    for policy in one.policies:
        outcome = _of(plan, policy)
        if one.common:
            tally.codes[outcome.code or "exact"] += 1
        if one.common and policy.document.spec.policy.tier is Tier.ADMIN:
            tally.admin += 1
            tally.admin_exact += not outcome.refused and all(rule.fidelity is Fidelity.EXACT for rule in outcome.rules)


def _differ(direction: Direction, flow: Flow, steps: Sequence[Step], *, made: bool | None) -> str:
    words = {True: "allows", False: "denies", None: "knows no pod there for"}
    walked = [f"{step.action} by {step.stage} {step.policy} {step.rule}".rstrip() for step in steps]
    says = ", then ".join(walked) or "no pod there"
    return f"the engine {words[made]} {direction} of {flow}\nthe reference: {says}\n"


def _print(objects: Sequence[dict[str, Any]], facts: Facts) -> str:
    lines = [msgspec.json.encode(body).decode() for body in objects]
    return "\n".join([*lines, f"facts: {msgspec.json.encode(facts).decode()}"])
