"""One agent's stream: bounded state, a mailbox with one slot, and a writer of its own that nobody waits for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from edict.clock import Clock
from edict.errors import EdictError, HubError, IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict_hub import metrics
from edict_hub.codes import Code, Identity
from edict_hub.have import Having, Update

WRITE_SECONDS = 30.0
"""A write that takes longer is to an agent that stopped reading."""
ANSWER_SECONDS = 300.0
"""An update that is not answered by then was lost."""
MAX_ACKS = 64
_ASK = pb.HubMessage(offer_request=pb.OfferRequest()).SerializeToString()


@dataclass(eq=False)
class Session:
    """The hub's side of one Sync stream.

    Attributes:
        cluster: whose.
        not_after: when the certificate behind the stream ends.
        until: when the stream is ended all the same, so that agents spread over the replicas again.
        have: what the agent holds; None until it said so.
        may_have: whether it may say that now: once, and again after each rejection.
        update: the one update in flight: until the agent says VERIFIED or REJECTED.
        rejected: timestamp version and fingerprint of what the agent rejected last.
        asked: whether the agent was asked for its release, and has not answered yet.
    """

    cluster: ClusterName
    not_after: datetime
    until: datetime
    have: Having | None = None
    may_have: bool = True
    update: Update | None = None
    offered_at: float = 0.0
    rejected: tuple[int, str] | None = None
    asked: bool = False
    _offered: asyncio.Future[pb.Release] | None = None
    _slot: Update | None = None
    _acks: deque[bytes] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: asyncio.Event = field(default_factory=asyncio.Event)
    _reason: EdictError | None = None
    _writing_since: float | None = None

    @property
    def queued(self) -> int:
        """How many updates wait to be written: 0 or 1."""
        return 0 if self._slot is None else 1

    @property
    def closed(self) -> bool:
        """Whether the stream is ending."""
        return self._closed.is_set()

    def offer(self, update: Update, now: float) -> None:
        """Put an update into the mailbox, in the place of one that is not written yet."""
        self.update = self._slot = update
        self.offered_at = now
        self._wake.set()

    def acknowledge(self, message: bytes) -> None:
        """Queue the acknowledgement of a receipt; the agent sends the next only after it."""
        if len(self._acks) >= MAX_ACKS:
            self.close(HubError(Code.STUCK, "the agent does not read acknowledgements", where=self.cluster))
            return
        self._acks.append(message)
        self._wake.set()

    def answered(self, timestamp_version: int, *, verified: bool) -> bool:
        """Take the agent's judgement of the update in flight; tell whether there was one."""
        update = self.update
        if update is None or update is self._slot or update.timestamp_version != timestamp_version:
            return False
        self.update = None
        if verified:
            self.have, self.rejected = update.after, None
        else:
            self.rejected = (update.timestamp_version, update.fingerprint)
        return True

    async def ask(self, seconds: float) -> pb.Release | None:
        """Ask the agent for its newest verified release; None when it does not answer in time."""
        if self.asked or self.closed:
            return None
        self.asked = True
        offered = self._offered = asyncio.get_running_loop().create_future()
        self.acknowledge(_ASK)
        await asyncio.wait({offered}, timeout=seconds)
        self._offered = None
        return offered.result() if offered.done() else None

    def offered(self, release: pb.Release) -> bool:
        """Take the agent's release; tell whether it was asked for it. One that comes too late is dropped."""
        was_asked, self.asked = self.asked, False
        if self._offered is not None and not self._offered.done():
            self._offered.set_result(release)
        return was_asked

    def close(self, reason: EdictError | None = None) -> None:
        """End the stream; the first reason stands."""
        if not self.closed:
            self._reason = reason
            self._closed.set()
            self._wake.set()

    async def ended(self) -> EdictError | None:
        """Wait until the stream is closed and return why; None tells the agent just to connect again."""
        await self._closed.wait()
        return self._reason

    async def write(self, send: Callable[[bytes], Awaitable[None]], clock: Clock) -> None:
        """Write what is offered, until cancelled. The sweeper closes a session whose write gets stuck."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._acks:
                await self._send(send, clock, self._acks.popleft())
            update, self._slot = self._slot, None
            if update is not None:
                await self._send(send, clock, update.message)
                metrics.sent.add(1)
                metrics.sent_bytes.add(len(update.message))

    async def _send(self, send: Callable[[bytes], Awaitable[None]], clock: Clock, message: bytes) -> None:
        self._writing_since = clock.monotonic()
        await send(message)
        self._writing_since = None

    def sweep(self, now: datetime, monotonic: float) -> None:
        """Close the stream when its time is over or the agent does not do its part."""
        if now >= self.not_after:
            self.close(
                IdentityError(Identity.EXPIRED, "the certificate has expired", where=self.cluster, remedy="enrol again")
            )
        elif now >= self.until:
            self.close()
        elif self._writing_since is not None and monotonic - self._writing_since > WRITE_SECONDS:
            self.close(HubError(Code.STUCK, "the agent does not read any more", where=self.cluster))
        elif self.update is not None and monotonic - self.offered_at > ANSWER_SECONDS:
            self.close(HubError(Code.STUCK, "the agent never said VERIFIED or REJECTED", where=self.cluster))
