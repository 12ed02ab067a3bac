"""Old receipts leave etcd for the archive: never lost, never told twice, whatever ends in between."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.clock import SystemClock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.pki.names import Role
from edict.trust.audit.chain import Asked
from edict.trust.audit.history import Trusted
from edict.trust.audit.lines import End, MetadataLine, ReceiptLine
from edict.trust.audit.report import Report
from edict.trust.audit.verifier import Audit
from edict.trust.receipts import envelope_digest
from edict.trust.roles import ROOT, SNAPSHOT
from edict_hub import config as settings
from edict_hub.archive import Archive
from edict_hub.archiver import Archiver
from edict_hub.evidence import Evidence
from edict_hub.receipts import Outcome, Receipts
from edict_hub.server import Replica
from edict_hub.store import Delete, EtcdStore, Operation, Page, Put, Unchanged, keys
from tests.env import Etcd
from tests.integration.hub.hubs import Hub, Running, policy, replica, version
from tests.integration.hub.receipting import C1
from tests.unit.trust.exports import Reporter, inventory, rotated
from tests.unit.trust.federation import NOW, signer

pytestmark = pytest.mark.parts


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep eight, move four at a time, without pauses."""
    monkeypatch.setattr("edict_hub.receipts.KEPT", 8)
    monkeypatch.setattr("edict_hub.archiver.BATCH", 4)
    monkeypatch.setattr("edict_hub.archiver.BATCH_SECONDS", 0.0)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/archive"


class Kept:
    """A cluster's receipts, in etcd and in an archive."""

    def __init__(self, running: Running, url: str) -> None:
        self.running = running
        self.archive = Archive(url)
        self.agent = Reporter("c1")
        public = self.agent.key.public_key().public_bytes_raw().hex()
        self.receipts = Receipts(running.store, lambda _cluster: public, archived=True)
        self.archiver = self.archiver_on(running.store)

    def archiver_on(self, store: EtcdStore) -> Archiver:
        return Archiver(store, self.archive, SystemClock(), random.Random(1))

    async def say(self, count: int, *, bases: Sequence[int] = ()) -> None:
        for _ in range(count):
            sequence = len(self.agent.bodies) + 1
            self.agent.say(2, NOW, base=sequence in {1, *bases})
            sent = pb.Receipt(sequence=sequence, envelope=self.agent.envelopes[-1])
            assert await self.receipts.add(C1, sent) == (Outcome.STORED, sequence)

    async def in_etcd(self) -> list[int]:
        page = await self.running.store.range(keys.receipts(C1))
        return [int(item.key.rpartition("/")[2]) for item in page.items]

    async def told(self, after: int = 0, role: Role = Role.AUDITOR) -> list[pb.Receipt]:
        request = pb.ReceiptsRequest(cluster="c1", after_sequence=after)
        return [receipt async for receipt in self.running.admin(role).Receipts(request)]

    async def is_whole(self) -> bool:
        """Whether every receipt is told, once, in order, with its bytes."""
        return [receipt.envelope for receipt in await self.told()] == self.agent.envelopes


@pytest.fixture
async def kept(hub: Hub, etcd: Etcd, url: str) -> AsyncIterator[Kept]:
    async with replica(hub, etcd.endpoint, archive=url) as running:
        yield Kept(running, url)


async def test_old_receipts_move_and_the_chain_is_told_whole(kept: Kept, tmp_path: Path) -> None:
    await kept.say(30, bases=[20, 25])
    assert await kept.in_etcd() == list(range(1, 31)), "nothing goes while it is not archived"
    assert await kept.archiver.sweep() == 20
    assert await kept.in_etcd() == list(range(21, 31))
    assert await kept.is_whole()
    assert [receipt.sequence for receipt in await kept.told(after=18)] == list(range(19, 31))
    names = sorted(path.name for path in (tmp_path / "archive" / "c1").iterdir())
    assert [name[:41] for name in names] == [f"{first:020d}-{first + 3:020d}" for first in range(1, 21, 4)]
    assert await kept.archiver.sweep() == 0
    assert [item.sequence for item in await kept.receipts.tail(C1)] == list(range(25, 31))


async def test_what_readers_need_to_follow_the_chain_stays(kept: Kept) -> None:
    await kept.say(30)
    assert await kept.archiver.sweep() == 0
    assert await kept.in_etcd() == list(range(1, 31))


class Counting(EtcdStore):
    """An etcd that counts the receipts that are read."""

    read = 0

    async def range(self, prefix: str, *, start: str = "", values: bool = True, limit: int = 0) -> Page:
        page = await super().range(prefix, start=start, values=values, limit=limit)
        self.read += len(page.items) if values else 0
        return page


async def test_a_pass_without_anything_old_enough_reads_no_receipt(kept: Kept, etcd: Etcd) -> None:
    counting = Counting([etcd.endpoint], clock=SystemClock())
    archiver = kept.archiver_on(counting)
    await kept.say(30, bases=[28])
    assert await archiver.sweep() == 20
    moved, counting.read = counting.read, 0
    assert (moved, await archiver.sweep(), counting.read) == (20, 0, 0)
    await kept.say(4, bases=[32])
    assert (await archiver.sweep(), counting.read) == (4, 4)
    await counting.close()


async def test_an_object_ends_at_a_gap(kept: Kept) -> None:
    await kept.say(30, bases=[28])
    await kept.running.store.commit([], [Delete(keys.receipt(C1, 7))])
    await kept.archiver.sweep()
    spans = [(span.first, span.last) for span in await kept.archive.spans(C1)]
    assert spans[:3] == [(1, 4), (5, 6), (8, 11)]
    assert [receipt.sequence for receipt in await kept.told()] == [*range(1, 7), *range(8, 31)]


class Dying(EtcdStore):
    """An etcd that is away when something is to be deleted."""

    async def commit(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> int | None:
        if any(isinstance(operation, Delete) for operation in operations):
            raise HubError(401, "etcd is away")
        return await super().commit(conditions, operations)


async def test_an_end_between_writing_and_deleting_loses_and_repeats_nothing(kept: Kept, etcd: Etcd) -> None:
    await kept.say(30, bases=[28])
    dying = Dying([etcd.endpoint], clock=SystemClock())
    with pytest.raises(HubError):
        await kept.archiver_on(dying).sweep()
    await dying.close()
    assert [(span.first, span.last) for span in await kept.archive.spans(C1)] == [(1, 4)]
    assert await kept.in_etcd() == list(range(1, 31))
    assert await kept.is_whole()
    await kept.archiver.sweep()
    assert len([span for span in await kept.archive.spans(C1) if span.first == 1]) == 1
    assert await kept.is_whole()


@pytest.mark.parametrize("fault", ["_put", "_read"])
async def test_an_archive_that_fails_costs_no_receipt(kept: Kept, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError("no space")

    await kept.say(30, bases=[28])
    with monkeypatch.context() as patch:
        patch.setattr(Archive, fault, broken)
        with pytest.raises(HubError, match="EDICT0437"):
            await kept.archiver.sweep()
        assert await kept.in_etcd() == list(range(1, 31))
        await kept.say(1)
    assert await kept.archiver.sweep() > 0
    assert await kept.is_whole()


@pytest.mark.parametrize("error", [HubError(437, "away"), RuntimeError("nobody foresaw this")])
async def test_what_stands_in_the_archive_s_way_does_not_end_the_hub(
    kept: Kept, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def failing(_self: Archiver) -> int:
        raise error

    monkeypatch.setattr(Archiver, "sweep", failing)
    await kept.archiver._pass()
    assert "receipts wait for the archive" in capsys.readouterr().out


async def test_what_is_written_is_read_again_before_anything_is_deleted(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that loses what it was given costs nothing; without the second look it costs receipts."""
    await kept.say(30, bases=[28])
    monkeypatch.setattr("edict_hub.archive._write_durably", lambda path, _data: path.parent.mkdir(parents=True))
    with pytest.raises(HubError, match="EDICT0437"):
        await kept.archiver.sweep()
    assert await kept.is_whole()
    monkeypatch.setattr(Archive, "_put", lambda *_: None)
    await kept.archiver.sweep()
    assert not await kept.is_whole()


async def test_two_archivers_at_once_do_no_harm(kept: Kept, etcd: Etcd) -> None:
    await kept.say(60, bases=[50])
    other = EtcdStore([etcd.endpoint], clock=SystemClock())
    moved = await asyncio.gather(kept.archiver.sweep(), kept.archiver_on(other).sweep(), kept.say(1))
    await kept.archiver.sweep()
    await other.close()
    assert moved
    assert await kept.in_etcd() == list(range(49, 62))
    assert await kept.is_whole()


async def test_what_moves_while_it_is_read_is_told_once(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edict_hub.evidence.PAGE", 3)
    await kept.say(40, bases=[38])
    evidence = Evidence(kept.running.store, kept.running.replica.relay, kept.archive)
    told = []
    async for receipt in evidence.receipts(C1, 0):
        told.append(receipt.envelope)
        if receipt.sequence in {1, 9}:
            monkeypatch.setattr("edict_hub.archiver.BATCH", 5 if receipt.sequence == 1 else 3)
            assert await kept.archiver.sweep()
            await kept.say(8, bases=[len(kept.agent.bodies) + 7])
    assert told == kept.agent.envelopes


async def test_spans_that_overlap_are_told_once(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept.say(40, bases=[38])
    told = await kept.told()
    await kept.archive.put(C1, told[2:9])
    await kept.archive.put(C1, told[5:6])
    monkeypatch.setattr("edict_hub.archiver.BATCH", 7)
    await kept.archiver.sweep()
    assert await kept.is_whole()


def damage(path: Path) -> None:
    """Write other bytes, and lay things beside it that are no objects, or not what they are named."""
    path.write_bytes(b"{}\n")
    for name in ("nonsense", f"{9:020d}-{12:020d}-{'0' * 64}.jsonl", f"{1:020d}-{99:020d}-{'0' * 64}.jsonl"):
        path.with_name(name).write_bytes(b"x")


async def test_a_damaged_object_is_a_gap_and_the_rest_is_told(kept: Kept) -> None:
    await kept.say(30, bases=[28])
    await kept.archiver.sweep()
    spans = await kept.archive.spans(C1)
    damage(Path(spans[1].path))
    assert [receipt.sequence for receipt in await kept.told()] == [*range(1, 5), *range(9, 31)]


async def test_an_archive_of_another_kind(kept: Kept) -> None:
    """Not the local one: whatever fsspec has a driver for."""
    kept.archive = Archive("memory://receipts")
    await kept.say(30, bases=[28])
    assert await kept.archiver_on(kept.running.store).sweep() == 20
    spans = await kept.archive.spans(C1)
    read = [receipt.envelope for span in spans for receipt in await kept.archive.read(span, C1)]
    assert read == kept.agent.envelopes[:20]
    assert await kept.archive.spans(ClusterName("c2")) == []


@pytest.mark.parametrize("bad", ["/var/lib/receipts", "nonsense://x", "ftp://user:secret@host/x", "file:x"])
async def test_a_url_that_is_none_is_refused_at_start(hub: Hub, store: EtcdStore, bad: str) -> None:
    config = settings.load(hub.configure("http://127.0.0.1:1", archive=bad), {})
    with pytest.raises(HubError, match="EDICT0405") as caught:
        Replica(config, store, SystemClock(), random.Random(1))
    assert "secret" not in str(caught.value)


async def test_without_an_archive_the_hub_says_what_that_means(
    hub: Hub, etcd: Etcd, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    async with replica(hub, etcd.endpoint) as running:
        await running.admin().State(pb.StateRequest())
    assert capsys.readouterr().out.count("no archive is configured") == 1
    async with replica(hub, etcd.endpoint, archive=url) as running:
        await running.admin().State(pb.StateRequest())
    assert "no archive" not in capsys.readouterr().out
    assert settings.load(hub.folder / "hub.yaml", {}).archive == url


async def test_evidence_is_for_auditors(kept: Kept) -> None:
    await kept.say(2)
    with pytest.raises(grpc.aio.AioRpcError, match="EDICT0342"):
        await kept.told(role=Role.VIEWER)
    with pytest.raises(grpc.aio.AioRpcError, match="EDICT0342"):
        [item async for item in kept.running.admin(Role.VIEWER).History(pb.HistoryRequest())]
    assert len(await kept.told(role=Role.OPERATOR)) == 2
    with pytest.raises(grpc.aio.AioRpcError, match="EDICT0411"):
        [item async for item in kept.running.admin(Role.AUDITOR).Receipts(pb.ReceiptsRequest(cluster="../x"))]


async def history(running: Running) -> list[pb.Metadata]:
    return [item async for item in running.admin(Role.AUDITOR).History(pb.HistoryRequest())]


async def judged(kept: Kept, hub: Hub) -> Report:
    audit = Audit(Trusted.file(hub.authors.metadata[ROOT]), Asked())
    for item in await history(kept.running):
        audit.take(MetadataLine(item.role, item.version, item.content))
    for receipt in await kept.told():
        audit.take(ReceiptLine("c1", receipt.sequence, receipt.envelope))
    audit.take(End(0, ""))
    return audit.report()


async def test_the_history_is_every_release_in_order_each_file_once(kept: Kept, hub: Hub) -> None:
    admin = kept.running.admin()
    await admin.Publish(hub.request(inventory("c1", kept.agent.key), policy("deny")))
    await admin.Publish(hub.request(policy("deny", priority=11)))
    await admin.Publish(hub.request())
    told = await history(kept.running)
    assert told[0].role == ROOT
    assert [item.version for item in told if item.role == SNAPSHOT] == [2, 3, 4]
    assert len({(item.role, item.version) for item in told}) == len(told)
    await kept.say(30, bases=[20, 28])
    await kept.archiver.sweep()
    report = await judged(kept, hub)
    assert {finding.code for finding in report.findings} == {"EDICT0255"}, "of documents, which are asked for apart"
    assert (report.releases, report.clusters[0].verified) == (3, 30)
    assert report.clusters[0].head == envelope_digest(kept.agent.envelopes[-1])


async def test_the_history_has_every_root(kept: Kept, hub: Hub) -> None:
    first = hub.authors.metadata[ROOT]
    await kept.running.admin().Publish(hub.request(inventory("c1", kept.agent.key)))
    published = dict(hub.authors.metadata)
    rotated(hub.authors, snapshot=signer())
    hub.authors.put(policy("deny"))
    hub.authors.publish()
    changed = [
        pb.Metadata(role=role, version=version(content), content=content)
        for role, content in hub.authors.metadata.items()
        if published[role] != content
    ]
    blobs = [pb.Blob(digest=digest, content=content) for digest, content in hub.authors.blobs.items()]
    await kept.running.admin().Publish(pb.PublishRequest(metadata=changed, blobs=blobs))
    hub.authors.metadata[ROOT], newest = first, hub.authors.metadata[ROOT]
    assert [item.content for item in await history(kept.running) if item.role == ROOT] == [first, newest]
    await kept.say(2)
    report = await judged(kept, hub)
    assert (report.releases, {finding.code for finding in report.findings}) == (2, {"EDICT0255"})


async def test_what_a_publish_that_died_left_is_no_release(kept: Kept, hub: Hub) -> None:
    await kept.running.admin().Publish(hub.request(inventory("c1", Ed25519PrivateKey.generate())))
    request = hub.request(policy("deny"))
    (snapshot,) = (item for item in request.metadata if item.role == SNAPSHOT)
    await kept.running.store.commit([], [Put(keys.metadata(SNAPSHOT, snapshot.version), snapshot.content)])
    assert [item.version for item in await history(kept.running) if item.role == SNAPSHOT] == [2]


async def test_a_damaged_snapshot_is_told_as_it_is(kept: Kept, hub: Hub) -> None:
    await kept.running.admin().Publish(hub.request(inventory("c1", None)))
    await kept.running.admin().Publish(hub.request(policy("deny")))
    await kept.running.store.commit([], [Put(keys.metadata(SNAPSHOT, 2), b"damaged")])
    assert b"damaged" in [item.content for item in await history(kept.running) if item.role == SNAPSHOT]


def test_an_object_is_lines_of_an_export(tmp_path: Path) -> None:
    archive = Archive(f"file://{tmp_path}")
    span = asyncio.run(archive.put(C1, [pb.Receipt(sequence=7, envelope=b"{}")]))
    lines = [msgspec.json.decode(line) for line in io.BytesIO(Path(span.path).read_bytes())]
    assert lines == [{"kind": "receipt", "cluster": "c1", "sequence": 7, "content": "e30="}]
