"""Label selectors as Cilium's endpoint selectors: pods of the local cluster, never anything reserved.

Every selector says that the label of the pod's namespace exists. Cilium adds that by itself only where the key is
not mentioned (``getEndpointSelector``), so that ``NotIn`` on the namespace alone would match the world outside.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from edict.policy.model import (
    LabelSelector,
    LabelSelectorRequirement,
    NamespacedPod,
    Operator,
    Subject,
)
from edict_agent.translate.cilium._labels import CLUSTER, NAMESPACE, namespace_key, pod_key
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import Body

_LOCAL_SINCE = (1, 19)
"""From here on selectors mean the local cluster unless they say otherwise."""


def subject_selector(subject: Subject, facts: Facts, *, without_namespace: str = "") -> Body:
    """Return the endpoint selector of a subject, less the pods of one namespace if it is given."""
    body = _selector(_pods_of(subject), facts)
    if without_namespace:
        body["matchExpressions"].append({"key": NAMESPACE, "operator": "NotIn", "values": [without_namespace]})
    return body


def peer_selector(pods: NamespacedPod, facts: Facts) -> Body:
    """Return the endpoint selector of a peer: pods of this cluster alone, also in a mesh."""
    body = _selector(pods, facts)
    version = facts.version
    local = facts.enabled("policy-default-local-cluster", default=version is not None and version >= _LOCAL_SINCE)
    if not local:
        if not facts.cluster_name:
            raise InexactError(
                Reason.PLUGIN_OPTION,
                "Cilium's selectors match other clusters of a mesh here, and this cluster's name is not known",
                "set policy-default-local-cluster, or give the fact clusterName",
            )
        body["matchLabels"] = {CLUSTER: facts.cluster_name}
    return body


def everyone_selector() -> Body:
    """Return the selector of every pod of every cluster of the mesh."""
    return {"matchExpressions": [_exists(NAMESPACE), _exists(CLUSTER)]}


def _selector(pods: NamespacedPod, facts: Facts) -> Body:
    found = [
        *((namespace_key(one.key, facts), one) for one in _requirements(pods.namespace_selector)),
        *((pod_key(one.key, facts), one) for one in _requirements(pods.pod_selector)),
    ]
    return {"matchExpressions": [_exists(NAMESPACE), *(_expression(key, one) for key, one in found)]}


def _pods_of(subject: Subject) -> NamespacedPod:
    if subject.pods is not UNSET:
        return subject.pods
    if subject.namespaces is UNSET:
        raise InexactError(Reason.PEER, "the subject is of an unknown kind")
    return NamespacedPod(pod_selector=LabelSelector(), namespace_selector=subject.namespaces)


def _requirements(selector: LabelSelector) -> Iterable[LabelSelectorRequirement]:
    for key in sorted(selector.match_labels):
        yield LabelSelectorRequirement(key=key, operator=Operator.IN, values=(selector.match_labels[key],))
    yield from selector.match_expressions


def _expression(key: str, requirement: LabelSelectorRequirement) -> Body:
    body: Body = {"key": key, "operator": str(requirement.operator)}
    if requirement.values:
        body["values"] = sorted(requirement.values)
    return body


def _exists(key: str) -> Body:
    return {"key": key, "operator": "Exists"}
