"""One case held against the reference, and against the engine of one dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from edict.policy.fidelity import Fidelity
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.model import Action
from edict.policy.rules import Direction
from edict_agent.translate import Facts, PlacedPolicy, Plan, translate
from tests.engines.cases.table import TEAM, Case, Codes, Departure, Ends
from tests.engines.cases.world import NODE_CIDRS, POD_CIDRS, WORLD, flow
from tests.engines.engine import Answer, Engine, Scene, Verdict
from tests.engines.reference import Reference
from tests.engines.rows import Row


def faults_of_reference(case: Case) -> Iterator[str]:
    """Yield where the reference does not say what the case says."""
    meant = _meant(case, case.placed())
    for text, ends in case.flows.items():
        if meant[text] != _written(text, ends):
            yield f"{case.name}: {text}: the reference says {meant[text]}, the case {ends}"


def faults(case: Case, row: Row, engine: Engine) -> Iterator[str]:
    """Yield where a dialect or its engine does not say what the case says.

    Refused policies are left out of the reference; where one is stricter the engine may deny what the case allows.
    """
    plan = plan_of(case, row)
    refused, stricter = _outcomes(plan)
    for what, said, made in (("refused", case.refused, refused), ("stricter", case.stricter, stricter)):
        expected = _by_policy(case, said.get(row.dialect, {}))
        if made != expected:
            yield f"{case.name}: {row.dialect}: {what} {made}, the case says {expected}: {_reasons(plan)}"
    kept = [policy for policy in case.placed() if policy.id.removeprefix(f"{TEAM}/") not in refused]
    meant = _meant(case, kept)
    answer = _ask(case, plan, row, engine)
    if answer.rejected:
        yield f"{case.name}: {row.dialect}: rejected {answer.rejected}"
    for (text, wanted), verdict in zip(meant.items(), answer.verdicts, strict=True):
        if flow(text).protocol in row.dropped:
            continue
        if not (_is_stricter(verdict, wanted) if stricter else verdict == wanted):
            yield f"{case.name}: {row.dialect}: {text}: the engine says {verdict}, meant is {wanted}\n{_print(plan)}"


def faults_of_departure(one: Departure, engine: Engine) -> Iterator[str]:
    """Yield where the plugin does not do what is said of it: what was worked around may then be said plainly."""
    yield from _faults_of_objects(one, one.plugin, engine, one.options)


def faults_of_specification(one: Departure, upstream: Engine) -> Iterator[str]:
    """Yield where upstream's own evaluator does not do as the specification is said to; it reads upstream's kinds."""
    if {body["kind"] for body in one.objects} <= {"ClusterNetworkPolicy", "NetworkPolicy"}:
        yield from _faults_of_objects(one, one.specification, upstream, {})


def _faults_of_objects(
    one: Departure, said: Mapping[str, Ends], engine: Engine, options: Mapping[str, str]
) -> Iterator[str]:
    answer = engine.judge(Scene((), one.objects, world=WORLD, options=options), [flow(text) for text in said])
    if answer.rejected:
        yield f"{one.name}: rejected {answer.rejected}"
    for (text, ends), verdict in zip(said.items(), answer.verdicts, strict=True):
        if verdict != _written(text, ends):
            yield f"{one.name}: {text}: the engine says {verdict}, it was said to {ends}"


def plan_of(case: Case, row: Row) -> Plan:
    """Return what the case becomes in a dialect."""
    known: dict[str, Any] = msgspec.to_builtins(row.facts(WORLD, POD_CIDRS, NODE_CIDRS))
    options = {**known.pop("options"), **case.options, **case.facts.get("options", {})}
    facts = msgspec.convert({**known, **case.facts, "options": options}, Facts)
    return translate(row.dialect, case.placed(), facts, DEFAULT_AGENT_NAMESPACE)


def _ask(case: Case, plan: Plan, row: Row, engine: Engine) -> Answer:
    objects = [rendered.body for rendered in plan.objects]
    scene = Scene((), objects, case.manifests(), world=WORLD, options={**row.options, **case.options})
    return engine.judge(scene, [flow(text) for text in case.flows])


def _meant(case: Case, policies: list[PlacedPolicy]) -> dict[str, Verdict]:
    specs = [(policy.id, policy.document.spec.policy) for policy in policies]
    reference = Reference(specs, case.network_policies(), WORLD)

    def says(direction: Direction, text: str) -> bool | None:
        steps = reference.walk(direction, flow(text))
        return steps[-1].action is Action.ACCEPT if steps else None

    return {text: Verdict(says(Direction.EGRESS, text), says(Direction.INGRESS, text)) for text in case.flows}


def _written(text: str, ends: Ends) -> Verdict:
    asked = flow(text)
    local = [pod is not None and not pod.cluster for pod in map(WORLD.pod_at, (asked.source, asked.destination))]
    words = ends.split("/") if "/" in ends else [ends, "allow"] if local[0] else ["allow", ends]
    egress, ingress = (word == "allow" if pod else None for word, pod in zip(words, local, strict=True))
    return Verdict(egress, ingress)


def _outcomes(plan: Plan) -> tuple[dict[str, str], dict[str, str]]:
    refused = {one.policy.removeprefix(f"{TEAM}/"): one.code for one in plan.policies if one.refused}
    stricter = {
        one.policy.removeprefix(f"{TEAM}/"): rule.code
        for one in plan.policies
        if not one.refused
        for rule in one.rules
        if rule.fidelity is not Fidelity.EXACT
    }
    return refused, stricter


def _by_policy(case: Case, codes: Codes) -> Mapping[str, str]:
    if not isinstance(codes, str):
        return codes
    (only,) = case.placed()
    return {only.name: codes}


def _is_stricter(made: Verdict, meant: Verdict) -> bool:
    return all(
        one == other or (one is False and other is True)
        for one, other in ((made.egress, meant.egress), (made.ingress, meant.ingress))
    )


def _reasons(plan: Plan) -> str:
    return "; ".join(
        f"{one.policy}: {rule.rule} {rule.code} {rule.reason}"
        for one in plan.policies
        for rule in one.rules
        if rule.code
    )


def _print(plan: Plan) -> str:
    return "\n".join(msgspec.json.encode(rendered.body).decode() for rendered in plan.objects)
