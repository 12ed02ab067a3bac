"""What the plugin says of an object: pure, from its status. Silence is ``unobservable``, never ``yes``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from edict_agent.kube import Live, Resource
from edict_agent.kube.resources import CILIUM_POLICY, TIER

Accepted: TypeAlias = Literal["yes", "no", "unobservable"]
_CONDITIONS = {CILIUM_POLICY.plural: "Valid", TIER.plural: "Ready"}
"""The condition by which each kind's own controller answers (Cilium's operator; Calico 3.31 and later)."""


def acceptance(resource: Resource, live: Live | None) -> tuple[Accepted, str]:
    """Return the answer and, with ``no``, the plugin's own words."""
    wanted = _CONDITIONS.get(resource.plural)
    for condition in ((live or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == wanted:
            if condition.get("status") == "True":
                return "yes", ""
            if condition.get("status") == "False":
                return "no", str(condition.get("message") or condition.get("reason") or "")
    return "unobservable", ""


def together(answers: Iterable[Accepted]) -> Accepted:
    """Return what several answers come to: one ``no`` decides, ``yes`` needs all of at least one."""
    seen = set(answers)
    if "no" in seen:
        return "no"
    return "yes" if seen == {"yes"} else "unobservable"
