"""Which labels Cilium knows, and by what key a selector finds them.

An identity is made of the labels that pass Cilium's filter (``pkg/labelsfilter/filter.go``): a selector on any
other matches nothing, or with ``NotIn`` everything.
"""

from __future__ import annotations

import re

from edict.policy.lockout import NAMESPACE_NAME
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError

NAMESPACE = "k8s:io.kubernetes.pod.namespace"
"""The name of a pod's namespace; every pod's identity has it and no other identity does."""
CLUSTER = "k8s:io.cilium.k8s.policy.cluster"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_OWN = "io.cilium.k8s"
_MAX_NAME = 63

_INCLUDED = tuple(
    re.compile(re.escape(prefix))
    for prefix in (
        "io.kubernetes.pod.namespace",
        "io.cilium.k8s.namespace.labels",
        "app.kubernetes.io",
        "io.cilium.k8s.policy.cluster",
        "io.cilium.k8s.policy.serviceaccount",
    )
)
_IGNORED = tuple(
    re.compile(pattern)
    for pattern in (
        r"io\.kubernetes",
        r"kubernetes\.io",
        re.escape("statefulset.kubernetes.io/pod-name"),
        re.escape("apps.kubernetes.io/pod-index"),
        re.escape("batch.kubernetes.io/job-completion-index"),
        re.escape("batch.kubernetes.io/controller-uid"),
        r".*beta\.kubernetes\.io",
        r"k8s\.io",
        r"pod-template-generation",
        r"pod-template-hash",
        r"controller-revision-hash",
        r"controller-uid",
        r"annotation.*",
        r"etcd_node",
        r"topology\.kubernetes\.io",
    )
)
_FILTER_OPTIONS = ("labels", "label-prefix-file")


def namespace_key(key: str, facts: Facts) -> str:
    """Return the key by which Cilium finds a label of a namespace.

    Raises:
        InexactError: it cannot.
    """
    if key == NAMESPACE_NAME:
        return NAMESPACE
    return _source_key(_NAMESPACE_LABELS + key, key, facts)


def pod_key(key: str, facts: Facts) -> str:
    """Return the key by which Cilium finds a label of a pod.

    Raises:
        InexactError: it cannot.
    """
    if key.startswith(_OWN) or key == NAMESPACE.removeprefix("k8s:"):
        raise InexactError(Reason.LABEL, f"Cilium gives the label {key} a value of its own", "use another label")
    return _source_key(key, key, facts)


def is_identity_label(key: str) -> bool:
    """Tell whether a label of source ``k8s`` is part of identity under Cilium's default filter.

    The longest inclusion must be longer than the shortest exclusion, as ``filterLabels`` has it.
    """
    ignored = min((found.end() for found in _found(_IGNORED, key)), default=0)
    included = max((found.end() for found in _found(_INCLUDED, key)), default=0)
    return ignored == 0 or included > ignored


def _found(patterns: tuple[re.Pattern[str], ...], key: str) -> list[re.Match[str]]:
    return [found for pattern in patterns if (found := pattern.match(key)) is not None]


def _source_key(full: str, key: str, facts: Facts) -> str:
    for option in _FILTER_OPTIONS:
        if facts.options.get(option, "").strip():
            raise InexactError(
                Reason.PLUGIN_OPTION,
                f"Cilium's option {option} decides which labels count, and {key} may be left out",
                f"select namespaces by {NAMESPACE_NAME}",
            )
    if not is_identity_label(full):
        raise InexactError(
            Reason.LABEL,
            f"the label {key} is no part of identity in Cilium, so that a selector on it matches wrongly",
            "use a label of your own",
        )
    _, slash, name = full.rpartition("/")
    if not slash and len(name) > _MAX_NAME:
        raise InexactError(
            Reason.LABEL,
            f"the label {key} is too long for Cilium, which puts {_NAMESPACE_LABELS} before it",
            "use a shorter label, or one with a prefix",
        )
    return f"k8s:{full}"
