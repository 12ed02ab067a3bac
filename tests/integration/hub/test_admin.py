"""What operators ask for: each thing once, well named, not too much; and nobody's evidence crowds out another's."""

from __future__ import annotations

import asyncio
import hashlib

import grpc
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.pki.names import Role
from edict_hub.services._requests import MAX_ASKED
from edict_hub.store import Put, keys
from tests.integration.hub.hubs import Hub, Running, cluster, policy

pytestmark = pytest.mark.parts
DOCUMENT = policy("p")
DIGEST = digest_of(DOCUMENT)


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    await running.admin().Publish(hub.request(cluster("c1"), cluster("c2"), DOCUMENT))
    return running


def digests(count: int) -> list[str]:
    return [hashlib.sha256(b"%d" % number).hexdigest() for number in range(count)]


async def refusal(call: object) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return str(caught.value.details())


async def test_a_document_is_answered_once_however_often_it_is_asked_for(listed: Running) -> None:
    answer = await listed.admin().Blobs(pb.BlobsRequest(digests=[DIGEST] * (2 * MAX_ASKED)))
    assert [(blob.digest, blob.content) for blob in answer.blobs] == [(DIGEST, DOCUMENT)]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (["z" * 64], "EDICT0411"),
        ([DIGEST.upper()], "EDICT0411"),
        ([DIGEST[:-1]], "EDICT0411"),
        (digests(MAX_ASKED + 1), "EDICT0411"),
        (digests(MAX_ASKED), "EDICT0416"),
    ],
    ids=["no digest", "upper case", "short", "too many", "unknown"],
)
async def test_documents_are_asked_for_by_at_most_so_many_digests(listed: Running, asked: list[str], code: str) -> None:
    assert code in await refusal(listed.admin().Blobs(pb.BlobsRequest(digests=asked)))


async def test_documents_that_do_not_fit_are_not_put_together(listed: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edict_hub.services.admin.MAX_ANSWER", len(DOCUMENT))
    assert len((await listed.admin().Blobs(pb.BlobsRequest(digests=[DIGEST]))).blobs) == 1
    both = pb.BlobsRequest(digests=[DIGEST, digest_of(cluster("c1"))])
    assert "EDICT0413" in await refusal(listed.admin().Blobs(both))


async def test_clusters_are_asked_for_once_each_by_name_and_not_without_end(listed: Running) -> None:
    admin = listed.admin(Role.VIEWER)
    answer = await admin.Status(pb.StatusRequest(clusters=["c1"] * (MAX_ASKED + 1)))
    assert [status.name for status in answer.clusters] == ["c1"]
    for names in (["c1/../c2"], [f"c{number}" for number in range(MAX_ASKED + 1)]):
        assert "EDICT0411" in await refusal(admin.Status(pb.StatusRequest(clusters=names)))
        assert "EDICT0411" in await refusal(admin.WatchStatus(pb.StatusRequest(clusters=names)).read())


async def test_a_cluster_with_more_receipts_than_fit_costs_no_other_its_own(
    listed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edict_hub.services.admin.MAX_ANSWER", 10_000)
    for name, size in ((ClusterName("c1"), 9_900), (ClusterName("c2"), 500)):
        head = b'{"sequence":1,"base":1,"digest":""}'
        puts = [Put(keys.receipt(name, 1), b"x" * size), Put(keys.receipt_head(name), head)]
        await listed.store.commit([], puts)
    assert len((await listed.admin().Status(pb.StatusRequest(clusters=["c1"]))).clusters[0].receipts) == 1
    both = pb.StatusRequest(clusters=["c1", "c2"])
    watch = listed.admin().WatchStatus(both)
    async with asyncio.timeout(10):
        answers = [await listed.admin().Status(both), await watch.read()]
    watch.cancel()
    for answer in answers:
        assert [(status.name, len(status.receipts)) for status in answer.clusters] == [("c1", 0), ("c2", 1)]
