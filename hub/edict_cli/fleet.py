"""The whole fleet: what the hub relays, judged cluster by cluster from receipts, and what it found wrong in itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from edict.errors import EdictError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.receipts import PolicyState
from edict.trust.state import TrustState
from edict_cli import inventory
from edict_cli.conformance import ClusterView
from edict_cli.evidence import clusters_of, evaluate, moment
from edict_cli.store import seen as seen_store
from edict_cli.store.workspace import Workspace

OK, FINDINGS, PARTIAL = 0, 1, 3


class FaultView(msgspec.Struct, frozen=True):
    """Something that the hub found wrong in its own store and refuses to relay."""

    key: str
    code: str
    error: str
    since: datetime | None


class FleetView(msgspec.Struct, frozen=True, rename="camel"):
    """The fleet at one moment."""

    release: int
    expires: datetime | None
    replica: str
    clusters: tuple[ClusterView, ...]
    faults: tuple[FaultView, ...]

    @property
    def exit_code(self) -> int:
        """3 when some cluster is unknown, 1 when something is not compliant or the hub has a fault, else 0."""
        states = {cluster.state for cluster in self.clusters}
        if PolicyState.UNKNOWN in states:
            return PARTIAL
        return FINDINGS if states - {PolicyState.COMPLIANT} or self.faults else OK


class Fleet:
    """What the hub has relayed so far.

    Args:
        workspace: remembers where each receipt chain ended.
        only: the clusters that are asked for; empty is every one.
        stale_after: receipts older than this count as silence.
    """

    def __init__(self, workspace: Workspace, only: Sequence[ClusterName], stale_after: timedelta) -> None:
        self._workspace = workspace
        self._only = only
        self._stale_after = stale_after
        self._said: dict[str, pb.ClusterStatus] = {}
        self._last = pb.StatusResponse()
        self._seen_path = workspace.folder / "seen.json"
        self._seen = seen_store.load(self._seen_path)

    def take(self, response: pb.StatusResponse) -> None:
        """Take the whole status, or a change."""
        self._last = response
        self._said.update({status.name: status for status in response.clusters})

    def view(self, state: TrustState, trouble: EdictError | None = None) -> FleetView:
        """Judge everything against a verified release.

        Args:
            state: the newest that verifies.
            trouble: what does not verify of the hub's newest; shown among its faults.

        Raises:
            UsageError: EDICT0611 when a cluster that was asked for is not in the inventory.
        """
        views = tuple(self._judged(state, name) for name in self._names(state))
        return FleetView(
            release=state.release,
            expires=state.expires,
            replica=self._last.replica,
            clusters=views,
            faults=(*map(_fault, self._last.faults), *self._troubles(trouble)),
        )

    def _troubles(self, trouble: EdictError | None) -> tuple[FaultView, ...]:
        if trouble is None:
            return ()
        return (FaultView(trouble.where, trouble.code, trouble.what, self._workspace.session.now()),)

    def _names(self, state: TrustState) -> list[ClusterName]:
        known = clusters_of(state)
        for name in self._only:
            if name not in known:
                raise inventory.unknown(name)
        strangers = {ClusterName(name) for name in self._said} - known.keys()
        return list(self._only) or sorted(known.keys() | strangers)

    def _judged(self, state: TrustState, name: ClusterName) -> ClusterView:
        view, newest = evaluate(
            state,
            name,
            self._said.get(name, pb.ClusterStatus(name=name)),
            now=self._workspace.session.now(),
            stale_after=self._stale_after,
            seen=self._seen.get(name),
        )
        if newest is not None and newest != self._seen.get(name):
            self._seen[name] = newest
            seen_store.store(self._seen_path, self._seen)
        return view


def _fault(fault: pb.Fault) -> FaultView:
    return FaultView(fault.key, fault.error_code, fault.error, moment(fault.since_unix))
