"""What an agent says on its stream: taken in order, receipts apart, so that a slow etcd never delays an update."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from edict import log
from edict.clock import Clock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.trust.receipts import MAX_ENVELOPE
from edict_hub import metrics
from edict_hub.codes import Code, unexpected
from edict_hub.fanout import Fanout
from edict_hub.receipts import Outcome, Receipts
from edict_hub.session import Session
from edict_hub.status import StatusTable
from edict_hub.store import retrying

_log = log.get(__name__)
MAX_MESSAGE = MAX_ENVELOPE + 4096
"""Bytes of any message but Have: a receipt, or an acknowledgement with its error."""
MAX_HAVE = 16 * 1024 * 1024
MAX_OFFER = 48 * 1024 * 1024
"""A whole release, from an agent that was asked for it; no other agent may send one."""
MAX_WAITING = 16
"""Receipts that wait for etcd, at most 1 MiB; then the agent is not read any more until one is stored."""


class Intake:
    """Reads one session's messages."""

    def __init__(self, session: Session, fanout: Fanout, status: StatusTable, receipts: Receipts, clock: Clock) -> None:
        self._session = session
        self._fanout = fanout
        self._status = status
        self._receipts = receipts
        self._clock = clock
        self._waiting: deque[pb.Receipt] = deque()
        self._storing: asyncio.Task[None] | None = None

    async def read(self, requests: AsyncIterator[pb.AgentMessage]) -> None:
        """Take messages until the agent ends its side.

        Raises:
            HubError: EDICT0432 for a message out of order or out of bounds.
        """
        async for message in requests:
            self._status.seen(self._session.cluster, connected=True)
            kind = message.WhichOneof("kind")
            _check_size(message, self._limit(kind))
            if kind == "have":
                self._take_have(message.have)
            elif self._session.have is None:
                raise HubError(Code.PROTOCOL, f"the first message must be Have, not {kind}", where="Sync")
            elif kind == "ack":
                self._take_ack(message.ack)
            elif kind == "receipt":
                await self._take_receipt(message.receipt)
            elif kind == "offer" and not self._session.offered(message.offer):
                raise HubError(Code.PROTOCOL, "a release was offered, and nobody asked for it", where="Sync")

    def _limit(self, kind: str | None) -> int:
        match kind:
            case "have":
                return MAX_HAVE
            case "offer" if self._session.asked:
                return MAX_OFFER
            case _:
                return MAX_MESSAGE

    def stop(self) -> None:
        """End what is still being stored; the agent sends it again."""
        if self._storing is not None:
            self._storing.cancel()

    def _take_have(self, have: pb.Have) -> None:
        if not self._session.may_have:
            raise HubError(Code.PROTOCOL, "Have was said, and nothing rejected since", where="Sync")
        self._session.may_have = False
        self._status.has(self._session.cluster, have)
        self._fanout.has(self._session, have)

    def _take_ack(self, ack: pb.Ack) -> None:
        metrics.acks.add(1, {"stage": pb.AckStage.Name(ack.stage).removeprefix("ACK_STAGE_").lower()})
        self._status.acked(self._session.cluster, ack)
        self._session.may_have |= ack.stage == pb.ACK_STAGE_REJECTED
        self._fanout.answered(self._session, ack)

    async def _take_receipt(self, receipt: pb.Receipt) -> None:
        while len(self._waiting) >= MAX_WAITING and self._storing is not None:
            await asyncio.wait({self._storing})
        self._waiting.append(receipt)
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_or_close())

    async def _store_or_close(self) -> None:
        try:
            await self._store()
        except Exception:  # noqa: BLE001 - whatever it is ends this stream alone, with a code
            _log.exception("a receipt could not be stored", cluster=self._session.cluster)
            self._waiting.clear()
            self._session.close(unexpected())

    async def _store(self) -> None:
        while self._waiting:
            async for attempt in retrying(self._clock, within=None, on=HubError):
                with attempt:
                    outcome, newest = await self._receipts.add(self._session.cluster, self._waiting[0])
            receipt = self._waiting.popleft()
            if outcome in {Outcome.STORED, Outcome.REPEATED}:
                self._acknowledge(receipt.sequence)
            elif outcome is Outcome.OUT_OF_ORDER:
                self._acknowledge(newest)  # tells the agent where to go on

    def _acknowledge(self, sequence: int) -> None:
        message = pb.HubMessage(receipt_ack=pb.ReceiptAck(sequence=sequence))
        self._session.acknowledge(message.SerializeToString())


def _check_size(message: pb.AgentMessage, limit: int) -> None:
    size = message.ByteSize()
    if size > limit:
        raise HubError(Code.PROTOCOL, f"the message has {size} bytes and at most {limit} are taken", where="Sync")
