"""Which namespaces a subject has pods in, and whether one subject lies inside another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import UNSET

from edict.policy.model import LabelSelector, LabelSelectorRequirement, NamespacedPod, Operator, Subject
from edict.policy.selectors import matches
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.overlap import selectors_may_meet

_OPPOSITE = {
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
    Operator.EXISTS: Operator.DOES_NOT_EXIST,
    Operator.DOES_NOT_EXIST: Operator.EXISTS,
}


def pods_of(subject: Subject) -> NamespacedPod:
    """Return a subject as pods.

    Raises:
        InexactError: it is of an unknown kind.
    """
    if subject.pods is not UNSET:
        return subject.pods
    if subject.namespaces is UNSET:
        raise InexactError(Reason.PEER, "the subject is of an unknown kind")
    return NamespacedPod(pod_selector=LabelSelector(), namespace_selector=subject.namespaces)


def namespaces_of(pods: NamespacedPod, namespaces: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the names of the selected namespaces, in order."""
    return [name for name in sorted(namespaces) if matches(pods.namespace_selector, namespaces[name])]


def inside(part: NamespacedPod, whole: NamespacedPod) -> bool:
    """Tell whether every pod that one selects is selected by the other, whatever its labels are."""
    return _implies(part.namespace_selector, whole.namespace_selector) and _implies(
        part.pod_selector, whole.pod_selector
    )


def _implies(one: LabelSelector, other: LabelSelector) -> bool:
    """Tell whether labels that one selector selects are always selected by the other: it meets no opposite."""
    return not any(selectors_may_meet(one, opposite) for opposite in _opposites(other))


def _opposites(selector: LabelSelector) -> Iterator[LabelSelector]:
    for key, value in selector.match_labels.items():
        yield _only(LabelSelectorRequirement(key, Operator.NOT_IN, (value,)))
    for requirement in selector.match_expressions:
        opposite = _OPPOSITE[requirement.operator]
        yield _only(LabelSelectorRequirement(requirement.key, opposite, requirement.values))


def _only(requirement: LabelSelectorRequirement) -> LabelSelector:
    return LabelSelector(match_expressions=(requirement,))
