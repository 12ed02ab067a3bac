"""Label selectors in Calico's selector language.

Every selector asks for ``projectcalico.org/orchestrator == 'k8s'``, which only pods have: without it
``!has(x)`` and ``not in`` would also match NetworkSets and host endpoints.

A namespace's name is matched by ``projectcalico.org/namespace``, which Calico sets itself. Its other labels are
inherited by its pods under the prefix ``pcns.``. No pod can forge them: Calico's syncer drops a pod's own labels
under ``pcns.`` and ``pcsa.`` (``updateprocessors/workloadendpointprocessor.go``), so that such a label of a pod cannot
be selected by either.
"""

from __future__ import annotations

from collections.abc import Iterator

from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.model import LabelSelector, LabelSelectorRequirement, NamespacedPod, Operator
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import Body

MAX_SELECTOR = 1024
"""Characters; the cap of Calico 3.33."""
_PODS = "projectcalico.org/orchestrator == 'k8s'"
_NAMESPACE = "projectcalico.org/namespace"
_OWN = "projectcalico.org/"
_INHERITED = ("pcns.", "pcsa.")
"""Prefixes of what pods inherit from their namespace and their service account."""
_MAX_PREFIX = 253 - len(_INHERITED[0])


def entity(pods: NamespacedPod) -> Body:
    """Return ``selector`` and, where labels of namespaces count, ``namespaceSelector``."""
    terms = [_PODS]
    namespace_terms = []
    for requirement in requirements(pods.namespace_selector):
        if requirement.key == NAMESPACE_NAME:
            terms.append(_expression(_NAMESPACE, requirement))
        else:
            namespace_terms.append(_expression(_inherited(requirement.key), requirement))
    terms += [_expression(_own(requirement.key), requirement) for requirement in requirements(pods.pod_selector)]
    body = {"selector": _all(terms)}
    if namespace_terms:
        body["namespaceSelector"] = _all(namespace_terms)
    return body


def requirements(selector: LabelSelector) -> Iterator[LabelSelectorRequirement]:
    """Yield a selector's requirements in a stable order, ``matchLabels`` as ``In`` with one value."""
    for key in sorted(selector.match_labels):
        yield LabelSelectorRequirement(key=key, operator=Operator.IN, values=(selector.match_labels[key],))
    yield from selector.match_expressions


def _expression(key: str, requirement: LabelSelectorRequirement) -> str:
    match requirement.operator:
        case Operator.IN if len(requirement.values) == 1:
            return f"{key} == '{requirement.values[0]}'"
        case Operator.IN:
            return f"{key} in {{{_values(requirement)}}}"
        case Operator.NOT_IN if len(requirement.values) == 1:
            return f"{key} != '{requirement.values[0]}'"
        case Operator.NOT_IN:
            return f"{key} not in {{{_values(requirement)}}}"
        case Operator.EXISTS:
            return f"has({key})"
        case Operator.DOES_NOT_EXIST:
            return f"!has({key})"


def _values(requirement: LabelSelectorRequirement) -> str:
    return ", ".join(f"'{value}'" for value in sorted(requirement.values))


def _foreign(key: str) -> str:
    """Return a key that Calico leaves alone; its own keys do not hold what the cluster's labels say."""
    if key.startswith(_OWN):
        raise InexactError(Reason.LABEL, f"Calico gives the label {key} a value of its own", "use another label")
    return key


def _inherited(key: str) -> str:
    """Return a key of a namespace that its pods inherit: Calico drops what is no label key behind its prefix."""
    prefix, _, _ = key.rpartition("/")
    if len(prefix) > _MAX_PREFIX:
        raise InexactError(
            Reason.LABEL,
            f"the label {key} is too long for Calico, which puts {_INHERITED[0]} before it and then drops it",
            "use a label with a shorter prefix",
        )
    return _foreign(key)


def _own(key: str) -> str:
    """Return a key that Calico leaves alone on pods."""
    if key.startswith(_INHERITED):
        raise InexactError(Reason.LABEL, f"Calico drops the label {key} from pods", "use another label")
    return _foreign(key)


def _all(terms: list[str]) -> str:
    selector = " && ".join(terms)
    if len(selector) > MAX_SELECTOR:
        raise InexactError(
            Reason.TOO_LARGE,
            f"the selector has {len(selector)} characters in Calico, more than {MAX_SELECTOR}",
            "split the policy, or give the namespaces a common label",
        )
    return selector
