"""In which order objects are written: what others stand on, the way out, what denies, the rest; removals last.

NetworkPolicies deny by allowing nothing, and what they allow adds up, so there it is the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edict.policy.lockout import WAY_OUT_ID
from edict_agent.kube import Resource
from edict_agent.kube.resources import (
    CILIUM_POLICY,
    CLUSTER_NETWORK_POLICY,
    GLOBAL_NETWORK_POLICY,
    GLOBAL_NETWORK_SET,
    NETWORK_POLICY,
    TIER,
)
from edict_agent.reconcile.wanted import Wanted
from edict_agent.translate.dialect import Dialect

KINDS: Mapping[Dialect, tuple[Resource, ...]] = {
    Dialect.CILIUM_TIERS: (CLUSTER_NETWORK_POLICY, CILIUM_POLICY),
    Dialect.CILIUM: (CILIUM_POLICY,),
    Dialect.CALICO: (TIER, GLOBAL_NETWORK_SET, GLOBAL_NETWORK_POLICY),
    Dialect.CLUSTER_NETWORK_POLICY: (CLUSTER_NETWORK_POLICY,),
    Dialect.NETWORK_POLICY: (NETWORK_POLICY,),
}
"""The kinds of each dialect, in the order in which they are made."""

_DENIES = ("ingressDeny", "egressDeny")


def rank(wanted: Wanted) -> tuple[int, int]:
    """Return the sort key of an object that is to stand."""
    order = next(kinds.index(wanted.resource) for kinds in KINDS.values() if wanted.resource in kinds)
    if wanted.policy == WAY_OUT_ID:
        return (order, 0)
    if wanted.resource == NETWORK_POLICY:
        return (order, 2 if isolates(wanted.body) else 1)
    return (order, 1 if denies(wanted.body) else 2)


def removal_rank(resource: str, live: Mapping[str, Any]) -> int:
    """Return the sort key of an object, by its plural, that is to go: what isolates goes before what allows."""
    return 0 if resource == NETWORK_POLICY.plural and isolates(live) else 1


def isolates(body: Mapping[str, Any]) -> bool:
    """Tell whether a NetworkPolicy allows nothing: written last and removed first, it never cuts what others allow."""
    spec = body.get("spec") or {}
    return not spec.get("ingress") and not spec.get("egress")


def denies(body: Mapping[str, Any]) -> bool:
    """Tell whether an object denies anything by a rule of its own."""
    return any(_denies(spec) for spec in body.get("specs") or [body.get("spec") or {}])


def _denies(spec: Mapping[str, Any]) -> bool:
    if any(spec.get(field) for field in _DENIES):
        return True
    rules = [*(spec.get("ingress") or []), *(spec.get("egress") or [])]
    return any(isinstance(rule, Mapping) and rule.get("action") == "Deny" for rule in rules)
