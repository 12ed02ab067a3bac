"""Receipts as an agent signs them, and the key that a hub knows of it, for the tests of the hub."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, Release
from edict.trust.receipts import ReceiptBody, sign_receipt, state_digest
from edict_hub.store import Put, Store, keys

C1 = ClusterName("c1")
KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()


def receipt(
    sequence: int,
    *,
    base: bool = False,
    note: str = "",
    by: Ed25519PrivateKey = KEY,
    sent_as: int = 0,
    cluster: ClusterName = C1,
) -> pb.Receipt:
    body = ReceiptBody(
        cluster=cluster,
        sequence=sequence,
        previous="",
        release=Release(1),
        time=datetime(2026, 5, 1, tzinfo=UTC),
        agent_version=note,
        dialect="cilium",
        plugin_version="1",
        base=base,
        policies=(),
        removed=(),
        state_digest=state_digest({}),
    )
    return pb.Receipt(sequence=sent_as or sequence, envelope=sign_receipt(body, by))


async def offer_key(store: Store, cluster: ClusterName = C1) -> None:
    """Leave in etcd what an enrolment leaves."""
    status = pb.ClusterStatus(name=cluster, pending_receipt_key=PUBLIC)
    await store.commit([], [Put(keys.status(cluster), status.SerializeToString())])
