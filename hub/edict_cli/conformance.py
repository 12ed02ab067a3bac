"""How policies stand on clusters: what `edict status` and `edict get` show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec

from edict.policy.fidelity import RuleFidelity
from edict.trust.receipts import PolicyReport, PolicyState

WORST_FIRST = (
    PolicyState.UNKNOWN,
    PolicyState.DEGRADED,
    PolicyState.DRIFTED,
    PolicyState.STALE,
    PolicyState.PENDING,
    PolicyState.WAIVED,
    PolicyState.COMPLIANT,
)


class Seen(msgspec.Struct, frozen=True):
    """The newest receipt of a cluster that this workspace has verified: the chain may not end before it again."""

    key: str
    sequence: int
    digest: str


class PolicyView(msgspec.Struct, frozen=True, rename="camel"):
    """One policy on one cluster."""

    policy: str
    state: PolicyState
    accepted: str = ""
    objects: int = 0
    reverts: int = 0
    code: str = ""
    reason: str = ""
    document: str = ""
    rules: tuple[RuleFidelity, ...] = ()


class ClusterView(msgspec.Struct, frozen=True, rename="camel"):
    """One cluster. ``lastSeen``, ``connected`` and the ban are the hub's word; all else is signed.

    Attributes:
        expires: when the release that it enforces ends.
        stale: that has passed: it is enforced further, and nobody can say what came after it.
        floor_lost: since when the cluster no longer knows what it had verified before; empty where it knows.
        missing: the receipts before the newest base that are lost, such as ``41-55``.
    """

    cluster: str
    state: PolicyState
    release: int = 0
    behind: int = 0
    dialect: str = ""
    plugin_version: str = ""
    agent_version: str = ""
    sequence: int = 0
    signed_at: datetime | None = None
    expires: datetime | None = None
    stale: bool = False
    floor_lost: str = ""
    missing: str = ""
    last_seen: datetime | None = None
    connected: bool = False
    banned: bool = False
    ban_reason: str = ""
    code: str = ""
    reason: str = ""
    policies: tuple[PolicyView, ...] = ()


def rollup(view: ClusterView) -> str:
    """Return ``Degraded 1 · Compliant 4``, the worst first, after what holds for the cluster as a whole."""
    marks = [word for word, holds in (("FloorLost", view.floor_lost), ("Stale", view.stale)) if holds]
    found = counted(view.policies)
    return " · ".join([*marks, *([found] if found else [])]) or view.state.value


def counted(policies: Iterable[PolicyView | PolicyReport]) -> str:
    """Return how many policies are in which state, the worst first; empty where there is no policy."""
    counts = Counter(policy.state for policy in policies)
    return " · ".join(f"{state} {counts[state]}" for state in WORST_FIRST if counts[state])
