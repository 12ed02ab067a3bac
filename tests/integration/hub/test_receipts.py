"""Receipts: in order, once each, acknowledged when etcd has them, kept from the newest base on, by their own key."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.receipts import ReceiptBody, fold, verify_receipt
from edict_hub.receipts import KEPT, MAX_GAP, MAX_SEQUENCE, Outcome, Receipts
from edict_hub.store import EtcdStore, Put, keys
from tests.integration.hub.hubs import Agent, Hub, Running, cluster
from tests.integration.hub.receipting import C1, PUBLIC, offer_key, receipt

pytestmark = pytest.mark.parts
OTHER = Ed25519PrivateKey.generate()


def kept_by(store: EtcdStore) -> Receipts:
    return Receipts(store, lambda _cluster: PUBLIC.hex())


async def test_receipts_are_stored_in_order_and_a_repetition_changes_nothing(store: EtcdStore) -> None:
    receipts = kept_by(store)
    assert await receipts.add(C1, receipt(1, base=True)) == (Outcome.STORED, 1)
    assert await receipts.add(C1, receipt(2)) == (Outcome.STORED, 2)
    assert await receipts.add(C1, receipt(1, base=True)) == (Outcome.REPEATED, 2)
    assert await receipts.add(C1, receipt(4)) == (Outcome.OUT_OF_ORDER, 2)
    assert await receipts.add(C1, receipt(2, note="another past")) == (Outcome.FORKED, 2)
    assert [item.sequence for item in await receipts.tail(C1)] == [1, 2]


def nested() -> bytes:
    return b'{"payload": "' + base64.b64encode(b"[" * 40_000) + b'"}'


FORGED = {
    "another key": receipt(1, base=True, by=OTHER),
    "another cluster": receipt(1, base=True, cluster=ClusterName("c2")),
    "another sequence": receipt(1, base=True, sent_as=7),
    "a sequence that nobody counts to": receipt(MAX_SEQUENCE + 1, base=True),
    "more than 64 KiB": pb.Receipt(sequence=1, envelope=b"x" * (64 * 1024 + 1)),
    "no receipt": pb.Receipt(sequence=2**64 - 2, envelope=b"{}"),
    "a payload that is not ASCII": pb.Receipt(sequence=1, envelope=json.dumps({"payload": "é"}).encode()),
    "a payload that is nested": pb.Receipt(sequence=1, envelope=nested()),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
async def test_what_the_cluster_s_own_key_did_not_sign_takes_no_place(store: EtcdStore, forged: pb.Receipt) -> None:
    receipts = kept_by(store)
    assert (await receipts.add(C1, forged))[0] is Outcome.REFUSED
    assert await receipts.head(C1) is None
    assert await receipts.add(C1, receipt(1, base=True)) == (Outcome.STORED, 1)


async def test_without_the_check_a_forged_receipt_takes_the_place_of_the_chain(
    store: EtcdStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def believed(_self: Receipts, _cluster: ClusterName, sent: pb.Receipt) -> ReceiptBody:
        payload = json.loads(sent.envelope)["payload"]
        return msgspec.json.decode(base64.b64decode(payload), type=ReceiptBody)

    monkeypatch.setattr(Receipts, "_verified", believed)
    receipts = kept_by(store)
    assert await receipts.add(C1, receipt(500, base=True, by=OTHER)) == (Outcome.STORED, 500)
    assert await receipts.add(C1, receipt(1, base=True)) == (Outcome.FORKED, 500)


async def test_before_a_key_is_pinned_the_one_given_at_enrolment_counts(store: EtcdStore) -> None:
    receipts = Receipts(store, lambda _cluster: "")
    assert (await receipts.add(C1, receipt(1, base=True)))[0] is Outcome.REFUSED
    await offer_key(store)
    assert (await receipts.add(C1, receipt(1, base=True, by=OTHER)))[0] is Outcome.REFUSED
    assert (await receipts.add(C1, receipt(1, base=True)))[0] is Outcome.STORED


async def test_the_pinned_key_counts_and_not_one_that_is_only_offered(hub: Hub, running: Running) -> None:
    pinned = OTHER.public_key().public_bytes_raw().hex()
    document = cluster("c1").replace(b"plugin: cilium", f"plugin: cilium, receiptKey: {{public: {pinned}}}".encode())
    await running.admin().Publish(hub.request(document))
    await offer_key(running.store)
    receipts = Receipts(running.store, running.replica.relay.receipt_key)
    assert (await receipts.add(C1, receipt(1, base=True)))[0] is Outcome.REFUSED
    assert (await receipts.add(C1, receipt(1, base=True, by=OTHER)))[0] is Outcome.STORED


async def test_readers_get_the_chain_from_its_newest_base(store: EtcdStore) -> None:
    receipts = kept_by(store)
    for sequence in range(1, 8):
        await receipts.add(C1, receipt(sequence, base=sequence in {1, 5}))
    assert [item.sequence for item in await receipts.tail(C1)] == [5, 6, 7]


async def test_what_is_no_receipt_of_the_chain_is_not_read(store: EtcdStore) -> None:
    receipts = kept_by(store)
    await receipts.add(C1, receipt(1, base=True))
    for name in ("9" * 20, "9" * 5000, "z"):
        await store.commit([], [Put(keys.receipts(C1) + name, b"{}")])
    assert [item.sequence for item in await receipts.tail(C1)] == [1]


@pytest.mark.parametrize(("newest_base", "first_kept"), [(40, 40), (300, 304 - KEPT + 1)])
async def test_old_receipts_go_but_never_those_since_the_base(
    store: EtcdStore, monkeypatch: pytest.MonkeyPatch, newest_base: int, first_kept: int
) -> None:
    receipts = kept_by(store)
    monkeypatch.setattr("edict_hub.receipts.MAX_SINCE_BASE", 2 * KEPT)
    for sequence in range(1, 305):
        await receipts.add(C1, receipt(sequence, base=sequence in {1, newest_base}))
    kept = (await store.range(keys.receipts(C1))).items
    assert kept[0].key == keys.receipt(C1, first_kept)
    assert kept[-1].key == keys.receipt(C1, 304)


async def test_an_agent_that_never_makes_a_base_is_stopped_until_it_does(
    store: EtcdStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = kept_by(store)
    monkeypatch.setattr("edict_hub.receipts.MAX_SINCE_BASE", 4)
    for sequence in range(11, 15):
        assert await receipts.add(C1, receipt(sequence, base=sequence == 11)) == (Outcome.STORED, sequence)
    assert (await receipts.add(C1, receipt(15)))[0] is Outcome.REFUSED
    assert await receipts.add(C1, receipt(15, base=True)) == (Outcome.STORED, 15)


@pytest.mark.parametrize("damaged", [b"nonsense", b'{"sequence":-7,"base":1,"digest":""}', b"[" * 100_000])
async def test_a_damaged_head_does_not_silence_a_cluster(store: EtcdStore, damaged: bytes) -> None:
    receipts = kept_by(store)
    await receipts.add(C1, receipt(1, base=True))
    await store.commit([], [Put(keys.receipt_head(C1), damaged)])
    assert await receipts.tail(C1) == []
    assert await receipts.add(C1, receipt(2)) == (Outcome.OUT_OF_ORDER, 0), "the agent goes on with a base"
    assert await receipts.add(C1, receipt(3, base=True)) == (Outcome.STORED, 3)


async def test_only_a_base_goes_on_after_a_gap_and_readers_see_the_gap(store: EtcdStore) -> None:
    receipts = kept_by(store)
    for sequence in (1, 2):
        await receipts.add(C1, receipt(sequence, base=sequence == 1))
    assert await receipts.add(C1, receipt(6)) == (Outcome.OUT_OF_ORDER, 2)
    assert await receipts.add(C1, receipt(7, base=True)) == (Outcome.STORED, 7)
    assert await receipts.add(C1, receipt(8)) == (Outcome.STORED, 8)
    tail = await receipts.tail(C1)
    assert [item.sequence for item in tail] == [2, 7, 8]
    public = PUBLIC.hex()
    assert fold((item.envelope, verify_receipt(item.envelope, public, C1)) for item in tail[:2]).gaps == ((3, 6),)
    assert await receipts.add(C1, receipt(4, base=True)) == (Outcome.FORKED, 8), "a gap is not filled afterwards"
    assert await receipts.add(C1, receipt(9, base=True)) == (Outcome.STORED, 9)
    assert [item.sequence for item in await receipts.tail(C1)] == [9]


async def test_a_gap_beyond_every_chain_is_not_believed(store: EtcdStore) -> None:
    receipts = kept_by(store)
    await receipts.add(C1, receipt(1, base=True))
    assert await receipts.add(C1, receipt(MAX_GAP + 2, base=True)) == (Outcome.OUT_OF_ORDER, 1)
    assert await receipts.add(C1, receipt(MAX_GAP + 1, base=True)) == (Outcome.STORED, MAX_GAP + 1)


async def test_an_agent_is_told_what_is_committed_and_where_to_go_on(hub: Hub, running: Running) -> None:
    await running.admin().Publish(hub.request(cluster("c1")))
    await offer_key(running.store)
    agent = Agent(running.federation("c1"))
    await agent.have()
    await agent.release()
    await agent.call.write(pb.AgentMessage(receipt=receipt(1, base=True, by=OTHER)))
    for sent, acknowledged in ((receipt(1, base=True), 1), (receipt(2), 2), (receipt(5), 2), (receipt(2), 2)):
        await agent.call.write(pb.AgentMessage(receipt=sent))
        assert (await agent.next()).receipt_ack.sequence == acknowledged
    assert (await running.federation("c1").Hello(pb.HelloRequest())).receipt_sequence == 2
    status = await running.admin().Status(pb.StatusRequest(clusters=["c1"]))
    assert [item.envelope for item in status.clusters[0].receipts] == [
        receipt(1, base=True).envelope,
        receipt(2).envelope,
    ]


async def test_a_receipt_that_breaks_the_hub_ends_its_stream_alone(
    hub: Hub, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: object) -> None:
        raise RecursionError

    await running.admin().Publish(hub.request(cluster("c1"), cluster("c2")))
    broken_one, other = Agent(running.federation("c1")), Agent(running.federation("c2"))
    for agent in (broken_one, other):
        await agent.have()
        await agent.release()
    monkeypatch.setattr(Receipts, "_add", broken)
    await broken_one.call.write(pb.AgentMessage(receipt=receipt(1, base=True)))
    assert "EDICT0499" in (await broken_one.ended(5))[1]
    assert await other.hears_nothing()
