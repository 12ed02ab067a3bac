"""One loop that brings every agent to the release that is served, and waits for none of them.

Newest wins, one update in flight per agent. Agents that hold the same and need the same get the same bytes, which are
made once. A release that an agent rejected is not sent to it again until its content or its timestamp changes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from edict import log
from edict.clock import Clock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.placement import placed
from edict.trust.roles import SNAPSHOT
from edict.trust.state import Target
from edict_hub.codes import Code, unexpected
from edict_hub.have import Having, Update, compose, having, lacking, plausible
from edict_hub.relay import Relay
from edict_hub.session import Session

_log = log.get(__name__)
SWEEP_SECONDS = 1.0
RETRY_SECONDS = 1.0
YIELD_EVERY = 32
"""Agents served before the loop lets others run."""
MAX_MADE = 256
MAX_MADE_BYTES = 128 * 1024 * 1024
"""Bounds of the messages that are kept for the next agent that needs the same."""


class Fanout:
    """The sessions of this replica.

    Args:
        relay: what is served.
        clock: for time limits.
        max_agents: streams that this replica accepts.
    """

    def __init__(self, relay: Relay, clock: Clock, *, max_agents: int) -> None:
        self.sessions: dict[ClusterName, Session] = {}
        self._max_agents = max_agents
        self._relay = relay
        self._clock = clock
        self._dirty: dict[Session, None] = {}
        self._wake = asyncio.Event()
        self._made: OrderedDict[tuple[str, frozenset[str]], Update] = OrderedDict()
        self._made_bytes = 0
        self._needs: dict[ClusterName, frozenset[str]] = {}
        self._placed: Mapping[str, Target] = {}
        relay.on_change.append(self._changed)

    def has_room(self, cluster: ClusterName) -> bool:
        """Tell whether a cluster's stream is accepted: there is room, or it takes the place of the cluster's own."""
        return cluster in self.sessions or len(self.sessions) < self._max_agents

    @property
    def queued(self) -> int:
        """Updates that wait for an agent to read."""
        return sum(session.queued for session in self.sessions.values())

    def add(self, session: Session) -> None:
        """Take a session in; an older one of the same cluster ends."""
        older = self.sessions.get(session.cluster)
        if older is not None:
            older.close(HubError(Code.REPLACED, "the cluster opened a newer stream", where=session.cluster))
        self.sessions[session.cluster] = session

    def remove(self, session: Session) -> bool:
        """Forget a session; tell whether it was its cluster's newest."""
        self._dirty.pop(session, None)
        if self.sessions.get(session.cluster) is not session:
            return False
        del self.sessions[session.cluster]
        return True

    def has(self, session: Session, message: pb.Have) -> None:
        """Take what an agent says that it holds. An update in flight is lost by that."""
        held = self._relay.held
        before, session.have = session.have, having(message, held)
        newest = max(held.roots, default=0) if held else 0
        if before is not None and before.root_version < session.have.root_version <= newest:
            session.rejected = None  # it refused the release and kept its root: under that the same may be good
        session.update = None
        self._due(session)

    def answered(self, session: Session, ack: pb.Ack) -> None:
        """Take an agent's judgement of a release."""
        verified = ack.stage == pb.ACK_STAGE_VERIFIED
        if verified or ack.stage == pb.ACK_STAGE_REJECTED:
            session.answered(ack.timestamp_version, verified=verified)
            self._due(session)

    async def ask(self, cluster: ClusterName, seconds: float) -> pb.Release | None:
        """Ask an agent of this replica for its newest verified release; None when it does not answer in time."""
        session = self.sessions.get(cluster)
        return await session.ask(seconds) if session is not None else None

    def claims(self) -> dict[ClusterName, tuple[int, int, int]]:
        """Return what the agents of this replica say that they hold: versions of root, release and timestamp."""
        return {
            cluster: (session.have.root_version, session.have.metadata.get(SNAPSHOT, 0), session.have.timestamp_version)
            for cluster, session in self.sessions.items()
            if session.have is not None and not session.asked
        }

    def close(self) -> None:
        """End every stream, without an error: the agents connect again, elsewhere."""
        for session in self.sessions.values():
            session.close()

    async def run(self) -> None:
        """Serve for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._serve())
            group.create_task(self._sweep())

    async def _serve(self) -> None:
        served = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._dirty:
                session = next(iter(self._dirty))
                del self._dirty[session]
                try:
                    await self._offer(session)
                except HubError as error:
                    _log.warning("an update has to wait", cluster=session.cluster, code=error.code, error=error.what)
                    self._dirty[session] = None
                    await self._clock.sleep(RETRY_SECONDS)
                except Exception:  # noqa: BLE001 - whatever it is ends this stream alone, with a code
                    _log.exception("an update could not be made", cluster=session.cluster)
                    session.close(unexpected())
                served += 1
                if served % YIELD_EVERY == 0:
                    await asyncio.sleep(0)

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            now, monotonic = self._clock.now(), self._clock.monotonic()
            for session in self.sessions.values():
                session.sweep(now, monotonic)

    async def _offer(self, session: Session) -> None:
        held, have, fingerprint = self._relay.held, session.have, self._relay.fingerprint
        if held is None or have is None or session.closed or (session.update is not None and not session.queued):
            return
        if session.rejected == (held.timestamp_version, fingerprint):
            return
        needed = self._needed(session.cluster)
        blobs = lacking(held, have, needed)
        if blobs is None:
            return
        update = self._made.get((have.fingerprint, needed))
        if update is None:
            contents = await self._relay.cache.blobs(blobs)
            update = compose(held, have, needed=needed, contents=contents, fingerprint=fingerprint)
            if fingerprint == self._relay.fingerprint and plausible(have, held):
                self._keep(have, needed, update)
        session.offer(update, self._clock.monotonic())

    def _needed(self, cluster: ClusterName) -> frozenset[str]:
        """Return the documents placed on a cluster; all of them where placement cannot be known."""
        held = self._relay.held
        if held is None:
            return frozenset()
        if held.state is None:
            return frozenset(held.digests)
        needed = self._needs.get(cluster)
        if needed is None:
            needed = frozenset(target.digest for target in placed(held.state, cluster))
            self._needs[cluster] = needed
        return needed

    def _keep(self, have: Having, needed: frozenset[str], update: Update) -> None:
        self._made[have.fingerprint, needed] = update
        self._made_bytes += len(update.message)
        while len(self._made) > MAX_MADE or (self._made_bytes > MAX_MADE_BYTES and len(self._made) > 1):
            _, evicted = self._made.popitem(last=False)
            self._made_bytes -= len(evicted.message)

    def _changed(self) -> None:
        self._made.clear()
        self._made_bytes = 0
        state = self._relay.held.state if self._relay.held else None
        documents = state.documents if state else {}
        if documents != self._placed:
            self._placed = documents
            self._needs.clear()
        self._dirty.update(dict.fromkeys(self.sessions.values()))
        self._wake.set()

    def _due(self, session: Session) -> None:
        self._dirty[session] = None
        self._wake.set()
