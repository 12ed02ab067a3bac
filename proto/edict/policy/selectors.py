"""Does a label selector match a set of labels (``metav1.LabelSelector`` semantics)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from edict.policy.model import LabelSelector, LabelSelectorRequirement, Operator


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether every requirement holds for the labels; an empty selector matches everything."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def _holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case Operator.IN:
            return value is not None and value in requirement.values
        case Operator.NOT_IN:
            return value is None or value not in requirement.values
        case Operator.EXISTS:
            return value is not None
        case Operator.DOES_NOT_EXIST:
            return value is None
        case _:
            assert_never(requirement.operator)
