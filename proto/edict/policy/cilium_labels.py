"""Which labels are part of an identity in Cilium: those that pass the filter of ``pkg/labelsfilter/filter.go``.

A selector on any other label matches nothing there, or with ``NotIn`` and ``DoesNotExist`` everything. The filter is
that of Cilium 1.20.2 without options; ``labels`` and ``label-prefix-file`` change it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from edict.policy.lockout import NAMESPACE_NAME

NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
"""What Cilium puts before the labels of a pod's namespace."""
POD_NAMESPACE = "io.kubernetes.pod.namespace"
"""The label by which Cilium knows the name of a pod's namespace."""
_OWN = "io.cilium.k8s"

_INCLUDED = tuple(
    re.compile(re.escape(prefix))
    for prefix in (
        POD_NAMESPACE,
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


@lru_cache(maxsize=65536)
def is_identity_label(key: str) -> bool:
    """Tell whether a label of source ``k8s`` is part of identity under Cilium's default filter.

    The longest inclusion must be longer than the shortest exclusion, as ``filterLabels`` has it.
    """
    ignored = min((found.end() for found in _found(_IGNORED, key)), default=0)
    included = max((found.end() for found in _found(_INCLUDED, key)), default=0)
    return ignored == 0 or included > ignored


def is_own_label(key: str) -> bool:
    """Tell whether Cilium gives a pod's label of this key a value of its own."""
    return key.startswith(_OWN) or key == POD_NAMESPACE


def sees_namespace_label(key: str) -> bool:
    """Tell whether pods can be told apart by a label of their namespace."""
    return key == NAMESPACE_NAME or is_identity_label(NAMESPACE_LABELS + key)


def sees_pod_label(key: str) -> bool:
    """Tell whether pods can be told apart by a label of theirs."""
    return is_identity_label(key) and not is_own_label(key)


def _found(patterns: tuple[re.Pattern[str], ...], key: str) -> list[re.Match[str]]:
    return [found for pattern in patterns if (found := pattern.match(key)) is not None]
