"""What agents say of themselves: kept within bounds, written for everybody whatever one of them says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from edict.clock import SystemClock
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict_hub.status import StatusTable
from edict_hub.store import EtcdStore, KeyValue, Operation, Put, Unchanged, keys

pytestmark = pytest.mark.parts
A, B = ClusterName("a"), ClusterName("b")
MORE_THAN_ETCD_TAKES = 2_000_000


def with_unknown_field(size: int) -> bytes:
    """Field 99 of so many bytes, as a later version of the protocol might have it."""
    return pb.HelloRequest(dialect="cilium").SerializeToString() + b"\x9a\x06" + varint(size) + b"x" * size


def varint(value: int) -> bytes:
    more, low = divmod(value, 128)
    return bytes([low | 128]) + varint(more) if more else bytes([low])


async def stored(store: EtcdStore, cluster: ClusterName) -> pb.ClusterStatus | None:
    found = await store.get(keys.status(cluster))
    return pb.ClusterStatus.FromString(found.value) if found else None


async def test_what_nobody_knows_is_not_kept(store: EtcdStore) -> None:
    table = StatusTable(store, SystemClock())
    table.hello(A, pb.HelloRequest.FromString(with_unknown_field(MORE_THAN_ETCD_TAKES)))
    table.acked(A, pb.Ack(release=3, stage=pb.ACK_STAGE_REJECTED, error="é" * 100_000, error_code="E" * 1000))
    table.hello(B, pb.HelloRequest(dialect="calico"))
    await table.flush()
    kept = [await stored(store, name) for name in (A, B)]
    assert [status and status.hello.dialect for status in kept] == ["cilium", "calico"]
    assert all(status is not None and status.ByteSize() < 10_000 for status in kept)


async def test_a_status_that_etcd_refuses_delays_no_other(store: EtcdStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edict_hub.status.clipped_hello", lambda hello: hello)
    table = StatusTable(store, SystemClock())
    table.hello(A, pb.HelloRequest.FromString(with_unknown_field(MORE_THAN_ETCD_TAKES)))
    table.hello(B, pb.HelloRequest(dialect="calico"))
    await table.flush()
    assert await stored(store, A) is None
    assert await stored(store, B) is not None


class Overtaken:
    """A store in which another replica writes a cluster's status just before each commit, and is heard of first."""

    def __init__(self, store: EtcdStore, other: pb.ClusterStatus) -> None:
        self._store = store
        self._other = other
        self.table: StatusTable | None = None

    async def get(self, key: str) -> KeyValue | None:
        return await self._store.get(key)

    async def commit(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> int | None:
        if self.table is not None:
            table, self.table = self.table, None
            key = keys.status(ClusterName(self._other.name))
            await self._store.commit([], [Put(key, self._other.SerializeToString())])
            table._apply(key, await self._store.get(key))
            await asyncio.sleep(0)
        return await self._store.commit(conditions, operations)


async def test_an_acknowledgement_outlives_a_write_that_another_replica_overtook(store: EtcdStore) -> None:
    overtaken = Overtaken(store, pb.ClusterStatus(name=A, acked_received=7))
    table = StatusTable(overtaken, SystemClock())  # type: ignore[arg-type]
    overtaken.table = table
    table.acked(A, pb.Ack(release=8, stage=pb.ACK_STAGE_APPLIED))
    await table.flush()
    kept = await stored(store, A)
    assert kept is not None
    assert (kept.acked_received, kept.acked_applied) == (7, 8)
