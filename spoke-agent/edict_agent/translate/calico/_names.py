"""Names and tiers. Calico's validator allows one dot in the name of a policy, behind the name of its tier."""

from __future__ import annotations

from edict.policy.model import Tier
from edict_agent.translate.objects import render
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject

API_VERSION = "projectcalico.org/v3"
TIERS = {Tier.ADMIN: "edict-admin", Tier.BASELINE: "edict-baseline"}
TIER_ORDERS = {Tier.ADMIN: 500, Tier.BASELINE: 9_000_000}
"""Before ``adminnetworkpolicy`` (1000); behind ``default`` (1000000), before ``baselineadminnetworkpolicy``."""
_TIER_LABEL = "projectcalico.org/tier"


def policy_name(tier: Tier, team: str, name: str) -> str:
    """Return ``<tier>.<team>-<name>-<length of team>``.

    Up to 3.31 the name must begin with the tier and may hold no other dot. Team and name may hold hyphens, so
    the length of the team stands behind them: it says where to cut, and no two policies share a name.
    """
    return f"{TIERS[tier]}.{team}-{name}-{len(team)}"


def tier_objects() -> tuple[RenderedObject, ...]:
    """Return both tiers; what none of their rules decides passes on, as upstream's tiers have it."""
    return tuple(
        render(API_VERSION, "Tier", TIERS[tier], {"order": TIER_ORDERS[tier], "defaultAction": "Pass"})
        for tier in (Tier.ADMIN, Tier.BASELINE)
    )


def policy_object(name: str, tier: Tier, order: int, spec: Body, policy: PlacedPolicy | None) -> RenderedObject:
    """Return a GlobalNetworkPolicy with its tier and order said explicitly."""
    return render(
        API_VERSION,
        "GlobalNetworkPolicy",
        name,
        {"tier": TIERS[tier], "order": order} | spec,
        policy=policy,
        labels={_TIER_LABEL: TIERS[tier]},
    )
