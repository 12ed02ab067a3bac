"""What a cluster's newest receipt says of time: whether its release has expired, its memory is whole, its chain too.

Pure. All of it is signed by the cluster: a hub that holds a cluster back on an old release is seen by what the cluster
itself says, held against the newest release that this workspace knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from edict.errors import TrustError
from edict.trust.codes import Code as Trust
from edict.trust.receipts import Evidence, PolicyState
from edict.trust.state import TrustState
from edict_cli.conformance import WORST_FIRST, ClusterView


def dated(view: ClusterView, evidence: Evidence, state: TrustState, now: datetime) -> ClusterView:
    """Return a view with what the newest receipt says of time.

    Args:
        view: of the cluster.
        evidence: its verified chain.
        state: the newest verified release.
        now: wall time, UTC.

    Raises:
        TrustError: EDICT0209 when the cluster has another end for the release that is known here.
    """
    head = evidence.head
    known = state.expires if head.release == state.release else None
    if known is not None and head.snapshot_expires not in {None, known}:
        raise TrustError(
            Trust.SPLIT_VIEW,
            f"its release {head.release} is not the one that is known here: the hub shows different ones",
        )
    expires = head.snapshot_expires or known
    return msgspec.structs.replace(
        view,
        expires=expires,
        stale=expires is not None and expires <= now,
        floor_lost=head.floor_lost,
        missing=", ".join(f"{first}-{last}" for first, last in evidence.gaps),
    )


def state_of(view: ClusterView, policies: Iterable[PolicyState]) -> PolicyState:
    """Return the state of a cluster: the worst of its policies, and of what holds for all of them."""
    found = [PolicyState.COMPLIANT, *policies]
    if view.floor_lost:
        found.append(PolicyState.DEGRADED)
    if view.stale:
        found.append(PolicyState.STALE)
    return min(found, key=WORST_FIRST.index)


def reasons(view: ClusterView) -> str:
    """Return what is to be said of a cluster as a whole, in one line; empty where there is nothing."""
    said = []
    if view.behind:
        said.append(f"behind by {view.behind}")
    if view.stale and view.expires is not None:
        said.append(
            f"Stale: release {view.release} expired at {view.expires:%Y-%m-%d %H:%M} UTC and is enforced further"
        )
    if view.floor_lost:
        said.append(f"FloorLost since {view.floor_lost}: find out why, then `edict cluster clear-floor {view.cluster}`")
    if view.missing:
        said.append(f"receipts {view.missing} are missing")
    return "; ".join(said)
