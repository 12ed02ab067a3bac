"""When a waiver counts: judged by every reader, at every moment, from the signed copy and the limits of its role.

Nobody can prove when a waiver was signed. Its length is therefore counted from the moment at which it is to count: one
that ends more than the allowed days from now does not count now, whenever it was signed. Renewing is signing anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from edict.errors import TrustError
from edict.trust.codes import Code
from edict.trust.custom import WaiverCustom
from edict.trust.limits import Limits
from edict.trust.state import Target


def has_ended(waiver: WaiverCustom, now: datetime) -> bool:
    """Tell whether a waiver has ended by itself."""
    return now >= waiver.expires


def beyond_limits(waiver: WaiverCustom, limits: Limits, path: str, now: datetime) -> TrustError | None:
    """Return EDICT0215 for a waiver that its role may not give, or not for so long; None for one within its limits.

    Args:
        waiver: the signed copy.
        limits: of the role that signed it.
        path: where it stands.
        now: the moment at which it is to count.
    """
    if limits.policies is not None and not any(_covers(pattern, waiver.policy) for pattern in limits.policies):
        return TrustError(
            Code.BEYOND_LIMITS,
            f"it waives {waiver.policy}, and its signers may waive {', '.join(limits.policies)} alone",
            where=path,
            remedy="waive another policy, or have the targets role widen the limits of waivers",
        )
    begins = counts_from(waiver, limits)
    if begins is not None and now < begins:
        return TrustError(
            Code.BEYOND_LIMITS,
            f"it ends at {waiver.expires:%Y-%m-%d %H:%M %Z}, more than {limits.max_days} days from now",
            where=path,
            remedy="let it end sooner, and sign it anew before it ends",
        )
    return None


def counts_from(waiver: WaiverCustom, limits: Limits) -> datetime | None:
    """Return the first moment at which the limit of days lets a waiver count; None where days are not limited."""
    return None if limits.max_days is None else waiver.expires - timedelta(days=limits.max_days)


def waived_at(targets: Iterable[Target], then: datetime) -> frozenset[str]:
    """Return the policies (``team/name``) of which something is waived at a moment, of the targets of one cluster.

    Whether a waiver already counted is left open: a clock that is behind by minutes must not make a liar.
    """
    return frozenset(
        target.custom.policy
        for target in targets
        if isinstance(target.custom, WaiverCustom) and not has_ended(target.custom, then)
    )


def _covers(pattern: str, policy: str) -> bool:
    team, _, name = pattern.partition("/")
    return policy == pattern or (name == "*" and policy.partition("/")[0] == team)
