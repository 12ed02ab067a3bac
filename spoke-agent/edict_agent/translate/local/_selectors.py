"""Which namespaces a subject has pods in."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from edict.policy.model import LabelSelector, NamespacedPod, Subject
from edict.policy.selectors import matches
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError


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
