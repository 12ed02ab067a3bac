"""A stolen agent, or a stolen certificate alone, against the evidence of its own cluster and of others."""

from __future__ import annotations

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import json

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.receipts import ReceiptBody, envelope_digest
from edict_hub import receipts
from edict_hub.receipts import Head, Outcome, Receipts
from edict_hub.store import EtcdStore, Put, keys
from tests.attacks.harness import Off, attack
from tests.attacks.weak_reading import READ_ONLY
from tests.integration.hub.receipting import C1, PUBLIC, receipt

pytestmark = pytest.mark.parts
UNREAD = Off(receipts, "verify_receipt", READ_ONLY.instead)


def kept_by(store: EtcdStore) -> Receipts:
    """Return what the hub keeps receipts with; cluster c1's key is pinned."""
    return Receipts(store, lambda _cluster: PUBLIC.hex())


async def stored(store: EtcdStore, *sent: pb.Receipt) -> bool:
    """Tell whether the last receipt takes a place in c1's chain."""
    outcomes = [(await kept_by(store).add(C1, each))[0] for each in sent]
    return outcomes[-1] is Outcome.STORED


@attack("signs a cluster's receipts with a key of its own", without=[UNREAD])
async def test_a_receipt_of_another_key(store: EtcdStore) -> bool:
    """It has the certificate, and not the receipt key."""
    return await stored(store, receipt(1, base=True, by=Ed25519PrivateKey.generate()))


@attack("speaks for another cluster in its own receipts", without=[UNREAD])
async def test_a_receipt_about_another_cluster(store: EtcdStore) -> bool:
    return await stored(store, receipt(1, base=True, cluster=ClusterName("c2")))


async def _overwriting(self: Receipts, cluster: ClusterName, sent: pb.Receipt) -> tuple[Outcome, int]:
    """Take every receipt that the cluster's key signed, wherever it belongs."""
    body: ReceiptBody = await self._verified(cluster, sent)
    head = json.encode(Head(body.sequence, 1, envelope_digest(sent.envelope), 0))
    puts = [Put(keys.receipt(cluster, body.sequence), sent.envelope), Put(keys.receipt_head(cluster), head)]
    await self._store.commit([], puts)
    return Outcome.STORED, body.sequence


ANY_ORDER = Off(Receipts, "_add", _overwriting)


@attack("rewrites what it signed before", without=[ANY_ORDER])
async def test_another_past(store: EtcdStore) -> bool:
    await stored(store, receipt(1, base=True), receipt(2, note="not compliant"), receipt(2, note="all was well"))
    (_, second) = await kept_by(store).tail(C1)
    return b"all was well" in _payload(second)


def _payload(sent: pb.Receipt) -> bytes:
    return b64decode(json.decode(sent.envelope)["payload"])


@attack("leaves a receipt out", without=[ANY_ORDER])
async def test_a_receipt_that_is_left_out(store: EtcdStore) -> bool:
    return await stored(store, receipt(1, base=True), receipt(3))


@attack("uses up all numbers, so that nothing can be said any more", without=[Off(receipts, "MAX_GAP", 2**62)])
async def test_an_absurd_number(store: EtcdStore) -> bool:
    return await stored(store, receipt(1, base=True), receipt(receipts.MAX_SEQUENCE, base=True))


@attack("fills etcd with receipts that all count since one base", without=[Off(receipts, "MAX_SINCE_BASE", 10**9)])
async def test_receipts_without_end(store: EtcdStore) -> bool:
    first = [receipt(1, base=True), *(receipt(sequence) for sequence in range(2, 257))]
    return await stored(store, *first, receipt(257))
