"""Names of objects: ``edict.<team>.<name>``. A policy is one object, so that it changes as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from edict.policy.lockout import WAY_OUT_NAME, WAY_OUT_TEAM
from edict_agent.translate.objects import render
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject

API_VERSION = "cilium.io/v2"
KIND = "CiliumClusterwideNetworkPolicy"


def render_policy(policy: PlacedPolicy | None, specs: Sequence[Body]) -> RenderedObject:
    """Return the object of a policy, or of the built-in one. Team and name hold no dots, so names are unique."""
    team, name = (WAY_OUT_TEAM, WAY_OUT_NAME) if policy is None else (policy.team, policy.name)
    return render(API_VERSION, KIND, f"edict.{team}.{name}", specs[0] if len(specs) == 1 else specs, policy=policy)
