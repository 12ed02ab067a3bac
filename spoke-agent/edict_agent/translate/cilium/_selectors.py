"""Sets of pods as Cilium's endpoint selectors: pods of the local cluster, never anything reserved.

Every selector says that the label of the pod's namespace exists. Cilium adds that by itself only where the key is
not mentioned (``getEndpointSelector``), so that ``NotIn`` on the namespace alone would match the world outside.
"""

from __future__ import annotations

from collections.abc import Callable

from edict.policy.model import LabelSelectorRequirement
from edict.policy.space.labels import ACCOUNT, Labels, Owner, Values
from edict.policy.space.labels import CLUSTER as OTHER_CLUSTER
from edict_agent.translate.cilium._labels import (
    CLUSTER,
    NAMESPACE,
    SERVICE_ACCOUNT,
    check_accounts,
    namespace_key,
    pod_key,
)
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import Body

_LOCAL_SINCE = (1, 19)
"""From here on selectors mean the local cluster unless they say otherwise."""


def subject_selector(subject: Labels, facts: Facts) -> Body:
    """Return the endpoint selector of a subject.

    Raises:
        InexactError: a label that Cilium does not know.
    """
    return {"matchExpressions": _expressions(subject, facts)}


def check_subject(subject: Labels, facts: Facts) -> None:
    """Refuse what :func:`subject_selector` refuses, without making it.

    Raises:
        InexactError: a label that Cilium does not know.
    """
    for key in sorted(subject.terms):
        if key.owner in _FOUND_BY:
            _FOUND_BY[key.owner](key.name, facts)
    for requirement in subject.requirements(ACCOUNT):
        check_accounts(requirement.values)


def check_peer(pods: Labels, facts: Facts) -> None:
    """Refuse what :func:`peer_selector` refuses, without making it.

    Raises:
        InexactError: a label that Cilium does not know, or the cluster's name is needed and unknown.
    """
    check_subject(pods, facts)
    if not _is_local(facts):
        own_name(facts)


def peer_selector(pods: Labels, facts: Facts) -> Body:
    """Return the endpoint selector of a peer: pods of this cluster alone, also in a mesh.

    Raises:
        InexactError: a label that Cilium does not know, or the cluster's name is needed and unknown.
    """
    body: Body = {"matchExpressions": _expressions(pods, facts)}
    if not _is_local(facts):
        body["matchLabels"] = {CLUSTER: own_name(facts)}
    return body


def remote_selector(pods: Labels, facts: Facts) -> Body:
    """Return the endpoint selector of pods of other clusters of the mesh.

    Raises:
        InexactError: a label that Cilium does not know, or the cluster's own name is needed and unknown.
    """
    others = Values(frozenset({own_name(facts)}), others=True, absent=False)
    clusters = pods.terms.get(OTHER_CLUSTER, others) & others
    expressions = [expression(CLUSTER, one) for one in clusters.requirements(CLUSTER)]
    return {"matchExpressions": [*_expressions(pods, facts), *expressions]}


def everyone_selector() -> Body:
    """Return the selector of every pod of every cluster of the mesh."""
    return {"matchExpressions": [exists(NAMESPACE), exists(CLUSTER)]}


def _is_local(facts: Facts) -> bool:
    """Tell whether selectors mean the local cluster unless they say otherwise."""
    version = facts.version
    return facts.enabled("policy-default-local-cluster", default=version is not None and version >= _LOCAL_SINCE)


def _expressions(pods: Labels, facts: Facts) -> list[Body]:
    found = [exists(NAMESPACE)]
    for key in sorted(pods.terms):
        if key.owner in _FOUND_BY:
            name = _FOUND_BY[key.owner](key.name, facts)
            found += [expression(name, requirement) for requirement in pods.requirements(key)]
    for requirement in pods.requirements(ACCOUNT):
        check_accounts(requirement.values)
        found.append(expression(SERVICE_ACCOUNT, requirement))
    return found


_FOUND_BY: dict[Owner, Callable[[str, Facts], str]] = {Owner.NAMESPACE: namespace_key, Owner.POD: pod_key}


def own_name(facts: Facts) -> str:
    """Return the name of this cluster.

    Raises:
        InexactError: it is not known.
    """
    if not facts.cluster_name:
        raise InexactError(
            Reason.PLUGIN_OPTION,
            "Cilium's selectors match other clusters of a mesh here, and this cluster's name is not known",
            "set policy-default-local-cluster, or give the fact clusterName",
        )
    return facts.cluster_name


def expression(key: str, requirement: LabelSelectorRequirement) -> Body:
    """Return a requirement of what is found by a key of Cilium's."""
    body: Body = {"key": key, "operator": str(requirement.operator)}
    if requirement.values:
        body["values"] = sorted(requirement.values)
    return body


def exists(key: str) -> Body:
    """Return the requirement that a key is there."""
    return {"key": key, "operator": "Exists"}
