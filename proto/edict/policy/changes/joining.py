"""Fewer regions that are the same together: those that differ in one respect alone are united."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from edict.policy.changes.regions import Region
from edict.policy.space.addresses import Addresses
from edict.policy.space.labels import EVERY_POD
from edict.policy.space.protocols import Spoken

_UNITED: tuple[tuple[str, Any, Callable[[Any, Any], Any]], ...] = (
    ("spoken", Spoken(), Spoken.__or__),
    ("addresses", Addresses(), Addresses.__or__),
    ("kinds", frozenset(), frozenset.__or__),
)


def joined(regions: Sequence[Region]) -> list[Region]:
    """Return fewer regions that are the same together, in the order in which they were first met."""
    left = list(regions)
    while True:
        before = len(left)
        for name, nothing, unite in _UNITED:
            left = _joined(left, name, nothing, unite)
        if len(left) == before:
            return left


def _joined(regions: Iterable[Region], name: str, nothing: Any, unite: Callable[[Any, Any], Any]) -> list[Region]:
    found: dict[object, Region] = {}
    for region in regions:
        alone = name == "kinds" and region.labels != EVERY_POD  # labels are of one kind
        key = region if alone else (replace(region, **{name: nothing}), name)
        held = found.get(key)
        if held is None:
            found[key] = region
        else:
            found[key] = replace(held, **{name: unite(getattr(held, name), getattr(region, name))})
    return list(found.values())
