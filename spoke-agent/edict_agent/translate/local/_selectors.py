"""Which namespaces a subject has pods in."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.model import LabelSelector, NamespacedPod, Subject
from edict.policy.selectors import matches
from edict.policy.space.labels import NAMESPACE, Labels
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


class Namespaces:
    """The namespaces of a cluster, also by the label that holds their name: few subjects are about all of them.

    Args:
        labels: those of every namespace, by its name.
    """

    def __init__(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        self._labels = labels
        self._all = sorted(labels)
        self._labelled: dict[str, list[str]] = {}
        for name in self._all:
            self._labelled.setdefault(labels[name].get(NAMESPACE_NAME, ""), []).append(name)

    def of(self, pods: NamespacedPod, subject: Labels) -> list[str]:
        """Return the names of those that pods, whose labels are a subject's, are selected in, in order."""
        asked = subject.terms.get(NAMESPACE)
        if asked is None or asked.others:
            names = self._all
        else:
            names = sorted(name for value in asked.listed for name in self._labelled.get(value, ()))
        return [name for name in names if matches(pods.namespace_selector, self._labels[name])]
