"""One random cluster: what the engine makes of the translation, held against the reference, verdict by verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from edict.policy.fidelity import Fidelity
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.model import Action
from edict.policy.rules import Direction
from edict.policy.semantics import Step
from edict.policy.world import Flow
from edict_agent.translate import Facts, PlacedPolicy, Plan, PolicyPlan, translate
from tests.engines.engine import Engine, Scene
from tests.engines.fuzz.drawing import Drawn
from tests.engines.fuzz.flows import interesting
from tests.engines.fuzz.local import manifest
from tests.engines.fuzz.tally import Tally
from tests.engines.fuzz.worlds import cluster
from tests.engines.reference import Reference
from tests.engines.rows import Row

_CHECKED_WHOLE = 32
"""One flow of so many is asked of the reference with nothing left out."""


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
    asked = interesting([spec for _, spec in specs], one.local, here, one.die)
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
    tally.count_fidelity(one, plan)
    tally.count_rules(specs, matched)


def _of(plan: Plan, policy: PlacedPolicy) -> PolicyPlan:
    return next(one for one in plan.policies if one.policy == policy.id)


def _differ(direction: Direction, flow: Flow, steps: Sequence[Step], *, made: bool | None) -> str:
    words = {True: "allows", False: "denies", None: "knows no pod there for"}
    walked = [f"{step.action} by {step.stage} {step.policy} {step.rule}".rstrip() for step in steps]
    says = ", then ".join(walked) or "no pod there"
    return f"the engine {words[made]} {direction} of {flow}\nthe reference: {says}\n"


def _print(objects: Sequence[dict[str, Any]], facts: Facts) -> str:
    lines = [msgspec.json.encode(body).decode() for body in objects]
    return "\n".join([*lines, f"facts: {msgspec.json.encode(facts).decode()}"])
