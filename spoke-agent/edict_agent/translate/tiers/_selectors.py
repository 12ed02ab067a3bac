"""Sets of pods as upstream selectors that mean in Cilium these pods and nothing else.

``namespaces`` is never used: with ``NotIn`` and ``DoesNotExist`` alone it also matches whatever is no pod. Every
selector asks for a label of the namespace, for Cilium adds that only where nothing is asked of namespaces. What
upstream has no word for, Cilium finds by labels that it gives to pods itself and takes from nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.model import LabelSelectorRequirement, Operator
from edict.policy.space.labels import ACCOUNT, CLUSTER, EVERY_POD, Labels, Owner, Values
from edict_agent.translate.cilium import check_peer, check_subject, is_there, remote_selector
from edict_agent.translate.facts import Facts
from edict_agent.translate.plan import Body

_SOURCE = "io.cilium.k8s.policy."
_CLUSTER = f"{_SOURCE}cluster"
_ACCOUNT = f"{_SOURCE}serviceaccount"
_POSITIVE = frozenset({Operator.IN, Operator.EXISTS})


def subject_body(subject: Labels, facts: Facts) -> Body:
    """Return a subject.

    Raises:
        InexactError: a label that Cilium does not know.
    """
    check_subject(subject, facts)
    return _pods(subject)


def pods_bodies(local: Iterable[Labels], remote: Iterable[Labels], facts: Facts) -> Iterator[Body]:
    """Yield peers: pods of this cluster, and those of other clusters of the mesh.

    Raises:
        InexactError: a label that Cilium does not know, or this cluster's own name is needed and unknown.
    """
    here = list(dict.fromkeys(local))
    there = [labels for labels in dict.fromkeys(remote) if is_there(labels, facts)]
    if EVERY_POD in here and EVERY_POD in there:
        yield _pods(EVERY_POD, [LabelSelectorRequirement(_CLUSTER, Operator.EXISTS)])
        return
    for labels in here:
        check_peer(labels, facts)
        yield _pods(labels)
    for labels in there:
        remote_selector(labels, facts)
        own = Values(frozenset({facts.cluster_name}), others=True, absent=False)
        yield _pods(labels, (labels.terms.get(CLUSTER, own) & own).requirements(_CLUSTER))


def _pods(labels: Labels, more: Iterable[LabelSelectorRequirement] = ()) -> Body:
    spaces = labels.asked(Owner.NAMESPACE)
    if spaces and not any(one.operator in _POSITIVE for one in spaces):
        spaces.insert(0, LabelSelectorRequirement(NAMESPACE_NAME, Operator.EXISTS))
    accounts = [LabelSelectorRequirement(_ACCOUNT, one.operator, one.values) for one in labels.requirements(ACCOUNT)]
    own = [*labels.asked(Owner.POD), *accounts, *more]
    return {"pods": {"namespaceSelector": _selector(spaces), "podSelector": _selector(own)}}


def _selector(requirements: list[LabelSelectorRequirement]) -> Body:
    """Return a selector as a person would write it: one value under ``matchLabels``, where the key is asked once."""
    asked: set[str] = set()
    again: set[str] = set()
    for one in requirements:
        (again if one.key in asked else asked).add(one.key)
    plain = {
        one.key: one.values[0]
        for one in requirements
        if one.operator is Operator.IN and len(one.values) == 1 and one.key not in again
    }
    body: Body = {"matchLabels": plain} if plain else {}
    if rest := [_expression(one) for one in requirements if one.key not in plain]:
        body["matchExpressions"] = rest
    return body


def _expression(requirement: LabelSelectorRequirement) -> Body:
    body: Body = {"key": requirement.key, "operator": str(requirement.operator)}
    if requirement.values:
        body["values"] = list(requirement.values)
    return body
