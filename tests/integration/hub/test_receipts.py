"""Receipts: in order, once each, acknowledged when etcd has them, kept from the newest base on."""

from __future__ import annotations

import base64
import json

import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict_hub.receipts import KEPT, Outcome, Receipts
from edict_hub.store import EtcdStore, Put, keys
from tests.integration.hub.hubs import Agent, Hub, Running, cluster

pytestmark = pytest.mark.parts
C1 = ClusterName("c1")


def receipt(sequence: int, *, base: bool = False, note: str = "") -> pb.Receipt:
    payload = base64.b64encode(json.dumps({"base": base, "sequence": sequence, "note": note}).encode()).decode()
    return pb.Receipt(sequence=sequence, envelope=json.dumps({"payload": payload, "signatures": []}).encode())


async def test_receipts_are_stored_in_order_and_a_repetition_changes_nothing(store: EtcdStore) -> None:
    receipts = Receipts(store)
    assert await receipts.add(C1, receipt(1, base=True)) == (Outcome.STORED, 1)
    assert await receipts.add(C1, receipt(2)) == (Outcome.STORED, 2)
    assert await receipts.add(C1, receipt(1, base=True)) == (Outcome.REPEATED, 2)
    assert await receipts.add(C1, receipt(4)) == (Outcome.OUT_OF_ORDER, 2)
    assert await receipts.add(C1, receipt(2, note="another past")) == (Outcome.FORKED, 2)
    assert [item.sequence for item in await receipts.tail(C1)] == [1, 2]


async def test_what_is_too_large_is_not_stored(store: EtcdStore) -> None:
    receipts = Receipts(store)
    large = pb.Receipt(sequence=1, envelope=b"x" * (64 * 1024 + 1))
    assert await receipts.add(C1, large) == (Outcome.TOO_LARGE, 0)
    assert await receipts.tail(C1) == []


async def test_readers_get_the_chain_from_its_newest_base(store: EtcdStore) -> None:
    receipts = Receipts(store)
    for sequence in range(1, 8):
        await receipts.add(C1, receipt(sequence, base=sequence in {1, 5}))
    assert [item.sequence for item in await receipts.tail(C1)] == [5, 6, 7]


@pytest.mark.parametrize(("newest_base", "first_kept"), [(1, 1), (300, 304 - KEPT + 1)])
async def test_old_receipts_go_but_never_those_since_the_base(
    store: EtcdStore, newest_base: int, first_kept: int
) -> None:
    receipts = Receipts(store)
    for sequence in range(1, 305):
        await receipts.add(C1, receipt(sequence, base=sequence in {1, newest_base}))
    kept = (await store.range(keys.receipts(C1))).items
    assert kept[0].key == keys.receipt(C1, first_kept)
    assert kept[-1].key == keys.receipt(C1, 304)


async def test_a_damaged_head_does_not_silence_a_cluster(store: EtcdStore) -> None:
    receipts = Receipts(store)
    await receipts.add(C1, receipt(1, base=True))
    await store.commit([], [Put(keys.receipt_head(C1), b"nonsense")])
    assert await receipts.tail(C1) == []
    assert await receipts.add(C1, receipt(2)) == (Outcome.STORED, 2)


async def test_an_agent_is_told_what_is_committed_and_where_to_go_on(hub: Hub, running: Running) -> None:
    await running.admin().Publish(hub.request(cluster("c1")))
    agent = Agent(running.federation("c1"))
    await agent.have()
    await agent.release()
    for sent, acknowledged in ((receipt(1, base=True), 1), (receipt(2), 2), (receipt(5), 2), (receipt(2), 2)):
        await agent.call.write(pb.AgentMessage(receipt=sent))
        assert (await agent.next()).receipt_ack.sequence == acknowledged
    assert (await running.federation("c1").Hello(pb.HelloRequest())).receipt_sequence == 2
    status = await running.admin().Status(pb.StatusRequest(clusters=["c1"]))
    assert [item.envelope for item in status.clusters[0].receipts] == [
        receipt(1, base=True).envelope,
        receipt(2).envelope,
    ]
