"""In which order objects are written: what others stand on, the way out, what denies, the rest; removals last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edict.policy.lockout import WAY_OUT_ID
from edict_agent.kube import Resource
from edict_agent.kube.resources import (
    CILIUM_POLICY,
    GLOBAL_NETWORK_POLICY,
    GLOBAL_NETWORK_SET,
    TIER,
)
from edict_agent.reconcile.wanted import Wanted
from edict_agent.translate.dialect import Dialect

KINDS: Mapping[Dialect, tuple[Resource, ...]] = {
    Dialect.CILIUM: (CILIUM_POLICY,),
    Dialect.CALICO: (TIER, GLOBAL_NETWORK_SET, GLOBAL_NETWORK_POLICY),
}
"""The kinds of each dialect, in the order in which they are made."""

_DENIES = ("ingressDeny", "egressDeny")


def rank(wanted: Wanted) -> tuple[int, int]:
    """Return the sort key of an object that is to stand."""
    order = next(kinds.index(wanted.resource) for kinds in KINDS.values() if wanted.resource in kinds)
    if wanted.policy == WAY_OUT_ID:
        return (order, 0)
    return (order, 1 if denies(wanted.body) else 2)


def denies(body: Mapping[str, Any]) -> bool:
    """Tell whether an object denies anything by a rule of its own."""
    spec = body.get("spec") or {}
    if any(spec.get(field) for field in _DENIES):
        return True
    rules = [*(spec.get("ingress") or []), *(spec.get("egress") or [])]
    return any(isinstance(rule, Mapping) and rule.get("action") == "Deny" for rule in rules)
