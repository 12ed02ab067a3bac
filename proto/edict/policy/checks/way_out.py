"""Policies that try to deny the agent its way to the hub, DNS and the API server."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from edict.errors import DocumentError
from edict.policy.checks.found import Finding, PolicySource
from edict.policy.codes import Code
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE, NAMESPACE_NAME
from edict.policy.model import Action, LabelSelector, Operator, Subject, Tier
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict.policy.selectors import matches


def denies_way_out(
    policy: PolicySource,
    agent_namespace: str = DEFAULT_AGENT_NAMESPACE,
    namespace_labels: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Look for a policy that tries to deny the agent its way to the hub, DNS and the API server.

    The built-in Accept stands above it, so nothing is lost; but a policy that says so by name means something
    that will not happen, and is an error. One that selects the agent's namespace among many, without its name,
    is the normal default deny and nothing to speak of.

    Args:
        policy: the policy.
        agent_namespace: the namespace of the agents.
        namespace_labels: labels of that namespace beside its name, where they are known.

    Returns:
        A warning for each egress rule of a Baseline policy that denies the agent's namespace by name.

    Raises:
        DocumentError: EDICT0141; an Admin egress Deny selects the agent's namespace by name.
    """
    spec = policy.document.spec.policy
    labels = {**(namespace_labels or {}), NAMESPACE_NAME: agent_namespace}
    namespaces = _namespaces(spec.subject)
    if namespaces is None or not _names(namespaces, agent_namespace) or not matches(namespaces, labels):
        return []
    findings = []
    for rule in rules_of(spec):
        if not is_outward_deny(rule):
            continue
        where = policy.where(f"spec.policy.{rule.place}")
        if spec.tier is Tier.ADMIN:
            raise DocumentError(
                Code.DENIES_WAY_OUT,
                f"the rule would deny pods of {agent_namespace} their way out, and the built-in Accept forbids it",
                where=where,
                remedy=f"leave {agent_namespace} out of the subject, or publish with --allow-lockout",
            )
        findings.append(
            Finding(
                code=f"EDICT{Code.DENIES_WAY_OUT:04d}",
                where=where,
                what=f"the {rule.action} does not hold for {agent_namespace}, whose egress is always accepted",
                remedy=f"leave {agent_namespace} out of the subject",
            )
        )
    return findings


def is_outward_deny(rule: PlacedRule) -> bool:
    """Tell whether a rule is an egress Deny that may match the hub, an API server or DNS: anything but ICMP alone."""
    only_icmp = bool(rule.protocols) and all(protocol.icmp is not UNSET for protocol in rule.protocols)
    return rule.direction is Direction.EGRESS and rule.action is Action.DENY and not only_icmp


def _namespaces(subject: Subject) -> LabelSelector | None:
    if subject.namespaces is not UNSET:
        return subject.namespaces
    if subject.pods is not UNSET:
        return subject.pods.namespace_selector
    return None


def _names(selector: LabelSelector, namespace: str) -> bool:
    """Tell whether a selector asks for the namespace by its name."""
    return selector.match_labels.get(NAMESPACE_NAME) == namespace or any(
        requirement.key == NAMESPACE_NAME and requirement.operator is Operator.IN and namespace in requirement.values
        for requirement in selector.match_expressions
    )
