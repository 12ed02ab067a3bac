"""Can two label selectors select one thing: asked of placements where no inventory says what there is."""

from __future__ import annotations

from collections import defaultdict

from edict.policy.model import LabelSelector, LabelSelectorRequirement, Operator


def common_labels(*selectors: LabelSelector) -> dict[str, str] | None:
    """Return labels that every selector matches, the fewest that do; None when there are none."""
    wanted: dict[str, list[LabelSelectorRequirement]] = defaultdict(list)
    for selector in selectors:
        for key, value in selector.match_labels.items():
            wanted[key].append(LabelSelectorRequirement(key=key, operator=Operator.IN, values=(value,)))
        for requirement in selector.match_expressions:
            wanted[requirement.key].append(requirement)
    labels: dict[str, str] = {}
    for key, requirements in wanted.items():
        if not any(requirement.operator in {Operator.IN, Operator.EXISTS} for requirement in requirements):
            continue  # the label need not be there, which NotIn and DoesNotExist both match
        shared = _value(requirements)
        if shared is None:
            return None
        labels[key] = shared
    return labels


def _value(requirements: list[LabelSelectorRequirement]) -> str | None:
    """Return a value that fulfils every requirement on a label that must be there."""
    if any(requirement.operator is Operator.DOES_NOT_EXIST for requirement in requirements):
        return None
    allowed = [set(each.values) for each in requirements if each.operator is Operator.IN]
    refused = {value for each in requirements if each.operator is Operator.NOT_IN for value in each.values}
    if allowed:
        return min(set.intersection(*allowed) - refused, default=None)
    return next(str(number) for number in range(len(refused) + 1) if str(number) not in refused)
