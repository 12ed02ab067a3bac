"""Subjects and label selectors by their upstream names."""

from __future__ import annotations

from msgspec import UNSET

from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.model import LabelSelector, LabelSelectorRequirement, NamespacedPod, Operator, Subject
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import Body


def upstream_subject(subject: Subject, *, without_namespace: str = "") -> Body:
    """Return a subject, less the pods of one namespace if it is given.

    Raises:
        InexactError: the subject is of a kind that upstream does not have.
    """
    if subject.pods is not UNSET:
        pods = subject.pods
        narrowed = NamespacedPod(pods.pod_selector, _without(pods.namespace_selector, without_namespace))
        return {"pods": pods_body(narrowed)}
    if subject.namespaces is UNSET:
        raise InexactError(Reason.PEER, "the subject is of an unknown kind")
    return {"namespaces": selector_body(_without(subject.namespaces, without_namespace))}


def pods_body(pods: NamespacedPod) -> Body:
    """Return what stands under ``pods``: both selectors, which upstream wants."""
    return {
        "namespaceSelector": selector_body(pods.namespace_selector),
        "podSelector": selector_body(pods.pod_selector),
    }


def selector_body(selector: LabelSelector) -> Body:
    """Return a selector as it is written, empty parts left out."""
    body: Body = {}
    if selector.match_labels:
        body["matchLabels"] = dict(sorted(selector.match_labels.items()))
    if selector.match_expressions:
        body["matchExpressions"] = [_expression(requirement) for requirement in selector.match_expressions]
    return body


def _expression(requirement: LabelSelectorRequirement) -> Body:
    body: Body = {"key": requirement.key, "operator": str(requirement.operator)}
    if requirement.values:
        body["values"] = list(requirement.values)
    return body


def _without(selector: LabelSelector, namespace: str) -> LabelSelector:
    if not namespace:
        return selector
    requirement = LabelSelectorRequirement(key=NAMESPACE_NAME, operator=Operator.NOT_IN, values=(namespace,))
    return LabelSelector(selector.match_labels, (*selector.match_expressions, requirement))
