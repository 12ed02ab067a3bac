"""What translation makes of policies, as text and as data, and which facts it lacked. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from edict.errors import printable
from edict.ids import digest_of
from edict.policy.checks import PolicySource
from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.policy.model import EgressPeer
from edict.policy.parse import plain_yaml, to_yaml
from edict_agent.translate import Dialect, Facts, PlacedPolicy, Plan, PolicyPlan, translate

_ASKED: Mapping[str, Collection[Dialect]] = {
    "egress_peers": {Dialect.CLUSTER_NETWORK_POLICY},
    "namespaces": {Dialect.NETWORK_POLICY},
}
"""The facts that only some dialects ask for."""
_ASSUMED: Mapping[str, object] = {
    "pod_cidrs": (),
    "node_cidrs": (),
    "plugin_version": "1000.0",
    "cluster_name": "this-cluster",
    "egress_peers": tuple(field.encode_name for field in msgspec.structs.fields(EgressPeer)),
    "namespaces": {},
}
"""For each fact that may be unknown, the value that keeps no rule from being exact."""


class RulePreview(msgspec.Struct, frozen=True):
    """One rule of one policy; ``direction``, ``code`` and ``reason`` are empty where it is exact."""

    policy: str
    rule: str
    fidelity: Fidelity
    direction: str
    code: str
    reason: str


class Preview(msgspec.Struct, frozen=True):
    """What ``-o json`` prints: the manifests as they would be applied, and every rule."""

    dialect: Dialect
    objects: tuple[dict[str, Any], ...]
    rules: tuple[RulePreview, ...]


def placed(source: PolicySource) -> PlacedPolicy:
    """Return a policy as if it were signed by its team and placed on the cluster."""
    document = source.document
    return PlacedPolicy(source.team, document.metadata.name, digest_of(to_yaml(document)), document)


def preview(plan: Plan) -> Preview:
    """Return the plan as data."""
    rules = (
        RulePreview(policy.policy, rule.rule, rule.fidelity, rule.direction, rule.code, rule.reason)
        for policy in plan.policies
        for rule in policy.rules
    )
    return Preview(plan.dialect, tuple(rendered.body for rendered in plan.objects), tuple(rules))


def as_yaml(plan: Plan) -> str:
    """Return the objects as one YAML stream that kubectl takes; above a policy's first object stand its rules."""
    policies = {policy.policy: policy for policy in plan.policies}
    drawn = {rendered.policy for rendered in plan.objects}
    parts = ["".join(_comments([_headline(plan), *_without_objects(plan, drawn)]))]
    for owner, group in groupby(plan.objects, key=lambda rendered: rendered.policy):
        said = _rules(policies[owner]) if owner in policies else iter([f"{owner}: belongs to no policy"])
        for rendered in group:
            parts.append("".join(_comments(said)) + plain_yaml(rendered.body).decode())
            said = iter(())
    return "---\n".join(parts)


def exact(plan: Plan) -> int:
    """Return how many rules are exact."""
    return sum(rule.fidelity is Fidelity.EXACT for policy in plan.policies for rule in policy.rules)


def total(plan: Plan) -> int:
    """Return how many rules there are."""
    return sum(len(policy.rules) for policy in plan.policies)


def lacking(plan: Plan, policies: Sequence[PlacedPolicy], facts: Facts, agent_namespace: str) -> tuple[list[str], int]:
    """Return the unknown facts that keep rules of a plan from being exact, by their names in a file, and how many.

    It translates again as if they were known and met no rule: with all of them, and with all but each.
    """
    now = exact(plan)
    names = {field.name: field.encode_name for field in msgspec.structs.fields(Facts)}
    asked = {name: value for name, value in _ASSUMED.items() if plan.dialect in _ASKED.get(name, Dialect)}
    unknown = {name: value for name, value in asked.items() if getattr(facts, name) in (None, "")}
    if now == total(plan) or not unknown:
        return [], 0

    def count(assumed: Mapping[str, object]) -> int:
        return exact(translate(plan.dialect, policies, msgspec.structs.replace(facts, **assumed), agent_namespace))

    best = count(unknown)
    if best <= now:
        return [], 0
    needed = [name for name in unknown if count({key: value for key, value in unknown.items() if key != name}) < best]
    return [names[name] for name in needed], best - now


def _headline(plan: Plan) -> str:
    return f"dialect {plan.dialect}: {exact(plan)} of {total(plan)} rules are exact"


def _without_objects(plan: Plan, drawn: set[str]) -> Iterator[str]:
    for policy in plan.policies:
        if policy.policy not in drawn:
            yield from _rules(policy)


def _rules(policy: PolicyPlan) -> Iterator[str]:
    if policy.refused:
        yield f"{policy.policy}: refused as a whole {_why(policy.code, policy.reason, policy.remedy)}"
    elif not policy.objects:
        yield f"{policy.policy}: needs no object"
    for rule in policy.rules:
        yield f"{policy.policy} {rule.rule}: {_fidelity(rule, policy)}"


def _fidelity(rule: RuleFidelity, policy: PolicyPlan) -> str:
    """Return what is said of a rule; why it is not exact only where it is not what was said of the whole policy."""
    if rule.fidelity is Fidelity.EXACT:
        return rule.fidelity.value
    which = f"{rule.fidelity} ({rule.direction})" if rule.direction else rule.fidelity.value
    if policy.refused and (rule.code, rule.reason) == (policy.code, policy.reason):
        return f"{which} {rule.code}"
    return f"{which} {_why(rule.code, rule.reason, rule.remedy)}"


def _why(code: str, reason: str, remedy: str) -> str:
    return f"{code}: {reason}." + (f" Try: {remedy}" if remedy else "")


def _comments(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    return (f"# {printable(line)}\n" for line in lines)
