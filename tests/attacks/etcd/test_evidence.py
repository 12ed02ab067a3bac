"""The owner of etcd turns to what clusters signed: a hub relays it, and `edict status` judges what comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust import verify
from edict.trust.receipts import PolicyReport, PolicyState, fingerprint
from edict.trust.state import Bundle, TrustState
from edict_cli import inventory, receipt_keys
from edict_cli.conformance import Seen
from edict_cli.evidence import evaluate
from edict_cli.receipt_keys import approval
from edict_cli.session import Session
from edict_cli.store.workspace import Workspace
from edict_cli.verbs import cluster_approve
from edict_hub.receipts import Head, Receipts
from edict_hub.store import Put, keys
from tests.attacks.etcd.stolen import C1, Stolen
from tests.attacks.harness import Off, attack
from tests.attacks.weak_reading import ANYHOW, NEVER_SAW, NO_SIGNATURE, READ_ONLY, THE_HUB_S_WORD
from tests.integration.hub.hubs import SNAPSHOT
from tests.unit.cli.authors import MemoryHub, founded, publish, put
from tests.unit.cli.authors import cluster as listed
from tests.unit.cli.reporting import ReportingCluster
from tests.unit.trust.federation import cluster

pytestmark = pytest.mark.parts
HEAD = keys.receipt_head(C1)


class Reported:
    """Cluster c1, whose receipts a hub keeps in the stolen etcd, and a reader of `edict status`."""

    def __init__(self, stolen: Stolen) -> None:
        self.stolen = stolen
        self.cluster = ReportingCluster(C1)
        self.state: TrustState | None = None
        self.seen: Seen | None = None

    async def reports(self, *verdicts: PolicyState) -> None:
        """Pin the cluster's key, and have it sign one receipt for each verdict about its one policy."""
        key = f"plugin: cilium, receiptKey: {{public: '{self.cluster.public}'}}".encode()
        await self.stolen.publish(cluster(C1, "{env: prod}").replace(b"plugin: cilium", key))
        authors = self.stolen.hub.authors
        bundle = Bundle(
            timestamp=await self.stolen.value(keys.TIMESTAMP),
            snapshot=authors.metadata[SNAPSHOT],
            targets=authors.targets,
        )
        self.state = verify.advance(authors.pinned(), bundle, now=authors.now)
        kept = Receipts(self.stolen.store, lambda _name: self.cluster.public)
        for verdict in verdicts:
            self.sign(self.cluster, verdict)
            await kept.add(C1, self.cluster.chain[-1])

    def sign(self, by: ReportingCluster, verdict: PolicyState) -> None:
        assert self.state is not None
        document = self.state.documents["policies/net/deny"].digest
        by.report(PolicyReport("net/deny", document, verdict), release=self.state.release, time=self.stolen.hub.now)

    async def write(self, chain: Sequence[pb.Receipt]) -> None:
        """Write receipts in the place of the cluster's, with a head that fits."""
        for sequence, receipt in enumerate(chain, 1):
            await self.stolen.store.commit([], [Put(keys.receipt(C1, sequence), receipt.envelope)])
        await self.stolen.put(HEAD, msgspec.json.encode(Head(sequence=len(chain), base=1, digest="")))

    async def read(self) -> bool:
        """Have a hub answer `edict status`; tell whether the cluster is called compliant."""
        assert self.state is not None
        async with self.stolen.serving() as running:
            answer = await running.admin().Status(pb.StatusRequest(clusters=[C1]))
        now = self.stolen.hub.now + timedelta(seconds=1)
        view, newest = evaluate(self.state, C1, answer.clusters[0], now=now, seen=self.seen)
        self.seen = newest or self.seen
        return view.state is PolicyState.COMPLIANT


@pytest.fixture
def c1(stolen: Stolen) -> Reported:
    return Reported(stolen)


async def test_the_positive_case_is_compliant(c1: Reported) -> None:
    await c1.reports(PolicyState.PENDING, PolicyState.COMPLIANT)
    assert await c1.read()


@attack("writes receipts of its own", without=[NO_SIGNATURE])
async def test_receipts_of_its_own(c1: Reported) -> bool:
    await c1.reports(PolicyState.DEGRADED)
    own = ReportingCluster(C1)
    c1.sign(own, PolicyState.COMPLIANT)
    await c1.write(own.chain)
    return await c1.read()


@attack("deletes a receipt between two others", without=[ANYHOW])
async def test_a_deleted_receipt(c1: Reported) -> bool:
    await c1.reports(PolicyState.COMPLIANT, PolicyState.DEGRADED, PolicyState.COMPLIANT)
    await c1.stolen.delete(keys.receipt(C1, 2))
    return await c1.read()


@attack("swaps two receipts", without=[ANYHOW])
async def test_two_receipts_swapped(c1: Reported) -> bool:
    await c1.reports(PolicyState.PENDING, PolicyState.COMPLIANT, PolicyState.DEGRADED)
    first, second, third = c1.cluster.chain
    await c1.write([first, third, second])
    return await c1.read()


@attack("moves the head of a chain back, after it was read", without=[NEVER_SAW])
async def test_a_head_moved_back(c1: Reported) -> bool:
    await c1.reports(PolicyState.COMPLIANT, PolicyState.DEGRADED)
    assert not await c1.read()
    await c1.write(c1.cluster.chain[:1])
    return await c1.read()


@attack("moves the base of a chain, so that it begins where it likes", without=[ANYHOW])
async def test_a_base_moved(c1: Reported) -> bool:
    await c1.reports(PolicyState.DEGRADED, PolicyState.COMPLIANT)
    await c1.stolen.put(HEAD, msgspec.json.encode(Head(sequence=2, base=2, digest="")))
    return await c1.read()


@attack("copies another cluster's receipts", without=[READ_ONLY])
async def test_another_cluster_s_receipts(c1: Reported) -> bool:
    await c1.reports(PolicyState.DEGRADED)
    other = ReportingCluster("c2")
    c1.sign(other, PolicyState.COMPLIANT)
    await c1.write(other.chain)
    return await c1.read()


@attack("forges a status in which everything is applied", without=[THE_HUB_S_WORD])
async def test_a_forged_status(c1: Reported) -> bool:
    await c1.reports()
    assert c1.state is not None
    release = c1.state.release
    digest = c1.state.documents["policies/net/deny"].digest
    ack = pb.Ack(release=release, stage=pb.ACK_STAGE_ACCEPTED, accepted="yes", error=digest)
    said = pb.ClusterStatus(name=C1, acked_applied=release, acked_accepted=release, last_ack=ack)
    said.last_seen_unix = int(c1.stolen.hub.now.timestamp())
    await c1.stolen.put(keys.status(C1), said.SerializeToString())
    return await c1.read()


class ForgedStatus(MemoryHub):
    """A hub that reads one cluster's status from the stolen etcd."""

    said = pb.ClusterStatus()

    def status(self, clusters: Sequence[str] = ()) -> pb.StatusResponse:
        del clusters
        return pb.StatusResponse(clusters=[self.said])


AGENT = Ed25519PrivateKey.from_private_bytes(b"a" * 32).public_key().public_bytes_raw()
THIEF = b"t" * 32


def _approving(folder: Path, pinned: bytes = b"") -> tuple[Workspace, ForgedStatus]:
    """An author whose inventory has a cluster, and a hub whose etcd says that it has the thief's key."""
    workspace = founded(folder / "edict")
    hub = ForgedStatus(workspace)
    put(workspace, inventory_fra1=listed("fra1", pinned.hex()))
    publish(workspace, hub)
    hub.said = pb.ClusterStatus(name="fra1", pending_receipt_key=THIEF, receipt_endorsement=b"e" * 64)
    return workspace, hub


@attack(
    "puts its own key in the place of the one that a cluster enrolled with",
    without=[Off(cluster_approve, "_decide", lambda *_, **__: None)],
)
def test_a_pending_receipt_key_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The author gives the fingerprint that the agent printed in its own log."""
    workspace, hub = _approving(tmp_path)
    monkeypatch.setattr(cluster_approve, "HubClient", lambda _workspace: hub)
    session = Session(workspace.folder, clock=workspace.session.clock)
    arguments = ["fra1", "--fingerprint", fingerprint(AGENT)]
    CliRunner().invoke(cluster_approve.approve, arguments, obj=session)
    document = inventory.present(Workspace(session), hub, ClusterName("fra1"))
    assert document is not None
    return inventory.pinned_key(document) == THIEF.hex()


@attack(
    "says that the pinned key endorses its own",
    without=[Off(receipt_keys, "endorsed", lambda *_: True)],
)
def test_a_forged_endorsement(tmp_path: Path) -> bool:
    workspace, hub = _approving(tmp_path, AGENT)
    found: Any = approval(workspace, hub, ClusterName("fra1"))[1]
    return bool(found.endorsed)
