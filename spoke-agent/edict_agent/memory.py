"""What the running agent knows: the verified release, what of it stands, and how both are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from edict import log
from edict.errors import DocumentError, EdictError, TrustError
from edict.ids import ClusterName, Digest
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.parse import load_one
from edict.trust import verify
from edict.trust.limits import UNLIMITED, limited
from edict.trust.receipts import FLOOR_CLEARED
from edict.trust.state import TrustState
from edict_agent.metrics import Metrics
from edict_agent.store.model import Verified
from edict_agent.store.secrets import StateStore
from edict_agent.sync.judge import Judged, select

_log = log.get("edict_agent.memory")
STAMPED_EVERY = timedelta(minutes=10)
"""How often a release is stored again that differs in its timestamp alone. A hub signs those as often as it likes, and
must not make the agent fill its cluster's own API server. What a crash can lose is a floor among timestamps of one
snapshot, which all say the same."""


class Memory:
    """The agent's knowledge. `judged` is None until a release has verified.

    `state` is what the next release is held against. It is that of `judged`, or further on: a verified root counts even
    where the rest of its release does not.
    """

    def __init__(self, store: StateStore, cluster: ClusterName, pinned: TrustState, *, metrics: Metrics) -> None:
        self.state = pinned
        self._pinned = pinned
        self.judged: Judged | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.on_root: Callable[[], None] = lambda: None
        """Called after another root was kept."""
        self._store = store
        self._cluster = cluster
        self._metrics = metrics
        self._blobs: dict[Digest, bytes] = {}
        self._stored: Judged | None = None

    @property
    def cluster(self) -> ClusterName:
        """The cluster's name."""
        return self._cluster

    @property
    def blobs(self) -> Mapping[Digest, bytes]:
        """Documents by digest: of the release, and of what stands."""
        return self._blobs

    @property
    def applied(self) -> Mapping[str, Digest]:
        """The document that stands, by policy id."""
        return self._store.head.applied

    @property
    def ended(self) -> frozenset[Digest]:
        """Digests of waivers that have ended here, whatever the clock says now."""
        return frozenset(self._store.head.ended)

    @property
    def floor_lost(self) -> str:
        """When the floors were lost; empty when they were not."""
        return self._store.head.floor_lost

    def restore(self, stored: Verified) -> bool:
        """Take up what was stored, verified again; tell whether it verifies."""
        try:
            accepted, trusted = stored.restore(self._pinned.root)
            judged = select(accepted, stored.blobs, self._cluster, stored.at) if accepted.release else None
        except EdictError as error:
            _log.error("stored release does not verify", code=error.code, error=str(error))
            return False
        self.state, self.judged, self._blobs, self._stored = trusted, judged, dict(stored.blobs), judged
        if judged is not None:
            self._told(judged)
        return True

    async def accept(self, judged: Judged) -> None:
        """Keep a verified release, then let it be enforced.

        Raises:
            AgentError: EDICT0558 or EDICT0559; it is not taken.
        """
        standing = {digest: self._blobs[digest] for digest in self.applied.values() if digest in self._blobs}
        blobs = {**standing, **judged.blobs}
        if not self._stored_well(judged, blobs):
            await self._store.save(Verified.of(judged.state, judged.state, blobs, judged.at))
            self._stored = judged
        self.judged, self._blobs = judged, blobs
        self._trust(judged.state)
        await self._clear(judged)
        self._told(judged)

    async def follow(self, roots: Sequence[bytes], now: datetime) -> None:
        """Keep the new roots of a release that was refused, as far as they verify.

        Raises:
            AgentError: EDICT0558 or EDICT0559; they are not taken.
        """
        trusted = await asyncio.to_thread(_followed, self.state, roots)
        if trusted.root_version == self.state.root_version:
            return
        accepted, at = (self.judged.state, self.judged.at) if self.judged else (self._pinned, now)
        await self._store.save(Verified.of(accepted, trusted, self._blobs, at))
        self._trust(trusted)
        _log.info("root followed", version=trusted.root_version)

    def _stored_well(self, judged: Judged, blobs: Mapping[Digest, bytes]) -> bool:
        """Tell whether all but the timestamp of a release is stored, and that not long ago."""
        if self._stored is None or abs(judged.at - self._stored.at) >= STAMPED_EVERY or blobs != self._blobs:
            return False
        before, now = self._stored.state, judged.state
        return (before.root, before.snapshot, before.targets) == (now.root, now.snapshot, now.targets)

    def _trust(self, state: TrustState) -> None:
        before, self.state = self.state, state
        if state.root != before.root:
            self.on_root()

    async def set_applied(self, applied: Mapping[str, Digest]) -> None:
        """Remember what stands."""
        if applied != self.applied:
            await self._store.set_applied(applied)

    async def set_ended(self, ended: frozenset[Digest]) -> None:
        """Remember which waivers of the release have ended."""
        if ended != self.ended:
            await self._store.set_ended(ended)

    async def lose_floor(self, since: str) -> None:
        """Remember that the floors are lost."""
        await self._store.set_floor_lost(since)
        self._metrics.floor_lost(state=True)

    def standing(self, policy: str) -> tuple[Digest, FederatedNetworkPolicy | None] | None:
        """Return the document of a policy that stands, within the limits that its team has now.

        The digest alone when it is beyond them; None when nothing stands, or it cannot be read any more.
        """
        digest = self.applied.get(policy)
        content = None if digest is None else self._blobs.get(digest)
        if digest is None or content is None:
            return None
        path = f"policies/{policy}"
        target = self.state.documents.get(path)
        try:
            document = load_one(content, policy)
            if not isinstance(document, FederatedNetworkPolicy):
                return None
            return digest, limited(document, target.limits if target else UNLIMITED, path)
        except DocumentError:
            return None
        except TrustError:
            return digest, None

    async def _clear(self, judged: Judged) -> None:
        since = self.floor_lost
        if since and judged.cluster and judged.cluster.metadata.annotations.get(FLOOR_CLEARED) == since:
            await self._store.set_floor_lost("")
            _log.info("lost floor cleared by an author", since=since)

    def _told(self, judged: Judged) -> None:
        self._metrics.verified(judged.state.release, judged.at, judged.state.expires)
        self._metrics.floor_lost(state=bool(self.floor_lost))
        self.on_change()


def _followed(state: TrustState, roots: Sequence[bytes]) -> TrustState:
    for root in verify.unknown(state, roots):
        try:
            state = verify.follow(state, [root])
        except TrustError:
            break
    return state
