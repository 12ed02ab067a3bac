"""Receipts as the hub keeps them: in order, once each, the newest and what readers need to follow the chain.

The hub reads the sequence and ``base`` without believing either: readers verify the envelopes with pinned keys.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
from collections.abc import Sequence

import msgspec

from edict import log
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.receipts import MAX_ENVELOPE
from edict_hub import metrics
from edict_hub.store import Delete, KeyValue, Operation, Put, Store, Unchanged, keys

_log = log.get(__name__)
KEPT = 256
"""Receipts of a cluster that stay, and all since the newest base."""
PRUNE_EVERY = 16


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value of ``receipt-head``: the newest sequence, that of the newest base (0 is none), and its digest."""

    sequence: int
    base: int
    digest: str


class Outcome(enum.StrEnum):
    """What became of a receipt."""

    STORED = "stored"
    REPEATED = "repeated"
    """It was stored before, with these bytes."""
    OUT_OF_ORDER = "out_of_order"
    """It is not the next one."""
    FORKED = "forked"
    """Another receipt has its sequence."""
    TOO_LARGE = "too_large"


class _Envelope(msgspec.Struct, frozen=True):
    payload: str


class _Body(msgspec.Struct, frozen=True):
    base: bool = False


class Receipts:
    """The receipts of all clusters, in etcd."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def head(self, cluster: ClusterName) -> Head | None:
        """Return what is newest of a cluster, None before its first receipt."""
        return read_head(await self._store.get(keys.receipt_head(cluster)))

    async def add(self, cluster: ClusterName, receipt: pb.Receipt) -> tuple[Outcome, int]:
        """Store a receipt; return what became of it and the sequence that is newest now.

        A cluster of which nothing is stored may begin anywhere: after a loss of etcd its chain goes on.

        Raises:
            HubError: EDICT0401 or 0402 when etcd is out of reach.
        """
        outcome, newest = await self._add(cluster, receipt)
        metrics.receipts.add(1, {"outcome": outcome.value})
        if outcome not in {Outcome.STORED, Outcome.REPEATED}:
            _log.warning("a receipt was not stored", cluster=cluster, sequence=receipt.sequence, error=outcome.value)
        return outcome, newest

    async def tail(self, cluster: ClusterName) -> list[pb.Receipt]:
        """Return the chain from the newest base on, oldest first."""
        head = await self.head(cluster)
        if head is None:
            return []
        page = await self._store.range(keys.receipts(cluster), start=keys.receipt(cluster, head.base))
        return [pb.Receipt(sequence=_sequence(item), envelope=item.value) for item in page.items]

    async def _add(self, cluster: ClusterName, receipt: pb.Receipt) -> tuple[Outcome, int]:
        stored = await self._store.get(keys.receipt_head(cluster))
        head = read_head(stored)
        newest = head.sequence if head else 0
        if len(receipt.envelope) > MAX_ENVELOPE or receipt.sequence < 1:
            return Outcome.TOO_LARGE, newest
        key = keys.receipt(cluster, receipt.sequence)
        if head is not None and receipt.sequence <= newest:
            present = await self._store.get(key)
            same = present is not None and present.value == receipt.envelope
            return (Outcome.REPEATED if same else Outcome.FORKED), newest
        if head is not None and receipt.sequence != newest + 1:
            return Outcome.OUT_OF_ORDER, newest
        now = _next(head, receipt)
        operations: list[Operation] = [
            Put(key, receipt.envelope),
            Put(keys.receipt_head(cluster), msgspec.json.encode(now)),
            *_pruned(cluster, now),
        ]
        condition = Unchanged(keys.receipt_head(cluster), stored.revision if stored else 0)
        if await self._store.commit([condition], operations) is not None:
            return Outcome.STORED, now.sequence
        head = await self.head(cluster)
        if head is not None and head == now:
            return Outcome.STORED, now.sequence
        return Outcome.FORKED, head.sequence if head else 0


def _next(head: Head | None, receipt: pb.Receipt) -> Head:
    base = receipt.sequence if _is_base(receipt.envelope) else head.base if head else 0
    return Head(receipt.sequence, base, hashlib.sha256(receipt.envelope).hexdigest())


def _pruned(cluster: ClusterName, head: Head) -> Sequence[Delete]:
    first_kept = min(head.sequence - KEPT + 1, head.base)
    if first_kept <= 1 or head.sequence % PRUNE_EVERY:
        return ()
    return (Delete(keys.receipt(cluster, 0), keys.receipt(cluster, first_kept)),)


def _is_base(envelope: bytes) -> bool:
    try:
        payload = base64.b64decode(msgspec.json.decode(envelope, type=_Envelope).payload)
        return msgspec.json.decode(payload, type=_Body).base
    except (msgspec.MsgspecError, binascii.Error, UnicodeDecodeError):
        return False


def read_head(stored: KeyValue | None) -> Head | None:
    """Return what a ``receipt-head`` says; None when there is none, or none that can be read."""
    if stored is None:
        return None
    try:
        return msgspec.json.decode(stored.value, type=Head)
    except msgspec.MsgspecError as error:
        _log.error(
            "a receipt head is damaged; the chain goes on from the next receipt", key=stored.key, error=str(error)
        )
        return None


def _sequence(item: KeyValue) -> int:
    name = item.key.rpartition("/")[2]
    return int(name) if name.isdecimal() else 0
