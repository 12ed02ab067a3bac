"""Receipts as the hub keeps them: in order, once each, the newest and what readers need to follow the chain.

A receipt is verified here so that who has a stolen certificate alone cannot take the place of the cluster's own chain.
Readers verify again: this proves nothing to them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated

import msgspec
from google.protobuf.message import DecodeError
from msgspec import Meta

from edict import log
from edict.errors import EdictError, HubError, TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.pki.endorsement import endorsed
from edict.trust.receipts import ReceiptBody, envelope_digest, verify_receipt
from edict_hub import metrics
from edict_hub.codes import Code
from edict_hub.store import Delete, KeyValue, Operation, Put, Store, Unchanged, keys

_log = log.get(__name__)
_TRANSIENT = {f"EDICT{code:04d}" for code in (Code.STORE_UNREACHABLE, Code.STORE_REFUSED)}
KEPT = 256
"""Receipts of a cluster that stay, and all since the newest base."""
PRUNE_EVERY = 16
MAX_SINCE_BASE = 256
"""Receipts since the newest base, it included: 16 MiB at most. Agents make a base after at most 200."""
MAX_SEQUENCE = 2**53
MAX_GAP = 2**32
"""Receipts that may be missing before a base: a stolen key alone must not use up the numbers at one stroke."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of ``receipt-head``: the newest sequence, that of the newest base, and the newest's digest.

    ``gap`` is the sequence before the receipts that are missing in front of the newest base, 0 where none is missing.
    """

    sequence: Annotated[int, Meta(ge=1, le=MAX_SEQUENCE)]
    base: Annotated[int, Meta(ge=1, le=MAX_SEQUENCE)]
    digest: str
    gap: Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] = 0


class Outcome(enum.StrEnum):
    """What became of a receipt."""

    STORED = "stored"
    REPEATED = "repeated"
    """It was stored before, with these bytes."""
    OUT_OF_ORDER = "out_of_order"
    """It is not the next one."""
    FORKED = "forked"
    """Another receipt has its sequence."""
    REFUSED = "refused"
    """It is not what the cluster's own key signed, or too much since the newest base."""


class Receipts:
    """The receipts of all clusters, in etcd.

    Args:
        store: etcd.
        pinned: returns the receipt key that is pinned for a cluster, hexadecimal; empty where none is.
        archived: old receipts stay until the archiver has moved them.
    """

    def __init__(self, store: Store, pinned: Callable[[ClusterName], str], *, archived: bool = False) -> None:
        self._store = store
        self._archived = archived
        self._pinned = pinned

    async def head(self, cluster: ClusterName) -> Head | None:
        """Return what is newest of a cluster, None before its first receipt."""
        return read_head(await self._store.get(keys.receipt_head(cluster)))

    async def add(self, cluster: ClusterName, receipt: pb.Receipt) -> tuple[Outcome, int]:
        """Store a receipt; return what became of it and the sequence that is newest now.

        A base may come after a gap, and of a cluster of which nothing is stored anywhere: after a loss of etcd, or of
        its newest keys, a chain goes on, and the gap is kept for those who read it.

        Raises:
            HubError: EDICT0401 or 0402 when etcd is out of reach.
        """
        try:
            outcome, newest = await self._add(cluster, receipt)
        except EdictError as error:
            if error.code in _TRANSIENT:
                raise
            _log.warning("a receipt is refused", cluster=cluster, code=error.code, error=error.what)
            outcome, newest = Outcome.REFUSED, 0
        metrics.receipts.add(1, {"outcome": outcome.value})
        if outcome not in {Outcome.STORED, Outcome.REPEATED}:
            _log.warning("a receipt was not stored", cluster=cluster, sequence=receipt.sequence, error=outcome.value)
        return outcome, newest

    async def tail(self, cluster: ClusterName) -> list[pb.Receipt]:
        """Return the chain from the newest base on, oldest first; before a gap also the last receipt before it."""
        head = await self.head(cluster)
        if head is None:
            return []
        start = keys.receipt(cluster, head.gap or head.base)
        page = await self._store.range(keys.receipts(cluster), start=start)
        return [
            pb.Receipt(sequence=sequence, envelope=item.value)
            for sequence, item in numbered(page.items)
            if head.base <= sequence <= head.sequence or (head.gap and sequence == head.gap)
        ]

    async def _add(self, cluster: ClusterName, receipt: pb.Receipt) -> tuple[Outcome, int]:
        body = await self._verified(cluster, receipt)
        stored = await self._store.get(keys.receipt_head(cluster))
        head = read_head(stored)
        newest = head.sequence if head else 0
        key = keys.receipt(cluster, receipt.sequence)
        if head is not None and receipt.sequence <= newest:
            present = await self._store.get(key)
            same = present is not None and present.value == receipt.envelope
            return (Outcome.REPEATED if same else Outcome.FORKED), newest
        if not body.base and (head is None or receipt.sequence != newest + 1):
            return Outcome.OUT_OF_ORDER, newest
        if head is not None and receipt.sequence - newest > MAX_GAP:
            return Outcome.OUT_OF_ORDER, newest
        base, gap = (body.sequence, 0) if body.base or head is None else (head.base, head.gap)
        if head is not None and receipt.sequence > newest + 1:
            gap = newest
            _log.warning("receipts are missing", cluster=cluster, first=newest + 1, last=receipt.sequence - 1)
        if body.sequence - base >= MAX_SINCE_BASE:
            raise HubError(
                Code.RECEIPTS_FULL,
                f"{MAX_SINCE_BASE} receipts are stored since the base {base}",
                where=key,
                remedy="an agent makes a base long before: somebody else may have its keys; enrol it anew",
            )
        now = Head(body.sequence, base, envelope_digest(receipt.envelope), gap)
        operations: list[Operation] = [
            Put(key, receipt.envelope),
            Put(keys.receipt_head(cluster), msgspec.json.encode(now)),
            *(() if self._archived else _pruned(cluster, now)),
        ]
        condition = Unchanged(keys.receipt_head(cluster), stored.revision if stored else 0)
        if await self._store.commit([condition], operations) is not None:
            return Outcome.STORED, now.sequence
        head = await self.head(cluster)
        if head is not None and head == now:
            return Outcome.STORED, now.sequence
        return Outcome.FORKED, head.sequence if head else 0

    async def _verified(self, cluster: ClusterName, receipt: pb.Receipt) -> ReceiptBody:
        key = self._pinned(cluster) or await self._offered(cluster)
        try:
            body = verify_receipt(receipt.envelope, key, cluster)
        except TrustError:
            successor = await self._endorsed(cluster, key)
            if not successor:
                raise
            body = verify_receipt(receipt.envelope, successor, cluster)
        if body.sequence != receipt.sequence or body.sequence > MAX_SEQUENCE:
            raise HubError(
                Code.PROTOCOL,
                f"the receipt is signed as {body.sequence} and sent as {receipt.sequence}",
                where=keys.receipts(cluster),
            )
        return body

    async def _offered(self, cluster: ClusterName) -> str:
        """Return the key that the cluster enrolled with: authors may still have to pin it."""
        key = (await self._status(cluster)).pending_receipt_key
        if not key:
            raise HubError(
                Code.RECEIPT_KEY_UNKNOWN,
                "no receipt key is known for this cluster",
                where=keys.status(cluster),
                remedy="enrol the cluster again, or sign its receipt key into the inventory",
            )
        return key.hex()

    async def _endorsed(self, cluster: ClusterName, by: str) -> str:
        """Return the key that the cluster enrolled with if the given one vouches for it: it may take over the chain."""
        status = await self._status(cluster)
        new, old = status.pending_receipt_key, bytes.fromhex(by)
        return new.hex() if new != old and endorsed(status.receipt_endorsement, old, cluster, new) else ""

    async def _status(self, cluster: ClusterName) -> pb.ClusterStatus:
        stored = await self._store.get(keys.status(cluster))
        try:
            return pb.ClusterStatus.FromString(stored.value if stored else b"")
        except DecodeError:
            return pb.ClusterStatus()


def _pruned(cluster: ClusterName, head: Head) -> Sequence[Delete]:
    first = first_kept(head)
    if first <= 1 or head.sequence % PRUNE_EVERY:
        return ()
    return (Delete(keys.receipt(cluster, 0), keys.receipt(cluster, first)),)


def first_kept(head: Head) -> int:
    """Return the oldest sequence that stays in etcd: what readers need to follow the chain, and at least KEPT."""
    return min(head.sequence - KEPT + 1, head.gap or head.base)


def read_head(stored: KeyValue | None) -> Head | None:
    """Return what a ``receipt-head`` says; None when there is none, or none that can be read."""
    if stored is None:
        return None
    try:
        return msgspec.json.decode(stored.value, type=Head)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        _log.error(
            "a receipt head is damaged; the chain goes on from the next receipt", key=stored.key, error=str(error)
        )
        return None


def numbered(items: Iterable[KeyValue]) -> Iterator[tuple[int, KeyValue]]:
    """Yield receipts with their sequences, in order; what has no sequence for a name is no receipt."""
    for item in items:
        name = item.key.rpartition("/")[2]
        if name.isdecimal() and len(name) == keys.SEQUENCE_DIGITS and int(name):
            yield int(name), item
