"""Label syntax and selectors, by the rules of Kubernetes (``apimachinery/pkg/util/validation``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import assert_never

from edict.policy._failing import Place
from edict.policy.codes import Code
from edict.policy.model import LabelSelector, LabelSelectorRequirement, NamespacedPod, Operator

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_PREFIX = 253


def is_label_key(key: str) -> bool:
    """Tell whether a string is a qualified name: an optional DNS subdomain and a slash, a name of at most 63."""
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > _MAX_PREFIX or _SUBDOMAIN.fullmatch(prefix) is None):
        return False
    return _NAME.fullmatch(name) is not None


def is_label_value(value: str) -> bool:
    """Tell whether a string is empty or a name of at most 63 characters."""
    return value == "" or _NAME.fullmatch(value) is not None


def check_labels(labels: Mapping[str, str], place: Place) -> None:
    """Check a map of labels."""
    for key, value in labels.items():
        _check_key(key, place.child(key))
        _check_value(value, place.child(key))


def check_annotations(annotations: Mapping[str, str], place: Place) -> None:
    """Check a map of annotations: their keys; Kubernetes leaves the values free."""
    for key in annotations:
        _check_key(key, place.child(key))


def check_selector(selector: LabelSelector, place: Place) -> None:
    """Check a label selector."""
    check_labels(selector.match_labels, place.child("matchLabels"))
    for index, requirement in enumerate(selector.match_expressions):
        _check_requirement(requirement, place.child("matchExpressions").item(index))


def check_pods(pods: NamespacedPod, place: Place) -> None:
    """Check a pair of namespace selector and pod selector."""
    check_selector(pods.namespace_selector, place.child("namespaceSelector"))
    check_selector(pods.pod_selector, place.child("podSelector"))


def _check_requirement(requirement: LabelSelectorRequirement, place: Place) -> None:
    _check_key(requirement.key, place.child("key"))
    match requirement.operator:
        case Operator.IN | Operator.NOT_IN:
            if not requirement.values:
                place.fail(
                    Code.SELECTOR,
                    f"{requirement.operator} needs values",
                    "add values, or use Exists or DoesNotExist",
                )
        case Operator.EXISTS | Operator.DOES_NOT_EXIST:
            if requirement.values:
                place.child("values").fail(
                    Code.SELECTOR,
                    f"{requirement.operator} takes no values",
                    "remove values, or use In or NotIn",
                )
        case _:
            assert_never(requirement.operator)
    place.child("values").unique(requirement.values)
    for index, value in enumerate(requirement.values):
        _check_value(value, place.child("values").item(index))


def _check_key(key: str, place: Place) -> None:
    if not is_label_key(key):
        place.fail(
            Code.SELECTOR,
            f"{key!r} is no label key",
            "write [prefix/]name: the prefix a DNS subdomain, the name at most 63 of A-Z a-z 0-9 - _ .",
        )


def _check_value(value: str, place: Place) -> None:
    if not is_label_value(value):
        place.fail(
            Code.SELECTOR,
            f"{value!r} is no label value",
            "write at most 63 of A-Z a-z 0-9 - _ . that begin and end with a letter or a digit",
        )
