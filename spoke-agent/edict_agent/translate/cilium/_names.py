"""Names of objects: ``edict.<team>.<name>``, and a suffix behind another dot where there are several."""

from __future__ import annotations

from edict.policy.lockout import WAY_OUT_NAME, WAY_OUT_TEAM
from edict_agent.translate.objects import render
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject

API_VERSION = "cilium.io/v2"
KIND = "CiliumClusterwideNetworkPolicy"


def render_policy(policy: PlacedPolicy | None, spec: Body, suffix: str = "") -> RenderedObject:
    """Return the object of a policy, or of the built-in one. Team and name hold no dots, so names are unique."""
    parts = ["edict", WAY_OUT_TEAM, WAY_OUT_NAME] if policy is None else ["edict", policy.team, policy.name]
    if suffix:
        parts.append(suffix)
    return render(API_VERSION, KIND, ".".join(parts), spec, policy=policy)
